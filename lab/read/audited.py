"""What the audit reads of a network, and what it says: plain data.

Rows are named tuples, which take a fifth of the time of frozen dataclasses: an audit makes millions of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

OUTGOING: Final = "outgoing"
INCOMING: Final = "incoming"
CONFIRMED: Final = "confirmed"
COMPLETED: Final = "completed"
FAILED: Final = "failed"
PENDING: Final = "pending"
UNDECIDED_AT_BANK: Final = frozenset({"pending", "accepted", "rejected"})

OFFENDERS_SHOWN_MAX: Final = 100
IN_FLIGHT_SHOWN_MAX: Final = 1_000


class AccountReference(NamedTuple):
    ispb: str
    account_number: str


class HubTransfer(NamedTuple):
    end_to_end_id: str
    status: str
    reason: str | None
    amount_centavos: int
    payer: AccountReference
    payee: AccountReference | None
    is_closed: bool
    """Both banks have said that they processed the outcome."""
    original_end_to_end_id: str = ""
    """Of a return; empty for a transfer."""

    @property
    def outcome(self) -> str | None:
        """`confirmed`, `failed`, or None before the decision."""
        return {CONFIRMED: CONFIRMED, COMPLETED: CONFIRMED, FAILED: FAILED}.get(self.status)


class BankTransfer(NamedTuple):
    end_to_end_id: str
    direction: str
    status: str
    reason: str | None
    amount_centavos: int
    payer: AccountReference
    payee: AccountReference | None
    owes_message: bool
    """The bank will send its message again until the hub has answered."""


class Posting(NamedTuple):
    posting_id: int
    kind: str
    debit_account: str
    credit_account: str
    amount_centavos: int
    end_to_end_id: str | None
    direction: str | None
    operation_id: str | None


@dataclass(frozen=True, slots=True)
class Books:
    customers_centavos: int
    customers_posted_centavos: int
    clearing_centavos: int
    settlement_centavos: int
    cash_centavos: int
    capital_centavos: int
    deposits_centavos: int
    negative_accounts: tuple[str, ...] = ()
    unbalanced_accounts: tuple[str, ...] = ()
    unbalanced_transfers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BankView:
    ispb: str
    code: str
    name: str
    books: Books
    transfers: Iterable[BankTransfer] = ()
    """By (end-to-end id, direction); a return by its return id. May be read more than once, as all rows here."""
    postings: Iterable[Posting] = ()
    """First those of operations, by operation id; then those of transfers, by (end-to-end id, direction)."""


@dataclass(frozen=True, slots=True)
class SettlementAccount:
    balance_centavos: int
    reserved_centavos: int
    funded_centavos: int


@dataclass(frozen=True, slots=True)
class CourseBankView:
    """A bank of the original course by the table of the hub's adapter: its books cannot be read."""

    ispb: str
    code: str
    name: str
    came_centavos: int
    went_centavos: int
    owed_to_customers_centavos: int
    uncovered_centavos: int
    answered_again: int = 0
    """So often the bank has announced a credit again, and has probably credited twice."""


@dataclass(frozen=True, slots=True)
class OwedMoney:
    """Money that is owed because the course's wire could not say what happened."""

    ispb: str
    kind: str
    course_id: str
    state: str
    amount_centavos: int
    reason: str


@dataclass(frozen=True, slots=True)
class NetworkSnapshot:
    """The state of the hub and the banks, read in this order: hub, banks, hub again.

    Rows come in the order of their ids, byte by byte, so that the audit needs only one id's in memory at a time.
    """

    hub_before: Iterable[HubTransfer]
    settlement: Mapping[str, SettlementAccount]
    """By ISPB."""
    banks: tuple[BankView, ...]
    """But for those of the original course."""
    hub_after: Iterable[HubTransfer]
    course: tuple[CourseBankView, ...] = ()
    owed: tuple[OwedMoney, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """One invariant: whether it holds, the numbers that show it, and what breaks it."""

    invariant: str
    sentence: str
    is_ok: bool
    numbers: Mapping[str, int]
    offenders: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AuditReport:
    """The findings, and what is still under way, which is no fault."""

    findings: tuple[Finding, ...]
    transfers: Mapping[str, int]
    """The number in each state at the hub; `unknown_to_hub` are on their way to it."""
    in_flight: tuple[str, ...]
    """End-to-end ids that are not final everywhere, at most `IN_FLIGHT_SHOWN_MAX`."""
    moving: bool = field(default=False)
    """The network never came to rest while it was read: sums may be of different moments."""
    not_examined: tuple[str, ...] = ()
    """Banks of the original course, whose books cannot be read."""
    owed: tuple[str, ...] = ()
    """A line for each amount that a course bank owes its customer, or has credited without cover."""
    in_flight_count: int = 0
    """How many ids are not final everywhere."""

    @property
    def is_ok(self) -> bool:
        return all(finding.is_ok for finding in self.findings)

    @property
    def is_final(self) -> bool:
        """Whether every invariant holds, and nothing is under way."""
        return self.is_ok and not self.in_flight and not self.moving
