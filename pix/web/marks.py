"""A mark for texts that are written in one place and shown in another: so the catalogue has them all."""

from __future__ import annotations


def translatable(text: str) -> str:
    """The text as it is. Where a page shows it, it is translated; `{}` in it are filled in afterwards."""
    return text
