"""Tallies of the rows of each flow: number and amount by pair of banks, status and reason, kept by each transaction.

Each transaction adds what it has changed, so a query costs the same after a day as after a year.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import NamedTuple

from hub.domain.flows import name_of
from hub.domain.flows.flow import FlowRow
from hub.domain.flows.transfer.model import NAME as TRANSFER
from hub.domain.flows.transfer.model import TransferStatus
from pix.scheme.reasons import ReasonCode
from pix.scheme.values import value_object


class TallyKey(NamedTuple):
    """The columns that rows are counted by."""

    payer_ispb: str
    """Empty when it is not known."""
    payee_ispb: str
    """Empty when the key was never resolved."""
    status: StrEnum
    reason: ReasonCode | None
    flow: str = TRANSFER


@value_object
class Tally:
    """Rows that stand alike, or by how many they have become more or fewer."""

    rows: int
    amount_centavos: int


def tally_key(row: FlowRow) -> TallyKey:
    """Where a row counts as it stands."""
    payer_ispb = "" if row.payer is None else row.payer.ispb
    payee_ispb = "" if row.payee is None else row.payee.ispb
    return TallyKey(payer_ispb, payee_ispb, row.status, row.reason, name_of(row))


def tally_changes(pairs: Iterable[tuple[FlowRow | None, FlowRow]]) -> dict[TallyKey, Tally]:
    """What rows, each as it was (None for a new one) and as it is, change in the tallies; nothing that comes to nil."""
    changes: dict[TallyKey, tuple[int, int]] = {}
    for before, after in pairs:
        if before is not None:
            if before.status is after.status:
                continue
            key = tally_key(before)
            rows, amount_centavos = changes.get(key, (0, 0))
            changes[key] = (rows - 1, amount_centavos - before.amount_centavos)
        key = tally_key(after)
        rows, amount_centavos = changes.get(key, (0, 0))
        changes[key] = (rows + 1, amount_centavos + after.amount_centavos)
    return {key: Tally(*change) for key, change in changes.items() if change != (0, 0)}


def of_flow(tallies: Mapping[TallyKey, Tally], flow: str) -> dict[TallyKey, Tally]:
    """Those of one flow."""
    return {key: tally for key, tally in tallies.items() if key.flow == flow}


def count_by_status(tallies: Mapping[TallyKey, Tally]) -> dict[TransferStatus, int]:
    """How many transfers are in each state; a state that none is in may be absent."""
    counts: dict[TransferStatus, int] = {}
    for key, tally in of_flow(tallies, TRANSFER).items():
        status = TransferStatus(key.status)
        counts[status] = counts.get(status, 0) + tally.rows
    return counts


def count_by_reason(tallies: Mapping[TallyKey, Tally]) -> dict[ReasonCode, int]:
    """How many transfers have failed for each reason."""
    counts: dict[ReasonCode, int] = {}
    for key, tally in of_flow(tallies, TRANSFER).items():
        if key.reason is not None:
            counts[key.reason] = counts.get(key.reason, 0) + tally.rows
    return counts


def settled_centavos(tallies: Mapping[TallyKey, Tally]) -> dict[tuple[str, str], int]:
    """Money of transfers that moved from one bank to another, by (payer's ISPB, payee's ISPB)."""
    settled: dict[tuple[str, str], int] = {}
    for key, tally in of_flow(tallies, TRANSFER).items():
        if key.status in (TransferStatus.CONFIRMED, TransferStatus.COMPLETED):
            pair = (key.payer_ispb, key.payee_ispb)
            settled[pair] = settled.get(pair, 0) + tally.amount_centavos
    return settled
