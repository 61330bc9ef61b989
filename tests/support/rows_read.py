"""How many rows of each table a piece of work reads, as PostgreSQL counts them, in whatever way it asks."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from typing import Any, Final

from sqlalchemy import Engine

from pix.postgres.limits import SET_UP_LIMITS
from pix.postgres.plain_connection import connect_plainly

DEADLINE_SECONDS: Final = 20.0
POLL_SECONDS: Final = 0.005
_OTHERS: Final = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() "
    "AND backend_type = 'client backend'"
)
# Rows of sequential scans, and entries of indexes, also of those that alone are read.
_COUNTERS: Final = """
    SELECT t.relname, t.seq_tup_read + coalesce(sum(greatest(i.idx_tup_read, i.idx_tup_fetch)), 0)
    FROM pg_stat_user_tables AS t LEFT JOIN pg_stat_user_indexes AS i USING (relid)
    WHERE t.schemaname = 'public' GROUP BY t.relname, t.seq_tup_read
"""


class RowsRead:
    """Of the database of an engine whose connections are used by nothing else."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection = connect_plainly(engine.url.render_as_string(hide_password=False), SET_UP_LIMITS)
        self._connection.autocommit = True

    def close(self) -> None:
        self._connection.close()

    def during(self, work: Callable[[], Any]) -> Counter[str]:
        """By table, without those that were not read."""
        before = self._counters()
        work()
        after = self._counters()
        after.subtract(before)
        return +after

    def _counters(self) -> Counter[str]:
        # A session's last counts are certain to be there when it has ended.
        self._engine.dispose()
        deadline = time.monotonic() + DEADLINE_SECONDS
        while self._ask(_OTHERS)[0][0]:
            assert time.monotonic() < deadline, "a session does not end"
            time.sleep(POLL_SECONDS)
        return Counter({name: int(rows) for name, rows in self._ask(_COUNTERS)})

    def _ask(self, query: str) -> list[Any]:
        with self._connection.cursor() as cursor:
            cursor.execute(query)
            rows: list[Any] = cursor.fetchall()
            return rows
