"""The hub's unit of work in memory, with real transactions: what is not committed was never there.

The deterministic simulation runs on it, and it passes the same contract tests as PostgreSQL.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Any

from hub.adapters.flow_stores import STORES
from hub.adapters.memory.trail import MemoryTrail
from hub.application.ports import (
    BankClock,
    ClockJump,
    Found,
    KeyFilter,
    RowRepository,
    SettlementConflict,
    TransferRepository,
)
from hub.domain.bank import Bank, BankSecret
from hub.domain.directory import Account, KeyChange, KeyEntry, KeyEvent
from hub.domain.errors import BankAlreadyAdded
from hub.domain.flows import FLOWS
from hub.domain.flows.transfer.model import NAME as TRANSFER
from hub.domain.flows.transfer.model import Transfer
from hub.domain.liveness import HEARTBEAT_AGE_MS_MAX, BankInstance
from hub.domain.settlement import AccountChange, Funding, SettlementAccount
from hub.domain.tallies import Tally, TallyKey, tally_changes
from hub.domain.trail import TrailEntry
from pix.participant.clock.memory import MemoryClock
from pix.participant.dead_letters.memory import MemoryDeadLetters
from pix.runtime.memory_table import MemoryTable
from pix.scheme.clock import VirtualTime
from pix.scheme.flows import Step
from pix.scheme.keys import KeyKind, PixKey
from pix.scheme.searching import fold


@dataclass(slots=True)
class HubStore:
    rows: Mapping[str, MemoryTable[str, Any]] = field(
        default_factory=lambda: {flow.name: MemoryTable() for flow in FLOWS}
    )
    """By the name of the flow."""
    history: MemoryTable[str, tuple[Step[Any, Any], ...]] = field(default_factory=MemoryTable)
    """Of the rows of all flows."""
    tallies: MemoryTable[TallyKey, Tally] = field(default_factory=MemoryTable)
    banks: MemoryTable[str, Bank] = field(default_factory=MemoryTable)
    secrets: MemoryTable[str, tuple[BankSecret, ...]] = field(default_factory=MemoryTable)
    accounts: MemoryTable[str, SettlementAccount] = field(default_factory=MemoryTable)
    fundings: MemoryTable[str, Funding] = field(default_factory=MemoryTable)
    keys: MemoryTable[PixKey, KeyEntry] = field(default_factory=MemoryTable)
    key_events: MemoryTable[PixKey, tuple[KeyEvent, ...]] = field(default_factory=MemoryTable)
    clock: MemoryTable[str, VirtualTime] = field(default_factory=MemoryTable)
    clock_jump: MemoryTable[str, ClockJump] = field(default_factory=MemoryTable)
    clock_reports: MemoryTable[tuple[str, str], BankClock] = field(default_factory=MemoryTable)
    instances: MemoryTable[tuple[str, str], BankInstance] = field(default_factory=MemoryTable)
    dead_letters: MemoryDeadLetters = field(default_factory=MemoryDeadLetters)
    trail: MemoryTable[int, TrailEntry] = field(default_factory=MemoryTable)

    @property
    def transfers(self) -> MemoryTable[str, Transfer]:
        """The rows of the flow `transfer`."""
        return self.rows[TRANSFER]

    def tables(self) -> list[MemoryTable]:  # type: ignore[type-arg]
        """Everything that a transaction commits or undoes."""
        return [
            *self.rows.values(), self.history, self.tallies, self.banks, self.instances, self.secrets, self.accounts,
            self.fundings, self.keys, self.key_events, self.clock, self.clock_jump, self.clock_reports,
            self.dead_letters.table, self.trail,
        ]  # fmt: skip


class MemoryTallies:
    def __init__(self, store: HubStore) -> None:
        self._store = store

    def lock(self) -> None:
        """Transactions in memory come one after the other."""

    def add(self, changes: Mapping[TallyKey, Tally]) -> None:
        for place, change in changes.items():
            known = self._store.tallies.get(place) or Tally(0, 0)
            self._store.tallies.put(
                place,
                Tally(known.rows + change.rows, known.amount_centavos + change.amount_centavos),
            )

    def all(self) -> dict[TallyKey, Tally]:
        return {place: tally for place, tally in self._store.tallies.items() if tally.rows}

    def recount(self) -> None:
        for place, _ in list(self._store.tallies.items()):
            self._store.tallies.drop(place)
        self.add(tally_changes((None, row) for rows in self._store.rows.values() for row in rows.values()))


class MemoryBanks:
    def __init__(self, store: HubStore) -> None:
        self._store = store

    def all(self) -> dict[str, Bank]:
        return {bank.ispb: bank for bank in self._store.banks.values()}

    def secrets(self) -> dict[str, list[BankSecret]]:
        return {
            secrets[0].ispb: sorted(secrets, key=lambda secret: -secret.added_at_ms)
            for secrets in self._store.secrets.values()
            if secrets
        }

    def add(self, bank: Bank) -> None:
        if any(bank.ispb == known.ispb or bank.code == known.code for known in self._store.banks.values()):
            raise BankAlreadyAdded("code", f"another bank has the code {bank.code}")
        self._store.banks.put(bank.ispb, bank)

    def update(self, bank: Bank) -> None:
        known = self._store.banks.get(bank.ispb)
        assert known is not None, "a bank is added before it is updated"
        self._store.banks.put(bank.ispb, replace(bank, active=known.active))

    def set_active(self, ispb: str, *, active: bool) -> None:
        known = self._store.banks.get(ispb)
        assert known is not None, "a bank is added before it is suspended"
        self._store.banks.put(ispb, replace(known, active=active))

    def add_secret(self, secret: BankSecret) -> None:
        others = [
            known for known in self._store.secrets.get(secret.ispb) or () if known.secret_sha256 != secret.secret_sha256
        ]
        self._store.secrets.put(secret.ispb, (*others, secret))

    def retire_secrets(self, ispb: str, keep: int) -> None:
        secrets = sorted(self._store.secrets.get(ispb) or (), key=lambda secret: -secret.added_at_ms)
        self._store.secrets.put(ispb, tuple(secrets[:keep]))


class MemoryHeartbeats:
    def __init__(self, store: HubStore) -> None:
        self._store = store

    def put(self, instance: BankInstance) -> None:
        place = (instance.ispb, instance.instance)
        known = self._store.instances.get(place)
        if known is None or not 0 < known.last_seen_at_ms - instance.last_seen_at_ms <= HEARTBEAT_AGE_MS_MAX:
            self._store.instances.put(place, instance)

    def forget(self, last_seen_before_ms: int, last_seen_after_ms: int) -> None:
        for place, instance in list(self._store.instances.items()):
            if not last_seen_before_ms <= instance.last_seen_at_ms <= last_seen_after_ms:
                self._store.instances.drop(place)

    def all(self) -> list[BankInstance]:
        return list(self._store.instances.values())


class MemorySettlement:
    def __init__(self, store: HubStore) -> None:
        self._store = store

    def lock(self, ispbs: Collection[str]) -> dict[str, SettlementAccount]:
        return {ispb: account for ispb, account in self.all().items() if ispb in ispbs}

    def save(self, accounts: Sequence[SettlementAccount]) -> None:
        for account in accounts:
            # The same rule that PostgreSQL keeps by a CHECK.
            assert 0 <= account.reserved_centavos <= account.balance_centavos, f"reserve beyond the balance: {account}"
            self._store.accounts.put(account.ispb, account)

    def open(self, ispb: str) -> None:
        self._store.accounts.put(ispb, SettlementAccount(ispb, 0, 0))

    def all(self) -> dict[str, SettlementAccount]:
        return {account.ispb: account for account in sorted(self._store.accounts.values(), key=lambda a: a.ispb)}

    def add(self, changes: Sequence[AccountChange]) -> None:
        for change in changes:
            known = self._store.accounts.get(change.ispb)
            assert known is not None, "a bank has its account from the start"
            account = SettlementAccount(
                change.ispb,
                known.balance_centavos + change.balance_centavos,
                known.reserved_centavos + change.reserved_centavos,
            )
            if not 0 <= account.reserved_centavos <= account.balance_centavos:
                raise SettlementConflict
            self._store.accounts.put(change.ispb, account)

    def add_funding(self, funding: Funding) -> bool:
        if self.find_funding(funding.funding_id) is not None:
            return False
        self._store.fundings.put(funding.funding_id, funding)
        return True

    def find_funding(self, funding_id: str) -> Funding | None:
        return self._store.fundings.get(funding_id)

    def fundings(self, ispb: str) -> list[Funding]:
        fundings = [funding for funding in self._store.fundings.values() if funding.ispb == ispb]
        return sorted(fundings, key=lambda funding: (funding.funded_at_ms, funding.funding_id))

    def largest_fundings(self) -> dict[str, int]:
        largest: dict[str, int] = {}
        for funding in self._store.fundings.values():
            if funding.amount_centavos > largest.get(funding.ispb, 0):
                largest[funding.ispb] = funding.amount_centavos
        return largest


class MemoryKeys:
    def __init__(self, store: HubStore) -> None:
        self._store = store

    def find_many(self, keys: Collection[PixKey]) -> dict[PixKey, KeyEntry]:
        found = {key: self._store.keys.get(key) for key in keys}
        return {key: entry for key, entry in found.items() if entry is not None}

    def find_by_requests(self, requests: Collection[tuple[str, str]]) -> Mapping[tuple[str, str], KeyEntry]:
        return {
            (entry.ispb, entry.request_id): entry
            for entry in self._store.keys.values()
            if entry.request_id and (entry.ispb, entry.request_id) in requests
        }

    def lock_accounts(self, accounts: Collection[Account]) -> Mapping[Account, int]:
        counts = Counter(entry.account for entry in self._store.keys.values())
        return {account: counts[account] for account in accounts}

    def add(self, entries: Sequence[KeyEntry]) -> int:
        return sum(self._add(entry) for entry in entries)

    def _add(self, entry: KeyEntry) -> bool:
        if self._store.keys.get(entry.key) or self.find_by_requests({(entry.ispb, entry.request_id)}):
            return False
        self._store.keys.put(entry.key, entry)
        self._note(KeyEvent(entry.key, entry.ispb, KeyChange.REGISTERED, entry.registered_at_ms))
        return True

    def remove(self, key: PixKey, ispb: str, now_ms: int, account: tuple[str, str] | None = None) -> bool:
        entry = self._store.keys.get(key)
        if entry is None or entry.ispb != ispb:
            return False
        if account is not None and account != (entry.branch, entry.account_number):
            return False
        self._store.keys.drop(key)
        self._note(KeyEvent(key, ispb, KeyChange.REMOVED, now_ms))
        return True

    def _note(self, event: KeyEvent) -> None:
        self._store.key_events.put(event.key, (*self.history(event.key), event))

    def history(self, key: PixKey) -> list[KeyEvent]:
        return list(self._store.key_events.get(key) or ())

    def search(self, narrow: KeyFilter) -> Found[KeyEntry, tuple[str, str]]:
        def place(entry: KeyEntry) -> tuple[str, str]:
            return entry.key.key, entry.key.kind.value

        behind = [
            entry
            for entry in self._store.keys.values()
            if (not narrow.beginnings or entry.key.key.startswith(narrow.beginnings))
            and (narrow.after is None or place(entry) > narrow.after)
        ]
        examined = sorted(behind, key=place)[: narrow.examined_max]
        found = [
            entry
            for entry in examined
            if (narrow.kind is None or entry.key.kind is narrow.kind)
            and (not narrow.ispb or entry.ispb == narrow.ispb)
            and narrow.holder_part in fold(entry.holder_name)
        ]
        is_cut = len(found) < narrow.size and len(examined) == narrow.examined_max
        return Found(found[: narrow.size], place(examined[-1]) if is_cut else None)

    def list_of_bank(
        self, ispb: str, branch: str, account_number: str, after: tuple[int, str] | None, size: int
    ) -> list[KeyEntry]:
        entries = [
            entry
            for entry in self._store.keys.values()
            if entry.ispb == ispb
            and ((not branch and not account_number) or entry.account == (ispb, branch, account_number))
            and (after is None or (entry.registered_at_ms, entry.key.key) > after)
        ]
        return sorted(entries, key=lambda entry: (entry.registered_at_ms, entry.key.key))[:size]

    def count_by_kind(self) -> Mapping[tuple[str, KeyKind], int]:
        return Counter((entry.ispb, entry.key.kind) for entry in self._store.keys.values())


class MemoryClockJump:
    """See `hub.application.ports.ClockJumpRepository`."""

    def __init__(self, store: HubStore) -> None:
        self._store = store

    def find(self) -> ClockJump | None:
        return self._store.clock_jump.get("")

    def save(self, jump: ClockJump) -> None:
        self._store.clock_jump.put("", jump)

    def put_report(self, report: BankClock) -> None:
        self._store.clock_reports.put((report.ispb, report.report.instance), report)

    def forget_reports(self, before_ms: int, after_ms: int) -> None:
        for key, said in list(self._store.clock_reports.items()):
            if not before_ms <= said.reported_at_ms <= after_ms:
                self._store.clock_reports.drop(key)

    def reports(self) -> list[BankClock]:
        return [said for _, said in sorted(self._store.clock_reports.items(), key=lambda item: item[0])]


class MemoryUnitOfWork:
    """One transaction on a store that no other transaction uses at the same time."""

    def __init__(self, store: HubStore) -> None:
        self._store = store
        self.rows: Mapping[str, RowRepository[Any]] = {
            flow: STORES[flow].in_memory(rows, store.history) for flow, rows in store.rows.items()
        }
        self.transfers: TransferRepository = self.rows[TRANSFER]  # type: ignore[assignment]
        self.tallies = MemoryTallies(store)
        self.banks = MemoryBanks(store)
        self.heartbeats = MemoryHeartbeats(store)
        self.settlement = MemorySettlement(store)
        self.keys = MemoryKeys(store)
        self.clock = MemoryClock(store.clock)
        self.clock_jump = MemoryClockJump(store)
        self.dead_letters = store.dead_letters
        self.trail = MemoryTrail(store.trail)

    def __enter__(self) -> MemoryUnitOfWork:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for table in self._store.tables():
            table.rollback()

    def commit(self) -> None:
        for table in self._store.tables():
            table.commit()


class MemoryUnitsOfWork:
    def __init__(self, store: HubStore) -> None:
        self.store = store

    def __call__(self) -> MemoryUnitOfWork:
        return MemoryUnitOfWork(self.store)
