"""The bank is killed in the middle, and goes on where it was."""

from __future__ import annotations

import threading
from collections.abc import Generator
from typing import Final

from lab.prove.conform.bench import AMOUNT_CENTAVOS, ANSWER_SECONDS, BALANCE_CENTAVOS, Bench
from lab.prove.conform.case import Group, Need, Profile, Restart, Stage
from lab.prove.conform.record_rules import COMMITS_FIRST, IDEMPOTENCE, KILLED, OUTCOME_ANSWERED, RETRANSMITS, SIGTERM
from lab.prove.conform.verdict import Failed
from pix.scheme.keys import KeyKind
from pix.scheme.messages import (
    Outcome,
    Side,
    TransferAccepted,
    TransferOffered,
    TransferRejected,
    TransferRequested,
)
from pix.scheme.messages.returns import ReturnRequested
from pix.scheme.reasons import ReasonCode

GROUP: Final = Group("restarts", "Restarts: the bank is killed in the middle, and goes on")
BURST: Final = 20
READY_TO_KILL_SECONDS: Final = 10.0

Play = Generator[Restart, None, None]


@GROUP.add(
    "request-goes-on",
    "a pending request is retransmitted after a restart, and settled",
    RETRANSMITS,
    stage=Stage.RESTART,
    needs=(Need.PROCESS,),
)
def request_goes_on(bench: Bench) -> Play:
    account = bench.open_account()
    transfer = bench.pay(account, bench.counterpart().key)
    bench.decisions.await_request(transfer.id)
    yield Restart.DOWN
    sent = len(bench.received(TransferRequested, transfer.id))
    yield Restart.UP
    request = bench.await_message(TransferRequested, transfer.id, count=sent + 1)
    bench.decisions.confirm(request)
    bench.decisions.await_processed(transfer.id, Side.PAYER)
    bench.check_balance(account, BALANCE_CENTAVOS - AMOUNT_CENTAVOS)


@GROUP.add(
    "acceptance-goes-on",
    "an acceptance without a decision is retransmitted after a restart",
    RETRANSMITS,
    stage=Stage.RESTART,
    needs=(Need.PROCESS,),
)
def acceptance_goes_on(bench: Bench) -> Play:
    account = bench.open_account()
    offer = bench.decisions.offer(account, AMOUNT_CENTAVOS)
    bench.decisions.await_acceptance(offer)
    yield Restart.DOWN
    sent = len(bench.received(TransferAccepted, offer.end_to_end_id))
    yield Restart.UP
    bench.await_message(TransferAccepted, offer.end_to_end_id, count=sent + 1)
    bench.decisions.confirm_offer(offer)
    bench.decisions.await_processed(offer.end_to_end_id, Side.PAYEE)
    bench.check_balance(account, BALANCE_CENTAVOS + AMOUNT_CENTAVOS)


@GROUP.add(
    "confirmed-while-down",
    "a confirmation that comes while the bank is down settles the payment",
    KILLED,
    stage=Stage.RESTART,
    needs=(Need.PROCESS,),
)
def confirmed_while_down(bench: Bench) -> Play:
    account = bench.open_account()
    transfer = bench.pay(account, bench.counterpart().key)
    request = bench.decisions.await_request(transfer.id)
    yield Restart.DOWN
    bench.decisions.confirm(request)
    yield Restart.UP
    bench.decisions.await_processed(transfer.id, Side.PAYER)
    bench.check_transfer(transfer.id, "confirmed")
    bench.check_balance(account, BALANCE_CENTAVOS - AMOUNT_CENTAVOS)


@GROUP.add(
    "failed-while-down",
    "a failure that comes while the bank is down refunds the payer once",
    KILLED,
    stage=Stage.RESTART,
    needs=(Need.PROCESS,),
)
def failed_while_down(bench: Bench) -> Play:
    account = bench.open_account()
    transfer = bench.pay(account, bench.counterpart().key)
    request = bench.decisions.await_request(transfer.id)
    yield Restart.DOWN
    bench.decisions.fail(request, ReasonCode.AC03)
    yield Restart.UP
    bench.decisions.await_processed(transfer.id, Side.PAYER)
    bench.check_postings(account, transfer.id, -AMOUNT_CENTAVOS, AMOUNT_CENTAVOS)


