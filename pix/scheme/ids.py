"""The identifiers of the scheme: bank codes, ISPBs, branches and accounts, end-to-end ids and return ids."""

import re
import string
from datetime import UTC, datetime, timedelta
from random import Random, SystemRandom
from typing import Final

from pix.scheme.errors import SchemeError
from pix.scheme.values import value_object

END_TO_END_ID_AGE_MAX: Final = timedelta(hours=12)
"""How far, in either direction, the time inside an end-to-end id may be from the hub's (rule FF08)."""

END_TO_END_ID_LENGTH: Final = 32
SUFFIX_LENGTH: Final = 11

BRANCH_LENGTH_MAX: Final = 4
ACCOUNT_NUMBER_LENGTH_MAX: Final = 20

_SUFFIX_ALPHABET: Final = string.ascii_letters + string.digits
_SUFFIX_COUNT: Final = len(_SUFFIX_ALPHABET) ** SUFFIX_LENGTH
_BRANCH = re.compile(r"[0-9]{1,4}")
_ACCOUNT_NUMBER = re.compile(r"[0-9A-Za-z](?:[0-9A-Za-z-]{0,18}[0-9A-Za-z])?")
_BANK_CODE = re.compile(r"[0-9]{3}")
_ISPB = re.compile(r"[0-9A-Z]{8}")
_SUFFIX = re.compile(r"[a-zA-Z0-9]{11}")
_PARTS = r"([0-9A-Z]{8})([0-9]{4})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})([a-zA-Z0-9]{11})"
_END_TO_END_ID = re.compile("E" + _PARTS)
_RETURN_ID = re.compile("D" + _PARTS)
_SYSTEM_RANDOM: Final = SystemRandom()


@value_object
class EndToEndId:
    """The parts of an end-to-end id: its maker's ISPB, the minute it was made (aware, UTC), and the unique suffix."""

    ispb: str
    minute: datetime
    suffix: str

    def __str__(self) -> str:
        return make_end_to_end_id(self.ispb, self.minute, self.suffix)


class ReturnId(EndToEndId):
    """The parts of a return id."""

    def __str__(self) -> str:
        return make_return_id(self.ispb, self.minute, self.suffix)


def check_bank_code(code: str) -> str:
    """Return the bank's three-digit number ("001"). Raises SchemeError(field="bank_code")."""
    if _BANK_CODE.fullmatch(code) is None:
        raise SchemeError("bank_code", "A bank code has exactly three digits.")
    return code


def check_ispb(text: str) -> str:
    """Return the ISPB: eight of 0-9 and A-Z. Raises SchemeError(field="ispb")."""
    if _ISPB.fullmatch(text) is None:
        raise SchemeError("ispb", "An ISPB has exactly eight digits or capital letters.")
    return text


def check_branch(text: str) -> str:
    """Return the branch of a bank: one to four digits, as in the DICT. Raises SchemeError(field="branch")."""
    if _BRANCH.fullmatch(text) is None:
        raise SchemeError("branch", f"A branch has 1 to {BRANCH_LENGTH_MAX} digits.")
    return text


def is_account_number(text: str) -> bool:
    """Tell whether `check_account_number` takes the text."""
    return _ACCOUNT_NUMBER.fullmatch(text) is not None


def check_account_number(text: str) -> str:
    """Return the number of an account: 1 to 20 digits or letters, with hyphens inside ("100001-7").

    The DICT has digits alone; banks here write a hyphen before the check digit. Raises
    SchemeError(field="account_number").
    """
    if not is_account_number(text):
        raise SchemeError(
            "account_number",
            f"An account number has 1 to {ACCOUNT_NUMBER_LENGTH_MAX} digits or letters, with hyphens only inside.",
        )
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
            "An end-to-end id has E, the ISPB, the UTC time yyyyMMddHHmm and 11 letters or digits: 32 characters.",
        )
    try:
        return EndToEndId(*_parts_of(match))
    except ValueError:
        raise SchemeError("end_to_end_id", "The time in the end-to-end id does not exist.") from None


def parse_return_id(text: str) -> ReturnId:
    """Return the parts of a return id, as `parse_end_to_end_id` does. Raises SchemeError(field="return_id")."""
    match = _RETURN_ID.fullmatch(text)
    if match is None:
        raise SchemeError(
            "return_id",
            "A return id has D, the ISPB, the UTC time yyyyMMddHHmm and 11 letters or digits: 32 characters.",
        )
    try:
        return ReturnId(*_parts_of(match))
    except ValueError:
        raise SchemeError("return_id", "The time in the return id does not exist.") from None


def is_end_to_end_id(text: str) -> bool:
    """Tell whether the text has the form of an end-to-end id; its time may not exist in the calendar."""
    return _END_TO_END_ID.fullmatch(text) is not None


def is_return_id(text: str) -> bool:
    """Tell whether the text has the form of a return id; its time may not exist in the calendar."""
    return _RETURN_ID.fullmatch(text) is not None


def is_too_far_away(end_to_end_id: EndToEndId, now: datetime) -> bool:
    """Tell whether the time in the id is more than `END_TO_END_ID_AGE_MAX` from `now` (aware): rule FF08."""
    return abs(now - end_to_end_id.minute) > END_TO_END_ID_AGE_MAX


def check_end_to_end_id(text: str, sender_ispb: str, now: datetime) -> None:
    """Apply rule FF08: well formed, made by its sender, and at most `END_TO_END_ID_AGE_MAX` from `now` (aware).

    Raises SchemeError(field="end_to_end_id").
    """
    end_to_end_id = parse_end_to_end_id(text)
    if end_to_end_id.ispb != sender_ispb:
        raise SchemeError("end_to_end_id", "The ISPB in the end-to-end id is not the sender's.")
    if is_too_far_away(end_to_end_id, now):
        raise SchemeError("end_to_end_id", "The time in the end-to-end id is more than 12 hours away.")


def _parts_of(match: re.Match[str]) -> tuple[str, datetime, str]:
    """Raises ValueError for a time that does not exist in the calendar."""
    ispb, year, month, day, hour, minute, suffix = match.groups()
    return ispb, datetime(int(year), int(month), int(day), int(hour), int(minute), tzinfo=UTC), suffix


def _make_id(letter: str, ispb: str, at: datetime, suffix: str) -> str:
    check_ispb(ispb)
    if at.tzinfo is None:
        raise SchemeError("at", "The time must have a time zone.")
    if _SUFFIX.fullmatch(suffix) is None:
        raise SchemeError("suffix", "The suffix has exactly 11 letters or digits.")
    utc = at.astimezone(UTC)
    return f"{letter}{ispb}{utc.year:04d}{utc.month:02d}{utc.day:02d}{utc.hour:02d}{utc.minute:02d}{suffix}"
