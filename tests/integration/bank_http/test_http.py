"""HTTP as clients expect it, at a bank and at the hub: methods, addresses behind proxies, problem documents."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI, Request
from fastapi.testclient import TestClient
from starlette.routing import BaseRoute

from bank_sim.application.use_cases import BankApplication
from bank_sim.domain.account import Account
from bank_sim.entrypoints.http.app import create_app
from lab.network.parts.ports import free_port
from lab.network.parts.process import wait_until
from pix.telemetry.http import ObservedHttp
from pix.telemetry.metrics import Metrics
from pix.web.client import http_get, new_http_client
from pix.web.server import serve_http
from tests.integration.bank_http.conftest import Visit, Visitor
from tests.support.village import Village, VillageSettings

PATIENCE_SECONDS = 20.0
SHARED_THREADS = 40
"""Of anyio, for everything that is no coroutine."""
STREAMS = ("/live", "/api/v1/events")
PUBLIC_URL = "https://console.example"


@pytest.fixture(params=["bank", "hub"])
def app(request: pytest.FixtureRequest, village: Village, aurora: BankApplication) -> FastAPI:
    return create_app(aurora, VillageSettings()) if request.param == "bank" else village.console()


@pytest.fixture
def client(app: FastAPI) -> Iterator[TestClient]:
    with TestClient(app, raise_server_exceptions=False, follow_redirects=False) as made:
        yield made


def methods_by_path(routes: list[BaseRoute]) -> dict[str, set[str]]:
    """Every address of an application, with what may be done to it; parameters have a value."""
    found: dict[str, set[str]] = {}
    for route in routes:
        if inner := getattr(route, "original_router", None):
            for path, methods in methods_by_path(inner.routes).items():
                found.setdefault(path, set()).update(methods)
        elif own := getattr(route, "methods", None):
            path = re.sub(r"\{[^}]*\}", "x", route.path)  # type: ignore[attr-defined]
            found.setdefault(path, set()).update(own - {"HEAD"})
    return found


def test_head_is_answered_wherever_get_is(app: FastAPI, client: TestClient) -> None:
    paths = [path for path, methods in methods_by_path(app.routes).items() if "GET" in methods]
    assert len(paths) >= 20
    for path in [*paths, "/static/app.js", "/nothing"]:
        head = client.head(path)
        assert head.content == b"", path
        if not path.endswith(STREAMS):
            got = client.get(path)
            assert head.status_code == got.status_code, path
            assert head.headers["content-type" if "location" not in got.headers else "location"], path
        assert head.status_code not in (405, 500), path


def test_head_of_an_event_stream_opens_none(village: Village) -> None:
    with TestClient(village.console()) as client:
        for path in ("/live", "/map/live", "/api/v1/events"):
            answer = client.head(path)
            assert answer.status_code == 200 and answer.headers["content-type"].startswith("text/event-stream")


def test_options_and_405_name_every_method_of_an_address(app: FastAPI, client: TestClient) -> None:
    for path, methods in methods_by_path(app.routes).items():
        answer = client.options(path)
        assert answer.status_code == 204 and answer.content == b"", path
        allowed = set(answer.headers["allow"].split(", "))
        assert methods <= allowed and ("HEAD" in allowed) == ("GET" in allowed), path
        refused = client.request(next(iter({"PATCH", "DELETE", "PUT"} - allowed)), path)
        assert refused.status_code == 405 and set(refused.headers["allow"].split(", ")) == allowed, path
        if path.startswith("/api/") and path != "/api/docs":
            assert refused.headers["content-type"] == "application/problem+json", path
    assert client.options("/nothing").status_code in (404, 405)


# Behind a proxy.


def proxied(host: str) -> dict[str, str]:
    """What a proxy sends that speaks TLS outside and writes its own Host."""
    return {
        "Host": "127.0.0.1:9192",
        "Origin": f"https://{host}",
        "X-Forwarded-Host": host,
        "X-Forwarded-Proto": "https",
    }


def test_behind_a_proxy_that_writes_its_own_host_forms_work(aurora: BankApplication, ana: Account) -> None:
    with TestClient(
        create_app(aurora, VillageSettings(public_url="https://Bank.example")), base_url="https://x"
    ) as client:
        visitor = Visitor(client)
        visitor.open("/sign-in", Host="127.0.0.1:9192")
        fields = {"account_number": ana.number, "csrf_token": visitor.token}
        for origin, status in (("https://evil.example", 403), ("http://bank.example", 403), ("null", 403)):
            answer = client.post("/sign-in/demo", data=fields, headers=proxied("bank.example") | {"Origin": origin})
            assert answer.status_code == status, origin
        for origin in ("https://bank.example", "https://bank.example:443"):
            headers = proxied("bank.example") | {"Origin": origin}
            answer = client.post("/sign-in/demo", data=fields, headers=headers, follow_redirects=False)
            assert (answer.status_code, answer.headers["location"]) == (303, "/"), origin
            fields["csrf_token"] = re.search(r'csrf_token" value="(\w+)"', client.get("/pay").text)[1]  # type: ignore[index]
        rest = client.post(f"/api/v1/accounts/{ana.number}/block", headers=proxied("bank.example"))
        assert rest.status_code == 200
        assert "https://Bank.example/api/v1" in client.get("/api/docs").text


def test_without_a_public_address_a_forwarded_host_is_worth_nothing(aurora: BankApplication, ana: Account) -> None:
    with TestClient(create_app(aurora, VillageSettings())) as client:
        answer = client.post(f"/api/v1/accounts/{ana.number}/block", headers=proxied("bank.example"))
        assert answer.status_code == 403


def test_behind_a_proxy_the_hubs_forms_and_rest_work_under_its_public_url(village: Village) -> None:
    with TestClient(village.console(public_url=PUBLIC_URL), base_url="https://x") as client:
        page = client.get("/banks/001")
        assert "secure" in page.headers["set-cookie"].lower()
        token = re.search(r'csrf_token" value="(\w+)"', page.text)[1]  # type: ignore[index]
        headers = proxied("console.example")
        answer = client.post("/banks/001/suspend", data={"csrf_token": token}, headers=headers, follow_redirects=False)
        assert answer.status_code == 303 and answer.headers["location"].startswith("/banks/001")
        assert client.post("/api/v1/banks/001/resume", headers=headers).status_code == 200
        foreign = client.post("/api/v1/banks/001/suspend", headers=headers | {"Origin": "https://evil.example"})
        assert foreign.status_code == 403


def test_a_redirect_leads_to_the_address_that_the_visitor_knows(client: TestClient) -> None:
    answer = client.get("/api/docs/", headers=proxied("bank.example"))
    assert answer.status_code == 307 and answer.headers["location"] == "/api/docs"


# Problem documents.


def bodies(app: FastAPI) -> Iterator[tuple[str, str]]:
    """The operations that take a JSON body."""
    for path, operations in app.openapi()["paths"].items():
        for method, operation in operations.items():
            if "requestBody" in operation:
                known = path.replace("/limits/{kind}", "/limits/day_transfer")
                yield method, re.sub(r"\{[^}]*\}", "0" * 64 if "dead-letters" in path else "1", known)


def test_every_object_that_a_request_may_carry_refuses_unknown_fields(app: FastAPI) -> None:
    document = app.openapi()
    schemas = document["components"]["schemas"]
    seen: set[str] = set()

    def walk(part: Any) -> None:
        if isinstance(part, dict):
            if "$ref" in part:
                name = part["$ref"].rpartition("/")[2]
                if name not in seen:
                    seen.add(name)
                    walk(schemas[name])
            if part.get("type") == "object":
                assert part.get("additionalProperties") is not None, part.get("title")
            for inner in part.values():
                walk(inner)
        elif isinstance(part, list):
            for inner in part:
                walk(inner)

    for operations in document["paths"].values():
        for operation in operations.values():
            walk(operation.get("requestBody", {}))
    assert seen


@pytest.mark.parametrize(
    ("content", "status", "name", "sentence"),
    [
        (b'{"a": 1,\n "b": }', 400, "malformed-json", "at line 2, column 7: Expecting value"),
        (b"{", 400, "malformed-json", "at line 1, column 2"),
        (b"[" * 50_000, 400, "bad-request", ""),
        (b"\xff\xff", 400, "bad-request", ""),
        (b"9" * 5_000, 400, "bad-request", ""),
        (b"[]", 422, "invalid-request", ""),
    ],
    ids=["half", "nothing", "deep", "no UTF-8", "a large number", "a list"],
)
def test_what_is_no_json_is_told_as_such_and_not_as_a_field(
    app: FastAPI, client: TestClient, content: bytes, status: int, name: str, sentence: str
) -> None:
    for method, path in bodies(app):
        headers = {"Content-Type": "application/json", "Idempotency-Key": "x"}
        answer = client.request(method, path, content=content, headers=headers)
        document = answer.json()
        assert (answer.status_code, document["type"]) == (status, f"urn:codepix:problem:{name}"), answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        assert "field" not in document and sentence in document["detail"], document


def test_a_body_that_does_not_say_that_it_is_json_is_415(app: FastAPI, client: TestClient) -> None:
    for method, path in bodies(app):
        for media_type in (None, "text/plain", "application/x-www-form-urlencoded", "nonsense"):
            headers = {"Idempotency-Key": "x"} | ({} if media_type is None else {"Content-Type": media_type})
            answer = client.request(method, path, content=b'{"note": "x"}', headers=headers)
            assert answer.status_code == 415, (path, media_type, answer.text)
            assert answer.headers["content-type"] == "application/problem+json"
            assert "application/json" in answer.json()["detail"]
        suffixed = {"Idempotency-Key": "x", "Content-Type": "application/merge-patch+json; charset=utf-8"}
        assert client.request(method, path, content=b'{"surprise": 1}', headers=suffixed).status_code == 422
        assert client.request(method, path, headers={"Idempotency-Key": "x"}).status_code == 422, "no body at all"


def test_what_is_too_large_or_not_there_is_a_problem_document(client: TestClient) -> None:
    for path in ("/api/v1/nothing", "/api/nothing"):
        answer = client.get(path)
        assert answer.status_code == 404 and answer.headers["content-type"] == "application/problem+json"
    path = f"/api/v1/dead-letters/{'0' * 64}/discard"
    large = client.post(path, content=iter([b" " * (1 << 20)] * 7), headers={"Content-Type": "application/json"})
    assert large.status_code == 413 and large.headers["content-type"] == "application/problem+json"


def test_health_and_metrics_are_answered_while_every_thread_of_the_pages_hangs(app: FastAPI) -> None:
    reached, opened = threading.Semaphore(0), threading.Event()

    @app.get("/hang")
    def hang() -> None:
        reached.release()
        opened.wait(PATIENCE_SECONDS)

    port, stop = free_port(), threading.Event()
    observed = ObservedHttp(app, Metrics("service", "1"), None, serves_metrics=True)
    thread = threading.Thread(target=serve_http, args=(observed, "127.0.0.1", port, stop))
    thread.start()
    try:
        with (
            contextlib.ExitStack() as stack,
            new_http_client(base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE_SECONDS / 2) as client,
        ):
            wait_until(lambda: _listens(port), PATIENCE_SECONDS, "the server to listen")
            for _ in range(SHARED_THREADS + 5):
                hung = stack.enter_context(socket.create_connection(("127.0.0.1", port), PATIENCE_SECONDS))
                hung.sendall(b"GET /hang HTTP/1.1\r\nHost: here\r\n\r\n")
            for _ in range(SHARED_THREADS):
                assert reached.acquire(timeout=PATIENCE_SECONDS)
            for path in ("/health/live", "/health/ready", "/metrics"):
                assert client.get(path).status_code in (200, 503), path
            assert not reached.acquire(blocking=False), "a thread was free"
    finally:
        opened.set()
        stop.set()
        thread.join(PATIENCE_SECONDS)
    assert not thread.is_alive()


def _listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
        return True
    return False


def test_an_errors_page_keeps_the_headers_of_the_error(visit: Visit, aurora: BankApplication, ana: Account) -> None:
    answer = visit(aurora, ana).client.put("/sign-out")
    assert answer.status_code == 405 and answer.headers["allow"] == "POST, OPTIONS"


def test_forwarded_headers_are_not_believed() -> None:
    app = FastAPI()

    @app.get("/")
    def told(request: Request) -> list[str]:
        assert request.client is not None
        return [request.url.scheme, request.client.host]

    port, stop = free_port(), threading.Event()
    server = threading.Thread(target=serve_http, args=(app, "127.0.0.1", port, stop))
    server.start()
    try:
        wait_until(lambda: is_listening(port), PATIENCE_SECONDS, "the server to listen")
        headers = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.1"}
        assert http_get(f"http://127.0.0.1:{port}/", headers=headers).json() == ["http", "127.0.0.1"]
    finally:
        stop.set()
        server.join(PATIENCE_SECONDS)


def is_listening(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False
