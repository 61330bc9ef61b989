"""The rows of the course adapter: banks, their accounts, and legs, each with its states.

A leg is what the adapter has to do with one course bank for one payment. A payment between two course banks has two.
"""

from __future__ import annotations

import hashlib
import string
from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from pix.scheme.course import CourseMessage, CourseStatus
from pix.scheme.flows import IllegalTransition
from pix.scheme.ids import SUFFIX_LENGTH
from pix.scheme.messages import Party
from pix.scheme.values import value_object

_SUFFIX_ALPHABET: Final = string.ascii_letters + string.digits


class Edition(StrEnum):
    """The year of the course, by which its banks differ."""

    Y2021 = "2021"
    """Never closes its row, and takes no transfer within the bank under the id that it has given itself."""
    Y2023 = "2023"
    """Keeps amounts in a column of integers."""


@value_object
class CourseBank:
    """A bank of the hub that speaks the course's wire."""

    ispb: str
    code: str
    edition: Edition
    group: str
    """The consumer group of its server."""
    bank_id: str
    """The UUID that the course's wire calls it by."""

    @property
    def takes_whole_amounts_only(self) -> bool:
        """A credit with centavos fails in its database, without an answer."""
        return self.edition is Edition.Y2023


@value_object
class CourseAccount:
    """An account of a course bank. Such banks announce no accounts, so that the operator registers them."""

    account_id: str
    """UUID, as the bank names the account."""
    ispb: str
    branch: str
    number: str
    owner_name: str
    tax_id_masked: str
    created_at_ms: int

    def party(self) -> Party:
        return Party(self.ispb, self.branch, self.number, self.owner_name, self.tax_id_masked)


class LegKind(StrEnum):
    OUTGOING = "outgoing"
    """The bank's customer pays."""
    INCOMING = "incoming"
    """The bank's customer is paid."""
    REFUND = "refund"
    """The bank's customer gets the money of a failed payment back."""


class LegState(StrEnum):
    REQUESTED = "requested"
    """The hub has been asked, and has not decided."""
    CONFIRMED = "confirmed"
    """The payer's bank has been told that the payment is confirmed."""
    COMPLETED = "completed"
    """The payer's bank has closed its row."""
    FAILED = "failed"
    """The payment failed. A refund leg has the payer's money; a payee's bank is not known to have credited."""
    HELD = "held"
    """A `pending` is to be sent as soon as the bank's consumer group can take it."""
    SENT = "sent"
    """A `pending` has been sent, or was about to be sent when the process ended. It is never sent again."""
    ACCEPTED = "accepted"
    """The payee's bank has credited, and the hub has been told."""
    REJECTED = "rejected"
    """The hub has been told that the payee's bank does not take it."""
    SETTLED = "settled"
    """The payee's bank has credited, and the hub has moved the settlement money."""
    UNCOVERED = "uncovered"
    """Owed: the payee's bank has credited, and the hub has moved no money."""
    PARKED = "parked"
    """Owed: the payer's bank cannot be told to give the money back, until the payer has a key."""
    CREDITED = "credited"
    """The payer's bank has given the money back."""
    CLEARED = "cleared"
    """The operator has settled what was owed in another way."""


_MOVES: Final[Mapping[LegKind, Mapping[LegState | None, frozenset[LegState]]]] = {
    LegKind.OUTGOING: {
        None: frozenset({LegState.REQUESTED, LegState.FAILED}),
        LegState.REQUESTED: frozenset({LegState.CONFIRMED, LegState.FAILED}),
        LegState.CONFIRMED: frozenset({LegState.COMPLETED}),
    },
    LegKind.INCOMING: {
        None: frozenset({LegState.HELD, LegState.SENT, LegState.REJECTED}),
        LegState.HELD: frozenset({LegState.SENT, LegState.FAILED}),
        LegState.SENT: frozenset({LegState.ACCEPTED, LegState.REJECTED, LegState.FAILED}),
        LegState.ACCEPTED: frozenset({LegState.SETTLED, LegState.UNCOVERED}),
        LegState.REJECTED: frozenset({LegState.FAILED, LegState.UNCOVERED}),
        LegState.FAILED: frozenset({LegState.UNCOVERED}),
        LegState.UNCOVERED: frozenset({LegState.CLEARED}),
    },
    LegKind.REFUND: {
        None: frozenset({LegState.HELD, LegState.SENT, LegState.PARKED}),
        LegState.HELD: frozenset({LegState.SENT, LegState.CLEARED}),
        LegState.SENT: frozenset({LegState.CREDITED, LegState.CLEARED}),
        LegState.PARKED: frozenset({LegState.HELD, LegState.CLEARED}),
        # Its bank answered after the operator had cleared it.
        LegState.CLEARED: frozenset({LegState.CREDITED}),
    },
}
"""The one table of transitions: by kind and state, the states that may follow."""

