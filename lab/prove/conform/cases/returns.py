"""Returns: money of a received payment goes back, and money of a payment made comes back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from lab.prove.conform.bench import AMOUNT_CENTAVOS, BALANCE_CENTAVOS, Bench
from lab.prove.conform.case import Declare, Group, Need, Profile, Rule
from lab.prove.conform.contract import Account, Answer
from lab.prove.conform.record_rules import (
    BOUNDS,
    OUTCOME_ANSWERED,
    RETRANSMITS,
    RETURN_ORDER,
    RETURN_REASONS,
    RETURN_STEPS,
    RETURN_SUM,
    SIGNED_BY_HUB,
)
from pix.scheme.ids import parse_return_id
from pix.scheme.messages import Outcome, Side, TransferConfirmed, TransferOffered
from pix.scheme.messages.returns import (
    ReturnAccepted,
    ReturnConfirmed,
    ReturnFailed,
    ReturnOffered,
    ReturnProcessed,
    ReturnRejected,
    ReturnRequested,
)
from pix.scheme.reasons import ReasonCode

GROUP: Final = Group("returns", "Returns: money of a payment goes back")
PART_CENTAVOS: Final = 500
STRANGER: Final = "a secret that the hub does not have"


def _add(name: str, title: str, rule: Rule, *more: Need, slow: bool = False) -> Declare:
    return GROUP.add(name, title, rule, profile=Profile.FULL, needs=(Need.RETURNS, *more), slow=slow)


# The bank was paid


def _try_to_return(bench: Bench, transfer_id: str, amount_centavos: Any = PART_CENTAVOS, **more: Any) -> Answer:
    order = {
        "transfer_id": transfer_id,
        "amount_centavos": amount_centavos,
        "reason": "MD06",
        "idempotency_key": bench.new_uuid(),
        **more,
    }
    answer = bench.api.call("POST", "/returns", order)
    if answer.is_success and isinstance(answer.body, dict):
        bench.watch(str(answer.body.get("id", "")))
    return answer


def _return(bench: Bench, transfer_id: str, amount_centavos: int = PART_CENTAVOS, **more: Any) -> ReturnRequested:
    """A return that must be taken, and its request."""
    answer = _try_to_return(bench, transfer_id, amount_centavos, **more)
    bench.check(answer.is_success, f"The order to return was answered with {answer.status}, and should be taken.")
    return bench.await_message(ReturnRequested, str(answer.body["id"]))


def _end(bench: Bench, request: ReturnRequested, original: TransferOffered) -> None:
    """So that nothing stays open."""
    bench.decisions.fail_return(request, original, ReasonCode.AB11)
    bench.await_message(ReturnProcessed, request.return_id)


def _await_processed(bench: Bench, return_id: str, outcome: Outcome, side: Side, count: int = 1) -> None:
    processed = bench.await_message(ReturnProcessed, return_id, count=count)
    bench.check_equal((processed.outcome, processed.side), (outcome, side), "The outcome and side of ReturnProcessed")


@_add("debits-first", "the customer is debited when the return is ordered", RETURN_STEPS)
def debits_first(bench: Bench) -> None:
    account = bench.open_account()
    original = bench.decisions.receive(account, AMOUNT_CENTAVOS)
    answer = _try_to_return(bench, original.end_to_end_id)
    bench.check_equal(answer.status, 201, "The status of the answer")
    bench.check_balance_now(account, BALANCE_CENTAVOS + AMOUNT_CENTAVOS - PART_CENTAVOS)
    _end(bench, bench.await_message(ReturnRequested, str(answer.body["id"])), original)


@_add("request", "the request has a return id of the bank, and says what goes back of which payment", RETURN_STEPS)
def request(bench: Bench) -> None:
    account = bench.open_account()
    original = bench.decisions.receive(account, AMOUNT_CENTAVOS)
    for reason in (ReasonCode.MD06, ReasonCode.BE08, ReasonCode.FR01):
        asked = _return(bench, original.end_to_end_id, PART_CENTAVOS, reason=reason.value)
        bench.check_equal(parse_return_id(asked.return_id).ispb, bench.identity.ispb, "The ISPB in the return id")
        found = (asked.original_end_to_end_id, asked.amount_centavos, asked.reason)
        bench.check_equal(found, (original.end_to_end_id, PART_CENTAVOS, reason), "The content of ReturnRequested")
        _end(bench, asked, original)


@_add("settles", "a confirmed return settles, and is acknowledged", RETURN_STEPS)
def settles(bench: Bench) -> None:
    account = bench.open_account()
    original = bench.decisions.receive(account, AMOUNT_CENTAVOS)
    asked = _return(bench, original.end_to_end_id, AMOUNT_CENTAVOS)
    bench.decisions.confirm_return(asked, original, side=Side.PAYEE)
    _await_processed(bench, asked.return_id, Outcome.CONFIRMED, Side.PAYEE)
    bench.check_transfer(asked.return_id, "confirmed", side="payee")
    bench.check_postings(account, asked.return_id, -AMOUNT_CENTAVOS)
    bench.check_transfer(original.end_to_end_id, "confirmed", side="payee")


@_add("gives-the-money-back", "a failed return gives the customer the money again", RETURN_STEPS)
def gives_the_money_back(bench: Bench) -> None:
    account = bench.open_account()
    original = bench.decisions.receive(account, AMOUNT_CENTAVOS)
    asked = _return(bench, original.end_to_end_id)
    bench.decisions.fail_return(asked, original, ReasonCode.AC07)
    _await_processed(bench, asked.return_id, Outcome.FAILED, Side.PAYEE)
    bench.check_transfer(asked.return_id, "failed", reason="AC07", side="payee")
    bench.check_postings(account, asked.return_id, -PART_CENTAVOS, PART_CENTAVOS)


@_add("failure-repeated", "a repeated failure gives the money again only once", OUTCOME_ANSWERED)
def failure_repeated(bench: Bench) -> None:
    account = bench.open_account()
    original = bench.decisions.receive(account, AMOUNT_CENTAVOS)
    asked = _return(bench, original.end_to_end_id)
    for count in (1, 2, 3):
        bench.decisions.fail_return(asked, original, ReasonCode.AC07)
        _await_processed(bench, asked.return_id, Outcome.FAILED, Side.PAYEE, count)
    bench.check_postings(account, asked.return_id, -PART_CENTAVOS, PART_CENTAVOS)


@_add("retransmits", "a request is retransmitted until the hub has decided", RETRANSMITS, slow=True)
def retransmits(bench: Bench) -> None:
    account = bench.open_account()
    original = bench.decisions.receive(account, AMOUNT_CENTAVOS)
    asked = _return(bench, original.end_to_end_id)
    again = bench.await_message(ReturnRequested, asked.return_id, count=2)
    bench.check_equal(again, asked, "The repeated request")
    _end(bench, asked, original)


@_add("in-parts", "a payment goes back in several parts, and no part over the amount", RETURN_SUM)
def in_parts(bench: Bench) -> None:
    account = bench.open_account()
    original = bench.decisions.receive(account, AMOUNT_CENTAVOS)
    for _ in range(AMOUNT_CENTAVOS // PART_CENTAVOS - 1):
        asked = _return(bench, original.end_to_end_id)
        bench.decisions.confirm_return(asked, original, side=Side.PAYEE)
        _await_processed(bench, asked.return_id, Outcome.CONFIRMED, Side.PAYEE)
    too_much = _try_to_return(bench, original.end_to_end_id, PART_CENTAVOS + 1)
    bench.check_refused(too_much, "A return of more than is left")
    last = _return(bench, original.end_to_end_id)
    bench.decisions.confirm_return(last, original, side=Side.PAYEE)
    _await_processed(bench, last.return_id, Outcome.CONFIRMED, Side.PAYEE)
    bench.check_balance(account, BALANCE_CENTAVOS)
    bench.check_refused(_try_to_return(bench, original.end_to_end_id, 1), "A return of a centavo more")


@_add("pending-counts", "a return that is not decided on counts in the sum", RETURN_SUM)
def pending_counts(bench: Bench) -> None:
    account = bench.open_account()
    original = bench.decisions.receive(account, AMOUNT_CENTAVOS)
    asked = _return(bench, original.end_to_end_id, AMOUNT_CENTAVOS - 100)
    bench.check_refused(_try_to_return(bench, original.end_to_end_id, 101), "A return over the rest")
    _end(bench, asked, original)


@_add("failed-frees", "a failed return frees its part", RETURN_SUM)
def failed_frees(bench: Bench) -> None:
    account = bench.open_account()
    original = bench.decisions.receive(account, AMOUNT_CENTAVOS)
    _end(bench, _return(bench, original.end_to_end_id, AMOUNT_CENTAVOS), original)
    asked = _return(bench, original.end_to_end_id, AMOUNT_CENTAVOS)
    _end(bench, asked, original)
    bench.check_balance(account, BALANCE_CENTAVOS + AMOUNT_CENTAVOS)


@_add("unknown-payment", "a return of a payment that the bank does not know is refused", RETURN_ORDER)
def unknown_payment(bench: Bench) -> None:
    for row_id in (bench.new_id(), "", "no id"):
        bench.check_refused(_try_to_return(bench, row_id), "A return of an unknown payment")


@_add("own-payment", "a payment that the bank has made is not its to return", RETURN_ORDER)
def own_payment(bench: Bench) -> None:
    confirmed, account = _paid(bench)
    bench.check_refused(_try_to_return(bench, confirmed.end_to_end_id), "A return of a payment that was made")
    bench.check_balance_now(account, BALANCE_CENTAVOS - AMOUNT_CENTAVOS)


@_add("not-booked-yet", "a payment that is only accepted is not returned", RETURN_ORDER)
def not_booked_yet(bench: Bench) -> None:
    account = bench.open_account()
    offer = bench.decisions.offer(account, AMOUNT_CENTAVOS)
    bench.decisions.await_acceptance(offer)
    bench.check_refused(_try_to_return(bench, offer.end_to_end_id), "A return of a payment that is only accepted")
    bench.decisions.fail_offer(offer)
    bench.decisions.await_processed(offer.end_to_end_id, Side.PAYEE)
    bench.check_refused(_try_to_return(bench, offer.end_to_end_id), "A return of a payment that has failed")


@_add("amount", "an amount out of range is refused", RETURN_ORDER)
def amount(bench: Bench) -> None:
    account = bench.open_account()
    original = bench.decisions.receive(account, AMOUNT_CENTAVOS)
    for centavos in (0, -1, AMOUNT_CENTAVOS + 1, 1.5, "500", True):
        answer = _try_to_return(bench, original.end_to_end_id, centavos)
        bench.check_refused(answer, f"A return of {centavos!r} centavos")
    bench.check_balance_now(account, BALANCE_CENTAVOS + AMOUNT_CENTAVOS)


@_add("reason", "a reason that no return has is refused", RETURN_ORDER)
def reason(bench: Bench) -> None:
    account = bench.open_account()
    original = bench.decisions.receive(account, AMOUNT_CENTAVOS)
    for code in ("AC03", "SL02", "", "md06"):
        answer = _try_to_return(bench, original.end_to_end_id, reason=code)
        bench.check_refused(answer, f"A return with the reason {code!r}")
    bench.check_balance_now(account, BALANCE_CENTAVOS + AMOUNT_CENTAVOS)


@_add("balance", "a return without the balance is refused", RETURN_ORDER)
def balance(bench: Bench) -> None:
    account = bench.open_account(0)
    original = bench.decisions.receive(account, AMOUNT_CENTAVOS)
    transfer = bench.pay(account, bench.counterpart().key, AMOUNT_CENTAVOS - 100)
    paid = bench.decisions.await_request(transfer.id)
    answer = _try_to_return(bench, original.end_to_end_id, 101)
    bench.check_refused(answer, "A return over the balance")
    bench.check_balance_now(account, 100)
    bench.decisions.fail(paid)


@_add("idempotency", "a repeated order makes no second return; another content is refused", RETURN_ORDER)
def idempotency(bench: Bench) -> None:
    account = bench.open_account()
    original = bench.decisions.receive(account, AMOUNT_CENTAVOS)
    order = bench.new_uuid()
    asked = _return(bench, original.end_to_end_id, idempotency_key=order)
    again = _try_to_return(bench, original.end_to_end_id, idempotency_key=order)
    bench.check(again.is_success, f"The repeated order was answered with {again.status}.")
    bench.check_equal(again.body["id"], asked.return_id, "The id of the repeated order")
    other = _try_to_return(bench, original.end_to_end_id, PART_CENTAVOS + 1, idempotency_key=order)
    bench.check_refused(other, "Another order with the same idempotency key")
    bench.check_balance_now(account, BALANCE_CENTAVOS + AMOUNT_CENTAVOS - PART_CENTAVOS)
    _end(bench, asked, original)


@_add("at-once", "two orders at the same time return no more than the payment", RETURN_SUM)
def at_once(bench: Bench) -> None:
    account = bench.open_account()
    original = bench.decisions.receive(account, AMOUNT_CENTAVOS)
    orders = [lambda: _try_to_return(bench, original.end_to_end_id, AMOUNT_CENTAVOS)] * 4
    answers: Sequence[Answer] = bench.at_once(*orders)
    taken = [answer for answer in answers if answer.is_success]
    bench.check_equal(len(taken), 1, "The number of returns that were taken of four")
    bench.check_balance_now(account, BALANCE_CENTAVOS)
    _end(bench, bench.await_message(ReturnRequested, str(taken[0].body["id"])), original)


@_add("of-a-return", "a return is not returned", RETURN_ORDER)
def of_a_return(bench: Bench) -> None:
    confirmed, account = _paid(bench)
    offer = _offer_and_confirm(bench, confirmed)
    bench.check_refused(_try_to_return(bench, offer.return_id, 100), "A return of a return")
    bench.check_balance_now(account, BALANCE_CENTAVOS - AMOUNT_CENTAVOS + PART_CENTAVOS)


@_add("other-content-decided", "an outcome with another amount than the return has changes nothing", RETURN_STEPS)
def other_content_decided(bench: Bench) -> None:
    account = bench.open_account()
    original = bench.decisions.receive(account, AMOUNT_CENTAVOS)
    asked = _return(bench, original.end_to_end_id)
    changed = replace(asked, amount_centavos=PART_CENTAVOS + 1)
    bench.decisions.fail_return(changed, original, ReasonCode.AB11)
    bench.fence(asked.return_id)
    bench.check_transfer(asked.return_id, "pending", side="payee")
    bench.check_balance_now(account, BALANCE_CENTAVOS + AMOUNT_CENTAVOS - PART_CENTAVOS)
    _end(bench, asked, original)


@_add("decided-once", "a failure after a confirmation gives no money back", RETURN_STEPS)
def decided_once(bench: Bench) -> None:
    account = bench.open_account()
    original = bench.decisions.receive(account, AMOUNT_CENTAVOS)
    asked = _return(bench, original.end_to_end_id)
    bench.decisions.confirm_return(asked, original, side=Side.PAYEE)
    _await_processed(bench, asked.return_id, Outcome.CONFIRMED, Side.PAYEE)
    bench.decisions.fail_return(asked, original, ReasonCode.AB11)
    bench.fence(asked.return_id)
    bench.check_transfer(asked.return_id, "confirmed", side="payee")
    bench.check_balance_now(account, BALANCE_CENTAVOS + AMOUNT_CENTAVOS - PART_CENTAVOS)


@_add("never-requested", "the outcome of a return that the bank never made is not acknowledged", RETURN_STEPS)
def never_requested(bench: Bench) -> None:
    account = bench.open_account()
    original = bench.decisions.receive(account, AMOUNT_CENTAVOS)
    return_id = bench.new_return_id(bench.identity)
    asked = ReturnRequested(return_id, original.end_to_end_id, PART_CENTAVOS, ReasonCode.MD06, "", 1_764_000_000_000)
    bench.send(bench_confirmation(asked, original, Side.PAYEE))
    bench.fence(return_id)
    bench.check(not bench.received(ReturnProcessed, return_id), "The bank acknowledged a return that it never made.")
    bench.check_balance_now(account, BALANCE_CENTAVOS + AMOUNT_CENTAVOS)


# The bank has paid


def _paid(bench: Bench) -> tuple[TransferConfirmed, Account]:
    """A payment that the bank has made and the hub has confirmed."""
    account = bench.open_account()
    transfer = bench.pay(account, bench.counterpart().key)
    confirmed = bench.decisions.confirm(bench.decisions.await_request(transfer.id))
    bench.decisions.await_processed(transfer.id, Side.PAYER)
    return confirmed, account


def _await_answer(bench: Bench, offer: ReturnOffered) -> ReturnAccepted | ReturnRejected:
    def answers() -> list[Any]:
        kinds = (ReturnAccepted, ReturnRejected)
        return [message for kind in kinds for message in bench.received(kind, offer.return_id)]

    bench.watch(offer.return_id)
    bench.eventually(answers, "the bank answers the offer of a return")
    found: ReturnAccepted | ReturnRejected = answers()[0]
    return found


def _check_rejected(bench: Bench, offer: ReturnOffered, reason: ReasonCode, what: str) -> None:
    answer = _await_answer(bench, offer)
    if not isinstance(answer, ReturnRejected):
        bench.check(False, f"The bank accepted {what}, and should have rejected it with {reason}.")
    else:
        bench.check_equal(answer.reason, reason, f"The reason of the rejection of {what}")


def bench_confirmation(
    asked: ReturnRequested | ReturnOffered, original: TransferOffered | TransferConfirmed, side: Side
) -> ReturnConfirmed:
    """The hub's confirmation of a return, to one side."""
    return ReturnConfirmed(
        asked.return_id,
        asked.original_end_to_end_id,
        side,
        asked.amount_centavos,
        asked.reason,
        original.payer,
        original.payee,
        asked.description,
        1_764_000_000_000,
    )


