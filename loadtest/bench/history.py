"""A past for the hub: so many finished transfers in its tables, copied from some that were really played."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import Any, Final

from lab.network.network import HUB_DATABASE, Network
from lab.network.parts.errors import PartError
from loadtest.bench.servers import connect_to

TEMPLATES: Final = 1_000
"""Finished transfers that are copied, each as often as it takes."""
COPIES_PER_STATEMENT: Final = 100
DAYS_AGO: Final = 30
DAY_MS: Final = 86_400_000

_COLUMNS: Final = (
    "SELECT column_name FROM information_schema.columns WHERE table_name = 'transfers' ORDER BY ordinal_position"
)
_TIMES: Final = frozenset(
    {
        "requested_at_ms",
        "received_at_ms",
        "offered_at_ms",
        "decided_at_ms",
        "payer_processed_at_ms",
        "payee_processed_at_ms",
        "closed_at_ms",
    }
)


def add_history(network: Network, transfers: int, progress: Callable[[str], None]) -> None:
    """Adds them, a month old, and lets PostgreSQL tidy up as it would have by then. Raises `PartError`."""
    with closing(connect_to(network.postgres.url(HUB_DATABASE))) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM transfers WHERE status = 'completed'")
        if cursor.fetchone()[0] < TEMPLATES:
            raise PartError(f"there are fewer than {TEMPLATES} finished transfers to copy")
        cursor.execute(_COLUMNS)
        statement = _copy_statement([name for (name,) in cursor.fetchall()])
        copies = -(-transfers // TEMPLATES)
        for first in range(0, copies, COPIES_PER_STATEMENT):
            last = min(first + COPIES_PER_STATEMENT, copies)
            cursor.execute(statement, {"first": first, "last": last - 1, "templates": TEMPLATES})
            progress(f"Adding a history of {transfers:,} transfers: {last * TEMPLATES:,}")
        cursor.execute("VACUUM (ANALYZE) transfers")
        cursor.execute("CHECKPOINT")


def _copy_statement(columns: list[str]) -> str:
    values: dict[str, Any] = {name: name for name in columns}
    for name in _TIMES & set(columns):
        values[name] = f"{name} - {DAYS_AGO * DAY_MS} + copy"
    # The form of an id is kept: 21 characters say who and when, and eleven are free.
    values["end_to_end_id"] = "left(end_to_end_id, 21) || 'h' || lpad((copy * %(templates)s + place)::text, 10, '0')"
    return (
        f"INSERT INTO transfers ({', '.join(columns)}) "  # noqa: S608 - names of our own columns
        f"SELECT {', '.join(str(values[name]) for name in columns)} FROM "
        "(SELECT row_number() OVER () AS place, played.* FROM "
        "(SELECT * FROM transfers WHERE status = 'completed' ORDER BY end_to_end_id DESC LIMIT %(templates)s) AS played"
        ") AS template CROSS JOIN generate_series(%(first)s, %(last)s) AS copy"
    )
