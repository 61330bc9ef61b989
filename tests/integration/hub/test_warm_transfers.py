"""What the hub wrote last it need not read again, and never writes over what another replica has written since."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace

import alembic.command
import pytest
from sqlalchemy import Engine, text

from hub.adapters.postgres import transfers as postgres_transfers
from hub.adapters.postgres.unit_of_work import MIGRATIONS, PostgresUnitsOfWork
from hub.application.ports import RowChange
from hub.domain.flows.transfer.model import TransferStatus, Trigger
from pix.postgres.bulk import copy_rows, execute_bulk, fetch_bulk, number_array, text_array, word_array
from pix.postgres.engine import make_engine, transaction
from pix.postgres.migrations import alembic_configuration, migrate
from pix.runtime.outages import DatabaseUnavailable
from pix.scheme.flows import Step
from tests.support.databases import Databases
from tests.support.hub_builders import NOW_MS, confirmed, e2e, transfer

STEP = Step(NOW_MS, "00000001", Trigger.REQUEST, None, TransferStatus.PENDING)
AWKWARD = [
    "",
    "NULL",
    "null",
    "a b",
    'a"b',
    "a\\b",
    "\\N",
    "\\.",
    "{,}",
    "a\tb\nc\rd",
    "é€😀",
    "'; --",
    "%s",
    "\u2028x",
]


@pytest.fixture(scope="module")
def engine(databases: Databases) -> Iterator[Engine]:
    engine = make_engine(databases.migrated(MIGRATIONS))
    yield engine
    engine.dispose()


@pytest.fixture
def replicas(engine: Engine) -> tuple[PostgresUnitsOfWork, PostgresUnitsOfWork]:
    """Two processes on one database with one transfer, which the first of them has made."""
    with transaction(engine) as connection:
        connection.execute(text("TRUNCATE transfers"))
    first, second = PostgresUnitsOfWork(engine), PostgresUnitsOfWork(engine)
    with first() as unit:
        unit.transfers.save([RowChange(transfer(), (STEP,), is_new=True)])
        unit.commit()
    return first, second


def count_duplicate(units: PostgresUnitsOfWork) -> int:
    with units() as unit:
        known = unit.transfers.lock([e2e()])[e2e()]
        unit.transfers.save([RowChange(replace(known, duplicates=known.duplicates + 1), ())])
        unit.commit()
    return known.duplicates + 1


def test_what_was_written_is_not_read_again(
    replicas: tuple[PostgresUnitsOfWork, PostgresUnitsOfWork], engine: Engine
) -> None:
    first, _ = replicas
    with transaction(engine) as connection:
        connection.execute(text("UPDATE transfers SET duplicates = 40"))
    with first() as unit:
        assert unit.transfers.lock([e2e()]) == {e2e(): transfer()}
    assert count_duplicate(first) == 1
    assert count_duplicate(first) == 2


def test_what_another_has_written_is_never_written_over(
    replicas: tuple[PostgresUnitsOfWork, PostgresUnitsOfWork],
) -> None:
    first, second = replicas
    assert count_duplicate(second) == 1
    with pytest.raises(DatabaseUnavailable):
        count_duplicate(first)
    assert count_duplicate(first) == 2, "it has read the row again"
    with pytest.raises(DatabaseUnavailable):
        count_duplicate(second)
    assert count_duplicate(second) == 3


def test_what_was_not_committed_is_not_known(replicas: tuple[PostgresUnitsOfWork, PostgresUnitsOfWork]) -> None:
    first, _ = replicas
    with first() as unit:
        known = unit.transfers.lock([e2e()])[e2e()]
        unit.transfers.save([RowChange(replace(known, duplicates=7), ())])
    with first() as unit:
        assert unit.transfers.lock([e2e()]) == {e2e(): transfer()}
    assert count_duplicate(first) == 1


def test_closed_ones_and_the_oldest_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_transfers, "CACHED_TRANSFERS_MAX", 2)
    cached = postgres_transfers.CachedTransfers()
    open_ones = {e2e(number): (replace(transfer(), end_to_end_id=e2e(number)), 0) for number in (1, 2, 3)}
    cached.keep(open_ones)
    assert list(cached.find([e2e(1), e2e(2), e2e(3)])) == [e2e(2), e2e(3)]
    cached.keep({e2e(2): (replace(open_ones[e2e(2)][0], closed_at_ms=NOW_MS), 1)})
    assert list(cached.find([e2e(2), e2e(3)])) == [e2e(3)]


@pytest.mark.parametrize("awkward", AWKWARD)
def test_any_text_survives_in_a_row(engine: Engine, awkward: str) -> None:
    units = PostgresUnitsOfWork(engine)
    with transaction(engine) as connection:
        connection.execute(text("TRUNCATE transfers"))
    subject = replace(transfer(), description=awkward, payer=replace(transfer().payer, name=awkward))
    step = replace(STEP, ignored=awkward, author=awkward)
    with units() as unit:
        unit.transfers.save([RowChange(subject, (step,), is_new=True)])
        unit.commit()
    with PostgresUnitsOfWork(engine)() as unit:
        unit.transfers.lock([e2e()])
        changed = replace(subject, status=confirmed().status, decided_at_ms=NOW_MS)
        unit.transfers.save([RowChange(changed, (step, step))])
        unit.commit()
    with units() as unit:
        assert unit.transfers.find(e2e()) == (changed, [step, step, step])


def test_array_literals_are_read_as_they_were_meant(engine: Engine) -> None:
    with transaction(engine) as connection:
        values = {
            "texts": text_array(AWKWARD),
            "numbers": number_array([1, None, -3]),
            "words": word_array(["a", None]),
        }
        rows = fetch_bulk(connection, "SELECT %(texts)s::text[], %(numbers)s::bigint[], %(words)s::text[]", values)
    assert rows == [(AWKWARD, [1, None, -3], ["a", None])]


def test_faults_of_the_data_are_not_taken_for_an_absent_database(engine: Engine) -> None:
    with pytest.raises(Exception, match="null value") as raised, transaction(engine) as connection:
        copy_rows(connection, "banks", "ispb", ["00000001"])
    assert not isinstance(raised.value, DatabaseUnavailable)
    with pytest.raises(Exception, match="division by zero") as raised, transaction(engine) as connection:
        execute_bulk(connection, "SELECT 1 / %(divisor)s::int", {"divisor": 0})
    assert not isinstance(raised.value, DatabaseUnavailable)


def test_histories_survive_the_migration_and_its_way_back(new_database: Callable[[], str]) -> None:
    url = new_database()
    migrate(url, MIGRATIONS)
    engine = make_engine(url)
    units = PostgresUnitsOfWork(engine)
    steps = [STEP, replace(STEP, ignored='too "late"\\', status=TransferStatus.FAILED)]
    with units() as unit:
        unit.transfers.save([RowChange(transfer(), tuple(steps), is_new=True)])
        unit.commit()
    configuration = alembic_configuration(MIGRATIONS)
    with transaction(engine) as connection:
        configuration.attributes["connection"] = connection
        alembic.command.downgrade(configuration, "0001")
        written = connection.execute(text("SELECT history FROM transfers")).scalar_one()
    assert [step["refused"] for step in written] == ["", 'too "late"\\'], json.dumps(written)
    migrate(url, MIGRATIONS)
    with units() as unit:
        assert unit.transfers.find(e2e()) == (transfer(), steps)
    engine.dispose()
