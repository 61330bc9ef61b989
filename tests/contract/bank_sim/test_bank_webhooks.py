"""What webhooks owe: noted with the credit, kept, locked, delivered and logged alike by both stores."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bank_sim.application.ports import UnitsOfWork
from bank_sim.application.webhooks.ports import DeliveryFilter, NoticeFilter, Report, WebhookFilter
from bank_sim.domain.account import Account
from bank_sim.domain.flows.returns.model import Return
from bank_sim.domain.webhooks.faults import FaultPlan, WebhookFault
from bank_sim.domain.webhooks.model import (
    DELIVERIES_PER_ACCOUNT_MAX,
    Delivery,
    DeliveryFailure,
    Notice,
    NoticeStatus,
    Webhook,
    delivered,
    replayed,
)
from bank_sim.domain.webhooks.verdict import Booking
from pix.scheme.initiation import Initiation
from pix.scheme.keys import KeyKind, PixKey
from pix.scheme.messages import TransferOffered
from pix.scheme.reasons import ReasonCode
from tests.support.bank import World
from tests.support.bank_returns import ReturnsWorld

KEY = PixKey(KeyKind.EMAIL, "ana@aurora.example")
OTHER_KEY = PixKey(KeyKind.EVP, "123e4567-e89b-42d3-a456-426614174000")
TXID = "pedido123"
WAIT_MS_MAX = 3_600_000


def add_webhook(world: World, account: Account, url: str = "http://127.0.0.1:9/a", key: PixKey = KEY) -> None:
    with world.units() as unit:
        unit.webhooks.put(Webhook(account.number, key, url, world.clock.now_ms()))
        unit.commit()


def receive(world: World, account: Account, txid: str = TXID) -> TransferOffered:
    offer = replace(world.offer(account), initiation=Initiation.QRES, txid=txid)
    world.hear(offer, replace(world.confirmed(offer), initiation=Initiation.QRES, txid=txid))
    return offer


def notices_of(units: UnitsOfWork, account: Account) -> list[Notice]:
    with units() as unit:
        return unit.notices.list(NoticeFilter(account.number), None, 100)


def claim(units: UnitsOfWork, real_now_ms: int, size: int = 10) -> list[Notice]:
    with units() as unit:
        return unit.notices.lock_due(real_now_ms, size, WAIT_MS_MAX)


def delivery(account: Account, notice: Notice, failure: DeliveryFailure | None = None) -> Delivery:
    return Delivery(
        account_number=account.number,
        key=KEY,
        url="http://127.0.0.1:9/a/pix",
        notice_ids=(notice.notice_id,),
        end_to_end_ids=(notice.end_to_end_id,),
        attempt=1,
        fault="",
        started_at_ms=1,
        duration_ms=2,
        request_body='{"pix": []}',
        status=500 if failure else 200,
        response_body="no" if failure else "ok",
        failure=failure,
        detail="",
    )


def test_a_credit_with_a_txid_is_noted_once(world: World) -> None:
    ana = world.open_account()
    add_webhook(world, ana)
    offer = receive(world, ana)
    world.hear(world.confirmed(offer))
    (notice,) = notices_of(world.units, ana)
    assert (notice.end_to_end_id, notice.return_id, notice.txid) == (offer.end_to_end_id, "", TXID)
    assert (notice.status, notice.due_at_ms) == (NoticeStatus.WAITING, world.clock.real_now_ms())


@pytest.mark.parametrize(("txid", "key"), [("", KEY), (TXID, OTHER_KEY)], ids=["without txid", "other key's webhook"])
def test_other_credits_are_not_noted(world: World, txid: str, key: PixKey) -> None:
    ana = world.open_account()
    add_webhook(world, ana, key=key)
    receive(world, ana, txid)
    assert notices_of(world.units, ana) == []


def test_a_transfer_that_fails_is_not_noted(world: World) -> None:
    ana = world.open_account()
    add_webhook(world, ana)
    offer = replace(world.offer(ana), initiation=Initiation.QRES, txid=TXID)
    world.hear(offer, world.failed(offer))
    assert notices_of(world.units, ana) == []


def test_the_end_of_a_return_is_noted_and_its_order_is_not(world: World) -> None:
    ana = world.open_account()
    returns = ReturnsWorld(world)
    add_webhook(world, ana)
    offer = receive(world, ana)

    def ids() -> set[str]:
        return {notice.return_id for notice in notices_of(world.units, ana)}

    def give_back(key: str) -> Return:
        return returns.give_back(ana, offer, 5_00, key)

    first, second = give_back("a"), give_back("b")
    assert ids() == {""}
    world.hear(returns.outcome_of(first))
    assert ids() == {"", first.return_id}
    world.hear(returns.outcome_of(second, ReasonCode.AB11), returns.outcome_of(first))
    assert ids() == {"", first.return_id, second.return_id}


def test_a_restored_credit_is_noted(world: World) -> None:
    ana = world.open_account()
    add_webhook(world, ana)
    offer = world.offer(ana)
    outcome = replace(world.confirmed(offer), initiation=Initiation.QRES, txid=TXID)
    world.bank.restore_transfers([outcome])
    assert [notice.end_to_end_id for notice in notices_of(world.units, ana)] == [offer.end_to_end_id]


def test_notices_are_due_in_their_order_and_after_a_step_of_the_clock(world: World) -> None:
    ana = world.open_account()
    add_webhook(world, ana)
    offers = [receive(world, ana, f"{TXID}{number}") for number in range(3)]
    now_ms = world.clock.real_now_ms()
    assert claim(world.units, now_ms - 1) == []
    assert [notice.end_to_end_id for notice in claim(world.units, now_ms, 2)] == [
        offer.end_to_end_id for offer in offers[:2]
    ]
    assert len(claim(world.units, now_ms - WAIT_MS_MAX - 1)) == 3


def test_a_changed_notice_is_read_back(world: World) -> None:
    ana = world.open_account()
    add_webhook(world, ana)
    receive(world, ana)
    (notice,) = notices_of(world.units, ana)
    plan = FaultPlan(WebhookFault.DELAYED, 700)
    changed = replace(notice, attempts=3, is_judged=True, fault=plan, due_at_ms=notice.noted_at_ms + 700)
    save(world.units, ana, changed)
    assert notices_of(world.units, ana) == [changed]
    done = delivered(changed, notice.noted_at_ms + 900)
    save(world.units, ana, done)
    assert notices_of(world.units, ana) == [done] and claim(world.units, notice.noted_at_ms + 9_000) == []
    again = replayed(done, notice.noted_at_ms + 9_000)
    save(world.units, ana, again)
    assert claim(world.units, notice.noted_at_ms + 9_000) == [again]


def save(units: UnitsOfWork, account: Account, notice: Notice) -> None:
    with units() as unit:
        assert unit.notices.lock(account.number, [notice.notice_id])
        unit.notices.save([notice])
        unit.commit()


def test_a_webhook_keeps_its_creation_and_is_the_accounts_own(world: World) -> None:
    ana, bruno = world.open_account(), world.open_account()
    add_webhook(world, ana)
    created_ms = world.clock.now_ms()
    world.clock.at_ms += 60_000
    add_webhook(world, ana, "http://127.0.0.1:9/b")
    add_webhook(world, ana, key=OTHER_KEY)
    with world.units() as unit:
        assert unit.webhooks.find_many([(bruno.number, KEY)]) == {}
        first, second = unit.webhooks.list(WebhookFilter(ana.number), 0, 10)
        assert (first.url, first.created_at_ms) == ("http://127.0.0.1:9/b", created_ms)
        assert unit.webhooks.list(WebhookFilter(ana.number, to_ms=created_ms), 0, 10) == [first]
        assert unit.webhooks.list(WebhookFilter(ana.number, from_ms=created_ms + 1), 0, 10) == [second]
        assert unit.webhooks.list(WebhookFilter(ana.number), 1, 1) == [second]
        assert unit.webhooks.count(WebhookFilter(ana.number)) == 2


def test_a_deleted_webhook_owes_nothing_any_more(world: World) -> None:
    ana = world.open_account()
    add_webhook(world, ana)
    receive(world, ana)
    with world.units() as unit:
        assert unit.notices.count_waiting(ana.number) == unit.notices.count_waiting("") == 1
        assert unit.webhooks.remove((ana.number, KEY)) and not unit.webhooks.remove((ana.number, KEY))
        unit.notices.stop((ana.number, KEY))
        unit.commit()
    assert [notice.status for notice in notices_of(world.units, ana)] == [NoticeStatus.STOPPED]
    with world.units() as unit:
        assert unit.notices.count_waiting("") == 0


def test_the_log_keeps_the_newest_deliveries_of_each_account(world: World) -> None:
    ana, bruno = world.open_account(), world.open_account()
    add_webhook(world, ana)
    receive(world, ana)
    (notice,) = notices_of(world.units, ana)
    failure = DeliveryFailure.STATUS
    with world.units() as unit:
        unit.notices.log([delivery(bruno, notice)])
        unit.notices.log([delivery(ana, notice, failure)])
        unit.notices.log([delivery(ana, notice) for _ in range(DELIVERIES_PER_ACCOUNT_MAX - 1)])
        (old,) = unit.notices.deliveries(DeliveryFilter(ana.number, failed=True), None, 10)
        assert replace(old, delivery_id=0) == delivery(ana, notice, failure)
        assert unit.notices.find_delivery(ana.number, old.delivery_id) == old
        assert unit.notices.find_delivery(bruno.number, old.delivery_id) is None
        unit.notices.log([delivery(ana, notice)])
        assert unit.notices.find_delivery(ana.number, old.delivery_id) is None
        newest, second = unit.notices.deliveries(DeliveryFilter(ana.number, notice.end_to_end_id), None, 2)
        assert newest.delivery_id > second.delivery_id
        assert unit.notices.deliveries(DeliveryFilter(ana.number), newest.delivery_id, 1) == [second]
        assert unit.notices.deliveries(DeliveryFilter(ana.number, "E-of-another"), None, 2) == []
        assert len(unit.notices.deliveries(DeliveryFilter(bruno.number), None, 10)) == 1


def test_a_report_takes_the_place_of_the_one_before(world: World) -> None:
    ana = world.open_account()
    offer = receive(world, ana)
    receive(world, ana, "")
    with world.units() as unit:
        assert unit.webhooks.find_report(ana.number) is None
        unit.webhooks.put_report(Report(ana.number, 5, (Booking("E1", 1), Booking("E1", 1))))
        last = Report(ana.number, 6, (Booking(offer.end_to_end_id, offer.amount_centavos),))
        unit.webhooks.put_report(last)
        assert unit.webhooks.find_report(ana.number) == last
        (receivable,) = unit.webhooks.receivables(ana.number, 0, 10)
        assert (receivable.end_to_end_id, receivable.txid) == (offer.end_to_end_id, TXID)
        assert receivable.credited_at_ms == world.clock.now_ms()
        assert unit.webhooks.receivables(ana.number, world.clock.now_ms() + 1, 10) == []