def _offer_and_confirm(bench: Bench, confirmed: TransferConfirmed) -> ReturnOffered:
    offer = bench.decisions.offer_return(confirmed, PART_CENTAVOS)
    bench.await_message(ReturnAccepted, offer.return_id)
    bench.decisions.send(bench_confirmation(offer, confirmed, Side.PAYER))
    _await_processed(bench, offer.return_id, Outcome.CONFIRMED, Side.PAYER)
    return offer


@_add("takes-it-back", "an offered return is accepted, and credited once the hub confirms", RETURN_STEPS)
def takes_it_back(bench: Bench) -> None:
    confirmed, account = _paid(bench)
    offer = bench.decisions.offer_return(confirmed, PART_CENTAVOS)
    accepted = bench.await_message(ReturnAccepted, offer.return_id)
    found = (accepted.original_end_to_end_id, accepted.amount_centavos)
    bench.check_equal(found, (confirmed.end_to_end_id, PART_CENTAVOS), "The content of ReturnAccepted")
    bench.check_balance_now(account, BALANCE_CENTAVOS - AMOUNT_CENTAVOS)
    bench.decisions.send(bench_confirmation(offer, confirmed, Side.PAYER))
    _await_processed(bench, offer.return_id, Outcome.CONFIRMED, Side.PAYER)
    bench.check_transfer(offer.return_id, "confirmed", side="payer")
    bench.check_balance(account, BALANCE_CENTAVOS - AMOUNT_CENTAVOS + PART_CENTAVOS)
    bench.check_transfer(confirmed.end_to_end_id, "confirmed", side="payer")


