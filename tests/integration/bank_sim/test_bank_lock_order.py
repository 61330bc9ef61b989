"""Transactions of a bank that cross on PostgreSQL: none undoes or waits for one that waits for it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import Engine, text

from bank_sim.adapters.postgres import PostgresUnitsOfWork
from bank_sim.application.process_messages import ProcessMessages
from bank_sim.domain.flows.returns.requests import AmountOverRest
from bank_sim.domain.flows.transfer.model import TransferStatus
from pix.postgres.engine import transaction
from pix.scheme.deliveries import HUB, Arrival
from pix.scheme.postings import Direction
from tests.support.bank import POLICY, World
from tests.support.bank_returns import ReturnsWorld
from tests.support.banks import AURORA
from tests.support.locks import DEADLINE_SECONDS, await_waiting, engine_that_reads_in_the_order_of_the_table


def test_an_offer_that_comes_again_does_not_undo_the_credit_of_another_replica(world: World, engine: Engine) -> None:
    ana = world.open_account(0)
    offer = world.offer(ana, 20_00)
    world.hear(offer)
    units = PostgresUnitsOfWork(engine)
    process = ProcessMessages(units, world.clock, world.clock, AURORA, POLICY)
    with ThreadPoolExecutor(1) as pool, units() as unit:
        process.within(unit, [Arrival(world.confirmed(offer), HUB)])
        again = pool.submit(world.hear, offer)
        # The first replica's statements are sent with its commit; its lock on the row is there already.
        await_waiting(engine, 1)
        unit.commit()
        again.result(DEADLINE_SECONDS)
    row = world.incoming(offer)
    assert (row.status, row.resend_at_ms) == (TransferStatus.CONFIRMED, None)
    assert world.balance(ana) == 20_00
    assert world.hear(world.confirmed(offer)), "the hub is answered when it says so again"


def test_accounts_are_locked_in_the_order_of_their_numbers_however_they_lie(
    world: World, engine: Engine, database_url: str
) -> None:
    first, second = sorted((world.open_account(0), world.open_account(0)), key=lambda account: account.number)
    move_behind_the_others(engine, first.number)
    offers = [world.offer(second, 1_00), world.offer(first, 2_00)]
    with (
        engine_that_reads_in_the_order_of_the_table(database_url) as reading,
        ThreadPoolExecutor(1) as pool,
        PostgresUnitsOfWork(engine)() as unit,
    ):
        unit.accounts.lock([first.number])
        replica = World(PostgresUnitsOfWork(reading))
        answered = pool.submit(replica.hear, *offers)
        await_waiting(engine, 1)
        unit.accounts.lock([second.number])
        unit.commit()
        assert len(answered.result(DEADLINE_SECONDS)) == 2


def move_behind_the_others(engine: Engine, number: str) -> None:
    """Where the database visits the accounts as they lie, it comes to this one last."""
    with transaction(engine) as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        connection.execute(text("CREATE TEMP TABLE moved ON COMMIT DROP AS SELECT * FROM accounts"))
        connection.execute(text("DELETE FROM accounts WHERE number = :number"), {"number": number})
        connection.execute(text("INSERT INTO accounts SELECT * FROM moved WHERE number = :number"), {"number": number})
        connection.execute(text("ANALYZE accounts"))


def test_returns_of_one_payment_at_once_are_together_no_more_than_the_payment(world: World, engine: Engine) -> None:
    returns = ReturnsWorld(world)
    ana = world.open_account(100_00)
    original = returns.received(ana, 20_00)
    with ThreadPoolExecutor(2) as pool, PostgresUnitsOfWork(engine)() as unit:
        unit.transfers.lock([(original.end_to_end_id, Direction.INCOMING)])
        attempts = [pool.submit(returns.give_back, ana, original, 11_00, f"return-{number}") for number in range(2)]
        await_waiting(engine, 2)
        unit.commit()
        errors = [attempt.exception(DEADLINE_SECONDS) for attempt in attempts]
    assert [type(error) for error in errors if error is not None] == [AmountOverRest]
    assert world.balance(ana) == 109_00
