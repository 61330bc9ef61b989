"""What the pages and REST of a bank with a long history read: never a growing table as a whole."""

from __future__ import annotations

import tracemalloc
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine, text

from bank_sim.adapters.postgres import MIGRATIONS, PostgresUnitsOfWork
from bank_sim.application.use_cases import BankApplication
from bank_sim.entrypoints.http.app import create_app
from pix.postgres.engine import make_engine, transaction
from pix.scheme.exports import EXPORT_PAGE_SIZE
from tests.integration.bank_http.conftest import Visitor
from tests.support.bank import World
from tests.support.bank_builders import NOW_MS
from tests.support.banks import AURORA, IPE
from tests.support.databases import Databases
from tests.support.large import BankDatabase, fill_bank, pour_into_bank
from tests.support.rows_read import RowsRead
from tests.support.village import VillageSettings

pytestmark = pytest.mark.postgres

ROWS = 30_000
READ_MAX = 2_500
"""Rows of a table for one page."""
SEARCH_MAX = 22_000
"""A search compares 10,000 rows, each of which counts as an entry of an index and as a row."""
BEGIN_MS = NOW_MS - 10 * 86_400_000

# All of it belongs to one customer, who is the worst case of each list; half of them are returned.
_REST = """
    SET LOCAL session_replication_role = replica;
    UPDATE transfers SET account_number = :number, idempotency_key = '';
    UPDATE postings SET account_number = :number, debit_account = replace(debit_account, :filled, :own),
        credit_account = replace(credit_account, :filled, :own) WHERE account_number = :filled_number;
    INSERT INTO returns (
        return_id, direction, status, reason, original_end_to_end_id, amount_centavos, account_number, return_reason,
        payer_ispb, payer_branch, payer_account_number, payer_name, payer_tax_id_masked, payee_ispb, payee_branch,
        payee_account_number, payee_name, payee_tax_id_masked, description, requested_at_ms, resend_count, duplicates,
        refusals, answer_style, idempotency_key, traceparent, history, decided_at_ms
    ) SELECT 'D' || substr(end_to_end_id, 2), 'incoming', 'confirmed', NULL, end_to_end_id, amount_centavos, :number,
        'MD06', payer_ispb, payer_branch, payer_account_number, payer_name, payer_tax_id_masked, payee_ispb,
        payee_branch, payee_account_number, payee_name, payee_tax_id_masked, '', requested_at_ms + 1000, 0, 0, 0,
        'once', '', '', '[]', requested_at_ms + 1100
    FROM transfers WHERE direction = 'outgoing' AND status = 'confirmed';
    INSERT INTO accounts (
        number, branch, holder_name, holder_kind, tax_id, status, balance_centavos, opened_at_ms, pin_hash
    ) SELECT to_char(200000 + n, 'FM000000') || '-0', '0001', 'Customer ' || n, 'PERSON', 'tax ' || n, 'active', 0, 0,
        ''
    FROM generate_series(1, :rows) AS n;
    INSERT INTO account_keys (kind, key, account_number, registered_at_ms, noted_at_ms)
    SELECT 'EMAIL', n || '@example.com', to_char(200000 + n, 'FM000000') || '-0', n, n
    FROM generate_series(1, :rows) AS n;
    INSERT INTO dead_letters (
        digest, topic, partition, "offset", record_key, value, headers, sender, reason, first_seen_at_ms,
        last_seen_at_ms, times, state, note
    ) SELECT encode(sha256(n::text::bytea), 'hex'), 'topic', 0, n, '', '', '{}', '', 'nonsense', n, n, 1,
        CASE WHEN n % 2 = 0 THEN 'replayed' ELSE 'discarded' END, ''
    FROM generate_series(1, :rows) AS n;
    INSERT INTO schedules (
        schedule_id, account_number, key_kind, key, shown_tax_id_masked, shown_name, shown_bank_name, created_at_ms,
        idempotency_key, fingerprint, amount_centavos, description, rhythm, first_day, payments, status, next_index,
        next_try_at_ms, tries, refusal, failed_day, failed_reason
    ) SELECT 'S' || n, to_char(200000 + n, 'FM000000') || '-0', 'EMAIL', 'a@example.com', '', '', '', n, '', '', 1, '',
        'once', '2025-01-01', 1, 'finished', 1, NULL, 0, '', NULL, ''
    FROM generate_series(1, :rows) AS n;
    INSERT INTO schedule_executions SELECT 'S' || n, '2025-01-01', 'requested', n, 1, 'E' || n, ''
    FROM generate_series(1, :rows) AS n;
    INSERT INTO charges (
        tax_id, txid, kind, created_at_ms, batch_id, account_number, revision, debtor_tax_id, content, status,
        reserved_by, paid_by
    ) SELECT 'another', 'txid' || to_char(n, 'FM0000000000000000000000000'), 'cob', n, '', '200001-0', 0, '', '{}',
        'REMOVIDA_PELO_PSP', '', ''
    FROM generate_series(1, :rows) AS n;
    INSERT INTO webhook_notices (
        account_number, key_kind, key, txid, end_to_end_id, return_id, amount_centavos, noted_at_ms, status, attempts,
        fault_delay_ms, fault_times, delivered_at_ms
    ) SELECT :number, 'EMAIL', 'a@example.com', 'txid' || n, 'E' || n, '', 1, n, 'delivered', 1, 0, 0, n
    FROM generate_series(1, :rows) AS n;
    INSERT INTO devices SELECT 'device' || n, to_char(200000 + n, 'FM000000') || '-0', '', n, n
    FROM generate_series(1, :rows) AS n;
"""


