"""The bank's stores in memory, with real transactions: what is not committed was never there.

The deterministic simulation runs on them, and they pass the same contract tests as PostgreSQL. One transaction at a
time: threads wait for each other.
"""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from types import TracebackType
from typing import Any, Final

from bank_sim.adapters.memory.charges import BatchId, MemoryBatches, MemoryCharges, MemoryLocations, RevisionId
from bank_sim.adapters.memory.credentials import MemoryApiRequests, MemoryCredentials
from bank_sim.adapters.memory.customer_app import MemoryDevices, MemoryFavourites, MemoryReadMarks
from bank_sim.adapters.memory.exports import ExportedPostings, ExportedRows
from bank_sim.adapters.memory.receipts import MemoryReceipts
from bank_sim.adapters.memory.sandbox import MemoryPlans, MemoryRules
from bank_sim.adapters.memory.schedules import ExecutionId, MemorySchedules
from bank_sim.adapters.memory.signing_keys import MemorySigningKeys
from bank_sim.adapters.memory.webhooks import MemoryNotices, MemoryWebhooks
from bank_sim.application.charges.ports import BatchRepository, ChargeRepository, LocationRepository
from bank_sim.application.credentials.ports import ApiRequestRepository, CredentialRepository
from bank_sim.application.customer_app.ports import DeviceRepository, FavouriteRepository, ReadMarkRepository
from bank_sim.application.payable_codes.ports import SigningKeyRepository
from bank_sim.application.ports import (
    AccountRepository,
    BooksViolated,
    KeyRepository,
    PostingRepository,
    RowExists,
    RowRepository,
    ScheduleRepository,
    SwitchRepository,
)
from bank_sim.application.receipts.ports import ReceiptRepository
from bank_sim.application.sandbox.ports import PlanRepository, RuleRepository
from bank_sim.application.views import (
    BooksSummary,
    BooksSums,
    RowFilter,
    StatementDirection,
    StatementFilter,
)
from bank_sim.application.webhooks.ports import NoticeRepository, Report, WebhookRepository
from bank_sim.domain.account import Account, AccountKey, AccountStatus
from bank_sim.domain.bank import Participant
from bank_sim.domain.behaviour import ANSWER_DELAY_MS_MAX, Behaviour
from bank_sim.domain.books import CAPITAL, CASH, CLEARING, CUSTOMER_PREFIX, SETTLEMENT, Posting, customer_ledger
from bank_sim.domain.charges.batches import Batch
from bank_sim.domain.charges.model import Charge, ChargeId, Location
from bank_sim.domain.credentials.model import ApiCredential
from bank_sim.domain.credentials.request_log import ApiRequest
from bank_sim.domain.customer_app.contacts import Contact
from bank_sim.domain.customer_app.devices import Device
from bank_sim.domain.flows import FLOWS
from bank_sim.domain.flows.flow import WITHHELD, FlowRow, RowId
from bank_sim.domain.flows.transfer.model import NAME as TRANSFER
from bank_sim.domain.flows.transfer.model import Transfer
from bank_sim.domain.payable_codes.model import SigningKey
from bank_sim.domain.sandbox.plans import PlannedPayment
from bank_sim.domain.sandbox.rules import Rule, behaviour_of, with_switches
from bank_sim.domain.schedules.model import Execution, Schedule
from bank_sim.domain.webhooks.model import Delivery, Notice, Webhook, WebhookId
from pix.participant.clock.memory import MemoryClock
from pix.participant.clock.model import ClockRepository
from pix.participant.dead_letters.memory import MemoryDeadLetters
from pix.participant.dead_letters.model import DeadLetterRepository
from pix.runtime.memory_table import MemoryTable
from pix.runtime.outages import DatabaseUnavailable
from pix.scheme.clock import VirtualTime
from pix.scheme.keys import PixKey
from pix.scheme.postings import POSTINGS_DUE, Direction, PostingKind

FIRST_SERIAL: Final = 100_001
"""As in the migrations: the demo people have the numbers below."""

