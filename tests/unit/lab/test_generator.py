"""What the generator sends is what was asked for, and what becomes of it is counted."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from lab.drive.generator.plan import Orders, PlanRefused, TrafficPlan, check_plan
from lab.drive.generator.tally import RECENT_SECONDS, Tally
from lab.drive.payments import Payment
from tests.unit.lab.test_plans import population

CODES = ("001", "002", "003")


def batch(plan: TrafficPlan, count: int) -> list[Payment]:
    maker = Orders(check_plan(plan, CODES), population(*CODES), Random(1))
    return [maker.make() for _ in range(count)]


def test_customers_of_all_banks_pay_and_each_order_is_another_one() -> None:
    made = batch(TrafficPlan(failing_percent=0), 300)
    assert set(Counter(order.payer_bank for order in made)) == set(CODES)
    assert {order.expected for order in made} == {"completed"}
    assert len({order.idempotency_key for order in made}) == 300
    assert all(order.amount_centavos > 0 for order in made)


def test_the_mix_is_skewed_as_one_wants() -> None:
    made = batch(TrafficPlan(failing_percent=0, payers={"001": 8, "002": 2, "003": 0}, payees={"001": 0}), 1_000)
    payers = Counter(order.payer_bank for order in made)
    assert payers["003"] == 0
    assert 3 < payers["001"] / payers["002"] < 5.5
    assert not any("@bank001" in order.key.key for order in made)


def test_the_share_that_must_fail_fails_for_every_reason() -> None:
    made = Counter(order.expected for order in batch(TrafficPlan(failing_percent=40), 1_000))
    assert set(made) == {"completed", "AC03", "AC06", "AC07", "insufficient-balance"}
    assert 0.33 < 1 - made["completed"] / 1_000 < 0.47
    assert "completed" not in Counter(order.expected for order in batch(TrafficPlan(failing_percent=100), 100))


@pytest.mark.parametrize(
    ("plan", "field", "rule"),
    [
        (TrafficPlan(rate_per_second=0), "rate_per_second", "at most 1000 payments per second"),
        (TrafficPlan(rate_per_second=1_000.1), "rate_per_second", "at most 1000"),
        (TrafficPlan(rate_per_second=float("nan")), "rate_per_second", "above 0"),
        (TrafficPlan(failing_percent=101), "failing_percent", "0 to 100"),
        (TrafficPlan(failing_percent=-1), "failing_percent", "0 to 100"),
        (TrafficPlan(payers={"009": 1}), "payers", "No bank has the code 009"),
        (TrafficPlan(payees={"001": 101}), "payees", "0 to 100"),
        (TrafficPlan(payers={"001": -1}), "payers", "0 to 100"),
        (TrafficPlan(payees={"001": 0, "002": 0, "003": 0}), "payees", "above 0"),
    ],
)
def test_what_cannot_be_is_refused_by_its_name(plan: TrafficPlan, field: str, rule: str) -> None:
    with pytest.raises(PlanRefused, match=rule) as refused:
        check_plan(plan, CODES)
    assert refused.value.field == field


class Clock:
    seconds = 100.0


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tally(clock: Clock) -> Tally:
    return Tally(lambda: clock.seconds)


def test_each_end_counts_once_and_as_what_it_is(tally: Tally) -> None:
    good, bad, refused = batch(TrafficPlan(failing_percent=0), 3)
    bad = Payment(bad.payer_bank, bad.payer_account, bad.key, 1, "", "bad", "AC06")
    refused = Payment(refused.payer_bank, refused.payer_account, refused.key, 1, "", "refused", "insufficient-balance")
    tally.taken(good, "E1", 0)
    tally.taken(bad, "E2", 0)
    tally.refused(refused, "insufficient-balance")
    assert tally.counts().in_flight == 2
    for _ in range(2):
        tally.finished("E1", "completed", 40)
        tally.finished("E2", "AC06", 30)
        tally.finished("E9", "completed", 1)
    counts = tally.counts()
    assert (counts.sent, counts.completed, counts.in_flight, counts.unexpected) == (2, 1, 0, 0)
    assert counts.failed_as_they_must == {"AC06": 1, "insufficient-balance": 1}
    assert (counts.latency_p50_ms, counts.latency_p99_ms) == (40, 40)


def test_another_end_than_was_expected_is_named(tally: Tally) -> None:
    (order,) = batch(TrafficPlan(failing_percent=0), 1)
    tally.taken(order, "E1", 0)
    tally.finished("E1", "AM04", 5)
    tally.refused(order, "account-closed")
    counts = tally.counts()
    assert counts.unexpected == 2
    assert counts.unexpected_shown[0] == "E1: AM04 instead of completed"
    assert counts.unexpected_shown[1].endswith("account-closed instead of completed")


def test_rates_and_latencies_are_of_the_last_while(tally: Tally, clock: Clock) -> None:
    made = batch(TrafficPlan(failing_percent=0), 20)
    for number, order in enumerate(made):
        tally.taken(order, f"E{number}", 0)
        tally.finished(f"E{number}", "completed", number + 1)
    assert tally.counts().sent_per_second == 20 / RECENT_SECONDS
    assert tally.counts().completed_per_second == 20 / RECENT_SECONDS
    clock.seconds += RECENT_SECONDS + 1
    counts = tally.counts()
    assert (counts.sent_per_second, counts.completed_per_second) == (0, 0)
    assert (counts.latency_p50_ms, counts.completed) == (None, 20)
