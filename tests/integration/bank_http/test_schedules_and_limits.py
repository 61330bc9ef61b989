"""Scheduling from the pay pages and by REST, what is shown of it, and limits."""

from __future__ import annotations

from datetime import date, time, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from bank_sim.application.use_cases import BankApplication
from bank_sim.domain.account import Account
from bank_sim.domain.limits import LimitKind
from tests.integration.bank_http.conftest import Visit, Visitor
from tests.support.clock import TurnedClock, at_time_ms
from tests.support.village import Village, found_village

API = "/api/v1"
START_MS = at_time_ms(date(2026, 11, 22), time(12))
TOMORROW = date(2026, 11, 23)


@pytest.fixture
def clock() -> TurnedClock:
    return TurnedClock(START_MS)


@pytest.fixture
def village(clock: TurnedClock) -> Village:
    return found_village(with_people=False, clock=clock)


@pytest.fixture
def visitor(visit: Visit, aurora: BankApplication, ana: Account, bruno: Account, clock: TurnedClock) -> Visitor:
    """Ana in a browser of her bank."""
    return visit(aurora, ana, clock)


def plan(visitor: Visitor, amount: str = "150,75", **fields: str) -> None:
    visitor.open("/pay")
    visitor.send("/pay", key="bruno@example.com")
    visitor.send("/pay/amount", payee=visitor.hidden("payee"), amount=amount, description="Aluguel", **fields)


def schedule(visitor: Visitor, **fields: str) -> None:
    plan(visitor, **fields)
    assert visitor.path == "/pay/review", visitor.text
    visitor.send("/pay/confirm", order=visitor.hidden("order"))
    assert visitor.path == "/schedules", visitor.text


def monthly(first_day: str = "2026-12-31") -> dict[str, str]:
    return {"when": "monthly", "first_day": first_day, "count": "3"}


def test_a_pix_is_scheduled_in_the_pay_pages_and_shown_everywhere(
    visitor: Visitor, aurora: BankApplication, ana: Account
) -> None:
    plan(visitor, **monthly())
    assert "Every month" in visitor.text and "Dec 31, 2026" in visitor.text and "Schedule R$ 150,75" in visitor.text
    order = visitor.hidden("order")
    for _ in range(2):
        visitor.send("/pay/confirm", order=order)
    assert len(aurora.queries.schedules_of(ana.number)) == 1
    assert aurora.queries.find_account(ana.number).balance_centavos == 100_000
    for page in ("/schedules", "/", "/statement"):
        visitor.open(page)
        assert "Bruno Lima" in visitor.text and "3 payments left, until Feb 28, 2027" in visitor.text, page


def test_what_is_scheduled_need_not_be_in_the_account_yet(visitor: Visitor) -> None:
    schedule(visitor, amount="5.000,00", **monthly())
    assert "R$ 5.000,00" in visitor.text


@pytest.mark.parametrize(
    ("fields", "field", "sentence"),
    [
        ({"when": "once", "first_day": "2026-11-22"}, "first_day", "Choose a day from tomorrow on."),
        ({"when": "once"}, "first_day", "Choose a day."),
        ({"when": "once", "first_day": "31/12/2026"}, "first_day", "Write the date as year, month and day"),
        ({"when": "weekly", "first_day": "2026-12-01"}, "count", "Give the number of payments or the last day"),
        ({"when": "weekly", "first_day": "2026-12-01", "count": "many"}, "count", "in digits"),
        ({"when": "monthly", "first_day": "2026-12-01", "last_day": "2026-11-30"}, "last_day", "must not be before"),
    ],
)
def test_days_that_cannot_be_are_explained_at_their_field(
    visitor: Visitor, fields: dict[str, str], field: str, sentence: str
) -> None:
    plan(visitor, **fields)
    assert visitor.page.status_code == 422
    assert f'id="{field}-fault"' in visitor.page.text and sentence in visitor.text


def test_a_payment_is_made_on_its_day_and_leads_to_its_transfer(
    visitor: Visitor, village: Village, aurora: BankApplication, clock: TurnedClock
) -> None:
    schedule(visitor, when="once", first_day=TOMORROW.isoformat())
    clock.at_ms = at_time_ms(TOMORROW)
    aurora.run_due_schedules()
    village.deliver()
    visitor.open("/schedules")
    (execution,) = aurora.queries.executions_of(aurora.queries.list_accounts().accounts[0].number)
    assert f"/transfers/{execution.end_to_end_id}?direction=outgoing" in visitor.page.text
    assert "Nothing is scheduled" in visitor.text
    visitor.open(f"/transfers/{execution.end_to_end_id}")
    assert "Pix sent" in visitor.text


