"""REST: hostile values in every field of every operation, on PostgreSQL, and whatever is no JSON at all."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine

from bank_sim.entrypoints.http.app import create_app as create_bank_app
from hub.entrypoints.http.app import create_app as create_hub_app
from hub.settings import HubSettings
from pix.web.problems import BODY_BYTES_MAX
from tests.integration.attacks.inputs import COUNTS, HOSTILE
from tests.integration.attacks.test_attacks_records import state_of
from tests.support.bank import World as BankWorld
from tests.support.hub import SECRETS, World
from tests.support.hub_builders import AURORA
from tests.support.village import VillageSettings

PASSWORD = "the operator of the tests"


@pytest.fixture
def bank(on_postgres: BankWorld) -> Iterator[TestClient]:
    with TestClient(create_bank_app(on_postgres.bank, VillageSettings()), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def hub(world: World) -> Iterator[TestClient]:
    app = create_hub_app(world.application)
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


def check(answer: Any, hostile: str) -> None:
    """An answer, or a problem document that shows nothing of what is inside."""
    assert answer.status_code < 500, (answer.request.method, str(answer.request.url), hostile, answer.text)
    if answer.status_code >= 400:
        assert answer.headers["content-type"] == "application/problem+json", answer.text
        for word in ("Traceback", "psycopg", "sqlalchemy", 'File "', "SELECT"):
            assert word not in answer.text or word in hostile, answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_hostile_values_in_every_field_of_a_banks_api(on_postgres: BankWorld, bank: TestClient) -> None:
    account = on_postgres.open_account()
    bodies: list[tuple[str, str, dict[str, Any]]] = [
        ("POST", "/accounts", {"name": "Eva", "tax_id": "39053344705", "opening_deposit_centavos": 0, "pin": "1234"}),
        ("POST", f"/accounts/{account.number}/keys", {"kind": "EMAIL", "key": "x@example.com"}),
        (
            "POST",
            f"/accounts/{account.number}/transfers",
            {
                "payee_key": {"kind": "EMAIL", "key": "zelia@ipe.example"},
                "amount_centavos": 100,
                "description": "x",
                "payee_tax_id_masked": "",
                "payee_name": "x",
                "payee_bank_name": "x",
            },
        ),
        ("PUT", "/behaviour", {"mode": "by_account", "reject_reason": "ED05"}),
        ("POST", f"/dead-letters/{'0' * 64}/discard", {"note": "x"}),
    ]
    strange: tuple[Any, ...] = (*HOSTILE, None, [], {}, -1, 2**63, 1e308, True)
    for method, path, body in bodies:
        for name in body:
            for hostile in strange:
                headers = {"Idempotency-Key": f"key {COUNTS['hostile values over REST']}"}
                answer = bank.request(method, f"/api/v1{path}", json={**body, name: hostile}, headers=headers)
                check(answer, str(hostile))
                COUNTS["hostile values over REST"] += 1
    addresses = (
        "/accounts/{}",
        "/accounts/{}/statement",
        "/accounts/{}/keys",
        "/transfers/{}",
        "/payees/EMAIL/{}",
        "/payees/{}/x",
        "/dead-letters/{}/replay",
        "/transfers?search={}",
        "/transfers?after={}",
        "/accounts?after={}",
        "/postings?before={}",
        f"/accounts/{account.number}/statement?search={{}}",
        f"/accounts/{account.number}/statement?before={{}}",
    )
    hostile_in_addresses(bank, addresses)
    books = on_postgres.bank.queries.books()
    assert books.is_balanced and not books.negative_accounts


def hostile_in_addresses(client: TestClient, addresses: tuple[str, ...]) -> None:
    from urllib.parse import quote

    for address in addresses:
        for hostile in HOSTILE:
            for method in ("GET", "DELETE") if "?" not in address else ("GET",):
                check(client.request(method, f"/api/v1{address.format(quote(hostile, safe=''))}"), hostile)
                COUNTS["hostile values over REST"] += 1


def test_hostile_values_in_every_field_of_the_hubs_api(world: World, hub: TestClient, engine: Engine) -> None:
    world.complete(world.pay(1))
    before = state_of(engine)
    hub.headers.update({"codepix-ispb": AURORA, "codepix-secret": SECRETS[AURORA]})
    addresses = (
        "/transfers/{}",
        "/transfers?bank={}",
        "/transfers?before={}",
        "/transfers?before=1:{}",
        "/transfers?status={}",
        "/transfers?size={}",
        "/keys/EMAIL/{}",
        "/keys/CPF/{}",
        "/keys/{}/x",
        "/dead-letters/{}",
        "/dead-letters?state={}",
    )
    hostile_in_addresses(hub, addresses)
    for hostile in HOSTILE:
        check(hub.post(f"/api/v1/dead-letters/{'0' * 64}/discard", json={"note": hostile}), hostile)
    assert state_of(engine) == before


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"\xff\xfe\x00", b"[" * 50_000, b'{"note": "' + b"x" * 60_000 + b'"}', b"null", b"1" * 5_000, b"NaN"],
    ids=["nothing", "half", "no UTF-8", "deep", "long", "null", "a large number", "no number"],
)
def test_what_is_no_json_of_ours_is_a_problem(hub: TestClient, bank: TestClient, content: bytes) -> None:
    json_headers = {"Content-Type": "application/json"}
    for client, path in ((hub, f"/dead-letters/{'0' * 64}/discard"), (bank, "/accounts")):
        answer = client.post(f"/api/v1{path}", content=content, headers=json_headers)
        assert 400 <= answer.status_code < 500
        check(answer, "")


def test_a_body_that_is_too_large_for_the_hub_is_refused(hub: TestClient) -> None:
    answer = hub.post(f"/api/v1/dead-letters/{'0' * 64}/discard", content=b"x" * (BODY_BYTES_MAX + 1))
    assert answer.status_code == 413


def test_the_hubs_console_and_api_are_the_operators_and_the_directory_is_the_banks(world: World) -> None:
    settings = HubSettings(database_url="postgresql://unused", operator_password=PASSWORD)
    app = create_hub_app(world.application, operators=settings)
    ours = {"Authorization": f"Bearer {PASSWORD}"}
    bank_of_aurora = {"codepix-ispb": AURORA, "codepix-secret": SECRETS[AURORA]}
    with TestClient(app, raise_server_exceptions=False, follow_redirects=False) as client:
        for path, methods in app.openapi()["paths"].items():
            if not path.startswith("/api/") or "/keys/" in path:
                continue
            for method in methods:
                assert client.request(method, path, headers=bank_of_aurora).status_code == 401, path
        for path in ("/", "/transfers", "/transfers/x", "/banks/001", "/dead-letters", "/live", "/api/docs"):
            assert client.get(path).headers.get("location", "").partition("?")[0] == "/sign-in", path
        assert client.get("/api/v1/transfers", headers=ours).status_code == 200
        assert client.get("/api/v1/keys/EMAIL/bia@example.com", headers=ours).status_code == 401
        assert client.get("/api/v1/keys/EMAIL/bia@example.com", headers=bank_of_aurora).status_code == 200
        assert client.get("/health/live").status_code == 200


def test_the_operator_signs_in_at_the_console_with_a_password_that_is_kept_as_a_hash(world: World) -> None:
    from pix.runtime.passwords import hash_password

    settings = HubSettings(database_url="postgresql://unused", operator_password_hash=hash_password(PASSWORD))
    app = create_hub_app(world.application, operators=settings)
    with TestClient(app, raise_server_exceptions=False) as client:
        page = client.get("/sign-in").text
        token = page.split('name="csrf_token" value="')[1].split('"')[0]
        assert client.post("/sign-in", data={"password": PASSWORD}).status_code == 403
        assert client.post("/sign-in", data={"password": "wrong", "csrf_token": token}).status_code == 401
        welcome = client.post("/sign-in", data={"password": PASSWORD, "csrf_token": token})
        assert welcome.url.path == "/" and welcome.status_code == 200
        assert client.get("/dead-letters").url.path == "/dead-letters"
        token = welcome.text.split('name="csrf_token" value="')[1].split('"')[0]
        client.post("/sign-out", data={"csrf_token": token})
        assert client.get("/dead-letters").url.path == "/sign-in"


def test_without_a_password_the_console_stays_shut_and_says_what_to_set(world: World) -> None:
    app = create_hub_app(world.application, operators=HubSettings(database_url="postgresql://unused"))
    with TestClient(app, raise_server_exceptions=False) as client:
        answer = client.get("/")
        assert answer.status_code == 403 and "Set OPERATOR_PASSWORD" in answer.text
        assert client.get("/api/v1/banks", headers={"Authorization": "Bearer x"}).status_code == 403
