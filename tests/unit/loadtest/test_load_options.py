"""The options of a load: what they mean, and what is said of those that cannot be."""

from __future__ import annotations

from argparse import ArgumentParser
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from loadtest.users.customers import Bank, Customer, Customers, CustomersOfBank
from loadtest.users.mix import UserKind, parse_mix, parse_pairs, shares_of_banks
from loadtest.users.options import LoadOptions, OptionRefused, add_options, check_options, read_options

DRAWS = 4_000


class Parser(ArgumentParser):
    """As locust's, without its page and its environment."""

    def add_argument(self, *names: Any, **how: Any) -> Any:
        return super().add_argument(
            *names, **{name: how[name] for name in how.keys() - {"env_var", "include_in_web_ui", "is_secret"}}
        )


def read(*arguments: str) -> LoadOptions:
    parser = Parser()
    add_options(parser)
    return read_options(parser.parse_args(arguments))


def customers_of(codes: list[str], shares: dict[str, float]) -> Customers:
    banks = [Bank(code, code.zfill(8), f"Banco {code}", f"http://127.0.0.1:8{code}") for code in codes]
    return Customers(
        {
            bank.code: CustomersOfBank(
                [Customer(bank, f"{number}-{bank.code}", "Alguém", "EVP", "") for number in range(4)]
            )
            for bank in banks
        },
        shares,
    )


def test_what_is_not_said_is_the_default() -> None:
    assert read() == LoadOptions()


def test_what_is_said_is_read() -> None:
    options = read("--rate=2.5", "--shape=spike", "--banks=001=http://a:1,002=http://b:2", "--bank-secrets=001=x=y")
    assert options.rate_per_second == 2.5
    assert options.shape.value == "spike"
    assert options.banks == {"001": "http://a:1", "002": "http://b:2"}
    assert options.bank_secrets == {"001": "x=y"}


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--rate=0"], "--rate: 0 is not from"),
        (["--rate=1e9"], "--rate"),
        (["--rate=nan"], "--rate"),
        (["--seconds=0"], "--seconds"),
        (["--skew=1.1"], "--skew: 1.1 is not from 0 to 1"),
        (["--customers=0"], "--customers"),
        (["--think-seconds=-1"], "--think-seconds"),
        (["--mix=cats=1"], "--mix: 'cats' is no kind of user; there are people, integrators, look-ups"),
        (["--mix=people=-1"], "--mix"),
        (["--mix=people"], "--mix: 'people' is not written as people=50"),
        (["--mix=people=0"], "--mix: every share is 0"),
        (["--banks=http://a:1"], "--banks: 'http://a:1' is not written as 001=http://127.0.0.1:8001"),
        (["--bank-secrets=001"], "--bank-secrets"),
    ],
)
def test_what_cannot_be_is_refused_by_its_name(arguments: list[str], named: str) -> None:
    with pytest.raises(OptionRefused, match=named):
        read(*arguments)


def test_no_rate_is_beyond_all_limits() -> None:
    with pytest.raises(OptionRefused, match="--rate"):
        check_options(replace(LoadOptions(), rate_per_second=float("inf")))


def test_the_mix_is_in_parts() -> None:
    assert parse_mix("people=3, look-ups=1") == {UserKind.PEOPLE: 3.0, UserKind.LOOK_UPS: 1.0}


def test_pairs_have_both_halves() -> None:
    assert parse_pairs("001=a, 002=b", "001=a") == {"001": "a", "002": "b"}
    assert parse_pairs("", "001=a") == {}
    with pytest.raises(ValueError, match="001=a"):
        parse_pairs("001=", "001=a")


def test_one_bank_has_its_share_and_the_others_the_rest() -> None:
    assert shares_of_banks(["001", "002", "003"], 0.7) == pytest.approx({"001": 0.7, "002": 0.15, "003": 0.15})
    assert shares_of_banks(["001"], 0.7) == {"001": 1.0}


def test_visits_are_skewed_and_payees_are_not() -> None:
    codes = ["001", "002", "003"]
    customers, random = customers_of(codes, shares_of_banks(codes, 0.7)), Random(3)
    payers = [customers.payer(random) for _ in range(DRAWS)]
    payees = [customers.payee(random, payer) for payer in payers]
    assert sum(payer.bank.code == "001" for payer in payers) / DRAWS == pytest.approx(0.7, abs=0.04)
    assert sum(payee.bank.code == "001" for payee in payees) / DRAWS == pytest.approx(1 / 3, abs=0.04)
    assert all(payer is not payee for payer, payee in zip(payers, payees, strict=True))