@_add("credits-once", "a repeated confirmation credits the payer only once", OUTCOME_ANSWERED)
def credits_once(bench: Bench) -> None:
    confirmed, account = _paid(bench)
    offer = _offer_and_confirm(bench, confirmed)
    for count in (2, 3):
        bench.decisions.send(bench_confirmation(offer, confirmed, Side.PAYER))
        _await_processed(bench, offer.return_id, Outcome.CONFIRMED, Side.PAYER, count)
    bench.check_postings(account, offer.return_id, PART_CENTAVOS)


@_add("failure-moves-nothing", "a failed return moves nothing at the original payer's bank", RETURN_STEPS)
def failure_moves_nothing(bench: Bench) -> None:
    confirmed, account = _paid(bench)
    offer = bench.decisions.offer_return(confirmed, PART_CENTAVOS)
    bench.await_message(ReturnAccepted, offer.return_id)
    failed = ReturnFailed(
        offer.return_id,
        offer.original_end_to_end_id,
        Side.PAYER,
        ReasonCode.AB11,
        PART_CENTAVOS,
        offer.reason,
        confirmed.payer,
        confirmed.payee,
        "",
        offer.offered_at_ms,
    )
    bench.decisions.send(failed)
    _await_processed(bench, offer.return_id, Outcome.FAILED, Side.PAYER)
    bench.check_transfer(offer.return_id, "failed", reason="AB11", side="payer")
    bench.check_balance(account, BALANCE_CENTAVOS - AMOUNT_CENTAVOS)


