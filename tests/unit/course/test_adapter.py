"""Payments between course banks and a bank of ours, on a hub in memory, and what the course's wire makes go wrong."""

from __future__ import annotations

import json

import pytest

from hub.application.course.process import ANSWER_MS_DEFAULT
from hub.application.course.register import CourseLegNotFound
from hub.domain.course.model import Edition, LegKind, LegState
from pix.scheme.errors import SchemeError
from pix.scheme.keys import KeyKind, PixKey
from pix.scheme.messages import TransferConfirmed, TransferFailed, TransferOffered
from pix.wire.record import Record
from pix.wire.topics import bank_topic
from tests.support.course import ANA, BIA, CAIO, CAIOS_KEY, COURSE_001, COURSE_002, FUNDS, PAULO, make_course_world
from tests.support.hub_builders import MARE, POLICY

ANAS_KEY = PixKey(KeyKind.EMAIL, "ana@example.com")
ID = "9b2f9a4e-0d51-4a0e-8f0e-111111111111"
TIMEOUT_MS = 40_000


def test_a_course_bank_pays_a_bank_of_ours() -> None:
    world = make_course_world()

    assert world.request(ID, CAIOS_KEY.key) == []
    [offer] = world.to_mare
    assert isinstance(offer, TransferOffered) and offer.amount_centavos == 2_500
    [(topic, confirmed)] = world.answer_as_mare()

    assert (topic, json.loads(confirmed)["status"]) == ("bank001", "confirmed")
    assert world.complete(confirmed) == []
    transfer = world.transfer(ID)
    assert transfer is not None and transfer.status == "completed"
    assert world.settlement() == {COURSE_001: FUNDS - 2_500, COURSE_002: FUNDS, MARE: FUNDS + 2_500}


def test_a_bank_of_ours_pays_a_course_bank() -> None:
    world = make_course_world()

    end_to_end_id, [(topic, pending)] = world.pay_from_mare(1, ANAS_KEY, 3_000)

    fields = json.loads(pending)
    assert topic == "bank002"
    assert (fields["amount"], fields["pixKeyTo"], fields["pixKeyKindTo"]) == (30, "ana@example.com", "email")
    assert fields["description"] == "almoço"
    # The hub has confirmed nothing before the bank has credited.
    assert world.to_mare == []
    assert world.confirm(pending) == []
    assert [type(message) for message in world.to_mare] == [TransferConfirmed]
    world.answer_as_mare()
    assert world.hub.queries.find_transfer(end_to_end_id)[0].status == "completed"
    assert world.settlement() == {COURSE_001: FUNDS, COURSE_002: FUNDS + 3_000, MARE: FUNDS - 3_000}


def test_a_pending_is_never_sent_twice() -> None:
    """Neither for a repeated offer, nor after the adapter has ended between its transaction and the send."""
    world = make_course_world()
    world.lost = True
    world.pay_from_mare(1, ANAS_KEY, 3_000)
    world.lost = False
    [leg] = world.legs(LegKind.INCOMING)
    assert leg.state is LegState.SENT

    assert world.retransmit_from_hub(2_000) == []
    assert world.sweep(ANSWER_MS_DEFAULT) == []
    # Its silence is taken for a no, and the payer gets his money back.
    assert [type(message) for message in world.to_mare] == [TransferFailed]


def test_a_bank_that_reads_nothing_gets_its_pending_later() -> None:
    world = make_course_world()
    world.readiness.away.add(COURSE_002)

    _, got = world.pay_from_mare(1, ANAS_KEY, 3_000)
    assert got == []
    assert world.sweep(120_000) == []
    world.readiness.away.clear()
    [(_, pending)] = world.sweep(1_000)

    world.confirm(pending)
    assert world.settlement()[COURSE_002] == FUNDS + 3_000


def test_what_is_held_is_not_sent_after_the_hub_has_failed_it() -> None:
    world = make_course_world(timeout_ms=TIMEOUT_MS)
    world.readiness.away.add(COURSE_002)
    world.pay_from_mare(1, ANAS_KEY, 3_000)

    world.expire(TIMEOUT_MS + 1)
    world.readiness.away.clear()

    assert world.sweep(1_000) == []
    assert [type(message) for message in world.to_mare] == [TransferFailed]


