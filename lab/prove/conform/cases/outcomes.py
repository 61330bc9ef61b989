"""The bank is the payer's: it follows the hub's decision, and asks again until there is one."""

from __future__ import annotations

from typing import Final

from lab.prove.conform import rules
from lab.prove.conform.bench import AMOUNT_CENTAVOS, BALANCE_CENTAVOS, Bench
from lab.prove.conform.case import Group
from pix.scheme.messages import Outcome, Side, TransferRequested
from pix.scheme.reasons import ReasonCode

GROUP: Final = Group("outcomes", "Paying: the hub's decision")
RETRANSMISSION_SECONDS: Final = 40.0
"""Longer than the protocol's own first and second wait, for banks that ignore RESEND_FIRST_SECONDS."""


@GROUP.add("settles", "a confirmed payment is settled, and debited once", rules.SETTLES)
def settles(bench: Bench) -> None:
    account = bench.open_account()
    transfer = bench.pay(account, bench.counterpart().key)
    bench.decisions.confirm(bench.decisions.await_request(transfer.id))
    bench.decisions.await_processed(transfer.id, Side.PAYER)
    bench.check_transfer(transfer.id, "confirmed")
    bench.check_balance_now(account, BALANCE_CENTAVOS - AMOUNT_CENTAVOS)
    bench.check_postings(account, transfer.id, -AMOUNT_CENTAVOS)


@GROUP.add("acknowledges-confirmation", "OutcomeProcessed names side, outcome and amount", rules.SETTLES)
def acknowledges_confirmation(bench: Bench) -> None:
    transfer = bench.pay(bench.open_account(), bench.counterpart().key)
    bench.decisions.confirm(bench.decisions.await_request(transfer.id))
    processed = bench.decisions.await_processed(transfer.id, Side.PAYER)
    bench.check_equal(processed.outcome, Outcome.CONFIRMED, "outcome")
    bench.check_equal(processed.amount_centavos, AMOUNT_CENTAVOS, "amount_centavos")
    bench.check(processed.reason is None, f"The reason of a confirmation is {processed.reason}, and should be empty.")


@GROUP.add("booked-before-acknowledged", "what OutcomeProcessed acknowledges is booked", rules.ACKNOWLEDGES)
def booked_before_acknowledged(bench: Bench) -> None:
    account = bench.open_account()
    transfer = bench.pay(account, bench.counterpart().key)
    bench.decisions.fail(bench.decisions.await_request(transfer.id))
    bench.decisions.await_processed(transfer.id, Side.PAYER)
    bench.check_balance_now(account, BALANCE_CENTAVOS)


@GROUP.add("refunds", "a failed payment is refunded to the centavo", rules.REFUNDS)
def refunds(bench: Bench) -> None:
    account = bench.open_account()
    transfer = bench.pay(account, bench.counterpart().key, 33_33)
    bench.decisions.fail(bench.decisions.await_request(transfer.id), ReasonCode.AC06)
    bench.decisions.await_processed(transfer.id, Side.PAYER)
    bench.check_transfer(transfer.id, "failed", reason="AC06")
    bench.check_balance(account, BALANCE_CENTAVOS)


@GROUP.add("refund-is-a-posting", "debit and refund are two postings", rules.REFUNDS)
def refund_is_a_posting(bench: Bench) -> None:
    account = bench.open_account()
    transfer = bench.pay(account, bench.counterpart().key)
    bench.decisions.fail(bench.decisions.await_request(transfer.id))
    bench.decisions.await_processed(transfer.id, Side.PAYER)
    bench.check_postings(account, transfer.id, -AMOUNT_CENTAVOS, AMOUNT_CENTAVOS)


@GROUP.add("acknowledges-failure", "OutcomeProcessed of a failure repeats its reason", rules.REPEATS_REASON)
def acknowledges_failure(bench: Bench) -> None:
    transfer = bench.pay(bench.open_account(), bench.counterpart().key)
    bench.decisions.fail(bench.decisions.await_request(transfer.id), ReasonCode.AC07)
    processed = bench.decisions.await_processed(transfer.id, Side.PAYER)
    bench.check_equal((processed.outcome, processed.reason), (Outcome.FAILED, ReasonCode.AC07), "Outcome and reason")
    bench.check_equal(processed.amount_centavos, AMOUNT_CENTAVOS, "amount_centavos")


