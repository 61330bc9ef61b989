"""Reads a running network over its public interfaces, and audits what it read."""
