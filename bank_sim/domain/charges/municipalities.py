"""The codes of Brazil's municipalities (`codMun`). Source: IBGE's table of codes."""

from __future__ import annotations

from typing import Final

_STATES: Final = frozenset(
    # North, Northeast, Southeast, South, Centre-West.
    (*range(11, 18), *range(21, 30), *range(31, 34), 35, *range(41, 44), *range(50, 54))
)

_WITHOUT_CHECK_DIGIT: Final = frozenset(
    {
        "2201919",
        "2201988",
        "2202251",
        "2611533",
        "3117836",
        "3152131",
        "4305871",
        "5203939",
        "5203962",
    }
)
"""Nine codes that IBGE gave out with another last digit than its own rule demands."""


def is_municipality_code(text: str) -> bool:
    """Whether the text is seven digits, of a state that exists, with the right check digit.

    The check digit makes the sum a multiple of ten: digits in even places count twice, as the sum of their digits.
    Whether a municipality has the code is not known here.
    """
    if len(text) != 7 or not text.isascii() or not text.isdigit() or int(text[:2]) not in _STATES:
        return False
    total = sum(sum(divmod(int(digit) * (1 + place % 2), 10)) for place, digit in enumerate(text[:6]))
    return (total + int(text[6])) % 10 == 0 or text in _WITHOUT_CHECK_DIGIT
