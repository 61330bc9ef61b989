"""The hub's tallies on PostgreSQL: one statement a batch, on rows that no other replica waits for."""

from __future__ import annotations

from collections.abc import Mapping
from random import SystemRandom
from typing import Final

from sqlalchemy import Connection, text

from hub.domain.flows.transfer.model import TransferStatus
from hub.domain.tallies import Tally, TallyKey
from pix.postgres.bulk import fetch_bulk, number_array, postpone_bulk, text_array, word_array
from pix.postgres.engine import allow_maintenance
from pix.scheme.reasons import ReasonCode

SLOTS: Final = 16
"""Each process adds to the rows of one slot, so that replicas seldom queue for the same row; readers sum the slots."""

_LOCK_SPACE: Final = 1_129_270_361
"""Marks this module's advisory locks among those of the database; the second half of one is the slot."""
_LOCK: Final = f"SELECT pg_advisory_xact_lock({_LOCK_SPACE}, %(slot)s::integer)"
# Two statements in one round trip. A lock for all of the slot's rows, also those that are not there yet: what is locked
# after the tallies then never waits for somebody who waits for one of these rows.
_ADD: Final = (
    f"{_LOCK}; "  # noqa: S608 - constants of this module
    "INSERT INTO transfer_tallies AS t (slot, payer_ispb, payee_ispb, status, reason, transfers, amount_centavos) "
    "SELECT %(slot)s, * FROM unnest(%(payers)s::text[], %(payees)s::text[], %(statuses)s::text[], %(reasons)s::text[], "
    "%(transfers)s::bigint[], %(amounts)s::numeric[]) "
    "ON CONFLICT (slot, payer_ispb, payee_ispb, status, reason) DO UPDATE SET "
    "transfers = t.transfers + excluded.transfers, amount_centavos = t.amount_centavos + excluded.amount_centavos"
)
_ALL: Final = (
    "SELECT payer_ispb, payee_ispb, status, reason, sum(transfers), sum(amount_centavos) FROM transfer_tallies "
    "GROUP BY 1, 2, 3, 4 HAVING sum(transfers) <> 0"
)
_RECOUNT: Final = (
    "INSERT INTO transfer_tallies SELECT 0, payer_ispb, coalesce(payee_ispb, ''), status, coalesce(reason, ''), "
    "count(*), sum(amount_centavos) FROM transfers GROUP BY 2, 3, 4, 5"
)


def choose_slot() -> int:
    return SystemRandom().randrange(SLOTS)


class PostgresTallies:
    def __init__(self, connection: Connection, slot: int) -> None:
        self._connection = connection
        self._slot = slot

    def lock(self) -> None:
        fetch_bulk(self._connection, _LOCK, {"slot": self._slot})

    def add(self, changes: Mapping[TallyKey, Tally]) -> None:
        if not changes:
            return
        keys = list(changes)
        postpone_bulk(
            self._connection,
            _ADD,
            {
                "slot": self._slot,
                "payers": text_array([key.payer_ispb for key in keys]),
                "payees": text_array([key.payee_ispb for key in keys]),
                "statuses": word_array([key.status.value for key in keys]),
                "reasons": text_array(["" if key.reason is None else key.reason.value for key in keys]),
                "transfers": number_array([changes[key].transfers for key in keys]),
                "amounts": number_array([changes[key].amount_centavos for key in keys]),
            },
        )

    def all(self) -> dict[TallyKey, Tally]:
        return {
            TallyKey(payer, payee, TransferStatus(status), ReasonCode(reason) if reason else None): Tally(
                int(transfers), int(amount_centavos)
            )
            for payer, payee, status, reason, transfers, amount_centavos in fetch_bulk(self._connection, _ALL, {})
        }

    def recount(self) -> None:
        allow_maintenance(self._connection)
        self._connection.execute(text("LOCK TABLE transfers IN SHARE MODE"))
        self._connection.execute(text("DELETE FROM transfer_tallies"))
        self._connection.execute(text(_RECOUNT))
