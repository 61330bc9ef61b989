"""The clock's row on PostgreSQL, which hub and banks have alike."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, text

from pix.scheme.clock import REAL_TIME, VirtualTime

_READ: Final = text("SELECT revision, anchor_ms, offset_ms, rate FROM network_clock")
_SAVE: Final = text(
    "INSERT INTO network_clock (revision, anchor_ms, offset_ms, rate) "
    "VALUES (:revision, :anchor_ms, :offset_ms, :rate) "
    "ON CONFLICT (only_row) DO UPDATE SET revision = excluded.revision, anchor_ms = excluded.anchor_ms, "
    "offset_ms = excluded.offset_ms, rate = excluded.rate WHERE network_clock.revision < excluded.revision"
)


class PostgresClock:
    """See `pix.participant.clock.model.ClockRepository`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def read(self) -> VirtualTime:
        row = self._connection.execute(_READ).one_or_none()
        return REAL_TIME if row is None else VirtualTime(*row)

    def save(self, time: VirtualTime) -> bool:
        values = {
            "revision": time.revision,
            "anchor_ms": time.anchor_ms,
            "offset_ms": time.offset_ms,
            "rate": time.rate,
        }
        return self._connection.execute(_SAVE, values).rowcount == 1
