"""The bank's use cases, a module per verb, and the ports that they need."""