LOCK_SECONDS_MAX: Final = 10.0

_UNDECIDED: Final = frozenset({"pending", "accepted", "rejected"})
_FAILED: Final = "failed"
_PINNING: Final = frozenset({"pending", "accepted"})
"""The states, of any flow, in which money may still come to the account."""
PostingId = tuple[str, Direction | None, PostingKind | None]
"""What makes a posting unique: transfer, direction and kind; or the deposit or funding alone."""


@dataclass(slots=True)
class BankStore:
    accounts: MemoryTable[str, Account] = field(default_factory=MemoryTable)
    pin_hashes: MemoryTable[str, str] = field(default_factory=MemoryTable)
    keys: MemoryTable[PixKey, tuple[AccountKey, int]] = field(default_factory=MemoryTable)
    rows: Mapping[str, MemoryTable[RowId, Any]] = field(
        default_factory=lambda: {flow.name: MemoryTable() for flow in FLOWS}
    )
    """By the name of the flow."""
    idempotency_keys: MemoryTable[tuple[str, str, str], RowId] = field(default_factory=MemoryTable)
    """By flow, account number and key."""
    postings: MemoryTable[PostingId, tuple[int, Posting]] = field(default_factory=MemoryTable)
    schedules: MemoryTable[str, Schedule] = field(default_factory=MemoryTable)
    executions: MemoryTable[ExecutionId, Execution] = field(default_factory=MemoryTable)
    signing_keys: MemoryTable[str, SigningKey] = field(default_factory=MemoryTable)
    charges: MemoryTable[ChargeId, Charge] = field(default_factory=MemoryTable)
    revisions: MemoryTable[RevisionId, Charge] = field(default_factory=MemoryTable)
    """Of charges, as they were before a change by the merchant."""
    locations: MemoryTable[int, Location] = field(default_factory=MemoryTable)
    batches: MemoryTable[BatchId, Batch] = field(default_factory=MemoryTable)
    credentials: MemoryTable[str, ApiCredential] = field(default_factory=MemoryTable)
    api_requests: MemoryTable[int, ApiRequest] = field(default_factory=MemoryTable)
    webhooks: MemoryTable[WebhookId, Webhook] = field(default_factory=MemoryTable)
    notices: MemoryTable[int, Notice] = field(default_factory=MemoryTable)
    deliveries: MemoryTable[int, Delivery] = field(default_factory=MemoryTable)
    reports: MemoryTable[str, Report] = field(default_factory=MemoryTable)
    rules: MemoryTable[str, Rule] = field(default_factory=MemoryTable)
    plans: MemoryTable[str, PlannedPayment] = field(default_factory=MemoryTable)
    participants: MemoryTable[str, Participant] = field(default_factory=MemoryTable)
    stories: MemoryTable[str, tuple[str, str]] = field(default_factory=MemoryTable)
    clock: MemoryTable[str, VirtualTime] = field(default_factory=MemoryTable)
    devices: MemoryTable[str, Device] = field(default_factory=MemoryTable)
    favourites: MemoryTable[tuple[str, str], Contact] = field(default_factory=MemoryTable)
    read_marks: MemoryTable[str, int] = field(default_factory=MemoryTable)
    dead_letters: MemoryDeadLetters = field(default_factory=MemoryDeadLetters)
    last_serial: int = FIRST_SERIAL - 1
    """A sequence, as a database's: a transaction that is undone leaves a gap."""
    last_posting_id: int = 0
    last_location_id: int = 0
    last_request_serial: int = 0
    last_notice_id: int = 0
    last_delivery_id: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def transfers(self) -> MemoryTable[RowId, Transfer]:
        """The rows of the flow `transfer`."""
        return self.rows[TRANSFER]

    def tables(self) -> Sequence[MemoryTable[Any, Any]]:
        """Everything that a transaction commits or undoes."""
        return (
            self.accounts, self.pin_hashes, self.keys, *self.rows.values(), self.idempotency_keys, self.postings,
            self.schedules, self.executions, self.charges, self.revisions, self.locations, self.batches,
            self.credentials, self.api_requests, self.webhooks, self.notices, self.deliveries, self.reports,
            self.rules, self.plans, self.participants, self.stories, self.clock, self.signing_keys,
            self.devices, self.favourites, self.read_marks, self.dead_letters.table,
        )  # fmt: skip


