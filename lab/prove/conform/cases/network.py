"""The bank in a fresh network, with the real hub and a bank of ours."""

from __future__ import annotations

from typing import Final

from lab.prove.conform import rules
from lab.prove.conform.bench import AMOUNT_CENTAVOS, BALANCE_CENTAVOS, Bench
from lab.prove.conform.case import Declare, Group, Need, Profile, Rule, Stage
from lab.prove.conform.contract import Account
from lab.prove.conform.examiner import CODE, NAME
from lab.prove.conform.live import live_network
from pix.scheme.keys import KeyKind

GROUP: Final = Group("network", "In a network: the real hub, and a bank of ours")
PAYMENTS: Final = 8
JOINED_SECONDS: Final = 20.0


def _add(name: str, title: str, rule: Rule, *more: Need, profile: Profile = Profile.MINIMAL) -> Declare:
    return GROUP.add(name, title, rule, stage=Stage.NETWORK, needs=[Need.PROCESS, *more], profile=profile)


def _payee(bench: Bench, balance_centavos: int = 0) -> tuple[Account, str]:
    """An account with a key."""
    account, address = bench.open_account(balance_centavos), bench.examiner.people.email()
    answer = bench.register_key(account, KeyKind.EMAIL, address)
    bench.check(answer.is_success, f"The registration of a key was answered with {answer.status}.")
    return account, address


@_add("joins", "the hub shows the bank as up, by its name", rules.JOINS)
def joins(bench: Bench) -> None:
    live = live_network(bench.examiner)

    def shown() -> str:
        return next((bank["name"] for bank in live.hub.banks() if (bank["code"], bank["state"]) == (CODE, "up")), "")

    bench.eventually(shown, "the hub shows the bank as up", JOINED_SECONDS)
    bench.check_equal(shown(), NAME, "The name that the hub shows")


@_add("pays", "a payment to a customer of another bank completes", rules.COMPLETES)
def pays(bench: Bench) -> None:
    live = live_network(bench.examiner)
    bank, other = live.benches(bench)
    payer, (payee, address) = bank.open_account(), _payee(other)
    transfer = bank.pay(payer, address)
    live.await_status(bench, transfer.id, "completed")
    bank.check_transfer(transfer.id, "confirmed")
    bank.check_balance(payer, BALANCE_CENTAVOS - AMOUNT_CENTAVOS)
    other.check_balance(payee, AMOUNT_CENTAVOS)


@_add("is-paid", "a payment of a customer of another bank completes", rules.COMPLETES)
def is_paid(bench: Bench) -> None:
    live = live_network(bench.examiner)
    bank, other = live.benches(bench)
    (payee, address), payer = _payee(bank), other.open_account()
    transfer = other.pay(payer, address)
    live.await_status(bench, transfer.id, "completed")
    bank.check_transfer(transfer.id, "confirmed", side="payee")
    bank.check_balance(payee, AMOUNT_CENTAVOS)


@_add("refused", "a payment to a blocked account is refunded with AC06", rules.REFUNDS)
def refused(bench: Bench) -> None:
    live = live_network(bench.examiner)
    bank, other = live.benches(bench)
    payer, (payee, address) = bank.open_account(), _payee(other)
    other.api.ask("PUT", f"/accounts/{payee.number}/status", {"status": "blocked"})
    transfer = bank.pay(payer, address)
    live.await_status(bench, transfer.id, "failed")
    bank.check_transfer(transfer.id, "failed", reason="AC06")
    bank.check_balance(payer, BALANCE_CENTAVOS)


@_add("within-the-bank", "a payment between two customers of the bank completes", rules.OWN_BANK)
def within_the_bank(bench: Bench) -> None:
    live = live_network(bench.examiner)
    bank, _ = live.benches(bench)
    payer, (payee, address) = bank.open_account(), _payee(bank)
    transfer = bank.pay(payer, address)
    live.await_status(bench, transfer.id, "completed")
    bank.check_balance(payer, BALANCE_CENTAVOS - AMOUNT_CENTAVOS)
    bank.check_balance(payee, AMOUNT_CENTAVOS)


@_add("both-ways-and-killed", "payments both ways complete though the bank is killed meanwhile", rules.COMPLETES)
def both_ways_and_killed(bench: Bench) -> None:
    live = live_network(bench.examiner)
    bank, other = live.benches(bench)
    (own, own_key), (foreign, foreign_key) = _payee(bank, BALANCE_CENTAVOS), _payee(other, BALANCE_CENTAVOS)
    out = bench.at_once(*[lambda: bank.pay(own, foreign_key, 10_00) for _ in range(PAYMENTS)])
    in_ = bench.at_once(*[lambda: other.pay(foreign, own_key, 7_00) for _ in range(PAYMENTS)])
    bench.evidence.note("SIGKILL")
    live.bank.kill()
    in_ += bench.at_once(*[lambda: other.pay(foreign, own_key, 7_00) for _ in range(PAYMENTS)])
    live.bank.start()
    bench.evidence.note("The bank was started again.")
    for transfer in (*out, *in_):
        live.await_status(bench, transfer.id, "completed")
    bank.check_balance(own, BALANCE_CENTAVOS - PAYMENTS * 10_00 + 2 * PAYMENTS * 7_00)
    other.check_balance(foreign, BALANCE_CENTAVOS + PAYMENTS * 10_00 - 2 * PAYMENTS * 7_00)


@_add("returns", "money of a payment goes back through the hub", rules.COMPLETES, Need.RETURNS, profile=Profile.FULL)
def returns(bench: Bench) -> None:
    live = live_network(bench.examiner)
    bank, other = live.benches(bench)
    (payee, address), payer = _payee(bank), other.open_account()
    transfer = other.pay(payer, address)
    live.await_status(bench, transfer.id, "completed")
    order = {
        "transfer_id": transfer.id,
        "amount_centavos": 5_00,
        "reason": "MD06",
        "idempotency_key": bench.examiner.people.text(20),
    }
    return_id = str(bank.api.ask("POST", "/returns", order)["id"])
    bank.check_transfer(return_id, "confirmed")
    bank.check_balance(payee, AMOUNT_CENTAVOS - 5_00)
    other.check_balance(payer, BALANCE_CENTAVOS - AMOUNT_CENTAVOS + 5_00)


@_add("books-agree", "the bank's settlement account follows the hub's", rules.SETTLEMENT_FOLLOWS, Need.MONEY)
def books_agree(bench: Bench) -> None:
    live = live_network(bench.examiner)
    bank, other = live.benches(bench)
    before = live.settlement_centavos(CODE) + bank.api.books().settlement_centavos
    (payee, address), payer = _payee(bank), other.open_account()
    live.await_status(bench, other.pay(payer, address).id, "completed")
    bank.check_balance(payee, AMOUNT_CENTAVOS)
    found = bank.api.books()
    after = live.settlement_centavos(CODE) + found.settlement_centavos
    bench.check_equal(after, before, "The difference between the hub's settlement account and the bank's books")
    bench.check_equal(found.sum_centavos, 0, "The sum of the books")