def test_a_failed_payment_is_told_on_home_until_it_is_read(
    visitor: Visitor, aurora: BankApplication, clock: TurnedClock
) -> None:
    schedule(visitor, amount="5.000,00", **monthly())
    clock.at_ms = at_time_ms(date(2026, 12, 31))
    aurora.run_due_schedules()
    visitor.open("/schedules")
    assert "Not paid yet: You don't have enough balance. We try again at 08:00." in visitor.text
    for at in (time(8), time(18)):
        clock.at_ms = at_time_ms(date(2026, 12, 31), at)
        aurora.run_due_schedules()
    visitor.open("/")
    told = (
        "Your scheduled Pix of R$ 5.000,00 to Bruno Lima on Dec 31, 2026 was not paid. You don't have enough balance."
    )
    assert told in visitor.text
    schedule_id = aurora.queries.schedules_of(_number(aurora))[0].schedule_id
    visitor.send(f"/schedules/{schedule_id}/failure-read", failed_day="2026-12-31")
    assert visitor.path == "/" and "was not paid" not in visitor.text
    visitor.open("/schedules")
    assert "Not paid: You don't have enough balance." in visitor.text and "Jan 31, 2027" in visitor.text


def test_a_schedule_is_changed_and_cancelled(visitor: Visitor, aurora: BankApplication) -> None:
    schedule(visitor, **monthly())
    (scheduled,) = aurora.queries.schedules_of(_number(aurora))
    visitor.open(f"/schedules/{scheduled.schedule_id}/edit")
    assert 'value="2026-12-31"' in visitor.page.text and 'value="150,75"' in visitor.page.text
    visitor.send(f"/schedules/{scheduled.schedule_id}/edit", amount="0", **monthly())
    assert visitor.page.status_code == 422 and "more than zero" in visitor.text
    visitor.send(f"/schedules/{scheduled.schedule_id}/edit", amount="99,90", **(monthly() | {"count": "2"}))
    assert visitor.path == "/schedules"
    assert "R$ 99,90" in visitor.text and "2 payments left, until Jan 31, 2027" in visitor.text
    visitor.open(f"/schedules/{scheduled.schedule_id}/cancel")
    assert "Cancel this scheduled Pix?" in visitor.text
    visitor.send(f"/schedules/{scheduled.schedule_id}/cancel")
    assert "Nothing is scheduled" in visitor.text
    assert aurora.run_due_schedules.next_due_ms() is None


def test_another_customers_schedule_is_not_found(
    visit: Visit, visitor: Visitor, aurora: BankApplication, clock: TurnedClock
) -> None:
    schedule(visitor, **monthly())
    (scheduled,) = aurora.queries.schedules_of(_number(aurora))
    carla = aurora.open_account(name="Carla Reis", tax_id="39053344705", opening_deposit_centavos=0, pin="4321")
    other = visit(aurora, carla, clock)
    other.open("/schedules")
    assert "Bruno Lima" not in other.text
    assert other.open(f"/schedules/{scheduled.schedule_id}/edit").status_code == 404
    assert other.send(f"/schedules/{scheduled.schedule_id}/cancel").status_code == 404


def test_limits_are_shown_lowered_and_raised(visitor: Visitor, aurora: BankApplication, clock: TurnedClock) -> None:
    visitor.open("/limits")
    assert "06:00 to 20:00 Now" in visitor.text
    visitor.send("/limits/day_transfer", amount="100,00")
    assert visitor.path == "/limits" and "Limit changed." in visitor.text
    plan(visitor, "100,01")
    visitor.send("/pay/confirm", order=visitor.hidden("order"))
    assert visitor.page.status_code == 422
    assert "Your limit per Pix between 06:00 and 20:00 is R$ 100,00." in visitor.text
    visitor.open("/limits")
    visitor.send("/limits/day_transfer", amount="")
    assert "Until it counts, the present one stays" in visitor.text
    assert "From Nov 23, 12:00 on there is no limit." in visitor.text
    visitor.send("/limits/day_transfer/cancel-raise")
    assert "The raise is cancelled" in visitor.text
    clock.turn(int(timedelta(days=2).total_seconds() * 1000))
    visitor.open("/limits")
    assert 'value="100,00"' in visitor.page.text
    visitor.send("/limits/day_period", amount="300,00")
    assert "R$ 300,00 of it is left." in visitor.text
    visitor.send("/limits/day_transfer", amount="abc")
    assert visitor.page.status_code == 422 and 'id="day_transfer-fault"' in visitor.page.text


def test_the_pages_speak_portuguese(visitor: Visitor) -> None:
    schedule(visitor, **monthly())
    visitor.client.headers["Accept-Language"] = "pt-BR"
    visitor.open("/schedules")
    assert "faltam 3 pagamentos, até 28/02/2027" in visitor.text
    visitor.open("/limits")
    assert "Meus limites" in visitor.text


# REST


@pytest.fixture
def rest(visit: Visit, aurora: BankApplication, clock: TurnedClock) -> TestClient:
    client: TestClient = visit(aurora, clock=clock, demo_mode=False).client
    client.headers["Authorization"] = "Bearer the operator of the tests"
    return client


