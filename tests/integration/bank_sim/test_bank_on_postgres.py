"""What only a real database can show: replicas at the same moment, few statements, and what it refuses by itself."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import astuple
from typing import Any

import pytest
from sqlalchemy import Engine, event, text
from sqlalchemy.exc import DBAPIError

from bank_sim.adapters.memory.hub import MemoryPublisher
from bank_sim.adapters.postgres import MIGRATIONS, PostgresUnitsOfWork
from bank_sim.application.process_messages import ProcessMessages
from bank_sim.domain.account import Account
from bank_sim.domain.errors import AccountHasTransfers, InsufficientBalance, TaxIdTaken
from bank_sim.domain.flows.transfer.model import Transfer, TransferStatus
from bank_sim.domain.flows.transfer.requests import TransferOrder
from pix.postgres.engine import make_engine
from pix.postgres.migrations import is_migrated, migrate
from pix.runtime.outages import DatabaseUnavailable
from pix.scheme.deliveries import HUB, Arrival
from pix.scheme.errors import SchemeError
from pix.scheme.messages import HubMessage, TransferAccepted
from pix.scheme.postings import Direction
from pix.scheme.reasons import ReasonCode
from tests.support.bank import POLICY, STRANGERS_KEY, World
from tests.support.banks import AURORA

DEADLINE_SECONDS = 20.0
WAIT_MS_MAX = 60_000
BATCH_STATEMENTS_MAX = 16


@contextmanager
def statements(engine: Engine) -> Iterator[list[str]]:
    """Notes every statement."""
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        seen.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", note)


def at_once(*acts: Callable[[], Any]) -> list[Any]:
    """Calls each in a thread of its own, all let go together; returns results, or the errors that they raised."""
    barrier = threading.Barrier(len(acts))

    def run(act: Callable[[], Any]) -> Any:
        barrier.wait(DEADLINE_SECONDS)
        try:
            return act()
        except Exception as error:  # noqa: BLE001 - the error is the result
            return error

    with ThreadPoolExecutor(len(acts)) as pool:
        futures: list[Future[Any]] = [pool.submit(run, act) for act in acts]
        return [future.result(DEADLINE_SECONDS) for future in futures]


def test_a_double_click_pays_once(world: World) -> None:
    ana = world.open_account(100_00)
    results = at_once(*[lambda: world.pay(ana, 30_00, "order-1")] * 8)
    assert len({transfer.end_to_end_id for transfer in results}) == 1
    assert world.balance(ana) == 70_00


def test_one_tax_id_opens_one_account_also_at_the_same_moment(world: World) -> None:
    def opening() -> Account:
        return world.bank.open_account(name="Ana", tax_id="52998224725", opening_deposit_centavos=0, pin="1234")

    results = at_once(*[opening] * 6)
    assert sum(isinstance(result, Account) for result in results) == 1
    assert sum(isinstance(result, TaxIdTaken) for result in results) == 5


def test_accounts_of_before_that_share_a_tax_id_keep_working(world: World, engine: Engine) -> None:
    ana, bia = world.open_account(100_00), world.open_account(100_00, "Bia Lima")
    with engine.begin() as connection:
        connection.execute(text("UPDATE accounts SET tax_id = '52998224725'"))
    for account in (ana, bia):
        world.pay(account, 30_00, f"order of {account.number}")
        assert world.balance(account) == 70_00
    with pytest.raises(TaxIdTaken):
        world.bank.open_account(name="Ana", tax_id="52998224725", opening_deposit_centavos=0, pin="1234")


def test_many_payments_at_once_never_overdraw(world: World) -> None:
    ana = world.open_account(100_00)

    def payment(number: int) -> Callable[[], Transfer]:
        return lambda: world.pay(ana, 20_00, f"order-{number}")

    results = at_once(*[payment(number) for number in range(9)])
    assert sum(isinstance(result, Transfer) for result in results) == 5
    assert sum(isinstance(result, InsufficientBalance) for result in results) == 4
    assert world.balance(ana) == 0
    assert world.bank.queries.books().is_balanced


def test_two_replicas_with_the_same_records_credit_once(world: World) -> None:
    ana = world.open_account(0)
    for _ in range(5):
        offers = [world.offer(ana, amount) for amount in (1, 2, 4)]
        records = [world.record(offer) for offer in offers] + [world.record(world.confirmed(offer)) for offer in offers]
        before = world.balance(ana)
        results = at_once(*[lambda: world.handle(records)] * 3)  # noqa: B023 - called within the turn
        assert [len(result) for result in results] == [6, 6, 6]
        assert world.balance(ana) == before + 7
    assert world.bank.dead_letters.list() == []
    assert world.bank.queries.books().is_balanced


def test_batches_that_touch_each_others_accounts_never_lock_each_other_out(world: World) -> None:
    accounts = [world.open_account(1_000_00) for _ in range(4)]

    def replica(number: int) -> Callable[[], None]:
        mine = accounts if number % 2 else accounts[::-1]

        def work() -> None:
            for turn in range(10):
                orders = [
                    TransferOrder(
                        account_number=account.number,
                        payee_key=STRANGERS_KEY,
                        amount_centavos=1_00,
                        description="",
                        idempotency_key=f"{number}-{turn}",
                    )
                    for account in mine
                ]
                made = [each for each in world.bank.request_transfers(orders) if isinstance(each, Transfer)]
                assert len(made) == len(mine)
                world.handle([world.record(world.outcome_of(transfer)) for transfer in made])

        return work

    assert at_once(*[replica(number) for number in range(4)]) == [None] * 4
    assert all(world.balance(account) == 960_00 for account in accounts)
    assert world.bank.queries.books().is_balanced


def test_sums_and_counts_stay_exact_while_many_write_at_once(world: World, engine: Engine) -> None:
    accounts = [world.open_account(1_000_00) for _ in range(6)]

    def customer(account: Account) -> Callable[[], None]:
        def work() -> None:
            for turn in range(5):
                transfer = world.pay(account, 1_00 + turn, f"{account.number}-{turn}")
                reason = ReasonCode.AC06 if turn % 2 else None
                world.handle([world.record(world.outcome_of(transfer, reason))])

        return work

    assert at_once(*[customer(account) for account in accounts]) == [None] * 6
    sums, summary = world.bank.queries.sums_of_books(), world.bank.queries.books()
    assert astuple(sums) == astuple(summary)[: len(astuple(sums))]
    assert sums.is_balanced
    assert sums.postings == 6 * (1 + 5 * 2)
    assert world.bank.queries.count_transfers() == {
        (Direction.OUTGOING, TransferStatus.CONFIRMED): 6 * 3,
        (Direction.OUTGOING, TransferStatus.FAILED): 6 * 2,
    }
    with engine.connect() as connection:
        slots = connection.execute(text("SELECT max(slot) FROM posting_tallies")).scalar_one()
    assert slots < len(accounts)


def test_replicas_share_what_is_due(world: World, engine: Engine) -> None:
    ana = world.open_account(100_00)
    for number in range(6):
        world.pay(ana, 1_00, f"order-{number}")
    now_ms = world.clock.now_ms() + 60_000
    units = PostgresUnitsOfWork(engine)
    with units() as first, units() as second:
        mine = {transfer.end_to_end_id for transfer in first.transfers.lock_due(now_ms, 4, WAIT_MS_MAX)}
        others = {transfer.end_to_end_id for transfer in second.transfers.lock_due(now_ms, 4, WAIT_MS_MAX)}
    assert (len(mine), len(others)) == (4, 2)
    assert not mine & others


def test_an_account_is_not_closed_while_a_promise_is_being_made(world: World, engine: Engine) -> None:
    ana = world.open_account(0)
    units = PostgresUnitsOfWork(engine)
    process = ProcessMessages(units, world.clock, world.clock, AURORA, POLICY)
    with ThreadPoolExecutor(1) as pool, units() as unit:
        process.within(unit, [Arrival(world.offer(ana), HUB)])
        closing = pool.submit(lambda: world.bank.close_account(account_number=ana.number))
        wait_until(lambda: somebody_waits_for_a_lock(engine))
        unit.commit()
        with pytest.raises(AccountHasTransfers):
            closing.result(DEADLINE_SECONDS)


def somebody_waits_for_a_lock(engine: Engine) -> bool:
    with engine.connect() as connection:
        waiting: int = connection.execute(text("SELECT count(*) FROM pg_locks WHERE NOT granted")).scalar_one()
    return waiting > 0


def wait_until(condition: Callable[[], bool]) -> None:
    pause, deadline = threading.Event(), DEADLINE_SECONDS
    while not condition():
        assert deadline > 0, "waited too long"
        pause.wait(0.02)
        deadline -= 0.02


def test_a_batch_costs_a_few_statements_whatever_its_size(world: World, engine: Engine) -> None:
    accounts = [world.open_account(0) for _ in range(5)]
    offers = [world.offer(accounts[number % 5], number + 1) for number in range(400)]
    with statements(engine) as seen:
        answers = world.hear(*offers)
    assert len(answers) == 400
    assert all(isinstance(answer, TransferAccepted) for answer in answers)
    assert len(seen) <= BATCH_STATEMENTS_MAX, seen
    with statements(engine) as seen:
        world.hear(*[world.confirmed(offer) for offer in offers])
    assert len(seen) <= BATCH_STATEMENTS_MAX, seen
    assert not any("charges" in statement for statement in seen)
    assert sum(world.balance(account) for account in accounts) == sum(range(1, 401))
    assert world.bank.queries.books().is_balanced


def test_many_orders_cost_a_few_statements(world: World, engine: Engine) -> None:
    accounts = [world.open_account(100_00) for _ in range(5)]
    orders = [
        TransferOrder(
            account_number=accounts[number % 5].number,
            payee_key=STRANGERS_KEY,
            amount_centavos=1,
            description="",
            idempotency_key=str(number),
        )
        for number in range(400)
    ]
    with statements(engine) as seen:
        results = world.bank.request_transfers(orders)
    assert not any(isinstance(result, SchemeError) for result in results)
    assert len(seen) <= BATCH_STATEMENTS_MAX, seen
    world.clock.turn(60_000)
    with statements(engine) as seen:
        assert world.bank.retransmit_due() == 400
    assert len(seen) <= BATCH_STATEMENTS_MAX, seen
    assert isinstance(world.publisher, MemoryPublisher)
    assert len(world.publisher.outgoing) == 800


def test_a_poisoned_record_takes_no_other_with_it(world: World, engine: Engine) -> None:
    ana, rich = world.open_account(0), world.open_account(0)
    good, other = world.offer(ana, 1), world.offer(ana, 2)
    # Signed by the hub and right in itself, and yet no database stores it: the balance has no room for it.
    with engine.begin() as connection:
        statement = "UPDATE accounts SET balance_centavos = :most WHERE number = :number"
        connection.execute(text(statement), {"most": 2**63 - 1, "number": rich.number})
    poisoned = world.confirmed(world.offer(rich, 4))
    messages: list[HubMessage] = [good, poisoned, other]
    records = [world.record(each, offset) for offset, each in enumerate(messages)]
    assert len(world.handle(records)) == 2
    (letter,) = world.bank.dead_letters.list()
    assert letter.offset == 1
    assert "processing failed" in letter.reason
    assert world.incoming(good).status is world.incoming(other).status is TransferStatus.ACCEPTED
    again = world.bank.dead_letters.replay(letter.digest)
    assert again.times == 2


def test_a_database_that_is_down_is_not_a_poisoned_record(world: World) -> None:
    offer = world.offer(world.open_account(0))
    engine = make_engine("postgresql+psycopg2://nobody@127.0.0.1:1/nothing")
    down = World(PostgresUnitsOfWork(engine))
    with pytest.raises(DatabaseUnavailable):
        down.handle([world.record(offer)])
    with pytest.raises(DatabaseUnavailable):
        down.bank.retransmit_due()


@pytest.mark.parametrize(
    "statement", ["UPDATE postings SET amount_centavos = 1", "DELETE FROM postings", "TRUNCATE postings"]
)
def test_postings_are_never_changed(world: World, engine: Engine, statement: str) -> None:
    world.open_account(5)
    with pytest.raises(DBAPIError, match="append-only"), engine.begin() as connection:
        connection.execute(text(statement))
    assert world.bank.queries.books().deposits_centavos == 5


def test_the_schema_has_a_history(new_database: Callable[[], str]) -> None:
    database_url = new_database()
    engine = make_engine(database_url)
    assert not is_migrated(engine, MIGRATIONS)
    migrate(database_url, MIGRATIONS)
    migrate(database_url, MIGRATIONS)
    assert is_migrated(engine, MIGRATIONS)
    engine.dispose()


def test_replicas_that_start_together_migrate_once(new_database: Callable[[], str]) -> None:
    database_url = new_database()
    assert at_once(*[lambda: migrate(database_url, MIGRATIONS)] * 3) == [None] * 3
