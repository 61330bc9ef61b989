"""The history of the bank's schema."""
