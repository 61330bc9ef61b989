"""The same suite on the stores in memory and on PostgreSQL: what holds for one must hold for the other."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from bank_sim.adapters.memory.unit_of_work import MemoryUnitsOfWork
from bank_sim.adapters.postgres import MIGRATIONS, PostgresUnitsOfWork
from bank_sim.application.ports import UnitsOfWork
from pix.postgres.engine import make_engine
from tests.contract.bank_sim.world import World
from tests.support.databases import Databases, empty_bank


@pytest.fixture(scope="package")
def bank_engine(databases: Databases) -> Iterator[Engine]:
    engine = make_engine(databases.migrated(MIGRATIONS))
    yield engine
    engine.dispose()


@pytest.fixture(params=["memory", pytest.param("postgres", marks=pytest.mark.postgres)])
def units(request: pytest.FixtureRequest) -> UnitsOfWork:
    if request.param == "memory":
        return MemoryUnitsOfWork()
    engine: Engine = request.getfixturevalue("bank_engine")
    empty_bank(engine)
    return PostgresUnitsOfWork(engine)


@pytest.fixture
def world(units: UnitsOfWork) -> World:
    return World(units)
