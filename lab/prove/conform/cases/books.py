"""The bank's books, while nothing else runs: they balance, and follow the hub's."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from lab.prove.conform.bench import AMOUNT_CENTAVOS, BALANCE_CENTAVOS, Bench
from lab.prove.conform.case import Declare, Group, Need, Profile, Rule, Stage
from lab.prove.conform.contract import Books
from lab.prove.conform.record_rules import DOUBLE_ENTRY, POSTINGS, SETTLEMENT
from pix.scheme.messages import Side
from pix.scheme.messages.returns import ReturnProcessed, ReturnRequested

GROUP: Final = Group("books", "Books: double entry, to the centavo")
AMOUNTS_CENTAVOS: Final = (1_13, 2_01, 10_10, 33_33, 100_07, 1_152_921_50)
"""In floating point 1.13 times 100 is 112.99999999999999."""


def _add(
    name: str, title: str, rule: Rule, *, more: Collection[Need] = (), profile: Profile = Profile.MINIMAL
) -> Declare:
    return GROUP.add(name, title, rule, profile=profile, needs=(Need.MONEY, *more), stage=Stage.ALONE)


def _check_change(bench: Bench, before: Books, *, what: str, **changes: int) -> Books:
    """The books have changed by these amounts and no others, within the time for an answer."""
    names = ("customers", "clearing", "settlement", "equity")

    def found() -> dict[str, int]:
        now = bench.api.books()
        change = {name: getattr(now, f"{name}_centavos") - getattr(before, f"{name}_centavos") for name in names}
        return {name: amount for name, amount in change.items() if amount}

    bench.eventually(lambda: found() == changes, f"{what} changes the books by {changes} (they changed by {found()})")
    return bench.api.books()


@_add("sum-is-zero", "the four kinds of account have the sum 0, also while a payment is pending", DOUBLE_ENTRY)
def sum_is_zero(bench: Bench) -> None:
    account = bench.open_account()
    transfer = bench.pay(account, bench.counterpart().key)
    request = bench.decisions.await_request(transfer.id)
    bench.check_equal(bench.api.books().sum_centavos, 0, "The sum of the books while a payment is pending")
    bench.decisions.confirm(request)
    bench.decisions.await_processed(transfer.id, Side.PAYER)
    bench.decisions.receive(account, AMOUNT_CENTAVOS)
    bench.check_equal(bench.api.books().sum_centavos, 0, "The sum of the books")


@_add("customers", "customers_centavos is the sum of all balances", DOUBLE_ENTRY)
def customers(bench: Bench) -> None:
    bench.decisions.receive(bench.open_account(), AMOUNT_CENTAVOS)
    total = sum(account.balance_centavos for account in bench.api.accounts())
    bench.check_equal(bench.api.books().customers_centavos, total, "customers_centavos")


@_add(
    "balances-are-postings", "each balance is the sum of its postings, after all that the bank went through", POSTINGS
)
def balances_are_postings(bench: Bench) -> None:
    busy = bench.open_account(0)
    for amount in AMOUNTS_CENTAVOS:
        bench.decisions.receive(busy, amount)
    for account in bench.api.accounts():
        total = sum(posting.amount_centavos for posting in bench.api.postings(account.number))
        bench.check_equal(account.balance_centavos, total, f"The balance of {account.number}")


@_add("no-negative-balance", "no account is below zero, after all that the bank went through", POSTINGS)
def no_negative_balance(bench: Bench) -> None:
    account, key = bench.open_account(), bench.counterpart().key
    tries = [lambda: bench.try_to_pay(account, key, BALANCE_CENTAVOS)] * 3
    taken = [answer for answer in bench.at_once(*tries) if answer.is_success]
    negative = [account.number for account in bench.api.accounts() if account.balance_centavos < 0]
    for answer in taken:
        bench.decisions.fail(bench.decisions.await_request(str(answer.body["id"])))
    bench.check_equal(negative, [], "The list of accounts below zero")


@_add("to-the-centavo", "amounts that floating point cannot hold are credited to the centavo", POSTINGS)
def to_the_centavo(bench: Bench) -> None:
    account = bench.open_account(0)
    expected = 0
    for amount in AMOUNTS_CENTAVOS:
        bench.decisions.receive(account, amount)
        expected += amount
        bench.check_balance(account, expected)


@_add("opening", "an opening balance changes customers and equity alone", DOUBLE_ENTRY)
def opening(bench: Bench) -> None:
    before = bench.api.books()
    bench.open_account()
    _check_change(bench, before, what="an opening balance", customers=BALANCE_CENTAVOS, equity=-BALANCE_CENTAVOS)


@_add("paying", "a payment moves from the customer to clearing, and from there to settlement", SETTLEMENT)
def paying(bench: Bench) -> None:
    account = bench.open_account()
    before = bench.api.books()
    transfer = bench.pay(account, bench.counterpart().key)
    request = bench.decisions.await_request(transfer.id)
    _check_change(bench, before, what="a pending payment", customers=-AMOUNT_CENTAVOS, clearing=AMOUNT_CENTAVOS)
    bench.decisions.confirm(request)
    bench.decisions.await_processed(transfer.id, Side.PAYER)
    _check_change(bench, before, what="a confirmed payment", customers=-AMOUNT_CENTAVOS, settlement=AMOUNT_CENTAVOS)


@_add("refunding", "a failed payment moves from clearing back to the customer", DOUBLE_ENTRY)
def refunding(bench: Bench) -> None:
    account = bench.open_account()
    before = bench.api.books()
    transfer = bench.pay(account, bench.counterpart().key)
    bench.decisions.fail(bench.decisions.await_request(transfer.id))
    bench.decisions.await_processed(transfer.id, Side.PAYER)
    _check_change(bench, before, what="a failed payment")


@_add("being-paid", "an accepted offer changes nothing, and a confirmed one customers and settlement", SETTLEMENT)
def being_paid(bench: Bench) -> None:
    account = bench.open_account()
    before = bench.api.books()
    offer = bench.decisions.offer(account, AMOUNT_CENTAVOS)
    bench.decisions.await_acceptance(offer)
    _check_change(bench, before, what="an accepted offer")
    bench.decisions.confirm_offer(offer)
    bench.decisions.await_processed(offer.end_to_end_id, Side.PAYEE)
    _check_change(bench, before, what="a payment received", customers=AMOUNT_CENTAVOS, settlement=-AMOUNT_CENTAVOS)


@_add("postings-stay", "no posting is changed or removed by what follows", POSTINGS)
def postings_stay(bench: Bench) -> None:
    account = bench.open_account()
    bench.decisions.receive(account, AMOUNT_CENTAVOS)
    before = bench.api.postings(account.number)
    transfer = bench.pay(account, bench.counterpart().key)
    bench.decisions.fail(bench.decisions.await_request(transfer.id))
    bench.decisions.await_processed(transfer.id, Side.PAYER)
    after = bench.api.postings(account.number)
    bench.check_equal(after[: len(before)], before, "The beginning of the postings")
    bench.check_equal(len({posting.id for posting in after}), len(after), "The number of different ids of postings")


@_add(
    "returning",
    "a return moves from the customer to clearing, and from there to settlement",
    SETTLEMENT,
    more=(Need.RETURNS,),
    profile=Profile.FULL,
)
def returning(bench: Bench) -> None:
    account = bench.open_account()
    original = bench.decisions.receive(account, AMOUNT_CENTAVOS)
    before = bench.api.books()
    order = {
        "transfer_id": original.end_to_end_id,
        "amount_centavos": AMOUNT_CENTAVOS,
        "reason": "MD06",
        "idempotency_key": bench.new_uuid(),
    }
    return_id = str(bench.api.ask("POST", "/returns", order)["id"])
    request = bench.await_message(ReturnRequested, return_id)
    _check_change(bench, before, what="a pending return", customers=-AMOUNT_CENTAVOS, clearing=AMOUNT_CENTAVOS)
    bench.decisions.confirm_return(request, original, side=Side.PAYEE)
    bench.await_message(ReturnProcessed, return_id)
    _check_change(bench, before, what="a confirmed return", customers=-AMOUNT_CENTAVOS, settlement=AMOUNT_CENTAVOS)


@_add("nothing-left", "no money is in clearing once everything is decided on", DOUBLE_ENTRY)
def nothing_left(bench: Bench) -> None:
    account = bench.open_account()
    transfer = bench.pay(account, bench.counterpart().key)
    bench.decisions.fail(bench.decisions.await_request(transfer.id))
    bench.decisions.await_processed(transfer.id, Side.PAYER)
    bench.eventually(
        lambda: bench.api.books().clearing_centavos == 0,
        "clearing is empty, with every transfer of the examination decided on",
    )
