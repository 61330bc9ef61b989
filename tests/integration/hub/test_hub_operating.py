"""What operators do is in the audit trail, what passed is in the topics, and the network's activity is drawn."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from uuid import UUID

import pytest
from fastapi.testclient import TestClient

from hub.adapters.memory.topics import MemoryTopicBrowser
from hub.entrypoints.http.app import create_app
from hub.entrypoints.http.pages.charts import nice_top
from pix.web.operators import OperatorSettings
from pix.wire.record import Record
from pix.wire.topics import HUB_TOPIC
from tests.integration.hub.test_hub_console import page, text_of, token_of
from tests.support.hub import World


class Password:
    demo_mode = False
    operator_password = "the operator of the tests"
    operator_password_hash = ""


@pytest.fixture
def client(world: World) -> Iterator[TestClient]:
    with TestClient(create_app(world.application, wire=world.watch())) as client:
        yield client


def trail(client: TestClient, **query: str) -> list[dict[str, object]]:
    answer = client.get("/api/v1/trail", params=query)
    assert answer.status_code == 200, answer.text
    return list(answer.json())


def test_each_act_of_an_operator_is_in_the_trail_with_who_and_when(client: TestClient, world: World) -> None:
    token = token_of(page(client, "/banks/002/suspend"))
    client.post("/banks/002/suspend", data={"csrf_token": token})
    client.post("/api/v1/banks/002/resume", headers={"Codepix-Operator": "night shift"})
    world.application.fund_bank(code="001", amount_centavos=-7, funding_id=str(UUID(int=7)))
    world.handle([Record(HUB_TOPIC, b"x", b"nonsense")])
    digest = world.application.dead_letters.list()[0].digest
    client.post(f"/api/v1/dead-letters/{digest}/replay")
    client.post(f"/api/v1/dead-letters/{digest}/discard", json={"note": "noise"})
    told = [(each["act"], each["channel"], each["author"], each["code"]) for each in trail(client, size="5")]
    assert told == [
        ("letter-discarded", "api", "", ""),
        ("letter-failed-again", "api", "", ""),
        ("withdrawn", "cli", "", "001"),
        ("bank-resumed", "api", "night shift", "002"),
        ("bank-suspended", "console", "", "002"),
    ]
    shown = text_of(page(client, "/trail"))
    assert "Bank suspended" in shown and "night shift" in shown and "noise" in shown
    assert "Bank suspended" in text_of(page(client, "/banks/002")), "on the bank's page too"
    assert "Bank suspended" not in text_of(page(client, "/trail?bank=001").split("<tbody>")[1])
    assert digest in client.get("/trail.csv").text
    assert json.loads(client.get("/trail.json?bank=002").text)["trail"][0]["author"] == "night shift"


def test_what_changes_nothing_is_no_act(client: TestClient, world: World) -> None:
    world.application.resume_bank("002")
    assert trail(client, act="bank-resumed") == []


def test_the_name_of_the_sign_in_is_in_the_trail(world: World) -> None:
    settings: OperatorSettings = Password()
    with TestClient(create_app(world.application, operators=settings)) as client:
        token = token_of(page(client, "/sign-in"))
        form = {"csrf_token": token, "password": settings.operator_password, "name": "  Zoë  B. "}
        assert client.post("/sign-in", data=form).url.path == "/"
        client.post("/banks/001/suspend", data={"csrf_token": token_of(page(client, "/banks/001/suspend"))})
        assert "Zoë B." in text_of(page(client, "/trail"))


@pytest.mark.parametrize("range_", ["5m", "1h", "24h", "nonsense"])
def test_the_activity_counts_what_was_received_in_the_range(client: TestClient, world: World, range_: str) -> None:
    world.complete(world.pay(1))
    world.pay(2)
    html = page(client, f"/activity?range={range_}")
    assert 'data-total="2"' in html
    assert html.count('class="chart-completed"') == 3, "a bar on each of the two drawings, and the key"
    assert re.search(r"No transfer has failed", html)


def test_the_activity_of_a_step_with_too_many_to_look_at_is_estimated(
    client: TestClient, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.application.activity.SEEN_PER_STEP_MAX", 2)
    for number in range(1, 9):
        world.pay(number)
        world.clock.at_ms += 100
    html = page(client, "/activity")
    assert "are estimated from the newest" in html


@pytest.mark.parametrize(
    ("highest", "top"), [(0, 4), (4, 4), (5, 8), (9, 20), (21, 40), (1_500, 2_000), (4_100, 8_000)]
)
def test_the_axis_ends_at_a_round_number(highest: int, top: int) -> None:
    assert nice_top(highest) == top


def test_a_console_without_topics_says_so(client: TestClient) -> None:
    assert "No topics yet" in text_of(page(client, "/topics"))
    assert client.get("/topics/codepix.hub.v1").status_code == 404
    assert client.get("/api/v1/topics").json() == []


@pytest.fixture
def browsing(world: World) -> Iterator[TestClient]:
    """A console that shows the topics of the world's wire."""
    with TestClient(create_app(world.application, topics=MemoryTopicBrowser(world.wire, world.decoder))) as client:
        yield client


def test_programs_browse_the_topics_as_the_page_does(browsing: TestClient, world: World) -> None:
    end_to_end_id = world.pay(1)
    world.treat(Record(HUB_TOPIC, b"x", b"nonsense"))
    (topic,) = (each for each in browsing.get("/api/v1/topics").json() if each["topic"] == HUB_TOPIC)
    (partition,) = topic["partitions"]
    assert partition["records"] == partition["next_offset"] - partition["first_offset"] == 2
    page_1 = browsing.get(f"/api/v1/topics/{HUB_TOPIC}/records", params={"partition": 0, "size": 1}).json()
    (unreadable,) = page_1["records"]
    assert unreadable["message"] is None and unreadable["why_not"]
    page_2 = browsing.get(
        f"/api/v1/topics/{HUB_TOPIC}/records", params={"partition": 0, "size": 1, "before": page_1["next"]}
    ).json()
    (requested,) = page_2["records"]
    assert requested["message"] == "TransferRequested" and requested["fields"]["end_to_end_id"] == end_to_end_id
    assert page_2["next"] is None, "the first record of the partition"


@pytest.mark.parametrize(
    ("address", "status", "field"),
    [
        (f"/api/v1/topics/{HUB_TOPIC}/records?before=3", 422, "before"),
        (f"/api/v1/topics/{HUB_TOPIC}/records?size=51", 422, "size"),
        ("/api/v1/topics/unknown/records", 404, "topic"),
    ],
)
def test_a_look_into_topics_is_bounded(
    browsing: TestClient, world: World, address: str, status: int, field: str
) -> None:
    world.pay(1)
    answer = browsing.get(address)
    assert (answer.status_code, answer.json()["field"]) == (status, field), answer.text


def test_topics_are_for_the_operator_alone(world: World) -> None:
    settings: OperatorSettings = Password()
    with TestClient(create_app(world.application, operators=settings)) as client:
        assert client.get("/api/v1/topics").status_code == 401
        assert client.get(f"/api/v1/topics/{HUB_TOPIC}/records").status_code == 401
