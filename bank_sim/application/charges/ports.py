"""What the use cases of charges need from the unit of work; what `bank_sim.application.ports` says holds here too."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

from bank_sim.domain.charges.batches import Batch, BatchItem
from bank_sim.domain.charges.model import Charge, ChargeId, ChargeKind, ChargePlace, ChargeStatus, Location
from pix.scheme.values import value_object


@value_object
class ChargeFilter:
    """Which charges of a merchant a list has. Times are those of creation, both included."""

    tax_id: str
    kind: ChargeKind | None
    """None: both."""
    from_ms: int
    to_ms: int
    debtor_tax_id: str = ""
    has_location: bool | None = None
    status: ChargeStatus | None = None
    batch_id: str = ""
    newest_first: bool = False


@value_object
class LocationFilter:
    """Which locations of a merchant a list has. Times are those of creation, both included."""

    tax_id: str
    from_ms: int
    to_ms: int
    has_charge: bool | None = None
    kind: ChargeKind | None = None


@value_object
class BatchFilter:
    """Which batches of a merchant a list has. Times are those of creation, both included."""

    tax_id: str
    from_ms: int
    to_ms: int


class ChargeRepository(Protocol):
    """Charges, and what each was before the merchant changed it."""

    def add(self, charges: Sequence[Charge]) -> None:
        """New ones. Raises RowExists, also for a location that serves another charge."""

    def lock(self, ids: Collection[ChargeId]) -> dict[ChargeId, Charge]:
        """Those that exist, locked until the end of the transaction, taken in the order of their ids."""

    def lock_of_transfers(self, places: Collection[ChargePlace]) -> dict[ChargePlace, Charge]:
        """The charges with these txids that belong to the tax ids of these accounts; locked as by `lock`."""

    def find_of_transfers(self, places: Collection[ChargePlace]) -> dict[ChargePlace, Charge]:
        """As `lock_of_transfers`, without a lock."""

    def lock_open_of_closed_accounts(self, size: int) -> list[Charge]:
        """At most `size` active charges whose account is closed and that no transfer holds; skips locked ones."""

    def save(self, charges: Sequence[Charge], *, changed_by_merchant: bool = False) -> None:
        """Rows that were locked in this transaction. A change by the merchant keeps the revision before it.

        Another write saves no more than status, reservation, payment and location. Raises RowExists as `add`.
        """

    def find(self, charge_id: ChargeId) -> Charge | None:
        """One, without a lock."""

    def find_revision(self, charge_id: ChargeId, revision: int) -> Charge | None:
        """One as it was in that revision; its status, reservation and payment are those of now."""

    def find_by_location(self, token: str) -> tuple[Location, Charge | None] | None:
        """What a location serves; None when there is no such location."""

    def list(self, narrow: ChargeFilter, skip: int, size: int) -> list[Charge]:
        """By the time of creation, and the txid where that is the same."""

    def count(self, narrow: ChargeFilter) -> int:
        """How many a filter has."""

    def payment_ids(self, ids: Collection[ChargeId]) -> dict[ChargeId, tuple[str, ...]]:
        """The end-to-end ids of the credited transfers of these charges, oldest first; a charge may have none."""


class LocationRepository(Protocol):
    """Locations. The charge that names a location is the one that it serves."""

    def add(self, tax_id: str, kind: ChargeKind, token: str, created_at_ms: int) -> Location:
        """A new one with the next id of this bank. Raises RowExists."""

    def find(self, tax_id: str, location_id: int) -> Location | None:
        """A merchant's, without a lock."""

    def find_many(self, tax_id: str, location_ids: Collection[int]) -> dict[int, Location]:
        """A merchant's, without a lock."""

    def list(self, narrow: LocationFilter, skip: int, size: int) -> list[Location]:
        """Oldest first."""

    def count(self, narrow: LocationFilter) -> int:
        """How many a filter has."""


class BatchRepository(Protocol):
    """Batches of charges with a due date."""

    def add(self, batch: Batch) -> None:
        """A new one with its items. Raises RowExists, also for a txid that another batch has."""

    def lock(self, tax_id: str, batch_id: str) -> Batch | None:
        """One, locked with its items until the end of the transaction."""

    def save(self, batch: Batch, items: Sequence[BatchItem]) -> None:
        """The description of a locked batch, and those of its items that have changed."""

    def find(self, tax_id: str, batch_id: str) -> Batch | None:
        """One, without a lock."""

    def find_items(self, tax_id: str, txids: Collection[str]) -> dict[str, BatchItem]:
        """Those that exist, of whichever batch, without a lock."""

    def open_batches(self, size: int) -> list[tuple[str, str]]:
        """At most `size` (tax id, batch id) of batches with items that are not decided on, without a lock."""

    def list(self, narrow: BatchFilter, skip: int, size: int) -> list[Batch]:
        """Oldest first."""

    def count(self, narrow: BatchFilter) -> int:
        """How many a filter has."""
