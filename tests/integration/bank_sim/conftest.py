"""A bank on a real PostgreSQL, a database of its own for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from bank_sim.adapters.postgres import MIGRATIONS, PostgresUnitsOfWork
from pix.postgres.engine import make_engine
from tests.contract.bank_sim.world import World
from tests.support.databases import Databases


@pytest.fixture
def database_url(databases: Databases) -> str:
    """A database with a bank's schema."""
    return databases.migrated(MIGRATIONS)


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = make_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def world(engine: Engine) -> World:
    return World(PostgresUnitsOfWork(engine))