@_add("unknown-original", "the return of a payment that the bank never made is rejected with ED05", RETURN_REASONS)
def unknown_original(bench: Bench) -> None:
    confirmed, account = _paid(bench)
    stranger = replace(confirmed, end_to_end_id=bench.new_id(bench.identity))
    offer = bench.decisions.offer_return(stranger, PART_CENTAVOS)
    _check_rejected(bench, offer, ReasonCode.ED05, "the return of a payment that it never made")
    bench.check_balance(account, BALANCE_CENTAVOS - AMOUNT_CENTAVOS)


@_add("failed-original", "the return of a payment that has failed is rejected with ED05", RETURN_REASONS)
def failed_original(bench: Bench) -> None:
    account = bench.open_account()
    transfer = bench.pay(account, bench.counterpart().key)
    asked = bench.decisions.await_request(transfer.id)
    confirmation = bench.decisions.make_confirmation(asked)
    bench.decisions.fail(asked)
    bench.decisions.await_processed(transfer.id, Side.PAYER)
    offer = bench.decisions.offer_return(confirmation, PART_CENTAVOS)
    _check_rejected(bench, offer, ReasonCode.ED05, "the return of a payment that has failed")
    bench.check_balance(account, BALANCE_CENTAVOS)


@_add("over-the-original", "a return over the amount of the payment is rejected with ED05", RETURN_REASONS)
def over_the_original(bench: Bench) -> None:
    confirmed, _ = _paid(bench)
    offer = bench.decisions.offer_return(confirmed, AMOUNT_CENTAVOS + 1)
    _check_rejected(bench, offer, ReasonCode.ED05, "a return over the amount of the payment")


