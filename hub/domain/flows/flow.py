"""The shape of a flow at the hub, and of the facts and decisions of a flow."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Any, Generic, Protocol, TypeVar

from hub.domain.bank import Bank
from hub.domain.directory import KeyEntry
from hub.domain.settlement import Movement, SettlementAccount
from pix.scheme.flows import Decision as AnyDecision
from pix.scheme.flows import Step, TimelineEntry
from pix.scheme.keys import PixKey
from pix.scheme.messages import HubMessage, Party, Side
from pix.scheme.reasons import ReasonCode
from pix.scheme.retransmission import RetransmissionPolicy
from pix.scheme.values import value_object

AddressedMessage = tuple[str, HubMessage]
"""A message with the ISPB of its receiver."""


RowKey = tuple[str, str]
"""The name of a flow, and the id of one of its rows."""


class FlowRow(Protocol):
    """A row of any flow, which is its own outbox. Times are Unix milliseconds of scheme time."""

    @property
    def row_id(self) -> str:
        """Among all rows of flows: two flows have no id in common."""

    @property
    def status(self) -> StrEnum: ...

    @property
    def reason(self) -> ReasonCode | None: ...

    @property
    def amount_centavos(self) -> int: ...

    @property
    def payer(self) -> Party | None: ...

    @property
    def payee(self) -> Party | None: ...

    @property
    def received_at_ms(self) -> int: ...

    @property
    def waiting_since_ms(self) -> int:
        """The same in real time."""

    @property
    def offered_at_ms(self) -> int | None: ...

    @property
    def decided_at_ms(self) -> int | None: ...

    @property
    def closed_at_ms(self) -> int | None: ...

    @property
    def resend_at_ms(self) -> int | None:
        """In real time."""

    @property
    def traceparent(self) -> str: ...


class Reading(Protocol):
    """What a flow reads beside its rows, such as a sum of them. It has an id among the rows, and is never saved."""

    @property
    def row_id(self) -> str: ...


@value_object
class Network:
    """Banks, keys and settlement accounts, as of this transaction."""

    banks: Mapping[str, Bank]
    """By ISPB."""
    keys: Mapping[PixKey, KeyEntry]
    """At least those that the messages name."""
    accounts: Mapping[str, SettlementAccount]
    """By ISPB; as the decisions before this one leave them."""

    def takes_part(self, ispb: str) -> bool:
        """Whether the bank is in the network and not suspended."""
        bank = self.banks.get(ispb)
        return bank is not None and bank.active


@value_object
class Facts:
    """What a decision depends on beside the state and the message."""

    sender: str
    """The ISPB of the bank that sent the message, already authenticated."""
    network: Network
    now_ms: int
    """Scheme time: of stamps, ids and rules."""
    real_now_ms: int
    """Real time: of retransmission and time-outs."""
    policy: RetransmissionPolicy
    timeout_ms: int | None = None
    """How long a row may be pending; None: as long as it takes."""
    traceparent: str = ""


@value_object
class RequestRule:
    """A rule that a bank's request must keep."""

    rule: StrEnum
    """Its name, which is also the key of its sentence on the pages."""
    reason: ReasonCode
    """Why a request that breaks it fails."""
    is_kept: Callable[[Any], bool]
    """Of the flow's own picture of a request."""
    makes_row: bool = True
    """Whether a request that breaks it makes a failed row (docs/decisions/0001)."""


RowT = TypeVar("RowT")
StateT = TypeVar("StateT")
MessageT = TypeVar("MessageT")


@value_object
class Decision(AnyDecision[RowT, Step[Any, Any], AddressedMessage]):
    """What follows from one message, or from time."""

    movements: tuple[Movement, ...] = ()
    """Changes of settlement money, in this order."""
    readings: tuple[Reading, ...] = ()
    """Readings as they stand afterwards, for the decisions that follow in the same transaction."""


@value_object
class Flow(Generic[RowT, StateT, MessageT]):
    """A family of messages, as the use cases see it."""

    name: str
    """Its folder's name."""
    row: type[RowT]
    messages: frozenset[type[Any]]
    """The messages of banks that it decides on."""
    keys: Callable[[MessageT], tuple[RowKey, ...]]
    """All rows that a message loads and locks, also those of other flows, and the readings that it needs."""
    pix_key: Callable[[MessageT], PixKey | None]
    """The key that a message names, which is looked up in the directory; None for none."""
    state: Callable[[Mapping[str, Any], MessageT], StateT]
    """What `decide` takes, of the rows that were loaded by their ids."""
    decide: Callable[[StateT, MessageT, Facts], Decision[RowT]]
    decide_timeout: Callable[[RowT, int, int, RetransmissionPolicy], Decision[RowT]]
    decide_retransmission: Callable[[RowT, int, int, RetransmissionPolicy, int | None], Decision[RowT]]
    owed: Callable[[RowT], tuple[AddressedMessage, ...]]
    timeline: Callable[[RowT, Sequence[Step[Any, Any]]], list[TimelineEntry]]
    step_name: Callable[[Any], str]
    """How REST names the message of a step."""
    offered_to: Side
    """The side whose bank answers."""
    statuses: type[StrEnum]
    transitions: Mapping[tuple[Any, Any], Any]
    """By (status or None, trigger) the next status."""
    rule_of: Callable[[Any, ReasonCode | None], StrEnum]
    """The rule by which a trigger moves a row."""
    rules: type[StrEnum]
    request_rules: tuple[RequestRule, ...]
    """The rules for a request, in the order in which the hub checks them."""
    later_rules: Mapping[Any, ReasonCode]
    """The rules that are judged after the first request, with the reason code of each."""
