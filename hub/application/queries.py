"""What may be asked of the hub without changing anything."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TypeVar

from hub.application.ports import Found, KeyFilter, TransferFilter, UnitOfWork, UnitsOfWork
from hub.application.ports.trail import TrailFilter
from hub.domain.bank import Bank
from hub.domain.directory import KeyEntry, KeyEvent
from hub.domain.errors import TransferNotFound
from hub.domain.flows.transfer.model import HistoryStep, Transfer, TransferStatus
from hub.domain.settlement import Funding, SettlementAccount
from hub.domain.tallies import Tally, TallyKey, count_by_status
from hub.domain.trail import TrailEntry
from pix.scheme.exports import EXPORT_PAGE_SIZE, ExportKey, ExportPage
from pix.scheme.features import Feature
from pix.scheme.keys import KeyKind, PixKey

Answer = TypeVar("Answer")


class Queries:
    """Reads, each in a separate transaction."""

    def __init__(self, units: UnitsOfWork) -> None:
        self._units = units

    def read(self, question: Callable[[UnitOfWork], Answer]) -> Answer:
        """What a flow's own question finds."""
        with self._units() as unit:
            return question(unit)

    def list_banks(self) -> list[Bank]:
        """By code."""
        with self._units() as unit:
            return sorted(unit.banks.all().values(), key=lambda bank: bank.code)

    def wire_keys(self) -> dict[str, tuple[str, tuple[bytes, ...]]]:
        """Each bank's code and the keys that are valid for its messages, newest first, by ISPB."""
        with self._units() as unit:
            banks, secrets = unit.banks.all(), unit.banks.secrets()
        return {
            ispb: (banks[ispb].code, tuple(secret.wire_key for secret in of_bank))
            for ispb, of_bank in secrets.items()
            if of_bank and ispb in banks
        }

    def banks_with(self, feature: Feature) -> frozenset[str]:
        """The ISPBs of the banks that have announced the feature."""
        with self._units() as unit:
            return frozenset(bank.ispb for bank in unit.banks.all().values() if feature in bank.features)

    def find_transfer(self, end_to_end_id: str) -> tuple[Transfer, list[HistoryStep]]:
        """Raises TransferNotFound."""
        with self._units() as unit:
            found = unit.transfers.find(end_to_end_id)
        if found is None:
            raise TransferNotFound("end_to_end_id", "the hub knows no transfer with this id")
        return found

    def find_transfers_of(self, ispb: str, end_to_end_ids: Collection[str]) -> list[Transfer]:
        """Those of the ids that the hub knows and in which this bank has a part."""
        with self._units() as unit:
            transfers = unit.transfers.find_many(end_to_end_ids)
        return [
            transfer
            for transfer in transfers
            if transfer.payer.ispb == ispb or (transfer.payee is not None and transfer.payee.ispb == ispb)
        ]

    def list_transfers(self, narrow: TransferFilter) -> list[Transfer]:
        """Newest first."""
        return self.search_transfers(narrow).rows

    def search_transfers(self, narrow: TransferFilter) -> Found[Transfer, tuple[int, str]]:
        """Newest first, and where the search was cut, if it was."""
        with self._units() as unit:
            return unit.transfers.search(narrow)

    def count_transfers(self) -> Mapping[TransferStatus, int]:
        with self._units() as unit:
            return count_by_status(unit.tallies.all())

    def count_open(self) -> dict[str, int]:
        """How many rows owe something, by the name of the flow."""
        with self._units() as unit:
            return {flow: rows.count_open() for flow, rows in unit.rows.items()}

    def export(self, flow: str, after: ExportKey | None) -> ExportPage:
        """A page of a flow's rows in the order of their ids; see `EXPORTED_BY_HUB`."""
        with self._units() as unit:
            return unit.rows[flow].export(after, EXPORT_PAGE_SIZE)

    def tallies(self) -> dict[TallyKey, Tally]:
        with self._units() as unit:
            return unit.tallies.all()

    def settlement_accounts(self) -> dict[str, SettlementAccount]:
        """By ISPB."""
        with self._units() as unit:
            return unit.settlement.all()

    def settlement_account(self, ispb: str) -> tuple[SettlementAccount, list[Funding]]:
        """A bank's account of record and its fundings, oldest first."""
        with self._units() as unit:
            return unit.settlement.all()[ispb], unit.settlement.fundings(ispb)

    def list_trail(self, narrow: TrailFilter) -> list[TrailEntry]:
        """What operators have done, newest first."""
        with self._units() as unit:
            return unit.trail.list(narrow)

    def largest_fundings(self) -> dict[str, int]:
        """The largest amount that each bank was funded with at once, by ISPB."""
        with self._units() as unit:
            return unit.settlement.largest_fundings()

    def count_keys(self) -> Mapping[tuple[str, KeyKind], int]:
        """By (ISPB, kind)."""
        with self._units() as unit:
            return unit.keys.count_by_kind()

    def search_keys(self, narrow: KeyFilter) -> Found[KeyEntry, tuple[str, str]]:
        """In the order of (key, kind)."""
        with self._units() as unit:
            return unit.keys.search(narrow)

    def follow_key(self, key: PixKey) -> tuple[KeyEntry | None, list[KeyEvent]]:
        """The owner of a key in its stored form, None if it is not registered, and the key's history, oldest first."""
        with self._units() as unit:
            entries = unit.keys.find_many([key]) if key.key.isprintable() else {}
            return entries.get(key), unit.keys.history(key)
