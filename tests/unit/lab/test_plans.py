"""What the lab is going to do is decided by the seed alone, and contains what it promises."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest
from typer.testing import CliRunner

from lab.cli import app
from lab.drive.customers import Customer, Key, Population
from lab.drive.payments import SentPayment, good_payments
from lab.drive.returns import PARTS_MAX, RETURNED_SHARE, parts_of, plan_returns
from lab.network.network import BANKS_MAX, bank_specs
from lab.prove.faults import FIRST_MOMENT, LAST_MOMENT, Action, Target, plan_faults
from lab.prove.smoke import FAILURES, SETTLEMENT_FUNDS_CENTAVOS, plan
from lab.prove.smoke_returns import returns_between_pairs
from lab.read.report import percentile


def person(code: str, number: int, balance: int, status: str = "active") -> Customer:
    key = Key("EMAIL", f"p{number}@bank{code}.example")
    return Customer(code, f"{code}-{number}", f"Person {number}", status, balance, (key,))


def population(*codes: str) -> Population:
    return Population(
        {
            code: [
                person(code, 1, 900_000_000),
                person(code, 2, 0),
                person(code, 3, 5_000),
                person(code, 4, 700, "blocked"),
                person(code, 5, 0, "closed"),
                person(code, 6, 90_000),
            ]
            for code in codes
        }
    )


def test_people_are_told_apart() -> None:
    people = population("001")
    assert people.rich("001").account_number == "001-1"
    assert people.broke("001").account_number == "001-2"
    assert people.blocked("001").account_number == "001-4"
    assert people.closed("001").account_number == "001-5"
    assert [friend.account_number for friend in people.friends("001")] == ["001-3", "001-6"]
    with pytest.raises(LookupError, match="Bank 002"):
        Population({"002": []}).broke("002")


def test_good_payments_go_between_every_pair_of_banks_and_within_each() -> None:
    payments = good_payments(population("001", "002", "003"), 18, Random(1), "x")
    pairs = Counter((each.payer_bank, each.key.key.partition("@bank")[2][:3]) for each in payments)
    assert pairs == {(payer, payee): 2 for payer in ("001", "002", "003") for payee in ("001", "002", "003")}
    assert len({each.idempotency_key for each in payments}) == 18


@pytest.mark.parametrize("count", [20, 60, 200])
def test_a_quarter_of_the_smoke_must_fail_for_every_reason(count: int) -> None:
    first, then = plan(population("001", "002"), count, Random(3))
    expected = Counter(each.expected for each in (*first, *then))
    assert expected.total() == count
    assert expected["completed"] == count - max(count // 4, len(FAILURES))
    assert set(expected) == {
        "completed", "AC03", "AC06", "AC07", "AM04", "insufficient-balance", "payer-is-payee", "amount_centavos",
        "idempotency-conflict",
    }  # fmt: skip
    assert {each.expected for each in then} == {"idempotency-conflict"}
    keys = {each.idempotency_key: each.amount_centavos for each in first}
    assert all(keys[each.idempotency_key] != each.amount_centavos for each in then)
    assert all(each.amount_centavos > SETTLEMENT_FUNDS_CENTAVOS for each in first if each.expected == "AM04")


def test_the_same_seed_makes_the_same_plan() -> None:
    people = population("001", "002")
    assert plan(people, 60, Random(5)) == plan(people, 60, Random(5))
    assert plan(people, 60, Random(5)) != plan(people, 60, Random(6))
    faults = [plan_faults(list(Target), 3, 15.0, 2, 3, Random(seed)) for seed in (5, 5, 6)]
    assert faults[0] == faults[1] != faults[2]


def test_every_pair_of_banks_has_a_full_return_and_three_partial_ones() -> None:
    people = population("001", "002", "003")
    paid = [SentPayment(each, f"e2e {each.idempotency_key}") for each in good_payments(people, 18, Random(1), "x")]
    amounts = {each.end_to_end_id: each.payment.amount_centavos for each in paid}
    orders = returns_between_pairs([*paid, SentPayment(paid[1].payment)], people)
    parts = Counter(each.original_end_to_end_id for each in orders)
    assert sorted(parts.values()) == [1] * 6 + [3] * 6
    returned = Counter[str]()
    for each in orders:
        returned[each.original_end_to_end_id] += each.amount_centavos
        assert each.account_number.startswith(each.bank)
    assert returned == {end_to_end_id: amounts[end_to_end_id] for end_to_end_id in parts}
    assert len({each.idempotency_key for each in orders}) == 24


def test_a_pair_with_one_payment_returns_it_in_full() -> None:
    people = population("001", "002")
    paid = [SentPayment(each, each.idempotency_key) for each in good_payments(people, 2, Random(1), "x")]
    assert [each.amount_centavos for each in returns_between_pairs(paid, people)] == [paid[1].payment.amount_centavos]


def test_a_seeded_share_of_the_payments_goes_back_in_part_or_in_full() -> None:
    payments = good_payments(population("001", "002"), 300, Random(1), "x")
    plan = plan_returns(payments, Random(7))
    assert plan == plan_returns(payments, Random(7)) != plan_returns(payments, Random(8))
    assert 0.5 * RETURNED_SHARE < len(plan) / 300 < 1.5 * RETURNED_SHARE
    amounts = {each.idempotency_key: each.amount_centavos for each in payments}
    assert all(min(parts) > 0 and sum(parts) <= amounts[key] for key, parts in plan.items())
    assert {len(parts) for parts in plan.values()} == set(range(1, PARTS_MAX + 1))
    assert {sum(parts) == amounts[key] for key, parts in plan.items()} == {True, False}


def test_parts_add_up_to_the_amount() -> None:
    assert parts_of(1_00, 3) == [34, 33, 33]
    assert parts_of(2, 3) == [1, 1]


def test_faults_hit_every_target_while_payments_are_made() -> None:
    faults = plan_faults(list(Target), 4, 30.0, 2, 3, Random(1))
    assert Counter(fault.target for fault in faults) == dict.fromkeys(Target, 4)
    assert {fault.action for fault in faults} == {Action.KILL, Action.FREEZE}
    assert all(any(fault.action is Action.KILL for fault in faults if fault.target is target) for target in Target)
    assert all(FIRST_MOMENT * 30 <= fault.at_seconds <= LAST_MOMENT * 30 for fault in faults)
    assert [fault.at_seconds for fault in faults] == sorted(fault.at_seconds for fault in faults)
    assert {fault.number for fault in faults if fault.target is Target.BROKER} == {0}
    assert {fault.number for fault in faults if fault.target is Target.BANK} <= {0, 1, 2}


def test_banks_beyond_the_demo_have_codes_and_names_of_their_own() -> None:
    specs = bank_specs(BANKS_MAX)
    assert [spec.code for spec in specs[:4]] == ["001", "002", "003", "004"]
    assert len({spec.code for spec in specs}) == len({spec.name for spec in specs}) == BANKS_MAX == 20
    assert len({spec.color for spec in specs}) == BANKS_MAX
    for count in (0, BANKS_MAX + 1):
        with pytest.raises(ValueError, match="1 to"):
            bank_specs(count)


@pytest.mark.parametrize(("count", "rule"), [("1", "greater than or equal to 2"), ("21", "less than or equal to 20")])
def test_a_number_of_banks_that_cannot_be_is_refused(count: str, rule: str) -> None:
    result = CliRunner().invoke(app, ["demo", "--banks", count], env={"COLUMNS": "200"})
    assert result.exit_code == 2
    assert f"Invalid value for '--banks': Input should be {rule}" in result.output


def test_percentiles_are_numbers_that_were_seen() -> None:
    assert percentile([], 50) is None
    assert percentile([7], 99) == 7
    assert percentile(list(range(1, 101)), 50) == 50
    assert percentile(list(range(1, 101)), 99) == 99
    assert percentile([30, 10, 20], 99) == 30
