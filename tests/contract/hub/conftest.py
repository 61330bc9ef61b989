"""Both stores of the hub behind one fixture: in memory, and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from hub.adapters.memory.unit_of_work import HubStore, MemoryUnitsOfWork
from hub.adapters.postgres.unit_of_work import MIGRATIONS, PostgresUnitsOfWork
from hub.application.ports import UnitsOfWork
from hub.domain.settlement import SettlementAccount
from pix.postgres.engine import make_engine
from tests.support.databases import Databases, empty_hub
from tests.unit.hub.builders import BANKS, FUNDS


@pytest.fixture(scope="package")
def engine(databases: Databases) -> Iterator[Engine]:
    """A database with the hub's schema, shared by the tests of this room one after another."""
    engine = make_engine(databases.migrated(MIGRATIONS))
    yield engine
    engine.dispose()


@pytest.fixture(params=["memory", pytest.param("postgres", marks=pytest.mark.postgres)])
def units(request: pytest.FixtureRequest) -> UnitsOfWork:
    """An empty store."""
    if request.param == "memory":
        return MemoryUnitsOfWork(HubStore())
    engine: Engine = request.getfixturevalue("engine")
    empty_hub(engine)
    return PostgresUnitsOfWork(engine)


@pytest.fixture
def with_banks(units: UnitsOfWork) -> UnitsOfWork:
    """The store with the three banks and their settlement money."""
    with units() as unit:
        for bank in BANKS.values():
            unit.banks.add(bank)
            unit.settlement.open(bank.ispb)
            unit.settlement.save([SettlementAccount(bank.ispb, FUNDS, 0)])
        unit.commit()
    return units
