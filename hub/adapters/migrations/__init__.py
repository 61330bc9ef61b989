"""The hub's schema, revision by revision."""
