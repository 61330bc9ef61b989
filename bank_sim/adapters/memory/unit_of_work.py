"""The bank's stores in memory, with real transactions: what is not committed was never there.

The deterministic simulation runs on them, and they pass the same contract tests as PostgreSQL. One transaction at a
time: threads wait for each other.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Any, Final

from bank_sim.adapters.memory.schedules import ExecutionId, MemorySchedules
from bank_sim.application.ports import (
    AccountRepository,
    BooksViolated,
    KeyRepository,
    PostingRepository,
    RowExists,
    ScheduleRepository,
    SwitchRepository,
    TransferRepository,
)
from bank_sim.application.views import (
    BooksSummary,
    StatementDirection,
    StatementFilter,
    StatementLine,
    TransferFilter,
)
from bank_sim.domain.account import Account, AccountKey, AccountStatus
from bank_sim.domain.bank import Participant
from bank_sim.domain.behaviour import ANSWER_DELAY_MS_MAX, Behaviour
from bank_sim.domain.books import CAPITAL, CASH, CLEARING, CUSTOMER_PREFIX, SETTLEMENT, Posting, customer_ledger
from bank_sim.domain.flows.flow import RowId
from bank_sim.domain.flows.transfer.model import UNDECIDED, Progress, Transfer, TransferStatus
from bank_sim.domain.schedules.model import Execution, Schedule
from pix.participant.dead_letters.memory import MemoryDeadLetters
from pix.participant.dead_letters.model import DeadLetterRepository
from pix.runtime.memory_table import MemoryTable
from pix.runtime.outages import DatabaseUnavailable
from pix.scheme.keys import PixKey
from pix.scheme.postings import POSTINGS_DUE, Direction, PostingKind

FIRST_SERIAL: Final = 100_001
"""As in the migrations: the demo people have the numbers below."""

LOCK_SECONDS_MAX: Final = 10.0

_SWITCH: Final = "behaviour"
PostingId = tuple[str, Direction | None, PostingKind | None]
"""What makes a posting unique: transfer, direction and kind; or the deposit or funding alone."""


@dataclass(slots=True)
class BankStore:
    """What is durable."""

    accounts: MemoryTable[str, Account] = field(default_factory=MemoryTable)
    pin_hashes: MemoryTable[str, str] = field(default_factory=MemoryTable)
    keys: MemoryTable[PixKey, tuple[AccountKey, int]] = field(default_factory=MemoryTable)
    transfers: MemoryTable[RowId, Transfer] = field(default_factory=MemoryTable)
    idempotency_keys: MemoryTable[tuple[str, str], RowId] = field(default_factory=MemoryTable)
    postings: MemoryTable[PostingId, tuple[int, Posting]] = field(default_factory=MemoryTable)
    schedules: MemoryTable[str, Schedule] = field(default_factory=MemoryTable)
    executions: MemoryTable[ExecutionId, Execution] = field(default_factory=MemoryTable)
    behaviour: MemoryTable[str, Behaviour] = field(default_factory=MemoryTable)
    participants: MemoryTable[str, Participant] = field(default_factory=MemoryTable)
    stories: MemoryTable[str, tuple[str, str]] = field(default_factory=MemoryTable)
    dead_letters: MemoryDeadLetters = field(default_factory=MemoryDeadLetters)
    last_serial: int = FIRST_SERIAL - 1
    """A sequence, as a database's: a transaction that is undone leaves a gap."""
    last_posting_id: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def tables(self) -> Sequence[MemoryTable[Any, Any]]:
        """Everything that a transaction commits or undoes."""
        return (
            self.accounts, self.pin_hashes, self.keys, self.transfers, self.idempotency_keys, self.postings,
            self.schedules, self.executions, self.behaviour, self.participants, self.stories, self.dead_letters.table,
        )  # fmt: skip


class MemoryAccounts:
    """See `bank_sim.application.ports.AccountRepository`."""

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

    def pin_hash(self, number: str) -> str | None:
        return self._store.pin_hashes.get(number)

    def list(self, after_number: str, size: int) -> list[Account]:
        accounts = [account for account in self._store.accounts.values() if account.number > after_number]
        return sorted(accounts, key=lambda account: account.number)[:size]


class MemoryKeys:
    """See `bank_sim.application.ports.KeyRepository`."""

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


def _wait_ms_max(transfer: Transfer, wait_ms_max: int) -> int:
    is_answered_late = transfer.answered_at_ms is not None and transfer.answered_at_ms == transfer.resend_at_ms
    return max(ANSWER_DELAY_MS_MAX, wait_ms_max) if is_answered_late else wait_ms_max


