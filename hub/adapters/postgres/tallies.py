"""The hub's tallies on PostgreSQL: one statement a batch, on rows that no other replica waits for."""

from __future__ import annotations

from collections.abc import Mapping
from random import SystemRandom
from typing import Final

from sqlalchemy import Connection, text

from hub.domain.flows import BY_NAME
from hub.domain.tallies import Tally, TallyKey
from pix.postgres.bulk import fetch_bulk, number_array, postpone_bulk, text_array, word_array
from pix.postgres.engine import allow_maintenance
from pix.scheme.reasons import ReasonCode

SLOTS: Final = 16
"""Each process adds to the rows of one slot, so that replicas seldom queue for the same row; readers sum the slots."""

_LOCK_SPACE: Final = 1_129_270_361
"""Marks this module's advisory locks among those of the database; the second half of one is the slot."""
_LOCK: Final = f"SELECT pg_advisory_xact_lock({_LOCK_SPACE}, %(slot)s::integer)"


class _Statements:
    """The statements on the tallies of one flow: the tables are named after it."""

    def __init__(self, flow: str) -> None:
        # Two statements in one round trip. A lock for all of the slot's rows, also those that are not there yet: what
        # is locked after the tallies then never waits for somebody who waits for one of these rows.
        self.add = (
            f"{_LOCK}; "  # noqa: S608 - names of flows
            f"INSERT INTO {flow}_tallies AS t "
            f"(slot, payer_ispb, payee_ispb, status, reason, {flow}s, amount_centavos) "
            "SELECT %(slot)s, * FROM unnest(%(payers)s::text[], %(payees)s::text[], %(statuses)s::text[], "
            "%(reasons)s::text[], %(rows)s::bigint[], %(amounts)s::numeric[]) "
            "ON CONFLICT (slot, payer_ispb, payee_ispb, status, reason) DO UPDATE SET "
            f"{flow}s = t.{flow}s + excluded.{flow}s, amount_centavos = t.amount_centavos + excluded.amount_centavos"
        )
        self.all = (
            f"SELECT payer_ispb, payee_ispb, status, reason, sum({flow}s), sum(amount_centavos) "  # noqa: S608 - the same
            f"FROM {flow}_tallies GROUP BY 1, 2, 3, 4 HAVING sum({flow}s) <> 0"
        )
        self.recount = (
            f"LOCK TABLE {flow}s IN SHARE MODE; DELETE FROM {flow}_tallies; "  # noqa: S608 - the same
            f"INSERT INTO {flow}_tallies SELECT 0, coalesce(payer_ispb, ''), coalesce(payee_ispb, ''), status, "
            f"coalesce(reason, ''), count(*), sum(amount_centavos) FROM {flow}s GROUP BY 2, 3, 4, 5"
        )


_STATEMENTS: Final = {name: _Statements(name) for name in BY_NAME}


def choose_slot() -> int:
    return SystemRandom().randrange(SLOTS)


class PostgresTallies:
    def __init__(self, connection: Connection, slot: int) -> None:
        self._connection = connection
        self._slot = slot

    def lock(self) -> None:
        fetch_bulk(self._connection, _LOCK, {"slot": self._slot})

    def add(self, changes: Mapping[TallyKey, Tally]) -> None:
        for flow, statements in _STATEMENTS.items():
            keys = [key for key in changes if key.flow == flow]
            if not keys:
                continue
            postpone_bulk(
                self._connection,
                statements.add,
                {
                    "slot": self._slot,
                    "payers": text_array([key.payer_ispb for key in keys]),
                    "payees": text_array([key.payee_ispb for key in keys]),
                    "statuses": word_array([key.status.value for key in keys]),
                    "reasons": text_array(["" if key.reason is None else key.reason.value for key in keys]),
                    "rows": number_array([changes[key].rows for key in keys]),
                    "amounts": number_array([changes[key].amount_centavos for key in keys]),
                },
            )

    def all(self) -> dict[TallyKey, Tally]:
        return {
            TallyKey(payer, payee, BY_NAME[flow].statuses(status), ReasonCode(reason) if reason else None, flow): Tally(
                int(rows), int(amount_centavos)
            )
            for flow, statements in _STATEMENTS.items()
            for payer, payee, status, reason, rows, amount_centavos in fetch_bulk(self._connection, statements.all, {})
        }

    def recount(self) -> None:
        allow_maintenance(self._connection)
        for statements in _STATEMENTS.values():
            self._connection.execute(text(statements.recount))
