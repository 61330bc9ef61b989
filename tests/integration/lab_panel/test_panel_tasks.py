"""What the panel does, by its pages and by its REST, and what it refuses."""

from __future__ import annotations

import json
import re
import threading
import time
from dataclasses import replace
from typing import Any, cast

import httpx
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from lab.network.parts.process import wait_until
from lab.panel.app import create_app
from lab.panel.network_clock import PanelClock
from lab.panel.operator_sign_in import OperatorSignIn
from lab.panel.site import Laboratory
from lab.read.rest import HubRest
from pix.web.client import http_get, new_http_client
from pix.web.server import serve_http
from tests.integration.bank_http.test_live import events_of
from tests.integration.lab_panel.conftest import KILL_RULE, TOKEN
from tests.integration.lab_panel.test_panel_sign_in import csrf_of

DEADLINE_SECONDS = 30.0
STOP_SECONDS_MAX = 1.5
"""Less than a server waits for streams that do not end by themselves."""


def test_a_part_is_stopped_started_frozen_and_thawed(program: TestClient) -> None:
    (part,) = program.get("/api/v1/parts").json()
    assert (part["name"], part["kind"], part["condition"]) == ("postgres", "database", "ready")
    assert part["actions"] == ["freeze", "stop"] and part["refused"] == {"kill": KILL_RULE}
    pid = part["pid"]

    frozen = program.post("/api/v1/parts/postgres/freeze").json()
    assert (frozen["condition"], frozen["actions"], frozen["pid"]) == ("frozen", ["thaw"], pid)
    assert frozen["since_ms"] >= part["since_ms"]
    assert program.post("/api/v1/parts/postgres/thaw").json()["condition"] == "ready"

    stopped = program.post("/api/v1/parts/postgres/stop").json()
    assert (stopped["condition"], stopped["pid"], stopped["actions"]) == ("held", None, ["start"])
    started = program.post("/api/v1/parts/postgres/start").json()
    assert started["condition"] == "ready" and started["pid"] != pid
    assert program.get("/api/v1/parts/postgres").json() == started


def test_the_map_is_awaited_while_the_hub_starts_and_away_when_it_does_not_answer(
    browser: TestClient, lab: Laboratory
) -> None:
    assert "The map appears when the hub has started." in browser.get("/").text
    lab.map_frame.check()
    assert "The hub is down." in browser.get("/").text


@pytest.mark.parametrize(
    ("path", "status", "text"),
    [
        ("/api/v1/parts/postgres/thaw", 409, "It is not frozen."),
        ("/api/v1/parts/postgres/start", 409, "It is already running."),
        ("/api/v1/parts/postgres/kill", 409, KILL_RULE),
        ("/api/v1/parts/moon/kill", 404, "Choose from: postgres"),
        ("/api/v1/parts/postgres/explode", 422, "action"),
        ("/api/v1/scenarios/moon/play", 404, "payee-bank-dies"),
        ("/api/v1/scenarios/hub-dies/play?pace=9", 422, "pace"),
    ],
)
def test_what_cannot_be_done_says_why(program: TestClient, path: str, status: int, text: str) -> None:
    answer = program.post(path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert text in answer.text


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"rate_per_second": 0}, 422, "rate_per_second"),
        ({"rate_per_second": 1_001}, 422, "rate_per_second"),
        ({"failing_percent": 101}, 422, "failing_percent"),
        ({"payers": {"009": 1}}, 422, "payers"),
        ({"payees": {"001": 0}}, 422, "payees"),
        ({"speed": 3}, 422, "speed"),
    ],
)
def test_traffic_that_cannot_be_is_refused_by_its_field(
    program: TestClient, body: dict[str, object], status: int, field: str
) -> None:
    answer = program.put("/api/v1/traffic", json=body)
    assert (answer.status_code, answer.json()["field"]) == (status, field)
    assert program.get("/api/v1/traffic").json()["running"] is False


def test_traffic_of_banks_that_are_away_is_refused(program: TestClient) -> None:
    answer = program.put("/api/v1/traffic", json={"rate_per_second": 5})
    assert answer.status_code == 503 and "Bank 001" in answer.json()["detail"]


def test_one_task_at_a_time_and_an_audit_without_answers_is_red(program: TestClient, browser: TestClient) -> None:
    assert program.get("/api/v1/act").status_code == 404
    begun = program.post("/api/v1/audit")
    assert begun.status_code == 202 and begun.json()["ok"] is None
    second = program.post("/api/v1/audit")
    assert (second.status_code, second.json()["type"]) == (409, "urn:codepix:problem:busy")

    def is_over() -> bool:
        return bool(program.get("/api/v1/act").json()["ended_ms"])

    wait_until(is_over, DEADLINE_SECONDS, "the audit to end")
    task = program.get("/api/v1/act").json()
    assert task["ok"] is False and task["audit"] is None
    assert "The hub at" in task["failures"][0]
    page = browser.get("/").text
    assert 'data-verdict="red"' in page and "The hub at" in page