class MemoryAccounts:
    def __init__(self, store: BankStore) -> None:
        self._store = store

    def next_serial(self) -> int:
        self._store.last_serial += 1
        return self._store.last_serial

    def add(self, account: Account, pin_hash: str) -> None:
        if self._store.accounts.get(account.number) is not None:
            raise RowExists(account.number)
        self._store.accounts.put(account.number, account)
        self._store.pin_hashes.put(account.number, pin_hash)

    def claim_tax_id(self, tax_id: str) -> bool:
        # One transaction at a time, so that no other process claims it meanwhile.
        return not self.open_tax_ids([tax_id])

    def open_tax_ids(self, tax_ids: Collection[str]) -> set[str]:
        return {
            account.tax_id
            for account in self._store.accounts.values()
            if account.tax_id in tax_ids and account.status is not AccountStatus.CLOSED
        }

    def lock(self, numbers: Collection[str]) -> dict[str, Account]:
        found = {number: self._store.accounts.get(number) for number in sorted(numbers)}
        return {number: account for number, account in found.items() if account is not None}

    def save(self, accounts: Collection[Account]) -> None:
        for account in accounts:
            if account.balance_centavos < 0:
                raise BooksViolated(f"the balance of {account.number} would be negative")
            known = self._store.accounts.get(account.number)
            if known is not None:
                self._store.accounts.put(
                    account.number,
                    replace(known, status=account.status, balance_centavos=account.balance_centavos),
                )

    def save_limits(self, account: Account) -> None:
        known = self._store.accounts.get(account.number)
        if known is not None:
            self._store.accounts.put(account.number, replace(known, limits=account.limits))

    def find(self, number: str) -> Account | None:
        return self._store.accounts.get(number)

    def save_pin_hash(self, number: str, pin_hash: str) -> None:
        self._store.pin_hashes.put(number, pin_hash)

    def pin_hash(self, number: str) -> str | None:
        return self._store.pin_hashes.get(number)

    def list(self, after_number: str, size: int) -> list[Account]:
        accounts = [account for account in self._store.accounts.values() if account.number > after_number]
        return sorted(accounts, key=lambda account: account.number)[:size]


class MemoryKeys:
    def __init__(self, store: BankStore) -> None:
        self._store = store

    def put(self, keys: Sequence[AccountKey], noted_at_ms: int) -> None:
        for key in keys:
            self._store.keys.put(key.key, (key, noted_at_ms))

    def remove(self, keys: Collection[PixKey], account_number: str = "") -> None:
        for key in keys:
            noted = self._store.keys.get(key)
            if noted is not None and account_number in ("", noted[0].account_number):
                self._store.keys.drop(key)

    def of_closed_accounts(self, after: PixKey | None, size: int) -> list[AccountKey]:
        closed = {each.number for each in self._store.accounts.values() if each.status is AccountStatus.CLOSED}
        keys = [entry for entry, _ in self._store.keys.values() if entry.account_number in closed]
        ordered = sorted(keys, key=lambda entry: (entry.key.key, entry.key.kind.value))
        if after is not None:
            ordered = [entry for entry in ordered if (entry.key.key, entry.key.kind.value) > (after.key, after.kind)]
        return ordered[:size]

    def of_account(self, account_number: str) -> list[AccountKey]:
        keys = [key for key, _ in self._store.keys.values() if key.account_number == account_number]
        return sorted(keys, key=lambda key: (key.registered_at_ms, key.key.key))

    def owners(self, keys: Collection[PixKey]) -> dict[PixKey, str]:
        found = {key: self._store.keys.get(key) for key in keys}
        return {key: noted[0].account_number for key, noted in found.items() if noted is not None}

    def all(self) -> dict[AccountKey, int]:
        return dict(self._store.keys.values())


