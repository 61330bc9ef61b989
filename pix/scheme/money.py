"""Money is an integer number of centavos; this module checks it, and reads and writes it for people."""

import re
from typing import Final

from pix.scheme.errors import SchemeError

AMOUNT_CENTAVOS_MAX: Final = 99_999_999_999
"""The largest single amount: R$ 999,999,999.99.

Written with a point it takes 12 of the 13 characters that EMV gives an amount (tag 54), it is exact in a JSON number
(below 2**53), and 92 million of the largest still add up inside a 64-bit column of the database.
"""

_AMOUNT_TEXT_LENGTH_MAX: Final = 40
_CURRENCY = re.compile(r"\A[Rr]\$")
_GROUPED = re.compile(r"([1-9][0-9]{0,2}(?:\.[0-9]{3})+)(?:,([0-9]{1,2}))?")
_WITH_COMMA = re.compile(r"([0-9]+)(?:,([0-9]{1,2}))?")
_WITH_POINT = re.compile(r"([0-9]+)\.([0-9]{1,2})")


def check_amount(amount_centavos: int, field: str = "amount_centavos") -> int:
    """Return the amount, in centavos, if it can be transferred: 1 to `AMOUNT_CENTAVOS_MAX`.

    Raises SchemeError(field) for anything else, also for a bool, a float or a text.
    """
    if type(amount_centavos) is not int:
        raise SchemeError(field, "The amount must be a whole number of centavos.")
    if amount_centavos <= 0:
        raise SchemeError(field, "The amount must be more than zero.")
    if amount_centavos > AMOUNT_CENTAVOS_MAX:
        raise SchemeError(field, f"The amount must be at most {format_brl(AMOUNT_CENTAVOS_MAX)}.")
    return amount_centavos


def format_brl(amount_centavos: int) -> str:
    """Write centavos as Brazilians do: 123456 is "R$ 1.234,56", -100 is "-R$ 1,00". Takes any integer."""
    reais, centavos = divmod(abs(amount_centavos), 100)
    sign = "-" if amount_centavos < 0 else ""
    grouped = f"{reais:,}".replace(",", ".")
    return f"{sign}R$ {grouped},{centavos:02d}"


def parse_brl(text: str) -> int:
    """Read an amount that a person typed, and return centavos, 0 to `AMOUNT_CENTAVOS_MAX`.

    A comma is the decimal mark: "1.234,56", "R$ 1.234,56", "1234,5", "1234". Points separate groups of three digits
    ("1.234" is R$ 1.234,00), unless one or two digits follow a single point and there is no comma ("12.50"). Whatever
    could be read in two ways is refused ("1,234", "0.500", "1,234.56"), as are the negative, the empty and the rest.
    Zero is readable; `check_amount` decides whether it may be transferred.

    Raises SchemeError(field="amount").
    """
    if len(text) > _AMOUNT_TEXT_LENGTH_MAX:
        raise SchemeError("amount", "The amount is too long.")
    number = _CURRENCY.sub("", text.strip()).strip()
    if not number:
        raise SchemeError("amount", "Enter an amount.")
    if number.startswith(("-", "\N{MINUS SIGN}")):
        raise SchemeError("amount", "The amount cannot be negative.")
    match = _GROUPED.fullmatch(number) or _WITH_COMMA.fullmatch(number) or _WITH_POINT.fullmatch(number)
    if match is None:
        raise SchemeError("amount", "Write the amount in reais and centavos, such as 1.234,56.")
    reais = int(match[1].replace(".", ""))
    centavos = int((match[2] or "").ljust(2, "0"))
    amount_centavos = reais * 100 + centavos
    if amount_centavos > AMOUNT_CENTAVOS_MAX:
        raise SchemeError("amount", f"The amount must be at most {format_brl(AMOUNT_CENTAVOS_MAX)}.")
    return amount_centavos
