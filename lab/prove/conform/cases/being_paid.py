"""The bank is the payee's: it answers offers, and credits what the hub confirms."""

from __future__ import annotations

from typing import Final

from lab.prove.conform import rules
from lab.prove.conform.bench import AMOUNT_CENTAVOS, BALANCE_CENTAVOS, Bench
from lab.prove.conform.case import Group, Need, Profile
from lab.prove.conform.cases.outcomes import RETRANSMISSION_SECONDS
from pix.scheme.initiation import Initiation
from pix.scheme.keys import KeyKind
from pix.scheme.messages import Outcome, Side, TransferAccepted
from pix.scheme.money import AMOUNT_CENTAVOS_MAX
from pix.scheme.reasons import ReasonCode

GROUP: Final = Group("being-paid", "Being paid")
OFFERS_AT_ONCE: Final = 10


@GROUP.add("accepts", "an offer to an open account is accepted", rules.ACCEPTS)
def accepts(bench: Bench) -> None:
    offer = bench.decisions.offer(bench.open_account(), AMOUNT_CENTAVOS)
    bench.decisions.await_acceptance(offer)


@GROUP.add("answer", "the answer repeats id and amount", rules.ANSWER_CONTENT)
def answer_content(bench: Bench) -> None:
    offer = bench.decisions.offer(bench.open_account(), 77_77)
    accepted = bench.decisions.await_acceptance(offer)
    bench.check_equal(accepted.end_to_end_id, offer.end_to_end_id, "end_to_end_id")
    bench.check_equal(accepted.amount_centavos, 77_77, "amount_centavos")


@GROUP.add("no-early-credit", "an accepted offer is not credited yet", rules.NO_EARLY_CREDIT)
def no_early_credit(bench: Bench) -> None:
    account = bench.open_account()
    offer = bench.decisions.offer(account, AMOUNT_CENTAVOS)
    bench.decisions.await_acceptance(offer)
    bench.fence(offer.end_to_end_id)
    bench.check_balance_now(account, BALANCE_CENTAVOS)
    bench.check_postings(account, offer.end_to_end_id)


@GROUP.add("credits", "a confirmed payment is credited once", rules.CREDITS)
def credits_once(bench: Bench) -> None:
    account = bench.open_account()
    offer = bench.decisions.receive(account, AMOUNT_CENTAVOS)
    bench.fence(offer.end_to_end_id)
    bench.check_balance(account, BALANCE_CENTAVOS + AMOUNT_CENTAVOS)
    bench.check_postings(account, offer.end_to_end_id, AMOUNT_CENTAVOS)


@GROUP.add("to-the-centavo", "odd amounts are credited to the centavo", rules.CREDITS)
def to_the_centavo(bench: Bench) -> None:
    account = bench.open_account(0)
    amounts = (1_01, 10_10, 33_33, 57_29, 1_234_567_89)
    for amount in amounts:
        bench.decisions.receive(account, amount)
    bench.check_balance(account, sum(amounts))


@GROUP.add("acknowledges", "OutcomeProcessed names side, outcome and amount", rules.ACKNOWLEDGES)
def acknowledges(bench: Bench) -> None:
    offer = bench.decisions.receive(bench.open_account(), AMOUNT_CENTAVOS)
    processed = bench.decisions.await_processed(offer.end_to_end_id, Side.PAYEE)
    bench.check_equal(processed.outcome, Outcome.CONFIRMED, "outcome")
    bench.check_equal(processed.amount_centavos, AMOUNT_CENTAVOS, "amount_centavos")
    bench.check(processed.reason is None, f"The reason of a confirmation is {processed.reason}, and should be empty.")


@GROUP.add("credited-before-acknowledged", "what OutcomeProcessed acknowledges is credited", rules.ACKNOWLEDGES)
def credited_before_acknowledged(bench: Bench) -> None:
    account = bench.open_account()
    bench.decisions.receive(account, AMOUNT_CENTAVOS)
    bench.check_balance_now(account, BALANCE_CENTAVOS + AMOUNT_CENTAVOS)