def _wait_ms_max(row: FlowRow, wait_ms_max: int) -> int:
    return max(ANSWER_DELAY_MS_MAX, wait_ms_max) if row.resend_count == WITHHELD else wait_ms_max


class MemoryRows(ExportedRows):
    """See `bank_sim.application.ports.RowRepository`."""

    def __init__(self, store: BankStore, flow: str) -> None:
        self._rows = store.rows[flow]
        self._ids = store.idempotency_keys
        self._flow = flow

    def lock(self, ids: Collection[RowId]) -> dict[RowId, Any]:
        return self.find_many(ids)

    def lock_due(self, real_now_ms: int, size: int, wait_ms_max: int) -> list[Any]:
        due = [
            (row.resend_at_ms, row.row_id, row)
            for row in self._rows.values()
            if row.resend_at_ms is not None
            and not real_now_ms < row.resend_at_ms <= real_now_ms + _wait_ms_max(row, wait_ms_max)
        ]
        return [row for _, _, row in sorted(due, key=lambda entry: entry[:2])[:size]]

    def lock_waiting(self, real_now_ms: int, before_ms: int, size: int) -> list[Any]:
        waiting = [
            (row.resend_at_ms, row.row_id, row)
            for row in self._rows.values()
            if row.resend_at_ms is not None
            and real_now_ms < row.resend_at_ms < before_ms
            and row.resend_count != WITHHELD
        ]
        return [row for _, _, row in sorted(waiting, key=lambda entry: entry[:2], reverse=True)[:size]]

    def add(self, rows: Sequence[Any]) -> None:
        for row in rows:
            if self._rows.get(row.row_id) is not None:
                raise RowExists(f"{row.row_id[0]} {row.row_id[1]}")
            if row.idempotency_key:
                idempotency_key = (self._flow, row.account_number, row.idempotency_key)
                if self._ids.get(idempotency_key) is not None:
                    raise RowExists(row.idempotency_key)
                self._ids.put(idempotency_key, row.row_id)
            self._rows.put(row.row_id, row)

    def save(self, rows: Sequence[Any]) -> None:
        for row in rows:
            if self._rows.get(row.row_id) is not None:
                self._rows.put(row.row_id, row)

    def find(self, key: str, direction: Direction) -> Any:
        return self._rows.get((key, direction))

    def find_many(self, ids: Collection[RowId]) -> dict[RowId, Any]:
        found = {row_id: self._rows.get(row_id) for row_id in sorted(ids)}
        return {row_id: row for row_id, row in found.items() if row is not None}

    def find_about(self, end_to_end_ids: Collection[str], direction: Direction) -> list[Any]:
        found = [row for row in self._rows.values() if row.about in end_to_end_ids and row.direction is direction]
        return sorted(found, key=_order_of)

    def find_by_idempotency_keys(self, keys: Collection[tuple[str, str]]) -> dict[tuple[str, str], Any]:
        found = {}
        for key in keys:
            row_id = self._ids.get((self._flow, *key))
            row = None if row_id is None else self._rows.get(row_id)
            if row is not None:
                found[key] = row
        return found

    def spent(self, account_numbers: Collection[str], from_ms: int, to_ms: int) -> dict[str, int]:
        spent: Counter[str] = Counter()
        for row in self._rows.values():
            if (
                row.account_number in account_numbers
                and row.direction is Direction.OUTGOING
                and row.status != _FAILED
                and from_ms <= row.requested_at_ms < to_ms
            ):
                spent[row.account_number] += row.amount_centavos
        return dict(spent)

    def open_ids(self, size: int) -> list[str]:
        opened = [(row.resend_at_ms, *row.row_id) for row in self._rows.values() if row.resend_at_ms is not None]
        return [f"{key} {direction}" for _, key, direction in sorted(opened)[:size]]

    def has_undecided(self, account_number: str) -> bool:
        return any(row.account_number == account_number and row.status in _PINNING for row in self._rows.values())

    def list(self, narrow: RowFilter) -> list[Any]:
        matching = [row for row in self._rows.values() if _matches(row, narrow)]
        matching.sort(key=_order_of, reverse=narrow.newest_first)
        if narrow.after is not None:
            after = narrow.after
            if narrow.newest_first:
                matching = [row for row in matching if _order_of(row) < after]
            else:
                matching = [row for row in matching if _order_of(row) > after]
        return matching[: narrow.size]

    def count(self) -> Mapping[tuple[Direction, str], int]:
        return Counter((row.direction, row.status) for row in self._rows.values())

    def count_undecided(self) -> int:
        return sum(row.status in _UNDECIDED for row in self._rows.values())


