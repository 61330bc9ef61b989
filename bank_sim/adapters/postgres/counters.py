"""Counters of this bank, on PostgreSQL: replicas share them, and a restart goes on with them."""

from __future__ import annotations

from sqlalchemy import Engine, text

from pix.postgres.engine import transaction


class PostgresCounter:
    """A sequence. A number is taken at once, also when the caller's transaction is undone."""

    def __init__(self, engine: Engine, sequence: str) -> None:
        self._engine = engine
        self._statement = text("SELECT nextval(CAST(:sequence AS regclass))").bindparams(sequence=sequence)

    def __call__(self) -> int:
        """The next number. Raises DatabaseUnavailable."""
        with transaction(self._engine) as connection:
            return int(connection.execute(self._statement).scalar_one())
