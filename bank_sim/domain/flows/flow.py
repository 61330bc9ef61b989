"""The shape of a flow at a bank, and of the facts and decisions of a flow."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, Final, Generic, Protocol, TypeVar

from bank_sim.domain.account import Account
from bank_sim.domain.behaviour import Behaviour
from bank_sim.domain.books import Posting
from bank_sim.domain.charges.model import Charge, ChargePlace
from bank_sim.domain.charges.offers import UnknownCharges
from pix.scheme.flows import Decision as AnyDecision
from pix.scheme.flows import Step, TimelineEntry
from pix.scheme.initiation import Initiation
from pix.scheme.messages import BankMessage
from pix.scheme.postings import Direction
from pix.scheme.reasons import ReasonCode
from pix.scheme.retransmission import RetransmissionPolicy
from pix.scheme.values import value_object

WITHHELD: Final = -1

BANK: Final = "bank"
"""This bank as the author of a step."""

RowId = tuple[str, Direction]
"""A bank may be both sides of one transfer."""

RowKey = tuple[str, RowId]
"""The name of a flow, and the id of one of its rows."""


class FlowRow(Protocol):
    """A row of any flow: this bank's side of one movement of money, which is its own outbox."""

    @property
    def row_id(self) -> RowId:
        """Among all rows of flows: two flows have no id in common."""

    @property
    def about(self) -> str:
        """The end-to-end id of the transfer that the row is about: of a transfer its own."""

    @property
    def direction(self) -> Direction: ...

    @property
    def status(self) -> StrEnum: ...

    @property
    def reason(self) -> ReasonCode | None: ...

    @property
    def amount_centavos(self) -> int: ...

    @property
    def account_number(self) -> str:
        """Of this bank's customer."""

    @property
    def counterpart_name(self) -> str:
        """The other side's name, as far as it is known."""

    @property
    def counterpart_ispb(self) -> str:
        """The other side's bank; empty while it is not known."""

    @property
    def counterpart_bank_name(self) -> str:
        """The name of the other side's bank as the customer was shown it; may be empty."""

    @property
    def description(self) -> str: ...

    @property
    def initiation(self) -> Initiation | None:
        """How a transfer's payer named the payee; None for a row of another flow."""

    @property
    def txid(self) -> str:
        """The payee's own number for a transfer; empty for none."""

    @property
    def requested_at_ms(self) -> int: ...

    @property
    def answered_at_ms(self) -> int | None: ...

    @property
    def decided_at_ms(self) -> int | None: ...

    @property
    def resend_at_ms(self) -> int | None:
        """In real time."""

    @property
    def resend_count(self) -> int:
        """`WITHHELD` of an answer that is to be given later, at `resend_at_ms`, for the first time."""

    @property
    def resends(self) -> int:
        """Resends since the last change of state."""

    @property
    def idempotency_key(self) -> str: ...

    @property
    def traceparent(self) -> str: ...


@value_object
class Facts:
    """What a decision depends on beside the state and the message."""

    ispb: str
    """This bank's."""
    now_ms: int
    """Scheme time: of stamps and ids."""
    real_now_ms: int
    """Real time: of retransmission, and of answers that are given late."""
    policy: RetransmissionPolicy
    behaviour: Behaviour
    account: Account | None = None
    """The customer's account that `account_needed` names; None: there is none."""
    traceparent: str = ""
    charge: Charge | None = None
    """The charge that `charge_needed` names; None: there is none."""
    unknown_charges: UnknownCharges = UnknownCharges.REFUSE


RowT = TypeVar("RowT")
StateT = TypeVar("StateT")
MessageT = TypeVar("MessageT")


@value_object
class Decision(AnyDecision[RowT, Step[Any, Any], BankMessage]):
    """What follows from one message, or from time. The row's history has the steps already.

    Messages without a row answer a message that is not fit to be stored.
    """

    postings: tuple[Posting, ...] = ()
    """In this order."""
    charge: Charge | None = None
    """The charge as it changes; None: it stays as it is."""


def no_charge(_state: Any, _message: Any) -> ChargePlace | None:
    """Of a flow that touches no charge."""
    return None


@value_object
class Flow(Generic[RowT, StateT, MessageT]):
    """A family of messages, as the use cases see it."""

    name: str
    """Its folder's name."""
    row: type[RowT]
    messages: frozenset[type[Any]]
    """The messages of the hub that it decides on."""
    offers: frozenset[type[Any]]
    """Those of them that the bank's switches and rules may answer."""
    keys: Callable[[MessageT], tuple[RowKey, ...]]
    """All rows that a message loads and locks, also those of other flows, in the order of locking."""
    state: Callable[[Mapping[RowId, Any], MessageT], StateT]
    """What `decide` takes, of the rows that were loaded by their ids."""
    account_needed: Callable[[StateT, MessageT], str]
    """The number of the customer's account to load and lock; empty when the decision needs none."""
    decide: Callable[[StateT, MessageT, Facts], Decision[RowT]]
    decide_retransmission: Callable[[RowT, int, RetransmissionPolicy], Decision[RowT]]
    owed: Callable[[RowT, int], tuple[BankMessage, ...]]
    timeline: Callable[[RowT], list[TimelineEntry]]
    charge_needed: Callable[[StateT, MessageT], ChargePlace | None] = no_charge
    """Where to find the charge to load and lock; None when the decision needs none."""
