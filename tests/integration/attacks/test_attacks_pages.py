"""A bank's pages: other people's things, forged requests, tampered cookies, hostile texts, and too many attempts."""

from __future__ import annotations

import base64
import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from html import escape

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient

from bank_sim.application.use_cases import BankApplication
from bank_sim.domain.account import Account
from bank_sim.domain.look_ups import LOOK_UPS_OF_A_CUSTOMER, MISS_COST
from bank_sim.entrypoints.http.app import UPLOAD_BODY_BYTES_MAX, create_app
from bank_sim.entrypoints.http.pages import PAGE_ROUTERS
from pix.scheme.keys import KeyKind
from pix.scheme.people import HolderKind
from pix.web.attempts import ATTEMPTS_MAX, Attempts
from pix.web.problems import BODY_BYTES_MAX
from tests.integration.attacks.inputs import COUNTS, HOSTILE, HTML
from tests.integration.bank_http.conftest import PIN, Visit, Visitor, changed_tokens, pay
from tests.support.bank import World as BankWorld
from tests.support.village import Village, VillageSettings

CPF_OF_EVE = "39053344705"


@pytest.fixture
def eve(aurora: BankApplication) -> Account:
    """Another customer of Ana's bank."""
    return aurora.open_account(name="Eva Mau", tax_id=CPF_OF_EVE, opening_deposit_centavos=500, pin=PIN)


def test_a_customer_sees_nothing_of_another_customer_of_the_same_bank(
    visit: Visit, village: Village, aurora: BankApplication, ana: Account, bruno: Account, eve: Account
) -> None:
    end_to_end_id = pay(visit(aurora, ana), "bruno@example.com", "10,00", "Secret lunch")
    village.deliver()
    thief = visit(aurora, eve)
    before = aurora.queries.find_account(ana.number)
    for path in (
        f"/transfers/{end_to_end_id}",
        f"/transfers/{end_to_end_id}?direction=incoming",
        f"/transfers/{end_to_end_id}/receipt",
        f"/transfers/{end_to_end_id}/live",
        "/keys/remove?kind=EMAIL&key=ana@example.com",
    ):
        thief.open(path)
        assert thief.page.status_code == 404, path
        assert "Secret lunch" not in thief.page.text and "Ana Souza" not in thief.page.text
        COUNTS["pages of others"] += 1
    # What is not one's own is told like what does not exist.
    unknown = thief.open(f"/transfers/{'E' * 32}").text
    assert unknown.replace("E" * 32, "") == thief.open(f"/transfers/{end_to_end_id}").text.replace(end_to_end_id, "")
    for path in ("/statement", "/statement.csv", "/statement/print", f"/statement?account={ana.number}", "/", "/keys"):
        assert "Secret lunch" not in thief.open(path).text and "ana@example.com" not in thief.page.text
        COUNTS["pages of others"] += 1
    thief.open("/keys")
    thief.send("/keys/remove", kind="EMAIL", key="ana@example.com")
    assert [entry.key.key for entry in aurora.queries.keys_of(ana.number)] == ["ana@example.com"]
    assert aurora.queries.find_account(ana.number) == before


def test_an_order_that_another_customer_has_prepared_cannot_be_confirmed(
    visit: Visit, aurora: BankApplication, ana: Account, bruno: Account, eve: Account
) -> None:
    victim, thief = visit(aurora, ana), visit(aurora, eve)
    thief.open("/pay")
    thief.send("/pay", key="bruno@example.com")
    thief.send("/pay/amount", payee=thief.hidden("payee"), amount="1,00")
    order = thief.hidden("order")
    victim.open("/pay")
    victim.send("/pay/confirm", order=order)
    assert victim.page.status_code == 410
    for changed in changed_tokens(order):
        victim.open("/pay")
        victim.send("/pay/confirm", order=changed)
        assert victim.page.status_code == 410, changed
    assert aurora.queries.list_transfers().transfers == ()


