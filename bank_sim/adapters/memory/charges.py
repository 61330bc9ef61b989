"""Charges, locations and batches in memory."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from bank_sim.application.charges.ports import BatchFilter, ChargeFilter, LocationFilter
from bank_sim.application.ports import RowExists
from bank_sim.domain.account import Account, AccountStatus
from bank_sim.domain.charges.batches import Batch, BatchItem, ItemStatus
from bank_sim.domain.charges.model import Charge, ChargeId, ChargeKind, ChargePlace, Location, place_of
from bank_sim.domain.flows.flow import RowId
from bank_sim.domain.flows.transfer.model import Transfer, TransferStatus
from pix.runtime.memory_table import MemoryTable
from pix.scheme.postings import Direction

RevisionId = tuple[str, str, int]
"""The id of a charge, and a revision."""
BatchId = tuple[str, str]
"""Tax id and the merchant's id of the batch."""


class ChargeStore(Protocol):
    """The part of a bank's store with charges, and what they are found by."""

    accounts: MemoryTable[str, Account]
    rows: Mapping[str, MemoryTable[RowId, Any]]
    charges: MemoryTable[ChargeId, Charge]
    revisions: MemoryTable[RevisionId, Charge]
    locations: MemoryTable[int, Location]
    batches: MemoryTable[BatchId, Batch]
    last_location_id: int

    @property
    def transfers(self) -> MemoryTable[RowId, Transfer]: ...


class MemoryCharges:
    """See `bank_sim.application.charges.ports.ChargeRepository`."""

    def __init__(self, store: ChargeStore) -> None:
        self._store = store

    def add(self, charges: Sequence[Charge]) -> None:
        for charge in charges:
            if self._store.charges.get(charge.charge_id) is not None:
                raise RowExists(charge.txid)
            self._put(charge)

    def lock(self, ids: Collection[ChargeId]) -> dict[ChargeId, Charge]:
        found = {charge_id: self._store.charges.get(charge_id) for charge_id in sorted(ids)}
        return {charge_id: charge for charge_id, charge in found.items() if charge is not None}

    def lock_of_transfers(self, places: Collection[ChargePlace]) -> dict[ChargePlace, Charge]:
        return self.find_of_transfers(places)

    def find_of_transfers(self, places: Collection[ChargePlace]) -> dict[ChargePlace, Charge]:
        found: dict[ChargePlace, Charge] = {}
        for number, txid in places:
            account = self._store.accounts.get(number)
            charge = None if account is None else self._store.charges.get((account.tax_id, txid))
            if charge is not None:
                found[number, txid] = charge
        return found

    def lock_open_of_closed_accounts(self, size: int) -> list[Charge]:
        closed = {each.number for each in self._store.accounts.values() if each.status is AccountStatus.CLOSED}
        found = [
            charge
            for charge in self._store.charges.values()
            if charge.account_number in closed and charge.is_active and not charge.reserved_by
        ]
        return sorted(found, key=lambda charge: charge.charge_id)[:size]

    def save(self, charges: Sequence[Charge], *, changed_by_merchant: bool = False) -> None:
        for charge in charges:
            known = self._store.charges.get(charge.charge_id)
            if known is None:
                continue
            if changed_by_merchant:
                if known.revision < charge.revision:
                    self._store.revisions.put((*charge.charge_id, known.revision), known)
                self._put(charge)
            else:
                self._put(
                    replace(
                        known,
                        status=charge.status,
                        reserved_by=charge.reserved_by,
                        paid_by=charge.paid_by,
                        location_id=charge.location_id,
                    )
                )

    def find(self, charge_id: ChargeId) -> Charge | None:
        return self._store.charges.get(charge_id)

    def find_revision(self, charge_id: ChargeId, revision: int) -> Charge | None:
        charge = self._store.charges.get(charge_id)
        if charge is None or charge.revision == revision:
            return charge
        before = self._store.revisions.get((*charge_id, revision))
        if before is None:
            return None
        return replace(
            before,
            account_number=charge.account_number,
            status=charge.status,
            reserved_by=charge.reserved_by,
            paid_by=charge.paid_by,
            location_id=charge.location_id,
        )

    def find_by_location(self, token: str) -> tuple[Location, Charge | None] | None:
        location = next((each for each in self._store.locations.values() if each.token == token), None)
        if location is None:
            return None
        charge = _served(self._store, location.location_id)
        return replace(location, txid=charge.txid if charge else ""), charge

    def list(self, narrow: ChargeFilter, skip: int, size: int) -> list[Charge]:
        found = [charge for charge in self._store.charges.values() if _is_in(charge, narrow)]
        found.sort(key=lambda charge: (charge.created_at_ms, charge.txid), reverse=narrow.newest_first)
        return found[skip : skip + size]

    def count(self, narrow: ChargeFilter) -> int:
        return sum(_is_in(charge, narrow) for charge in self._store.charges.values())

    def payment_ids(self, ids: Collection[ChargeId]) -> dict[ChargeId, tuple[str, ...]]:
        found: dict[ChargeId, list[Transfer]] = {}
        for row in self._store.transfers.values():
            place = place_of(row.initiation, row.account_number, row.txid)
            account = self._store.accounts.get(row.account_number)
            if place is None or account is None or (account.tax_id, row.txid) not in ids:
                continue
            if row.direction is Direction.INCOMING and row.status is TransferStatus.CONFIRMED:
                found.setdefault((account.tax_id, row.txid), []).append(row)
        for rows in found.values():
            rows.sort(key=lambda row: (row.decided_at_ms or 0, row.end_to_end_id))
        return {charge_id: tuple(row.end_to_end_id for row in rows) for charge_id, rows in found.items()}

    def _put(self, charge: Charge) -> None:
        if charge.location_id is not None:
            served = _served(self._store, charge.location_id)
            if served is not None and served.charge_id != charge.charge_id:
                raise RowExists(f"location {charge.location_id}")
        self._store.charges.put(charge.charge_id, charge)


