"""A bank gives money of a payment back, and gets money of its own payments back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bank_sim.domain.account import Account
from bank_sim.domain.behaviour import AnswerMode, AnswerStyle, Behaviour
from bank_sim.domain.errors import (
    AccountBlocked,
    AccountHasTransfers,
    IdempotencyConflict,
    InsufficientBalance,
    TransferNotFound,
)
from bank_sim.domain.flows.returns.model import ReturnStatus
from bank_sim.domain.flows.returns.requests import AmountOverRest, NotReturnable, ReturnNotFound
from pix.scheme.errors import SchemeError
from pix.scheme.messages import Outcome, Side
from pix.scheme.messages.returns import ReturnAccepted, ReturnProcessed, ReturnRejected, ReturnRequested
from pix.scheme.postings import Direction
from pix.scheme.reasons import ReasonCode
from tests.support.bank import STRANGER, World
from tests.support.bank_returns import ReturnsWorld


@pytest.fixture
def returns(world: World) -> ReturnsWorld:
    return ReturnsWorld(world)


@pytest.fixture
def ana(world: World) -> Account:
    return world.open_account(100_00)


def test_a_return_debits_at_once_and_is_settled_once(returns: ReturnsWorld, ana: Account) -> None:
    world, original = returns.world, returns.received(ana, 20_00)
    row = returns.give_back(ana, original, 15_00)
    assert world.balance(ana) == 105_00
    assert world.sent() == [
        ReturnRequested(row.return_id, original.end_to_end_id, 15_00, ReasonCode.MD06, "engano", world.clock.now_ms())
    ]
    assert world.bank.queries.books().clearing_centavos == 15_00
    confirmed = returns.outcome_of(row)
    processed = ReturnProcessed(row.return_id, original.end_to_end_id, Side.PAYEE, Outcome.CONFIRMED, 15_00, None)
    assert world.hear(confirmed) == world.hear(confirmed) == [processed]
    after = returns.row(row.return_id, Direction.OUTGOING)
    assert (after.status, after.resend_at_ms, after.duplicates) == (ReturnStatus.CONFIRMED, None, 1)
    books = world.bank.queries.books()
    assert (books.is_balanced, books.clearing_centavos, books.settlement_centavos) == (True, 0, 5_00)
    assert world.balance(ana) == 105_00


def test_a_failed_return_gives_the_money_back_to_the_customer_and_frees_its_part(
    returns: ReturnsWorld, ana: Account
) -> None:
    world, original = returns.world, returns.received(ana, 20_00)
    row = returns.give_back(ana, original, 20_00)
    with pytest.raises(AmountOverRest):
        returns.give_back(ana, original, 1, "return-2")
    failed = returns.outcome_of(row, ReasonCode.AC07)
    assert world.hear(failed) == [
        ReturnProcessed(row.return_id, original.end_to_end_id, Side.PAYEE, Outcome.FAILED, 20_00, ReasonCode.AC07)
    ]
    assert world.balance(ana) == 120_00
    assert world.bank.queries.books().is_balanced
    again = returns.give_back(ana, original, 20_00, "return-2")
    assert world.hear(returns.outcome_of(again))
    assert world.balance(ana) == 100_00
    assert world.incoming(original).status == "confirmed", "the original stays as it was"


def test_parts_add_up_to_the_payment_and_no_more(returns: ReturnsWorld, ana: Account) -> None:
    world, original = returns.world, returns.received(ana, 20_00)
    for number, amount in enumerate((5_00, 5_00, 9_99)):
        world.hear(returns.outcome_of(returns.give_back(ana, original, amount, f"part-{number}")))
    sums = world.bank.returns.queries.of_transfer(original.end_to_end_id, Direction.INCOMING)
    assert (sums.returned_centavos, sums.left_centavos, len(sums.returns)) == (19_99, 1, 3)
    with pytest.raises(AmountOverRest):
        returns.give_back(ana, original, 2, "part-4")
    returns.give_back(ana, original, 1, "part-4")
    assert world.bank.returns.queries.of_transfer(original.end_to_end_id, Direction.INCOMING).left_centavos == 0
    assert world.balance(ana) == 100_00


def test_an_idempotency_key_makes_one_return(returns: ReturnsWorld, ana: Account) -> None:
    world, original = returns.world, returns.received(ana, 20_00)
    row = returns.give_back(ana, original, 5_00)
    assert returns.give_back(ana, original, 5_00) == row
    assert world.balance(ana) == 115_00
    assert len(world.sent()) == 1
    with pytest.raises(IdempotencyConflict):
        returns.give_back(ana, original, 6_00)
    # A payment may have the same key: another thing was ordered.
    world.pay(ana, 1_00, "return-1")


def test_what_cannot_be_returned_is_refused_before_anything_leaves(returns: ReturnsWorld, ana: Account) -> None:
    world, original = returns.world, returns.received(ana, 20_00)
    bruno = world.open_account(0)
    world.pay(ana, 119_00)
    world.sent()
    promised = world.offer(ana, 7_00)
    world.hear(promised)
    own = world.pay(ana, 1, "order-2")
    world.sent()
    with pytest.raises(InsufficientBalance):
        returns.give_back(ana, original, 20_00)
    with pytest.raises(TransferNotFound):
        returns.give_back(bruno, original, 1)
    with pytest.raises(TransferNotFound):
        returns.give_back(ana, replace(original, end_to_end_id=own.end_to_end_id), 1)
    with pytest.raises(TransferNotFound):
        returns.give_back(ana, replace(original, end_to_end_id="\x00"), 1)
    with pytest.raises(NotReturnable):
        returns.give_back(ana, promised, 1)
    for bad in ({"amount_centavos": 0}, {"amount_centavos": -1}, {"description": "x" * 200}, {"idempotency_key": ""}):
        with pytest.raises(SchemeError):
            returns.give_back(ana, original, **{"amount_centavos": 1, **bad})  # type: ignore[arg-type]
    with pytest.raises(SchemeError, match="reasons"):
        returns.give_back(ana, original, 1, reason=ReasonCode.AC03)
    assert world.sent() == []
    assert world.bank.returns.queries.list().returns == ()


def test_a_blocked_customer_returns_nothing_but_the_bank_may(returns: ReturnsWorld, ana: Account) -> None:
    world, original = returns.world, returns.received(ana, 20_00)
    world.bank.block_account(account_number=ana.number)
    with pytest.raises(AccountBlocked):
        returns.give_back(ana, original, 20_00)
    returns.give_back(ana, original, 20_00, reason=ReasonCode.FR01)
    account = world.bank.queries.find_account(ana.number)
    assert (account.balance_centavos, account.status) == (100_00, "blocked")


def test_a_lost_request_is_sent_again_with_growing_waits(returns: ReturnsWorld, ana: Account) -> None:
    world, original = returns.world, returns.received(ana, 20_00)
    world.publisher.is_down = True
    row = returns.give_back(ana, original, 5_00)
    world.publisher.is_down = False
    assert world.sent() == []
    for _ in range(3):
        world.clock.turn(60_000)
        assert world.bank.retransmit_due() == 1
        assert [message.record_key for message in world.sent()] == [row.return_id]
    assert returns.row(row.return_id, Direction.OUTGOING).resend_count == 3


def test_an_account_with_a_return_under_way_cannot_be_closed(returns: ReturnsWorld, ana: Account) -> None:
    world, original = returns.world, returns.received(ana, 20_00)
    returns.give_back(ana, original, 20_00)
    world.pay(ana, 100_00)
    with pytest.raises(AccountHasTransfers):
        world.bank.close_account(account_number=ana.number)


def test_a_returned_payment_is_promised_and_credited_once(returns: ReturnsWorld, ana: Account) -> None:
    world = returns.world
    original = returns.sent_payment(ana, 30_00)
    offer = returns.offer(ana, original, 10_00)
    accepted = ReturnAccepted(offer.return_id, original, 10_00)
    assert world.hear(offer) == world.hear(offer) == [accepted]
    assert world.balance(ana) == 70_00
    confirmed = returns.confirmed(offer)
    processed = ReturnProcessed(offer.return_id, original, Side.PAYER, Outcome.CONFIRMED, 10_00, None)
    assert world.hear(confirmed, confirmed) == [processed, processed]
    assert world.balance(ana) == 80_00
    assert world.bank.queries.books().is_balanced
    sums = world.bank.returns.queries.of_transfer(original, Direction.OUTGOING)
    assert (sums.returned_centavos, sums.left_centavos) == (10_00, 0)


def test_a_confirmation_may_overtake_its_offer(returns: ReturnsWorld, ana: Account) -> None:
    world = returns.world
    original = returns.sent_payment(ana, 30_00)
    offer = returns.offer(ana, original, 30_00)
    assert world.hear(returns.confirmed(offer), offer) == 2 * [
        ReturnProcessed(offer.return_id, original, Side.PAYER, Outcome.CONFIRMED, 30_00, None)
    ]
    assert world.balance(ana) == 100_00


def test_an_offer_may_overtake_the_confirmation_of_its_original(returns: ReturnsWorld, ana: Account) -> None:
    world = returns.world
    transfer = world.pay(ana, 30_00)
    offer = returns.offer(ana, transfer.end_to_end_id, 30_00)
    assert world.hear(offer) == [ReturnAccepted(offer.return_id, transfer.end_to_end_id, 30_00)]
    world.hear(returns.confirmed(offer), world.outcome_of(transfer))
    assert world.balance(ana) == 100_00
    assert world.bank.queries.books().is_balanced


@pytest.mark.parametrize("case", ["unknown", "failed", "more", "another payer", "another payee", "ours received"])
def test_an_offer_that_is_not_of_a_payment_of_ours_is_rejected(returns: ReturnsWorld, ana: Account, case: str) -> None:
    world = returns.world
    original = returns.sent_payment(ana, 30_00)
    offer = returns.offer(ana, original, 10_00)
    match case:
        case "unknown":
            offer = replace(offer, original_end_to_end_id=original[:-5] + "other")
        case "failed":
            transfer = world.pay(ana, 5_00, "fails")
            world.hear(world.outcome_of(transfer, ReasonCode.AC03))
            offer = replace(offer, original_end_to_end_id=transfer.end_to_end_id, amount_centavos=5_00)
        case "more":
            offer = replace(offer, amount_centavos=30_01)
        case "another payer":
            offer = replace(offer, payer=world.open_account(0).as_party(offer.payer.ispb))
        case "another payee":
            offer = replace(offer, payee=replace(STRANGER, account_number="000888-1"))
        case "ours received":
            offer = replace(offer, original_end_to_end_id=returns.received(ana).end_to_end_id)
    (answer,) = world.hear(offer)
    assert isinstance(answer, ReturnRejected)
    assert answer.reason is ReasonCode.ED05
    balance = world.balance(ana)
    # The hub's word does not make it ours either: people look at it.
    assert world.hear(returns.confirmed(offer)) == []
    assert world.balance(ana) == balance
    assert len(world.bank.dead_letters.list(None, 10)) == 1


def test_an_account_that_cannot_be_credited_is_said_so(returns: ReturnsWorld, ana: Account) -> None:
    world = returns.world
    original = returns.sent_payment(ana, 100_00)
    world.bank.block_account(account_number=ana.number)
    blocked = returns.offer(ana, original, 1_00)
    (answer,) = world.hear(blocked)
    assert answer == ReturnRejected(blocked.return_id, original, 1_00, ReasonCode.AC06)
    world.bank.unblock_account(account_number=ana.number)
    world.bank.close_account(account_number=ana.number)
    closed = returns.offer(ana, original, 1_00)
    (answer,) = world.hear(closed)
    assert answer == ReturnRejected(closed.return_id, original, 1_00, ReasonCode.AC07)
    failed = returns.failed(closed, ReasonCode.AC07)
    assert world.hear(failed) == [
        ReturnProcessed(closed.return_id, original, Side.PAYER, Outcome.FAILED, 1_00, ReasonCode.AC07)
    ]
    # The hub's decision is final, whatever the bank has answered and the account is by then.
    world.hear(returns.confirmed(blocked))
    assert world.balance(ana) == 1_00


def test_other_content_and_late_messages_change_nothing(returns: ReturnsWorld, ana: Account) -> None:
    world = returns.world
    original = returns.sent_payment(ana, 30_00)
    offer = returns.offer(ana, original, 10_00)
    world.hear(offer)
    assert (
        world.hear(
            replace(offer, amount_centavos=11_00),
            replace(offer, reason=ReasonCode.FR01),
            replace(offer, description="outra"),
            returns.confirmed(replace(offer, amount_centavos=30_00)),
        )
        == []
    )
    world.hear(returns.confirmed(offer))
    assert world.hear(returns.failed(offer)) == []
    row = returns.row(offer.return_id, Direction.INCOMING)
    assert (row.status, row.refusals) == (ReturnStatus.CONFIRMED, 5)
    assert next(step.ignored for step in row.history if step.ignored) == "another amount than the return has"
    assert world.balance(ana) == 80_00


def test_an_outcome_of_a_return_that_was_never_made_is_a_dead_letter(returns: ReturnsWorld, ana: Account) -> None:
    world = returns.world
    row = returns.give_back(ana, returns.received(ana), 1_00)
    for other in (returns.outcome_of(row), returns.outcome_of(row, ReasonCode.AM09)):
        assert world.hear(replace(other, return_id=row.return_id[:-3] + "xyz")) == []
    assert "never made this return" in world.bank.dead_letters.list(None, 10)[0].reason


@pytest.mark.parametrize("return_id", ["", "\x00", "E0000000220261122120012345678901"])
def test_a_text_that_is_no_id_is_a_dead_letter(returns: ReturnsWorld, ana: Account, return_id: str) -> None:
    world = returns.world
    offer = replace(returns.offer(ana, returns.sent_payment(ana)), return_id=return_id)
    assert world.hear(offer, returns.confirmed(offer), returns.failed(offer)) == []
    assert len(world.bank.dead_letters.list(None, 10)) == 3


def test_the_bank_plays_other_counterparties_to_returns_too(returns: ReturnsWorld, ana: Account) -> None:
    world = returns.world
    original = returns.sent_payment(ana, 30_00)

    def answers(amount_centavos: int, behaviour: Behaviour) -> list[object]:
        world.behave(behaviour)
        offer = returns.offer(ana, original, amount_centavos)
        return [(type(each), getattr(each, "reason", None)) for each in world.hear(offer)]

    no, yes = ReturnRejected, (ReturnAccepted, None)
    magic = Behaviour(magic_amounts=True)
    assert answers(6, magic) == [(no, ReasonCode.AC06)]
    assert answers(3, magic) == [(no, ReasonCode.ED05)], "AC03 is no reason to reject a return"
    assert answers(22, magic) == [yes, yes]
    assert answers(23, magic) == [yes, (no, ReasonCode.ED05)]
    assert answers(20, magic) == []
    assert answers(1_00, Behaviour(mode=AnswerMode.REJECT, reject_reason=ReasonCode.AC07)) == [(no, ReasonCode.AC07)]
    assert answers(1_00, Behaviour(answer_style=AnswerStyle.TWICE)) == [yes, yes]
    assert answers(1_00, Behaviour(answer_delay_ms=3_000)) == []
    world.clock.turn(3_000)
    world.sent()
    assert world.bank.retransmit_due() == 1
    assert [type(each) for each in world.sent()] == [ReturnAccepted]


def test_a_withheld_answer_is_given_once_the_bank_answers_again(returns: ReturnsWorld, ana: Account) -> None:
    world = returns.world
    world.behave(Behaviour(mode=AnswerMode.SILENT))
    offer = returns.offer(ana, returns.sent_payment(ana))
    assert world.hear(offer) == []
    world.behave(Behaviour())
    assert [type(each) for each in world.hear(offer)] == [ReturnAccepted]


def test_a_return_shows_in_the_statement_on_both_sides(returns: ReturnsWorld, ana: Account) -> None:
    world = returns.world
    outgoing = returns.give_back(ana, returns.received(ana, 20_00), 4_00)
    offer = returns.offer(ana, returns.sent_payment(ana, 30_00), 10_00)
    world.hear(offer, returns.confirmed(offer))
    lines = world.bank.queries.statement(ana.number).lines
    shown = [(line.flow, line.kind, line.amount_centavos, line.end_to_end_id) for line in lines]
    assert shown[0] == ("return", "credit", 10_00, offer.return_id)
    assert shown[2] == ("return", "payment", -4_00, outgoing.return_id)
    assert {line.counterpart_name for line in lines[:4]} == {STRANGER.name}
    found = world.bank.queries.statement(ana.number, size=50)
    assert len(found.lines) == 5


def test_returns_are_listed_found_and_paged(returns: ReturnsWorld, ana: Account) -> None:
    world, original = returns.world, returns.received(ana, 20_00)
    rows = []
    for number in range(3):
        rows.append(returns.give_back(ana, original, 1_00 + number, f"part-{number}"))
        world.clock.turn(1)
    world.hear(returns.outcome_of(rows[0]))
    queries = world.bank.returns.queries
    first = queries.list(size=2)
    assert [row.return_id for row in first.returns] == [rows[2].return_id, rows[1].return_id]
    rest = queries.list(size=2, after=first.next_cursor)
    assert ([row.return_id for row in rest.returns], rest.next_cursor) == ([rows[0].return_id], "")
    assert len(queries.list(status=ReturnStatus.CONFIRMED).returns) == 1
    assert len(queries.list(original_end_to_end_id=original.end_to_end_id).returns) == 3
    assert queries.list(original_end_to_end_id="\x00").returns == ()
    assert [row.amount_centavos for row in queries.list(search="1,01").returns] == [1_01]
    assert queries.find_of_order(ana.number, "part-1") == rows[1]
    with pytest.raises(ReturnNotFound):
        queries.find("D0", Direction.OUTGOING)