OWED_STATES: Final[Mapping[LegKind, frozenset[LegState]]] = {
    LegKind.REFUND: frozenset({LegState.HELD, LegState.SENT, LegState.PARKED}),
    LegKind.INCOMING: frozenset({LegState.UNCOVERED}),
}
"""Of a leg that stands so, money is owed that no message has settled yet."""

OPEN_STATES: Final[Mapping[LegKind, frozenset[LegState]]] = {
    LegKind.OUTGOING: frozenset({LegState.REQUESTED}),
    LegKind.INCOMING: frozenset({LegState.HELD, LegState.SENT, LegState.ACCEPTED, LegState.REJECTED}),
    LegKind.REFUND: frozenset({LegState.HELD, LegState.SENT}),
}
"""A leg that stands so waits for a message."""


@value_object
class Leg:
    ispb: str
    """Of the course bank."""
    kind: LegKind
    course_id: str
    """The id on the course's wire; with ISPB and kind the key of the row."""
    end_to_end_id: str
    """Of the transfer; of a refund, that of the failed one, or empty when the hub never got a request."""
    state: LegState
    amount_centavos: int
    account_id: str
    """As it stands on the wire: the payer's account; of a refund, an id of the adapter's."""
    key: str
    key_kind: str
    description: str
    own_account_id: str
    """The account at the bank: the payer's of an outgoing leg and of a refund, the payee's of an incoming one."""
    created_at_ms: int
    """In scheme time."""
    reason: str = ""
    """The reason code of a failure or rejection."""
    original_id: str = ""
    """Of a refund: the course id of the failed payment."""
    sent_at_ms: int | None = None
    """When the `pending` was marked as sent, in real time."""
    due_at_ms: int | None = None
    """When something is to be done without a message, in real time."""
    attempts: int = 0
    """Retransmissions."""
    answers: int = 0
    """How often the bank has said that it has credited. It is sent the `pending` once: if it says so again, it has
    read the record again after an abrupt end, and has probably credited again."""
    note: str = ""
    """The operator's, of a cleared leg."""

    @property
    def is_owed(self) -> bool:
        return self.state in OWED_STATES.get(self.kind, frozenset())

    @property
    def row_id(self) -> tuple[str, LegKind, str]:
        return self.ispb, self.kind, self.course_id

    def message(self, status: CourseStatus) -> CourseMessage:
        """The leg on the course's wire."""
        return CourseMessage(
            self.course_id,
            self.account_id,
            self.amount_centavos,
            self.key,
            self.key_kind,
            self.description,
            status,
        )

    def has_content_of(self, message: CourseMessage) -> bool:
        """Whether a bank's message repeats what was agreed, whatever its status."""
        return replace(message, status=CourseStatus.NONE) == self.message(CourseStatus.NONE)


def move(leg: Leg, state: LegState, **changes: Any) -> Leg:
    """The leg in another state. Raises IllegalTransition."""
    if state not in _MOVES[leg.kind].get(leg.state, frozenset()):
        raise IllegalTransition(f"{leg.kind}: {leg.state} → {state}")
    return replace(leg, state=state, **{"due_at_ms": None, "attempts": 0, **changes})


def begin(leg: Leg) -> Leg:
    """A new leg, in a state in which its kind may begin. Raises IllegalTransition."""
    if leg.state not in _MOVES[leg.kind][None]:
        raise IllegalTransition(f"{leg.kind}: nothing → {leg.state}")
    return leg


def derived_course_id(*parts: str) -> str:
    """A UUID in the form of version 4 that depends on the parts alone, so that a repetition makes no second one."""
    return str(UUID(bytes=_digest(parts)[:16], version=4))


def derived_suffix(*parts: str) -> str:
    """The suffix of an end-to-end id, in the same way."""
    number = int.from_bytes(_digest(parts), "big")
    characters = []
    for _ in range(SUFFIX_LENGTH):
        number, index = divmod(number, len(_SUFFIX_ALPHABET))
        characters.append(_SUFFIX_ALPHABET[index])
    return "".join(characters)


def _digest(parts: tuple[str, ...]) -> bytes:
    return hashlib.sha256("/".join(parts).encode()).digest()
