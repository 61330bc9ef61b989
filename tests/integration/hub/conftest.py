"""One migrated database for the room, emptied for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from hub.adapters.postgres.unit_of_work import MIGRATIONS
from pix.postgres.engine import make_engine
from tests.integration.hub.world import World, make_world
from tests.support.databases import Databases, empty_hub


@pytest.fixture(scope="package")
def database_url(databases: Databases) -> str:
    """A database with the hub's schema."""
    return databases.migrated(MIGRATIONS)


@pytest.fixture(scope="package")
def shared_engine(database_url: str) -> Iterator[Engine]:
    """Connections to it."""
    engine = make_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def engine(shared_engine: Engine) -> Engine:
    """The database, emptied."""
    empty_hub(shared_engine)
    return shared_engine


@pytest.fixture
def world(engine: Engine) -> World:
    """A hub with three banks and two keys."""
    return make_world(engine)
