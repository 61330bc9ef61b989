"""The payee's side: the hub offers, the bank promises, the hub decides."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bank_sim.domain.behaviour import AnswerMode, AnswerStyle, Behaviour
from bank_sim.domain.errors import AccountHasTransfers
from bank_sim.domain.flows.transfer.model import TransferStatus
from pix.participant.dead_letters.model import DeadLetterClosed, DeadLetterNotFound, DeadLetterState
from pix.participant.dead_letters.records import record_of
from pix.scheme.deliveries import HUB
from pix.scheme.messages import (
    Outcome,
    OutcomeProcessed,
    Side,
    TransferAccepted,
    TransferRejected,
    TransferRequested,
)
from pix.scheme.reasons import ReasonCode
from pix.wire.protobuf_v1.codec import encode_record
from pix.wire.protobuf_v1.signatures import signing_key
from pix.wire.topics import bank_topic
from tests.contract.bank_sim.world import SECRET, STRANGER, World
from tests.support.banks import AURORA


def test_an_offer_is_promised_and_credited_when_the_hub_decides(world: World) -> None:
    ana = world.open_account(0)
    offer = world.offer(ana, 20_00)
    assert world.hear(offer) == [TransferAccepted(offer.end_to_end_id, 20_00)]
    assert world.balance(ana) == 0
    assert world.hear(world.confirmed(offer)) == [
        OutcomeProcessed(offer.end_to_end_id, Side.PAYEE, Outcome.CONFIRMED, 20_00, None)
    ]
    assert world.balance(ana) == 20_00
    (line,) = world.bank.queries.statement(ana.number).lines
    assert (line.kind.value, line.counterpart_name, line.description) == ("credit", STRANGER.name, "aluguel")
    assert world.bank.queries.books().is_balanced


def test_offers_and_outcomes_in_one_batch(world: World) -> None:
    ana, bia = world.open_account(0), world.open_account(0, "Bia Lima")
    offers = [world.offer(account, amount) for account, amount in ((ana, 1), (bia, 2), (ana, 4))]
    answers = world.hear(*offers, world.confirmed(offers[0]), world.failed(offers[1]), world.confirmed(offers[2]))
    assert [type(answer).__name__ for answer in answers] == ["TransferAccepted"] * 3 + ["OutcomeProcessed"] * 3
    assert (world.balance(ana), world.balance(bia)) == (5, 0)
    assert world.bank.queries.books().is_balanced
    lines = world.bank.queries.statement(ana.number).lines
    assert [line.balance_after_centavos for line in lines] == [5, 1]


def test_an_account_that_cannot_receive_is_a_refusal_with_its_code(world: World) -> None:
    blocked, closed = world.open_account(0), world.open_account(0, "Bia Lima")
    world.bank.block_account(account_number=blocked.number)
    world.bank.close_account(account_number=closed.number)
    absent = replace(blocked, number="000000-0")
    for account, reason in (
        (blocked, ReasonCode.AC06),
        (closed, ReasonCode.AC07),
        (absent, ReasonCode.AC03),
    ):
        offer = world.offer(account)
        assert world.hear(offer) == [TransferRejected(offer.end_to_end_id, offer.amount_centavos, reason)]
        assert world.hear(world.failed(offer, reason)) == [
            OutcomeProcessed(offer.end_to_end_id, Side.PAYEE, Outcome.FAILED, offer.amount_centavos, reason)
        ]
        assert world.incoming(offer).status is TransferStatus.FAILED
    assert world.bank.queries.books().is_balanced


def test_a_repeated_offer_gets_the_same_answer_whatever_changed(world: World) -> None:
    ana = world.open_account(0)
    offer = world.offer(ana)
    first = world.hear(offer)
    world.bank.block_account(account_number=ana.number)
    world.behave(Behaviour(mode=AnswerMode.REJECT))
    assert world.hear(offer, offer) == first * 2
    assert world.incoming(offer).duplicates == 2
    world.hear(world.confirmed(offer))
    assert world.balance(ana) == offer.amount_centavos


def test_the_same_id_with_another_content_is_refused_and_noted(world: World) -> None:
    ana = world.open_account(0)
    offer = world.offer(ana, 20_00)
    world.hear(offer)
    assert world.hear(replace(offer, amount_centavos=20_000_00)) == []
    row = world.incoming(offer)
    assert row.amount_centavos == 20_00
    assert row.refusals == 1
    assert "another amount" in row.history[-1].ignored
    assert world.hear(world.confirmed(replace(offer, amount_centavos=20_000_00))) == []
    assert world.balance(ana) == 0


def test_a_promise_pins_the_account(world: World) -> None:
    ana = world.open_account(0)
    offer = world.offer(ana)
    world.hear(offer)
    with pytest.raises(AccountHasTransfers):
        world.bank.close_account(account_number=ana.number)
    world.hear(world.failed(offer))
    world.bank.close_account(account_number=ana.number)


def test_a_payment_under_way_pins_the_account(world: World) -> None:
    ana = world.open_account(30_00)
    transfer = world.pay(ana, 30_00)
    with pytest.raises(AccountHasTransfers):
        world.bank.close_account(account_number=ana.number)
    world.hear(world.outcome_of(transfer))
    world.bank.close_account(account_number=ana.number)


def test_an_outcome_without_an_offer_is_applied_and_a_late_offer_changes_nothing(world: World) -> None:
    ana = world.open_account(0)
    confirmed, failed = world.offer(ana, 1), world.offer(ana, 2)
    world.hear(world.confirmed(confirmed), world.failed(failed))
    assert world.balance(ana) == 1
    assert [type(answer).__name__ for answer in world.hear(confirmed, failed)] == ["OutcomeProcessed"] * 2
    assert world.balance(ana) == 1
    assert world.incoming(failed).status is TransferStatus.FAILED


def test_an_answer_is_resent_until_an_outcome_comes(world: World) -> None:
    ana = world.open_account(0)
    offer = world.offer(ana)
    first = world.hear(offer)
    world.clock.turn(5_000)
    assert world.bank.retransmit_due() == 1
    assert world.sent() == first
    world.hear(world.confirmed(offer))
    world.clock.turn(3_600_000)
    assert world.bank.retransmit_due() == 0


def test_an_answer_is_resent_though_the_clock_goes_back(world: World) -> None:
    offer = world.offer(world.open_account(0))
    first = world.hear(offer)
    world.clock.turn(-1_800_000)
    assert world.bank.retransmit_due() == 1
    assert world.sent() == first


def test_a_slow_bank_answers_when_its_time_has_come(world: World) -> None:
    ana = world.open_account(0)
    world.behave(Behaviour(answer_delay_ms=10_000))
    offer = world.offer(ana)
    assert world.hear(offer) == []
    world.clock.turn(9_999)
    assert world.bank.retransmit_due() == 0
    assert world.hear(offer) == []
    world.clock.turn(1)
    assert world.bank.retransmit_due() == 1
    assert world.sent() == [TransferAccepted(offer.end_to_end_id, offer.amount_centavos)]
    assert world.incoming(offer).resend_count == 0
    assert world.hear(offer) == [TransferAccepted(offer.end_to_end_id, offer.amount_centavos)]


def test_a_silent_bank_says_nothing_until_it_is_told_to(world: World) -> None:
    ana = world.open_account(0)
    world.behave(Behaviour(mode=AnswerMode.SILENT))
    offer = world.offer(ana)
    world.clock.turn(3_600_000)
    assert world.hear(offer, offer) == []
    assert world.bank.retransmit_due() == 0
    world.behave(Behaviour())
    assert world.hear(offer) == [TransferAccepted(offer.end_to_end_id, offer.amount_centavos)]


def test_a_faulty_bank_answers_both_yes_and_no_and_obeys_the_hub(world: World) -> None:
    ana = world.open_account(0)
    world.behave(Behaviour(answer_style=AnswerStyle.YES_AND_NO))
    kept, lost = world.offer(ana, 1), world.offer(ana, 2)
    assert [type(answer).__name__ for answer in world.hear(kept, lost)] == ["TransferAccepted", "TransferRejected"] * 2
    world.hear(world.confirmed(kept), world.failed(lost, ReasonCode.ED05))
    assert world.balance(ana) == 1


def test_magic_amounts_ask_for_any_outcome(world: World) -> None:
    ana = world.open_account(0)
    assert isinstance(world.hear(world.offer(ana, 3))[0], TransferAccepted)
    world.behave(Behaviour(magic_amounts=True))
    offer = world.offer(ana, 3)
    assert world.hear(offer) == [TransferRejected(offer.end_to_end_id, 3, ReasonCode.AC03)]
    assert world.hear(world.offer(ana, 20)) == []
    assert len(world.hear(world.offer(ana, 22))) == 2


# Dead letters


def test_what_is_not_the_hubs_word_dies_and_changes_nothing(world: World) -> None:
    ana = world.open_account(0)
    offer = world.offer(ana)
    good = world.record(offer)
    forged = replace(good, value=good.value + b"\x08\x01", offset=1)
    unsigned = replace(
        good, headers={name: value for name, value in good.headers.items() if "signature" not in name}, offset=2
    )
    stranger = replace(good, headers={**good.headers, "codepix-sender": b"00000002"}, offset=3)
    noise = replace(good, value=b"\xff\xfe", headers={}, offset=4)
    topic = bank_topic(AURORA.code)
    not_for_banks = encode_record(
        TransferRequested(offer.end_to_end_id, 1, STRANGER, offer.payee_key, "", "", 0),
        topic,
        HUB,
        signing_key(SECRET),
    )
    assert world.handle([forged, unsigned, stranger, noise, not_for_banks]) == []
    letters = {letter.offset: letter for letter in world.bank.dead_letters.list()}
    assert "signature" in letters[1].reason
    assert "unsigned" in letters[2].reason
    assert letters[3].sender == "00000002"
    assert record_of(world.bank.dead_letters.find(letters[4].digest)).value == b"\xff\xfe"
    assert "not sent on this topic" in letters[-1].reason
    assert world.bank.queries.list_transfers().transfers == ()


def test_good_records_of_a_batch_are_not_held_up_by_bad_ones(world: World) -> None:
    ana = world.open_account(0)
    offer = world.offer(ana)
    good = world.record(offer)
    assert len(world.handle([replace(good, value=b"\xff", offset=1), good])) == 1


def test_a_record_that_dies_again_counts_up(world: World) -> None:
    bad = replace(world.record(world.offer(world.open_account(0))), value=b"\xff")
    world.handle([bad, bad])
    world.handle([bad])
    (letter,) = world.bank.dead_letters.list()
    assert letter.times == 3


def test_a_dead_letter_is_replayed_once_after_the_fix(world: World) -> None:
    ana = world.open_account(0)
    missing = replace(ana, number="100002-0")
    offer = world.offer(missing, 20_00)
    assert world.hear(world.confirmed(offer)) == []
    (letter,) = world.bank.dead_letters.list()
    assert "does not exist" in letter.reason

    again = world.bank.dead_letters.replay(letter.digest)
    assert (again.state, again.times) == (DeadLetterState.DEAD, 2)

    bia = world.open_account(0, "Bia Lima")
    assert bia.number == missing.number
    replayed = world.bank.dead_letters.replay(letter.digest)
    assert replayed.state is DeadLetterState.REPLAYED
    assert world.balance(bia) == 20_00
    assert [type(message).__name__ for message in world.sent()] == ["OutcomeProcessed"]
    with pytest.raises(DeadLetterClosed):
        world.bank.dead_letters.replay(letter.digest)
    with pytest.raises(DeadLetterNotFound):
        world.bank.dead_letters.replay("unknown")
    assert world.balance(bia) == 20_00
    assert world.bank.queries.books().is_balanced


def test_a_dead_letter_is_laid_aside(world: World) -> None:
    bad = replace(world.record(world.offer(world.open_account(0))), value=b"\xff")
    world.handle([bad])
    (letter,) = world.bank.dead_letters.list()
    discarded = world.bank.dead_letters.discard(letter.digest, note="noise")
    assert (discarded.state, discarded.note) == (DeadLetterState.DISCARDED, "noise")
    assert world.bank.dead_letters.list() == []
    assert world.bank.dead_letters.count() == {DeadLetterState.DISCARDED: 1}
    with pytest.raises(DeadLetterClosed):
        world.bank.dead_letters.replay(letter.digest)


def test_an_outcome_for_a_payment_that_was_never_made_is_for_people_to_look_at(world: World) -> None:
    ana = world.open_account(100_00)
    offer = replace(world.offer(ana), payer=ana.as_party(AURORA.ispb), payee=STRANGER)
    assert world.hear(world.failed(offer, ReasonCode.AB03, Side.PAYER)) == []
    assert world.balance(ana) == 100_00
    (letter,) = world.bank.dead_letters.list()
    assert "never made" in letter.reason