def _order_of(row: FlowRow) -> tuple[int, str, str]:
    return row.requested_at_ms, row.row_id[0], row.direction.value


def _matches(row: FlowRow, narrow: RowFilter) -> bool:
    return (
        (narrow.direction is None or row.direction is narrow.direction)
        and (narrow.status is None or row.status == narrow.status)
        and (not narrow.account_number or row.account_number == narrow.account_number)
        and (not narrow.undecided or row.status in _UNDECIDED)
        and (not narrow.about or row.about == narrow.about)
    )


class MemoryPostings(ExportedPostings):
    def __init__(self, store: BankStore) -> None:
        self._store = store

    def _entries(self) -> Iterable[tuple[int, Posting]]:
        return self._store.postings.values()

    def add(self, postings: Sequence[Posting]) -> None:
        for posting in postings:
            place = _place_of_posting(posting)
            if self._store.postings.get(place) is not None:
                raise RowExists(f"{place[0]} {place[1]} {posting.kind}")
            if posting.amount_centavos <= 0:
                raise BooksViolated("a posting moves more than nothing")
            self._store.last_posting_id += 1
            self._store.postings.put(place, (self._store.last_posting_id, posting))

    def known_operations(self, operation_ids: Collection[str]) -> set[str]:
        return {
            operation_id
            for operation_id in operation_ids
            if self._store.postings.get((operation_id, None, None)) is not None
        }

    def statement(
        self, account_number: str, narrow: StatementFilter, before_posting_id: int | None, size: int
    ) -> list[tuple[int, Posting]]:
        def place(entry: tuple[int, Posting]) -> tuple[int, int]:
            return entry[1].posted_at_ms if narrow.has_order_of_time else 0, entry[0]

        before = (0, before_posting_id or 0)
        if narrow.has_order_of_time and before_posting_id is not None:
            found = (place(entry) for entry in self._store.postings.values() if entry[0] == before_posting_id)
            before = next(found, (0, 0))
        shown = [
            entry
            for entry in self._store.postings.values()
            if entry[1].account_number == account_number
            and _is_shown(entry[1], narrow)
            and (before_posting_id is None or place(entry) < before)
        ]
        return sorted(shown, key=place, reverse=True)[:size]

    def credits_behind(self, account_number: str, posting_id: int, among: int) -> list[int]:
        newest = [
            entry for entry in self.statement(account_number, StatementFilter(), None, among) if entry[0] > posting_id
        ]
        return [place for place, posting in newest if posting.kind is PostingKind.CREDIT]

    def sums_by_time(
        self, account_number: str, edges_ms: Sequence[int], among: int
    ) -> tuple[list[tuple[int, int]], int]:
        came, went = [0] * len(edges_ms), [0] * len(edges_ms)
        newest = self.statement(account_number, StatementFilter(), None, among)
        for _, posting in newest:
            place = bisect_right(edges_ms, posting.posted_at_ms) - 1
            if place < 0:
                continue
            if posting.kind is PostingKind.REFUND:
                went[place] -= posting.amount_centavos
            elif posting.debit_account == customer_ledger(account_number):
                went[place] += posting.amount_centavos
            else:
                came[place] += posting.amount_centavos
        return list(zip(came, went, strict=True)), len(newest)

    def sums(self) -> BooksSums:
        credited = self._credited()
        deposits_centavos = 0
        for _, posting in self._store.postings.values():
            if posting.kind is PostingKind.DEPOSIT:
                deposits_centavos += posting.amount_centavos
            elif posting.kind is PostingKind.WITHDRAWAL:
                deposits_centavos -= posting.amount_centavos
        return BooksSums(
            customers_centavos=sum(account.balance_centavos for account in self._store.accounts.values()),
            customers_posted_centavos=sum(
                centavos for ledger, centavos in credited.items() if ledger.startswith(CUSTOMER_PREFIX)
            ),
            clearing_centavos=credited[CLEARING],
            settlement_centavos=-credited[SETTLEMENT],
            cash_centavos=-credited[CASH],
            capital_centavos=credited[CAPITAL],
            deposits_centavos=deposits_centavos,
            postings=sum(1 for _ in self._store.postings.values()),
        )

    def summary(self, *, compare_rows: bool = True) -> BooksSummary:
        credited = self._credited()
        accounts = sorted(self._store.accounts.values(), key=lambda account: account.number)
        return BooksSummary(
            **asdict(self.sums()),
            negative_accounts=tuple(account.number for account in accounts if account.balance_centavos < 0),
            unbalanced_accounts=tuple(
                account.number
                for account in accounts
                if account.balance_centavos != credited[customer_ledger(account.number)]
            ),
            unbalanced_transfers=self._unbalanced_rows() if compare_rows else (),
        )

    def _credited(self) -> Counter[str]:
        """What each ledger account was credited, less what it was debited."""
        credited: Counter[str] = Counter()
        for _, posting in self._store.postings.values():
            credited[posting.debit_account] -= posting.amount_centavos
            credited[posting.credit_account] += posting.amount_centavos
        return credited

    def _unbalanced_rows(self) -> tuple[str, ...]:
        booked: dict[RowId, list[Posting]] = {}
        for _, posting in self._store.postings.values():
            if posting.end_to_end_id is not None and posting.direction is not None:
                booked.setdefault((posting.end_to_end_id, posting.direction), []).append(posting)
        rows = {row.row_id: row for table in self._store.rows.values() for row in table.values()}
        odd = {row_id[0] for row_id in booked if row_id not in rows}
        for row in rows.values():
            postings = booked.get(row.row_id, ())
            kinds = {posting.kind for posting in postings}
            due = set(POSTINGS_DUE[row.direction, row.status])
            if kinds != due or any(posting.amount_centavos != row.amount_centavos for posting in postings):
                odd.add(row.row_id[0])
        return tuple(sorted(odd))

    def of_transfer(self, end_to_end_id: str) -> list[tuple[int, Posting]]:
        postings = [entry for entry in self._store.postings.values() if entry[1].end_to_end_id == end_to_end_id]
        return sorted(postings, key=lambda entry: entry[0])

    def list(self, before_posting_id: int | None, size: int) -> list[tuple[int, Posting]]:
        postings = [
            entry
            for entry in self._store.postings.values()
            if before_posting_id is None or entry[0] < before_posting_id
        ]
        return sorted(postings, key=lambda entry: -entry[0])[:size]


