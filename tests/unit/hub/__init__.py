"""The hub's decisions, without any I/O."""
