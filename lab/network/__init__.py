"""Starts a whole network on this machine: parts, services, the supervisor of both, certificates."""
