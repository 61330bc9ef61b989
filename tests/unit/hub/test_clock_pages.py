"""The virtual clock by REST, in the console, and as a banner; and a network without one, which has none of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from hub.entrypoints.http.app import create_app
from tests.support.banks import BANKS
from tests.support.clock import NOON_MS, TurnedClock
from tests.support.village import Village
from tests.support.virtual_days import move_until

DAY_MS = 86_400_000


@pytest.fixture
def village() -> Village:
    return Village(BANKS, TurnedClock(), is_virtual=True)


@pytest.fixture
def client(village: Village) -> Iterator[TestClient]:
    with TestClient(create_app(village.hub)) as client:
        yield client


def test_rest_shows_and_moves_the_clock(client: TestClient, village: Village) -> None:
    seen = client.get("/api/v1/clock").json()
    assert (seen["now_ms"], seen["is_real"], seen["rate"], seen["is_moving"]) == (NOON_MS, True, 1, False)
    moving = client.post("/api/v1/clock/advance", json={"milliseconds": DAY_MS})
    assert moving.status_code == 202 and moving.json()["target_ms"] == NOON_MS + DAY_MS
    again = client.post("/api/v1/clock/until", json={"at_ms": NOON_MS + 2 * DAY_MS})
    assert again.status_code == 409 and again.json()["type"].endswith("clock-is-moving")
    control = village.hub.network_clock
    assert control is not None
    while control.step():
        pass
    assert client.get("/api/v1/clock").json()["now_ms"] == NOON_MS + DAY_MS
    assert client.post("/api/v1/clock/rate", json={"rate": 60}).json()["rate"] == 60


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("advance", {"milliseconds": 0}),
        ("advance", {"milliseconds": 10**16}),
        ("until", {"at_ms": NOON_MS - 1}),
        ("until", {"at_ms": 10**18}),
        ("rate", {"rate": 0}),
        ("rate", {"rate": 61}),
    ],
)
def test_rest_refuses_what_no_clock_does(client: TestClient, path: str, body: dict[str, int]) -> None:
    assert client.post(f"/api/v1/clock/{path}", json=body).status_code == 422
    assert client.get("/api/v1/clock").json()["revision"] == 0


@pytest.mark.parametrize(("language", "word"), [("en", "Virtual time"), ("pt-BR", "Hora virtual")])
def test_every_page_says_while_time_is_not_real(client: TestClient, village: Village, language: str, word: str) -> None:
    headers = {"Accept-Language": language}
    assert word not in client.get("/banks", headers=headers).text
    move_until(village, NOON_MS + DAY_MS)
    assert word in client.get("/banks", headers=headers).text


def test_the_console_has_a_dial_and_explains_what_it_refuses(client: TestClient) -> None:
    page = client.get("/clock", headers={"Accept-Language": "en"}).text
    assert "November 22, 2026" in page and "Nothing is scheduled." in page and "+7 days" in page
    assert "November 22, 2026" in client.get("/clock/now", headers={"Accept-Language": "en"}).text


def test_a_network_without_a_virtual_clock_has_none_of_it() -> None:
    with TestClient(create_app(Village(BANKS, TurnedClock()).hub)) as client:
        assert client.get("/api/v1/clock").status_code == 404
        assert client.post("/api/v1/clock/advance", json={"milliseconds": 1}).status_code == 404
        assert client.get("/clock").status_code == 404
        assert 'href="/clock"' not in client.get("/banks").text
