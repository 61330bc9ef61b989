"""Credentials with which a merchant's programs use the API Pix."""
