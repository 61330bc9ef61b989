"""Both stores of the hub behind one fixture: in memory, and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Engine, text

from hub.adapters.memory.unit_of_work import HubStore, MemoryUnitsOfWork
from hub.adapters.postgres.unit_of_work import MIGRATIONS, PostgresUnitsOfWork
from hub.application.ports import UnitsOfWork
from hub.domain.settlement import SettlementAccount
from pix.postgres.engine import make_engine, transaction
from pix.postgres.migrations import migrate
from tests.unit.hub.builders import BANKS, FUNDS

TABLES = (
    "dead_letters, transfers, transfer_tallies, pix_keys, key_events, bank_instances, settlement_fundings, "
    "settlement_accounts, bank_secrets, banks"
)


@pytest.fixture(scope="package")
def engine(new_database: Callable[[], str]) -> Iterator[Engine]:
    """A database with the hub's schema, shared by the tests of this room one after another."""
    url = new_database()
    migrate(url, MIGRATIONS)
    engine = make_engine(url)
    yield engine
    engine.dispose()


@pytest.fixture(params=["memory", "postgres"])
def units(request: pytest.FixtureRequest) -> UnitsOfWork:
    """An empty store."""
    if request.param == "memory":
        return MemoryUnitsOfWork(HubStore())
    engine: Engine = request.getfixturevalue("engine")
    with transaction(engine) as connection:
        connection.execute(text(f"TRUNCATE {TABLES}"))
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