def _place_of_posting(posting: Posting) -> PostingId:
    if posting.end_to_end_id is not None:
        return posting.end_to_end_id, posting.direction, posting.kind
    return posting.operation_id or "", None, None


def _is_shown(posting: Posting, narrow: StatementFilter) -> bool:
    is_refund = posting.kind is PostingKind.REFUND
    is_debit = posting.debit_account == customer_ledger(posting.account_number or "")
    match narrow.direction:
        case StatementDirection.ALL:
            is_in_direction = True
        case StatementDirection.IN:
            is_in_direction = not is_debit and not is_refund
        case StatementDirection.OUT:
            is_in_direction = is_debit
        case StatementDirection.REFUNDS:
            is_in_direction = is_refund
    return (
        is_in_direction
        and (narrow.from_ms is None or posting.posted_at_ms >= narrow.from_ms)
        and (narrow.to_ms is None or posting.posted_at_ms < narrow.to_ms)
    )


class MemorySwitches:
    def __init__(self, store: BankStore) -> None:
        self._store = store

    def behaviour(self) -> Behaviour:
        return behaviour_of(MemoryRules(self._store).all())

    def set_behaviour(self, behaviour: Behaviour) -> None:
        rules = MemoryRules(self._store)
        rules.put(with_switches(rules.all(), behaviour))

    def participants(self) -> dict[str, Participant]:
        participants = sorted(self._store.participants.values(), key=lambda participant: participant.code)
        return {participant.ispb: participant for participant in participants}

    def set_participants(self, participants: Sequence[Participant]) -> None:
        for ispb in self.participants():
            self._store.participants.drop(ispb)
        for participant in participants:
            self._store.participants.put(participant.ispb, participant)

    def seeded_stories(self) -> dict[str, str]:
        return dict(sorted(self._store.stories.values(), key=lambda seeded: seeded[1]))

    def add_seeded_story(self, story: str, account_number: str) -> None:
        if self._store.stories.get(story) is None:
            self._store.stories.put(story, (story, account_number))


