"""Webhooks are delivered at least once, until the receiver has answered 2xx, whoever dies."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import time, timedelta
from typing import Any

import pytest

from bank_sim.application.ports import UnitsOfWork
from bank_sim.application.webhooks.ports import DeliveryFilter, NoticeFilter
from bank_sim.domain.account import Account
from bank_sim.domain.charges.model import DueDate, Modality
from bank_sim.domain.webhooks.errors import WebhookKeyNotOwn, WebhookNotFound, WebhookUrlInvalid
from bank_sim.domain.webhooks.faults import FaultPlan, WebhookFault
from bank_sim.domain.webhooks.model import DeliveryFailure, Notice, NoticeStatus
from bank_sim.domain.webhooks.verdict import Booking, Judgement
from pix.scheme.initiation import Initiation
from pix.scheme.keys import KeyKind, PixKey
from pix.scheme.reasons import ReasonCode
from tests.support.bank import World
from tests.support.bank_returns import ReturnsWorld
from tests.support.banks import IPE
from tests.support.charges import DUE_DAY, cobv, confirm, offer
from tests.support.clock import at_time_ms
from tests.support.webhooks import ReceiverInMemory

URL = "https://loja.example/avisos/"
LEASE_MS = 12_000


class Hooked:
    """A bank that delivers to a receiver, and Ana, who has a webhook."""

    def __init__(
        self, units: UnitsOfWork, faults: Mapping[str, FaultPlan] | None = None, pix_per_post: int = 20
    ) -> None:
        self.receiver = ReceiverInMemory()
        self.faults = faults or {}
        self.world = World(units, delivering=self.receiver.delivering(pix_per_post), choose_fault=self._choose)
        self.ana = self.world.open_account()
        tax_id = self.ana.tax_id
        self.key = self.world.bank.register_key(account_number=self.ana.number, kind=KeyKind.CPF, key=tax_id).key
        self.world.bank.webhooks.put(account_number=self.ana.number, key=self.key, url=URL)

    def _choose(self, unit: Any, notice: Notice) -> FaultPlan | None:
        del unit
        return self.faults.get(notice.txid)

    def receive(self, txid: str = "pedido1") -> str:
        """The end-to-end id of a Pix that came in."""
        offer = replace(self.world.offer(self.ana), payee_key=self.key, initiation=Initiation.QRES, txid=txid)
        confirmed = replace(self.world.confirmed(offer), initiation=Initiation.QRES, txid=txid)
        self.world.hear(offer, confirmed)
        return offer.end_to_end_id

    def deliver(self, after_ms: int = 0) -> list[list[str]]:
        """What is taken when it is delivered so much later."""
        self.world.clock.at_ms += after_ms
        self.world.bank.webhooks.deliver_due()
        return self.receiver.take()

    @property
    def notices(self) -> list[Notice]:
        return self.world.bank.webhooks.queries.notices(NoticeFilter(self.ana.number))

    @property
    def log(self) -> list[tuple[int, str, DeliveryFailure | None]]:
        found = self.world.bank.webhooks.queries.deliveries(DeliveryFilter(self.ana.number))
        return [(each.attempt, each.fault, each.failure) for each in reversed(found)]


MakeHooked = Callable[..., Hooked]


@pytest.fixture
def make_hooked(units: UnitsOfWork) -> MakeHooked:
    return lambda *given, **named: Hooked(units, *given, **named)


@pytest.fixture
def hooked(make_hooked: MakeHooked) -> Hooked:
    return make_hooked()


def test_a_receipt_is_told_once(hooked: Hooked) -> None:
    end_to_end_id = hooked.receive()
    hooked.world.bank.webhooks.deliver_due()
    ((url, body),) = hooked.receiver.posts
    assert url == "https://loja.example/avisos/pix"
    (pix,) = body["pix"]
    assert pix == {
        "endToEndId": end_to_end_id,
        "txid": "pedido1",
        "valor": "20.00",
        "componentesValor": {"original": {"valor": "20.00"}},
        "chave": hooked.key.key,
        "horario": pix["horario"],
        "infoPagador": "aluguel",
    }
    hooked.receiver.take()
    assert hooked.deliver(LEASE_MS) == [] and hooked.log == [(1, "", None)]
    assert [notice.status for notice in hooked.notices] == [NoticeStatus.DELIVERED]


def test_the_end_of_a_return_is_told_with_its_pix(hooked: Hooked) -> None:
    returns = ReturnsWorld(hooked.world)
    offer = replace(hooked.world.offer(hooked.ana), end_to_end_id=hooked.receive())
    hooked.deliver()
    done = returns.give_back(hooked.ana, offer, 5_00, f"devolucao {offer.end_to_end_id} primeira")
    failed = returns.give_back(hooked.ana, offer, 1_00, "b")
    hooked.world.hear(returns.outcome_of(done), returns.outcome_of(failed, ReasonCode.AB11))
    hooked.world.bank.webhooks.deliver_due()
    ((_, body),) = hooked.receiver.posts
    (pix,) = body["pix"]
    first, second = sorted(pix["devolucoes"], key=lambda each: -float(each["valor"]))
    assert (first["id"], first["rtrId"], first["valor"]) == ("primeira", done.return_id, "5.00")
    assert (first["status"], first["natureza"]) == ("DEVOLVIDO", "ORIGINAL") and "liquidacao" in first["horario"]
    assert (second["id"], second["status"]) == (failed.return_id, "NAO_REALIZADO")
    assert "AB11" in second["motivo"] and "liquidacao" not in second["horario"]


def test_a_late_payment_of_a_charge_says_what_its_amount_was_made_of(hooked: Hooked) -> None:
    world = hooked.world
    terms = DueDate(DUE_DAY, 30, fine=Modality(1, 3_00), interest=Modality(1, 50))
    charge, _ = world.bank.charges.create(cobv(hooked.ana, hooked.key, 100_00, terms=terms))
    world.clock.at_ms = at_time_ms(DUE_DAY + timedelta(days=2), time(12))
    late = offer(world, hooked.ana, charge, 104_00)
    minute = (DUE_DAY + timedelta(days=2)).strftime("%Y%m%d1500")
    late = replace(late, end_to_end_id=f"E{IPE.ispb}{minute}{1:011d}", payee_key=hooked.key)
    world.hear(late)
    confirm(world, late)
    world.bank.webhooks.deliver_due()
    ((_, body),) = hooked.receiver.posts
    assert body["pix"][0]["valor"] == "104.00"
    assert body["pix"][0]["componentesValor"] == {
        "original": {"valor": "100.00"},
        "multa": {"valor": "3.00"},
        "juros": {"valor": "1.00"},
    }


def test_it_is_tried_again_with_backoff_until_the_receiver_takes_it(hooked: Hooked) -> None:
    end_to_end_id = hooked.receive()
    hooked.receiver.failure = DeliveryFailure.STATUS
    assert hooked.deliver() == hooked.deliver(700) == []
    hooked.deliver(300)
    hooked.receiver.failure = None
    assert hooked.deliver(1_000) == []
    assert hooked.deliver(1_000) == [[end_to_end_id]]
    assert hooked.log == [(1, "", DeliveryFailure.STATUS), (2, "", DeliveryFailure.STATUS), (3, "", None)]
    assert hooked.world.bank.webhooks.queries.deliveries(DeliveryFilter(hooked.ana.number))[-1].status == 500


def test_several_are_grouped_up_to_a_number(make_hooked: MakeHooked) -> None:
    hooked = make_hooked(pix_per_post=2)
    ids = [hooked.receive(f"pedido{number}") for number in range(3)]
    assert hooked.deliver() == [ids[:2], ids[2:]]


def test_what_a_dead_process_has_claimed_is_sent_after_its_lease(hooked: Hooked) -> None:
    end_to_end_id = hooked.receive()
    assert len(hooked.world.bank.webhooks.deliver_due.claim()) == 1
    assert hooked.deliver(LEASE_MS - 1) == []
    assert hooked.deliver(1) == [[end_to_end_id]]


def test_a_post_that_waited_longer_than_its_lease_is_not_sent(hooked: Hooked) -> None:
    end_to_end_id = hooked.receive()
    (late,) = hooked.world.bank.webhooks.deliver_due.claim()
    assert hooked.deliver(LEASE_MS) == [[end_to_end_id]]
    hooked.world.bank.webhooks.deliver_due.send(late)
    assert hooked.receiver.take() == []


def test_a_key_that_was_removed_later_is_told_to_its_owner_of_then(hooked: Hooked) -> None:
    end_to_end_id = hooked.receive()
    hooked.world.bank.remove_key(account_number=hooked.ana.number, key=hooked.key)
    assert hooked.deliver() == [[end_to_end_id]]


def test_another_address_gets_what_is_owed(hooked: Hooked) -> None:
    hooked.receive()
    hooked.receiver.failure = DeliveryFailure.CONNECTION
    hooked.deliver()
    hooked.world.bank.webhooks.put(account_number=hooked.ana.number, key=hooked.key, url="http://127.0.0.1:9/novo")
    hooked.receiver.failure = None
    hooked.world.clock.at_ms += 1_000
    hooked.world.bank.webhooks.deliver_due()
    assert [url for url, _ in hooked.receiver.posts] == ["http://127.0.0.1:9/novo/pix"]


def test_a_deleted_webhook_is_told_nothing_more(hooked: Hooked) -> None:
    hooked.receive()
    hooked.world.bank.webhooks.remove(account_number=hooked.ana.number, key=hooked.key)
    assert hooked.deliver() == []
    with pytest.raises(WebhookNotFound):
        hooked.world.bank.webhooks.replay.notice(hooked.ana.number, hooked.notices[0].notice_id)
    with pytest.raises(WebhookNotFound):
        hooked.world.bank.webhooks.remove(account_number=hooked.ana.number, key=hooked.key)


def test_a_delivery_is_replayed(hooked: Hooked) -> None:
    end_to_end_id = hooked.receive()
    hooked.deliver()
    webhooks = hooked.world.bank.webhooks
    (delivery,) = webhooks.queries.deliveries(DeliveryFilter(hooked.ana.number))
    assert webhooks.replay.delivery(hooked.ana.number, delivery.delivery_id) == 1
    assert hooked.deliver() == [[end_to_end_id]]


@pytest.mark.parametrize("key_of", [lambda _: PixKey(KeyKind.EMAIL, "x@x.example"), lambda other: other])
def test_only_an_own_key_has_a_webhook(hooked: Hooked, key_of: Callable[[PixKey], PixKey]) -> None:
    bruno: Account = hooked.world.open_account()
    with pytest.raises(WebhookKeyNotOwn):
        hooked.world.bank.webhooks.put(account_number=bruno.number, key=key_of(hooked.key), url=URL)


def test_an_address_that_is_not_delivered_to_is_refused_at_once(hooked: Hooked) -> None:
    hooked.receiver.is_refused = True
    with pytest.raises(WebhookUrlInvalid, match="loopback and private"):
        hooked.world.bank.webhooks.put(account_number=hooked.ana.number, key=hooked.key, url=URL)


# Faults of the sandbox


def test_doubled(make_hooked: MakeHooked) -> None:
    hooked = make_hooked({"pedido1": FaultPlan(WebhookFault.DOUBLED)})
    end_to_end_id = hooked.receive()
    assert hooked.deliver() == [[end_to_end_id], [end_to_end_id]]
    assert hooked.deliver(LEASE_MS) == [] and hooked.log == [(1, "doubled", None)] * 2


def test_delayed(make_hooked: MakeHooked) -> None:
    hooked = make_hooked({"pedido1": FaultPlan(WebhookFault.DELAYED, delay_ms=7_000)})
    end_to_end_id = hooked.receive()
    assert hooked.deliver() == hooked.deliver(6_999) == []
    assert hooked.deliver(1) == [[end_to_end_id]]


def test_reordered(make_hooked: MakeHooked) -> None:
    hooked = make_hooked({"pedido1": FaultPlan(WebhookFault.REORDERED, delay_ms=60_000)})
    first = hooked.receive()
    assert hooked.deliver() == []
    second = hooked.receive("pedido2")
    assert hooked.deliver() == [[second]]
    assert hooked.deliver(1_000) == [[first]]


def test_reordered_without_a_next_one(make_hooked: MakeHooked) -> None:
    hooked = make_hooked({"pedido1": FaultPlan(WebhookFault.REORDERED, delay_ms=5_000)})
    first = hooked.receive()
    assert hooked.deliver() == hooked.deliver(4_900) == []
    assert hooked.deliver(100) == [[first]]


def test_lost_until_replay(make_hooked: MakeHooked) -> None:
    hooked = make_hooked({"pedido1": FaultPlan(WebhookFault.LOST)})
    end_to_end_id = hooked.receive()
    assert hooked.deliver() == hooked.deliver(86_400_000) == []
    assert hooked.log == [(0, "lost", DeliveryFailure.HELD)]
    assert hooked.world.bank.webhooks.replay.lost(hooked.ana.number) == 1
    assert hooked.deliver() == [[end_to_end_id]]


@pytest.mark.parametrize(
    ("fault", "failure"),
    [
        (WebhookFault.REFUSED, DeliveryFailure.CONNECTION),
        (WebhookFault.WRONG_CERTIFICATE, DeliveryFailure.CERTIFICATE),
    ],
)
def test_attempts_that_fail(make_hooked: MakeHooked, fault: WebhookFault, failure: DeliveryFailure) -> None:
    hooked = make_hooked({"pedido1": FaultPlan(fault, times=2)})
    end_to_end_id = hooked.receive()
    assert hooked.deliver() == hooked.deliver(1_000) == []
    assert hooked.deliver(2_000) == [[end_to_end_id]]
    assert hooked.log == [(1, fault, failure), (2, fault, failure), (3, "", None)]


# The verdict


def test_the_verdict_compares_pix_by_pix(hooked: Hooked) -> None:
    verdicts, number = hooked.world.bank.webhooks.verdicts, hooked.ana.number
    right, twice, wrong, missing = (hooked.receive(f"pedido{number}") for number in range(4))
    before = verdicts.of_account(number)
    assert before.verdict.count(Judgement.MISSING) == before.waiting == 4 and before.reported_at_ms is None
    booked = [(right, 20_00), (twice, 20_00), (twice, 20_00), (wrong, 2_00), ("E-unknown", 1)]
    verdicts.report(number, [Booking(*each) for each in booked])
    found = verdicts.of_account(number).verdict
    assert {line.end_to_end_id: line.judgement for line in found.lines} == {
        right: Judgement.RIGHT,
        twice: Judgement.TWICE,
        wrong: Judgement.WRONG_AMOUNT,
        missing: Judgement.MISSING,
        "E-unknown": Judgement.UNKNOWN,
    }
    assert not found.is_right
    verdicts.report(number, [Booking(each, 20_00) for each in (right, twice, wrong, missing)])
    assert verdicts.of_account(number).verdict.is_right
