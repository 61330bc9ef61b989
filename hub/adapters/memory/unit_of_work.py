"""The hub's unit of work in memory, with real transactions: what is not committed was never there.

The deterministic simulation runs on it, and it passes the same contract tests as PostgreSQL.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import TracebackType

from hub.application.ports import Found, KeyFilter, Latency, SettlementConflict, TransferChange, TransferFilter
from hub.domain.bank import Bank, BankSecret
from hub.domain.directory import Account, KeyChange, KeyEntry, KeyEvent
from hub.domain.errors import BankAlreadyAdded
from hub.domain.flows.transfer.model import HistoryStep, Transfer, TransferStatus
from hub.domain.liveness import HEARTBEAT_AGE_MS_MAX, BankInstance
from hub.domain.settlement import AccountChange, Funding, SettlementAccount
from hub.domain.tallies import Tally, TallyKey, tally_changes
from pix.participant.dead_letters.memory import MemoryDeadLetters
from pix.runtime.memory_table import MemoryTable
from pix.runtime.outages import DatabaseUnavailable
from pix.scheme.keys import KeyKind, PixKey


@dataclass(slots=True)
class HubStore:
    """What is durable."""

    transfers: MemoryTable[str, Transfer] = field(default_factory=MemoryTable)
    history: MemoryTable[str, tuple[HistoryStep, ...]] = field(default_factory=MemoryTable)
    tallies: MemoryTable[TallyKey, Tally] = field(default_factory=MemoryTable)
    banks: MemoryTable[str, Bank] = field(default_factory=MemoryTable)
    secrets: MemoryTable[str, tuple[BankSecret, ...]] = field(default_factory=MemoryTable)
    accounts: MemoryTable[str, SettlementAccount] = field(default_factory=MemoryTable)
    fundings: MemoryTable[str, Funding] = field(default_factory=MemoryTable)
    keys: MemoryTable[PixKey, KeyEntry] = field(default_factory=MemoryTable)
    key_events: MemoryTable[PixKey, tuple[KeyEvent, ...]] = field(default_factory=MemoryTable)
    instances: MemoryTable[tuple[str, str], BankInstance] = field(default_factory=MemoryTable)
    dead_letters: MemoryDeadLetters = field(default_factory=MemoryDeadLetters)

    def has_transfer(self, end_to_end_id: str) -> bool:
        """What the primary key tells when a row is added."""
        return self.transfers.get(end_to_end_id) is not None

    def tables(self) -> list[MemoryTable]:  # type: ignore[type-arg]
        """Everything that a transaction commits or undoes."""
        return [
            self.transfers, self.history, self.tallies, self.banks, self.instances, self.secrets, self.accounts,
            self.fundings, self.keys, self.key_events, self.dead_letters.table,
        ]  # fmt: skip


class MemoryTransfers:
    """Transfers; see `hub.application.ports.TransferRepository`."""

    def __init__(self, store: HubStore) -> None:
        self._store = store
        self._locked: dict[str, Transfer] = {}

    def lock(self, end_to_end_ids: Collection[str], *, surely: bool = False) -> dict[str, Transfer]:  # noqa: ARG002 - port
        found = {transfer.end_to_end_id: transfer for transfer in self.find_many(sorted(end_to_end_ids))}
        self._locked |= found
        return found

    def lock_due(self, now_ms: int, size: int, wait_ms_max: int) -> list[Transfer]:
        return self._due(now_ms, wait_ms_max)[:size]

    def _due(self, now_ms: int, wait_ms_max: int) -> list[Transfer]:
        due = [
            transfer
            for transfer in self._store.transfers.values()
            if transfer.resend_at_ms is not None and not now_ms < transfer.resend_at_ms <= now_ms + wait_ms_max
        ]
        return sorted(due, key=lambda transfer: (transfer.resend_at_ms, transfer.end_to_end_id))

    def lock_expired(self, now_ms: int, timeout_ms: int, size: int, wait_ms_max: int) -> list[Transfer]:
        return [
            transfer
            for transfer in self._due(now_ms, wait_ms_max)
            if transfer.status is TransferStatus.PENDING
            and not -timeout_ms <= now_ms - transfer.received_at_ms <= timeout_ms
        ][:size]

    def save(self, changes: Sequence[TransferChange]) -> None:
        for change in changes:
            transfer = change.transfer
            if change.is_new and self._store.has_transfer(transfer.end_to_end_id):
                raise DatabaseUnavailable("another replica has added one of these transfers")
            known = self._store.transfers.get(transfer.end_to_end_id)
            if self._locked.pop(transfer.end_to_end_id, known) is not known:
                raise DatabaseUnavailable("another replica has changed one of these transfers")
            self._store.transfers.put(transfer.end_to_end_id, transfer)
            earlier = self._store.history.get(transfer.end_to_end_id) or ()
            self._store.history.put(transfer.end_to_end_id, earlier + change.steps)

    def find(self, end_to_end_id: str) -> tuple[Transfer, list[HistoryStep]] | None:
        transfer = self._store.transfers.get(end_to_end_id)
        if transfer is None:
            return None
        return transfer, list(self._store.history.get(end_to_end_id) or ())

    def find_many(self, end_to_end_ids: Collection[str]) -> list[Transfer]:
        found = [self._store.transfers.get(end_to_end_id) for end_to_end_id in end_to_end_ids]
        return [transfer for transfer in found if transfer is not None]

    def search(self, narrow: TransferFilter) -> Found[Transfer, tuple[int, str]]:
        def place(transfer: Transfer) -> tuple[int, str]:
            return transfer.received_at_ms, transfer.end_to_end_id

        def is_in_time(transfer: Transfer) -> bool:
            return (
                (narrow.before is None or place(transfer) < narrow.before)
                and (narrow.received_from_ms is None or transfer.received_at_ms >= narrow.received_from_ms)
                and (narrow.received_before_ms is None or transfer.received_at_ms < narrow.received_before_ms)
            )

        def shows(transfer: Transfer) -> bool:
            key = "" if transfer.payee_key is None else transfer.payee_key.key
            sides = {transfer.payer.ispb, transfer.payee.ispb if transfer.payee else ""}
            return (
                (not narrow.ispb or narrow.ispb in sides)
                and (narrow.status is None or transfer.status is narrow.status)
                and (narrow.reason is None or transfer.reason is narrow.reason)
                and (not narrow.key or key == narrow.key)
                and (not narrow.key_beginnings or key.startswith(narrow.key_beginnings))
                and (not narrow.txid or transfer.txid == narrow.txid)
                and (narrow.amount_centavos is None or transfer.amount_centavos == narrow.amount_centavos)
                and (not narrow.open_only or transfer.resend_at_ms is not None)
                and narrow.id_part in transfer.end_to_end_id
            )

        examined = sorted(filter(is_in_time, self._store.transfers.values()), key=place, reverse=True)
        if narrow.is_search:
            examined = examined[: narrow.examined_max]
        shown = [transfer for transfer in examined if shows(transfer)]
        is_cut = narrow.is_search and len(shown) < narrow.size and len(examined) == narrow.examined_max
        return Found(shown[: narrow.size], place(examined[-1]) if is_cut else None)

    def latencies(self, from_ms: int, until_ms: int, step_ms: int, size: int) -> list[Latency]:
        found = []
        for start_ms in range(from_ms, until_ms, step_ms):
            received = [
                transfer
                for transfer in self._store.transfers.values()
                if start_ms <= transfer.received_at_ms < min(start_ms + step_ms, until_ms)
            ]
            received.sort(key=lambda transfer: transfer.received_at_ms, reverse=True)
            took = sorted(
                transfer.closed_at_ms - transfer.received_at_ms
                for transfer in received[:size]
                if transfer.status is TransferStatus.COMPLETED and transfer.closed_at_ms is not None
            )
            if took:
                p50, p99 = (took[math.ceil(share * len(took)) - 1] for share in (0.5, 0.99))
                found.append(Latency(start_ms, len(took), p50, p99))
        return found

    def oldest_offers(self, size: int) -> dict[str, int]:
        pending = [each for each in self._store.transfers.values() if each.status is TransferStatus.PENDING]
        oldest: dict[str, int] = {}
        for transfer in sorted(pending, key=lambda each: each.resend_at_ms or 0)[:size]:
            if transfer.payee is not None:
                known = oldest.get(transfer.payee.ispb, transfer.received_at_ms)
                oldest[transfer.payee.ispb] = min(known, transfer.received_at_ms)
        return oldest


class MemoryTallies:
    """Tallies; see `hub.application.ports.TallyRepository`."""

    def __init__(self, store: HubStore) -> None:
        self._store = store

    def lock(self) -> None:
        """Transactions in memory come one after the other."""

    def add(self, changes: Mapping[TallyKey, Tally]) -> None:
        for place, change in changes.items():
            known = self._store.tallies.get(place) or Tally(0, 0)
            self._store.tallies.put(
                place,
                Tally(known.transfers + change.transfers, known.amount_centavos + change.amount_centavos),
            )

    def all(self) -> dict[TallyKey, Tally]:
        return {place: tally for place, tally in self._store.tallies.items() if tally.transfers}

    def recount(self) -> None:
        for place, _ in list(self._store.tallies.items()):
            self._store.tallies.drop(place)
        self.add(tally_changes((None, transfer) for transfer in self._store.transfers.values()))


class MemoryBanks:
    """Banks; see `hub.application.ports.BankRepository`."""

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
    """Processes of banks; see `hub.application.ports.HeartbeatRepository`."""

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
    """Settlement accounts; see `hub.application.ports.SettlementRepository`."""

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


class MemoryKeys:
    """The directory; see `hub.application.ports.KeyRepository`."""

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
            if (narrow.kind is None or entry.key.kind is narrow.kind) and (not narrow.ispb or entry.ispb == narrow.ispb)
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


class MemoryUnitOfWork:
    """One transaction on a store that no other transaction uses at the same time."""

    def __init__(self, store: HubStore) -> None:
        self._store = store
        self.transfers = MemoryTransfers(store)
        self.tallies = MemoryTallies(store)
        self.banks = MemoryBanks(store)
        self.heartbeats = MemoryHeartbeats(store)
        self.settlement = MemorySettlement(store)
        self.keys = MemoryKeys(store)
        self.dead_letters = store.dead_letters

    def __enter__(self) -> MemoryUnitOfWork:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for table in self._store.tables():
            table.rollback()

    def commit(self) -> None:
        """Makes the changes durable."""
        for table in self._store.tables():
            table.commit()


class MemoryUnitsOfWork:
    """Opens units of work on one store."""

    def __init__(self, store: HubStore) -> None:
        self.store = store

    def __call__(self) -> MemoryUnitOfWork:
        return MemoryUnitOfWork(self.store)
