"""What the console and REST of a hub with a long history read: never a growing table as a whole."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from uuid import UUID

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine, text

from hub.adapters.postgres.unit_of_work import MIGRATIONS, PostgresUnitsOfWork
from hub.entrypoints.http.app import create_app
from pix.postgres.engine import make_engine, transaction
from pix.scheme.keys import KeyKind, PixKey
from tests.support.banks import ANAS_CPF
from tests.support.databases import Databases
from tests.support.hub import make_world, register
from tests.support.hub_builders import ANA, AURORA, IPE, NOW_MS
from tests.support.large import fill_hub, pour_into_hub
from tests.support.rows_read import RowsRead

pytestmark = pytest.mark.postgres

ROWS = 30_000
READ_MAX = 2_500
"""Rows of a table for one page; a search may examine more (see `test_hub_plans`)."""
BEGIN_MS = NOW_MS - 40_000_000

_REST = """
    INSERT INTO returns (
        return_id, status, reason, original_end_to_end_id, amount_centavos, return_reason,
        payer_ispb, payer_branch, payer_account_number, payer_name, payer_tax_id_masked, payee_ispb, payee_branch,
        payee_account_number, payee_name, payee_tax_id_masked, description, requested_at_ms, received_at_ms,
        resend_count, resends, duplicates, refusals, traceparent, history, decided_at_ms, closed_at_ms
    ) SELECT 'D' || substr(end_to_end_id, 2), 'completed', NULL, end_to_end_id, amount_centavos, 'MD06', payer_ispb,
        payer_branch, payer_account_number, payer_name, payer_tax_id_masked, payee_ispb, payee_branch,
        payee_account_number, payee_name, payee_tax_id_masked, '', requested_at_ms + 1000, received_at_ms + 1000,
        0, 0, 0, 0, '', '', decided_at_ms + 1000, closed_at_ms + 1000
    FROM transfers WHERE status = 'completed';
    INSERT INTO pix_keys (
        key, kind, ispb, branch, account_number, holder_name, holder_kind, tax_id_masked, registered_at_ms, request_id
    ) SELECT n || '@example.com', 'EMAIL', :ispb, '0001', to_char(n, 'FM000000') || '-0', 'Customer ' || n, 'PERSON',
        '***.000.000-**', n, ''
    FROM generate_series(1, :rows) AS n;
    INSERT INTO key_events (key, kind, ispb, change, at_ms)
    SELECT n || '@example.com', 'EMAIL', :ispb, 'registered', n FROM generate_series(1, :rows) AS n;
    INSERT INTO dead_letters (
        digest, topic, partition, "offset", record_key, value, headers, sender, reason, first_seen_at_ms,
        last_seen_at_ms, times, state, note
    ) SELECT encode(sha256(n::text::bytea), 'hex'), 'topic', 0, n, '', '', '{}', '', 'nonsense', n, n, 1,
        CASE WHEN n % 2 = 0 THEN 'replayed' ELSE 'discarded' END, ''
    FROM generate_series(1, :rows) AS n;
    ANALYZE
"""

_KEYS_WITH_REQUESTS = """
    INSERT INTO pix_keys (
        key, kind, ispb, branch, account_number, holder_name, holder_kind, tax_id_masked, registered_at_ms, request_id
    ) SELECT gen_random_uuid()::text, 'EVP', :ispb, '0001', to_char(n, 'FM000000') || '-0', 'Customer', 'PERSON',
        '***.000.000-**', n, 'request-' || n
    FROM generate_series(1, :rows) AS n
