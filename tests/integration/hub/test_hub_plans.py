"""The console's lists read a large table by an index, and never as a whole."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Engine, event

from hub.adapters.postgres.unit_of_work import MIGRATIONS, PostgresUnitsOfWork
from hub.application.ports import TransferFilter
from hub.application.ports.returns import ReturnFilter
from hub.application.queries import Queries
from hub.application.returns import search_returns
from hub.domain.flows.transfer.model import TransferStatus
from pix.postgres.engine import make_engine, transaction
from pix.scheme.reasons import ReasonCode
from tests.support.databases import Databases
from tests.support.hub_builders import AURORA, IPE, NOW_MS
from tests.support.large import SPACING_MS, fill_hub

ROWS = 20_000


@pytest.fixture(scope="module")
def large(databases: Databases) -> Iterator[Engine]:
    """A hub that has known many transfers, all of them closed."""
    url = databases.migrated(MIGRATIONS)
    fill_hub(url, AURORA, IPE, ROWS, NOW_MS)
    engine = make_engine(url)
    yield engine
    engine.dispose()


class Statements:
    """What is asked of a database, to be explained afterwards."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._asked: list[tuple[str, Any]] = []
        event.listen(engine, "before_cursor_execute", self._note)

    def _note(self, _: Any, __: Any, statement: str, parameters: Any, ___: Any, ____: Any) -> None:
        if "transfers" in statement and statement.lstrip().upper().startswith("SELECT"):
            self._asked.append((statement, parameters))

    def plans(self) -> list[str]:
        event.remove(self._engine, "before_cursor_execute", self._note)
        with transaction(self._engine) as connection:
            return [
                json.dumps(connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {each}", values).scalar_one())
                for each, values in self._asked
            ]


LISTS = {
    "newest": TransferFilter(),
    "older": TransferFilter(before=(NOW_MS + ROWS // 2 * SPACING_MS, "")),
    "open": TransferFilter(open_only=True),
    "by bank": TransferFilter(ispb=IPE, examined_max=5_000),
    "by status": TransferFilter(status=TransferStatus.PENDING, examined_max=5_000),
    "by reason": TransferFilter(reason=ReasonCode.AC06, examined_max=5_000),
    "by part of the id": TransferFilter(id_part="7777", examined_max=5_000),
    "by whole id": TransferFilter(id_part="E" + "0" * 31),
    "by name": TransferFilter(name_part="payer 8", examined_max=5_000),
    "by amount": TransferFilter(amount_centavos=1, examined_max=5_000),
    "of a time": TransferFilter(received_from_ms=NOW_MS, received_before_ms=NOW_MS + 60_000),
}


@pytest.mark.postgres
@pytest.mark.parametrize("narrow", LISTS.values(), ids=LISTS)
def test_a_list_reads_by_an_index(large: Engine, narrow: TransferFilter) -> None:
    queries = Queries(PostgresUnitsOfWork(large))
    asked = Statements(large)
    queries.search_transfers(narrow)
    plans = asked.plans()
    assert plans
    assert not [plan for plan in plans if '"Seq Scan"' in plan]


@pytest.mark.postgres
def test_what_the_overview_asks_reads_by_an_index(large: Engine) -> None:
    units = PostgresUnitsOfWork(large)
    queries = Queries(units)
    asked = Statements(large)
    with units() as unit:
        unit.transfers.activity(NOW_MS, NOW_MS + 600_000, 10_000, 200)
        unit.transfers.oldest_offers(100)
        unit.transfers.open_ids(100)
    queries.count_open()
    queries.count_transfers()
    queries.export("transfer", ("E" + "1" * 31,))
    queries.read(lambda unit: search_returns(unit, ReturnFilter(original_end_to_end_id="E" + "0" * 31)))
    plans = [plan for plan in asked.plans() if '"Relation Name": "transfers"' in plan]
    assert len(plans) >= 5
    assert not [plan for plan in plans if '"Seq Scan"' in plan]
