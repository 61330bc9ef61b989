"""REST: the same use cases for programs, with problem+JSON for whatever goes wrong."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import pytest
from fastapi.testclient import TestClient

from bank_sim.application.use_cases import BankApplication
from bank_sim.domain.account import Account
from pix.wire.record import VALUE_KEPT_BYTES_MAX, Record
from pix.wire.topics import bank_topic
from tests.integration.bank_http.conftest import Visit
from tests.support.participants import bank_handler
from tests.support.village import Village

API = "/api/v1"


@pytest.fixture
def rest(visit: Visit, aurora: BankApplication) -> TestClient:
    client: TestClient = visit(aurora, demo_mode=False).client
    client.headers["Authorization"] = "Bearer the operator of the tests"
    return client


def order(amount_centavos: Any = 1_000, key: str = "bruno@example.com", kind: str = "EMAIL") -> dict[str, Any]:
    return {"payee_key": {"kind": kind, "key": key}, "amount_centavos": amount_centavos, "description": "Lunch"}


def problem(answer: Any, status: int, name: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = answer.json()
    assert document["type"] == f"urn:codepix:problem:{name}" and document["status"] == status
    assert document["title"] and document["detail"]
    return document


def test_an_account_is_opened_found_and_listed(rest: TestClient) -> None:
    body = {"name": "Ana Souza", "tax_id": "529.982.247-25", "opening_deposit_centavos": 250_000, "pin": "1234"}
    opened = rest.post(f"{API}/accounts", json=body)
    assert opened.status_code == 201
    account = opened.json()
    assert account["tax_id"] == "52998224725" and account["balance_centavos"] == 250_000 and "pin" not in account
    assert rest.get(opened.headers["Location"]).json() == account
    assert rest.get(f"{API}/accounts").json() == {"accounts": [account], "next_cursor": ""}
    number = account["number"]
    assert rest.post(f"{API}/accounts/{number}/block").json()["status"] == "blocked"
    assert rest.post(f"{API}/accounts/{number}/unblock").json()["status"] == "active"
    problem(rest.post(f"{API}/accounts/{number}/close"), 409, "account-not-empty")
    second = problem(rest.post(f"{API}/accounts", json=body | {"name": "Ana Again"}), 409, "tax-id-taken")
    assert second["field"] == "tax_id"


def test_accounts_come_in_pages(rest: TestClient, aurora: BankApplication) -> None:
    for tax_id in ("52998224725", "11144477735", "39053344705"):
        aurora.open_account(name="Ana", tax_id=tax_id, opening_deposit_centavos=0, pin="1234")
    first = rest.get(f"{API}/accounts", params={"size": 2}).json()
    second = rest.get(f"{API}/accounts", params={"size": 2, "after": first["next_cursor"]}).json()
    assert len(first["accounts"]) == 2 and len(second["accounts"]) == 1 and second["next_cursor"] == ""


def test_keys_are_registered_listed_found_and_removed(rest: TestClient, ana: Account) -> None:
    keys = f"{API}/accounts/{ana.number}/keys"
    added = rest.post(keys, json={"kind": "PHONE", "key": "(11) 98765-4321"})
    assert added.status_code == 201 and added.json()["key"] == "+5511987654321"
    assert rest.post(keys, json={"kind": "EVP"}).json()["kind"] == "EVP"
    assert [key["kind"] for key in rest.get(keys).json()["keys"]] == ["EMAIL", "PHONE", "EVP"]
    payee = rest.get(f"{API}/payees/PHONE/+5511987654321").json()
    assert payee["name"] == "Ana Souza" and payee["tax_id_masked"] == "***.982.247-**" and payee["bank_code"] == "001"
    assert rest.delete(f"{keys}/PHONE/+5511987654321").status_code == 204
    problem(rest.get(f"{API}/payees/PHONE/+5511987654321"), 404, "key-not-found")
    problem(rest.delete(f"{keys}/PHONE/+5511987654321"), 404, "key-not-found")


def test_a_transfer_is_requested_once_for_its_idempotency_key(
    rest: TestClient, village: Village, ana: Account, bruno: Account
) -> None:
    url = f"{API}/accounts/{ana.number}/transfers"
    first = rest.post(url, json=order(), headers={"Idempotency-Key": "one"})
    assert first.status_code == 201 and first.json()["status"] == "pending"
    assert rest.post(url, json=order(), headers={"Idempotency-Key": "one"}).json() == first.json()
    other = problem(rest.post(url, json=order(2_000), headers={"Idempotency-Key": "one"}), 409, "idempotency-conflict")
    assert other["field"] == "idempotency_key"
    village.deliver()
    found = rest.get(first.headers["Location"]).json()
    assert found["status"] == "confirmed" and found["completed_at_ms"] and found["payee"]["name"] == "Bruno Lima"
    assert [step["event"] for step in found["history"]] == ["TransferRequested", "TransferConfirmed"]
    assert rest.get(f"{API}/accounts/{ana.number}").json()["balance_centavos"] == 99_000


def test_the_idempotency_key_is_required(rest: TestClient, ana: Account, bruno: Account) -> None:
    document = problem(rest.post(f"{API}/accounts/{ana.number}/transfers", json=order()), 422, "invalid-request")
    assert document["field"] == "Idempotency-Key"


@pytest.mark.parametrize(
    ("body", "status", "name", "field"),
    [
        (order(100_001), 422, "insufficient-balance", "amount_centavos"),
        (order(0), 422, "scheme-rule", "amount_centavos"),
        (order(-1), 422, "scheme-rule", "amount_centavos"),
        (order(10**12), 422, "scheme-rule", "amount_centavos"),
        (order("10.50"), 422, "invalid-request", "amount_centavos"),
        (order(10.5), 422, "invalid-request", "amount_centavos"),
        (order(key="ana@example.com"), 422, "payer-is-payee", "payee_key"),
        (order(key="nonsense"), 422, "scheme-rule", "key"),
        (order(kind="IBAN"), 422, "invalid-request", "payee_key.kind"),
        ({"amount_centavos": 1}, 422, "invalid-request", "payee_key"),
        ({**order(), "surprise": 1}, 422, "invalid-request", "surprise"),
        (
            order() | {"payee_key": {"kind": "EMAIL", "key": "bruno@example.com", "surprise": 1}},
            422,
            "invalid-request",
            "payee_key.surprise",
        ),
        ({**order(), "description": "x" * 200}, 422, "scheme-rule", "description"),
    ],
)
def test_a_bad_order_names_the_field_and_the_rule(
    rest: TestClient, ana: Account, bruno: Account, body: dict[str, Any], status: int, name: str, field: str
) -> None:
    answer = rest.post(f"{API}/accounts/{ana.number}/transfers", json=body, headers={"Idempotency-Key": "x"})
    document = problem(answer, status, name)
    assert document["field"] == field and document["rule"]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b'"x"', b"\xff\xfe"])
def test_what_is_no_json_is_a_problem_too(rest: TestClient, ana: Account, content: bytes) -> None:
    answer = rest.post(f"{API}/accounts", content=content, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 422) and answer.headers["content-type"] == "application/problem+json"


def test_what_is_not_there_is_a_problem(rest: TestClient, ana: Account) -> None:
    problem(rest.get(f"{API}/accounts/999999-9"), 404, "account-not-found")
    problem(rest.get(f"{API}/transfers/E00000001202601311832aB3dE6gH9jK"), 404, "transfer-not-found")
    problem(rest.get(f"{API}/nothing"), 404, "not-found")
    problem(rest.put(f"{API}/accounts"), 405, "method-not-allowed")
    problem(rest.get(f"{API}/accounts", params={"size": 0}), 422, "invalid-request")
    problem(rest.get(f"{API}/transfers", params={"after": "x"}), 422, "scheme-rule")


def test_with_the_hub_down_a_look_up_is_unavailable_and_a_transfer_is_taken(
    rest: TestClient, village: Village, ana: Account, bruno: Account
) -> None:
    village.switches.answers = False
    problem(rest.get(f"{API}/payees/EMAIL/bruno@example.com"), 503, "hub-unavailable")
    url = f"{API}/accounts/{ana.number}/transfers"
    assert rest.post(url, json=order(), headers={"Idempotency-Key": "one"}).status_code == 201


def test_transfers_and_statement_come_in_pages(
    rest: TestClient, village: Village, ana: Account, bruno: Account
) -> None:
    for number in range(5):
        rest.post(
            f"{API}/accounts/{ana.number}/transfers", json=order(number + 1), headers={"Idempotency-Key": str(number)}
        )
    village.deliver()
    amounts, cursor = [], ""
    while True:
        page = rest.get(f"{API}/transfers", params={"size": 2, "after": cursor}).json()
        amounts += [transfer["amount_centavos"] for transfer in page["transfers"]]
        cursor = page["next_cursor"]
        if not cursor:
            break
    assert sorted(amounts) == [1, 2, 3, 4, 5]
    lines, cursor = [], ""
    while True:
        page = rest.get(f"{API}/accounts/{ana.number}/statement", params={"size": 2, "before": cursor}).json()
        lines += page["lines"]
        cursor = page["next_cursor"]
        if not cursor:
            break
    assert sum(line["amount_centavos"] for line in lines) == lines[0]["balance_after_centavos"] == 99_985
    only = rest.get(f"{API}/accounts/{ana.number}/statement", params={"direction": "in"}).json()["lines"]
    assert [line["kind"] for line in only] == ["deposit"]


def test_the_devices_of_an_account_are_listed(
    visit: Visit, rest: TestClient, aurora: BankApplication, ana: Account
) -> None:
    assert rest.get(f"{API}/accounts/{ana.number}/devices").json() == []
    customer = visit(aurora, ana)
    (device,) = rest.get(f"{API}/accounts/{ana.number}/devices").json()
    assert set(device) == {"mark", "name", "is_phone", "signed_in_at_ms", "seen_at_ms"}, "and not the session's id"
    assert customer.open("/account").text.count("data-device=") == 1
    assert f'data-device="{device["mark"]}"' in customer.page.text
    problem(rest.get(f"{API}/accounts/000000-0/devices"), 404, "account-not-found")


def test_the_books_and_the_dead_letters(rest: TestClient, aurora: BankApplication, ana: Account) -> None:
    books = rest.get(f"{API}/books").json()
    assert books["is_balanced"] and books["customers_centavos"] == 100_000 and books["postings"] == 2
    assert rest.get(f"{API}/postings").json()["postings"][0]["kind"] == "deposit"
    bank_handler(aurora, "any secret")([Record(topic=bank_topic("001"), key=b"x", value=b"nonsense", headers={})])
    letters = rest.get(f"{API}/dead-letters").json()
    assert letters["counts"]["dead"] == 1 and letters["dead_letters"][0]["value_bytes"] == 8
    url = f"{API}/dead-letters/{letters['dead_letters'][0]['dead_letter_id']}"
    assert rest.post(f"{url}/replay").json()["times"] == 2
    assert rest.post(f"{url}/discard", json={"note": "mine"}).json()["state"] == "discarded"
    problem(rest.post(f"{url}/replay"), 409, "dead-letter-settled")
    problem(rest.post(f"{API}/dead-letters/x/replay"), 422, "invalid-request")
    bank_handler(aurora, "any secret")([Record(topic=bank_topic("001"), key=b"x", value=b"noise", headers={})])
    assert len(rest.get(f"{API}/dead-letters", params={"topic": bank_topic("001")}).json()["dead_letters"]) == 2
    assert rest.get(f"{API}/dead-letters", params={"sender": "99999999"}).json()["dead_letters"] == []
    report = rest.post(f"{API}/dead-letters/replay", json={"topic": bank_topic("001")}).json()
    assert report == {"replayed": 0, "failed_again": 1, "settled_meanwhile": 0, "left": 0, "truncated": 0}


def test_of_a_large_record_a_part_is_given_and_it_cannot_be_run_again(
    rest: TestClient, aurora: BankApplication
) -> None:
    value = b"v" * (VALUE_KEPT_BYTES_MAX + 1)
    bank_handler(aurora, "any secret")([Record(topic=bank_topic("001"), key=b"x", value=value)])
    (line,) = rest.get(f"{API}/dead-letters").json()["dead_letters"]
    letter = rest.get(f"{API}/dead-letters/{line['dead_letter_id']}").json()
    assert bytes.fromhex(letter["value_hex"]) == value[:VALUE_KEPT_BYTES_MAX]
    assert (letter["value_bytes"], letter["value_sha256"]) == (len(value), sha256(value).hexdigest())
    assert letter["is_whole"] is False
    problem(rest.post(f"{API}/dead-letters/{line['dead_letter_id']}/replay"), 409, "dead-letter-not-whole")
    problem(rest.get(f"{API}/dead-letters/{'0' * 64}"), 404, "dead-letter-not-found")


def test_the_switches_by_rest(rest: TestClient) -> None:
    behaviour = rest.get(f"{API}/behaviour").json()
    assert behaviour["mode"] == "by_account"
    changed = {**behaviour, "mode": "reject", "reject_reason": "AC03", "answer_delay_ms": 2_000}
    assert rest.put(f"{API}/behaviour", json=changed).json() == changed == rest.get(f"{API}/behaviour").json()
    problem(rest.put(f"{API}/behaviour", json={"mode": "reject", "reject_reason": "AB03"}), 422, "scheme-rule")
    problem(rest.put(f"{API}/behaviour", json={"mode": "shout"}), 422, "invalid-request")
    magic = {
        each["amount_centavos"]: each for each in rest.get(f"{API}/behaviour/magic-amounts").json()["magic_amounts"]
    }
    assert magic[3]["reason"] == "AC03" and magic[20]["delay_ms"] is None
    assert {each: magic[each]["return_reason"] for each in (3, 7, 20)} == {3: "ED05", 7: "AC07", 20: None}


def test_health_says_which_part_is_in_trouble(rest: TestClient, aurora: BankApplication) -> None:
    assert rest.get("/health/live").status_code == 200
    assert rest.get("/health/ready").json() == {"status": "ok", "parts": {"database": "ok"}}
    aurora.health.trouble("kafka", "the broker does not answer")
    answer = rest.get("/health/ready")
    assert answer.status_code == 503 and answer.json()["parts"]["kafka"] == "the broker does not answer"


def test_the_api_describes_itself_with_examples(rest: TestClient) -> None:
    description = rest.get("/api/openapi.json").json()
    assert set(description["paths"]["/api/v1/accounts/{number}/transfers"]) == {"post"}
    assert description["components"]["schemas"]["RequestTransferRequest"]["example"]["amount_centavos"] == 12_345
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            assert operation["description"], (path, method)
    page = rest.get("/api/docs").text
    assert "/api/v1/accounts/{number}/transfers" in page and "Idempotency-Key" in page


def test_a_page_of_another_site_cannot_post_json(rest: TestClient) -> None:
    answer = rest.post(f"{API}/accounts", content=b'{"name": "x"}', headers={"Content-Type": "text/plain"})
    problem(answer, 415, "unsupported-media-type")