@_add("other-parties", "a return to another account than the payer's is rejected with ED05", RETURN_REASONS)
def other_parties(bench: Bench) -> None:
    confirmed, _ = _paid(bench)
    other = bench.open_account()
    offer = bench.decisions.offer_return(replace(confirmed, payer=bench.party_of(other)), PART_CENTAVOS)
    _check_rejected(bench, offer, ReasonCode.ED05, "a return to another account")
    bench.check_balance_now(other, BALANCE_CENTAVOS)


@_add("blocked", "a return to a blocked account is rejected with AC06", RETURN_REASONS, Need.ACCOUNTS)
def blocked(bench: Bench) -> None:
    confirmed, account = _paid(bench)
    bench.set_status(account, "blocked")
    _check_rejected(bench, bench.decisions.offer_return(confirmed, PART_CENTAVOS), ReasonCode.AC06, "a return")


@_add("closed", "a return to a closed account is rejected with AC07", RETURN_REASONS, Need.ACCOUNTS)
def closed(bench: Bench) -> None:
    account = bench.open_account(AMOUNT_CENTAVOS)
    transfer = bench.pay(account, bench.counterpart().key)
    confirmed = bench.decisions.confirm(bench.decisions.await_request(transfer.id))
    bench.decisions.await_processed(transfer.id, Side.PAYER)
    bench.set_status(account, "closed")
    _check_rejected(bench, bench.decisions.offer_return(confirmed, PART_CENTAVOS), ReasonCode.AC07, "a return")


