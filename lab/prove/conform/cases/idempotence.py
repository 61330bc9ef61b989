"""An order with one idempotency key is one transfer."""

from __future__ import annotations

from collections.abc import Generator
from typing import Final

from lab.prove.conform import rules
from lab.prove.conform.bench import AMOUNT_CENTAVOS, BALANCE_CENTAVOS, Bench
from lab.prove.conform.case import Group, Need, Profile, Restart, Stage
from lab.prove.conform.contract import Account
from pix.scheme.messages import Side, TransferRequested

GROUP: Final = Group("idempotence", "Idempotence: orders that come again")
ORDERS_AT_ONCE: Final = 8


def _requests_of(bench: Bench, account: Account) -> set[str]:
    """The ids of all requests of an account."""
    messages = [each.message for each in bench.examiner.wire.all_received()]
    return {
        each.end_to_end_id
        for each in messages
        if isinstance(each, TransferRequested) and each.payer.account_number == account.number
    }


@GROUP.add("repeated", "a repeated order is the same transfer, and debits once", rules.SAME_ORDER)
def repeated(bench: Bench) -> None:
    account, key, order = bench.open_account(), bench.counterpart().key, bench.examiner.people.text(20)
    ids = {bench.pay(account, key, idempotency_key=order).id for _ in range(3)}
    bench.check_equal(len(ids), 1, "The number of transfers of one order")
    bench.check_balance_now(account, BALANCE_CENTAVOS - AMOUNT_CENTAVOS)
    bench.decisions.confirm(bench.decisions.await_request(ids.pop()))
    bench.fence_all()
    bench.check_equal(len(_requests_of(bench, account)), 1, "The number of transfers that were requested")


@GROUP.add("at-the-same-time", "the same order several times at once is one transfer", rules.SAME_ORDER)
def at_the_same_time(bench: Bench) -> None:
    account, key, order = bench.open_account(), bench.counterpart().key, bench.examiner.people.text(20)
    answers = bench.at_once(
        *[lambda: bench.try_to_pay(account, key, AMOUNT_CENTAVOS, idempotency_key=order) for _ in range(ORDERS_AT_ONCE)]
    )
    ids = {answer.body["id"] for answer in answers if answer.is_success}
    bench.check_equal(len(ids), 1, "The number of transfers of one order that came several times at once")
    bench.check_balance_now(account, BALANCE_CENTAVOS - AMOUNT_CENTAVOS)
    bench.decisions.confirm(bench.decisions.await_request(ids.pop()))
    bench.fence_all()
    bench.check_equal(len(_requests_of(bench, account)), 1, "The number of transfers that were requested")


@GROUP.add("other-content", "another content with the same key is refused", rules.OTHER_ORDER)
def other_content(bench: Bench) -> None:
    account, key, order = bench.open_account(), bench.counterpart().key, bench.examiner.people.text(20)
    first = bench.pay(account, key, idempotency_key=order, description="um")
    others = (
        (key, AMOUNT_CENTAVOS + 1, "um"),
        (bench.counterpart().key, AMOUNT_CENTAVOS, "um"),
        (key, AMOUNT_CENTAVOS, "dois"),
    )
    for payee, amount, text in others:
        answer = bench.try_to_pay(account, payee, amount, idempotency_key=order, description=text)
        bench.check_refused(answer, "An order with a used key and another content")
    bench.check_balance_now(account, BALANCE_CENTAVOS - AMOUNT_CENTAVOS)
    bench.decisions.confirm(bench.decisions.await_request(first.id))


@GROUP.add("conflict-is-409", "the refusal of another content is 409", rules.OTHER_ORDER, profile=Profile.FULL)
def conflict_is_409(bench: Bench) -> None:
    account, key, order = bench.open_account(), bench.counterpart().key, bench.examiner.people.text(20)
    bench.pay(account, key, idempotency_key=order)
    answer = bench.try_to_pay(account, key, AMOUNT_CENTAVOS + 1, idempotency_key=order)
    bench.check_equal(answer.status, 409, "The status of the refusal")


@GROUP.add("per-account", "two accounts may use the same key", rules.KEY_PER_ACCOUNT)
def per_account(bench: Bench) -> None:
    first, second, key = bench.open_account(), bench.open_account(), bench.counterpart().key
    order = bench.examiner.people.text(20)
    transfers = [bench.pay(account, key, idempotency_key=order) for account in (first, second)]
    bench.check(transfers[0].id != transfers[1].id, "The orders of two accounts became one transfer.")
    for account in (first, second):
        bench.check_balance_now(account, BALANCE_CENTAVOS - AMOUNT_CENTAVOS)


