"""The operators' audit trail: who did what to the network, and when."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from pix.scheme.values import value_object

NAME_LENGTH_MAX: Final = 60
ADDRESS_LENGTH_MAX: Final = 64
DETAIL_LENGTH_MAX: Final = 200


class Act(StrEnum):
    BANK_ADDED = "bank-added"
    SECRET_ROTATED = "secret-rotated"  # noqa: S105 - the name of an act
    BANK_SUSPENDED = "bank-suspended"
    BANK_RESUMED = "bank-resumed"
    FUNDED = "funded"
    WITHDRAWN = "withdrawn"
    LETTER_REPLAYED = "letter-replayed"
    LETTER_FAILED_AGAIN = "letter-failed-again"
    LETTER_DISCARDED = "letter-discarded"
    LETTERS_REPLAYED = "letters-replayed"


class Channel(StrEnum):
    CONSOLE = "console"
    API = "api"
    CLI = "cli"


@value_object
class Author:
    """Who acts. All operators share one password, so a name is what its bearer says."""

    channel: Channel
    name: str = ""
    """As given at the sign-in; empty without one."""
    address: str = ""
    """The network address that the request came from; empty on the command line."""


COMMAND_LINE: Final = Author(Channel.CLI)


@value_object
class TrailEntry:
    at_ms: int
    """In real time."""
    act: Act
    author: Author
    code: str = ""
    """The bank's three digits; empty when the act is about no bank."""
    subject: str = ""
    """The funding id, or the digest of the dead letter; empty for many letters."""
    amount_centavos: int = 0
    detail: str = ""
    """The note of a discarded letter, why a replayed one failed again, or the filter and the numbers of many."""
    number: int = 0
    """Counts up by one for each entry; the store gives it."""


def entry(
    at_ms: int,
    act: Act,
    author: Author,
    *,
    code: str = "",
    subject: str = "",
    amount_centavos: int = 0,
    detail: str = "",
) -> TrailEntry:
    """An entry of bounded size."""
    bounded = Author(author.channel, author.name[:NAME_LENGTH_MAX], author.address[:ADDRESS_LENGTH_MAX])
    return TrailEntry(at_ms, act, bounded, code, subject, amount_centavos, detail[:DETAIL_LENGTH_MAX])
