"""The identifiers of the scheme: bank codes, ISPBs, end-to-end ids and return ids."""

import re
import string
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random, SystemRandom
from typing import Final

from pix.scheme.errors import SchemeError

END_TO_END_ID_AGE_MAX: Final = timedelta(hours=12)
"""How far, in either direction, the time inside an end-to-end id may be from the hub's (rule FF08)."""

END_TO_END_ID_LENGTH: Final = 32
SUFFIX_LENGTH: Final = 11

_SUFFIX_ALPHABET: Final = string.ascii_letters + string.digits
_SUFFIX_COUNT: Final = len(_SUFFIX_ALPHABET) ** SUFFIX_LENGTH
_BANK_CODE = re.compile(r"[0-9]{3}")
_ISPB = re.compile(r"[0-9A-Z]{8}")
_SUFFIX = re.compile(r"[a-zA-Z0-9]{11}")
_END_TO_END_ID = re.compile(
    r"E([0-9A-Z]{8})([0-9]{4})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})([a-zA-Z0-9]{11})",
)
_SYSTEM_RANDOM: Final = SystemRandom()


@dataclass(frozen=True, slots=True)
class EndToEndId:
    """The parts of an end-to-end id: its maker's ISPB, the minute it was made (aware, UTC), and the unique suffix."""

    ispb: str
    minute: datetime
    suffix: str

    def __str__(self) -> str:
        return make_end_to_end_id(self.ispb, self.minute, self.suffix)


def check_bank_code(code: str) -> str:
    """Return the bank's three-digit number ("001"). Raises SchemeError(field="bank_code")."""
    if _BANK_CODE.fullmatch(code) is None:
        raise SchemeError("bank_code", "A bank code is exactly three digits.")
    return code


def check_ispb(text: str) -> str:
    """Return the ISPB: eight of 0-9 and A-Z. Raises SchemeError(field="ispb")."""
    if _ISPB.fullmatch(text) is None:
        raise SchemeError("ispb", "An ISPB is exactly eight digits or capital letters.")
    return text


def ispb_of_code(code: str) -> str:
    """Return the ISPB that a bank has unless it sets one: its code padded to eight ("001" gives "00000001").

    Raises SchemeError(field="bank_code").
    """
    return check_bank_code(code).zfill(8)


def random_suffix(random: Random | None = None) -> str:
    """Return eleven random characters of a-z, A-Z and 0-9, each text equally likely.

    From the operating system's randomness, unless a simulation passes its own seeded `random`.
    """
    number = (random or _SYSTEM_RANDOM).randrange(_SUFFIX_COUNT)
    characters = []
    for _ in range(SUFFIX_LENGTH):
        number, index = divmod(number, len(_SUFFIX_ALPHABET))
        characters.append(_SUFFIX_ALPHABET[index])
    return "".join(characters)


def make_end_to_end_id(ispb: str, at: datetime, suffix: str) -> str:
    """Return `E` + ISPB + yyyyMMddHHmm in UTC + suffix: 32 characters, made once by the payer's bank.

    `at` is aware, in any time zone. Raises SchemeError(field="ispb" | "at" | "suffix").
    """
    return _make_id("E", ispb, at, suffix)


def make_return_id(ispb: str, at: datetime, suffix: str) -> str:
    """Return the id of a return: as `make_end_to_end_id`, but with `D`, and made by the bank that gives money back.

    Raises SchemeError(field="ispb" | "at" | "suffix").
    """
    return _make_id("D", ispb, at, suffix)


def parse_end_to_end_id(text: str) -> EndToEndId:
    """Return the parts of an end-to-end id. Case matters, and the time must exist in the calendar.

    Raises SchemeError(field="end_to_end_id"), which the hub answers with FF08.
    """
    match = _END_TO_END_ID.fullmatch(text)
    if match is None:
        raise SchemeError(
            "end_to_end_id",
            "An end-to-end id is E, the ISPB, the UTC time yyyyMMddHHmm, and 11 letters or digits: 32 characters.",
        )
    ispb, year, month, day, hour, minute, suffix = match.groups()
    try:
        at = datetime(int(year), int(month), int(day), int(hour), int(minute), tzinfo=UTC)
    except ValueError:
        raise SchemeError("end_to_end_id", "The time in the end-to-end id does not exist.") from None
    return EndToEndId(ispb, at, suffix)


def check_end_to_end_id(text: str, sender_ispb: str, now: datetime) -> None:
    """Apply rule FF08: well formed, made by its sender, and at most `END_TO_END_ID_AGE_MAX` from `now` (aware).

    Raises SchemeError(field="end_to_end_id").
    """
    end_to_end_id = parse_end_to_end_id(text)
    if end_to_end_id.ispb != sender_ispb:
        raise SchemeError("end_to_end_id", "The ISPB in the end-to-end id is not the sender's.")
    if abs(now - end_to_end_id.minute) > END_TO_END_ID_AGE_MAX:
        raise SchemeError("end_to_end_id", "The time in the end-to-end id is more than 12 hours away.")


def _make_id(letter: str, ispb: str, at: datetime, suffix: str) -> str:
    check_ispb(ispb)
    if at.tzinfo is None:
        raise SchemeError("at", "The time must have a time zone.")
    if _SUFFIX.fullmatch(suffix) is None:
        raise SchemeError("suffix", "The suffix is exactly 11 letters or digits.")
    utc = at.astimezone(UTC)
    return f"{letter}{ispb}{utc.year:04d}{utc.month:02d}{utc.day:02d}{utc.hour:02d}{utc.minute:02d}{suffix}"