def test_every_form_wants_its_token(visit: Visit, aurora: BankApplication, ana: Account) -> None:
    visitor = visit(aurora, ana)
    routes = [route for router in PAGE_ROUTERS for route in router.routes if isinstance(route, APIRoute)]
    paths = [route.path for route in routes if "POST" in (route.methods or ())]
    assert len(paths) >= 15
    books = aurora.queries.books()
    for path in paths:
        answer = visitor.client.post(path.replace("{number}", ana.number).replace("{dead_letter_id}", "0" * 64))
        assert answer.status_code == 403, path
        COUNTS["forms without a token"] += 1
    assert aurora.queries.books() == books


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://testserver.evil.example"])
def test_another_site_cannot_drive_the_api_through_a_browser(
    visit: Visit, aurora: BankApplication, ana: Account, origin: str
) -> None:
    client = visit(aurora).client
    answer = client.post(f"/api/v1/accounts/{ana.number}/block", headers={"Origin": origin})
    assert answer.status_code == 403 and answer.json()["type"] == "urn:codepix:problem:forged-request"
    assert aurora.queries.find_account(ana.number).status == "active"


def cookie_of(visitor: Visitor) -> tuple[str, str]:
    (cookie,) = [cookie for cookie in visitor.client.cookies.jar if cookie.name.startswith("codepix_bank")]
    return cookie.name, str(cookie.value)


def test_a_session_cookie_cannot_be_made_or_changed(
    visit: Visit, aurora: BankApplication, ana: Account, eve: Account
) -> None:
    name, value = cookie_of(visit(aurora, eve))
    payload, rest = value.split(".", 1)
    session = json.loads(base64.b64decode(payload + "=="))
    assert session["account"] == eve.number and PIN not in str(session), "signed, readable, and without a secret in it"
    as_ana = base64.b64encode(json.dumps({**session, "account": ana.number}).encode()).decode()
    as_operator = base64.b64encode(json.dumps({**session, "operator": True}).encode()).decode()
    forged_payloads = (f"{as_ana}.{rest}", f"{as_operator}.{rest}", as_ana, "e30=." + rest)
    for forged in (*forged_payloads, value[:-2], value + "x", "", "\x7f"):
        stranger = visit(aurora, demo_mode=False)
        stranger.client.cookies.set(name, forged)
        for path in ("/statement", "/backoffice/accounts"):
            stranger.open(path)
            assert stranger.path in ("/sign-in", "/backoffice/sign-in"), (forged, path)
            COUNTS["tampered cookies"] += 1


def test_a_session_at_one_bank_is_none_at_another(
    visit: Visit, aurora: BankApplication, ipe: BankApplication, eve: Account, bruno: Account
) -> None:
    assert eve.number and bruno.number
    thief = visit(aurora, eve)
    _, value = cookie_of(thief)
    stranger = visit(ipe)
    stranger.client.cookies.set("codepix_bank_002", value)
    stranger.open("/statement")
    assert stranger.path == "/sign-in", "the same SESSION_SECRET serves every bank of a network"


def test_the_cookie_is_for_http_alone_and_for_https_alone_where_there_is_tls(
    visit: Visit, aurora: BankApplication, ana: Account
) -> None:
    plain = visit(aurora).open("/sign-in").headers["set-cookie"].lower()
    assert "httponly" in plain and "samesite=lax" in plain and "secure" not in plain
    over_tls = visit(aurora, public_url="https://bank.example").open("/sign-in").headers["set-cookie"].lower()
    assert "httponly" in over_tls and "secure" in over_tls


def test_a_new_password_of_the_operator_ends_old_sessions(visit: Visit, aurora: BankApplication) -> None:
    operator = visit(aurora, demo_mode=False)
    operator.open("/backoffice/sign-in")
    operator.send("/backoffice/sign-in", password="the operator of the tests")
    assert operator.path == "/backoffice"
    name, value = cookie_of(operator)
    later = visit(aurora, demo_mode=False, operator_password="another password altogether")
    later.client.cookies.set(name, value)
    later.open("/backoffice")
    assert later.path == "/backoffice/sign-in"