@_add(
    "answer-stays",
    "a repeated offer gets the same answer, though the account was blocked since",
    RETURN_STEPS,
    Need.ACCOUNTS,
)
def answer_stays(bench: Bench) -> None:
    confirmed, account = _paid(bench)
    offer = bench.decisions.offer_return(confirmed, PART_CENTAVOS)
    bench.await_message(ReturnAccepted, offer.return_id)
    bench.set_status(account, "blocked")
    bench.decisions.send(offer)
    bench.fence(offer.return_id)
    bench.check(not bench.received(ReturnRejected, offer.return_id), "The bank rejected what it had accepted.")


@_add("answer-goes-on", "an answer is retransmitted until the hub has decided", RETRANSMITS, slow=True)
def answer_goes_on(bench: Bench) -> None:
    confirmed, _ = _paid(bench)
    offer = bench.decisions.offer_return(confirmed, PART_CENTAVOS)
    bench.await_message(ReturnAccepted, offer.return_id, count=2)
    bench.decisions.send(bench_confirmation(offer, confirmed, Side.PAYER))
    _await_processed(bench, offer.return_id, Outcome.CONFIRMED, Side.PAYER)


@_add("other-content", "a confirmation with another amount than the offer credits nothing", RETURN_STEPS)
def other_content(bench: Bench) -> None:
    confirmed, account = _paid(bench)
    offer = bench.decisions.offer_return(confirmed, PART_CENTAVOS)
    bench.await_message(ReturnAccepted, offer.return_id)
    larger = replace(offer, amount_centavos=PART_CENTAVOS + 1)
    bench.send(bench_confirmation(larger, confirmed, Side.PAYER))
    bench.fence(offer.return_id)
    bench.check_balance_now(account, BALANCE_CENTAVOS - AMOUNT_CENTAVOS)
    bench.decisions.send(bench_confirmation(offer, confirmed, Side.PAYER))
    _await_processed(bench, offer.return_id, Outcome.CONFIRMED, Side.PAYER)
    bench.check_balance(account, BALANCE_CENTAVOS - AMOUNT_CENTAVOS + PART_CENTAVOS)


