"""Walks through a network's rows once, end-to-end id by end-to-end id, and keeps sums, counts and the first offenders.

A merge of sorted rows: those of one id are compared with each other and dropped, so memory grows with the number of
banks and of offenders shown, not with the number of transfers.
"""

from __future__ import annotations

import heapq
import json
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, Final

from lab.read.audited import (
    CONFIRMED,
    FAILED,
    IN_FLIGHT_SHOWN_MAX,
    INCOMING,
    OFFENDERS_SHOWN_MAX,
    OUTGOING,
    PENDING,
    UNDECIDED_AT_BANK,
    BankTransfer,
    BankView,
    HubTransfer,
    NetworkSnapshot,
    Posting,
)
from lab.read.spill import Values, write_sorted
from pix.scheme.postings import POSTINGS_DUE
from pix.scheme.reasons import REASONS_WITHOUT_ROW

_HUB: Final = -1
"""The place of the hub among the sources; the banks have their numbers."""
_DUE: Final = {state: sorted(kinds) for state, kinds in POSTINGS_DUE.items()}


Entry = tuple[str, int, list[Any], list[Any]]
"""An id, a source, and what the source has of it: before and after, or rows and postings."""


class OutOfOrder(Exception):
    """Rows do not come in the order of their ids; the text can be shown as it is."""


@dataclass(slots=True)
class Offenders:
    """What breaks an invariant: all are counted, the first are named."""

    count: int = 0
    shown: list[str] = field(default_factory=list)

    def add(self, offender: str) -> None:
        self.count += 1
        if len(self.shown) < OFFENDERS_SHOWN_MAX:
            self.shown.append(offender)

    def lines(self) -> tuple[str, ...]:
        """Those that are shown, and how many more there are."""
        more = self.count - len(self.shown)
        return (*self.shown, f"and {more} more") if more else tuple(self.shown)


@dataclass(slots=True)
class OfBank:
    """What the rows of one bank come to, by the hub's rows or by its own postings."""

    reserved_due: int = 0
    not_yet_left: int = 0
    not_yet_come: int = 0
    moved: int = 0
    """By the hub's confirmed transfers."""
    is_open: bool = False
    """One of those is not closed yet."""
    credited: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    """By the kind of account: credits less debits."""
    postings: int = 0
    misposted: Offenders = field(default_factory=Offenders)


@dataclass(slots=True)
class Examined:
    """What the walk has found."""

    by_status: Counter[str] = field(default_factory=Counter)
    """Transfers at the hub, without returns."""
    transfers: int = 0
    """Ids anywhere."""
    at_hub: int = 0
    at_banks: Counter[str] = field(default_factory=Counter)
    """Rows by direction."""
    unknown_to_hub: int = 0
    in_flight: list[str] = field(default_factory=list)
    in_flight_count: int = 0
    between_banks: int = 0
    at_course_banks: int = 0
    disagreeing: Offenders = field(default_factory=Offenders)
    banks: defaultdict[str, OfBank] = field(default_factory=lambda: defaultdict(OfBank))
    """By ISPB."""
    returns: int = 0
    returned_centavos: int = 0
    exceeding: Offenders = field(default_factory=Offenders)


def examine(snapshot: NetworkSnapshot) -> Examined:
    """Raises OutOfOrder."""
    walk = _Walk(snapshot)
    return walk.examined()


