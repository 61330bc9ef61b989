"""Pix keys: their five kinds, and two readers.

`normalize_key` and `recognize_key` are lenient: they read what people type. `parse_stored_key` is strict: it reads what
machines carry, where a key stands exactly as the directory stores it. Source of the rules: the Central Bank's
specification of the directory of keys (DICT), whose patterns exclude each other.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from pix.scheme.errors import SchemeError
from pix.scheme.people import HolderKind, check_cnpj, check_cpf

KEY_LENGTH_MAX: Final = 77
"""The longest key in stored form, in characters."""

KEYS_PER_PERSON_ACCOUNT: Final = 5
KEYS_PER_COMPANY_ACCOUNT: Final = 20

_KEY_TEXT_LENGTH_MAX: Final = 2 * KEY_LENGTH_MAX

# The directory's pattern: the HTML standard's "valid e-mail address" in lower case, without the percent sign.
_EMAIL = re.compile(
    r"[a-z0-9.!#$&'*+/=?^_`{|}~-]+@[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*",
)
# A UUID of any version: the directory's own example is of version 1.
_EVP = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_CPF = re.compile(r"[0-9]{11}")
_CNPJ = re.compile(r"[0-9A-Z]{12}[0-9]{2}")
_PHONE = re.compile(r"\+[1-9][0-9][0-9]{1,14}")
_PHONE_IN_BRAZIL = re.compile(r"\+55[1-9][0-9][0-9]{8,9}")
_DIGITS = re.compile(r"[0-9]+")
_PHONE_PUNCTUATION: Final = str.maketrans(dict.fromkeys(" ().-\u00a0\u2010\u2011\u2012\u2013\u2014\u2212"))

_TYPED_PUNCTUATION: Final = {**_PHONE_PUNCTUATION, ord("/"): None}

# Without its country code a number is a guess, so it must be one that Anatel gives out: an area code in use, and then
# nine digits from 9 on (mobile) or eight from 2 to 5 on (landline).
_PHONE_IN_BRAZIL_WITHOUT_COUNTRY = re.compile(
    r"(?:1[1-9]|2[12478]|3[1-578]|4[1-9]|5[1345]|6[1-9]|7[134579]|8[1-9]|9[1-9])(?:9[0-9]{8}|[2-5][0-9]{7})",
)


class KeyKind(StrEnum):
    """The five kinds of Pix key. EVP is the random key (*endereço virtual de pagamento*)."""

    CPF = "CPF"
    CNPJ = "CNPJ"
    PHONE = "PHONE"
    EMAIL = "EMAIL"
    EVP = "EVP"


# Not frozen, as a value object is not, and for its reason; it also has an order.
@dataclass(slots=True, order=True, unsafe_hash=True)
class PixKey:
    """A key in stored form.

    `normalize_key` makes it from what people type, `parse_stored_key` from what machines carry, and a row of the
    database makes it as it is.
    """

    kind: KeyKind
    key: str

    def __str__(self) -> str:
        return self.key


def normalize_key(kind: KeyKind, text: str) -> PixKey:
    """Return the key in stored form; normalising twice changes nothing.

    CPF, CNPJ and phone lose their punctuation, e-mail and EVP become lower case, and a Brazilian phone number gains
    the country code that it lacks: "(11) 98765-4321" is `+5511987654321`.

    Raises SchemeError(field="key").
    """
    stripped = text.strip()
    if not stripped:
        raise SchemeError("key", "Enter a key.")
    if len(stripped) > _KEY_TEXT_LENGTH_MAX:
        raise SchemeError("key", f"A key has at most {KEY_LENGTH_MAX} characters.")
    return PixKey(kind, _NORMALIZE[kind](stripped))


def recognize_key(text: str) -> tuple[KeyKind, ...]:
    """Return the kinds of which the text, as typed, is a valid key, in the order of `KeyKind`; none if it is no key.

    Eleven bare digits may be a CPF and a phone number at once: then both come, and the person must say which.
    """
    return tuple(kind for kind in KeyKind if is_valid_key(kind, text))


def explain_no_key(text: str) -> SchemeError:
    """Return why a typed text is a key of no kind: the broken rule of the kind that it resembles.

    For texts for which `recognize_key` returns nothing. The error's field is "key".
    """
    stripped = text.strip()
    resembled = None if stripped else KeyKind.EMAIL
    number = stripped.translate(_TYPED_PUNCTUATION).upper()
    if "@" in stripped:
        resembled = KeyKind.EMAIL
    elif stripped.startswith(("+", "(")):
        resembled = KeyKind.PHONE
    elif _CPF.fullmatch(number):
        resembled = KeyKind.CPF
    elif _CNPJ.fullmatch(number):
        resembled = KeyKind.CNPJ
    if resembled is not None:
        try:
            normalize_key(resembled, text)
        except SchemeError as error:
            return error
    return SchemeError("key", "That isn't a valid CPF, CNPJ, phone, email or random key.")


def parse_stored_key(text: str, kind: KeyKind | None = None) -> PixKey:
    """Return the key that a machine carries: in a BR Code, a picture, a link, a file, a request or a message.

    The text must be a key exactly as the directory stores it. There a text is of one kind at most: eleven digits are
    a CPF, and a phone number begins with +. CPF and CNPJ must have their check digits. `kind` is the kind that stands
    beside the text, if one does; the key must be of that kind.

    Raises SchemeError(field="key").
    """
    if len(text) > KEY_LENGTH_MAX:
        raise SchemeError("key", f"A key has at most {KEY_LENGTH_MAX} characters.")
    if kind is None:
        kind = next((candidate for candidate, pattern in _STORED.items() if pattern.fullmatch(text)), None)
        if kind is None:
            raise SchemeError("key", "This is not a Pix key in stored form.")
    elif not (pattern := _STORED[kind]).fullmatch(text):
        # No text matches the patterns of two kinds, so one is enough: this runs for each look-up.
        raise SchemeError("key", f"A {kind} key in stored form matches {pattern.pattern}")
    if kind is KeyKind.CPF:
        check_cpf(text, "key")
    elif kind is KeyKind.CNPJ:
        check_cnpj(text, "key")
    return PixKey(kind, text)


def is_valid_key(kind: KeyKind, text: str) -> bool:
    """Tell whether `normalize_key` takes the text."""
    try:
        normalize_key(kind, text)
    except SchemeError:
        return False
    return True


def check_key_owner(key: PixKey, tax_id: str) -> None:
    """A CPF or CNPJ key must be the account owner's own number (`tax_id` in stored form); other kinds pass.

    Raises SchemeError(field="key").
    """
    if key.kind in (KeyKind.CPF, KeyKind.CNPJ) and key.key != tax_id:
        raise SchemeError("key", f"The {key.kind} key must be the account holder's own {key.kind}.")


def keys_per_account_max(holder: HolderKind) -> int:
    """Return how many keys one account of such a holder may have."""
    return KEYS_PER_PERSON_ACCOUNT if holder is HolderKind.PERSON else KEYS_PER_COMPANY_ACCOUNT


def _normalize_cpf(text: str) -> str:
    return check_cpf(text, "key")


def _normalize_cnpj(text: str) -> str:
    return check_cnpj(text, "key")


def _normalize_phone(text: str) -> str:
    number = text.translate(_PHONE_PUNCTUATION)
    if _PHONE_IN_BRAZIL_WITHOUT_COUNTRY.fullmatch(number):
        return f"+55{number}"
    if number.startswith("55") and _PHONE_IN_BRAZIL_WITHOUT_COUNTRY.fullmatch(number, 2):
        return f"+{number}"
    if number.startswith("+55") and _PHONE_IN_BRAZIL.fullmatch(number) is None:
        raise SchemeError("key", "A Brazilian phone number has +55, the area code and 8 or 9 digits.")
    if _PHONE.fullmatch(number) is None:
        if _DIGITS.fullmatch(number):
            raise SchemeError("key", "A phone number without a country code has an area code and 8 or 9 digits.")
        raise SchemeError("key", "Enter a phone number with area code, e.g. (11) 98765-4321.")
    return number


def _normalize_email(text: str) -> str:
    if len(text) > KEY_LENGTH_MAX:
        raise SchemeError("key", f"An email key has at most {KEY_LENGTH_MAX} characters.")
    # Before the change of case: it would turn some letters of other alphabets into a-z.
    address = text.lower() if text.isascii() else ""
    if _EMAIL.fullmatch(address) is None:
        raise SchemeError("key", "That isn't a valid email address.")
    return address


def _normalize_evp(text: str) -> str:
    evp = text.lower() if text.isascii() else ""
    if _EVP.fullmatch(evp) is None:
        raise SchemeError("key", "A random key is a UUID: 32 hexadecimal digits in five groups.")
    return evp


_NORMALIZE: Final[Mapping[KeyKind, Callable[[str], str]]] = {
    KeyKind.CPF: _normalize_cpf,
    KeyKind.CNPJ: _normalize_cnpj,
    KeyKind.PHONE: _normalize_phone,
    KeyKind.EMAIL: _normalize_email,
    KeyKind.EVP: _normalize_evp,
}

_STORED: Final[Mapping[KeyKind, re.Pattern[str]]] = {
    KeyKind.CPF: _CPF,
    KeyKind.CNPJ: _CNPJ,
    KeyKind.PHONE: _PHONE,
    KeyKind.EMAIL: _EMAIL,
    KeyKind.EVP: _EVP,
}
