"""Trials of a cluster: faults of hosts and links under traffic, recovery times, and the audit of the money."""
