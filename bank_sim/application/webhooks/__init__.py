"""Webhooks of the API Pix: a merchant is told of receipts and returns."""