@GROUP.add("refund-can-be-spent", "refunded money can be paid again", rules.REFUNDS)
def refund_can_be_spent(bench: Bench) -> None:
    account, key = bench.open_account(50_00), bench.counterpart().key
    first = bench.pay(account, key, 50_00)
    bench.decisions.fail(bench.decisions.await_request(first.id))
    bench.decisions.await_processed(first.id, Side.PAYER)
    second = bench.pay(account, key, 50_00)
    bench.decisions.confirm(bench.decisions.await_request(second.id))
    bench.check_transfer(second.id, "confirmed")
    bench.check_balance(account, 0)


@GROUP.add("key-was-removed", "a failure without a payee is refunded", rules.REFUNDS)
def key_was_removed(bench: Bench) -> None:
    account, payee = bench.open_account(), bench.counterpart()
    request = bench.decisions.await_request(bench.pay(account, payee.key).id)
    bench.hub.forget_key(payee.key)
    failure = bench.decisions.fail(request, ReasonCode.AC03)
    bench.check(failure.payee is None, "The examiner should have named no payee.")
    bench.decisions.await_processed(request.end_to_end_id, Side.PAYER)
    bench.check_balance(account, BALANCE_CENTAVOS)


@GROUP.add("retransmits", "a request without a decision comes again", rules.RETRANSMITS_REQUEST, slow=True)
def retransmits(bench: Bench) -> None:
    transfer = bench.pay(bench.open_account(), bench.counterpart().key)
    bench.await_message(TransferRequested, transfer.id, count=3, seconds=RETRANSMISSION_SECONDS)


@GROUP.add("retransmits-the-same", "a request that comes again has the same content", rules.SAME_CONTENT, slow=True)
def retransmits_the_same(bench: Bench) -> None:
    transfer = bench.pay(bench.open_account(), bench.counterpart().key, description="igual")
    bench.await_message(TransferRequested, transfer.id, count=2, seconds=RETRANSMISSION_SECONDS)
    requests = bench.received(TransferRequested, transfer.id)
    bench.check(all(each == requests[0] for each in requests), "A retransmitted request differs from the first one.")


@GROUP.add("debited-once", "a request that comes again is debited once", rules.RETRANSMITS_REQUEST, slow=True)
def debited_once(bench: Bench) -> None:
    account = bench.open_account()
    transfer = bench.pay(account, bench.counterpart().key)
    bench.await_message(TransferRequested, transfer.id, count=2, seconds=RETRANSMISSION_SECONDS)
    bench.check_balance_now(account, BALANCE_CENTAVOS - AMOUNT_CENTAVOS)


@GROUP.add("stops-retransmitting", "after the decision no request comes again", rules.STOPS, slow=True)
def stops_retransmitting(bench: Bench) -> None:
    account, key = bench.open_account(), bench.counterpart().key
    decided, open_ = bench.pay(account, key), bench.pay(account, key)
    bench.decisions.confirm(bench.decisions.await_request(decided.id))
    bench.decisions.await_processed(decided.id, Side.PAYER)
    before = len(bench.received(TransferRequested, decided.id))
    # The other one is retransmitted meanwhile, which shows that there was time for it.
    seen = len(bench.received(TransferRequested, open_.id))
    bench.await_message(TransferRequested, open_.id, count=max(seen, 1) + 2, seconds=RETRANSMISSION_SECONDS)
    after = len(bench.received(TransferRequested, decided.id))
    bench.check_equal(after, before, "The number of requests of a confirmed payment")


@GROUP.add("backs-off", "the wait between retransmissions grows", rules.BACKS_OFF, slow=True)
def backs_off(bench: Bench) -> None:
    transfer = bench.pay(bench.open_account(), bench.counterpart().key)
    bench.await_message(TransferRequested, transfer.id, count=4, seconds=RETRANSMISSION_SECONDS)
    times = [
        each.at for each in bench.examiner.wire.received(transfer.id) if isinstance(each.message, TransferRequested)
    ]
    first, last = times[1] - times[0], times[3] - times[2]
    bench.check(last > first * 1.2, f"The first wait was {first:.1f} s and the third {last:.1f} s: it does not grow.")