def test_the_page_works_without_a_script(browser: TestClient, lab: Laboratory) -> None:
    page = browser.get("/").text
    answer = browser.post("/parts/postgres/stop", data={"csrf_token": csrf_of(page)})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    page = browser.get("/").text
    assert 'data-condition="held"' in page and 'action="/parts/postgres/start"' in page
    refused = browser.post("/parts/postgres/stop", data={"csrf_token": csrf_of(page)})
    assert refused.status_code == 409 and "It is already stopped." in refused.text


def test_a_script_gets_only_the_sentence(browser: TestClient) -> None:
    body = {"csrf_token": csrf_of(browser.get("/").text)}
    asks = {"HX-Request": "true"}
    assert browser.post("/parts/postgres/freeze", data=body, headers=asks).status_code == 204
    refused = browser.post("/parts/postgres/freeze", data=body, headers=asks)
    assert (refused.status_code, refused.text) == (409, "It is already frozen.")


def test_the_panel_speaks_portuguese(browser: TestClient) -> None:
    page = browser.get("/", headers={"Accept-Language": "pt-BR"}).text
    assert "O banco do recebedor cai no meio da transferência" in page and "Auditar" in page
    body = {"csrf_token": csrf_of(page)}
    refused = browser.post("/parts/postgres/thaw", data=body, headers={"Accept-Language": "pt-BR"})
    assert "Não está congelado." in refused.text


def test_the_api_describes_itself(stranger: TestClient) -> None:
    paths = stranger.get("/api/openapi.json").json()["paths"]
    assert {"/api/v1/parts/{name}/{action}", "/api/v1/traffic", "/api/v1/audit", "/api/v1/events"} <= set(paths)


@pytest.fixture
def served(app: FastAPI, port: int, stop: threading.Event) -> threading.Thread:
    thread = threading.Thread(target=serve_http, args=(app, "127.0.0.1", port, stop), daemon=True)
    thread.start()

    def answers() -> bool:
        try:
            return http_get(f"http://127.0.0.1:{port}/brand.svg").is_success
        except httpx.HTTPError:
            return False

    wait_until(answers, DEADLINE_SECONDS, "the panel to answer")
    return thread


def test_events_tell_each_change_and_keep_no_lab_from_stopping(
    served: threading.Thread, lab: Laboratory, port: int, stop: threading.Event
) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    url = f"http://127.0.0.1:{port}/api/v1/events"
    with new_http_client() as client, client.stream("GET", url, headers=headers, timeout=DEADLINE_SECONDS) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        events = events_of(answer.iter_lines())
        first = dict([next(events), next(events)])
        assert json.loads(first["parts"])[0]["condition"] == "ready"
        assert json.loads(first["traffic"])["running"] is False
        client.post(f"http://127.0.0.1:{port}/api/v1/parts/postgres/freeze", headers=headers)
        name, data = next(events)
        assert name == "parts" and json.loads(data)[0]["condition"] == "frozen"

        lab.ends.set()
        stop.set()
        asked = time.monotonic()
        served.join(DEADLINE_SECONDS)
        assert not served.is_alive()
        assert time.monotonic() - asked < STOP_SECONDS_MAX


class StandInHub:
    """The hub's clock by REST: see `lab.read.rest.HubRest`."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, object]] = []
        self.clock = {
            "now_ms": 1_795_348_800_000, "real_now_ms": 1_795_348_800_000, "is_real": False, "revision": 1, "rate": 60,
            "is_moving": False, "target_ms": None, "due": [{"who": "001", "due_ms": 1_795_435_200_000}], "open": [],
            "given_up": [],
        }  # fmt: skip

    def call(self, method: str, path: str, **arguments: Any) -> Any:
        self.asked.append((path, arguments.get("json")))
        return self.clock

    def get(self, path: str) -> Any:
        return self.call("GET", path)


def test_the_panel_shows_and_moves_the_networks_clock(lab: Laboratory, port: int) -> None:
    hub = StandInHub()
    clock = PanelClock(cast(HubRest, hub))
    clock.set_rate(60)
    app = create_app(replace(lab, clock=clock), OperatorSignIn(TOKEN), port)
    base_url = f"http://127.0.0.1:{port}"
    with TestClient(app, base_url=base_url, headers={"Accept-Language": "en"}) as browser:
        page = browser.get(f"/?token={TOKEN.replace(' ', '+')}").text
        assert "Virtual time" in page and "×60" in page and "Bank 001: November 23, 2026" in page
        token = re.search(r'name="csrf_token" value="([^"]+)"', page)
        assert token is not None
        forms = {"advance": {"milliseconds": "3600000"}, "until": {"at": "2027-01-31T20:00"}, "rate": {"rate": "10"}}
        for path, form in forms.items():
            assert browser.post(f"/clock/{path}", data={"csrf_token": token[1], **form}).status_code == 200
    assert hub.asked[1:] == [
        ("/clock/advance", {"milliseconds": 3_600_000}),
        ("/clock/until", {"at_ms": 1_801_436_400_000}),
        ("/clock/rate", {"rate": 10}),
    ]
