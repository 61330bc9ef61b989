"""Received Pix as the API lists them, on every store."""

from __future__ import annotations

from bank_sim.application.receipts.ports import ReceiptFilter
from tests.support.bank import World
from tests.support.bank_returns import ReturnsWorld

FAR_MS = 2**52


def test_a_list_has_the_credited_ones_of_an_account_as_filtered(world: World) -> None:
    ana, bruno = world.open_account(), world.open_account()
    returns = ReturnsWorld(world)
    first = returns.received(ana, 10_00)
    world.clock.turn(1_000)
    second = returns.received(ana, 20_00)
    returns.give_back(ana, second, 5_00)
    returns.received(bruno, 30_00)
    undecided = world.offer(ana, 40_00)
    world.hear(undecided)
    failed = world.offer(ana, 50_00)
    world.hear(failed, world.failed(failed))

    def ids(skip: int = 0, size: int = 10, **narrow: object) -> list[str]:
        wanted = ReceiptFilter(**{"account_number": ana.number, "from_ms": 0, "to_ms": FAR_MS, **narrow})  # type: ignore[arg-type]
        with world.units() as unit:
            found = [row.end_to_end_id for row in unit.receipts.list(wanted, skip, size)]
            assert size < 10 or unit.receipts.count(wanted) == len(found) + skip
        return found

    both = [first.end_to_end_id, second.end_to_end_id]
    now_ms = world.clock.now_ms()
    assert ids() == both
    assert ids(skip=1) == both[1:] and ids(size=1) == both[:1]
    assert ids(from_ms=now_ms) == both[1:] and ids(to_ms=now_ms - 1) == both[:1]
    assert ids(from_ms=now_ms - 1_000, to_ms=now_ms) == both
    assert ids(has_return=True) == both[1:] and ids(has_return=False) == both[:1]
    assert ids(has_txid=True) == ids(txid="unknown") == [] and ids(has_txid=False) == both
    assert ids(payer_tax_id_masked=first.payer.tax_id_masked) == both
    assert ids(payer_tax_id_masked="***.999.999-**") == []
