"""Returns by REST and in the console, and two replicas that return one transfer at the same time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine

from hub.adapters.postgres.unit_of_work import PostgresUnitsOfWork
from hub.application.ports import BankPosting, RowChange, UnitsOfWork
from hub.application.process_messages import ProcessMessages
from hub.entrypoints.http.app import create_app
from pix.runtime.clock import SystemClock
from pix.runtime.outages import DatabaseUnavailable
from pix.scheme.deliveries import Arrival
from pix.scheme.features import FEATURES
from pix.scheme.messages import Side
from pix.scheme.messages.returns import FromBank, ReturnFailed, ReturnOffered
from tests.integration.hub.test_hub_explorer import FakeBooks
from tests.support.hub import World
from tests.support.hub_builders import AMOUNT, AURORA, IPE, POLICY, completed, e2e, transfer
from tests.support.return_builders import (
    PART,
    return_accepted,
    return_id,
    return_processed,
    return_requested,
)


def process(units: UnitsOfWork, *messages: tuple[FromBank, str]) -> list[object]:
    arrivals = [Arrival(message, sender) for message, sender in messages]
    process_messages = ProcessMessages(units, SystemClock(), SystemClock(), POLICY)
    return [each.message for each in process_messages(arrivals)]


@pytest.fixture
def units(world: World, engine: Engine) -> PostgresUnitsOfWork:
    """Of a hub at which Ana has paid Bia, whose banks understand returns."""
    del world
    units = PostgresUnitsOfWork(engine)
    with units() as unit:
        for bank in unit.banks.all().values():
            unit.banks.update(replace(bank, features=FEATURES))
        now_ms = SystemClock().now_ms()
        unit.transfers.save([RowChange(completed(decided_at_ms=now_ms), (), is_new=True)])
        unit.commit()
    return units


@pytest.fixture
def client(world: World, units: PostgresUnitsOfWork) -> Iterator[TestClient]:
    process(units, (return_requested(), IPE), (return_requested(return_id=return_id(2), amount_centavos=AMOUNT), IPE))
    with TestClient(create_app(world.application)) as client:
        yield client


def test_rest_lists_returns_and_shows_one_with_its_history(client: TestClient) -> None:
    page = client.get("/api/v1/returns").json()
    assert page["next"] is None
    assert {row["return_id"]: row["status"] for row in page["returns"]} == {
        return_id(): "pending",
        return_id(2): "failed",
    }
    (failed,) = client.get("/api/v1/returns", params={"reason": "AM09"}).json()["returns"]
    assert failed["return_id"] == return_id(2) and failed["reason_sentence"].startswith("The amount is zero")
    one = client.get(f"/api/v1/returns/{return_id()}").json()
    assert (one["amount_centavos"], one["return_reason"], one["payer"]["name"]) == (PART, "MD06", "Ana Souza")
    assert [step["message"] for step in one["history"]] == ["ReturnRequested"]
    names = [each["message"] for each in client.get(f"/api/v1/returns/{return_id()}/timeline").json()]
    assert names == ["ReturnRequested", None, "ReturnOffered"]


def test_the_ledger_entries_of_both_banks_are_shown(world: World, units: PostgresUnitsOfWork) -> None:
    process(units, (return_requested(), IPE))
    booked = BankPosting("return", "customer:2", "clearing", PART, world.clock.at_ms, "outgoing")
    app = create_app(world.application, bank_books=FakeBooks({"002": [booked]}))
    with TestClient(app) as client:
        told = client.get(f"/api/v1/returns/{return_id()}/bookings").json()
        assert [(each["ispb"], len(each["postings"]), bool(each["why_silent"])) for each in told] == [
            (AURORA, 0, True),
            (IPE, 1, False),
        ]
        assert f'data-hx-get="/returns/{return_id()}/bookings"' in client.get(f"/returns/{return_id()}").text
        page = client.get(f"/returns/{return_id()}/bookings").text
        assert "customer:2" in page and f'href="/returns/{return_id()}"' in page


def test_rest_pages_through_the_returns(client: TestClient) -> None:
    first = client.get("/api/v1/returns", params={"size": 1}).json()
    second = client.get("/api/v1/returns", params={"size": 1, "before": first["next"]}).json()
    assert {first["returns"][0]["return_id"], second["returns"][0]["return_id"]} == {return_id(), return_id(2)}


def test_a_transfer_names_its_returns(client: TestClient) -> None:
    returns = client.get(f"/api/v1/transfers/{e2e()}").json()["returns"]
    assert {row["return_id"] for row in returns} == {return_id(), return_id(2)}


def test_an_unknown_return_is_a_problem(client: TestClient) -> None:
    answer = client.get(f"/api/v1/returns/{return_id(9)}")
    assert answer.status_code == 404 and answer.json()["type"] == "urn:codepix:problem:return-not-found"


def test_the_protocol_names_the_rules_of_both_flows(client: TestClient) -> None:
    protocol = client.get("/api/v1/protocol").json()
    assert protocol["statuses"] == ["pending", "confirmed", "completed", "failed"]
    assert protocol["rules_of_requests"]["AM04"] == "settlement-funds"
    rules = {(each["flow"], each["reason"]) for each in protocol["request_rules"]}
    assert {("transfer", "AM04"), ("return", "AM04"), ("return", "DT05")} <= rules


@pytest.mark.parametrize("language", ["en", "pt-BR"])
def test_the_console_shows_returns_and_their_transfer(
    client: TestClient, units: PostgresUnitsOfWork, language: str
) -> None:
    process(units, (return_accepted(), AURORA))
    process(units, (return_processed(Side.PAYEE), IPE), (return_processed(Side.PAYER), AURORA))
    headers = {"accept-language": language}
    listed = client.get("/returns", headers=headers).text
    assert return_id() in listed and return_id(2) in listed
    assert return_id(2) not in client.get("/returns", params={"status": "completed"}, headers=headers).text
    page = client.get(f"/returns/{return_id()}", headers=headers)
    assert page.status_code == 200
    assert all(name in page.text for name in ("ReturnRequested", "ReturnOffered", "ReturnConfirmed", "ReturnProcessed"))
    assert f"/transfers/{e2e()}" in page.text
    failed = client.get(f"/returns/{return_id(2)}", headers=headers).text
    assert "AM09" in failed
    transfer = client.get(f"/transfers/{e2e()}", headers=headers).text
    assert return_id() in transfer and "3,45" in transfer
    assert "return-AM09" in client.get("/protocol", headers=headers).text


def test_a_malformed_amount_is_said_and_nothing_searched(client: TestClient) -> None:
    answer = client.get("/returns", params={"amount": "x"})
    assert answer.status_code == 422 and "amount-fault" in answer.text


@pytest.mark.parametrize("address", ["/transfers?id={}", "/transfers/{}"])
def test_a_return_id_leads_to_the_return_from_where_transfers_are_searched(client: TestClient, address: str) -> None:
    answer = client.get(address.format(return_id()), follow_redirects=False)
    assert answer.status_code == 303 and answer.headers["location"].endswith(f"/returns/{return_id()}")


def test_replicas_that_return_one_transfer_at_once_take_no_more_than_it(engine: Engine, units: UnitsOfWork) -> None:
    def ask(number: int) -> object:
        replica = PostgresUnitsOfWork(engine)
        request = return_requested(return_id=return_id(number), amount_centavos=AMOUNT)
        while True:
            try:
                (told,) = process(replica, (request, IPE))
            except DatabaseUnavailable:
                continue
            return told.reason if isinstance(told, ReturnFailed) else "offered"

    with ThreadPoolExecutor(4) as pool:
        told = sorted(map(str, pool.map(ask, range(1, 9))))
    assert told == ["AM09"] * 7 + ["offered"]
    with units() as unit:
        assert unit.settlement.all()[IPE].reserved_centavos == AMOUNT


def test_an_original_that_another_replica_has_confirmed_is_read_again(engine: Engine, units: UnitsOfWork) -> None:
    other = PostgresUnitsOfWork(engine)
    offered = transfer(end_to_end_id=e2e(2))
    with units() as unit:
        unit.transfers.save([RowChange(offered, (), is_new=True)])
        unit.commit()
    with other() as unit:
        unit.transfers.lock([e2e(2)])
        unit.transfers.save([RowChange(completed(end_to_end_id=e2e(2), decided_at_ms=SystemClock().now_ms()), ())])
        unit.commit()
    (told,) = process(units, (return_requested(original_end_to_end_id=e2e(2)), IPE))
    assert isinstance(told, ReturnOffered)


def test_the_list_of_returns_is_a_file_that_follows_its_filter(client: TestClient) -> None:
    lines = client.get("/returns.csv", params={"status": "failed"}).text.splitlines()
    assert len(lines) == 2 and return_id(2) in lines[1] and '"AM09"' in lines[1]
    rows = json.loads(client.get("/returns.json").text)["returns"]
    assert {row["return_id"] for row in rows} == {return_id(), return_id(2)}
    assert len(client.get("/returns.csv?amount=abc").text.splitlines()) == 1, "a malformed search finds nothing"
    html = client.get("/returns?status=failed").text
    assert 'href="/returns.csv?status=failed"' in html and 'href="/returns.json?status=failed"' in html
