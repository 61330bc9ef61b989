"""The bank's rules: pure functions and values, without clock, database or broker."""
