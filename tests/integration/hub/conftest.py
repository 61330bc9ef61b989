"""One migrated database for the room, emptied for each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Engine, text

from hub.adapters.postgres.unit_of_work import MIGRATIONS
from pix.postgres.engine import make_engine, transaction
from pix.postgres.migrations import migrate
from tests.integration.hub.world import World, make_world

TABLES = (
    "dead_letters, transfers, transfer_tallies, pix_keys, key_events, bank_instances, settlement_fundings, "
    "settlement_accounts, bank_secrets, banks"
)


@pytest.fixture(scope="package")
def database_url(new_database: Callable[[], str]) -> str:
    """A database with the hub's schema."""
    url = new_database()
    migrate(url, MIGRATIONS)
    return url


@pytest.fixture(scope="package")
def shared_engine(database_url: str) -> Iterator[Engine]:
    """Connections to it."""
    engine = make_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def engine(shared_engine: Engine) -> Engine:
    """The database, emptied."""
    with transaction(shared_engine) as connection:
        connection.execute(text(f"TRUNCATE {TABLES}"))
    return shared_engine


@pytest.fixture
def world(engine: Engine) -> World:
    """A hub with three banks and two keys."""
    return make_world(engine)
