"""The bank's unit of work on PostgreSQL."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import psycopg2  # type: ignore[import-untyped]
from sqlalchemy import Engine

from bank_sim.adapters.postgres.accounts import PostgresAccounts, PostgresKeys
from bank_sim.adapters.postgres.flows import row_repositories
from bank_sim.adapters.postgres.postings import PostgresPostings
from bank_sim.adapters.postgres.schedules import PostgresSchedules
from bank_sim.adapters.postgres.signing_keys import PostgresSigningKeys
from bank_sim.adapters.postgres.switches import PostgresSwitches
from bank_sim.application.payable_codes.ports import SigningKeyRepository
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
from pix.participant.clock.model import ClockRepository
from pix.participant.clock.postgres import PostgresClock
from pix.participant.dead_letters.model import DeadLetterRepository
from pix.participant.dead_letters.postgres import PostgresDeadLetters
from pix.postgres.unit_of_work import PostgresTransaction


class PostgresUnitOfWork(PostgresTransaction):
    accounts: AccountRepository
    keys: KeyRepository
    rows: Mapping[str, RowRepository[Any]]
    transfers: RowRepository[Transfer]
    postings: PostingRepository
    schedules: ScheduleRepository
    switches: SwitchRepository
    signing_keys: SigningKeyRepository
    clock: ClockRepository
    dead_letters: DeadLetterRepository

    def _open(self) -> None:
        self.accounts = PostgresAccounts(self._connection)
        self.keys = PostgresKeys(self._connection)
        self.rows = row_repositories(self._connection)
        self.transfers = self.rows[TRANSFER]
        self.postings = PostgresPostings(self._connection)
        self.schedules = PostgresSchedules(self._connection)
        self.switches = PostgresSwitches(self._connection)
        self.signing_keys = PostgresSigningKeys(self._connection)
        self.clock = PostgresClock(self._connection)
        self.dead_letters = PostgresDeadLetters(self._connection)

    def _raise_for(self, violation: Any, sentence: str) -> None:
        if isinstance(violation, psycopg2.errors.UniqueViolation):
            raise RowExists(sentence) from violation
        if isinstance(violation, psycopg2.errors.CheckViolation):
            raise BooksViolated(sentence) from violation


class PostgresUnitsOfWork:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def __call__(self) -> PostgresUnitOfWork:
        return PostgresUnitOfWork(self._engine)