@GROUP.add(
    "offered-while-down",
    "an offer that comes while the bank is down is answered",
    KILLED,
    stage=Stage.RESTART,
    needs=(Need.PROCESS,),
)
def offered_while_down(bench: Bench) -> Play:
    account = bench.open_account()
    yield Restart.DOWN
    offer = bench.decisions.offer(account, AMOUNT_CENTAVOS)
    yield Restart.UP
    bench.decisions.await_acceptance(offer)
    bench.decisions.confirm_offer(offer)
    bench.decisions.await_processed(offer.end_to_end_id, Side.PAYEE)
    bench.check_balance(account, BALANCE_CENTAVOS + AMOUNT_CENTAVOS)


@GROUP.add(
    "credited-while-down",
    "a confirmation that comes while the bank is down credits the payee",
    KILLED,
    stage=Stage.RESTART,
    needs=(Need.PROCESS,),
)
def credited_while_down(bench: Bench) -> Play:
    account = bench.open_account()
    offer = bench.decisions.offer(account, AMOUNT_CENTAVOS)
    bench.decisions.await_acceptance(offer)
    yield Restart.DOWN
    bench.decisions.confirm_offer(offer)
    yield Restart.UP
    bench.decisions.await_processed(offer.end_to_end_id, Side.PAYEE)
    bench.check_postings(account, offer.end_to_end_id, AMOUNT_CENTAVOS)


@GROUP.add(
    "credit-repeated",
    "a confirmation that is repeated after the restart credits nothing more",
    OUTCOME_ANSWERED,
    stage=Stage.RESTART,
    needs=(Need.PROCESS,),
)
def credit_repeated(bench: Bench) -> Play:
    account = bench.open_account()
    offer = bench.decisions.receive(account, AMOUNT_CENTAVOS)
    yield Restart.DOWN
    bench.decisions.confirm_offer(offer)
    yield Restart.UP
    bench.decisions.await_processed(offer.end_to_end_id, Side.PAYEE, count=2)
    bench.check_postings(account, offer.end_to_end_id, AMOUNT_CENTAVOS)


@GROUP.add(
    "refund-repeated",
    "a failure that is repeated after the restart refunds nothing more",
    OUTCOME_ANSWERED,
    stage=Stage.RESTART,
    needs=(Need.PROCESS,),
)
def refund_repeated(bench: Bench) -> Play:
    account = bench.open_account()
    transfer = bench.pay(account, bench.counterpart().key)
    request = bench.decisions.await_request(transfer.id)
    bench.decisions.fail(request)
    bench.decisions.await_processed(transfer.id, Side.PAYER)
    yield Restart.DOWN
    bench.decisions.fail(request)
    yield Restart.UP
    bench.decisions.await_processed(transfer.id, Side.PAYER, count=2)
    bench.check_postings(account, transfer.id, -AMOUNT_CENTAVOS, AMOUNT_CENTAVOS)


@GROUP.add(
    "acceptance-stays",
    "an accepted offer that is repeated after the restart is accepted, though the account was blocked since",
    COMMITS_FIRST,
    profile=Profile.FULL,
    stage=Stage.RESTART,
    needs=(Need.PROCESS, Need.ACCOUNTS),
)
def acceptance_stays(bench: Bench) -> Play:
    account = bench.open_account()
    offer = bench.decisions.offer(account, AMOUNT_CENTAVOS)
    bench.decisions.await_acceptance(offer)
    bench.set_status(account, "blocked")
    yield Restart.DOWN
    yield Restart.UP
    bench.decisions.send(offer)
    bench.fence(offer.end_to_end_id)
    rejected = bench.received(TransferRejected, offer.end_to_end_id)
    bench.check(not rejected, "The bank rejected an offer that it had accepted before the restart.")


