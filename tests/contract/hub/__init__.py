"""What the hub's use cases expect of a store, asked of every store."""