def test_without_a_password_the_back_office_and_the_api_stay_shut_and_say_what_to_set(
    visit: Visit, aurora: BankApplication
) -> None:
    visitor = visit(aurora, demo_mode=False, operator_password="")
    visitor.open("/backoffice")
    assert visitor.path == "/backoffice/sign-in" and visitor.page.status_code == 403
    assert "Set OPERATOR_PASSWORD" in visitor.text
    visitor.page = visitor.client.get("/sign-in")
    visitor.send("/backoffice/sign-in", password="")
    assert visitor.page.status_code == 403
    for header in ({}, {"Authorization": "Bearer "}, {"Authorization": "Bearer x"}):
        answer = visitor.client.get("/api/v1/accounts", headers=header)
        assert answer.status_code == 403 and "OPERATOR_PASSWORD" in answer.json()["detail"]


def test_every_operation_of_the_api_is_the_operators(visit: Visit, aurora: BankApplication, ana: Account) -> None:
    client = visit(aurora, ana, demo_mode=False).client
    app = client.app
    assert isinstance(app, FastAPI)
    books = aurora.queries.books()
    tried = 0
    for path, methods in app.openapi()["paths"].items():
        if not path.startswith("/api/"):
            continue
        filled = path.replace("{number}", ana.number).replace("{kind}", "EMAIL").replace("{key}", "ana@example.com")
        filled = filled.replace("{dead_letter_id}", "0" * 64).replace("{end_to_end_id}", "E" * 32)
        for method in methods:
            # A customer's own session is none of the operator's.
            answer = client.request(method, filled)
            assert answer.status_code == 401, (method, path)
            assert answer.headers["www-authenticate"].startswith("Bearer")
            tried += 1
    assert tried >= 19 and aurora.queries.books() == books
    right = client.get("/api/v1/accounts", headers={"Authorization": "Bearer the operator of the tests"})
    assert right.status_code == 200


def test_guessing_the_operators_password_is_slow(visit: Visit, aurora: BankApplication) -> None:
    client = visit(aurora, demo_mode=False).client
    codes = [
        client.get("/api/v1/books", headers={"Authorization": f"Bearer guess {number}"}).status_code
        for number in range(ATTEMPTS_MAX + 3)
    ]
    assert codes == [401] * ATTEMPTS_MAX + [429] * 3
    late = client.get("/api/v1/books", headers={"Authorization": "Bearer the operator of the tests"})
    assert late.status_code == 429 and 0 < int(late.headers["retry-after"]) <= 60


def test_guessing_a_pin_is_slow_and_an_unknown_account_is_told_alike(
    visit: Visit, aurora: BankApplication, ana: Account
) -> None:
    told: dict[str, list[tuple[int, str]]] = {}
    for number in (ana.number, "999999-9"):
        visitor = visit(aurora, demo_mode=False)
        visitor.open("/sign-in")
        told[number] = []
        for guess in range(ATTEMPTS_MAX + 2):
            visitor.send("/sign-in", account_number=number, pin=f"00{guess:02d}")
            told[number].append((visitor.page.status_code, visitor.text.replace(number, "")))
    assert told[ana.number] == told["999999-9"]
    assert [status for status, _ in told[ana.number]] == [401] * ATTEMPTS_MAX + [429] * 2


def test_pins_guessed_at_the_same_time_count(aurora: BankApplication, ana: Account) -> None:
    app = create_app(aurora, VillageSettings(demo_mode=False))
    minutes = [0]
    app.state.site = replace(app.state.site, attempts=Attempts(lambda: minutes[0] * 60_000))
    with TestClient(app) as client, ThreadPoolExecutor(40) as threads:
        visitor = Visitor(client)
        visitor.open("/sign-in")

        def status_of(pin: str) -> int:
            fields = {"account_number": ana.number, "pin": pin, "csrf_token": visitor.token}
            return client.post("/sign-in", data=fields, follow_redirects=False).status_code

        at_once = Counter(threads.map(status_of, [f"9{number:03d}" for number in range(120)]))
        assert at_once == {401: ATTEMPTS_MAX, 429: 120 - ATTEMPTS_MAX}
        minutes[0] = 1
        assert Counter(threads.map(status_of, [f"8{number:03d}" for number in range(40)])) == {401: 1, 429: 39}
        minutes[0] = 2
        assert [status_of(PIN) for _ in range(2 * ATTEMPTS_MAX)] == [303] + [403] * (2 * ATTEMPTS_MAX - 1), (
            "a right PIN takes no attempt away; the form's token ends with the session that it was made for"
        )
        visitor.open("/sign-in")
        assert status_of("0000") == 401


