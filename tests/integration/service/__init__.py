"""The shared plumbing on a real broker."""