@dataclass
class LargeBank:
    """A bank on PostgreSQL whose customer and operator have long histories."""

    reads: RowsRead
    customer: Visitor
    operator: Visitor
    application: BankApplication
    number: str
    sent_id: str
    received_id: str


@pytest.fixture(scope="module")
def large(databases: Databases) -> Iterator[LargeBank]:
    url = databases.migrated(MIGRATIONS)
    engine = make_engine(url)
    world = World(PostgresUnitsOfWork(engine))
    ana = world.open_account(100_00)
    fill_bank(BankDatabase(AURORA.ispb, url), AURORA.ispb, IPE.ispb, ROWS, BEGIN_MS, accounts=1)
    newest = _belong_to(engine, ana.number)
    app = create_app(world.bank, VillageSettings(), world.clock)
    reads = RowsRead(engine)
    with TestClient(app) as client, TestClient(app) as other:
        customer = Visitor(client)
        customer.open("/sign-in")
        customer.send("/sign-in", account_number=ana.number, pin="1234")
        assert customer.path == "/", customer.text
        yield LargeBank(reads, customer, Visitor(other), world.bank, ana.number, **newest)
    reads.close()
    engine.dispose()


def _belong_to(engine: Engine, number: str) -> dict[str, str]:
    filled = "800000-0"
    values = {"number": number, "filled_number": filled, "filled": f"customer:{filled}", "own": f"customer:{number}"}
    with transaction(engine) as connection:
        for statement in _REST.split(";"):
            if statement.strip():
                connection.execute(text(statement), {**values, "rows": ROWS})
        connection.execute(text("ANALYZE"))
        newest = connection.execute(
            text("SELECT direction, max(end_to_end_id) AS id FROM transfers WHERE status = 'confirmed' GROUP BY 1")
        )
        ids: dict[str, str] = {row.direction: row.id for row in newest}
    return {"sent_id": ids["outgoing"], "received_id": ids["incoming"]}


CUSTOMERS = (
    "/", "/home", "/statement", "/statement?direction=refunds", "/statement?direction=in", "/statement?direction=out",
    "/statement?before=100", "/statement?from=2030-01-01", "/statement?to=2020-01-01", "/receive", "/pay", "/keys",
    "/limits", "/account", "/schedules", "/transfers/{id}", "/transfers/{id}/receipt", "/transfers/{received}/return",
    "/developers", "/developers/charges", "/developers/webhooks", "/developers/credentials", "/developers/requests",
    "/developers/verdict", "/developers/pay",
)  # fmt: skip
OPERATORS = (
    "/backoffice", "/backoffice/accounts", "/backoffice/transfers", "/backoffice/transfers?direction=incoming",
    "/backoffice/transfers?status=pending", "/backoffice/transfers?status=failed",
    "/backoffice/transfers/{id}?direction=outgoing", "/backoffice/returns", "/backoffice/returns?status=failed",
    "/backoffice/returns/{return_id}?direction=incoming", "/backoffice/books", "/backoffice/books?before=1000",
    "/backoffice/dead-letters", "/backoffice/behaviour", "/backoffice/sandbox",
    "/api/v1/accounts", "/api/v1/accounts/{number}", "/api/v1/accounts/{number}/statement",
    "/api/v1/accounts/{number}/limits", "/api/v1/accounts/{number}/keys", "/api/v1/accounts/{number}/schedules",
    "/api/v1/accounts/{number}/webhook-notices", "/api/v1/accounts/{number}/webhook-notices?status=lost",
    "/api/v1/accounts/{number}/webhook-notices?txid=none", "/api/v1/accounts/{number}/webhook-deliveries",
    "/api/v1/transfers", "/api/v1/transfers?status=rejected", "/api/v1/transfers?undecided=true",
    "/api/v1/transfers/{id}?direction=outgoing", "/api/v1/transfers/{received}/returns",
    "/api/v1/transfers/{id}/postings", "/api/v1/returns", "/api/v1/returns?undecided=true",
    "/api/v1/returns?status=failed", "/api/v1/returns/{return_id}?direction=incoming", "/api/v1/postings",
    "/api/v1/dead-letters", "/api/v1/dead-letters?state=dead", "/api/v1/under-way",
)  # fmt: skip
MORE = {
    # The chart of the month looks at the newest 5,000 postings.
    "/": 6_000,
    "/home": 6_000,
}
SEARCHES = ("/statement?search=nothing+like+it", "/backoffice/transfers?search=nothing+like+it")