@_add("confirmed-first", "a confirmation that overtakes its offer is credited", RETURN_STEPS)
def confirmed_first(bench: Bench) -> None:
    confirmed, account = _paid(bench)
    made = ReturnOffered(
        bench.new_return_id(),
        confirmed.end_to_end_id,
        PART_CENTAVOS,
        ReasonCode.MD06,
        "",
        confirmed.payer,
        confirmed.payee,
        confirmed.confirmed_at_ms,
    )
    bench.decisions.send(bench_confirmation(made, confirmed, Side.PAYER))
    _await_processed(bench, made.return_id, Outcome.CONFIRMED, Side.PAYER)
    bench.send(made)
    bench.fence(made.return_id)
    bench.check_postings(account, made.return_id, PART_CENTAVOS)


@_add("unknown-credit", "a confirmed return of a payment that the bank never made is not acknowledged", RETURN_STEPS)
def unknown_credit(bench: Bench) -> None:
    confirmed, account = _paid(bench)
    stranger = replace(confirmed, end_to_end_id=bench.new_id(bench.identity))
    made = ReturnOffered(
        bench.new_return_id(),
        stranger.end_to_end_id,
        PART_CENTAVOS,
        ReasonCode.MD06,
        "",
        confirmed.payer,
        confirmed.payee,
        confirmed.confirmed_at_ms,
    )
    bench.send(bench_confirmation(made, stranger, Side.PAYER))
    bench.fence(made.return_id)
    bench.check(not bench.received(ReturnProcessed, made.return_id), "The bank acknowledged a credit of nothing.")
    bench.check_balance_now(account, BALANCE_CENTAVOS - AMOUNT_CENTAVOS)


@_add("forged", "a forged confirmation of a return credits no account", SIGNED_BY_HUB)
def forged(bench: Bench) -> None:
    confirmed, account = _paid(bench)
    offer = bench.decisions.offer_return(confirmed, PART_CENTAVOS)
    bench.await_message(ReturnAccepted, offer.return_id)
    confirmation = bench_confirmation(offer, confirmed, Side.PAYER)
    bench.send_record(bench.record(confirmation, secret=STRANGER), "ReturnConfirmed, forged")
    bench.fence(offer.return_id)
    bench.check_balance_now(account, BALANCE_CENTAVOS - AMOUNT_CENTAVOS)
    bench.decisions.send(confirmation)
    _await_processed(bench, offer.return_id, Outcome.CONFIRMED, Side.PAYER)


@_add("offer-out-of-bounds", "the offer of a return with a malformed field is not accepted", BOUNDS)
def offer_out_of_bounds(bench: Bench) -> None:
    confirmed, account = _paid(bench)
    good = ReturnOffered(
        "",
        confirmed.end_to_end_id,
        PART_CENTAVOS,
        ReasonCode.MD06,
        "",
        confirmed.payer,
        confirmed.payee,
        confirmed.confirmed_at_ms,
    )
    wrong: tuple[dict[str, Any], ...] = (
        {"reason": ReasonCode.AC03},
        {"original_end_to_end_id": "E123"},
        {"description": "x" * 141},
        {"offered_at_ms": 0},
        {"payee": replace(confirmed.payee, branch="12345")},
    )
    for changes in wrong:
        offer = replace(good, return_id=bench.new_return_id(), **changes)
        bench.send(offer)
        bench.fence(offer.return_id)
        accepted = bench.received(ReturnAccepted, offer.return_id)
        bench.check(not accepted, f"The bank accepted the offer of a return with {changes}.")
    bench.check_balance_now(account, BALANCE_CENTAVOS - AMOUNT_CENTAVOS)
