"""Batches of charges with a due date: taken at once, each charge made or denied by itself."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bank_sim.application.charges.ports import BatchFilter, ChargeFilter, LocationFilter
from bank_sim.application.ports import UnitsOfWork
from bank_sim.domain.account import Account
from bank_sim.domain.charges.batches import BATCH_ITEMS_MAX, Batch, BatchItem, ItemOrder, ItemStatus, Refusal
from bank_sim.domain.charges.errors import BatchHasCharge, BatchNotFound, BatchOfOtherCharges, TxidInBatch
from bank_sim.domain.charges.model import ChargeKind
from bank_sim.domain.charges.orders import ChargeChange
from pix.scheme.errors import SchemeError
from pix.scheme.keys import KeyKind, PixKey
from tests.support.bank import World
from tests.support.charges import cobv, merchant

A, B, C = "a" * 26, "b" * 26, "c" * 26


@pytest.fixture
def ana(world: World) -> Account:
    return world.open_account(0)


@pytest.fixture
def key(world: World, ana: Account) -> PixKey:
    return merchant(world.bank, ana)


def ordered(ana: Account, key: PixKey, *txids: str, **changes: Any) -> list[ItemOrder]:
    return [ItemOrder(txid, cobv(ana, key, txid=txid, **changes)) for txid in txids]


def put(world: World, ana: Account, items: list[ItemOrder], batch_id: str = "7") -> dict[str, BatchItem]:
    world.bank.charges.batches.put(ana.number, batch_id, "agosto", items)
    return found(world, ana, batch_id)


def found(world: World, ana: Account, batch_id: str = "7") -> dict[str, BatchItem]:
    return {item.txid: item for item in world.bank.charges.batches.find(ana.tax_id, batch_id).items}


def statuses(items: dict[str, BatchItem]) -> list[ItemStatus]:
    return [item.status for item in items.values()]


def test_a_batch_makes_its_charges_and_denies_those_that_cannot_be(world: World, ana: Account, key: PixKey) -> None:
    strange = PixKey(KeyKind.EMAIL, "zelia@ipe.example")
    unread = ItemOrder(C, refusals=(Refusal("cobv.valor.original", "não respeita o esquema", "dez"),))
    items = put(world, ana, [*ordered(ana, key, B), *ordered(ana, strange, A), unread])
    assert list(items) == [B, A, C]
    assert statuses(items) == [ItemStatus.MADE, ItemStatus.DENIED, ItemStatus.DENIED]
    assert [(refusal.field, refusal.kind) for refusal in items[A].refusals] == [("key", "KeyNotOfAccount")]
    assert items[C].refusals == unread.refusals
    charge, location = world.bank.charges.find(ana.tax_id, B, ChargeKind.DUE_DATE)
    assert (charge.batch_id, items[B].made_at_ms, location is not None) == ("7", charge.created_at_ms, True)
    narrow = ChargeFilter(ana.tax_id, ChargeKind.DUE_DATE, 0, 2**62, batch_id="7")
    assert world.bank.charges.list(narrow, 0, 10)[1] == 1
    assert world.bank.charges.locations.list(LocationFilter(ana.tax_id, 0, 2**62), 0, 10)[1] == 1


def test_a_txid_that_its_batch_was_denied_is_not_free_for_a_charge_of_its_own(
    world: World, ana: Account, key: PixKey
) -> None:
    put(world, ana, ordered(ana, PixKey(KeyKind.EMAIL, "zelia@ipe.example"), A))
    with pytest.raises(TxidInBatch):
        world.bank.charges.create(cobv(ana, key, txid=A))
    with pytest.raises(TxidInBatch):
        world.bank.charges.change(ana.tax_id, A, ChargeKind.DUE_DATE, ChargeChange(valid_days_after=1))
    assert statuses(put(world, ana, ordered(ana, key, A))) == [ItemStatus.MADE]
    world.bank.charges.create(cobv(ana, key, 30_00, txid=A))


def test_a_batch_keeps_its_charges_and_is_revised_whole_or_in_part(world: World, ana: Account, key: PixKey) -> None:
    batches = world.bank.charges.batches
    put(world, ana, ordered(ana, key, A, B))
    for others in (ordered(ana, key, A), ordered(ana, key, A, B, C)):
        with pytest.raises(BatchOfOtherCharges):
            put(world, ana, others)
    put(world, ana, ordered(ana, key, A, B, amount_centavos=30_00))
    batches.patch(ana.number, "007", "setembro", [ItemOrder(B, ChargeChange(amount_centavos=40_00))])
    assert batches.find(ana.tax_id, "7").description == "setembro"
    amounts = [world.bank.charges.find(ana.tax_id, txid, ChargeKind.DUE_DATE)[0].amount_centavos for txid in (A, B)]
    assert amounts == [30_00, 40_00]
    with pytest.raises(BatchOfOtherCharges):
        batches.patch(ana.number, "7", None, [ItemOrder(C, ChargeChange(amount_centavos=40_00))])

    batches.patch(ana.number, "7", None, [ItemOrder(A, ChargeChange(amount_centavos=0))])
    assert statuses(found(world, ana)) == [ItemStatus.DENIED, ItemStatus.MADE]
    assert world.bank.charges.find(ana.tax_id, A, ChargeKind.DUE_DATE)[0].amount_centavos == 30_00


def test_a_new_batch_names_no_txid_that_is_taken(world: World, ana: Account, key: PixKey) -> None:
    world.bank.charges.create(cobv(ana, key, txid=A))
    put(world, ana, ordered(ana, PixKey(KeyKind.EMAIL, "zelia@ipe.example"), B))
    for taken in (A, B):
        with pytest.raises(BatchHasCharge) as refused:
            put(world, ana, ordered(ana, key, C, taken), "8")
        assert refused.value.txid == taken
    with pytest.raises(BatchNotFound):
        found(world, ana, "8")


@pytest.mark.parametrize("batch_id", ["", "abc", "1" * 19, "-1", "٣"])
def test_the_id_of_a_batch_is_a_number(world: World, ana: Account, key: PixKey, batch_id: str) -> None:
    with pytest.raises(SchemeError) as refused:
        put(world, ana, ordered(ana, key, A), batch_id)
    assert refused.value.field == "batch_id"
    with pytest.raises(BatchNotFound):
        found(world, ana, batch_id)


def test_a_batch_has_a_bounded_number_of_charges_each_once(world: World, ana: Account, key: PixKey) -> None:
    too_many = [f"{number:026d}" for number in range(BATCH_ITEMS_MAX + 1)]
    for items in ([], ordered(ana, key, A, A), ordered(ana, key, *too_many)):
        with pytest.raises(SchemeError) as refused:
            put(world, ana, items)
        assert refused.value.field == "items"


def test_what_a_crash_left_undecided_is_decided_later(
    world: World, units: UnitsOfWork, ana: Account, key: PixKey
) -> None:
    items = tuple(
        BatchItem(txid, ItemStatus.PROCESSING, cobv(ana, key, txid=txid))
        for txid in (f"{number:026d}" for number in range(60))
    )
    with units() as unit:
        unit.batches.add(Batch(ana.tax_id, "7", ana.number, "agosto", world.clock.now_ms(), items))
        unit.commit()
    assert set(statuses(found(world, ana))) == {ItemStatus.PROCESSING}
    assert found(world, ana)[items[3].txid] == items[3]
    assert world.bank.charges.batches.decide_open() == 1
    assert set(statuses(found(world, ana))) == {ItemStatus.MADE}
    assert world.bank.charges.batches.decide_open() == 0


def test_batches_are_listed_by_their_creation(world: World, ana: Account, key: PixKey) -> None:
    put(world, ana, ordered(ana, key, A), "10")
    first_ms = world.clock.now_ms()
    world.clock.turn(1_000)
    put(world, ana, ordered(ana, key, B), "2")
    batches = world.bank.charges.batches
    every = BatchFilter(ana.tax_id, 0, 2**62)
    assert [batch.batch_id for batch in batches.list(every, 0, 10)[0]] == ["10", "2"]
    listed, total = batches.list(every, 1, 10)
    assert ([len(batch.items) for batch in listed], total) == ([1], 2)
    assert [batch.batch_id for batch in batches.list(replace(every, to_ms=first_ms), 0, 10)[0]] == ["10"]
    assert batches.list(BatchFilter(world.open_account(0).tax_id, 0, 2**62), 0, 10) == ([], 0)
