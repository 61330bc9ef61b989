"""The hub on a real PostgreSQL, through each of its transports."""