class MemoryTransfers:
    """See `bank_sim.application.ports.TransferRepository`."""

    def __init__(self, store: BankStore) -> None:
        self._store = store

    def lock(self, ids: Collection[RowId]) -> dict[RowId, Transfer]:
        found = {place: self._store.transfers.get(place) for place in sorted(ids)}
        return {place: transfer for place, transfer in found.items() if transfer is not None}

    def lock_due(self, now_ms: int, size: int, wait_ms_max: int) -> list[Transfer]:
        due = [
            (transfer.resend_at_ms, transfer.end_to_end_id, transfer)
            for transfer in self._store.transfers.values()
            if transfer.resend_at_ms is not None
            and not now_ms < transfer.resend_at_ms <= now_ms + _wait_ms_max(transfer, wait_ms_max)
        ]
        return [transfer for _, _, transfer in sorted(due, key=lambda entry: entry[:2])[:size]]

    def add(self, transfers: Sequence[Transfer]) -> None:
        for transfer in transfers:
            place = _place_of(transfer)
            if self._store.transfers.get(place) is not None:
                raise RowExists(f"{place[0]} {place[1]}")
            if transfer.idempotency_key:
                idempotency_key = (transfer.account_number, transfer.idempotency_key)
                if self._store.idempotency_keys.get(idempotency_key) is not None:
                    raise RowExists(transfer.idempotency_key)
                self._store.idempotency_keys.put(idempotency_key, place)
            self._store.transfers.put(place, transfer)

    def save(self, transfers: Sequence[Transfer]) -> None:
        for transfer in transfers:
            if self._store.transfers.get(_place_of(transfer)) is not None:
                self._store.transfers.put(_place_of(transfer), transfer)

    def learn(self, progress: Mapping[str, Progress]) -> None:
        for end_to_end_id, steps in progress.items():
            for direction in Direction:
                transfer = self.find(end_to_end_id, direction)
                if transfer is not None:
                    confirmed = transfer.status is TransferStatus.CONFIRMED
                    completed_at_ms = steps.completed_at_ms if confirmed else None
                    learned = replace(
                        transfer,
                        offered_at_ms=transfer.offered_at_ms or steps.offered_at_ms,
                        completed_at_ms=transfer.completed_at_ms or completed_at_ms,
                    )
                    self._store.transfers.put(_place_of(transfer), learned)

    def find(self, end_to_end_id: str, direction: Direction) -> Transfer | None:
        return self._store.transfers.get((end_to_end_id, direction))

    def find_by_idempotency_keys(self, keys: Collection[tuple[str, str]]) -> dict[tuple[str, str], Transfer]:
        found = {}
        for key in keys:
            place = self._store.idempotency_keys.get(key)
            transfer = None if place is None else self._store.transfers.get(place)
            if transfer is not None:
                found[key] = transfer
        return found

    def spent(self, account_numbers: Collection[str], from_ms: int, to_ms: int) -> dict[str, int]:
        spent: Counter[str] = Counter()
        for transfer in self._store.transfers.values():
            if (
                transfer.account_number in account_numbers
                and transfer.direction is Direction.OUTGOING
                and transfer.status is not TransferStatus.FAILED
                and from_ms <= transfer.requested_at_ms < to_ms
            ):
                spent[transfer.account_number] += transfer.amount_centavos
        return dict(spent)

    def has_undecided(self, account_number: str) -> bool:
        pinning = (TransferStatus.PENDING, TransferStatus.ACCEPTED)
        return any(
            transfer.account_number == account_number and transfer.status in pinning
            for transfer in self._store.transfers.values()
        )

    def list(self, narrow: TransferFilter) -> list[Transfer]:
        matching = [transfer for transfer in self._store.transfers.values() if _matches(transfer, narrow)]
        matching.sort(key=_order_of, reverse=narrow.newest_first)
        if narrow.after is not None:
            after = narrow.after
            if narrow.newest_first:
                matching = [transfer for transfer in matching if _order_of(transfer) < after]
            else:
                matching = [transfer for transfer in matching if _order_of(transfer) > after]
        return matching[: narrow.size]

    def count(self) -> Mapping[tuple[Direction, TransferStatus], int]:
        return Counter((transfer.direction, transfer.status) for transfer in self._store.transfers.values())


def _place_of(transfer: Transfer) -> RowId:
    return transfer.end_to_end_id, transfer.direction


def _order_of(transfer: Transfer) -> tuple[int, str, str]:
    return transfer.requested_at_ms, transfer.end_to_end_id, transfer.direction.value


def _matches(transfer: Transfer, narrow: TransferFilter) -> bool:
    return (
        (narrow.direction is None or transfer.direction is narrow.direction)
        and (narrow.status is None or transfer.status is narrow.status)
        and (not narrow.account_number or transfer.account_number == narrow.account_number)
        and (not narrow.undecided or transfer.status in UNDECIDED)
    )


