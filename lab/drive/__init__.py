"""Brings customers, payments and forgeries to a running network."""