@pytest.mark.parametrize("by", ["deadline of the adapter", "timeout of the hub"])
def test_a_credit_that_comes_too_late_is_listed_as_owed(by: str) -> None:
    """The bank has credited, and the payer has his money back: the wire cannot take the credit back."""
    world = make_course_world(timeout_ms=TIMEOUT_MS if by == "timeout of the hub" else None)
    _, [(_, pending)] = world.pay_from_mare(1, ANAS_KEY, 3_000)
    if by == "timeout of the hub":
        world.expire(TIMEOUT_MS + 1)
    else:
        world.sweep(ANSWER_MS_DEFAULT + 1)

    assert world.confirm(pending) == []

    overview = world.course.queries.overview()
    assert [(leg.state, leg.amount_centavos) for leg in overview.owed] == [(LegState.UNCOVERED, 3_000)]
    assert overview.sums[COURSE_002].uncovered_centavos == 3_000
    assert world.settlement() == {COURSE_001: FUNDS, COURSE_002: FUNDS, MARE: FUNDS}
    [leg] = overview.owed
    world.course.clear_owed(ispb=leg.ispb, kind=leg.kind, course_id=leg.course_id, note="covered by the teacher")
    assert world.course.queries.overview().owed == []
    with pytest.raises(CourseLegNotFound):
        world.course.clear_owed(ispb=leg.ispb, kind=leg.kind, course_id=leg.course_id, note="again")


def test_an_acceptance_that_the_hub_never_gets_is_owed_once_the_hub_has_failed_the_transfer() -> None:
    world = make_course_world(timeout_ms=TIMEOUT_MS)
    _, [(_, pending)] = world.pay_from_mare(1, ANAS_KEY, 3_000)
    world.lost = True
    world.confirm(pending)
    world.lost = False

    world.expire(TIMEOUT_MS + 1)

    assert [leg.state for leg in world.course.queries.overview().owed] == [LegState.UNCOVERED]


def test_an_acceptance_that_was_lost_is_retransmitted() -> None:
    world = make_course_world()
    _, [(_, pending)] = world.pay_from_mare(1, ANAS_KEY, 3_000)
    world.lost = True
    world.confirm(pending)
    world.lost = False

    world.sweep(2_000)

    assert world.settlement()[COURSE_002] == FUNDS + 3_000


def test_a_request_that_was_lost_on_its_way_to_the_hub_is_retransmitted() -> None:
    world = make_course_world()
    world.lost = True
    world.request(ID)
    world.lost = False

    [(topic, _)] = world.sweep(2_000)

    assert topic == "bank002"


def test_centavos_are_refused_at_once_for_a_bank_that_keeps_whole_amounts() -> None:
    world = make_course_world(Edition.Y2023)

    _, got = world.pay_from_mare(1, ANAS_KEY, 1_050)

    assert got == []
    [failed] = world.to_mare
    assert isinstance(failed, TransferFailed) and failed.reason == "AM09"


def test_a_bank_of_2021_takes_centavos_and_needs_not_close_its_row() -> None:
    world = make_course_world(Edition.Y2021)

    _, [(_, pending)] = world.pay_from_mare(1, ANAS_KEY, 1_050)

    assert json.loads(pending)["amount"] == 10.5
    world.confirm(pending)
    [(_, pending)] = world.request(ID, amount="10.5")
    [(_, confirmed)] = world.confirm(pending)
    # It is told a few times more, and then no more.
    told = [world.sweep(10_000) for _ in range(10)]
    assert [len(each) for each in told] == [1, 1, 1, 1, 1, 1, 0, 0, 0, 0]
    assert told[0] == [("bank001", confirmed)]
    transfer = world.transfer(ID)
    assert transfer is not None and transfer.status == "completed"


def test_within_a_bank_of_2021_the_credit_has_another_id() -> None:
    """It has a row with the payer's id already: the debit's."""
    world = make_course_world(Edition.Y2021)

    [(topic, pending)] = world.request(ID, "11144477735", kind="cpf")

    assert topic == "bank001" and json.loads(pending)["id"] != ID
    [(_, confirmed)] = world.confirm(pending)
    assert (json.loads(confirmed)["id"], json.loads(confirmed)["status"]) == (ID, "confirmed")


def test_the_money_of_a_payer_without_a_key_is_parked() -> None:
    world = make_course_world(with_keys=False)

    assert world.request(ID, "nobody@example.com") == []

    [leg] = world.course.queries.overview().owed
    assert (leg.state, leg.reason, leg.amount_centavos, leg.original_id) == (LegState.PARKED, "AC03", 2_500, ID)


def test_parked_money_is_given_back_once_the_payer_has_a_key() -> None:
    world = make_course_world(with_keys=False)
    world.request(ID, "nobody@example.com")
    assert world.sweep(POLICY.cap_ms) == []
    world.course.register_key("email", "paulo@example.com", PAULO)

    sent = [*world.sweep(POLICY.cap_ms), *world.sweep(1_000)]

    [(topic, refund)] = sent
    assert (topic, json.loads(refund)["pixKeyTo"], json.loads(refund)["amount"]) == ("bank001", "paulo@example.com", 25)
    world.confirm(refund)
    assert world.course.queries.overview().owed == []


def test_a_payment_without_a_description_is_parked_and_nothing_is_sent() -> None:
    world = make_course_world()

    assert world.request(ID, description="") == []
    assert world.request(ID, description="") == []

    [leg] = world.course.queries.overview().owed
    assert (leg.state, leg.reason) == (LegState.PARKED, "CH16")
    assert world.transfer(ID) is None


