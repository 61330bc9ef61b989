"""Finding keys by what people type: a whole key or its beginning, as pages show it or as it is stored. Pure."""

from __future__ import annotations

from typing import Final

_PUNCTUATION: Final = str.maketrans(dict.fromkeys(" ()./-\u00a0\u2010\u2011\u2012\u2013\u2014\u2212"))
_BRAZIL: Final = "55"


def key_beginnings(text: str) -> tuple[str, ...]:
    """What the stored form of a key may begin with when somebody types this; none begins with another.

    "529.982" is the beginning of a CPF or CNPJ, "(11) 98765" of a phone, and bare digits may be of both. What has no
    digits or letters alone is looked for as it is, in lower case, as e-mail addresses and random keys are stored.
    """
    text = text.strip()
    if not text:
        return ()
    bare = text.translate(_PUNCTUATION)
    number = bare.removeprefix("+")
    found = {text.lower()}
    if number.isascii() and number.isdigit():
        if bare.startswith("+"):
            found = {bare}
        else:
            found = {f"+{_BRAZIL}{number}"}
            if number.startswith(_BRAZIL):
                found.add(f"+{number}")
            if "(" not in text:
                found |= {number, text.lower()}
    elif bare.isascii() and bare.isalnum():
        # A CNPJ has letters too.
        found.add(bare.upper())
    return tuple(sorted(each for each in found if not any(each != other and each.startswith(other) for other in found)))
