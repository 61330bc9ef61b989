"""What the bank's use cases need from outside, as they need it.

Every method of a repository works inside its unit of work's transaction and may raise
`pix.runtime.outages.DatabaseUnavailable`; then nothing of the transaction has happened, and it may be tried again.
What adds rows may raise RowExists, what writes balances may raise BooksViolated, each also as late as at the commit;
then too nothing has happened.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date
from types import TracebackType
from typing import Any, Protocol, TypeVar

from bank_sim.application.charges.ports import BatchRepository, ChargeRepository, LocationRepository
from bank_sim.application.credentials.ports import ApiRequestRepository, CredentialRepository
from bank_sim.application.customer_app.ports import DeviceRepository, FavouriteRepository, ReadMarkRepository
from bank_sim.application.payable_codes.ports import SigningKeyRepository
from bank_sim.application.receipts.ports import ReceiptRepository
from bank_sim.application.sandbox.ports import PlanRepository, RuleRepository
from bank_sim.application.views import BooksSummary, BooksSums, RowFilter, StatementFilter
from bank_sim.application.webhooks.ports import NoticeRepository, WebhookRepository
from bank_sim.domain.account import Account, AccountKey, Payee
from bank_sim.domain.bank import BankIdentity, Participant
from bank_sim.domain.behaviour import Behaviour
from bank_sim.domain.books import Posting
from bank_sim.domain.flows.flow import RowId
from bank_sim.domain.flows.transfer.model import Progress, Transfer
from bank_sim.domain.schedules.model import Execution, Schedule
from pix.participant.clock.model import ClockReport, ClockRepository
from pix.participant.dead_letters.model import DeadLetterRepository
from pix.scheme.clock import VirtualTime
from pix.scheme.deliveries import Outgoing
from pix.scheme.exports import ExportKey, ExportPage
from pix.scheme.features import Feature
from pix.scheme.keys import KeyKind, PixKey
from pix.scheme.postings import Direction
from pix.scheme.values import value_object

RowT = TypeVar("RowT")


class RowExists(Exception):
    """Another transaction has made such a row meanwhile: read again, and there it is."""


class BooksViolated(Exception):
    """The database refused what would break the books, such as a negative balance: a fault of ours, never a rule."""


class AccountRepository(Protocol):
    """Customers' accounts."""

    def next_serial(self) -> int:
        """A serial that no other account has or will get."""

    def add(self, account: Account, pin_hash: str) -> None:
        """A new account. Raises RowExists."""

    def claim_tax_id(self, tax_id: str) -> bool:
        """Whether the tax id has no open account; until the end of this transaction no other one can claim it."""

    def open_tax_ids(self, tax_ids: Collection[str]) -> set[str]:
        """Those that have an account which is not closed."""

    def lock(self, numbers: Collection[str]) -> dict[str, Account]:
        """Those that exist, locked until the end of the transaction, taken in the order of their numbers."""

    def save(self, accounts: Collection[Account]) -> None:
        """Status and balance of accounts that were locked or added in this transaction. Raises BooksViolated."""

    def save_limits(self, account: Account) -> None:
        """The limits of an account that was locked in this transaction."""

    def find(self, number: str) -> Account | None:
        """One account, without a lock."""

    def pin_hash(self, number: str) -> str | None:
        """What its PIN is checked against."""

    def save_pin_hash(self, number: str, pin_hash: str) -> None:
        """Of an account that was locked in this transaction."""

    def list(self, after_number: str, size: int) -> list[Account]:
        """By number, those behind `after_number`."""


class KeyRepository(Protocol):
    """The keys of this bank's accounts; the hub's directory is what counts."""

    def put(self, keys: Sequence[AccountKey], noted_at_ms: int) -> None:
        """Adds keys, or gives them to the account that has them now. `noted_at_ms` is our own time."""

    def remove(self, keys: Collection[PixKey], account_number: str = "") -> None:
        """Forgets keys, of this account alone if one is named; a key that is not there is as good."""

    def of_closed_accounts(self, after: PixKey | None, size: int) -> list[AccountKey]:
        """At most `size` in the order of (key, kind), those behind `after`."""

    def of_account(self, account_number: str) -> list[AccountKey]:
        """In the order of registration."""

    def owners(self, keys: Collection[PixKey]) -> dict[PixKey, str]:
        """The account numbers of those keys that are ours."""

    def all(self) -> dict[AccountKey, int]:
        """Every key, with the time at which it was noted."""


