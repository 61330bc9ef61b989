"""The error for settings that are missing or wrong."""

from __future__ import annotations


class SettingsError(Exception):
    """A setting is missing or wrong; the text names the variable and the rule, a line each."""
