"""The shapes in which the bank shows what it has: filters, lines, pages and sums."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from bank_sim.domain.account import Account
from bank_sim.domain.books import Posting
from bank_sim.domain.flows.transfer.model import Transfer
from bank_sim.domain.limits import LimitKind, Span
from bank_sim.domain.schedules.model import Schedule
from pix.scheme.initiation import Initiation
from pix.scheme.postings import Direction, PostingKind

PAGE_SIZE_DEFAULT: Final = 50
PAGE_SIZE_MAX: Final = 500


class StatementDirection(StrEnum):
    """Which lines of a statement are shown."""

    ALL = "all"
    IN = "in"
    OUT = "out"
    REFUNDS = "refunds"


@dataclass(frozen=True, slots=True)
class StatementFilter:
    """What a statement shows; the defaults show all of it."""

    direction: StatementDirection = StatementDirection.ALL
    search: str = ""
    """Part of the counterpart's name, its bank's or the description, without accents and case; an amount; an id;
    a txid.

    The repository leaves it to `Queries`.
    """
    from_ms: int | None = None
    """Only what was posted at this time or later."""
    to_ms: int | None = None
    """Only what was posted before this time."""

    @property
    def has_order_of_time(self) -> bool:
        """Whether lines come by the time of posting, as an index has them.

        Otherwise they come by posting id. The two orders differ only when the clock was put back.
        """
        return self.direction is not StatementDirection.ALL or self.from_ms is not None or self.to_ms is not None


@dataclass(frozen=True, slots=True)
class StatementLine:
    """One posting as its customer sees it."""

    posting_id: int
    posted_at_ms: int
    kind: PostingKind
    end_to_end_id: str
    """The key of the line's row, such as a transfer's end-to-end id; empty for a deposit."""
    direction: Direction | None
    """With the key it finds the row; None for a deposit."""
    counterpart_name: str
    counterpart_bank: str
    """Its name, or its ISPB when the network has not told the name; may be empty."""
    description: str
    amount_centavos: int
    """What the balance gained: negative for a payment."""
    balance_after_centavos: int
    transfer_status: StrEnum | None = None
    """A payment is pending until the hub has decided; None for a deposit."""
    flow: str = ""
    """The name of the row's flow; empty for a deposit."""
    initiation: Initiation | None = None
    """None for a deposit and for a return."""
    txid: str = ""
    """The payee's own number for the payment; empty for none."""


@dataclass(frozen=True, slots=True)
class StatementPage:
    """Lines, newest first. `next_cursor` is the `before` of the next page; empty on the last."""

    lines: tuple[StatementLine, ...]
    next_cursor: str
    is_cut: bool = False
    """The search has compared as many lines as one may; it goes on behind `next_cursor`."""


@dataclass(frozen=True, slots=True)
class AccountPage:
    """Accounts by number. `next_cursor` is the `after` of the next page; empty on the last."""

    accounts: tuple[Account, ...]
    next_cursor: str


@dataclass(frozen=True, slots=True)
class DemoPerson:
    """A demo person as the bank has them now; `story` is a word such as `rich` or `blocked`."""

    story: str
    account: Account


@dataclass(frozen=True, slots=True)
class RowFilter:
    """What a list of a flow's rows shows; empty fields do not narrow it."""

    direction: Direction | None = None
    status: StrEnum | None = None
    account_number: str = ""
    undecided: bool = False
    """Only those that await the hub's decision."""
    about: str = ""
    """Only those about the transfer with this end-to-end id."""
    search: str = ""
    """Part of a party's name or the description, without accents and case; an amount; part of an id; a txid.

    The repository leaves it to `Queries`.
    """
    after: tuple[int, str, str] | None = None
    """Only those behind this (requested_at_ms, key, direction): the last of the page before."""
    newest_first: bool = True
    size: int = PAGE_SIZE_DEFAULT


@dataclass(frozen=True, slots=True)
class TransferPage:
    """Transfers in the order asked for. `next_cursor` is the `after` of the next page; empty on the last."""

    transfers: tuple[Transfer, ...]
    next_cursor: str


@dataclass(frozen=True, slots=True)
class HomePage:
    """What a customer sees first. The account is at least as new as the lines, and these as what is on its way."""

    account: Account
    lines: tuple[StatementLine, ...]
    under_way: tuple[Transfer, ...]
    scheduled: tuple[Schedule, ...] = ()
    """Those whose payment has failed, until the customer has read of it; then those that still pay, by the next try."""


@dataclass(frozen=True, slots=True)
class LimitView:
    """A limit that counts now, in centavos; None is no limit. A raise counts from `raise_at_ms` on."""

    kind: LimitKind
    amount_centavos: int | None
    raise_to_centavos: int | None
    raise_at_ms: int | None
    """None: no raise waits."""
    may_be_removed: bool


@dataclass(frozen=True, slots=True)
class LimitsView:
    """An account's limits, in the order of their kinds, and what it has paid in the present day or night."""

    span: Span
    spent_centavos: int
    limits: tuple[LimitView, ...]


@dataclass(frozen=True, slots=True)
class PostingPage:
    """Postings with their ids, newest first. `next_cursor` is the `before` of the next page; empty on the last."""

    postings: tuple[tuple[int, Posting], ...]
    next_cursor: str


@dataclass(frozen=True, slots=True)
class BooksSums:
    """The bank's books in sums. What is owed (customers, clearing, capital) equals what is held (cash, settlement)."""

    customers_centavos: int
    """The customers' balances, as kept beside the books."""
    customers_posted_centavos: int
    """The same, summed over the postings: always equal."""
    clearing_centavos: int
    """Customers' money on its way out."""
    settlement_centavos: int
    """The account at the hub, as the books have it."""
    cash_centavos: int
    capital_centavos: int
    deposits_centavos: int
    """All that customers have ever paid in, less what they have taken out."""
    postings: int

    @property
    def offenders(self) -> tuple[str, ...]:
        """Accounts and transfers that do not hold; sums alone name none."""
        return ()

    @property
    def is_balanced(self) -> bool:
        """Whether the sums agree, and nothing that was compared breaks them."""
        owed = self.customers_posted_centavos + self.clearing_centavos + self.capital_centavos
        held = self.cash_centavos + self.settlement_centavos
        return owed == held and self.customers_centavos == self.customers_posted_centavos and not self.offenders


@dataclass(frozen=True, slots=True)
class BooksSummary(BooksSums):
    """The sums over the postings themselves, and what is wrong with single accounts and transfers."""

    negative_accounts: tuple[str, ...]
    """Account numbers whose balance is below zero: never any."""
    unbalanced_accounts: tuple[str, ...]
    """Account numbers whose balance is not the sum of their postings: never any."""
    unbalanced_transfers: tuple[str, ...]
    """End-to-end ids whose postings are not what their status demands: never any."""

    @property
    def offenders(self) -> tuple[str, ...]:
        return self.negative_accounts + self.unbalanced_accounts + self.unbalanced_transfers
