"""Marks texts for translation that are written in one module and shown by another."""

from __future__ import annotations


def translatable(text: str) -> str:
    """The text as it is. Where a page shows it, it is translated; `{}` in it are filled in afterwards."""
    return text
