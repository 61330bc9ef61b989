"""Reads every row of a hub or bank onto the disk, in the order of the ids: by its export, or page by page and sorted.

A participant of an older version, or of another maker, has lists alone.
"""

from __future__ import annotations

import heapq
import json
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from operator import attrgetter
from pathlib import Path
from typing import Any, Final, TypeVar

from lab.read.audited import UNDECIDED_AT_BANK, AccountReference, BankTransfer, HubTransfer, Posting
from lab.read.rest import BankRest, HubRest, Json, Rest
from lab.read.spill import SpilledRows, Values, read_first_line, write_bytes, write_sorted
from pix.scheme.exports import EXPORTED_BY_BANK, EXPORTED_BY_HUB, EXPORTED_POSTINGS

Row = TypeVar("Row", HubTransfer, BankTransfer)

_Text = str | None
_HUB_TYPES: Final = tuple[str, str, _Text, int, _Text, _Text, _Text, _Text, int | None]
_HUB_RETURN_TYPES: Final = tuple[str, str, _Text, int, _Text, _Text, _Text, _Text, int | None, str]
_BANK_TYPES: Final = tuple[str, str, str, _Text, int, str, str, _Text, _Text, int | None]
_POSTING_TYPES: Final = tuple[int, str, str, str, int, _Text, _Text, _Text]


class HubRows:
    """The hub's transfers and returns in two files of a folder."""

    def __init__(self, hub: HubRest, folder: Path, name: str) -> None:
        """Reads them. Raises `Unreachable`, `Unfit`."""
        transfers = _Source(hub, "/transfers/export", EXPORTED_BY_HUB["transfer"], _id_of)
        returns = _Source(hub, "/returns/export", EXPORTED_BY_HUB["return"], _id_of)
        self._transfers = transfers.read(folder / f"{name}-transfers", hub.transfers, _HUB_TYPES, _transfer)
        self._returns = returns.read(
            folder / f"{name}-returns", lambda: hub.returns("before", "next"), _HUB_RETURN_TYPES, _return
        )

    def __iter__(self) -> Iterator[HubTransfer]:
        """By id. A return without parties is of a transfer that the bank may not return: only that bank knows it."""
        return merged(self._transfers, (row for row in self._returns if row is not None))


class BankRows:
    """A bank's sides of transfers and returns in two files of a folder."""

    def __init__(self, bank: BankRest, folder: Path, name: str) -> None:
        """Reads them. Raises `Unreachable`, `Unfit`."""
        transfers = _Source(bank, "/transfers/export", EXPORTED_BY_BANK["transfer"], _id_and_direction)
        returns = _Source(bank, "/returns/export", EXPORTED_BY_BANK["return"], _id_and_direction)
        self._transfers = transfers.read(folder / f"{name}-transfers", bank.transfers, _BANK_TYPES, _bank_transfer)
        self._returns = returns.read(
            folder / f"{name}-returns", lambda: bank.returns("after", "next_cursor"), _BANK_TYPES, _bank_return
        )

    def __iter__(self) -> Iterator[BankTransfer]:
        return merged(self._transfers, self._returns)


def read_postings(bank: BankRest, folder: Path, name: str) -> Iterable[Posting]:
    """A bank's postings in a file of a folder. Raises `Unreachable`, `Unfit`."""
    source = _Source(bank, "/postings/export", EXPORTED_POSTINGS, _place_of_posting)
    return source.read(folder / f"{name}-postings", bank.postings, _POSTING_TYPES, Posting._make)


class _Source:
    def __init__(self, rest: Rest, path: str, columns: tuple[str, ...], key: Callable[[Values], Any]) -> None:
        self._rest = rest
        self._path = path
        self._columns = columns
        self._key = key

    def read(
        self, file: Path, list_rows: Callable[[], Iterable[Json]], types: Any, make: Callable[[Values], Any]
    ) -> SpilledRows[Any]:
        name = f"{self._rest.name}{self._path.replace('/', ' ').removesuffix(' export')}"
        header = self._read_export(file, name)
        if header is None:
            header = 0
            write_sorted(file, map(self._values, list_rows()), self._key)
        return SpilledRows(file, name, types, make, header)

    def _read_export(self, file: Path, name: str) -> int | None:
        """The length of the first line; None when there is no such export, or it has other columns."""
        pieces = self._rest.stream(self._path)
        if pieces is None:
            return None
        write_bytes(file, pieces, name)
        first = read_first_line(file)
        try:
            columns = json.loads(first)
        except ValueError:
            columns = None
        return len(first) if columns == list(self._columns) else None

    def _values(self, row: Json) -> Values:
        """What a row of a list has in the columns; parties are objects there."""
        return [_value_of(row, column) for column in self._columns]


def _value_of(row: Json, column: str) -> Any:
    side, _, field = column.partition("_")
    if side in ("payer", "payee"):
        party = row[side]
        return None if party is None else party[field]
    if column == "resend_at_ms" and column not in row:
        # A bank that does not tell when it sends again is believed to do so while it waits.
        return 0 if row["status"] in UNDECIDED_AT_BANK else None
    return row[column]


def merged(rows: Iterable[Row], others: Iterable[Row]) -> Iterator[Row]:
    """Both in the order of their ids; the others are fewer, if there are any."""
    behind = iter(others)
    first = next(behind, None)
    if first is None:
        return iter(rows)
    return heapq.merge(rows, chain([first], behind), key=attrgetter("end_to_end_id"))


def _id_of(row: Values) -> str:
    return str(row[0])


def _id_and_direction(row: Values) -> tuple[str, str]:
    return row[0], row[1]


def _place_of_posting(row: Values) -> tuple[str, str, str]:
    return row[5] or "", row[6] or "", row[7] or ""


def _reference(ispb: str | None, account_number: str | None) -> AccountReference | None:
    return None if ispb is None or account_number is None else AccountReference(ispb, account_number)


def _transfer(row: Values) -> HubTransfer:
    payer = AccountReference(row[4] or "", row[5] or "")
    return HubTransfer(row[0], row[1], row[2], row[3], payer, _reference(row[6], row[7]), row[8] is not None)


def _return(row: Values) -> HubTransfer | None:
    """A return as what it is for the books: a transfer of the original's payee to its payer; None without parties."""
    payer = _reference(row[6], row[7])
    if payer is None or row[4] is None:
        return None
    return HubTransfer(row[0], row[1], row[2], row[3], payer, _reference(row[4], row[5]), row[8] is not None, row[9])


def _bank_transfer(row: Values) -> BankTransfer:
    payer = AccountReference(row[5], row[6])
    return BankTransfer(row[0], row[1], row[2], row[3], row[4], payer, _reference(row[7], row[8]), row[9] is not None)


def _bank_return(row: Values) -> BankTransfer:
    payer = AccountReference(row[7] or "", row[8] or "")
    return BankTransfer(row[0], row[1], row[2], row[3], row[4], payer, _reference(row[5], row[6]), row[9] is not None)
