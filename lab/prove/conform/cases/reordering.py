"""Messages in another order than the protocol's."""

from __future__ import annotations

from typing import Final

from lab.prove.conform import rules
from lab.prove.conform.bench import AMOUNT_CENTAVOS, BALANCE_CENTAVOS, Bench
from lab.prove.conform.case import Group
from pix.scheme.keys import KeyKind
from pix.scheme.messages import (
    Outcome,
    OutcomeProcessed,
    Party,
    Side,
    TransferAccepted,
    TransferConfirmed,
    TransferFailed,
)
from pix.scheme.reasons import ReasonCode

GROUP: Final = Group("reordering", "Reordering: outcomes before offers, and side by side")


@GROUP.add("confirmation-first", "a confirmation without an offer is credited", rules.ANY_ORDER)
def confirmation_first(bench: Bench) -> None:
    account = bench.open_account()
    offer = bench.decisions.make_offer(account, AMOUNT_CENTAVOS)
    bench.decisions.confirm_offer(offer)
    processed = bench.decisions.await_processed(offer.end_to_end_id, Side.PAYEE)
    bench.check_equal(processed.outcome, Outcome.CONFIRMED, "outcome")
    bench.check_balance(account, BALANCE_CENTAVOS + AMOUNT_CENTAVOS)


@GROUP.add(
    "offer-after-confirmation", "an offer that comes after its confirmation is not credited again", rules.ANY_ORDER
)
def offer_after_confirmation(bench: Bench) -> None:
    account = bench.open_account()
    offer = bench.decisions.make_offer(account, AMOUNT_CENTAVOS)
    bench.decisions.confirm_offer(offer)
    bench.decisions.await_processed(offer.end_to_end_id, Side.PAYEE)
    bench.send(offer)
    bench.decisions.confirm_offer(offer)
    bench.decisions.await_processed(offer.end_to_end_id, Side.PAYEE, count=2)
    bench.fence(offer.end_to_end_id)
    bench.check_balance_now(account, BALANCE_CENTAVOS + AMOUNT_CENTAVOS)
    bench.check_postings(account, offer.end_to_end_id, AMOUNT_CENTAVOS)


@GROUP.add("failure-first", "a failure without an offer is acknowledged, and credits nothing", rules.ANY_ORDER)
def failure_first(bench: Bench) -> None:
    account = bench.open_account()
    offer = bench.decisions.make_offer(account, AMOUNT_CENTAVOS)
    bench.decisions.fail_offer(offer)
    processed = bench.decisions.await_processed(offer.end_to_end_id, Side.PAYEE)
    bench.check_equal(processed.outcome, Outcome.FAILED, "outcome")
    bench.check_balance_now(account, BALANCE_CENTAVOS)


@GROUP.add("offer-after-failure", "an offer that comes after its failure is not accepted", rules.ANY_ORDER)
def offer_after_failure(bench: Bench) -> None:
    account = bench.open_account()
    offer = bench.decisions.make_offer(account, AMOUNT_CENTAVOS)
    bench.decisions.fail_offer(offer)
    bench.decisions.await_processed(offer.end_to_end_id, Side.PAYEE)
    bench.send(offer)
    bench.fence(offer.end_to_end_id)
    accepted = bench.received(TransferAccepted, offer.end_to_end_id)
    bench.check(not accepted, "The bank accepted an offer whose failure it had acknowledged.")
    bench.check_balance_now(account, BALANCE_CENTAVOS)


@GROUP.add("never-made-confirmed", "a confirmed payment that the bank never made changes nothing", rules.NEVER_MADE)
def never_made_confirmed(bench: Bench) -> None:
    account, payee = bench.open_account(), bench.counterpart()
    transfer_id = bench.new_id(bench.identity)
    confirmation = TransferConfirmed(
        transfer_id, Side.PAYER, AMOUNT_CENTAVOS, bench.party_of(account), payee.party, payee.key, "", 1
    )
    bench.send(confirmation)
    bench.fence(transfer_id)
    bench.check_balance_now(account, BALANCE_CENTAVOS)
    bench.check(bench.api.find_transfer(transfer_id) is None, "The bank shows a payment that it never made.")


@GROUP.add("never-made-failed", "a failed payment that the bank never made refunds nothing", rules.NEVER_MADE)
def never_made_failed(bench: Bench) -> None:
    account, payee = bench.open_account(), bench.counterpart()
    transfer_id = bench.new_id(bench.identity)
    failure = TransferFailed(
        transfer_id,
        Side.PAYER,
        ReasonCode.AC03,
        AMOUNT_CENTAVOS,
        bench.party_of(account),
        payee.party,
        payee.key,
        "",
        1_764_000_000_000,
    )
    bench.send(failure)
    bench.fence(transfer_id)
    bench.check_balance_now(account, BALANCE_CENTAVOS)