@GROUP.add("failure-credits-nothing", "an accepted offer that fails is not credited", rules.NO_CREDIT)
def failure_credits_nothing(bench: Bench) -> None:
    account = bench.open_account()
    offer = bench.decisions.offer(account, AMOUNT_CENTAVOS)
    bench.decisions.await_acceptance(offer)
    bench.decisions.fail_offer(offer)
    bench.decisions.await_processed(offer.end_to_end_id, Side.PAYEE)
    bench.check_balance_now(account, BALANCE_CENTAVOS)
    bench.check_transfer(offer.end_to_end_id, "failed", reason="AB03", side="payee")


@GROUP.add("acknowledges-failure", "OutcomeProcessed of a failure repeats its reason", rules.REPEATS_REASON)
def acknowledges_failure(bench: Bench) -> None:
    offer = bench.decisions.offer(bench.open_account(), AMOUNT_CENTAVOS)
    bench.decisions.await_acceptance(offer)
    bench.decisions.fail_offer(offer, ReasonCode.DS27)
    processed = bench.decisions.await_processed(offer.end_to_end_id, Side.PAYEE)
    bench.check_equal((processed.outcome, processed.reason), (Outcome.FAILED, ReasonCode.DS27), "Outcome and reason")


@GROUP.add("shows-status", "the bank shows its side: pending, then confirmed", rules.PAYEE_VIEW)
def shows_status(bench: Bench) -> None:
    offer = bench.decisions.offer(bench.open_account(), AMOUNT_CENTAVOS)
    bench.decisions.await_acceptance(offer)
    shown = bench.check_transfer(offer.end_to_end_id, "pending")
    bench.check_equal((shown.side, shown.amount_centavos), ("payee", AMOUNT_CENTAVOS), "Side and amount")
    bench.decisions.confirm_offer(offer)
    bench.check_transfer(offer.end_to_end_id, "confirmed")


@GROUP.add("can-be-spent", "what was credited can be paid", rules.SPENDABLE)
def can_be_spent(bench: Bench) -> None:
    account = bench.open_account(0)
    bench.decisions.receive(account, 80_00)
    transfer = bench.pay(account, bench.counterpart().key, 80_00)
    bench.decisions.confirm(bench.decisions.await_request(transfer.id))
    bench.decisions.await_processed(transfer.id, Side.PAYER)
    bench.check_balance(account, 0)


@GROUP.add("promise-cannot-be-spent", "what is only promised cannot be paid", rules.NO_EARLY_CREDIT)
def promise_cannot_be_spent(bench: Bench) -> None:
    account = bench.open_account(0)
    offer = bench.decisions.offer(account, 80_00)
    bench.decisions.await_acceptance(offer)
    bench.check_refused(
        bench.try_to_pay(account, bench.counterpart().key, 80_00), "An order of money that is not credited yet"
    )


@GROUP.add("many-at-once", "payments that come at the same time are all credited", rules.NONE_LOST)
def many_at_once(bench: Bench) -> None:
    account = bench.open_account(0)
    offers = [bench.decisions.offer(account, 10_00) for _ in range(OFFERS_AT_ONCE)]
    for offer in offers:
        bench.decisions.await_acceptance(offer)
    for offer in offers:
        bench.decisions.confirm_offer(offer)
    for offer in offers:
        bench.decisions.await_processed(offer.end_to_end_id, Side.PAYEE)
    bench.check_balance(account, OFFERS_AT_ONCE * 10_00)


@GROUP.add("in-and-out-at-once", "paying and being paid at the same time loses nothing", rules.NONE_LOST)
def in_and_out_at_once(bench: Bench) -> None:
    account, key = bench.open_account(), bench.counterpart().key

    def pay() -> None:
        for _ in range(5):
            bench.decisions.confirm(bench.decisions.await_request(bench.pay(account, key, 20_00).id))

    def receive() -> None:
        for _ in range(5):
            bench.decisions.receive(account, 30_00)

    bench.at_once(pay, receive)
    bench.check_balance(account, BALANCE_CENTAVOS + 5 * 30_00 - 5 * 20_00)


@GROUP.add("largest-amount", "the largest amount is accepted and credited", rules.LARGEST, profile=Profile.FULL)
def largest_amount(bench: Bench) -> None:
    account = bench.open_account(0)
    bench.decisions.receive(account, AMOUNT_CENTAVOS_MAX)
    bench.check_balance(account, AMOUNT_CENTAVOS_MAX)