def _served(store: ChargeStore, location_id: int) -> Charge | None:
    return next((charge for charge in store.charges.values() if charge.location_id == location_id), None)


def _is_in(charge: Charge, narrow: ChargeFilter) -> bool:
    debtor = charge.debtor.tax_id if charge.debtor else ""
    return (
        charge.tax_id == narrow.tax_id
        and narrow.kind in (None, charge.kind)
        and narrow.from_ms <= charge.created_at_ms <= narrow.to_ms
        and narrow.debtor_tax_id in ("", debtor)
        and narrow.has_location in (None, charge.location_id is not None)
        and narrow.status in (None, charge.status)
        and narrow.batch_id in ("", charge.batch_id)
    )


class MemoryLocations:
    """See `bank_sim.application.charges.ports.LocationRepository`."""

    def __init__(self, store: ChargeStore) -> None:
        self._store = store

    def add(self, tax_id: str, kind: ChargeKind, token: str, created_at_ms: int) -> Location:
        if any(each.token == token for each in self._store.locations.values()):
            raise RowExists(token)
        self._store.last_location_id += 1
        location = Location(self._store.last_location_id, tax_id, kind, token, created_at_ms)
        self._store.locations.put(location.location_id, location)
        return location

    def find(self, tax_id: str, location_id: int) -> Location | None:
        return self.find_many(tax_id, [location_id]).get(location_id)

    def find_many(self, tax_id: str, location_ids: Collection[int]) -> dict[int, Location]:
        found = (self._store.locations.get(location_id) for location_id in location_ids)
        return {each.location_id: self._bound(each) for each in found if each is not None and each.tax_id == tax_id}

    def list(self, narrow: LocationFilter, skip: int, size: int) -> list[Location]:
        found = [each for each in map(self._bound, self._store.locations.values()) if _is_location_in(each, narrow)]
        return sorted(found, key=lambda each: (each.created_at_ms, each.location_id))[skip : skip + size]

    def count(self, narrow: LocationFilter) -> int:
        return sum(_is_location_in(self._bound(each), narrow) for each in self._store.locations.values())

    def _bound(self, location: Location) -> Location:
        charge = _served(self._store, location.location_id)
        return replace(location, txid=charge.txid if charge else "")


def _is_location_in(location: Location, narrow: LocationFilter) -> bool:
    return (
        location.tax_id == narrow.tax_id
        and narrow.from_ms <= location.created_at_ms <= narrow.to_ms
        and narrow.has_charge in (None, bool(location.txid))
        and narrow.kind in (None, location.kind)
    )


class MemoryBatches:
    """See `bank_sim.application.charges.ports.BatchRepository`."""

    def __init__(self, store: ChargeStore) -> None:
        self._store = store

    def add(self, batch: Batch) -> None:
        if self.find(batch.tax_id, batch.batch_id) is not None:
            raise RowExists(batch.batch_id)
        if self.find_items(batch.tax_id, [item.txid for item in batch.items]):
            raise RowExists("a txid of another batch")
        self._store.batches.put((batch.tax_id, batch.batch_id), batch)

    def lock(self, tax_id: str, batch_id: str) -> Batch | None:
        return self.find(tax_id, batch_id)

    def save(self, batch: Batch, items: Sequence[BatchItem]) -> None:
        known = self.find(batch.tax_id, batch.batch_id)
        if known is not None:
            changed = {item.txid: item for item in items}
            merged = tuple(changed.get(item.txid, item) for item in known.items)
            self._store.batches.put(
                (batch.tax_id, batch.batch_id), replace(known, description=batch.description, items=merged)
            )

    def find(self, tax_id: str, batch_id: str) -> Batch | None:
        return self._store.batches.get((tax_id, batch_id))

    def find_items(self, tax_id: str, txids: Collection[str]) -> dict[str, BatchItem]:
        return {
            item.txid: item
            for batch in self._store.batches.values()
            if batch.tax_id == tax_id
            for item in batch.items
            if item.txid in txids
        }

    def open_batches(self, size: int) -> list[tuple[str, str]]:
        found = [
            (batch.tax_id, batch.batch_id)
            for batch in self._store.batches.values()
            if any(item.status is ItemStatus.PROCESSING for item in batch.items)
        ]
        return sorted(found)[:size]

    def list(self, narrow: BatchFilter, skip: int, size: int) -> list[Batch]:
        found = [batch for batch in self._store.batches.values() if _is_batch_in(batch, narrow)]
        return sorted(found, key=lambda batch: (batch.created_at_ms, batch.batch_id))[skip : skip + size]

    def count(self, narrow: BatchFilter) -> int:
        return sum(_is_batch_in(batch, narrow) for batch in self._store.batches.values())


def _is_batch_in(batch: Batch, narrow: BatchFilter) -> bool:
    return batch.tax_id == narrow.tax_id and narrow.from_ms <= batch.created_at_ms <= narrow.to_ms
