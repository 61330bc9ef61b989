"""How a session ends, and its event streams with it; and how many streams there may be."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import httpx
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from bank_sim.application.use_cases import BankApplication
from bank_sim.domain.account import Account
from bank_sim.entrypoints.http.app import create_app
from pix.web.client import new_http_client
from pix.web.session_registry import (
    SESSION_IDLE_SECONDS_MAX,
    SESSION_SECONDS_MAX,
    STREAMS_MAX,
    STREAMS_PER_VISITOR_MAX,
    NoRoomForStreams,
    SessionEnd,
    SessionRegistry,
    TooManyStreams,
)
from tests.integration.bank_http.conftest import PIN, Visitor
from tests.integration.bank_http.serving import serving
from tests.integration.bank_http.test_live import PATIENCE_SECONDS
from tests.support.village import Village, VillageSettings

AT_ONCE_SECONDS = 5.0
"""Far less than the five minutes after which every stream ends."""
EVENTS = {"Accept": "text/event-stream"}


@pytest.fixture
def app(aurora: BankApplication) -> FastAPI:
    return create_app(aurora, VillageSettings())


@pytest.fixture
def visitor(app: FastAPI, ana: Account) -> Iterator[Visitor]:
    with TestClient(app) as client:
        yield signed_in(client, ana)


def signed_in(client: TestClient, account: Account) -> Visitor:
    visitor = Visitor(client)
    visitor.open("/sign-in")
    visitor.send("/sign-in", account_number=account.number, pin=PIN)
    assert visitor.path == "/"
    return visitor


@contextmanager
def streaming(address: str, cookies: dict[str, str], path: str = "/home/live") -> Iterator[httpx.Response]:
    with (
        new_http_client(cookies=cookies, timeout=PATIENCE_SECONDS) as client,
        client.stream("GET", address + path, headers=EVENTS, follow_redirects=False) as answer,
    ):
        yield answer


@pytest.mark.parametrize("end", ["sign out", "sign in again", "leave the back office"])
def test_the_end_of_a_session_ends_its_streams_at_once_and_no_others(
    app: FastAPI, visitor: Visitor, ana: Account, end: str
) -> None:
    old, other = dict(visitor.client.cookies), TestClient(app)
    stays = dict(signed_in(other, ana).client.cookies)
    with serving(app) as address, streaming(address, old) as mine, streaming(address, stays) as others:
        lines, theirs = mine.iter_lines(), others.iter_lines()
        assert ": open" in next(lines) and ": open" in next(theirs)
        match end:
            case "sign out":
                visitor.send("/sign-out")
            case "sign in again":
                visitor.send("/sign-in/demo", account_number=ana.number)
            case _:
                visitor.send("/backoffice/sign-out")
        began = time.monotonic()
        assert "event: ended" in list(lines), "and then the stream is over"
        assert time.monotonic() - began < AT_ONCE_SECONDS
        assert next(theirs) is not None
    assert app.state.session_registry.streams == 0
    # Another tab that asks with the old cookie does not replace the one that the browser has just got.
    assert "set-cookie" not in TestClient(app, cookies=old).get("/sign-in").headers
    # A copy of the cookie is worth nothing any more, for pages and for streams.
    with TestClient(app, cookies=old, follow_redirects=False) as thief:
        assert thief.get("/statement").headers["location"] == "/sign-in?next=%2Fstatement"
        assert thief.get("/home/live", headers=EVENTS).text == "event: ended\ndata: \n\n"


def test_the_consoles_streams_end_with_the_operators_session_too(village: Village) -> None:
    settings = VillageSettings(demo_mode=False)
    app = village.console(operators=settings)
    with TestClient(app) as client:
        visitor = Visitor(client)
        visitor.open("/sign-in")
        visitor.send("/sign-in", password=settings.operator_password)
        cookies = dict(client.cookies)
        with serving(app) as address:
            for path in ("/live", "/map/live"):
                with streaming(address, cookies, path) as answer:
                    lines = answer.iter_lines()
                    assert ": open" in next(lines)
                    if path == "/map/live":
                        visitor.open("/")
                        visitor.send("/sign-out")
                        assert "event: ended" in list(lines)
            with streaming(address, cookies, "/live") as answer:
                assert next(answer.iter_lines()) == "event: ended"


def test_a_session_ends_when_it_is_not_used_and_when_it_is_old(app: FastAPI, visitor: Visitor) -> None:
    now = app.state.session_registry.now_seconds()
    at = [now]
    app.state.session_registry.now_seconds = lambda: at[0]
    while at[0] < now + SESSION_SECONDS_MAX - SESSION_IDLE_SECONDS_MAX:
        at[0] += SESSION_IDLE_SECONDS_MAX - 2
        assert visitor.open("/").url.path == "/", "somebody who uses it stays"
    at[0] = now + SESSION_SECONDS_MAX + 1
    assert visitor.open("/").url.path == "/sign-in", "but not for ever"


def test_an_open_tab_alone_does_not_keep_a_session(app: FastAPI, visitor: Visitor) -> None:
    now = app.state.session_registry.now_seconds()
    at = [now]
    app.state.session_registry.now_seconds = lambda: at[0]
    for minutes in (10, 20, 29):
        at[0] = now + minutes * 60
        assert visitor.client.head("/home/live", headers=EVENTS).status_code == 200
    at[0] = now + SESSION_IDLE_SECONDS_MAX + 1
    assert visitor.open("/home/live", **EVENTS).text == "event: ended\ndata: \n\n"
    assert visitor.open("/").url.path == "/sign-in"


def test_a_stream_ends_itself_when_the_session_is_idle_for_too_long(app: FastAPI, visitor: Visitor) -> None:
    now = app.state.session_registry.now_seconds()
    app.state.session_registry.now_seconds = lambda: now + SESSION_IDLE_SECONDS_MAX - 1
    began = time.monotonic()
    with serving(app) as address, streaming(address, dict(visitor.client.cookies)) as answer:
        assert answer.status_code == 200
        list(answer.iter_lines())
    assert time.monotonic() - began < AT_ONCE_SECONDS


def test_a_quiet_stream_says_each_second_that_it_is_there(app: FastAPI, visitor: Visitor) -> None:
    with serving(app) as address, streaming(address, dict(visitor.client.cookies)) as answer:
        beats = 0
        for line in answer.iter_lines():
            beats += line == "event: beat"
            if beats == 3:
                break
    assert beats == 3


def test_a_visitor_has_so_many_streams_and_then_is_told_when_to_come_again(
    app: FastAPI, visitor: Visitor, ana: Account
) -> None:
    cookies = dict(visitor.client.cookies)
    with serving(app) as address, ExitStack() as stack:
        for _ in range(STREAMS_PER_VISITOR_MAX):
            assert stack.enter_context(streaming(address, cookies)).status_code == 200
        with streaming(address, cookies) as refused:
            assert refused.status_code == 429 and refused.headers["retry-after"] == "5"
        others = dict(signed_in(TestClient(app), ana).client.cookies)
        with streaming(address, others) as another:
            assert another.status_code == 200
        stack.close()
        deadline = time.monotonic() + PATIENCE_SECONDS
        while app.state.session_registry.streams and time.monotonic() < deadline:
            visitor.open("/")
        assert app.state.session_registry.streams == 0, "what was closed is not counted any more"
        with streaming(address, cookies) as again:
            assert again.status_code == 200


def test_all_visitors_together_have_so_many_streams() -> None:
    session_registry = SessionRegistry()
    with ExitStack() as stack:
        for number in range(STREAMS_MAX):
            stack.enter_context(session_registry.streaming({"visitor": f"{number % 50}"}, SessionEnd()))
        with pytest.raises(NoRoomForStreams), session_registry.streaming({"visitor": "another"}, SessionEnd()):
            raise AssertionError("there is no room")
    assert session_registry.streams == 0
    with ExitStack() as stack:
        for _ in range(STREAMS_PER_VISITOR_MAX):
            stack.enter_context(session_registry.streaming({"visitor": "one"}, SessionEnd()))
        with pytest.raises(TooManyStreams), session_registry.streaming({"visitor": "one"}, SessionEnd()):
            raise AssertionError("there is no room")
        stack.enter_context(session_registry.streaming({}, SessionEnd()))
