"""Plumbing of pages and REST that the bank and the hub share: templates, languages, sessions, forms, errors, events."""