def test_keys_guessed_at_the_same_time_count(
    visit: Visit, village: Village, aurora: BankApplication, ana: Account, bruno: Account
) -> None:
    visitor = visit(aurora, ana)
    visitor.open("/pay")
    misses = int(LOOK_UPS_OF_A_CUSTOMER[HolderKind.PERSON].capacity) // MISS_COST

    def status_of(number: int) -> int:
        fields = {"key": f"nobody{number}@example.com", "csrf_token": visitor.token}
        return visitor.client.post("/pay", data=fields).status_code

    with ThreadPoolExecutor(20) as threads:
        assert Counter(threads.map(status_of, range(40))) == {422: misses, 429: 40 - misses}


def test_guessing_keys_is_slow_and_paying_is_not(
    visit: Visit, village: Village, aurora: BankApplication, ana: Account, bruno: Account
) -> None:
    visitor = visit(aurora, ana)
    for _ in range(30):
        pay(visitor, "bruno@example.com", "0,01")
    misses = int(LOOK_UPS_OF_A_CUSTOMER[HolderKind.PERSON].capacity) // MISS_COST
    for number in range(misses):
        visitor.open("/pay")
        visitor.send("/pay", key=f"nobody{number}@example.com")
        assert visitor.page.status_code == 422
    visitor.open("/pay")
    visitor.send("/pay", key="bruno@example.com")
    assert visitor.page.status_code == 429 and "Too many key lookups" in visitor.text


FORMS: dict[str, dict[str, str]] = {
    "/open-account": {"name": "Eva", "tax_id": CPF_OF_EVE, "opening_deposit": "1,00", "pin": "2468"},
    "/sign-in": {"account_number": "100001-7", "pin": "1234"},
    "/keys": {"kind": "EMAIL", "key": "x@example.com"},
    "/keys/remove": {"kind": "EMAIL", "key": "x@example.com"},
    "/pay": {"key": "x@example.com", "kind": "EMAIL"},
    "/pay/code": {"code": "0002"},
    "/pay/amount": {"payee": "x", "amount": "1,00", "description": "x"},
    "/pay/confirm": {"order": "x"},
    "/backoffice/behaviour": {"mode": "by_account", "reject_reason": "ED05", "answer_delay_ms": "0"},
    "/backoffice/sign-in": {"password": "x"},
    "/preferences": {"next": "/", "language": "en", "theme": "auto"},
}


ADDRESSES: dict[str, tuple[str, ...]] = {
    "/statement": ("search", "from", "to", "before", "direction"),
    "/statement.csv": ("search",),
    "/receive": ("key", "amount", "message"),
    "/pay/recognize": ("key",),
    "/pay/amount": ("payee",),
    "/backoffice/transfers": ("search", "after", "account_number"),
    "/backoffice/accounts": ("after",),
    "/backoffice/books": ("before",),
    "/backoffice/dead-letters": ("state",),
}


def test_hostile_texts_in_every_form_and_address_are_refused_or_shown_as_text(
    visit: Visit, on_postgres: BankWorld
) -> None:
    account = on_postgres.open_account()
    on_postgres.pay(account)
    visitor = visit(on_postgres.bank)
    visitor.open("/sign-in")
    visitor.send("/sign-in", account_number=account.number, pin="1234")
    assert visitor.path == "/"
    visitor.open("/keys")
    token = visitor.hidden("csrf_token")
    for path, fields in FORMS.items():
        for name in fields:
            for hostile in HOSTILE:
                answer = visitor.client.post(
                    path, data={**fields, name: hostile, "csrf_token": token}, follow_redirects=False
                )
                check_page(answer.status_code, answer.text, hostile)
                assert "\n" not in answer.headers.get("location", "")
                assert not answer.headers.get("location", "/").startswith(("//", "http", "javascript"))
                COUNTS["hostile texts in forms"] += 1
                token = renewed(visitor, token, answer.headers.get("location", ""))
    for path, names in ADDRESSES.items():
        for name in names:
            for hostile in HOSTILE:
                answer = visitor.client.get(path, params={name: hostile})
                check_page(answer.status_code, answer.text, hostile)
                COUNTS["hostile texts in addresses"] += 1
    assert on_postgres.bank.queries.books().is_balanced
    assert len(on_postgres.bank.queries.list_accounts().accounts) >= 2