@GROUP.add("long-texts", "descriptions and names of full length are taken", rules.DESCRIPTION)
def long_texts(bench: Bench) -> None:
    account = bench.open_account()
    for text in ("ção " * 34 + "fim", "🎉 festa <script>alert(1)</script> ' OR 1=1 --"):
        bench.decisions.receive(account, AMOUNT_CENTAVOS, text)
    bench.check_balance(account, BALANCE_CENTAVOS + 2 * AMOUNT_CENTAVOS)


@GROUP.add("static-code", "a payment by static code is accepted", rules.STATIC_CODE)
def static_code(bench: Bench) -> None:
    account = bench.open_account()
    for txid in ("", "mesa4", "a" * 25):
        offer = bench.decisions.offer(account, AMOUNT_CENTAVOS, initiation=Initiation.QRES, txid=txid)
        bench.decisions.await_acceptance(offer)
        bench.decisions.confirm_offer(offer)
        bench.decisions.await_processed(offer.end_to_end_id, Side.PAYEE)
    bench.check_balance(account, BALANCE_CENTAVOS + 3 * AMOUNT_CENTAVOS)


@GROUP.add(
    "typed-account",
    "a payment to a typed account is accepted and credited",
    rules.TYPED,
    profile=Profile.FULL,
    needs=[Need.MANU],
)
def typed_account(bench: Bench) -> None:
    account = bench.open_account()
    offer = bench.decisions.offer(account, AMOUNT_CENTAVOS, initiation=Initiation.MANU)
    bench.decisions.await_acceptance(offer)
    bench.decisions.confirm_offer(offer)
    bench.decisions.await_processed(offer.end_to_end_id, Side.PAYEE)
    bench.check_balance(account, BALANCE_CENTAVOS + AMOUNT_CENTAVOS)


@GROUP.add("own-key", "a payment to a key of the account is credited to it", rules.CREDITS)
def own_key(bench: Bench) -> None:
    account, email = bench.open_account(0), bench.examiner.people.email()
    bench.check(bench.register_key(account, KeyKind.EMAIL, email).is_success, "The key could not be registered.")
    (entry,) = bench.hub.keys_of(account.number)
    offer = bench.decisions.offer(entry.party, AMOUNT_CENTAVOS, key=entry.key)
    bench.decisions.await_acceptance(offer)
    bench.decisions.confirm_offer(offer)
    bench.decisions.await_processed(offer.end_to_end_id, Side.PAYEE)
    bench.check_balance(account, AMOUNT_CENTAVOS)


@GROUP.add(
    "account-types",
    "accounts of the types CACC, SVGS and TRAN are credited",
    rules.ACCOUNT_TYPES,
    profile=Profile.FULL,
    needs=[Need.ACCOUNT_TYPES],
)
def account_types(bench: Bench) -> None:
    for account_type in ("CACC", "SVGS", "TRAN"):
        account = bench.open_account(0, account_type=account_type)
        bench.check_equal(account.type, account_type, "The type of the account")
        bench.decisions.receive(account, AMOUNT_CENTAVOS)
        bench.check_balance(account, AMOUNT_CENTAVOS)


@GROUP.add("retransmits", "an answer without a decision comes again", rules.RETRANSMITS_ANSWER, slow=True)
def retransmits(bench: Bench) -> None:
    offer = bench.decisions.offer(bench.open_account(), AMOUNT_CENTAVOS)
    bench.await_message(TransferAccepted, offer.end_to_end_id, count=3, seconds=RETRANSMISSION_SECONDS)


@GROUP.add("stops-retransmitting", "after the decision no answer comes again", rules.STOPS, slow=True)
def stops_retransmitting(bench: Bench) -> None:
    account = bench.open_account()
    decided, open_ = (bench.decisions.offer(account, AMOUNT_CENTAVOS) for _ in range(2))
    bench.decisions.await_acceptance(decided)
    bench.decisions.confirm_offer(decided)
    bench.decisions.await_processed(decided.end_to_end_id, Side.PAYEE)
    before = len(bench.received(TransferAccepted, decided.end_to_end_id))
    seen = len(bench.received(TransferAccepted, open_.end_to_end_id))
    bench.await_message(TransferAccepted, open_.end_to_end_id, count=max(seen, 1) + 2, seconds=RETRANSMISSION_SECONDS)
    after = len(bench.received(TransferAccepted, decided.end_to_end_id))
    bench.check_equal(after, before, "The number of answers to an offer that is confirmed")
