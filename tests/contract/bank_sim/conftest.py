"""The same suite on the stores in memory and on PostgreSQL: what holds for one must hold for the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Engine, text

from bank_sim.adapters.memory.unit_of_work import MemoryUnitsOfWork
from bank_sim.adapters.postgres import MIGRATIONS, PostgresUnitsOfWork
from bank_sim.application.ports import UnitsOfWork
from pix.postgres.engine import make_engine
from pix.postgres.migrations import migrate
from tests.contract.bank_sim.world import World


@pytest.fixture(scope="package")
def bank_engine(new_database: Callable[[], str]) -> Iterator[Engine]:
    url = new_database()
    migrate(url, MIGRATIONS)
    engine = make_engine(url)
    yield engine
    engine.dispose()


def empty(engine: Engine) -> None:
    """Empties every table: a database of its own for each of these many tests would take longer than they do."""
    with engine.begin() as connection:
        # Postings refuse to be removed; this switches triggers off for the transaction.
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        connection.execute(
            text(
                "TRUNCATE accounts, account_keys, transfers, postings, behaviour, participants, seeded_stories, "
                "dead_letters RESTART IDENTITY"
            )
        )
        connection.execute(text("ALTER SEQUENCE account_serials RESTART"))


@pytest.fixture(params=["memory", "postgres"])
def units(request: pytest.FixtureRequest) -> UnitsOfWork:
    if request.param == "memory":
        return MemoryUnitsOfWork()
    engine: Engine = request.getfixturevalue("bank_engine")
    empty(engine)
    return PostgresUnitsOfWork(engine)


@pytest.fixture
def world(units: UnitsOfWork) -> World:
    return World(units)
