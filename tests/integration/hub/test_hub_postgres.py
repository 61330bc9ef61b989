"""What only PostgreSQL can show: replicas side by side, sessions that break, and the schema's way up."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import alembic.command
import alembic.config
import pytest
from sqlalchemy import Engine, text

from hub.adapters.postgres.unit_of_work import MIGRATIONS, PostgresUnitsOfWork
from hub.application.ports import RowChange
from hub.domain.errors import KeyLimitReached
from hub.domain.flows.transfer.model import TransferStatus
from hub.domain.tallies import Tally, TallyKey
from pix.participant.dead_letters.model import DeadLetterState
from pix.postgres.engine import make_engine, transaction, why_database_is_not_ready
from pix.postgres.migrations import is_migrated, migrate
from pix.runtime.outages import DatabaseUnavailable
from pix.scheme.keys import KeyKind, PixKey
from pix.scheme.messages import TransferRequested
from pix.scheme.money import AMOUNT_CENTAVOS_MAX
from pix.scheme.reasons import ReasonCode
from tests.support.hub import FUNDS, World, hub_on, make_world, register, signed
from tests.support.hub_builders import ANA, AURORA, BIA, BIAS_KEY, IPE, NOW_MS, confirmed, e2e, transfer

DEADLINE_SECONDS = 60.0
WAIT_MS_MAX = 60_000


def test_the_schema_goes_up_once_however_many_replicas_start(new_database: Callable[[], str]) -> None:
    url = new_database()
    engine = make_engine(url)
    assert not is_migrated(engine, MIGRATIONS)
    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(migrate, url, MIGRATIONS) for _ in range(4)]:
            done.result(DEADLINE_SECONDS)
    assert is_migrated(engine, MIGRATIONS)
    engine.dispose()


def test_a_schema_that_goes_up_knows_what_was_there_before(new_database: Callable[[], str]) -> None:
    url = new_database()
    migrate(url, MIGRATIONS)
    engine = make_engine(url)
    world = make_world(engine)
    world.complete(world.pay(1))
    world.pay(2, key=PixKey(KeyKind.EMAIL, "nobody@example.com"))
    queries = world.application.queries
    tallies, history = queries.tallies(), queries.follow_key(BIAS_KEY)[1]
    assert len(tallies) == 2 and len(history) == 1
    with transaction(engine) as connection:
        configuration = alembic.config.Config()
        configuration.set_main_option("script_location", str(MIGRATIONS))
        configuration.attributes["connection"] = connection
        alembic.command.downgrade(configuration, "0002")
    migrate(url, MIGRATIONS)
    assert (queries.tallies(), queries.follow_key(BIAS_KEY)[1]) == (tallies, history)
    engine.dispose()


def test_replicas_add_to_the_tallies_side_by_side(engine: Engine, world: World) -> None:
    others = [hub_on(engine) for _ in range(4)]
    together = threading.Barrier(len(others))

    def pay(number: int) -> None:
        together.wait(DEADLINE_SECONDS)
        for each in range(10):
            others[number].pay(100 * number + each, amount=100)

    with ThreadPoolExecutor(len(others)) as pool:
        for done in [pool.submit(pay, number) for number in range(len(others))]:
            done.result(DEADLINE_SECONDS)
    assert world.application.queries.tallies() == {
        TallyKey(AURORA, IPE, TransferStatus.PENDING, None): Tally(40, 4_000)
    }


def test_replicas_that_get_the_same_request_make_one_transfer(engine: Engine, world: World) -> None:
    request = signed(TransferRequested(e2e(), 700, ANA, BIAS_KEY, "", "", NOW_MS), AURORA)
    together = threading.Barrier(4)

    def treat() -> str:
        together.wait(DEADLINE_SECONDS)
        try:
            return f"{len(world.handle([request]))} sent"
        except DatabaseUnavailable:
            return "again"

    with ThreadPoolExecutor(4) as pool:
        told = sorted(done.result(DEADLINE_SECONDS) for done in [pool.submit(treat) for _ in range(4)])
    # Whoever came second finds the row, or is told to read its batch again; one offer goes out.
    assert told.count("1 sent") == 1
    account = world.application.queries.settlement_accounts()[AURORA]
    assert (account.balance_centavos, account.reserved_centavos) == (FUNDS, 700)
    assert world.handle([request]) == []


def test_the_largest_amounts_are_reserved_settled_and_released(world: World) -> None:
    funds = 3 * AMOUNT_CENTAVOS_MAX
    world.application.fund_bank(code="001", amount_centavos=funds - FUNDS, funding_id=str(uuid4()))
    requests = [
        signed(TransferRequested(e2e(number), AMOUNT_CENTAVOS_MAX, ANA, BIAS_KEY, "", "", NOW_MS), AURORA)
        for number in (1, 2)
    ]
    # One batch moves more than a column of 32 bits holds, in each of its steps.
    assert len(world.treat(*requests)) == 2
    account = world.application.queries.settlement_accounts()[AURORA]
    assert (account.balance_centavos, account.reserved_centavos) == (funds, 2 * AMOUNT_CENTAVOS_MAX)
    world.complete(e2e(1))
    world.reject(e2e(2), ReasonCode.AC06)
    accounts = world.application.queries.settlement_accounts()
    assert (accounts[AURORA].balance_centavos, accounts[AURORA].reserved_centavos) == (2 * AMOUNT_CENTAVOS_MAX, 0)
    assert accounts[IPE].balance_centavos == FUNDS + AMOUNT_CENTAVOS_MAX
    assert world.application.dead_letters.list(DeadLetterState.DEAD, 10) == []


def test_replicas_spend_no_settlement_money_twice(world: World) -> None:
    half = FUNDS // 2
    together = threading.Barrier(4)

    def treat(number: int) -> None:
        record = signed(TransferRequested(e2e(number), half, ANA, BIAS_KEY, "", "", NOW_MS), AURORA)
        together.wait(DEADLINE_SECONDS)
        world.handle([record])

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(treat, number) for number in range(4)]:
            done.result(DEADLINE_SECONDS)
    assert world.application.queries.settlement_accounts()[AURORA].reserved_centavos == FUNDS
    reasons = [world.application.queries.find_transfer(e2e(number))[0].reason for number in range(4)]
    assert sorted(reason.value if reason else "" for reason in reasons) == ["", "", "AM04", "AM04"]
    assert ReasonCode.AM04 in reasons


def test_sweepers_pass_over_what_another_holds(engine: Engine, world: World) -> None:
    ids = [world.pay(number) for number in (1, 2)]
    late_ms = world.clock.at_ms + 100_000
    units = PostgresUnitsOfWork(engine)
    with units() as one, units() as other:
        assert len(one.transfers.lock_due(late_ms, 1, WAIT_MS_MAX)) == 1
        due = other.transfers.lock_due(late_ms, 10, WAIT_MS_MAX)
        assert len(due) == 1
        assert other.transfers.lock_expired(late_ms, 0, 10, WAIT_MS_MAX) == due
        assert {due[0].end_to_end_id} < set(ids)


def test_an_account_gets_no_key_too_many_by_hurrying(world: World) -> None:
    bank = world.application.queries.list_banks()[1]
    together = threading.Barrier(6)

    def add(number: int) -> bool:
        together.wait(DEADLINE_SECONDS)
        try:
            register(world.application, bank, PixKey(KeyKind.EMAIL, f"k{number}@example.com"), BIA, "11144477735")
        except KeyLimitReached:
            return False
        return True

    with ThreadPoolExecutor(6) as pool:
        done = [each.result(DEADLINE_SECONDS) for each in [pool.submit(add, number) for number in range(6)]]
    assert sum(done) == 4, "one of the five was there already"
    assert world.application.queries.count_keys()[IPE, KeyKind.EMAIL] == 5


def test_a_session_that_breaks_is_an_absent_database_and_nothing_has_happened(engine: Engine, world: World) -> None:
    units = PostgresUnitsOfWork(engine)

    def breaks() -> None:
        with units() as unit:
            unit.transfers.save([RowChange(transfer(), (), is_new=True)])
            victim = unit._connection.connection.dbapi_connection.info.backend_pid  # type: ignore[union-attr]
            with transaction(engine) as connection:
                connection.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": victim})
            unit.transfers.save([RowChange(confirmed(), ())])
            unit.commit()

    with pytest.raises(DatabaseUnavailable):
        breaks()
    with units() as unit:
        assert unit.transfers.find(e2e()) is None, "the pool has replaced the broken session"


def test_a_server_that_is_not_there_is_an_absent_database() -> None:
    nowhere = make_engine("postgresql+psycopg2://nobody@127.0.0.1:1/none")
    assert why_database_is_not_ready(nowhere).startswith("the database does not answer: ")
    with pytest.raises(DatabaseUnavailable), PostgresUnitsOfWork(nowhere)():
        pass
    nowhere.dispose()


def test_a_unit_that_only_reads_leaves_nothing_open(engine: Engine, world: World) -> None:
    with PostgresUnitsOfWork(engine)() as unit:
        unit.banks.all()
    with transaction(engine) as connection:
        idle = connection.execute(
            text(
                "SELECT count(*) FROM pg_stat_activity "
                "WHERE state = 'idle in transaction' AND datname = current_database()"
            )
        ).scalar_one()
    assert idle == 0