@GROUP.add(
    "rejection-stays",
    "a rejected offer that is repeated after the restart is rejected, though the account was opened since",
    COMMITS_FIRST,
    profile=Profile.FULL,
    stage=Stage.RESTART,
    needs=(Need.PROCESS, Need.ACCOUNTS),
)
def rejection_stays(bench: Bench) -> Play:
    account = bench.set_status(bench.open_account(), "blocked")
    offer = bench.decisions.offer(account, AMOUNT_CENTAVOS)
    answer = bench.await_answer(offer)
    bench.check(isinstance(answer, TransferRejected), "The bank accepted an offer to a blocked account.")
    bench.set_status(account, "open")
    yield Restart.DOWN
    yield Restart.UP
    bench.decisions.send(offer)
    bench.fence(offer.end_to_end_id)
    accepted = bench.received(TransferAccepted, offer.end_to_end_id)
    bench.check(not accepted, "The bank accepted an offer that it had rejected before the restart.")


@GROUP.add(
    "order-repeated",
    "an order that is repeated after the restart makes no second transfer",
    IDEMPOTENCE,
    stage=Stage.RESTART,
    needs=(Need.PROCESS,),
)
def order_repeated(bench: Bench) -> Play:
    account = bench.open_account()
    key, order = bench.counterpart().key, bench.new_uuid()
    first = bench.pay(account, key, idempotency_key=order)
    request = bench.decisions.await_request(first.id)
    yield Restart.DOWN
    yield Restart.UP
    again = bench.pay(account, key, idempotency_key=order)
    bench.check_equal(again.id, first.id, "The id of the repeated order")
    bench.decisions.confirm(request)
    bench.decisions.await_processed(first.id, Side.PAYER)
    bench.check_balance(account, BALANCE_CENTAVOS - AMOUNT_CENTAVOS)


@GROUP.add(
    "accounts-stay",
    "accounts, balances, states and keys are the same after a restart",
    KILLED,
    profile=Profile.FULL,
    stage=Stage.RESTART,
    needs=(Need.PROCESS, Need.ACCOUNTS),
)
def accounts_stay(bench: Bench) -> Play:
    account = bench.open_account(BALANCE_CENTAVOS + 7)
    kept = bench.register_key(account, KeyKind.EMAIL, bench.examiner.people.email())
    blocked = bench.set_status(bench.open_account(), "blocked")
    yield Restart.DOWN
    yield Restart.UP
    bench.check_equal(bench.api.account(account.number), account, "The account after the restart")
    bench.check_equal(bench.api.account(blocked.number).status, "blocked", "The status after the restart")
    bench.check_equal(bench.api.remove_key(str(kept.body["value"])).status, 204, "The answer to DELETE of the key")


@GROUP.add(
    "return-goes-on",
    "a pending return is retransmitted after a restart, and settled",
    RETRANSMITS,
    profile=Profile.FULL,
    stage=Stage.RESTART,
    needs=(Need.PROCESS, Need.RETURNS),
)
def return_goes_on(bench: Bench) -> Play:
    account = bench.open_account()
    original = bench.decisions.receive(account, AMOUNT_CENTAVOS)
    order = {"transfer_id": original.end_to_end_id, "amount_centavos": 500, "reason": "MD06", "idempotency_key": "r-1"}
    return_id = str(bench.api.ask("POST", "/returns", order)["id"])
    bench.await_message(ReturnRequested, return_id)
    yield Restart.DOWN
    sent = len(bench.received(ReturnRequested, return_id))
    yield Restart.UP
    request = bench.await_message(ReturnRequested, return_id, count=sent + 1)
    bench.decisions.confirm_return(request, original, side=Side.PAYEE)
    bench.check_transfer(return_id, "confirmed")
    bench.check_balance(account, BALANCE_CENTAVOS + AMOUNT_CENTAVOS - 500)


# One at a time, with a kill of their own