class _Walk:
    def __init__(self, snapshot: NetworkSnapshot) -> None:
        self._snapshot = snapshot
        self._banks = snapshot.banks
        self._by_ispb = {bank.ispb: bank for bank in snapshot.banks}
        self._course = {bank.ispb for bank in snapshot.course}
        self._found = Examined()
        self._of_banks = [self._found.banks[bank.ispb] for bank in snapshot.banks]

    def examined(self) -> Examined:
        with tempfile.TemporaryDirectory(prefix="codepix-audit-") as folder:
            returned = Path(folder, "returned")
            write_sorted(returned, self._walk(), itemgetter(0))
            if self._found.returns:
                self._compare_returns(returned)
        return self._found

    def _walk(self) -> Iterator[Values]:
        """Examines every id; yields (original, centavos) of each return that has not failed."""
        hub = _side_by_side(self._snapshot.hub_before, self._snapshot.hub_after, _HUB, "the hub")
        banks = [
            _side_by_side(bank.transfers, self._of_transfers(iter(bank.postings), number), number, bank.name)
            for number, bank in enumerate(self._banks)
        ]
        for end_to_end_id, entries in groupby(heapq.merge(hub, *banks), key=itemgetter(0)):
            yield from self._examine(end_to_end_id, entries)

    def _of_transfers(self, postings: Iterator[Posting], number: int) -> Iterator[Posting]:
        """The postings of transfers; those of operations, which come before, are examined here."""
        of_bank, code = self._of_banks[number], self._banks[number].code
        operation, times = "", 0
        for posting in postings:
            self._add(of_bank, posting)
            if posting.end_to_end_id is not None:
                yield posting
                continue
            name = posting.operation_id or f"posting {posting.posting_id}"
            if name == operation:
                times += 1
                continue
            _note_repeated(of_bank.misposted, code, operation, times)
            operation, times = name, 1
        _note_repeated(of_bank.misposted, code, operation, times)

    @staticmethod
    def _add(of_bank: OfBank, posting: Posting) -> None:
        of_bank.postings += 1
        of_bank.credited[posting.credit_account.partition(":")[0]] += posting.amount_centavos
        of_bank.credited[posting.debit_account.partition(":")[0]] -= posting.amount_centavos

    def _examine(self, end_to_end_id: str, entries: Iterable[Entry]) -> Iterator[Values]:
        before: HubTransfer | None = None
        after: HubTransfer | None = None
        rows: list[tuple[int, BankTransfer]] = []
        for _, source, of_source, others in entries:
            if source == _HUB:
                before = of_source[-1] if of_source else None
                after = others[-1] if others else None
                continue
            self._compare_postings(source, of_source, others)
            for row in of_source:
                rows.append((source, row))  # noqa: PERF401 - a row or two
        if after is None and not rows:
            return
        found = self._found
        found.transfers += 1
        for _, row in rows:
            found.at_banks[row.direction] += 1
        if after is None:
            found.unknown_to_hub += 1
        else:
            found.at_hub += 1
            self._count(after, rows)
        if (after is not None and not after.is_closed) or any(row.status in UNDECIDED_AT_BANK for _, row in rows):
            found.in_flight_count += 1
            if len(found.in_flight) < IN_FLIGHT_SHOWN_MAX:
                found.in_flight.append(end_to_end_id)
        why = self._why_disagrees(end_to_end_id, before, after, rows)
        if why:
            found.disagreeing.add(why)
        if after is not None and after.original_end_to_end_id:
            found.returns += 1
            if after.status != FAILED:
                yield after.original_end_to_end_id, after.amount_centavos

    def _count(self, transfer: HubTransfer, rows: list[tuple[int, BankTransfer]]) -> None:
        found, centavos = self._found, transfer.amount_centavos
        payer, payee = transfer.payer.ispb, None if transfer.payee is None else transfer.payee.ispb
        if not transfer.original_end_to_end_id:
            found.by_status[transfer.status] += 1
        has_left = self._has_confirmed(rows, payer, OUTGOING)
        has_come = self._has_confirmed(rows, payee, INCOMING)
        if has_left != has_come:
            # A confirmed transfer that one bank has booked and the other not yet is in neither's books, or in both's.
            # So is one with a course bank, whose books are not read.
            if payer in self._course or payee in self._course:
                found.at_course_banks += centavos * (has_left - has_come)
            else:
                found.between_banks += centavos * (has_left - has_come)
        if transfer.status == PENDING:
            found.banks[payer].reserved_due += centavos
        if transfer.outcome != CONFIRMED:
            return
        if payee is not None:
            if not has_left:
                found.banks[payer].not_yet_left += centavos
            if not has_come:
                found.banks[payee].not_yet_come += centavos
        if self._course:
            found.banks[payer].moved -= centavos
            found.banks[payer].is_open |= not transfer.is_closed
            if payee is not None:
                found.banks[payee].moved += centavos
                found.banks[payee].is_open |= not transfer.is_closed

    def _has_confirmed(self, rows: list[tuple[int, BankTransfer]], ispb: str | None, direction: str) -> bool:
        for number, row in rows:
            if row.direction == direction and row.status == CONFIRMED and self._banks[number].ispb == ispb:
                return True
        return False

    def _why_disagrees(
        self,
        end_to_end_id: str,
        before: HubTransfer | None,
        after: HubTransfer | None,
        rows: list[tuple[int, BankTransfer]],
    ) -> str:
        for number, row in rows:
            bank = self._banks[number]
            why = _why_row_disagrees(bank, row, before, after)
            if why:
                return f"{end_to_end_id} at {bank.code}: {why}"
        if after is not None and before is not None:
            why = self._why_side_is_missing(before, after, rows)
            if why:
                return f"{end_to_end_id}: {why}"
        return ""

    def _why_side_is_missing(
        self, before: HubTransfer, after: HubTransfer, rows: list[tuple[int, BankTransfer]]
    ) -> str:
        known = {(self._banks[number].ispb, row.direction) for number, row in rows}
        payer = after.payer.ispb
        if payer in self._by_ispb and (payer, OUTGOING) not in known:
            return f"the payer's bank {self._by_ispb[payer].code} does not know it"
        # Before the hub confirms, the payee's bank has made its promise durable; of a failed one it need not know.
        if before.outcome == CONFIRMED and after.payee is not None:
            payee = after.payee.ispb
            if payee in self._by_ispb and (payee, INCOMING) not in known:
                return f"confirmed, but the payee's bank {self._by_ispb[payee].code} does not know it"
        return ""

    def _compare_postings(self, number: int, rows: list[BankTransfer], postings: list[Posting]) -> None:
        for row in rows:
            booked = [posting for posting in postings if posting.direction == row.direction]
            kinds = sorted([posting.kind for posting in booked])
            if kinds != _DUE.get((row.direction, row.status), []):
                what = f"{row.direction}, {row.status}, but posted: {', '.join(kinds) or 'nothing'}"
                self._note_misposted(number, f"{row.end_to_end_id} ({what})")
            elif any([posting.amount_centavos != row.amount_centavos for posting in booked]):  # noqa: C419 - of one or two
                self._note_misposted(number, f"{row.end_to_end_id} (posted with another amount)")
        directions = {posting.direction for posting in postings}
        for _ in directions.difference([row.direction for row in rows]):
            self._note_misposted(number, f"{postings[0].end_to_end_id} (posted, but no transfer)")

    def _note_misposted(self, number: int, what: str) -> None:
        self._of_banks[number].misposted.add(f"{self._banks[number].code}: {what}")

    def _compare_returns(self, file: Path) -> None:
        """The sum of a transfer's returns, without those that failed, is at most the transfer, which is confirmed."""
        originals = iter(self._snapshot.hub_after)
        original = next(originals, None)
        with file.open(encoding="utf-8") as stream:
            for end_to_end_id, returns in groupby(map(json.loads, stream), key=itemgetter(0)):
                centavos = sum(amount for _, amount in returns)
                self._found.returned_centavos += centavos
                while original is not None and original.end_to_end_id < end_to_end_id:
                    original = next(originals, None)
                if original is None or original.end_to_end_id != end_to_end_id:
                    self._found.exceeding.add(f"{end_to_end_id}: {centavos} returned, though it is unknown")
                elif original.outcome != CONFIRMED:
                    self._found.exceeding.add(f"{end_to_end_id}: {centavos} returned, though it is {original.status}")
                elif centavos > original.amount_centavos:
                    self._found.exceeding.add(f"{end_to_end_id}: {centavos} returned of {original.amount_centavos}")


