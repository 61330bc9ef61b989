"""The hub's use cases, one module per verb, and the ports that they need."""