@GROUP.add(
    "confirmed-to-no-account", "a confirmation for an account that is not there credits no account", rules.NEVER_MADE
)
def confirmed_to_no_account(bench: Bench) -> None:
    stranger = Party(bench.identity.ispb, "0001", "999999-9", "Ninguém", "***.456.789-**")
    offer = bench.decisions.make_offer(stranger, AMOUNT_CENTAVOS)
    bench.send(bench.decisions.make_payee_confirmation(offer))
    bench.fence(offer.end_to_end_id)
    processed = bench.received(OutcomeProcessed, offer.end_to_end_id)
    bench.check(not processed, "The bank acknowledged a credit to an account that it does not have.")


@GROUP.add(
    "decisions-in-reverse", "decisions in the reverse order of the orders reach the right payments", rules.SETTLES
)
def decisions_in_reverse(bench: Bench) -> None:
    account, key = bench.open_account(), bench.counterpart().key
    amounts = (10_00, 20_00, 30_00, 40_00)
    requests = [bench.decisions.await_request(bench.pay(account, key, amount).id) for amount in amounts]
    for number, request in reversed(list(enumerate(requests))):
        if number % 2:
            bench.decisions.confirm(request)
        else:
            bench.decisions.fail(request)
    for number, request in enumerate(requests):
        bench.decisions.await_processed(request.end_to_end_id, Side.PAYER)
        bench.check_transfer(request.end_to_end_id, "confirmed" if number % 2 else "failed")
    bench.check_balance(account, BALANCE_CENTAVOS - 20_00 - 40_00)


@GROUP.add("offers-interleaved", "offers and outcomes of several transfers may mix", rules.CREDITS)
def offers_interleaved(bench: Bench) -> None:
    account = bench.open_account(0)
    offers = [bench.decisions.offer(account, amount) for amount in (11_00, 22_00, 33_00)]
    for offer in reversed(offers):
        bench.decisions.await_acceptance(offer)
    bench.decisions.confirm_offer(offers[2])
    bench.decisions.fail_offer(offers[1])
    bench.decisions.confirm_offer(offers[0])
    for offer in offers:
        bench.decisions.await_processed(offer.end_to_end_id, Side.PAYEE)
    bench.check_balance(account, 11_00 + 33_00)


@GROUP.add("both-sides-reversed", "within the bank the payer's outcome may come first", rules.OWN_BANK)
def both_sides_reversed(bench: Bench) -> None:
    payer, payee, address = bench.open_account(), bench.open_account(0), bench.examiner.people.email()
    bench.check(bench.register_key(payee, KeyKind.EMAIL, address).is_success, "The key could not be registered.")
    request = bench.decisions.await_request(bench.pay(payer, address).id)
    offer = bench.decisions.make_offer(
        payee, AMOUNT_CENTAVOS, key=request.payee_key, end_to_end_id=request.end_to_end_id, payer=request.payer
    )
    bench.decisions.confirm(request)
    bench.decisions.await_processed(request.end_to_end_id, Side.PAYER)
    bench.decisions.confirm_offer(offer)
    bench.decisions.await_processed(request.end_to_end_id, Side.PAYEE)
    bench.check_balance(payer, BALANCE_CENTAVOS - AMOUNT_CENTAVOS)
    bench.check_balance(payee, AMOUNT_CENTAVOS)


@GROUP.add("both-sides-fail", "within the bank a failure refunds the payer and credits no account", rules.OWN_BANK)
def both_sides_fail(bench: Bench) -> None:
    payer, payee, address = bench.open_account(), bench.open_account(0), bench.examiner.people.email()
    bench.check(bench.register_key(payee, KeyKind.EMAIL, address).is_success, "The key could not be registered.")
    request = bench.decisions.await_request(bench.pay(payer, address).id)
    offer = bench.decisions.make_offer(
        payee, AMOUNT_CENTAVOS, key=request.payee_key, end_to_end_id=request.end_to_end_id, payer=request.payer
    )
    bench.decisions.send(offer)
    bench.decisions.await_acceptance(offer)
    bench.decisions.fail_offer(offer)
    bench.decisions.fail(request)
    for side in Side:
        bench.decisions.await_processed(request.end_to_end_id, side)
    bench.check_balance(payer, BALANCE_CENTAVOS)
    bench.check_balance(payee, 0)
