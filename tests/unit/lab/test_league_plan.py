"""The plan of a league: the same for everybody, and room for every fault."""

from __future__ import annotations

from itertools import pairwise

import pytest

from lab.prove.league.plan import FaultKind, OrderKind, make_plan


def test_a_seed_has_one_plan() -> None:
    assert make_plan(7) == make_plan(7)
    assert make_plan(7).digest == make_plan(7).digest
    assert len({make_plan(seed).digest for seed in range(20)}) == 20
    assert make_plan(7, 20).digest != make_plan(7, 21).digest


def test_the_digest_of_a_seed_is_known() -> None:
    """Whoever publishes a digest before a competition must be able to show the same plan on another machine."""
    assert make_plan(1).digest == "8fd69487f88c"


@pytest.mark.parametrize("seconds", [6.0, 15.0, 40.0, 120.0])
@pytest.mark.parametrize("seed", range(25))
def test_orders_and_faults_are_within_the_time(seed: int, seconds: float) -> None:
    plan = make_plan(seed, seconds)
    times = [order.at_ms for order in plan.orders]
    assert times == sorted(times)
    assert times[0] >= 0 and times[-1] <= seconds * 1000
    amounts = [order.amount_centavos for order in plan.orders]
    assert len(set(amounts)) == len(amounts), "each order is recognised by its amount"
    outages = [fault for fault in plan.faults if fault.kind is not FaultKind.DUPLICATES]
    assert all(earlier.end_ms < later.at_ms for earlier, later in pairwise(outages))
    assert {fault.kind for fault in plan.faults} == set(FaultKind)


def test_a_default_plan_has_orders_of_every_kind() -> None:
    assert {order.kind for order in make_plan(1).orders} == set(OrderKind)


def test_customers_have_enough_for_all_that_they_pay() -> None:
    plan = make_plan(3)
    for customer in range(6):
        paid = [
            order.amount_centavos
            for order in plan.orders
            if order.customer == customer and order.kind not in (OrderKind.RECEIVE, OrderKind.PAY_WITHOUT_MONEY)
        ]
        assert paid and plan.opening_centavos(customer) > sum(paid)


@pytest.mark.parametrize("seconds", [0.0, 5.9, 121.0, float("nan")])
def test_a_time_out_of_range_is_refused(seconds: float) -> None:
    with pytest.raises(ValueError, match="must be 6 to 120"):
        make_plan(1, seconds)