class RowRepository(Protocol[RowT]):
    """The rows of one flow: this bank's sides of its transfers, returns and so on."""

    def lock(self, ids: Collection[RowId]) -> dict[RowId, RowT]:
        """Those that exist, locked until the end of the transaction, taken in the order of their ids."""

    def lock_due(self, real_now_ms: int, size: int, wait_ms_max: int) -> list[RowT]:
        """At most `size` of which a message is due to be sent again; skips what another replica holds.

        One that is due later than `wait_ms_max` from now is due as well: no row waits longer than that, so the clock
        has gone back since. Only an answer that is given late on purpose may wait for `ANSWER_DELAY_MS_MAX`.
        """

    def lock_waiting(self, real_now_ms: int, before_ms: int, size: int) -> list[RowT]:
        """At most `size` of those that are due later than now and before that time, the last due first.

        Without answers that are given late on purpose. Skips what another replica holds.
        """

    def add(self, rows: Sequence[RowT]) -> None:
        """New rows. Raises RowExists."""

    def save(self, rows: Sequence[RowT]) -> None:
        """Rows that were locked in this transaction."""

    def find(self, key: str, direction: Direction) -> RowT | None:
        """One row, without a lock. `key` is the first part of its id."""

    def find_many(self, ids: Collection[RowId]) -> dict[RowId, RowT]:
        """Those that exist, without a lock."""

    def find_about(self, end_to_end_ids: Collection[str], direction: Direction) -> list[RowT]:
        """The rows about these transfers, oldest first."""

    def find_by_idempotency_keys(self, keys: Collection[tuple[str, str]]) -> dict[tuple[str, str], RowT]:
        """Those that exist of these (account number, idempotency key)."""

    def spent(self, account_numbers: Collection[str], from_ms: int, to_ms: int) -> dict[str, int]:
        """What outgoing rows took from these accounts, in centavos, unless they failed.

        Those requested from `from_ms` to before `to_ms`.
        """

    def open_ids(self, size: int) -> list[str]:
        """At most `size` of the rows that owe something, due first: an end-to-end id and a direction each."""

    def has_undecided(self, account_number: str) -> bool:
        """Whether money may still come to the account: a promise to credit, or a debit that may be refunded."""

    def list(self, narrow: RowFilter) -> list[RowT]:
        """As the filter orders them."""

    def count(self) -> Mapping[tuple[Direction, str], int]:
        """How many are in each state."""

    def count_undecided(self) -> int:
        """How many await the hub's decision."""

    def export(self, after: ExportKey | None, size: int) -> ExportPage:
        """At most `size` rows behind an id, or the first ones, by id: `EXPORTED_BY_BANK` of each."""


