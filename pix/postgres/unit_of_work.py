"""A transaction of a participant, and the repositories that read and write in it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any, Self

import psycopg2  # type: ignore[import-untyped]
from sqlalchemy import Connection, Engine, text

from pix.postgres.engine import transaction, undo
from pix.runtime.outages import DatabaseUnavailable


class PostgresRepository:
    """Some tables, within the transaction of a connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def _execute(self, statement: str, **values: Any) -> Any:
        """Runs a statement with `:name` parameters; returns SQLAlchemy's result."""
        return self._connection.execute(text(statement), values)


class PostgresTransaction(ABC):
    """One transaction. Leaving it without `commit` undoes all."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._scope: AbstractContextManager[Connection] | None = None
        self._committed = False

    @abstractmethod
    def _open(self) -> None:
        """Makes the repositories on `_connection`."""

    @abstractmethod
    def _raise_for(self, violation: Any, sentence: str) -> None:
        """Raises the application's error for a row that the database rejects, if it has one; see psycopg2's errors."""

    def __enter__(self) -> Self:
        self._scope = transaction(self._engine)
        self._connection = self._scope.__enter__()
        self._open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._scope is not None, "a unit of work is left after it was entered"
        if error is None and not self._committed:
            undo(self._connection)
        # Raises DatabaseUnavailable for what means that; everything else goes on as it is.
        self._scope.__exit__(kind, error, trace)
        # `pix.postgres.bulk` takes a row that is there already for a reason to read again.
        behind = getattr(error, "orig", None) or (error.__cause__ if isinstance(error, DatabaseUnavailable) else error)
        if isinstance(behind, psycopg2.IntegrityError):
            self._raise_for(behind, str(behind).partition("\n")[0])

    def commit(self) -> None:
        """Commits; a failure to do so is a DatabaseUnavailable, and what was read is read again."""
        self._connection.commit()
        self._committed = True
