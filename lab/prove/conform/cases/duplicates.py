"""Messages of the hub that come again, or with another content."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from lab.prove.conform import rules
from lab.prove.conform.bench import AMOUNT_CENTAVOS, BALANCE_CENTAVOS, Bench
from lab.prove.conform.case import Group, Profile
from pix.scheme.messages import Side, TransferAccepted, TransferConfirmed, TransferFailed
from pix.scheme.reasons import ReasonCode

GROUP: Final = Group("duplicates", "Duplicates, and ids with another content")
TIMES: Final = 5


@GROUP.add("offer", "an offer that comes again is credited once", rules.DUPLICATE)
def offer_again(bench: Bench) -> None:
    account = bench.open_account()
    offer = bench.decisions.offer(account, AMOUNT_CENTAVOS)
    for _ in range(TIMES):
        bench.decisions.send(offer)
    bench.decisions.await_acceptance(offer)
    bench.decisions.confirm_offer(offer)
    bench.decisions.await_processed(offer.end_to_end_id, Side.PAYEE)
    bench.fence(offer.end_to_end_id)
    bench.check_balance_now(account, BALANCE_CENTAVOS + AMOUNT_CENTAVOS)


@GROUP.add("offer-answered-again", "an offer that comes again is answered again", rules.DUPLICATE_ANSWERED)
def offer_answered_again(bench: Bench) -> None:
    offer = bench.decisions.offer(bench.open_account(), AMOUNT_CENTAVOS)
    bench.decisions.await_acceptance(offer)
    bench.decisions.send(offer)
    answer = bench.await_message(TransferAccepted, offer.end_to_end_id, count=2)
    bench.check_equal(answer.amount_centavos, AMOUNT_CENTAVOS, "The amount of the second answer")


@GROUP.add("confirmation-to-payee", "a confirmation that comes again is credited once", rules.DUPLICATE)
def confirmation_to_payee(bench: Bench) -> None:
    account = bench.open_account()
    offer = bench.decisions.receive(account, AMOUNT_CENTAVOS)
    for _ in range(TIMES):
        bench.decisions.confirm_offer(offer)
    bench.fence(offer.end_to_end_id)
    bench.check_balance_now(account, BALANCE_CENTAVOS + AMOUNT_CENTAVOS)
    bench.check_postings(account, offer.end_to_end_id, AMOUNT_CENTAVOS)


@GROUP.add("confirmation-to-payer", "a confirmation that comes again is settled once", rules.DUPLICATE)
def confirmation_to_payer(bench: Bench) -> None:
    account = bench.open_account()
    request = bench.decisions.await_request(bench.pay(account, bench.counterpart().key).id)
    for _ in range(TIMES):
        bench.decisions.confirm(request)
    bench.decisions.await_processed(request.end_to_end_id, Side.PAYER)
    bench.fence(request.end_to_end_id)
    bench.check_balance_now(account, BALANCE_CENTAVOS - AMOUNT_CENTAVOS)
    bench.check_postings(account, request.end_to_end_id, -AMOUNT_CENTAVOS)


@GROUP.add("failure-to-payer", "a failure that comes again is refunded once", rules.DUPLICATE)
def failure_to_payer(bench: Bench) -> None:
    account = bench.open_account()
    request = bench.decisions.await_request(bench.pay(account, bench.counterpart().key).id)
    for _ in range(TIMES):
        bench.decisions.fail(request)
    bench.decisions.await_processed(request.end_to_end_id, Side.PAYER)
    bench.fence(request.end_to_end_id)
    bench.check_balance_now(account, BALANCE_CENTAVOS)
    bench.check_postings(account, request.end_to_end_id, -AMOUNT_CENTAVOS, AMOUNT_CENTAVOS)


@GROUP.add(
    "acknowledged-again", "each outcome is acknowledged, also one that comes again", rules.DUPLICATE_ACKNOWLEDGED
)
def acknowledged_again(bench: Bench) -> None:
    account = bench.open_account()
    paid = bench.decisions.await_request(bench.pay(account, bench.counterpart().key).id)
    refunded = bench.decisions.await_request(bench.pay(account, bench.counterpart().key).id)
    received = bench.decisions.receive(account, AMOUNT_CENTAVOS)
    for _ in range(2):
        bench.decisions.confirm(paid)
        bench.decisions.fail(refunded)
        bench.decisions.confirm_offer(received)
    for transfer_id, side, count in (
        (paid.end_to_end_id, Side.PAYER, 2),
        (refunded.end_to_end_id, Side.PAYER, 2),
        (received.end_to_end_id, Side.PAYEE, 3),
    ):
        bench.decisions.await_processed(transfer_id, side, count=count)


@GROUP.add("on-every-partition", "the same confirmation on several partitions is credited once", rules.DUPLICATE)
def on_every_partition(bench: Bench) -> None:
    account = bench.open_account()
    offer = bench.decisions.offer(account, AMOUNT_CENTAVOS)
    bench.decisions.await_acceptance(offer)
    confirmation = bench.decisions.make_payee_confirmation(offer)
    for partition in range(bench.examiner.wire.partitions):
        bench.decisions.send(confirmation, partition=partition)
    bench.decisions.await_processed(offer.end_to_end_id, Side.PAYEE)
    bench.fence_all()
    bench.check_balance_now(account, BALANCE_CENTAVOS + AMOUNT_CENTAVOS)


@GROUP.add("long-after", "an offer that comes after the credit changes nothing", rules.DUPLICATE)
def long_after(bench: Bench) -> None:
    account = bench.open_account()
    offer = bench.decisions.receive(account, AMOUNT_CENTAVOS)
    bench.send(offer)
    bench.fence(offer.end_to_end_id)
    bench.check_balance_now(account, BALANCE_CENTAVOS + AMOUNT_CENTAVOS)
    bench.check_transfer(offer.end_to_end_id, "confirmed", side="payee")


@GROUP.add("storm", "a hundred duplicates in any order change nothing", rules.DUPLICATE, slow=True)
def storm(bench: Bench) -> None:
    payer, payee = bench.open_account(), bench.open_account(0)
    request = bench.decisions.await_request(bench.pay(payer, bench.counterpart().key).id)
    offer = bench.decisions.offer(payee, AMOUNT_CENTAVOS)
    bench.decisions.await_acceptance(offer)
    for _ in range(25):
        bench.decisions.confirm(request)
        bench.decisions.confirm_offer(offer)
        bench.send(offer)
        bench.decisions.confirm(request)
    bench.fence(request.end_to_end_id)
    bench.fence(offer.end_to_end_id)
    bench.check_balance_now(payer, BALANCE_CENTAVOS - AMOUNT_CENTAVOS)
    bench.check_balance_now(payee, AMOUNT_CENTAVOS)


@GROUP.add(
    "offer-with-other-amount", "an offer with a known id and another amount is not credited", rules.OTHER_CONTENT
)
def offer_with_other_amount(bench: Bench) -> None:
    account = bench.open_account()
    offer = bench.decisions.offer(account, AMOUNT_CENTAVOS)
    bench.decisions.await_acceptance(offer)
    bench.send(replace(offer, amount_centavos=900_00))
    bench.fence(offer.end_to_end_id)
    wrong = [each for each in bench.received(TransferAccepted, offer.end_to_end_id) if each.amount_centavos == 900_00]
    bench.check(not wrong, "The bank accepted another amount for an id that it had accepted before.")
    bench.decisions.confirm_offer(offer)
    bench.decisions.await_processed(offer.end_to_end_id, Side.PAYEE)
    bench.check_balance(account, BALANCE_CENTAVOS + AMOUNT_CENTAVOS)


@GROUP.add("offer-to-other-account", "an offer with a known id and another payee is not taken", rules.OTHER_CONTENT)
def offer_to_other_account(bench: Bench) -> None:
    first, second = bench.open_account(), bench.open_account()
    offer = bench.decisions.offer(first, AMOUNT_CENTAVOS)
    bench.decisions.await_acceptance(offer)
    bench.send(replace(offer, payee=bench.party_of(second)))
    bench.fence(offer.end_to_end_id)
    bench.decisions.confirm_offer(offer)
    bench.decisions.await_processed(offer.end_to_end_id, Side.PAYEE)
    bench.check_balance(first, BALANCE_CENTAVOS + AMOUNT_CENTAVOS)
    bench.check_balance_now(second, BALANCE_CENTAVOS)


def _check_ignored_by_payee(bench: Bench, **change: Any) -> None:
    """A confirmation with this change is not applied, and the right one is, afterwards."""
    account = bench.open_account()
    offer = bench.decisions.offer(account, AMOUNT_CENTAVOS)
    bench.decisions.await_acceptance(offer)
    wrong: TransferConfirmed = replace(bench.decisions.make_payee_confirmation(offer), **change)
    bench.send(wrong)
    bench.fence(offer.end_to_end_id)
    bench.check_balance_now(account, BALANCE_CENTAVOS)
    bench.decisions.confirm_offer(offer)
    bench.decisions.await_processed(offer.end_to_end_id, Side.PAYEE)
    bench.check_balance(account, BALANCE_CENTAVOS + AMOUNT_CENTAVOS)


@GROUP.add("confirmation-of-other-amount", "a confirmation of another amount credits nothing", rules.OTHER_CONTENT)
def confirmation_of_other_amount(bench: Bench) -> None:
    for amount in (900_00, 1_00):
        _check_ignored_by_payee(bench, amount_centavos=amount)


@GROUP.add(
    "confirmation-for-other-account", "a confirmation for another account credits no account", rules.OTHER_CONTENT
)
def confirmation_for_other_account(bench: Bench) -> None:
    other = bench.open_account()
    _check_ignored_by_payee(bench, payee=bench.party_of(other))
    bench.check_balance_now(other, BALANCE_CENTAVOS)


@GROUP.add(
    "confirmation-of-other-text",
    "a confirmation with another description or key credits nothing",
    rules.OTHER_CONTENT,
    profile=Profile.FULL,
)
def confirmation_of_other_text(bench: Bench) -> None:
    _check_ignored_by_payee(bench, description="outra coisa")
    _check_ignored_by_payee(bench, payee_key=bench.counterpart().key)


@GROUP.add("payer-other-amount", "a confirmation of another amount settles nothing", rules.OTHER_CONTENT)
def payer_other_amount(bench: Bench) -> None:
    account = bench.open_account()
    request = bench.decisions.await_request(bench.pay(account, bench.counterpart().key).id)
    bench.send(replace(bench.decisions.make_confirmation(request), amount_centavos=1_00))
    bench.fence(request.end_to_end_id)
    bench.check_transfer(request.end_to_end_id, "pending")
    bench.decisions.confirm(request)
    bench.decisions.await_processed(request.end_to_end_id, Side.PAYER)
    bench.check_balance(account, BALANCE_CENTAVOS - AMOUNT_CENTAVOS)


@GROUP.add("dupl-is-no-refund", "DUPL of another amount refunds nothing", rules.OTHER_CONTENT)
def dupl_is_no_refund(bench: Bench) -> None:
    account = bench.open_account()
    request = bench.decisions.await_request(bench.pay(account, bench.counterpart().key).id)
    failure: TransferFailed = bench.decisions.make_failure(request, ReasonCode.DUPL)
    bench.send(replace(failure, amount_centavos=900_00))
    bench.fence(request.end_to_end_id)
    bench.check_balance_now(account, BALANCE_CENTAVOS - AMOUNT_CENTAVOS)
    bench.check_transfer(request.end_to_end_id, "pending")
    bench.decisions.confirm(request)
    bench.decisions.await_processed(request.end_to_end_id, Side.PAYER)


@GROUP.add("failure-after-confirmation", "a failure after a confirmation refunds nothing", rules.FINAL)
def failure_after_confirmation(bench: Bench) -> None:
    account = bench.open_account()
    request = bench.decisions.await_request(bench.pay(account, bench.counterpart().key).id)
    bench.decisions.confirm(request)
    bench.decisions.await_processed(request.end_to_end_id, Side.PAYER)
    bench.decisions.fail(request)
    bench.fence(request.end_to_end_id)
    bench.check_balance_now(account, BALANCE_CENTAVOS - AMOUNT_CENTAVOS)
    bench.check_transfer(request.end_to_end_id, "confirmed")


@GROUP.add("confirmation-after-failure", "a confirmation after a failure debits nothing", rules.FINAL)
def confirmation_after_failure(bench: Bench) -> None:
    account = bench.open_account()
    request = bench.decisions.await_request(bench.pay(account, bench.counterpart().key).id)
    bench.decisions.fail(request)
    bench.decisions.await_processed(request.end_to_end_id, Side.PAYER)
    bench.send(bench.decisions.make_confirmation(request))
    bench.fence(request.end_to_end_id)
    bench.check_balance_now(account, BALANCE_CENTAVOS)
    bench.check_transfer(request.end_to_end_id, "failed")


@GROUP.add("payee-failure-after-confirmation", "a failure after a credit takes nothing back", rules.FINAL)
def payee_failure_after_confirmation(bench: Bench) -> None:
    account = bench.open_account()
    offer = bench.decisions.receive(account, AMOUNT_CENTAVOS)
    bench.decisions.fail_offer(offer)
    bench.fence(offer.end_to_end_id)
    bench.check_balance_now(account, BALANCE_CENTAVOS + AMOUNT_CENTAVOS)
    bench.check_transfer(offer.end_to_end_id, "confirmed", side="payee")


@GROUP.add("payee-confirmation-after-failure", "a confirmation after a failure credits nothing", rules.FINAL)
def payee_confirmation_after_failure(bench: Bench) -> None:
    account = bench.open_account()
    offer = bench.decisions.offer(account, AMOUNT_CENTAVOS)
    bench.decisions.await_acceptance(offer)
    bench.decisions.fail_offer(offer)
    bench.decisions.await_processed(offer.end_to_end_id, Side.PAYEE)
    bench.send(bench.decisions.make_payee_confirmation(offer))
    bench.fence(offer.end_to_end_id)
    bench.check_balance_now(account, BALANCE_CENTAVOS)
    bench.check_transfer(offer.end_to_end_id, "failed", side="payee")
