"""The bank's unit of work on PostgreSQL."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any, Final

import psycopg2  # type: ignore[import-untyped]
from sqlalchemy import Connection, Engine

from bank_sim.adapters.postgres.accounts import PostgresAccounts, PostgresKeys
from bank_sim.adapters.postgres.flows import row_repositories
from bank_sim.adapters.postgres.postings import PostgresPostings
from bank_sim.adapters.postgres.schedules import PostgresSchedules
from bank_sim.adapters.postgres.switches import PostgresSwitches
from bank_sim.application.ports import (
    AccountRepository,
    BooksViolated,
    KeyRepository,
    PostingRepository,
    RowExists,
    RowRepository,
    ScheduleRepository,
    SwitchRepository,
)
from bank_sim.domain.flows.transfer.model import NAME as TRANSFER
from bank_sim.domain.flows.transfer.model import Transfer
from pix.participant.dead_letters.model import DeadLetterRepository
from pix.participant.dead_letters.postgres import PostgresDeadLetters
from pix.postgres.engine import transaction, undo
from pix.runtime.outages import DatabaseUnavailable

_UNIQUE_VIOLATION: Final = "23505"
_CHECK_VIOLATION: Final = "23514"


class PostgresUnitOfWork:
    accounts: AccountRepository
    keys: KeyRepository
    rows: Mapping[str, RowRepository[Any]]
    transfers: RowRepository[Transfer]
    postings: PostingRepository
    schedules: ScheduleRepository
    switches: SwitchRepository
    dead_letters: DeadLetterRepository

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._scope: AbstractContextManager[Connection] | None = None
        self._committed = False

    def __enter__(self) -> PostgresUnitOfWork:
        self._scope = transaction(self._engine)
        self._connection = self._scope.__enter__()
        self.accounts = PostgresAccounts(self._connection)
        self.keys = PostgresKeys(self._connection)
        self.rows = row_repositories(self._connection)
        self.transfers = self.rows[TRANSFER]
        self.postings = PostgresPostings(self._connection)
        self.schedules = PostgresSchedules(self._connection)
        self.switches = PostgresSwitches(self._connection)
        self.dead_letters = PostgresDeadLetters(self._connection)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._scope is not None, "a unit of work is left after it was entered"
        if error is None and not self._committed:
            undo(self._connection)
        # Raises DatabaseUnavailable for what means that; everything else goes on as it is.
        self._scope.__exit__(kind, error, trace)
        violation = _violation_behind(error)
        code = getattr(violation, "pgcode", None)
        if code == _UNIQUE_VIOLATION:
            raise RowExists(_first_line(violation)) from error
        if code == _CHECK_VIOLATION:
            raise BooksViolated(_first_line(violation)) from error

    def commit(self) -> None:
        """Commits; a failure to do so is a DatabaseUnavailable, and nothing has happened as far as anybody knows."""
        self._connection.commit()
        self._committed = True


class PostgresUnitsOfWork:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def __call__(self) -> PostgresUnitOfWork:
        return PostgresUnitOfWork(self._engine)


def _violation_behind(error: BaseException | None) -> BaseException | None:
    """The driver's error for a row that the database rejects, whichever exception wraps it."""
    # `pix.postgres.bulk` takes a row that is there already for a reason to read again.
    behind = getattr(error, "orig", None) or (error.__cause__ if isinstance(error, DatabaseUnavailable) else error)
    return behind if isinstance(behind, psycopg2.IntegrityError) else None


def _first_line(error: BaseException | None) -> str:
    return str(error).partition("\n")[0]