def test_a_key_that_no_directory_can_have_is_refunded_without_asking_the_hub() -> None:
    world = make_course_world()

    [(topic, refund)] = world.request(ID, "1", kind="cpf")

    assert (topic, json.loads(refund)["pixKeyTo"]) == ("bank001", "paulo@example.com")
    assert world.transfer(ID) is None


def test_a_payment_that_a_bank_of_ours_rejects_is_refunded_once() -> None:
    world = make_course_world(timeout_ms=TIMEOUT_MS)
    world.request(ID, CAIOS_KEY.key)

    [(topic, refund)] = world.expire(TIMEOUT_MS + 1)

    assert (topic, json.loads(refund)["description"]) == ("bank001", "Pix returned: AB03")
    assert world.expire(1_000) == []
    assert len(world.legs(LegKind.REFUND)) == 1


def test_the_same_id_of_two_banks_makes_two_payments() -> None:
    world = make_course_world()
    world.course.register_key("email", "bia@example.com", BIA)

    [(_, first)] = world.request(ID)
    [(_, second)] = world.request(ID, "paulo@example.com", accountId=ANA)

    assert json.loads(first)["id"] == ID
    # Confirmations name the id alone, so that no two credits have the same.
    assert json.loads(second)["id"] != ID


def test_the_same_id_with_another_content_is_a_dead_letter() -> None:
    world = make_course_world()
    world.request(ID)

    assert world.request(ID, amount="26") == []

    assert world.dead_letters() == ["id: belongs to another payment of this bank"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"amount": 31}, "value: is not the content of the `pending` with this id"),
        ({"pixKeyTo": "else@example.com"}, "value: is not the content of the `pending` with this id"),
        ({"id": "9b2f9a4e-0d51-4a0e-8f0e-222222222222"}, "id: no `pending` with this id was sent"),
        ({"id": "AAAAAAAA-BBBB-4CCC-8DDD-EEEEEEEEEEEE"}, "id: must be a UUID of version 4 in small letters"),
        ({"status": "error"}, "status: must be confirmed or completed"),
        ({"amount": "30"}, "amount: must be a number without quotes"),
    ],
)
def test_a_forged_confirmation_moves_no_money(changes: dict[str, object], reason: str) -> None:
    world = make_course_world()
    _, [(_, pending)] = world.pay_from_mare(1, ANAS_KEY, 3_000)

    world.confirm(pending, **changes)

    assert world.dead_letters() == [reason]
    assert world.settlement()[COURSE_002] == FUNDS


def test_a_credit_that_is_announced_again_moves_no_money_and_is_counted() -> None:
    """The bank has read the record again after an abrupt end, and has credited twice."""
    world = make_course_world()
    _, [(_, pending)] = world.pay_from_mare(1, ANAS_KEY, 3_000)

    for _ in range(3):
        world.confirm(pending)

    assert world.settlement()[COURSE_002] == FUNDS + 3_000
    assert world.course.queries.overview().sums[COURSE_002].answered_again == 2


def test_nothing_is_confirmed_that_was_not_sent() -> None:
    world = make_course_world()
    world.readiness.away.add(COURSE_002)
    world.pay_from_mare(1, ANAS_KEY, 3_000)
    [leg] = world.legs(LegKind.INCOMING)
    forged = {
        "id": leg.course_id, "accountId": leg.account_id, "amount": 30, "pixKeyTo": leg.key,
        "pixKeyKindTo": leg.key_kind, "description": leg.description, "status": "confirmed", "error": "",
    }  # fmt: skip

    world.say("transaction_confirmation", forged)

    assert "though no `pending` with this id was sent" in world.dead_letters()[0]
    assert world.settlement()[COURSE_002] == FUNDS


def test_a_record_that_the_hub_has_not_signed_counts_for_nothing() -> None:
    world = make_course_world()

    assert world.pump([Record(bank_topic("002"), b"x", b"forged")]) == []

    assert "header is missing" in world.dead_letters()[0]


def test_a_course_bank_has_one_of_two_codes_and_no_bank_of_ours_becomes_one() -> None:
    world = make_course_world()

    with pytest.raises(SchemeError, match="code: must be 001 or 002"):
        world.course.add_bank(code="003", name="Mar")
    with pytest.raises(SchemeError, match="number: belongs to another account"):
        world.course.add_account(
            code="001", account_id="6e4635ce-88d1-4e58-9597-d13fc446ee48", number="1111", owner_name="Someone Else"
        )
    assert world.hub.queries.list_banks()[0].version == "course 2023"


def test_the_payee_sees_who_pays_by_an_id_of_the_adapter() -> None:
    world = make_course_world()

    _, [(_, first)] = world.pay_from_mare(1, ANAS_KEY, 3_000)
    _, [(_, second)] = world.pay_from_mare(2, ANAS_KEY, 3_000)

    assert json.loads(first)["accountId"] == json.loads(second)["accountId"]
    assert json.loads(first)["id"] != json.loads(second)["id"]
    assert CAIO.account_number not in first