class PostingRepository(Protocol):
    """The books; nothing in them is ever changed."""

    def add(self, postings: Sequence[Posting]) -> None:
        """New postings, in this order; nothing is booked twice. Raises RowExists."""

    def known_operations(self, operation_ids: Collection[str]) -> set[str]:
        """Which of these deposits, withdrawals and fundings are booked."""

    def statement(
        self, account_number: str, narrow: StatementFilter, before_posting_id: int | None, size: int
    ) -> list[tuple[int, Posting]]:
        """A customer's postings with their ids, newest first, behind a posting or from the newest on.

        By posting id, or by time if the filter `has_order_of_time`.
        """

    def credits_behind(self, account_number: str, posting_id: int, among: int) -> list[int]:
        """The ids of the payments to a customer behind a posting, newest first.

        Only those among so many newest postings of the customer.
        """

    def sums_by_time(
        self, account_number: str, edges_ms: Sequence[int], among: int
    ) -> tuple[list[tuple[int, int]], int]:
        """What came in and what went out from each edge to the next, in centavos, and how many postings were looked at.

        Edges ascend, and the last has no end. A refund lessens what went out. Sums are over so many newest postings of
        the customer at most.
        """

    def sums(self) -> BooksSums:
        """The sums of the books as they are kept with each posting, at a cost that does not grow with the books."""

    def summary(self, *, compare_rows: bool = True) -> BooksSummary:
        """The sums over the postings themselves, and whether they hold together: reads every posting.

        Without `compare_rows` no row is compared with its postings, and `unbalanced_transfers` is empty.
        """

    def of_transfer(self, end_to_end_id: str) -> list[tuple[int, Posting]]:
        """What is booked for a row with this key, on every side that this bank has, with its id; oldest first."""

    def list(self, before_posting_id: int | None, size: int) -> list[tuple[int, Posting]]:
        """Every posting with its id, newest first."""

    def export_operations(self, after: ExportKey | None, size: int) -> ExportPage:
        """At most `size` postings of deposits, withdrawals and fundings, by the id of the operation."""

    def export_of_rows(self, after: ExportKey | None, size: int) -> ExportPage:
        """At most `size` postings of transfers and returns, by (end-to-end or return id, direction, kind)."""

    def last_id(self) -> int:
        """The id of the newest posting; 0 without any."""

    def funded_centavos(self) -> int:
        """The sum of the fundings that are booked."""


class ScheduleRepository(Protocol):
    """Scheduled payments, and what became of each on its day."""

    def add(self, schedule: Schedule) -> None:
        """A new one. Raises RowExists."""

    def lock(self, schedule_id: str) -> Schedule | None:
        """One, locked until the end of the transaction."""

    def lock_due(self, now_ms: int, size: int) -> list[Schedule]:
        """At most `size` that are to be tried by now, in the order of (time, id); skips what another replica holds."""

    def save(self, schedules: Sequence[Schedule]) -> None:
        """Rows that were locked in this transaction."""

    def next_due_ms(self) -> int | None:
        """When the next one is to be tried; None when there is none."""

    def find(self, schedule_id: str) -> Schedule | None:
        """One, without a lock."""

    def find_by_idempotency_key(self, account_number: str, idempotency_key: str) -> Schedule | None:
        """The one that an order with this key has made."""

    def count_active(self, account_number: str) -> int:
        """How many of an account may still pay."""

    def of_account(self, account_number: str, size: int, *, shown: bool = False) -> list[Schedule]:
        """An account's, the active ones by the next try, then the others, newest first.

        `shown`: only those that are active, or have failed without the customer having read of it; these come first.
        """

    def add_executions(self, executions: Sequence[Execution]) -> None:
        """What became of payments; nothing is executed twice. Raises RowExists."""

    def executed(self, days: Collection[tuple[str, date]]) -> dict[tuple[str, date], Execution]:
        """Those that exist of these (schedule id, due day)."""

    def executions(self, account_number: str, schedule_id: str, size: int) -> list[Execution]:
        """An account's, of one schedule if one is named; newest first."""


class SwitchRepository(Protocol):
    """What replicas of this bank agree on beside the money."""

    def behaviour(self) -> Behaviour:
        """How the bank plays a counterparty; the honest default until one is chosen."""

    def set_behaviour(self, behaviour: Behaviour) -> None:
        """From the next batch on, in every replica."""

    def participants(self) -> dict[str, Participant]:
        """The banks of the network as last heard, by ISPB."""

    def set_participants(self, participants: Sequence[Participant]) -> None:
        """What the hub lists."""

    def seeded_stories(self) -> dict[str, str]:
        """The account numbers of the demo people who are complete, by story, in the order of their numbers."""

    def add_seeded_story(self, story: str, account_number: str) -> None:
        """Notes that a demo person is complete."""


