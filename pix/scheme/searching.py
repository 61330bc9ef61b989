"""Search as people do it: without accents and case."""

from __future__ import annotations

import unicodedata


def fold(text: str) -> str:
    """The text without accents and in lower case: `K\u00e1tia` and `KATIA` are both `katia`."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(character for character in decomposed if not unicodedata.combining(character)).casefold()
