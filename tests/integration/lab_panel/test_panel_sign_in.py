"""Who comes to the panel: this machine under its own name, with the token of this start, and from its own pages."""

from __future__ import annotations

import re

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from lab.panel.app import create_app
from lab.panel.operator_sign_in import OperatorSignIn
from lab.panel.site import Laboratory
from tests.integration.bank_http.test_http import STREAMS, methods_by_path
from tests.integration.lab_panel.conftest import TOKEN

PAGES = ("/", "/live", "/api/docs")
READS = ("/api/v1/parts", "/api/v1/traffic", "/api/v1/scenarios", "/api/v1/act", "/api/v1/events")
ACTS = ("/api/v1/parts/postgres/freeze", "/api/v1/audit", "/api/v1/scenarios/hub-dies/play", "/api/v1/traffic/stop")


def csrf_of(page: str) -> str:
    found = re.search(r'name="csrf_token" value="([0-9a-f]+)"', page)
    assert found is not None
    return found[1]


@pytest.mark.parametrize("path", PAGES)
def test_a_page_without_the_token_says_where_the_key_is(stranger: TestClient, path: str) -> None:
    answer = stranger.get(path)
    assert answer.status_code == 401
    assert "codepix demo" in answer.text and "postgres" not in answer.text


@pytest.mark.parametrize("path", [*READS, *ACTS])
def test_an_endpoint_without_the_token_is_shut(stranger: TestClient, path: str) -> None:
    answer = stranger.request("GET" if path in READS else "POST", path)
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["field"] == "authorization"
    assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("token", ["wrong", TOKEN + "x", "é"])
def test_another_token_is_worth_nothing(stranger: TestClient, token: str) -> None:
    assert stranger.get("/", params={"token": token}).status_code == 401
    answer = stranger.get("/api/v1/parts", headers={b"Authorization": f"Bearer {token}".encode()})
    assert answer.status_code == 401


def test_the_token_opens_the_page_and_does_not_stay_in_its_address(stranger: TestClient) -> None:
    answer = stranger.get("/", params={"token": TOKEN})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie and "samesite=strict" in cookie
    assert TOKEN not in answer.headers["set-cookie"]
    page = stranger.get("/")
    assert page.status_code == 200 and "PostgreSQL" in page.text
    assert TOKEN not in page.text


@pytest.mark.parametrize("pasted", [TOKEN, f" {TOKEN}\n", "http://127.0.0.1:8090/?token=" + TOKEN.replace(" ", "+")])
def test_the_page_without_the_token_takes_the_printed_link_or_its_token(stranger: TestClient, pasted: str) -> None:
    page = stranger.get("/")
    assert page.status_code == 401
    assert '<form method="get" action="/"' in page.text and 'name="token"' in page.text
    wrong = stranger.get("/", params={"token": "of yesterday"})
    assert "not the token of this start" in wrong.text and "of yesterday" not in wrong.text
    assert stranger.get("/", params={"token": pasted}).headers["location"] == "/"
    assert stranger.get("/").status_code == 200


def test_the_rest_api_is_read_and_tried_on_a_page(browser: TestClient, port: int) -> None:
    page = browser.get("/api/docs")
    assert page.status_code == 200
    assert f"curl -X POST 'http://127.0.0.1:{port}/api/v1/audit'" in page.text
    assert "Authorization: Bearer $TOKEN" in page.text and "data-try-form" in page.text
    (stream,) = (each for each in page.text.split("<details") if ">/api/v1/events</code>" in each)
    assert "data-try" not in stream, "a stream never ends"


def test_a_browser_of_an_earlier_start_is_a_stranger(browser: TestClient, lab: Laboratory, port: int) -> None:
    restarted = create_app(lab, OperatorSignIn(TOKEN), port)
    with TestClient(restarted, base_url=f"http://127.0.0.1:{port}", cookies=dict(browser.cookies)) as later:
        assert later.get("/").status_code == 401


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1", "[::1]:{port}", ""]
)
@pytest.mark.parametrize("path", ["/", "/api/v1/parts", "/static/app.js"])
def test_another_host_name_is_refused(program: TestClient, port: int, host: str, path: str) -> None:
    answer = program.get(path, headers={"Host": host.format(port=port)})
    assert answer.status_code == 403
    assert "127.0.0.1" in answer.text


def test_who_says_localhost_is_sent_to_the_one_place(stranger: TestClient, port: int) -> None:
    answer = stranger.get("/?token=a%20b", headers={"Host": f"localhost:{port}"})
    assert answer.status_code == 307
    assert answer.headers["location"] == f"http://127.0.0.1:{port}/?token=a%20b"


@pytest.mark.parametrize("path", ACTS)
def test_another_sites_page_moves_nothing(browser: TestClient, path: str) -> None:
    answer = browser.post(path, headers={"Origin": "http://127.0.0.1:3000"})
    assert (answer.status_code, answer.json()["type"]) == (403, "urn:codepix:problem:forged-request")


def test_a_form_wants_the_token_of_its_page(browser: TestClient, lab: Laboratory, port: int) -> None:
    page = browser.get("/").text
    own = {"Origin": f"http://127.0.0.1:{port}"}
    for body in ({}, {"csrf_token": "0" * 64}):
        assert browser.post("/parts/postgres/freeze", data=body, headers=own).status_code == 403
    foreign = {"Origin": "http://127.0.0.1:3000"}
    body = {"csrf_token": csrf_of(page)}
    assert browser.post("/parts/postgres/freeze", data=body, headers=foreign).status_code == 403
    assert not lab.supervisor.parts["postgres"].part.is_frozen()
    # The address of a form leads back to the page that holds it, and changes nothing.
    opened = browser.get("/parts/postgres/freeze", follow_redirects=False)
    assert (opened.status_code, opened.headers["location"]) == (303, "/")
    assert browser.post("/parts/postgres/freeze", data=body, headers=own).status_code == 303
    assert lab.supervisor.parts["postgres"].part.is_frozen()


def test_the_page_may_show_the_hubs_map_and_is_shown_within_none(browser: TestClient, lab: Laboratory) -> None:
    answer = browser.get("/")
    policy = answer.headers["content-security-policy"]
    assert f"frame-src {lab.network.hub_url}" in policy
    assert "frame-ancestors 'none'" in policy and "script-src 'self'" in policy
    assert "style=" not in answer.text and "onclick" not in answer.text, "the policy allows neither"


def test_the_token_is_made_for_each_start() -> None:
    doors = {OperatorSignIn().token for _ in range(10)}
    assert len(doors) == 10 and min(map(len, doors)) >= 32


def test_head_is_answered_wherever_get_is_and_options_names_what_there_is(app: FastAPI, browser: TestClient) -> None:
    for path, methods in methods_by_path(app.routes).items():
        allowed = set(browser.options(path).headers["allow"].split(", "))
        assert methods <= allowed and ("HEAD" in allowed) == ("GET" in allowed), path
        if "GET" in methods:
            head = browser.head(path)
            assert head.content == b"" and head.status_code not in (405, 500), path
            if not path.endswith(STREAMS):
                assert browser.get(path).status_code == head.status_code, path
