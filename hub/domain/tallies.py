"""Tallies of transfers: their number and amount by pair of banks, status and reason, updated by each transaction.

Each transaction adds what it has changed, so a query costs the same after a day as after a year.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from hub.domain.flows.transfer.model import Transfer, TransferStatus
from pix.scheme.reasons import ReasonCode
from pix.scheme.values import value_object


class TallyKey(NamedTuple):
    """The columns that transfers are counted by."""

    payer_ispb: str
    payee_ispb: str
    """Empty when the key was never resolved."""
    status: TransferStatus
    reason: ReasonCode | None


@value_object
class Tally:
    """Transfers that stand alike, or by how many they have become more or fewer."""

    transfers: int
    amount_centavos: int


def tally_key(transfer: Transfer) -> TallyKey:
    """Where a transfer counts as it stands."""
    payee_ispb = "" if transfer.payee is None else transfer.payee.ispb
    return TallyKey(transfer.payer.ispb, payee_ispb, transfer.status, transfer.reason)


def tally_changes(pairs: Iterable[tuple[Transfer | None, Transfer]]) -> dict[TallyKey, Tally]:
    """What rows, each as it was (None for a new one) and as it is, change in the tallies; nothing that comes to nil."""
    changes: dict[TallyKey, tuple[int, int]] = {}
    for before, after in pairs:
        if before is not None:
            if before.status is after.status:
                continue
            key = tally_key(before)
            transfers, amount_centavos = changes.get(key, (0, 0))
            changes[key] = (transfers - 1, amount_centavos - before.amount_centavos)
        key = tally_key(after)
        transfers, amount_centavos = changes.get(key, (0, 0))
        changes[key] = (transfers + 1, amount_centavos + after.amount_centavos)
    return {key: Tally(*change) for key, change in changes.items() if change != (0, 0)}


def count_by_status(tallies: Mapping[TallyKey, Tally]) -> dict[TransferStatus, int]:
    """How many transfers are in each state; a state that none is in may be absent."""
    counts: dict[TransferStatus, int] = {}
    for key, tally in tallies.items():
        counts[key.status] = counts.get(key.status, 0) + tally.transfers
    return counts


def count_by_reason(tallies: Mapping[TallyKey, Tally]) -> dict[ReasonCode, int]:
    counts: dict[ReasonCode, int] = {}
    for key, tally in tallies.items():
        if key.reason is not None:
            counts[key.reason] = counts.get(key.reason, 0) + tally.transfers
    return counts


def settled_centavos(tallies: Mapping[TallyKey, Tally]) -> dict[tuple[str, str], int]:
    """Money that has moved from one bank to another, by (payer's ISPB, payee's ISPB): confirmed and completed."""
    settled: dict[tuple[str, str], int] = {}
    for key, tally in tallies.items():
        if key.status in (TransferStatus.CONFIRMED, TransferStatus.COMPLETED):
            pair = (key.payer_ispb, key.payee_ispb)
            settled[pair] = settled.get(pair, 0) + tally.amount_centavos
    return settled