class UnitOfWork(Protocol):
    """One transaction. Leaving it without `commit` undoes all.

    Every transaction locks in one order, so that no two wait for each other:

    1. rows that exist, flow by flow, each in the order of their ids; a sweeper skips what is locked;
    2. a batch of charges;
    3. charges, in the order of their ids; a sweeper skips what is locked;
    4. accounts, in the order of their numbers; a credential of the API, with an account or alone, after it;
    5. new rows, flow by flow, each in the order of their ids, and postings;
    6. dead letters, in the order of their digests;
    7. notices of webhooks, new ones in the order of their end-to-end ids; a delivery locks nothing else.

    A location needs no lock: the charge that names it has it, and no two can name one.
    """

    accounts: AccountRepository
    keys: KeyRepository
    rows: Mapping[str, RowRepository[Any]]
    """By the name of the flow, in the order of locking."""
    transfers: RowRepository[Transfer]
    """Those of the flow `transfer`."""
    postings: PostingRepository
    schedules: ScheduleRepository
    charges: ChargeRepository
    locations: LocationRepository
    batches: BatchRepository
    receipts: ReceiptRepository
    credentials: CredentialRepository
    api_requests: ApiRequestRepository
    webhooks: WebhookRepository
    notices: NoticeRepository
    switches: SwitchRepository
    signing_keys: SigningKeyRepository
    rules: RuleRepository
    plans: PlanRepository
    clock: ClockRepository
    devices: DeviceRepository
    favourites: FavouriteRepository
    read_marks: ReadMarkRepository
    dead_letters: DeadLetterRepository

    def __enter__(self) -> UnitOfWork:
        """Begins."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ends; undoes what was not committed."""

    def commit(self) -> None:
        """Makes it durable."""


class UnitsOfWork(Protocol):
    """Opens units of work."""

    def __call__(self) -> UnitOfWork:
        """A new one."""


@value_object
class SettlementFunding:
    """Money that the operator has put into the bank's settlement account (positive) or taken out (negative)."""

    funding_id: str
    amount_centavos: int
    funded_at_ms: int


@value_object
class SettlementAccount:
    """The bank's account of record at the hub."""

    balance_centavos: int
    reserved_centavos: int
    fundings: tuple[SettlementFunding, ...]
    """Oldest first."""


class Hub(Protocol):
    """The questions that a bank asks the hub. Each may raise HubUnavailable, HubCredentialsRejected and HubRejected."""

    def join_network(
        self, identity: BankIdentity, url: str, version: str, features: Collection[Feature], payload_host: str
    ) -> None:
        """Announces the bank, what it understands and where its payloads are; repeating it updates all of it."""

    def send_heartbeat(self, instance: str, version: str, lag: int | None) -> None:
        """Says that this process is there, and how many records wait to be read by it; None when it reads none."""

    def leave_network(self, instance: str) -> None:
        """Says that this process stops."""

    def list_participants(self) -> Sequence[Participant]:
        """The banks of the network, by code."""

    def register_key(self, account: Account, kind: KeyKind, key: str, request_id: str) -> AccountKey:
        """Registers a key; repeating it returns the same. Raises KeyTaken, KeyLimitReached, SchemeError."""

    def find_key(self, key: PixKey) -> Payee:
        """Who is paid by a key. Raises KeyNotFound."""

    def list_keys(self) -> Iterable[AccountKey]:
        """Every key of this bank, in the order of registration."""

    def remove_key(self, key: PixKey, account_number: str = "") -> None:
        """Removes a key of this bank, if an account is named only while the key pays into it. Raises KeyNotFound."""

    def settlement_account(self) -> SettlementAccount:
        """The bank's account of record."""

    def find_progress(self, end_to_end_ids: Sequence[str]) -> Mapping[str, Progress]:
        """The hub's own steps of those of these transfers that it knows; at most 100 ids."""


class BackgroundPublisher(Protocol):
    """Publishes after the commit, in a thread: a caller never waits for the broker.

    It may lose messages. The row that owes them is durable, so a loss only costs the time until the retransmission.
    """

    def enqueue(self, outgoing: Sequence[Outgoing]) -> None:
        """Never waits and never raises."""


class HubClock(Protocol):
    """The hub as the owner of the network's clock. Each may raise HubUnavailable, HubRejected, ClockNotVirtual."""

    def report_clock(self, report: ClockReport) -> None:
        """Says how this process stands to the clock."""

    def watch_clock(self, instance: str, stop: threading.Event) -> Iterator[VirtualTime]:
        """The revisions as the hub makes them, the present one first, until the stream ends or `stop` is set."""