def _side_by_side(rows: Iterable[Any], others: Iterable[Any], source: int, name: str) -> Iterator[Entry]:
    """What two lists in the order of ids have of each id. Raises OutOfOrder."""
    first, second = iter(rows), iter(others)
    row, other = next(first, None), next(second, None)
    last = ""
    while row is not None or other is not None:
        if row is not None and (other is None or row.end_to_end_id <= other.end_to_end_id):
            end_to_end_id = row.end_to_end_id
        elif other is not None:
            end_to_end_id = other.end_to_end_id
        if end_to_end_id < last:
            raise OutOfOrder(f"{name} gives {end_to_end_id} behind {last}, out of order")
        last = end_to_end_id
        of_first, of_second = [], []
        while row is not None and row.end_to_end_id == end_to_end_id:
            of_first.append(row)
            row = next(first, None)
        while other is not None and other.end_to_end_id == end_to_end_id:
            of_second.append(other)
            other = next(second, None)
        yield end_to_end_id, source, of_first, of_second


def _note_repeated(misposted: Offenders, code: str, operation: str, times: int) -> None:
    if times > 1:
        misposted.add(f"{code}: {operation} is booked {times} times")


def _why_row_disagrees(bank: BankView, row: BankTransfer, before: HubTransfer | None, after: HubTransfer | None) -> str:
    if after is None:
        if row.direction == INCOMING:
            return "the hub does not know it"
        is_on_its_way = row.status == PENDING and row.owes_message
        was_refused = row.status == FAILED and row.reason in REASONS_WITHOUT_ROW
        return "" if is_on_its_way or was_refused else f"{row.status}, but the hub does not know it"
    if row.amount_centavos != after.amount_centavos:
        return f"amount {row.amount_centavos}, at the hub {after.amount_centavos}"
    own = after.payer if row.direction == OUTGOING else after.payee
    if own is None or own.ispb != bank.ispb:
        return f"it is no {row.direction} transfer of this bank's by the hub's word"
    if row.payer != after.payer:
        return "the payer is another than at the hub"
    if row.payee is not None and row.payee != after.payee:
        return "the payee is another than at the hub"
    return _why_status_disagrees(row, before, after)


def _why_status_disagrees(row: BankTransfer, before: HubTransfer | None, after: HubTransfer) -> str:
    if row.status not in UNDECIDED_AT_BANK:
        if row.status != after.outcome:
            return f"{row.status}, at the hub {after.status}"
        if row.status == FAILED and row.reason != after.reason:
            return f"failed for {row.reason}, at the hub for {after.reason}"
        return ""
    if before is not None and before.is_closed:
        return f"still {row.status}, though it told the hub that it had processed the outcome"
    if row.direction == OUTGOING and not row.owes_message:
        return f"still {row.status}, and nothing is sent again"
    return ""
