"""Charges on PostgreSQL: replicas that want one charge, one txid or one location at the same time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from sqlalchemy import Engine

from bank_sim.adapters.postgres import PostgresUnitsOfWork
from bank_sim.application.process_messages import ProcessMessages
from bank_sim.domain.charges.model import ChargeKind, ChargeStatus
from bank_sim.domain.charges.orders import ChargeChange
from pix.scheme.deliveries import HUB, Arrival
from pix.scheme.messages import TransferAccepted, TransferRejected
from pix.scheme.reasons import ReasonCode
from tests.integration.bank_sim.test_bank_on_postgres import BATCH_STATEMENTS_MAX, statements
from tests.support.bank import POLICY, World
from tests.support.banks import AURORA
from tests.support.charges import cob, confirm, made, merchant, now, of_charge, offer
from tests.support.locks import DEADLINE_SECONDS, await_waiting, engine_that_reads_in_the_order_of_the_table


def test_of_two_payers_at_two_replicas_one_is_accepted(world: World, engine: Engine) -> None:
    ana = world.open_account(0)
    charge, _ = made(world, ana, merchant(world.bank, ana))
    mine, other = offer(world, ana, charge), offer(world, ana, charge)
    units = PostgresUnitsOfWork(engine)
    process = ProcessMessages(units, world.clock, world.clock, AURORA, POLICY)
    with ThreadPoolExecutor(1) as pool, units() as unit:
        (accepted,) = process.within(unit, [Arrival(mine, HUB)])
        answered = pool.submit(world.hear, other)
        await_waiting(engine, 1)
        unit.commit()
        (refused,) = answered.result(DEADLINE_SECONDS)
    assert isinstance(accepted.message, TransferAccepted)
    assert isinstance(refused, TransferRejected)
    assert refused.reason is ReasonCode.BE17
    confirm(world, mine)
    assert (now(world, charge).status, now(world, charge).paid_by) == (ChargeStatus.COMPLETED, mine.end_to_end_id)


def test_a_merchants_change_waits_for_the_acceptance_and_keeps_it(world: World, engine: Engine) -> None:
    ana = world.open_account(0)
    charge, _ = made(world, ana, merchant(world.bank, ana))
    mine = offer(world, ana, charge)
    units = PostgresUnitsOfWork(engine)
    process = ProcessMessages(units, world.clock, world.clock, AURORA, POLICY)
    change = ChargeChange(payer_request="obrigada")
    with ThreadPoolExecutor(1) as pool, units() as unit:
        process.within(unit, [Arrival(mine, HUB)])
        changing = pool.submit(world.bank.charges.change, ana.tax_id, charge.txid, ChargeKind.IMMEDIATE, change)
        await_waiting(engine, 1)
        unit.commit()
        changed, _ = changing.result(DEADLINE_SECONDS)
    assert (changed.reserved_by, changed.payer_request) == (mine.end_to_end_id, "obrigada")
    assert now(world, charge) == changed


def test_charges_are_locked_in_the_order_of_their_ids_however_they_lie(
    world: World, engine: Engine, database_url: str
) -> None:
    ana = world.open_account(0)
    key = merchant(world.bank, ana)
    last, first = (made(world, ana, key, txid=txid)[0] for txid in ("z" * 26, "a" * 26))
    offers = [offer(world, ana, last), offer(world, ana, first)]
    with (
        engine_that_reads_in_the_order_of_the_table(database_url) as reading,
        ThreadPoolExecutor(1) as pool,
        PostgresUnitsOfWork(engine)() as unit,
    ):
        unit.charges.lock([first.charge_id])
        replica = World(PostgresUnitsOfWork(reading))
        answered = pool.submit(replica.hear, *offers)
        await_waiting(engine, 1)
        unit.charges.lock([last.charge_id])
        unit.commit()
        assert len(answered.result(DEADLINE_SECONDS)) == 2


def test_the_same_put_at_once_makes_one_charge(world: World) -> None:
    ana = world.open_account(0)
    order = cob(ana, merchant(world.bank, ana), txid="p" * 26)
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(world.bank.charges.create, [order] * 4))
    assert {(charge.txid, charge.revision, location.txid) for charge, location in results} == {("p" * 26, 0, "p" * 26)}
    assert len({location.location_id for _, location in results}) == 1


def test_two_charges_at_once_do_not_get_one_location(world: World) -> None:
    ana = world.open_account(0)
    key = merchant(world.bank, ana)
    location = world.bank.charges.locations.create(ana.number, ChargeKind.IMMEDIATE)
    orders = [cob(ana, key, txid=txid * 26, location_id=location.location_id) for txid in "abcd"]
    with ThreadPoolExecutor(4) as pool:
        attempts = [pool.submit(world.bank.charges.create, order) for order in orders]
        errors = [each.exception(DEADLINE_SECONDS) for each in attempts]
    assert sorted(type(error).__name__ for error in errors) == ["LocationTaken"] * 3 + ["NoneType"]


def test_a_batch_of_payments_of_charges_costs_a_few_statements_whatever_its_size(world: World, engine: Engine) -> None:
    ana = world.open_account(0)
    key = merchant(world.bank, ana)
    charges = [made(world, ana, key, txid=f"{number:026d}")[0] for number in range(40)]
    offers = [offer(world, ana, charge) for charge in charges]
    world.hear(offers[0])
    with statements(engine) as seen:
        world.hear(*offers)
        world.hear(*[of_charge(world.confirmed(each), charge) for each, charge in zip(offers, charges, strict=True)])
    assert len(seen) <= 2 * BATCH_STATEMENTS_MAX, seen
    assert world.balance(ana) == 40 * 20_00


def test_batches_of_offers_of_many_charges_never_lock_each_other_out(world: World) -> None:
    ana = world.open_account(0)
    key = merchant(world.bank, ana)
    charges = [made(world, ana, key, txid=letter * 26)[0] for letter in "abcdefgh"]
    offers = [[offer(world, ana, charge) for charge in charges] for _ in range(4)]
    batches = [each if number % 2 else each[::-1] for number, each in enumerate(offers)]
    with ThreadPoolExecutor(4) as pool:
        answers = [answer for each in pool.map(lambda batch: world.hear(*batch), batches) for answer in each]
    accepted = [answer.end_to_end_id for answer in answers if isinstance(answer, TransferAccepted)]
    assert len(accepted) == len(charges)
    every = [each for batch in offers for each in batch if each.end_to_end_id in accepted]
    world.hear(*[of_charge(world.confirmed(each), replace(charges[0], txid=each.txid)) for each in every])
    assert {now(world, charge).status for charge in charges} == {ChargeStatus.COMPLETED}
    assert world.balance(ana) == 8 * 20_00
