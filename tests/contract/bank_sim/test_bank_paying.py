"""The payer's side: a customer pays, and the hub decides."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bank_sim.domain.account import Account
from bank_sim.domain.errors import (
    AccountBlocked,
    AccountClosed,
    AccountNotFound,
    IdempotencyConflict,
    InsufficientBalance,
    PayerIsPayee,
)
from bank_sim.domain.flows.transfer.model import Progress, Transfer, TransferStatus
from bank_sim.domain.flows.transfer.requests import TransferOrder
from pix.runtime.clock import SystemClock
from pix.scheme.errors import SchemeError
from pix.scheme.ids import check_end_to_end_id
from pix.scheme.keys import KeyKind, PixKey
from pix.scheme.messages import Outcome, OutcomeProcessed, Side, TransferRequested
from pix.scheme.postings import Direction
from pix.scheme.reasons import ReasonCode
from tests.support.bank import POLICY, STRANGER, STRANGERS_KEY, World
from tests.support.banks import AURORA


def order(account: Account, amount_centavos: int, idempotency_key: str) -> TransferOrder:
    return TransferOrder(
        account_number=account.number,
        payee_key=STRANGERS_KEY,
        amount_centavos=amount_centavos,
        description="",
        idempotency_key=idempotency_key,
    )


def test_paying_debits_at_once_and_asks_the_hub(world: World) -> None:
    ana = world.open_account(100_00)
    transfer = world.pay(ana, 30_00)
    assert world.balance(ana) == 70_00
    assert transfer.status is TransferStatus.PENDING
    (message,) = world.sent()
    assert isinstance(message, TransferRequested)
    assert message.amount_centavos == 30_00
    assert message.payer == ana.as_party(AURORA.ispb)
    assert message.payee_key == STRANGERS_KEY
    assert message.payee_tax_id_masked == STRANGER.tax_id_masked
    books = world.bank.queries.books()
    assert (books.customers_centavos, books.clearing_centavos) == (70_00, 30_00)
    assert books.is_balanced


def test_the_end_to_end_id_is_of_this_bank_and_minute(world: World) -> None:
    world.clock.turn(SystemClock().now_ms() - world.clock.now_ms())
    transfer = world.pay(world.open_account())
    check_end_to_end_id(transfer.end_to_end_id, AURORA.ispb, datetime.now(UTC))


def test_a_confirmed_payment_leaves_the_bank(world: World) -> None:
    ana = world.open_account(100_00)
    transfer = world.pay(ana, 30_00)
    answers = world.hear(world.outcome_of(transfer))
    assert answers == [OutcomeProcessed(transfer.end_to_end_id, Side.PAYER, Outcome.CONFIRMED, 30_00, None)]
    books = world.bank.queries.books()
    assert (books.customers_centavos, books.clearing_centavos, books.settlement_centavos) == (70_00, 0, -30_00)
    assert books.is_balanced
    row = world.outgoing(transfer)
    assert row.status is TransferStatus.CONFIRMED
    assert row.payee == STRANGER
    assert row.resend_at_ms is None


def test_a_failed_payment_comes_back_and_says_why(world: World) -> None:
    ana = world.open_account(100_00)
    transfer = world.pay(ana, 30_00)
    (answer,) = world.hear(world.outcome_of(transfer, ReasonCode.AM04))
    assert answer == OutcomeProcessed(transfer.end_to_end_id, Side.PAYER, Outcome.FAILED, 30_00, ReasonCode.AM04)
    assert world.balance(ana) == 100_00
    row = world.outgoing(transfer)
    assert (row.status, row.reason) == (TransferStatus.FAILED, ReasonCode.AM04)
    lines = world.bank.queries.statement(ana.number).lines
    assert [(line.kind.value, line.amount_centavos, line.balance_after_centavos) for line in lines] == [
        ("refund", 30_00, 100_00),
        ("payment", -30_00, 70_00),
        ("deposit", 100_00, 100_00),
    ]
    assert lines[0].counterpart_name == STRANGER.name
    assert world.bank.queries.books().is_balanced


def test_an_outcome_that_comes_twice_counts_once_and_is_answered_twice(world: World) -> None:
    ana = world.open_account(100_00)
    transfer = world.pay(ana, 30_00)
    failure = world.outcome_of(transfer, ReasonCode.AB03)
    assert len(world.hear(failure, failure)) == 2
    assert len(world.hear(failure)) == 1
    assert world.balance(ana) == 100_00
    assert world.outgoing(transfer).duplicates == 2


def test_a_contradicting_outcome_is_noted_and_changes_nothing(world: World) -> None:
    ana = world.open_account(100_00)
    transfer = world.pay(ana, 30_00)
    world.hear(world.outcome_of(transfer))
    assert world.hear(world.outcome_of(transfer, ReasonCode.AB03)) == []
    assert world.balance(ana) == 70_00
    row = world.outgoing(transfer)
    assert row.status is TransferStatus.CONFIRMED
    assert row.refusals == 1
    assert "confirmed" in row.history[-1].ignored


def test_paying_works_while_the_hub_and_the_broker_are_down(world: World) -> None:
    ana = world.open_account(100_00)
    world.hub.is_down = True
    world.publisher.is_down = True
    transfer = world.pay(ana, 30_00)
    assert world.sent() == []
    world.publisher.is_down = False
    world.clock.turn(5_000)
    assert world.bank.retransmit_due() == 1
    (message,) = world.sent()
    assert message.record_key == transfer.end_to_end_id


def test_a_request_that_the_hub_missed_is_sent_again_once_it_is_back_and_not_twice(world: World) -> None:
    transfer = world.pay(world.open_account(100_00), 30_00)
    for _ in range(5):
        world.clock.turn(POLICY.cap_ms)
        world.bank.retransmit_due()
    world.sent()
    world.clock.turn(1_000)
    back_ms = world.clock.real_now_ms()
    assert world.bank.retransmit_due() == 0
    assert world.bank.retransmit_waiting(back_ms) == (1, None)
    assert [message.record_key for message in world.sent()] == [transfer.end_to_end_id]
    assert world.bank.retransmit_waiting(back_ms) == (0, None)


@pytest.mark.parametrize("step_ms", [-3_600_000, -14 * 3_600_000, 3_600_000])
def test_a_lost_request_is_sent_again_within_the_longest_wait_though_the_clock_steps(
    world: World, step_ms: int
) -> None:
    transfer = world.pay(world.open_account(100_00), 30_00)
    world.sent()
    world.clock.turn(step_ms)
    world.clock.turn(POLICY.cap_ms)
    assert world.bank.retransmit_due() == 1
    assert [message.record_key for message in world.sent()] == [transfer.end_to_end_id]


def test_the_same_idempotency_key_pays_once(world: World) -> None:
    ana = world.open_account(100_00)
    first = world.pay(ana, 30_00, "order-1")
    world.clock.turn(60_000)
    again = world.pay(ana, 30_00, "order-1")
    assert again.end_to_end_id == first.end_to_end_id
    assert world.balance(ana) == 70_00
    assert len(world.sent()) == 1
    world.hear(world.outcome_of(first))
    assert world.pay(ana, 30_00, "order-1").status is TransferStatus.CONFIRMED


def test_the_same_idempotency_key_for_something_else_is_refused(world: World) -> None:
    ana = world.open_account(100_00)
    world.pay(ana, 30_00, "order-1")
    for change in ({"amount_centavos": 31_00}, {"description": "jantar"}):
        with pytest.raises(IdempotencyConflict):
            world.pay(ana, **{"amount_centavos": 30_00, "idempotency_key": "order-1", **change})  # type: ignore[arg-type]
    assert world.balance(ana) == 70_00


def test_the_same_idempotency_key_of_another_customer_is_another_payment(world: World) -> None:
    ana, bia = world.open_account(100_00), world.open_account(100_00, "Bia Lima")
    first, second = world.pay(ana, idempotency_key="order-1"), world.pay(bia, idempotency_key="order-1")
    assert first.end_to_end_id != second.end_to_end_id


def refusal_of(world: World, account: Account, **change: object) -> SchemeError:
    with pytest.raises(SchemeError) as refusal:
        world.pay(account, **change)  # type: ignore[arg-type]
    assert world.sent() == []
    return refusal.value


def test_nothing_leaves_for_what_the_bank_refuses(world: World) -> None:
    ana = world.open_account(100_00)
    key = PixKey(KeyKind.EMAIL, "ana@aurora.example")
    world.bank.register_key(account_number=ana.number, kind=key.kind, key=key.key)
    assert isinstance(refusal_of(world, ana, amount_centavos=100_01), InsufficientBalance)
    assert isinstance(refusal_of(world, ana, payee_key=key), PayerIsPayee)
    assert isinstance(refusal_of(world, replace(ana, number="000000-0")), AccountNotFound)
    assert refusal_of(world, ana, amount_centavos=0).field == "amount_centavos"
    assert refusal_of(world, ana, description="x" * 141).field == "description"
    world.bank.block_account(account_number=ana.number)
    assert isinstance(refusal_of(world, ana), AccountBlocked)
    broke = world.open_account(0, "Bia Lima")
    world.bank.close_account(account_number=broke.number)
    assert isinstance(refusal_of(world, broke), AccountClosed)
    assert world.balance(ana) == 100_00
    assert world.bank.queries.list_transfers().transfers == ()


def test_a_key_of_another_account_of_this_bank_is_paid_through_the_hub(world: World) -> None:
    ana, bia = world.open_account(100_00), world.open_account(0, "Bia Lima")
    key = world.bank.register_key(account_number=bia.number, kind=KeyKind.EMAIL, key="bia@aurora.example").key
    transfer = world.pay(ana, 30_00, payee_key=key)
    offer = replace(
        world.offer(bia, 30_00, transfer.end_to_end_id),
        payer=ana.as_party(AURORA.ispb),
        payee_key=key,
        description=transfer.description,
    )
    world.hear(offer)
    answers = world.hear(world.confirmed(offer, Side.PAYEE), world.confirmed(offer, Side.PAYER))
    assert [answer.side for answer in answers if isinstance(answer, OutcomeProcessed)] == [Side.PAYEE, Side.PAYER]
    assert (world.balance(ana), world.balance(bia)) == (70_00, 30_00)
    assert world.outgoing(transfer).status is world.incoming(offer).status is TransferStatus.CONFIRMED
    books = world.bank.queries.books()
    assert (books.clearing_centavos, books.settlement_centavos) == (0, 0)
    assert books.is_balanced


def test_many_orders_are_taken_at_once_and_each_stands_for_itself(world: World) -> None:
    ana, broke = world.open_account(100_00), world.open_account(0, "Bia Lima")
    results = world.bank.request_transfers(
        [
            order(ana, 60_00, "a"),
            order(broke, 1, "b"),
            order(ana, 0, "c"),
            order(ana, 60_00, "d"),
            order(ana, 40_00, "e"),
            order(ana, 60_00, "a"),
            order(ana, 61_00, "a"),
        ]
    )
    kinds = [result.status.value if isinstance(result, Transfer) else type(result).__name__ for result in results]
    assert kinds == [
        "pending",
        "InsufficientBalance",
        "SchemeError",
        "InsufficientBalance",
        "pending",
        "pending",
        "IdempotencyConflict",
    ]
    assert results[0] == results[5]
    assert world.balance(ana) == 0
    assert len(world.sent()) == 2
    assert world.bank.queries.books().is_balanced
    assert world.bank.request_transfers([]) == []


def test_resending_goes_on_until_an_outcome_comes(world: World) -> None:
    transfer = world.pay(world.open_account())
    world.sent()
    waits = []
    for _ in range(6):
        row = world.outgoing(transfer)
        assert row.resend_at_ms is not None
        waits.append(row.resend_at_ms - world.clock.now_ms())
        world.clock.turn(waits[-1] - 1)
        assert world.bank.retransmit_due() == 0
        world.clock.turn(1)
        assert world.bank.retransmit_due() == 1
        assert [message.record_key for message in world.sent()] == [transfer.end_to_end_id]
    assert 3_750 <= waits[0] <= 5_000
    assert waits[0] < waits[1] < waits[2]
    assert max(waits) <= 60_000
    assert world.outgoing(transfer).resend_count == 6
    world.hear(world.outcome_of(transfer))
    world.clock.turn(3_600_000)
    assert world.bank.retransmit_due() == 0


def test_home_has_the_newest_lines_what_is_on_its_way_and_the_balance_behind_both(world: World) -> None:
    ana, other = world.open_account(100_00), world.open_account(50_00)
    first, second = world.pay(ana, 10_00, "first"), world.pay(ana, 20_00, "second")
    world.pay(other, 5_00, "of another")
    world.hear(world.outcome_of(first))
    page = world.bank.queries.home(ana.number, lines=2, under_way=10)
    assert [line.end_to_end_id for line in page.lines] == [second.end_to_end_id, first.end_to_end_id]
    assert [transfer.end_to_end_id for transfer in page.under_way] == [second.end_to_end_id]
    assert page.account.balance_centavos == page.lines[0].balance_after_centavos == 70_00
    with pytest.raises(AccountNotFound):
        world.bank.queries.home("999999-9", lines=2, under_way=10)


def test_a_transfer_is_found_and_listed(world: World) -> None:
    ana = world.open_account(100_00)
    ids = []
    for number in range(5):
        world.clock.turn(1_000)
        ids.append(world.pay(ana, 1_00, f"order-{number}").end_to_end_id)
    first = world.bank.queries.list_transfers(account_number=ana.number, size=3)
    rest = world.bank.queries.list_transfers(account_number=ana.number, size=3, after=first.next_cursor)
    assert [transfer.end_to_end_id for transfer in (*first.transfers, *rest.transfers)] == ids[::-1]
    assert rest.next_cursor == ""
    with pytest.raises(SchemeError) as refusal:
        world.bank.queries.list_transfers(after="nonsense")
    assert refusal.value.field == "after"
    with pytest.raises(SchemeError):
        world.bank.queries.list_transfers(size=0)
    with pytest.raises(SchemeError):
        world.bank.queries.find_transfer("E1", Direction.OUTGOING)


def test_that_the_payees_bank_was_asked_is_learned_when_somebody_looks(world: World) -> None:
    transfer = world.pay(world.open_account())
    assert world.outgoing(transfer).offered_at_ms is None
    world.hub.progress[transfer.end_to_end_id] = Progress(world.clock.now_ms() + 1, None)
    assert world.outgoing(transfer).offered_at_ms == world.clock.now_ms() + 1
    world.hub.is_down = True
    assert world.outgoing(transfer).offered_at_ms == world.clock.now_ms() + 1


def test_completion_is_learned_when_somebody_looks(world: World) -> None:
    transfer = world.pay(world.open_account())
    world.hear(world.outcome_of(transfer))
    world.hub.is_down = True
    assert world.outgoing(transfer).completed_at_ms is None
    world.hub.is_down = False
    assert world.outgoing(transfer).completed_at_ms is None
    world.hub.progress[transfer.end_to_end_id] = Progress(world.clock.now_ms() + 1, world.clock.now_ms() + 5)
    assert world.outgoing(transfer).completed_at_ms == world.clock.now_ms() + 5
    world.hub.is_down = True
    assert world.outgoing(transfer).completed_at_ms == world.clock.now_ms() + 5
