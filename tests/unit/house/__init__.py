"""Tests of the house's own rules: what the tools of a language check, these do not."""
