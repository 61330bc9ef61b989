"""Transactions that cross on PostgreSQL: none waits for one that waits for it, and none overwrites another's work."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine, text

from hub.adapters.postgres.unit_of_work import PostgresUnitsOfWork
from hub.application.ports import RowChange
from hub.domain.flows.transfer.model import TransferStatus, changed
from pix.postgres.engine import transaction
from pix.scheme.messages import TransferAccepted, TransferRequested
from pix.scheme.reasons import ReasonCode
from tests.support.hub import FUNDS, TIMEOUT_MS, World, hub_on, make_world, signed
from tests.support.hub_builders import ANA, AURORA, BIAS_KEY, IPE, e2e
from tests.support.locks import (
    DEADLINE_SECONDS,
    await_waiting,
    crossed,
    engine_that_reads_in_the_order_of_the_table,
)

ACCOUNTS = "SELECT FROM settlement_accounts FOR UPDATE"


@pytest.fixture
def world(engine: Engine) -> World:
    """A hub with three banks, whose tallies are in slot 0."""
    make_world(engine)
    return hub_on(engine, tally_slot=0)


@pytest.fixture(params=[0, 1], ids=["same slot", "other slot"])
def replica(request: pytest.FixtureRequest, engine: Engine) -> World:
    """One more process of the hub, whose tallies are in the same slot or in another."""
    return hub_on(engine, tally_slot=request.param)


def requesting(world: World, number: int, amount: int = 10) -> Callable[[], object]:
    at_ms = world.clock.at_ms
    message = TransferRequested(e2e(number, AURORA, at_ms), amount, ANA, BIAS_KEY, "", "", at_ms)
    record = signed(message, AURORA)
    return lambda: world.handle([record])


def status_of(world: World, end_to_end_id: str) -> TransferStatus:
    return world.application.queries.find_transfer(end_to_end_id)[0].status


def test_the_sweeper_that_fails_what_expired_and_a_batch_do_not_wait_for_each_other(
    world: World, engine: Engine
) -> None:
    expired = world.pay(1)
    world.clock.at_ms += TIMEOUT_MS + 1
    crossed(engine, ACCOUNTS, world.application.fail_expired, requesting(world, 2))
    assert status_of(world, expired) is TransferStatus.FAILED
    assert world.application.queries.settlement_accounts()[AURORA].reserved_centavos == 10


def test_a_batch_that_holds_the_accounts_and_one_that_does_not_do_not_wait_for_each_other(
    world: World, replica: World, engine: Engine
) -> None:
    too_much = e2e(2, AURORA, world.clock.at_ms)
    crossed(engine, ACCOUNTS, requesting(world, 2, FUNDS + 1), requesting(replica, 3))
    assert world.application.queries.find_transfer(too_much)[0].reason is ReasonCode.AM04
    assert world.application.queries.settlement_accounts()[AURORA].reserved_centavos == 10


def test_a_batch_that_holds_the_accounts_holds_also_the_transfers_that_its_process_knows(
    world: World, replica: World, engine: Engine
) -> None:
    end_to_end_id = world.pay(1)
    replica.clock.at_ms = world.clock.at_ms
    accepted = signed(TransferAccepted(end_to_end_id, 12_345), IPE)
    too_much = TransferRequested(e2e(2, AURORA, world.clock.at_ms), FUNDS, ANA, BIAS_KEY, "", "", world.clock.at_ms)
    crossed(
        engine,
        ACCOUNTS,
        lambda: world.handle([accepted, signed(too_much, AURORA)]),
        lambda: replica.handle([accepted]),
    )
    transfer, _ = world.application.queries.find_transfer(end_to_end_id)
    assert (transfer.status, transfer.duplicates) == (TransferStatus.CONFIRMED, 1)


def test_a_replica_waits_for_a_transfer_that_another_changes(world: World, engine: Engine) -> None:
    end_to_end_id = world.pay(1)
    other = hub_on(engine)
    with ThreadPoolExecutor(1) as pool, PostgresUnitsOfWork(engine)() as unit:
        row = unit.transfers.lock([end_to_end_id])[end_to_end_id]
        unit.transfers.save([RowChange(changed(row, duplicates=7), ())])
        answered = pool.submit(other.handle, [signed(TransferAccepted(end_to_end_id, 12_345), IPE)])
        await_waiting(engine, 1)
        unit.commit()
        answered.result(DEADLINE_SECONDS)
    transfer, _ = other.application.queries.find_transfer(end_to_end_id)
    assert (transfer.status, transfer.duplicates) == (TransferStatus.CONFIRMED, 7)


def test_accounts_are_locked_in_the_order_of_their_banks_however_they_lie(
    world: World, engine: Engine, database_url: str
) -> None:
    move_behind_the_others(engine, AURORA)

    def lock_both(units: PostgresUnitsOfWork) -> int:
        with units() as unit:
            return len(unit.settlement.lock([IPE, AURORA]))

    with (
        engine_that_reads_in_the_order_of_the_table(database_url) as reading,
        ThreadPoolExecutor(1) as pool,
        PostgresUnitsOfWork(engine)() as unit,
    ):
        unit.settlement.lock([AURORA])
        both = pool.submit(lock_both, PostgresUnitsOfWork(reading))
        await_waiting(engine, 1)
        unit.settlement.lock([IPE])
        unit.commit()
        assert both.result(DEADLINE_SECONDS) == 2
    assert world.application.queries.settlement_accounts()[AURORA].balance_centavos == FUNDS


def test_a_batch_adds_to_accounts_in_the_order_of_their_banks_however_they_lie(
    world: World, engine: Engine, database_url: str
) -> None:
    end_to_end_id = world.pay(1)
    move_behind_the_others(engine, AURORA)
    with (
        engine_that_reads_in_the_order_of_the_table(database_url) as reading,
        ThreadPoolExecutor(1) as pool,
        PostgresUnitsOfWork(engine)() as unit,
    ):
        unit.settlement.lock([AURORA])
        settled = pool.submit(hub_on(reading).handle, [signed(TransferAccepted(end_to_end_id, 12_345), IPE)])
        await_waiting(engine, 1)
        unit.settlement.lock([IPE])
        unit.commit()
        settled.result(DEADLINE_SECONDS)
    assert status_of(world, end_to_end_id) is TransferStatus.CONFIRMED


def move_behind_the_others(engine: Engine, ispb: str) -> None:
    """Where the database looks through the whole table, it comes to this bank's account last."""
    with transaction(engine) as connection:
        row = connection.execute(
            text("DELETE FROM settlement_accounts WHERE ispb = :ispb RETURNING *"), {"ispb": ispb}
        ).one()
        connection.execute(
            text("INSERT INTO settlement_accounts VALUES (:ispb, :balance, :reserved)"),
            {"ispb": row[0], "balance": row[1], "reserved": row[2]},
        )
        connection.execute(text("ANALYZE settlement_accounts"))
