"""Free texts that people type and other people read: descriptions, names and colours."""

import re
import unicodedata
from typing import Final

from pix.scheme.errors import SchemeError

DESCRIPTION_LENGTH_MAX: Final = 140
"""The scheme's limit for the text that goes with a transfer (`remittanceInformation`), in characters."""

BANK_NAME_LENGTH_MAX: Final = 40

_COLOR = re.compile(r"#[0-9a-fA-F]{6}")

# Control characters, lone surrogates (no database stores them), and line and paragraph separators.
_CATEGORIES_REFUSED: Final = frozenset({"Cc", "Cs", "Zl", "Zp"})
# They reorder the text around them, with which a name or description can be made to read as another.
_DIRECTION_MARKS: Final = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def check_plain_text(text: str, field: str) -> str:
    """Return the text as it is, if it holds nothing invisible that misleads.

    Refused are control characters, line breaks, lone surrogates, and marks of direction. Raises SchemeError(field).
    """
    # Most texts are printable ASCII; they need no look at every character's category.
    if not (text.isascii() and text.isprintable()):
        for character in text:
            if unicodedata.category(character) in _CATEGORIES_REFUSED or character in _DIRECTION_MARKS:
                raise SchemeError(field, "Line breaks and control characters are not allowed.")
    return text


def check_line(text: str, field: str, length_min: int, length_max: int) -> str:
    """Return one line of text: composed (NFC), trimmed, with inner spaces collapsed to one.

    Lengths are in characters of the returned text. Raises SchemeError(field).
    """
    # Composing cannot shorten a text to less than a third: this bounds the work on hostile input.
    if len(text) > 8 * (length_max + 8):
        raise SchemeError(field, f"At most {length_max} characters are allowed.")
    # Trimmed first: a line break at the end comes with much that is pasted, and means nothing.
    plain = check_plain_text(text.strip(), field)
    line = " ".join(unicodedata.normalize("NFC", plain).split())
    if len(line) < length_min:
        raise SchemeError(field, "A value is required.")
    if len(line) > length_max:
        raise SchemeError(field, f"At most {length_max} characters are allowed.")
    return line


def check_description(text: str) -> str:
    """Return the description of a transfer: one trimmed line of 0 to 140 characters.

    Raises SchemeError(field="description").
    """
    return check_line(text, "description", 0, DESCRIPTION_LENGTH_MAX)


def check_bank_name(text: str) -> str:
    """Return the name of a bank: one trimmed line of 1 to 40 characters. Raises SchemeError(field="bank_name")."""
    return check_line(text, "bank_name", 1, BANK_NAME_LENGTH_MAX)


def check_color(text: str) -> str:
    """Return a colour as `#rrggbb` in lower case. Raises SchemeError(field="color")."""
    if _COLOR.fullmatch(text) is None:
        raise SchemeError("color", "A color is # and six hexadecimal digits, such as #0a7cff.")
    return text.lower()