@GROUP.add("other-keys", "two orders that differ only in the key are two transfers", rules.SAME_ORDER)
def other_keys(bench: Bench) -> None:
    account, key = bench.open_account(), bench.counterpart().key
    ids = {bench.pay(account, key).id for _ in range(2)}
    bench.check_equal(len(ids), 2, "The number of transfers of two orders")
    bench.check_balance_now(account, BALANCE_CENTAVOS - 2 * AMOUNT_CENTAVOS)


@GROUP.add("length", "keys of 1 and of 100 characters are taken, of 0 and 101 refused", rules.KEY_LENGTH)
def length(bench: Bench) -> None:
    account, key = bench.open_account(), bench.counterpart().key
    for text in ("x", "chave-ção:/?#" + "y" * 87):
        bench.pay(account, key, idempotency_key=text)
    for text in ("", "z" * 101):
        order = {"account": account.number, "key": str(key), "amount_centavos": 2_00, "idempotency_key": text}
        bench.check_refused(bench.api.call("POST", "/transfers", order), f"A key of {len(text)} characters")
    bench.check_balance_now(account, BALANCE_CENTAVOS - 2 * AMOUNT_CENTAVOS)


@GROUP.add("after-confirmation", "a repeated order shows the confirmed transfer", rules.AS_IT_STANDS)
def after_confirmation(bench: Bench) -> None:
    account, key, order = bench.open_account(), bench.counterpart().key, bench.examiner.people.text(20)
    transfer = bench.pay(account, key, idempotency_key=order)
    bench.decisions.confirm(bench.decisions.await_request(transfer.id))
    bench.decisions.await_processed(transfer.id, Side.PAYER)
    again = bench.pay(account, key, idempotency_key=order)
    bench.check_equal(again.id, transfer.id, "The id of the repeated order")
    bench.check(again.is_confirmed, f"The repeated order is shown as {again.status}, and the transfer is confirmed.")
    bench.check_balance_now(account, BALANCE_CENTAVOS - AMOUNT_CENTAVOS)


@GROUP.add("after-failure", "a repeated order of a failed transfer makes no second", rules.AS_IT_STANDS)
def after_failure(bench: Bench) -> None:
    account, key, order = bench.open_account(), bench.counterpart().key, bench.examiner.people.text(20)
    transfer = bench.pay(account, key, idempotency_key=order)
    bench.decisions.fail(bench.decisions.await_request(transfer.id))
    bench.decisions.await_processed(transfer.id, Side.PAYER)
    again = bench.pay(account, key, idempotency_key=order)
    bench.check_equal((again.id, again.status), (transfer.id, "failed"), "Id and status of the repeated order")
    bench.check_balance_now(account, BALANCE_CENTAVOS)


@GROUP.add("when-empty", "a repeated order succeeds though the balance is gone", rules.SAME_ORDER)
def when_empty(bench: Bench) -> None:
    account, key, order = bench.open_account(20_00), bench.counterpart().key, bench.examiner.people.text(20)
    transfer = bench.pay(account, key, 20_00, idempotency_key=order)
    again = bench.pay(account, key, 20_00, idempotency_key=order)
    bench.check_equal(again.id, transfer.id, "The id of the repeated order")
    bench.check_balance_now(account, 0)


@GROUP.add(
    "key-has-left",
    "a repeated order succeeds though the payee's key has left the directory",
    rules.SAME_ORDER,
    profile=Profile.FULL,
)
def key_has_left(bench: Bench) -> None:
    account, payee, order = bench.open_account(), bench.counterpart(), bench.examiner.people.text(20)
    transfer = bench.pay(account, payee.key, idempotency_key=order)
    bench.decisions.confirm(bench.decisions.await_request(transfer.id))
    bench.hub.forget_key(payee.key)
    again = bench.pay(account, payee.key, idempotency_key=order)
    bench.check_equal(again.id, transfer.id, "The id of the repeated order")


@GROUP.add(
    "after-restart",
    "a repeated order after a SIGKILL is the same transfer",
    rules.SAME_ORDER,
    stage=Stage.RESTART,
    needs=[Need.PROCESS],
)
def after_restart(bench: Bench) -> Generator[Restart, None, None]:
    account, key, order = bench.open_account(), bench.counterpart().key, bench.examiner.people.text(20)
    transfer = bench.pay(account, key, idempotency_key=order)
    yield Restart.DOWN
    yield Restart.UP
    again = bench.pay(account, key, idempotency_key=order)
    bench.check_equal(again.id, transfer.id, "The id of the repeated order")
    bench.check_balance(account, BALANCE_CENTAVOS - AMOUNT_CENTAVOS)
    bench.decisions.confirm(bench.decisions.await_request(transfer.id))
    bench.decisions.await_processed(transfer.id, Side.PAYER)
