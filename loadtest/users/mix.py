"""The traffic mix: the kinds of simulated users with their shares, and the banks with theirs. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Final


class UserKind(StrEnum):
    PEOPLE = "people"
    INTEGRATORS = "integrators"
    """Pay by REST, each with an idempotency key."""
    LOOK_UPS = "look-ups"
    """Banks that ask the hub by gRPC who is paid by a key."""


MIX_DEFAULT: Final = "people=50,integrators=30,look-ups=20"


def parse_mix(text: str) -> dict[UserKind, float]:
    """Reads `people=50,integrators=30,look-ups=20`: parts of all arrivals, whose sum is no matter.

    A kind that is not named has no share. Raises ValueError for any other text.
    """
    parts: dict[UserKind, float] = {}
    for item in filter(None, (item.strip() for item in text.split(","))):
        name, _, part = item.partition("=")
        if name.strip() not in set(UserKind):
            raise ValueError(f"{name.strip()!r} is no kind of user; there are {', '.join(UserKind)}")
        parts[UserKind(name.strip())] = _part(part, item)
    if not sum(parts.values()):
        raise ValueError("every share is 0")
    return parts


def _part(text: str, item: str) -> float:
    try:
        part = float(text)
    except ValueError:
        raise ValueError(f"{item!r} is not written as {UserKind.PEOPLE}=50") from None
    if not 0 <= part < float("inf"):
        raise ValueError(f"{item!r} is no part")
    return part


def shares_of_banks(codes: Sequence[str], share_of_first: float) -> dict[str, float]:
    """The share of each bank's customers in all visits: the first one's is given, the others divide the rest evenly.

    Raises ValueError unless the share is from 0 to 1. A bank alone has everything.
    """
    if not 0 <= share_of_first <= 1:
        raise ValueError("a share is a number from 0 to 1")
    first, *others = codes
    if not others:
        return {first: 1.0}
    return {first: share_of_first} | dict.fromkeys(others, (1 - share_of_first) / len(others))


def parse_pairs(text: str, example: str) -> Mapping[str, str]:
    """Reads `001=one,002=other`. Raises ValueError, with the example, for anything else."""
    pairs = {}
    for item in filter(None, (item.strip() for item in text.split(","))):
        name, equals, value = item.partition("=")
        if not (name and equals and value):
            raise ValueError(f"{item!r} is not written as {example}")
        pairs[name.strip()] = value.strip()
    return pairs
