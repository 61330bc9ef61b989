"""What the shared plumbing expects of its adapters, asked of every adapter."""
