"""The console's page of course banks, and the same for programs, on a hub in memory."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape

import pytest
from fastapi.testclient import TestClient

from hub.entrypoints.http.app import create_app
from tests.support.course import CourseWorld, make_course_world

NEW_ACCOUNT = "6e4635ce-88d1-4e58-9597-d13fc446ee99"
ID = "9b2f9a4e-0d51-4a0e-8f0e-111111111111"


@pytest.fixture
def world() -> CourseWorld:
    return make_course_world(with_keys=False)


@pytest.fixture
def client(world: CourseWorld) -> Iterator[TestClient]:
    app = create_app(world.hub, configured_secret="for the test", course=world.course)
    with TestClient(app) as client:
        yield client


def _text(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


def _post(client: TestClient, address: str, **fields: str) -> str:
    token = re.findall(r'name="csrf_token" value="(\w+)"', client.get("/course").text)[0]
    return _text(client.post(address, data={"csrf_token": token, **fields}).text)


def test_course_banks_are_marked_and_listed_with_their_accounts(client: TestClient) -> None:
    banks = _text(client.get("/banks").text)
    assert banks.count("course of 2023") == 2 and "Course banks" in banks
    assert "course of 2023" in _text(client.get("/banks/001").text)
    assert "course of" not in _text(client.get("/banks/003").text)
    page = _text(client.get("/course").text)
    assert "User CTER 1 103cc632-78e7-4476-ab63-d5ad3a562d26 0001 / 3333" in page
    assert "Nothing is owed." in page


def test_banks_and_accounts_are_added(client: TestClient, world: CourseWorld) -> None:
    page = _post(client, "/course/banks", bank_code="001", bank_name="Banco Novo", edition="2021", group="my-group")
    assert "Course bank saved." in page and "Banco Novo" in page and "my-group" in page
    account = {"account_id": NEW_ACCOUNT, "number": "5555", "owner_name": "Eva Reis", "branch": "0001"}
    assert "Account saved." in _post(client, "/course/accounts", code="001", **account)
    found = world.course.queries.overview().accounts
    assert "Eva Reis" in [each.owner_name for each in found]


@pytest.mark.parametrize(
    ("address", "fields", "sentence"),
    [
        ("/course/banks", {"bank_code": "003", "bank_name": "X"}, "a course bank reads no other topics"),
        ("/course/banks", {"bank_code": "001", "bank_name": ""}, "A value is required."),
        ("/course/banks", {"bank_code": "001", "bank_name": "X", "funds": "no"}, "Write the amount in reais"),
        ("/course/accounts", {"code": "001", "account_id": "1111"}, "must be a UUID of version 4"),
        ("/course/accounts", {"code": "003", "account_id": NEW_ACCOUNT, "number": "5", "owner_name": "X"}, "no course"),
    ],
)
def test_a_refused_form_says_why_and_keeps_what_was_typed(
    client: TestClient, address: str, fields: dict[str, str], sentence: str
) -> None:
    page = _post(client, address, **fields)

    assert sentence.lower() in page.lower()
    assert "Add or change a course bank" in page


def test_what_is_owed_is_listed_and_cleared_with_a_note(client: TestClient, world: CourseWorld) -> None:
    world.request(ID, "nobody@example.com")
    [leg] = world.course.queries.overview().owed
    page = _text(client.get("/course").text)
    assert "R$ 25,00 parked AC03" in page
    document = client.get("/api/v1/course").json()
    assert [(each["kind"], each["amount_centavos"], each["original_id"]) for each in document["owed"]] == [
        ("refund", 2_500, ID)
    ]
    assert [bank["owed_to_customers_centavos"] for bank in document["banks"]] == [2_500, 0]

    address = f"/course/001/refund/{leg.course_id}/clear"
    assert "A value is required." in _post(client, address, note=" ")
    assert "Taken off the list" in _post(client, address, note="given back by hand")

    assert "Nothing is owed." in _text(client.get("/course").text)
    assert "given back by hand" in _text(client.get("/course").text)
    assert "Nothing is owed under this id any more." in _post(client, address, note="again")


def test_the_page_is_in_portuguese_too(client: TestClient) -> None:
    page = _text(client.get("/course", headers={"accept-language": "pt-BR"}).text)

    assert "Bancos do curso" in page and "Nada é devido." in page and "curso de 2023" in page


def test_without_course_mode_there_is_no_page_and_no_bank(world: CourseWorld) -> None:
    with TestClient(create_app(world.hub)) as client:
        assert client.get("/course").status_code == 404
        assert client.get("/api/v1/course").json() == {"banks": [], "owed": []}
        assert "Course banks" not in client.get("/banks").text
