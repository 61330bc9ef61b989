"""Free texts that people type and other people read: descriptions, names and colours.

A text may hold what can be seen. Characters that Unicode lets a font leave out (Default_Ignorable_Code_Point) and
format characters (Cf) are refused, except where a script or an emoji needs one: docs/decisions/0020 has the reasons.
"""

import re
import unicodedata
from typing import Final

import regex  # type: ignore[import-untyped]

from pix.scheme.errors import SchemeError

DESCRIPTION_LENGTH_MAX: Final = 140
"""The scheme's limit for the text that goes with a transfer (`remittanceInformation`), in characters."""

BANK_NAME_LENGTH_MAX: Final = 40
WEB_ADDRESS_LENGTH_MAX: Final = 200

_COLOR = re.compile(r"#[0-9a-fA-F]{6}")
_WEB_ADDRESS = re.compile(
    r"https?://(?:[0-9A-Za-z](?:[0-9A-Za-z._-]*[0-9A-Za-z])?|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?"
    r"(?:/[0-9A-Za-z._~!$&'()*+,;=:@%/-]*)?"
)

# Printable ASCII and the Latin letters of Europe without the soft hyphen: most texts need no look at every property.
_ORDINARY: Final = re.compile("[ -~\u00a1-\u00ac\u00ae-\u0233]*")
# Joiners between letters follow RFC 5892 (appendix A.1, A.2: after a virama, or within a cursive script); selectors and
# joiners of emoji follow UTS #51. Each alternative takes the letter or emoji along that makes the character legitimate.
_NEEDED_IN_CONTEXT: Final = regex.compile(
    r"""
      (?<=\p{ccc=9}) [\u200C\u200D]
    | (?<=[\p{Joining_Type=L}\p{Joining_Type=D}]\p{Joining_Type=T}*+) [\u200C\u200D]
      (?=\p{Joining_Type=T}*+[\p{Joining_Type=R}\p{Joining_Type=D}])
    | (?<=[\p{Extended_Pictographic}\p{Emoji_Modifier}]\uFE0F?) \u200D (?=\p{Extended_Pictographic})
    | (?<=\p{Emoji}) [\uFE0E\uFE0F]
    | (?<=\p{Unified_Ideograph}) [\uFE00-\uFE02\U000E0100-\U000E01EF]
    | (?<=\p{Script=Mongolian}) [\u180B-\u180D\u180F]
    | \U0001F3F4 \U000E0067\U000E0062
      (?:\U000E0065\U000E006E\U000E0067|\U000E0073\U000E0063\U000E0074|\U000E0077\U000E006C\U000E0073) \U000E007F
    | \p{Prepended_Concatenation_Mark}
    """,
    regex.VERBOSE,
)
"""England's, Scotland's and Wales's flags are the only sequences of tag letters that Unicode recommends."""

_MISLEADING: Final = regex.compile(r"[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]")
"""Control and format characters (marks of direction among them), lone surrogates, line separators, fillers, tags."""

_VISIBLE: Final = regex.compile(r"[^\s\p{M}\p{C}\p{Z}\p{Default_Ignorable_Code_Point}\u2800\U0001D159]")
"""Anything but spaces, marks that need a letter, and the two symbols that are drawn as nothing."""


def check_plain_text(text: str, field: str) -> str:
    """Return the text as it is, if it holds nothing invisible that misleads.

    Refused are control and format characters, line breaks, lone surrogates, marks of direction, and what fonts leave
    out, unless a script or an emoji needs it where it stands. Raises SchemeError(field).
    """
    if (
        _ORDINARY.fullmatch(text) is None
        and _MISLEADING.search(text) is not None
        and _MISLEADING.search(_NEEDED_IN_CONTEXT.sub("", text)) is not None
    ):
        raise SchemeError(field, "Line breaks, control characters and invisible characters are not allowed.")
    return text


def check_line(text: str, field: str, length_min: int, length_max: int) -> str:
    """Return one line of text: composed (NFC), trimmed, with inner spaces collapsed to one.

    Lengths are in characters of the returned text. A line that is not empty holds something visible. Raises
    SchemeError(field).
    """
    # Composing cannot shorten a text to less than a third: this bounds the work on hostile input.
    if len(text) > 8 * (length_max + 8):
        raise SchemeError(field, f"At most {length_max} characters are allowed.")
    # Trimmed first: a line break at the end comes with much that is pasted, and means nothing.
    plain = check_plain_text(unicodedata.normalize("NFC", text.strip()), field)
    line = " ".join(plain.split())
    if len(line) < length_min:
        raise SchemeError(field, "A value is required.")
    if len(line) > length_max:
        raise SchemeError(field, f"At most {length_max} characters are allowed.")
    if line and not line.isascii() and _VISIBLE.search(line) is None:
        raise SchemeError(field, "Enter at least one visible character.")
    return line


def check_stored_line(text: str, field: str, length_min: int, length_max: int) -> str:
    """Return the line if it is as `check_line` returns it: what a participant sends is not changed on its way.

    Raises SchemeError(field).
    """
    if (
        length_min <= len(text) <= length_max
        and _ORDINARY.fullmatch(text) is not None
        and unicodedata.is_normalized("NFC", text)
        and "  " not in text
        and text == text.strip()
    ):
        # The same as below, at a third of the cost: whatever is ordinary and no space can be seen.
        return text
    if check_line(text, field, length_min, length_max) != text:
        raise SchemeError(field, "The text must be composed (NFC), with single spaces and none at its ends.")
    return text


def check_description(text: str) -> str:
    """Return the description of a transfer: one trimmed line of 0 to 140 characters.

    Raises SchemeError(field="description").
    """
    return check_line(text, "description", 0, DESCRIPTION_LENGTH_MAX)


def check_stored_description(text: str) -> str:
    """Return the description if it is in stored form. Raises SchemeError(field="description")."""
    return check_stored_line(text, "description", 0, DESCRIPTION_LENGTH_MAX)


def check_bank_name(text: str, field: str = "bank_name") -> str:
    """Return the name of a bank: one trimmed line of 1 to 40 characters. Raises SchemeError(field)."""
    return check_line(text, field, 1, BANK_NAME_LENGTH_MAX)


def check_site_address(text: str, field: str) -> str:
    """Return the address at which people reach a site: http or https, a host, perhaps a port and a path.

    At most 200 characters of ASCII; no user name, which could make an address read as another. Raises
    SchemeError(field).
    """
    if len(text) > WEB_ADDRESS_LENGTH_MAX:
        raise SchemeError(field, f"must have at most {WEB_ADDRESS_LENGTH_MAX} characters")
    if _WEB_ADDRESS.fullmatch(text) is None:
        raise SchemeError(field, "must start with http:// or https:// and a host, and have no spaces")
    return text


def check_color(text: str) -> str:
    """Return a colour as `#rrggbb` in lower case. Raises SchemeError(field="color")."""
    if _COLOR.fullmatch(text) is None:
        raise SchemeError("color", "A color is # and six hexadecimal digits, such as #0a7cff.")
    return text.lower()
