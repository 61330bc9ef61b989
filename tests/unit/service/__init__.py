"""The plumbing that hub and banks share, without a broker or a database."""
