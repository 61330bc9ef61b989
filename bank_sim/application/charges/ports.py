"""What the use cases of charges need from the unit of work; what `bank_sim.application.ports` says holds here too."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

from bank_sim.domain.charges.model import Charge, ChargeId, ChargeKind, ChargePlace, ChargeStatus, Location
from pix.scheme.values import value_object


@value_object
class ChargeFilter:
    """Which charges of a merchant a list has. Times are those of creation, both included."""

    tax_id: str
    kind: ChargeKind
    from_ms: int
    to_ms: int
    debtor_tax_id: str = ""
    has_location: bool | None = None
    status: ChargeStatus | None = None
    batch_id: str = ""


@value_object
class LocationFilter:
    """Which locations of a merchant a list has. Times are those of creation, both included."""

    tax_id: str
    from_ms: int
    to_ms: int
    has_charge: bool | None = None
    kind: ChargeKind | None = None


class ChargeRepository(Protocol):
    """Charges, and what each was before the merchant changed it."""

    def add(self, charges: Sequence[Charge]) -> None:
        """New ones. Raises RowExists."""

    def lock(self, ids: Collection[ChargeId]) -> dict[ChargeId, Charge]:
        """Those that exist, locked until the end of the transaction, taken in the order of their ids."""

    def lock_of_transfers(self, places: Collection[ChargePlace]) -> dict[ChargePlace, Charge]:
        """The charges with these txids that belong to the tax ids of these accounts; locked as by `lock`."""

    def save(self, charges: Sequence[Charge], *, changed_by_merchant: bool = False) -> None:
        """Rows that were locked in this transaction. A change by the merchant keeps the revision before it."""

    def find(self, charge_id: ChargeId) -> Charge | None:
        """One, without a lock."""

    def find_revision(self, charge_id: ChargeId, revision: int) -> Charge | None:
        """One as it was in that revision; its status, reservation and payment are those of now."""

    def find_by_location(self, token: str) -> tuple[Location, Charge | None] | None:
        """What a location serves; None when there is no such location."""

    def list(self, narrow: ChargeFilter, skip: int, size: int) -> list[Charge]:
        """Oldest first."""

    def count(self, narrow: ChargeFilter) -> int:
        """How many a filter has."""


class LocationRepository(Protocol):
    """Locations."""

    def add(self, tax_id: str, kind: ChargeKind, token: str, created_at_ms: int) -> Location:
        """A new one with the next id of this bank."""

    def lock(self, tax_id: str, location_id: int) -> Location | None:
        """A merchant's, locked until the end of the transaction; before charges."""

    def save(self, location: Location) -> None:
        """One that was locked or added in this transaction."""

    def find(self, tax_id: str, location_id: int) -> Location | None:
        """A merchant's, without a lock."""

    def find_many(self, tax_id: str, location_ids: Collection[int]) -> dict[int, Location]:
        """A merchant's, without a lock."""

    def list(self, narrow: LocationFilter, skip: int, size: int) -> list[Location]:
        """Oldest first."""

    def count(self, narrow: LocationFilter) -> int:
        """How many a filter has."""
