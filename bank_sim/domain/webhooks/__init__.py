"""Webhooks: what a merchant is told of the money that came in."""