def order(**plan: Any) -> dict[str, Any]:
    return {
        "payee_key": {"kind": "EMAIL", "key": "bruno@example.com"},
        "amount_centavos": 1_000,
        "description": "Rent",
        "plan": {"rhythm": "monthly", "first_day": "2026-12-31", "count": 3, **plan},
    }


def test_rest_schedules_once_per_idempotency_key(rest: TestClient, ana: Account, aurora: BankApplication) -> None:
    url, headers = f"{API}/accounts/{ana.number}/schedules", {"Idempotency-Key": "rent"}
    made = rest.post(url, json=order(), headers=headers)
    assert made.status_code == 201, made.text
    document = made.json()
    assert made.headers["Location"] == f"{url}/{document['schedule_id']}"
    assert document["status"] == "active" and document["next_day"] == "2026-12-31"
    assert document["plan"] == {"rhythm": "monthly", "first_day": "2026-12-31", "last_day": "2027-02-28", "count": 3}
    assert rest.post(url, json=order(), headers=headers).json() == document
    assert rest.get(made.headers["Location"]).json() == document
    assert rest.get(url).json() == {"schedules": [document]}

    conflict = rest.post(url, json=order(count=4), headers=headers)
    assert (conflict.status_code, conflict.json()["type"]) == (409, "urn:codepix:problem:idempotency-conflict")
    wrong = rest.post(url, json=order(first_day="2026-11-22"), headers={"Idempotency-Key": "today"})
    assert (wrong.status_code, wrong.json()["field"]) == (422, "first_day")
    assert rest.post(url, json=order()).status_code == 422


def test_rest_edits_cancels_and_tells_what_became_of_each_day(
    rest: TestClient, ana: Account, aurora: BankApplication, clock: TurnedClock
) -> None:
    url = f"{API}/accounts/{ana.number}/schedules"
    schedule_id = rest.post(url, json=order(), headers={"Idempotency-Key": "rent"}).json()["schedule_id"]
    edited = rest.patch(f"{url}/{schedule_id}", json={"amount_centavos": 2_000})
    assert edited.json()["amount_centavos"] == 2_000 and edited.json()["payments_left"] == 3
    clock.at_ms = at_time_ms(date(2026, 12, 31))
    aurora.run_due_schedules()
    (execution,) = rest.get(f"{url}/{schedule_id}/executions").json()["executions"]
    assert (execution["outcome"], execution["amount_centavos"]) == ("requested", 2_000)
    assert rest.get(f"{API}/transfers/{execution['end_to_end_id']}").json()["amount_centavos"] == 2_000
    for _ in range(2):
        cancelled = rest.delete(f"{url}/{schedule_id}")
        assert (cancelled.status_code, cancelled.json()["status"]) == (200, "cancelled")
    ended = rest.patch(f"{url}/{schedule_id}", json={"description": "x"})
    assert (ended.status_code, ended.json()["type"]) == (409, "urn:codepix:problem:schedule-ended")
    missing = rest.get(f"{url}/no-such")
    assert (missing.status_code, missing.json()["type"]) == (404, "urn:codepix:problem:schedule-not-found")


def test_rest_shows_and_changes_limits(rest: TestClient, ana: Account, bruno: Account, clock: TurnedClock) -> None:
    url = f"{API}/accounts/{ana.number}/limits"
    shown = rest.get(url).json()
    assert shown["span"]["period"] == "day" and shown["spent_centavos"] == 0
    assert [limit["kind"] for limit in shown["limits"]] == [kind.value for kind in LimitKind]
    assert rest.put(f"{url}/day_period", json={"amount_centavos": 500}).json()["amount_centavos"] == 500
    refused = rest.post(
        f"{API}/accounts/{ana.number}/transfers",
        json={"payee_key": {"kind": "EMAIL", "key": "bruno@example.com"}, "amount_centavos": 501},
        headers={"Idempotency-Key": "over"},
    )
    problem = refused.json()
    assert (refused.status_code, problem["type"]) == (422, "urn:codepix:problem:limit-exceeded")
    assert problem["field"] == "amount_centavos" and "R$ 5,00, of which R$ 5,00 is left" in problem["rule"]
    raised = rest.put(f"{url}/day_period", json={"amount_centavos": 900}).json()
    assert raised["raise_at_ms"] == START_MS + 86_400_000 and raised["amount_centavos"] == 500
    clock.turn(1_000)
    assert rest.put(f"{url}/day_period", json={"amount_centavos": 900}).json() == raised
    assert rest.delete(f"{url}/day_period/raise").json()["raise_at_ms"] is None
    wrong = rest.put(f"{url}/day_period", json={"amount_centavos": -1})
    assert (wrong.status_code, wrong.json()["field"]) == (422, "amount_centavos")
    assert rest.put(f"{url}/week", json={"amount_centavos": 1}).status_code == 422


def _number(aurora: BankApplication) -> str:
    return aurora.queries.list_accounts().accounts[0].number