@pytest.mark.parametrize("page", CUSTOMERS)
def test_a_customers_page_reads_few_rows(large: LargeBank, page: str) -> None:
    assert not read_beyond(large, large.customer, page, MORE.get(page, READ_MAX))


@pytest.mark.parametrize("page", OPERATORS)
def test_a_list_for_operators_and_programs_reads_few_rows(large: LargeBank, page: str) -> None:
    assert not read_beyond(large, large.operator, page, READ_MAX)


@pytest.mark.parametrize("page", SEARCHES)
def test_a_search_stops_after_ten_thousand_rows(large: LargeBank, page: str) -> None:
    assert not read_beyond(large, large.operator if "backoffice" in page else large.customer, page, SEARCH_MAX)


def test_an_export_begins_before_it_has_read_everything(large: LargeBank) -> None:
    application = large.application

    def first_pages() -> None:
        application.exports.rows("transfer", None)
        application.exports.rows("return", None)
        application.exports.operations(None)
        application.exports.postings_of_rows(None)

    rows = large.reads.during(first_pages)
    assert rows["transfers"] >= EXPORT_PAGE_SIZE
    assert not {table for table, count in rows.items() if count > 2 * EXPORT_PAGE_SIZE + 100}


@pytest.mark.parametrize("table", ["transfers", "postings"])
def test_an_export_takes_no_more_memory_for_more_rows(large: LargeBank, table: str) -> None:
    application = large.application
    read = (
        partial(application.exports.rows, "transfer") if table == "transfers" else application.exports.postings_of_rows
    )
    read(None)

    tracemalloc.start()
    try:
        page = read(None)
        of_a_page = tracemalloc.get_traced_memory()[1]
        pages = 1
        while page.last is not None:
            page = read(page.last)
            pages += 1
        of_all = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert pages >= ROWS // EXPORT_PAGE_SIZE
    # The page before is still there while the next one is read.
    assert of_all < 2.5 * of_a_page


def test_every_posting_is_read_when_that_is_asked_for(large: LargeBank) -> None:
    """What the others would notice."""
    assert read_beyond(large, large.operator, "/backoffice/books?compared=true", READ_MAX)["postings"] > ROWS


def read_beyond(large: LargeBank, visitor: Visitor, page: str, most: int) -> dict[str, int]:
    """The tables of which more rows are read."""
    path = page.format(
        id=large.sent_id, received=large.received_id, number=large.number, return_id=f"D{large.sent_id[1:]}"
    )
    answers: list[int] = []
    rows = large.reads.during(lambda: answers.append(visitor.client.get(path).status_code))
    assert answers == [200]
    return {table: count for table, count in rows.items() if count > most}


def test_statements_that_were_planned_on_empty_tables_read_few_rows_later(databases: Databases) -> None:
    """As at a bank that has just started: a plan stays until the next statistics, and every index was as cheap then."""
    engine = make_engine(databases.migrated(MIGRATIONS))
    world = World(PostgresUnitsOfWork(engine))
    ana = world.open_account(100_00)
    reads = RowsRead(engine)

    def live(number: int) -> None:
        world.hear(world.outcome_of(world.pay(ana, 10_00, f"order-{number}")))
        offer = world.offer(ana, 10_00)
        world.hear(offer)
        world.hear(world.confirmed(offer))

    def live_before_and_after() -> None:
        live(1)
        with transaction(engine) as connection:
            pour_into_bank(connection, AURORA.ispb, AURORA.ispb, IPE.ispb, ROWS, BEGIN_MS)
            # All of it is the payer's, who is the worst case of a look-up by account and idempotency key.
            connection.execute(text("SET LOCAL session_replication_role = replica"))
            connection.execute(text("UPDATE transfers SET account_number = :number"), {"number": ana.number})
        live(2)

    read = reads.during(live_before_and_after)
    # The update has read all transfers once.
    assert {"transfers", "accounts"} <= read.keys()
    assert max((Counter(read) - Counter(transfers=ROWS)).values()) <= READ_MAX, read
    reads.close()
    engine.dispose()
