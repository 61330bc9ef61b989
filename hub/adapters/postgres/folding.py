"""`pix.scheme.searching.fold` as an expression of SQL, for Latin letters that are one letter when folded."""

from __future__ import annotations

from typing import Final

from pix.scheme.searching import fold

_FIRST, _LAST = 0xC0, 0x17F
"""Latin-1 Supplement and Latin Extended-A: every letter that names in Portuguese and its neighbours have."""
_FOLDED: Final = {letter: fold(letter) for letter in map(chr, range(_FIRST, _LAST + 1))}
_ACCENTED: Final = {letter: plain for letter, plain in _FOLDED.items() if len(plain) == 1 and plain != letter}
_FROM: Final = "".join(_ACCENTED)
_TO: Final = "".join(_ACCENTED.values())


def folded(expression: str) -> str:
    """The expression's text, folded. In a database with the locale C `lower` changes ASCII alone."""
    return f"translate(lower({expression}), '{_FROM}', '{_TO}')"
