"""A bank on a real PostgreSQL, a database of its own for each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Engine

from bank_sim.adapters.postgres import MIGRATIONS, PostgresUnitsOfWork
from pix.postgres.engine import make_engine
from pix.postgres.migrations import migrate
from tests.contract.bank_sim.world import World


@pytest.fixture
def database_url(new_database: Callable[[], str]) -> str:
    return new_database()


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    migrate(database_url, MIGRATIONS)
    engine = make_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def world(engine: Engine) -> World:
    return World(PostgresUnitsOfWork(engine))