"""

PAGES = (
    "/", "/activity", "/banks", "/banks.csv", "/banks/001", "/dead-letters", "/dead-letters?state=dead", "/directory",
    "/directory?key=zzz", "/directory/EMAIL/77@example.com", "/map", "/returns", "/returns/{return_id}",
    "/returns/{return_id}/bookings", "/search?q={id}", "/search?q={return_id}", "/trail", "/transfers",
    "/transfers?open=true", "/transfers/{id}",
    "/transfers/{id}/bookings", "/api/v1/network", "/api/v1/banks", "/api/v1/banks/001", "/api/v1/banks/001/fundings",
    "/api/v1/settlement", "/api/v1/directory", "/api/v1/directory/counts", "/api/v1/directory/EMAIL/77@example.com",
    "/api/v1/alerts", "/api/v1/trail", "/api/v1/returns", "/api/v1/returns/{return_id}",
    "/api/v1/returns/{return_id}/timeline", "/api/v1/transfers", "/api/v1/transfers?open_only=true",
    "/api/v1/transfers/counts", "/api/v1/transfers/{id}", "/api/v1/transfers/{id}/story",
    "/api/v1/transfers/{id}/bookings", "/api/v1/dead-letters", "/api/v1/dead-letters?state=dead", "/api/v1/under-way",
)  # fmt: skip


@dataclass
class LargeHub:
    """A hub on PostgreSQL with long histories."""

    reads: RowsRead
    units: PostgresUnitsOfWork
    engine: Engine
    client: TestClient
    end_to_end_id: str


@pytest.fixture(scope="module")
def large(databases: Databases) -> Iterator[LargeHub]:
    url = databases.migrated(MIGRATIONS)
    engine = make_engine(url)
    world = make_world(engine)
    fill_hub(url, AURORA, IPE, ROWS, BEGIN_MS)
    with transaction(engine) as connection:
        for statement in _REST.split(";"):
            connection.execute(text(statement), {"rows": ROWS, "ispb": AURORA})
        newest: str = connection.execute(
            text("SELECT max(end_to_end_id) FROM transfers WHERE status = 'completed'")
        ).scalar_one()
    reads = RowsRead(engine)
    with TestClient(create_app(world.application, wire=world.watch())) as client:
        yield LargeHub(reads, PostgresUnitsOfWork(engine), engine, client, newest)
    reads.close()
    engine.dispose()


@pytest.mark.parametrize("page", PAGES)
def test_a_page_reads_few_rows(large: LargeHub, page: str) -> None:
    path = page.format(id=large.end_to_end_id, return_id=f"D{large.end_to_end_id[1:]}")
    answers: list[int] = []
    rows = large.reads.during(lambda: answers.append(large.client.get(path).status_code))
    assert answers == [200]
    assert not {table: count for table, count in rows.items() if count > READ_MAX}


def test_a_bank_reads_its_keys_page_by_page(large: LargeHub) -> None:
    units = large.units

    def last_page() -> None:
        with units() as unit:
            assert len(unit.keys.list_of_bank(AURORA, "", "", (ROWS - 100, ""), 500)) >= 100

    assert large.reads.during(last_page)["pix_keys"] <= READ_MAX


def test_keys_are_counted_as_they_come_and_go(large: LargeHub) -> None:
    units = large.units
    with units() as unit:
        before = unit.keys.count_by_kind()
        assert before[AURORA, KeyKind.EMAIL] == ROWS
        assert unit.keys.remove(PixKey(KeyKind.EMAIL, "5@example.com"), AURORA, NOW_MS)
        assert unit.keys.count_by_kind() == {**before, (AURORA, KeyKind.EMAIL): ROWS - 1}
    with units() as unit:
        assert unit.keys.count_by_kind() == before


def test_a_registration_reads_few_rows_where_the_statistics_know_no_request(large: LargeHub) -> None:
    """The statistics were taken when no key had a request id, as at a hub that has just started."""
    units, engine = large.units, large.engine
    with transaction(engine) as connection:
        connection.execute(text(_KEYS_WITH_REQUESTS), {"rows": ROWS, "ispb": AURORA})
    asked = [(AURORA, f"request-{number}") for number in range(1, 33)]
    accounts = [(AURORA, "0001", f"{number:06d}-0") for number in range(1, 33)]

    def look_up() -> None:
        with units() as unit:
            assert unit.keys.find_by_requests(asked).keys() == set(asked)
            # Key 5 may have been removed by another test.
            assert set(unit.keys.lock_accounts(accounts).values()) <= {1, 2}

    assert large.reads.during(look_up)["pix_keys"] <= 10 * len(asked)


def test_statements_that_were_planned_on_empty_tables_read_few_rows_later(databases: Databases) -> None:
    """As at a hub that has just started: a plan stays until the next statistics, and every index was as cheap then."""
    url = databases.migrated(MIGRATIONS)
    engine = make_engine(url)
    world = make_world(engine)
    reads = RowsRead(engine)
    bank = world.application.queries.list_banks()[0]

    def live(number: int) -> None:
        world.complete(world.pay(number))
        party = replace(ANA, account_number=f"00{number:04d}-0")
        register(world.application, bank, PixKey(KeyKind.EVP, ""), party, ANAS_CPF, str(UUID(int=number)))

    def live_before_and_after() -> None:
        live(8_001)
        with transaction(engine) as connection:
            pour_into_hub(connection, AURORA, IPE, ROWS, BEGIN_MS)
            connection.execute(text(_KEYS_WITH_REQUESTS), {"rows": ROWS, "ispb": bank.ispb})
        live(8_002)

    read = reads.during(live_before_and_after)
    assert {"transfers", "pix_keys"} <= read.keys()
    assert max(read.values()) <= READ_MAX, read
    reads.close()
    engine.dispose()
