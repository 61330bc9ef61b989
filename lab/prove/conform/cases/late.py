"""Decisions that come late, and what has changed meanwhile."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from lab.prove.conform import rules
from lab.prove.conform.bench import AMOUNT_CENTAVOS, BALANCE_CENTAVOS, Bench
from lab.prove.conform.case import Group, Need, Profile
from lab.prove.conform.cases.outcomes import RETRANSMISSION_SECONDS
from pix.scheme.messages import Outcome, Party, Side, TransferAccepted, TransferRejected, TransferRequested
from pix.scheme.reasons import ReasonCode

GROUP: Final = Group("late", "Late decisions")


@GROUP.add("confirmed-late", "a confirmation after retransmissions settles once", rules.LATE_OUTCOME, slow=True)
def confirmed_late(bench: Bench) -> None:
    account = bench.open_account()
    transfer = bench.pay(account, bench.counterpart().key)
    request = bench.await_message(TransferRequested, transfer.id, count=3, seconds=RETRANSMISSION_SECONDS)
    bench.decisions.confirm(request)
    bench.decisions.await_processed(transfer.id, Side.PAYER)
    bench.check_transfer(transfer.id, "confirmed")
    bench.check_balance(account, BALANCE_CENTAVOS - AMOUNT_CENTAVOS)


@GROUP.add("failed-late", "a failure after retransmissions refunds once", rules.LATE_OUTCOME, slow=True)
def failed_late(bench: Bench) -> None:
    account = bench.open_account()
    transfer = bench.pay(account, bench.counterpart().key)
    request = bench.await_message(TransferRequested, transfer.id, count=3, seconds=RETRANSMISSION_SECONDS)
    bench.decisions.fail(request)
    bench.decisions.await_processed(transfer.id, Side.PAYER)
    bench.fence(transfer.id)
    bench.check_balance_now(account, BALANCE_CENTAVOS)


@GROUP.add("credited-late", "a confirmation after retransmitted answers credits once", rules.LATE_OUTCOME, slow=True)
def credited_late(bench: Bench) -> None:
    account = bench.open_account()
    offer = bench.decisions.offer(account, AMOUNT_CENTAVOS)
    bench.await_message(TransferAccepted, offer.end_to_end_id, count=3, seconds=RETRANSMISSION_SECONDS)
    bench.decisions.confirm_offer(offer)
    bench.decisions.await_processed(offer.end_to_end_id, Side.PAYEE)
    bench.check_balance(account, BALANCE_CENTAVOS + AMOUNT_CENTAVOS)


@GROUP.add("nothing-without-decision", "without a decision nothing is refunded", rules.LATE_OUTCOME, slow=True)
def nothing_without_decision(bench: Bench) -> None:
    account = bench.open_account()
    transfer = bench.pay(account, bench.counterpart().key)
    bench.await_message(TransferRequested, transfer.id, count=4, seconds=RETRANSMISSION_SECONDS)
    bench.check_balance_now(account, BALANCE_CENTAVOS - AMOUNT_CENTAVOS)
    bench.check_transfer(transfer.id, "pending")


@GROUP.add("old-id", "an offer whose id is days old is answered", rules.LATE_OUTCOME)
def old_id(bench: Bench) -> None:
    account = bench.open_account()
    offer = bench.decisions.make_offer(account, AMOUNT_CENTAVOS, end_to_end_id=bench.new_id(age=timedelta(days=5)))
    bench.decisions.send(offer)
    bench.decisions.await_acceptance(offer)
    bench.decisions.confirm_offer(offer)
    bench.decisions.await_processed(offer.end_to_end_id, Side.PAYEE)
    bench.check_balance(account, BALANCE_CENTAVOS + AMOUNT_CENTAVOS)


@GROUP.add("timeout-then-duplicate", "an offer that comes again after AB03 is not accepted", rules.FINAL)
def timeout_then_duplicate(bench: Bench) -> None:
    account = bench.open_account()
    offer = bench.decisions.offer(account, AMOUNT_CENTAVOS)
    bench.decisions.await_acceptance(offer)
    bench.decisions.fail_offer(offer, ReasonCode.AB03)
    bench.decisions.await_processed(offer.end_to_end_id, Side.PAYEE)
    before = len(bench.received(TransferAccepted, offer.end_to_end_id))
    bench.send(offer)
    bench.fence(offer.end_to_end_id)
    after = len(bench.received(TransferAccepted, offer.end_to_end_id))
    bench.check_equal(after, before, "The number of answers after the transfer has failed")
    bench.check_balance_now(account, BALANCE_CENTAVOS)


@GROUP.add("rejected-then-failed", "a rejected offer that fails is acknowledged", rules.NO_CREDIT)
def rejected_then_failed(bench: Bench) -> None:
    stranger = Party(bench.identity.ispb, "0001", "999999-9", "Ninguém", "***.456.789-**")
    offer = bench.decisions.offer(stranger, AMOUNT_CENTAVOS)
    bench.await_message(TransferRejected, offer.end_to_end_id)
    bench.decisions.fail_offer(offer, ReasonCode.AC03)
    processed = bench.decisions.await_processed(offer.end_to_end_id, Side.PAYEE)
    bench.check_equal((processed.outcome, processed.reason), (Outcome.FAILED, ReasonCode.AC03), "Outcome and reason")


@GROUP.add(
    "rejected-then-confirmed",
    "a confirmed transfer is credited though the bank had rejected it",
    rules.HUB_DECIDES,
    profile=Profile.FULL,
    needs=[Need.ACCOUNTS],
)
def rejected_then_confirmed(bench: Bench) -> None:
    account = bench.open_account()
    bench.set_status(account, "blocked")
    offer = bench.decisions.offer(account, AMOUNT_CENTAVOS)
    bench.await_message(TransferRejected, offer.end_to_end_id)
    bench.decisions.confirm_offer(offer)
    bench.decisions.await_processed(offer.end_to_end_id, Side.PAYEE)
    bench.check_balance(account, BALANCE_CENTAVOS + AMOUNT_CENTAVOS)


@GROUP.add(
    "blocked-before-credit",
    "an account that was blocked after the acceptance is credited",
    rules.BLOCKED_SINCE,
    profile=Profile.FULL,
    needs=[Need.ACCOUNTS],
)
def blocked_before_credit(bench: Bench) -> None:
    account = bench.open_account()
    offer = bench.decisions.offer(account, AMOUNT_CENTAVOS)
    bench.decisions.await_acceptance(offer)
    bench.set_status(account, "blocked")
    bench.decisions.confirm_offer(offer)
    bench.decisions.await_processed(offer.end_to_end_id, Side.PAYEE)
    bench.check_balance(account, BALANCE_CENTAVOS + AMOUNT_CENTAVOS)


@GROUP.add(
    "blocked-before-refund",
    "an account that was blocked after paying is refunded",
    rules.REFUNDS,
    profile=Profile.FULL,
    needs=[Need.ACCOUNTS],
)
def blocked_before_refund(bench: Bench) -> None:
    account = bench.open_account()
    request = bench.decisions.await_request(bench.pay(account, bench.counterpart().key).id)
    bench.set_status(account, "blocked")
    bench.decisions.fail(request)
    bench.decisions.await_processed(request.end_to_end_id, Side.PAYER)
    bench.check_balance(account, BALANCE_CENTAVOS)


@GROUP.add(
    "not-closed-while-open",
    "an account whose payment is not decided cannot be closed",
    rules.CLOSE_OPEN,
    profile=Profile.FULL,
    needs=[Need.ACCOUNTS],
)
def not_closed_while_open(bench: Bench) -> None:
    account = bench.open_account(20_00)
    request = bench.decisions.await_request(bench.pay(account, bench.counterpart().key, 20_00).id)
    answer = bench.api.call("PUT", f"/accounts/{account.number}/status", {"status": "closed"})
    bench.check_refused(answer, "Closing an account whose payment is not decided")
    bench.decisions.fail(request)
    bench.decisions.await_processed(request.end_to_end_id, Side.PAYER)
    bench.check_balance(account, 20_00)


@GROUP.add(
    "not-closed-while-promised",
    "an account with an accepted offer cannot be closed",
    rules.CLOSE_OPEN,
    profile=Profile.FULL,
    needs=[Need.ACCOUNTS],
)
def not_closed_while_promised(bench: Bench) -> None:
    account = bench.open_account(0)
    offer = bench.decisions.offer(account, AMOUNT_CENTAVOS)
    bench.decisions.await_acceptance(offer)
    answer = bench.api.call("PUT", f"/accounts/{account.number}/status", {"status": "closed"})
    bench.check_refused(answer, "Closing an account with an accepted offer")
    bench.decisions.confirm_offer(offer)
    bench.decisions.await_processed(offer.end_to_end_id, Side.PAYEE)
    bench.check_balance(account, AMOUNT_CENTAVOS)
