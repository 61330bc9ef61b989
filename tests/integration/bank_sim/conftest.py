"""A bank on a real PostgreSQL: one migrated database for the room, emptied for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from bank_sim.adapters.postgres import MIGRATIONS, PostgresUnitsOfWork
from pix.postgres.engine import make_engine
from tests.support.bank import World
from tests.support.databases import Databases, empty_bank


@pytest.fixture(scope="package")
def database_url(databases: Databases) -> str:
    """A database with a bank's schema."""
    return databases.migrated(MIGRATIONS)


@pytest.fixture(scope="package")
def shared_engine(database_url: str) -> Iterator[Engine]:
    engine = make_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def engine(shared_engine: Engine) -> Engine:
    """The database, emptied."""
    empty_bank(shared_engine)
    return shared_engine


@pytest.fixture
def world(engine: Engine) -> World:
    return World(PostgresUnitsOfWork(engine))