def renewed(visitor: Visitor, token: str, location: str) -> str:
    """A sign-in that worked, and an account that was opened, begin a new session with a new token."""
    if location != "/":
        return token
    visitor.open("/keys")
    return visitor.hidden("csrf_token")


def check_page(status: int, text: str, hostile: str) -> None:
    assert status < 500, (status, hostile)
    assert "Traceback" not in text and "sqlalchemy" not in text and "psycopg" not in text
    if hostile in HTML and "<" in hostile:
        assert hostile not in text and (escape(hostile) not in text or "&lt;" in text)


def test_names_and_messages_of_others_are_shown_as_text(
    visit: Visit, village: Village, aurora: BankApplication, ipe: BankApplication, bruno: Account
) -> None:
    evil = "<script>alert(1)</script>"
    mallory = ipe.open_account(name=evil, tax_id=CPF_OF_EVE, opening_deposit_centavos=5_000, pin=PIN)
    victim = aurora.open_account(name="Ana", tax_id="52998224725", opening_deposit_centavos=0, pin=PIN)
    aurora.register_key(account_number=victim.number, kind=KeyKind.EMAIL, key="ana@example.com")
    pay(visit(ipe, mallory), "ana@example.com", "1,00", '=cmd|"/c calc"!A1')
    pay(visit(ipe, mallory), "ana@example.com", "1,00", evil)
    village.deliver()
    visitor = visit(aurora, victim)
    for path in ("/", "/statement", "/statement/print", "/backoffice/transfers"):
        html = visitor.open(path).text
        assert evil not in html and escape(evil) in html, path
    rows = visitor.open("/statement.csv").text
    assert ';"=cmd' not in rows and ";=cmd" not in rows, "a spreadsheet must not take it for a formula"


@pytest.mark.parametrize(
    ("path", "bytes_max"),
    [
        ("/pay/picture", UPLOAD_BODY_BYTES_MAX),
        ("/pay", BODY_BYTES_MAX),
        ("/api/v1/accounts", BODY_BYTES_MAX),
        ("/sign-in", BODY_BYTES_MAX),
    ],
)
def test_what_is_too_large_is_refused(
    visit: Visit, aurora: BankApplication, ana: Account, path: str, bytes_max: int
) -> None:
    visitor = visit(aurora, ana)
    visitor.open("/pay")
    content = b"x" * (bytes_max + 1)
    answer = visitor.client.post(path, content=content, headers={"Content-Type": "application/json"})
    assert answer.status_code == 413, answer.text[:200]
    token = visitor.hidden("csrf_token")
    many = visitor.client.post("/pay", data={f"field{number}": "x" for number in range(200)} | {"csrf_token": token})
    assert many.status_code == 400


@pytest.mark.parametrize(
    "picture", [b"", b"GIF89a", b"\x89PNG\r\n\x1a\n" + b"\x00" * 100, b"<svg onload=alert(1)>", b"x" * 5_000]
)
def test_a_picture_that_is_none_is_refused(visit: Visit, aurora: BankApplication, ana: Account, picture: bytes) -> None:
    visitor = visit(aurora, ana)
    visitor.open("/pay")
    visitor.send("/pay/picture", files={"picture": ("qr.png", picture, "image/png")})
    assert visitor.page.status_code == 422


def test_an_error_of_ours_shows_nothing_of_itself(village: Village, aurora: BankApplication) -> None:
    app = create_app(aurora, VillageSettings())

    @app.get("/api/v1/broken")
    @app.get("/broken")
    def broken() -> None:
        raise RuntimeError("the secret inside")

    with TestClient(app, raise_server_exceptions=False) as client:
        for path in ("/api/v1/broken", "/broken"):
            answer = client.get(path)
            assert answer.status_code == 500
            assert "secret inside" not in answer.text and "Traceback" not in answer.text
        assert client.get("/api/v1/broken").headers["content-type"] == "application/problem+json"
