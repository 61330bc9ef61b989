"""A database that is not ready, or goes away at an awkward moment."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import text

from bank_sim.adapters.postgres import MIGRATIONS as BANK_MIGRATIONS
from bank_sim.adapters.postgres import PostgresUnitsOfWork as BankUnits
from bank_sim.bootstrap import start
from bank_sim.settings import BankSettings
from hub.adapters.postgres.unit_of_work import MIGRATIONS as HUB_MIGRATIONS
from hub.adapters.postgres.unit_of_work import PostgresUnitsOfWork as HubUnits
from hub.bootstrap import Hub
from hub.settings import HubSettings
from pix.postgres.engine import make_engine, transaction
from pix.postgres.migrations import migrate

NOWHERE = "127.0.0.1:1"


def bank_settings(url: str) -> BankSettings:
    return BankSettings(
        database_url=url,
        kafka_bootstrap_servers=NOWHERE,
        hub_grpc_address=NOWHERE,
        bank_code="001",
        bank_name="Banco Aurora",
        bank_secret="a secret of the tests",
    )


def test_a_hub_is_not_ready_before_its_migrations(new_database: Callable[[], str]) -> None:
    hub = Hub(HubSettings(database_url=new_database(), kafka_bootstrap_servers=NOWHERE))
    hub.roles(["http"])
    assert hub.application.health.report() == {
        "database": "ok",
        "schema": "the database schema is out of date: run codepix-hub migrate",
    }
    migrate(hub.settings.database_url, HUB_MIGRATIONS)
    assert hub.application.health.is_ready()
    hub.close()


def test_a_hub_whose_look_ups_fail_is_not_ready_although_its_other_connections_work(
    new_database: Callable[[], str],
) -> None:
    hub = Hub(HubSettings(database_url=new_database(), kafka_bootstrap_servers=NOWHERE))
    migrate(hub.settings.database_url, HUB_MIGRATIONS)
    hub.roles(["grpc"])
    assert hub.application.health.report() == {"database": "ok", "schema": "ok", "look-ups": "ok"}
    with transaction(hub.engine) as connection:
        connection.execute(text("ALTER TABLE pix_keys RENAME TO other_keys"))
    report = hub.application.health.report()
    assert (report["database"], report["schema"]) == ("ok", "ok")
    assert "its schema is another" in report["look-ups"]
    hub.close()


def test_a_participant_whose_database_takes_no_writes_is_not_ready(new_database: Callable[[], str]) -> None:
    settings = bank_settings(new_database())
    migrate(settings.database_url, BANK_MIGRATIONS)
    engine = make_engine(settings.database_url)
    with transaction(engine) as connection:
        name = connection.execute(text("SELECT current_database()")).scalar_one()
        connection.execute(text(f"ALTER DATABASE {name} SET default_transaction_read_only = on"))
    engine.dispose()
    bank = start(settings)
    report = bank.application.health.report()
    assert "it takes no writes" in report["database"]
    assert report["schema"] == "ok"
    bank.close()


def test_a_bank_is_not_ready_before_its_migrations(new_database: Callable[[], str]) -> None:
    settings = bank_settings(new_database())
    bank = start(settings)
    assert bank.application.health.report() == {
        "database": "ok",
        "schema": "the database schema is out of date: run codepix-bank migrate",
    }
    migrate(settings.database_url, BANK_MIGRATIONS)
    assert bank.application.health.is_ready()
    bank.close()


@pytest.mark.parametrize("units_class", [BankUnits, HubUnits], ids=["bank", "hub"])
def test_a_connection_that_dies_behind_the_last_read_takes_nothing_with_it(
    new_database: Callable[[], str], units_class: Callable[..., BankUnits | HubUnits]
) -> None:
    url = new_database()
    engine, other = make_engine(url), make_engine(url)
    units = units_class(engine)
    with units() as unit:
        pid = unit._connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
        with transaction(other) as connection:
            connection.execute(text("SELECT pg_terminate_backend(:pid, 10000)"), {"pid": pid})
    with units() as unit:
        assert unit._connection.execute(text("SELECT 1")).scalar_one() == 1
    engine.dispose()
    other.dispose()