class MemoryUnitOfWork:
    accounts: AccountRepository
    keys: KeyRepository
    rows: Mapping[str, RowRepository[Any]]
    transfers: RowRepository[Transfer]
    postings: PostingRepository
    schedules: ScheduleRepository
    signing_keys: SigningKeyRepository
    charges: ChargeRepository
    locations: LocationRepository
    batches: BatchRepository
    receipts: ReceiptRepository
    credentials: CredentialRepository
    api_requests: ApiRequestRepository
    webhooks: WebhookRepository
    notices: NoticeRepository
    switches: SwitchRepository
    rules: RuleRepository
    plans: PlanRepository
    clock: ClockRepository
    devices: DeviceRepository
    favourites: FavouriteRepository
    read_marks: ReadMarkRepository
    dead_letters: DeadLetterRepository

    def __init__(self, store: BankStore) -> None:
        self._store = store
        self.accounts = MemoryAccounts(store)
        self.keys = MemoryKeys(store)
        self.rows = {flow.name: MemoryRows(store, flow.name) for flow in FLOWS}
        self.transfers = self.rows[TRANSFER]
        self.postings = MemoryPostings(store)
        self.schedules = MemorySchedules(store)
        self.signing_keys = MemorySigningKeys(store.signing_keys)
        self.charges = MemoryCharges(store)
        self.locations = MemoryLocations(store)
        self.batches = MemoryBatches(store)
        self.receipts = MemoryReceipts(store)
        self.credentials = MemoryCredentials(store)
        self.api_requests = MemoryApiRequests(store)
        self.webhooks = MemoryWebhooks(store)
        self.notices = MemoryNotices(store)
        self.switches = MemorySwitches(store)
        self.rules = MemoryRules(store)
        self.plans = MemoryPlans(store)
        self.clock = MemoryClock(store.clock)
        self.devices = MemoryDevices(store.devices)
        self.favourites = MemoryFavourites(store.favourites)
        self.read_marks = MemoryReadMarks(store.read_marks)
        self.dead_letters = store.dead_letters

    def __enter__(self) -> MemoryUnitOfWork:
        if not self._store.lock.acquire(timeout=LOCK_SECONDS_MAX):
            raise DatabaseUnavailable("another transaction holds the store")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for table in self._store.tables():
            table.rollback()
        self._store.lock.release()

    def commit(self) -> None:
        for table in self._store.tables():
            table.commit()


class MemoryUnitsOfWork:
    def __init__(self, store: BankStore | None = None) -> None:
        self.store = store or BankStore()

    def __call__(self) -> MemoryUnitOfWork:
        return MemoryUnitOfWork(self.store)
