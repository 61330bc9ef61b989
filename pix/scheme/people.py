"""Who holds accounts: people and companies, their tax ids (CPF and CNPJ) and names."""

import re
from enum import StrEnum
from functools import lru_cache
from typing import Final

from stdnum.br import cnpj, cpf

from pix.scheme.errors import SchemeError
from pix.scheme.texts import check_line, check_stored_line

PERSON_NAME_LENGTH_MAX: Final = 80
TAX_IDS_MASKED_MAX: Final = 10_000
"""Kept with their masks, which every message with a party has; to check the digits takes a sixth of a payment."""

_TAX_ID_TEXT_LENGTH_MAX: Final = 40
_CPF = re.compile(r"[0-9]{11}")
_CNPJ = re.compile(r"[0-9A-Z]{12}[0-9]{2}")
_MASKED = re.compile(r"\*{3}\.[0-9]{3}\.[0-9]{3}-\*{2}|\*{2}\.[0-9A-Z]{3}\.[0-9A-Z]{3}/[0-9A-Z]{4}-\*{2}")
# What people put between the digits, and what word processors turn a hyphen or a space into.
_PUNCTUATION: Final = str.maketrans(dict.fromkeys(" .-/\u00a0\u2010\u2011\u2012\u2013\u2014\u2212"))


class HolderKind(StrEnum):
    """Whether an account is held by a person (CPF) or a company (CNPJ)."""

    PERSON = "PERSON"
    COMPANY = "COMPANY"


def check_cpf(text: str, field: str = "tax_id") -> str:
    """Return a CPF as 11 digits; punctuation and spaces are dropped.

    Rule of the Receita Federal: two mod-11 check digits, and not eleven equal digits. Raises SchemeError(field).
    """
    digits = _drop_punctuation(text, field)
    if _CPF.fullmatch(digits) is None:
        raise SchemeError(field, "A CPF has exactly 11 digits.")
    if digits == digits[0] * 11:
        raise SchemeError(field, "That isn't a valid CPF.")
    if not cpf.is_valid(digits):
        raise SchemeError(field, "CPF check digits do not match.")
    return digits


def check_cnpj(text: str, field: str = "tax_id") -> str:
    """Return a CNPJ as 12 digits or capital letters and 2 check digits; punctuation and spaces are dropped.

    Rule of the Receita Federal, alphanumeric since 2026: mod 11, a character's value is its ASCII code less 48.
    Raises SchemeError(field).
    """
    characters = _drop_punctuation(text, field).upper()
    if _CNPJ.fullmatch(characters) is None:
        raise SchemeError(field, "A CNPJ has exactly 12 digits or letters and 2 check digits.")
    if not cnpj.is_valid(characters):
        raise SchemeError(field, "CNPJ check digits do not match.")
    return characters


def check_tax_id(text: str) -> tuple[HolderKind, str]:
    """Return the kind of holder and the tax id in stored form: a CPF for a person, a CNPJ for a company.

    Raises SchemeError(field="tax_id").
    """
    length = len(_drop_punctuation(text, "tax_id"))
    if length == 11:
        return HolderKind.PERSON, check_cpf(text)
    if length == 14:
        return HolderKind.COMPANY, check_cnpj(text)
    raise SchemeError("tax_id", "Enter a CPF (11 digits) or a CNPJ (14 characters).")


def format_tax_id(tax_id: str) -> str:
    """Write a tax id with its punctuation: `529.982.247-25` or `12.ABC.345/01DE-35`.

    Raises SchemeError(field="tax_id").
    """
    kind, stored = check_tax_id(tax_id)
    if kind is HolderKind.PERSON:
        return f"{stored[:3]}.{stored[3:6]}.{stored[6:9]}-{stored[9:]}"
    return f"{stored[:2]}.{stored[2:5]}.{stored[5:8]}/{stored[8:12]}-{stored[12:]}"


@lru_cache(maxsize=TAX_IDS_MASKED_MAX)
def mask_tax_id(tax_id: str) -> str:
    """Write a tax id as others may see it: `***.982.247-**` or `**.ABC.345/01DE-**`.

    The scheme shows a payer the middle of the payee's CPF alone; a CNPJ is masked in the same spirit.
    Raises SchemeError(field="tax_id").
    """
    formatted = format_tax_id(tax_id)
    hidden = formatted.index(".")
    return "*" * hidden + formatted[hidden:-2] + "**"


def check_masked_tax_id(text: str, field: str = "tax_id_masked") -> str:
    """Return a tax id as `mask_tax_id` writes it. Raises SchemeError(field)."""
    if _MASKED.fullmatch(text) is None:
        raise SchemeError(field, "A masked tax id is written ***.982.247-** or **.ABC.345/01DE-**.")
    return text


def holder_kind_of_masked(text: str) -> HolderKind:
    """Return whose tax id this is, as `mask_tax_id` writes it: a CPF begins with three asterisks, a CNPJ with two."""
    return HolderKind.PERSON if text.startswith("***") else HolderKind.COMPANY


def check_person_name(text: str, field: str = "name") -> str:
    """Return the name of a person or company: one trimmed line of 1 to 80 characters.

    Raises SchemeError(field).
    """
    return check_line(text, field, 1, PERSON_NAME_LENGTH_MAX)


def check_stored_person_name(text: str) -> str:
    """Return the name if it is as `check_person_name` returns it. Raises SchemeError(field="name")."""
    return check_stored_line(text, "name", 1, PERSON_NAME_LENGTH_MAX)


def _drop_punctuation(text: str, field: str) -> str:
    if len(text) > _TAX_ID_TEXT_LENGTH_MAX:
        raise SchemeError(field, "The number is too long.")
    characters = text.strip().translate(_PUNCTUATION)
    # Before any change of case: some letters of other alphabets would become A-Z by it.
    if not characters.isascii():
        raise SchemeError(field, "Use only the digits 0-9 and the letters A-Z.")
    return characters