class MemoryPostings:
    """See `bank_sim.application.ports.PostingRepository`."""

    def __init__(self, store: BankStore) -> None:
        self._store = store

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
    ) -> list[StatementLine]:
        lines = [
            self._line_of(posting_id, posting)
            for posting_id, posting in self._store.postings.values()
            if posting.account_number == account_number
        ]
        shown = [
            line
            for line in lines
            if _is_shown(line, narrow) and (before_posting_id is None or line.posting_id < before_posting_id)
        ]
        return sorted(shown, key=lambda line: -line.posting_id)[:size]

    def _line_of(self, posting_id: int, posting: Posting) -> StatementLine:
        transfer = None
        if posting.end_to_end_id is not None and posting.direction is not None:
            transfer = self._store.transfers.get((posting.end_to_end_id, posting.direction))
        bank = None if transfer is None else self._store.participants.get(transfer.counterpart_ispb)
        shown_bank = ""
        if bank is not None:
            shown_bank = bank.name
        elif transfer is not None:
            shown_bank = transfer.payee_bank_name or transfer.counterpart_ispb
        is_debit = posting.debit_account == customer_ledger(posting.account_number or "")
        return StatementLine(
            posting_id=posting_id,
            posted_at_ms=posting.posted_at_ms,
            kind=posting.kind,
            end_to_end_id=posting.end_to_end_id or "",
            direction=posting.direction,
            counterpart_name="" if transfer is None else transfer.counterpart_name,
            counterpart_bank=shown_bank,
            description="" if transfer is None else transfer.description,
            amount_centavos=-posting.amount_centavos if is_debit else posting.amount_centavos,
            balance_after_centavos=posting.balance_after_centavos or 0,
            transfer_status=None if transfer is None else transfer.status,
        )

    def summary(self) -> BooksSummary:
        credited: Counter[str] = Counter()
        deposits_centavos = 0
        booked: dict[RowId, list[Posting]] = {}
        for _, posting in self._store.postings.values():
            credited[posting.debit_account] -= posting.amount_centavos
            credited[posting.credit_account] += posting.amount_centavos
            if posting.kind is PostingKind.DEPOSIT:
                deposits_centavos += posting.amount_centavos
            if posting.end_to_end_id is not None and posting.direction is not None:
                booked.setdefault((posting.end_to_end_id, posting.direction), []).append(posting)
        accounts = list(self._store.accounts.values())
        return BooksSummary(
            customers_centavos=sum(account.balance_centavos for account in accounts),
            customers_posted_centavos=sum(
                centavos for ledger, centavos in credited.items() if ledger.startswith(CUSTOMER_PREFIX)
            ),
            clearing_centavos=credited[CLEARING],
            settlement_centavos=-credited[SETTLEMENT],
            cash_centavos=-credited[CASH],
            capital_centavos=credited[CAPITAL],
            deposits_centavos=deposits_centavos,
            postings=sum(1 for _ in self._store.postings.values()),
            negative_accounts=tuple(sorted(account.number for account in accounts if account.balance_centavos < 0)),
            unbalanced_accounts=tuple(
                sorted(
                    account.number
                    for account in accounts
                    if account.balance_centavos != credited[customer_ledger(account.number)]
                )
            ),
            unbalanced_transfers=self._unbalanced_transfers(booked),
        )

    def _unbalanced_transfers(self, booked: Mapping[RowId, Sequence[Posting]]) -> tuple[str, ...]:
        odd = {place[0] for place in booked if self._store.transfers.get(place) is None}
        for transfer in self._store.transfers.values():
            postings = booked.get(_place_of(transfer), ())
            kinds = {posting.kind for posting in postings}
            due = set(POSTINGS_DUE[transfer.direction, transfer.status])
            if kinds != due or any(posting.amount_centavos != transfer.amount_centavos for posting in postings):
                odd.add(transfer.end_to_end_id)
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


def _is_shown(line: StatementLine, narrow: StatementFilter) -> bool:
    is_refund = line.kind is PostingKind.REFUND
    match narrow.direction:
        case StatementDirection.ALL:
            is_in_direction = True
        case StatementDirection.IN:
            is_in_direction = line.amount_centavos > 0 and not is_refund
        case StatementDirection.OUT:
            is_in_direction = line.amount_centavos < 0
        case StatementDirection.REFUNDS:
            is_in_direction = is_refund
    return (
        is_in_direction
        and (narrow.from_ms is None or line.posted_at_ms >= narrow.from_ms)
        and (narrow.to_ms is None or line.posted_at_ms < narrow.to_ms)
    )


class MemorySwitches:
    """See `bank_sim.application.ports.SwitchRepository`."""

    def __init__(self, store: BankStore) -> None:
        self._store = store

    def behaviour(self) -> Behaviour:
        return self._store.behaviour.get(_SWITCH) or Behaviour()

    def set_behaviour(self, behaviour: Behaviour) -> None:
        self._store.behaviour.put(_SWITCH, behaviour)

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
    """One transaction; see `bank_sim.application.ports.UnitOfWork`."""

    accounts: AccountRepository
    keys: KeyRepository
    transfers: TransferRepository
    postings: PostingRepository
    schedules: ScheduleRepository
    switches: SwitchRepository
    dead_letters: DeadLetterRepository

    def __init__(self, store: BankStore) -> None:
        self._store = store
        self.accounts = MemoryAccounts(store)
        self.keys = MemoryKeys(store)
        self.transfers = MemoryTransfers(store)
        self.postings = MemoryPostings(store)
        self.schedules = MemorySchedules(store)
        self.switches = MemorySwitches(store)
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
    """Opens units of work on one store."""

    def __init__(self, store: BankStore | None = None) -> None:
        self.store = store or BankStore()

    def __call__(self) -> MemoryUnitOfWork:
        return MemoryUnitOfWork(self.store)