@GROUP.add(
    "known-once-published",
    "a request that is on the broker is in the books, even if the bank is killed at once",
    COMMITS_FIRST,
    stage=Stage.ALONE,
    needs=(Need.PROCESS,),
)
def known_once_published(bench: Bench) -> None:
    account = bench.open_account()
    counterpart = bench.counterpart()
    earlier = {id(each) for each in bench.examiner.wire.all_received()}

    def published() -> TransferRequested | None:
        for each in bench.examiner.wire.all_received():
            message = each.message
            is_ours = isinstance(message, TransferRequested) and message.payee_key == counterpart.key
            if isinstance(message, TransferRequested) and is_ours and id(each) not in earlier:
                return message
        return None

    def order() -> None:
        try:
            bench.try_to_pay(account, counterpart.key, AMOUNT_CENTAVOS)
        except Failed:
            # The bank is killed before it answers: that is what the case is about.
            bench.evidence.note("The order had no answer, because the bank was killed.")

    paying = threading.Thread(target=order, daemon=True)
    paying.start()
    bench.examiner.wire.wait(lambda: published() is not None, READY_TO_KILL_SECONDS)
    bench.process.kill()
    paying.join(ANSWER_SECONDS)
    request = published()
    bench.process.start()
    if request is None:
        raise Failed("The bank sent no TransferRequested for an order to pay.")
    bench.watch(request.end_to_end_id)
    found = bench.api.find_transfer(request.end_to_end_id)
    bench.check(found is not None, "The bank has requested a transfer that it does not know after a restart.")
    bench.decisions.confirm(request)
    bench.decisions.await_processed(request.end_to_end_id, Side.PAYER)
    bench.check_balance(account, BALANCE_CENTAVOS - AMOUNT_CENTAVOS)


@GROUP.add(
    "answered-after-a-crash",
    "each offer of a burst is answered, though the bank is killed at its first answer",
    KILLED,
    stage=Stage.ALONE,
    needs=(Need.PROCESS,),
)
def answered_after_a_crash(bench: Bench) -> None:
    account = bench.open_account()
    offers = [bench.decisions.make_offer(account, AMOUNT_CENTAVOS) for _ in range(BURST)]
    for offer in offers:
        bench.decisions.send(offer)
    bench.examiner.wire.wait(
        lambda: any(bench.received(TransferAccepted, offer.end_to_end_id) for offer in offers), ANSWER_SECONDS
    )
    bench.process.kill()
    bench.process.start()
    for offer in offers:
        bench.await_message(TransferAccepted, offer.end_to_end_id)
        bench.decisions.fail_offer(offer)


@GROUP.add(
    "frozen",
    "what comes while the bank stands still is processed afterwards",
    KILLED,
    stage=Stage.ALONE,
    needs=(Need.PROCESS,),
)
def frozen(bench: Bench) -> None:
    account = bench.open_account()
    offers: list[TransferOffered] = []
    bench.process.freeze()
    try:
        for _ in range(3):
            offer = bench.decisions.offer(account, AMOUNT_CENTAVOS)
            bench.decisions.confirm_offer(offer)
            offers.append(offer)
    finally:
        bench.process.thaw()
    for offer in offers:
        processed = bench.decisions.await_processed(offer.end_to_end_id, Side.PAYEE)
        bench.check_equal(processed.outcome, Outcome.CONFIRMED, "The outcome")
    bench.check_balance(account, BALANCE_CENTAVOS + len(offers) * AMOUNT_CENTAVOS)


@GROUP.add(
    "ends-on-sigterm",
    "the bank ends on SIGTERM, and goes on when it is started again",
    SIGTERM,
    stage=Stage.ALONE,
    needs=(Need.PROCESS,),
)
def ends_on_sigterm(bench: Bench) -> None:
    account = bench.open_account()
    transfer = bench.pay(account, bench.counterpart().key)
    request = bench.decisions.await_request(transfer.id)
    try:
        bench.process.terminate()
    finally:
        bench.process.start()
    bench.decisions.fail(request)
    bench.decisions.await_processed(transfer.id, Side.PAYER)
    bench.check_balance(account, BALANCE_CENTAVOS)
