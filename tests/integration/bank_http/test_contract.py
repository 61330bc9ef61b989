"""The endpoints by which an examiner drives and reads our bank."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import pytest
from fastapi.testclient import TestClient

from bank_sim.application.use_cases import BankApplication
from bank_sim.domain.account import Account
from bank_sim.entrypoints.http.app import create_app
from tests.support.village import Village, VillageSettings

OWNER = {"owner_name": "Caio Dias", "owner_document": "39053344705"}

Call = Callable[..., Any]


@pytest.fixture
def call(clients: ExitStack, village: Village, aurora: BankApplication) -> Call:
    """Calls the contract of Aurora; returns the JSON of an answer with this status."""
    app = create_app(aurora, VillageSettings(), village.clock, has_contract=True)
    client = clients.enter_context(TestClient(app, raise_server_exceptions=False))

    def make(method: str, path: str, status: int, document: Any = None) -> Any:
        answer = client.request(method, f"/contract/v1{path}", json=document)
        assert answer.status_code == status, answer.text
        if status >= 400:
            assert answer.headers["content-type"] == "application/problem+json"
        return answer.json() if answer.content else None

    return make


def order_of(account: Account, **changes: Any) -> dict[str, Any]:
    order = {"account": account.number, "key": "bruno@example.com", "amount_centavos": 15_00, "idempotency_key": "one"}
    return {**order, **changes}


def test_without_the_setting_there_is_no_contract(
    aurora: BankApplication, village: Village, clients: ExitStack
) -> None:
    client = clients.enter_context(TestClient(create_app(aurora, VillageSettings(), village.clock)))
    assert client.get("/contract/v1/accounts").status_code == 404


def test_the_bank_tells_who_it_is(call: Call) -> None:
    bank = call("GET", "/bank", 200)
    assert (bank["code"], bank["ispb"], bank["kafka_topic"]) == ("001", "00000001", "codepix.bank.001.v1")
    assert set(bank["features"]) == {"accounts", "companies", "manu", "returns"}


def test_a_payment_is_pending_and_then_confirmed_and_booked(
    call: Call, village: Village, ana: Account, bruno: Account
) -> None:
    made = call("POST", "/transfers", 201, order_of(ana, description="Almoço"))
    assert made | {"id": ""} == {"id": "", "side": "payer", "status": "pending", "reason": "", "amount_centavos": 15_00}
    books = call("GET", "/books", 200)
    assert (books["clearing_centavos"], sum(books.values())) == (15_00, 0)
    village.deliver()
    assert call("GET", f"/transfers/{made['id']}", 200)["status"] in ("confirmed", "completed")
    assert call("GET", f"/transfers/{made['id']}?side=payer", 200)["side"] == "payer"
    call("GET", f"/transfers/{made['id']}?side=payee", 404)
    postings = call("GET", f"/accounts/{ana.number}/postings", 200)["postings"]
    assert [posting["amount_centavos"] for posting in postings] == [1_000_00, -15_00]
    assert [posting["transfer_id"] for posting in postings] == ["", made["id"]]
    books = call("GET", "/books", 200)
    assert (books["clearing_centavos"], sum(books.values())) == (0, 0)


def test_an_order_is_taken_once(call: Call, ana: Account, bruno: Account) -> None:
    made = call("POST", "/transfers", 201, order_of(ana))
    assert call("POST", "/transfers", 200, order_of(ana)) == made
    assert call("POST", "/transfers", 409, order_of(ana, amount_centavos=16_00))["reason"] == "ALREADY_EXISTS"
    (account,) = [each for each in call("GET", "/accounts", 200)["accounts"] if each["number"] == ana.number]
    assert account["balance_centavos"] == 985_00


REFUSED = (
    ({"key": "nobody@example.com"}, 404, "NOT_FOUND"),
    ({"key": "no key"}, 422, "INVALID_ARGUMENT"),
    ({"amount_centavos": 1_000_01}, 422, "FAILED_PRECONDITION"),
    ({"amount_centavos": 0}, 422, "INVALID_ARGUMENT"),
    ({"amount_centavos": 15.5}, 422, "INVALID_ARGUMENT"),
    ({"account": "999999-9"}, 404, "NOT_FOUND"),
    ({"key": "ana@example.com"}, 422, "FAILED_PRECONDITION"),
)


def test_a_refused_order_says_why_and_moves_nothing(call: Call, ana: Account, bruno: Account) -> None:
    for change, status, reason in REFUSED:
        refusal = call("POST", "/transfers", status, {**order_of(ana), **change})
        assert refusal["reason"] == reason and refusal["title"] and refusal["detail"], change
    assert call("GET", "/books", 200)["clearing_centavos"] == 0


def test_an_account_is_opened_blocked_opened_and_closed(call: Call) -> None:
    account = call("POST", "/accounts", 201, {**OWNER, "opening_balance_centavos": 0, "colour": "ignored"})
    assert (account["type"], account["status"], account["owner_document"]) == ("CACC", "open", OWNER["owner_document"])
    path = f"/accounts/{account['number']}/status"
    for status in ("blocked", "open", "blocked", "closed"):
        assert call("PUT", path, 200, {"status": status})["status"] == status
    assert call("PUT", path, 409, {"status": "open"})["reason"] == "FAILED_PRECONDITION"
    call("POST", "/accounts", 422, {**OWNER, "type": "SLRY"})


def test_an_account_with_money_is_not_closed(call: Call, ana: Account) -> None:
    refusal = call("PUT", f"/accounts/{ana.number}/status", 409, {"status": "closed"})
    assert refusal["reason"] == "FAILED_PRECONDITION"


def test_keys_are_registered_refused_and_removed(call: Call, ana: Account, bruno: Account) -> None:
    typed = {"account": ana.number, "kind": "PHONE", "value": "(11) 98765-4321"}
    assert call("POST", "/keys", 201, typed) == {"kind": "PHONE", "value": "+5511987654321"}
    assert call("POST", "/keys", 201, {"account": ana.number, "kind": "EVP"})["kind"] == "EVP"
    taken = {"account": ana.number, "kind": "EMAIL", "value": "bruno@example.com"}
    assert call("POST", "/keys", 409, taken)["reason"] == "ALREADY_EXISTS"
    malformed = {"account": ana.number, "kind": "CPF", "value": "1"}
    assert call("POST", "/keys", 422, malformed)["reason"] == "INVALID_ARGUMENT"
    assert call("DELETE", "/keys/%2B5511987654321", 204) is None
    assert call("DELETE", "/keys/%2B5511987654321", 404)["reason"] == "NOT_FOUND"
    assert call("DELETE", "/keys/bruno%40example.com", 404)["reason"] == "NOT_FOUND"


def test_money_of_a_received_payment_goes_back(
    call: Call, village: Village, ana: Account, bruno: Account, ipe: BankApplication
) -> None:
    payment = ipe.request_transfer(
        account_number=bruno.number,
        payee_key=ipe.find_payee(key="ana@example.com").key,
        amount_centavos=20_00,
        description="",
        idempotency_key="one",
        payee_tax_id_masked="",
    )
    village.deliver()
    order = {"transfer_id": payment.end_to_end_id, "amount_centavos": 5_00, "reason": "MD06", "idempotency_key": "back"}
    made = call("POST", "/returns", 201, order)
    assert (made["side"], made["status"]) == ("payee", "pending")
    assert call("POST", "/returns", 200, order)["id"] == made["id"]
    assert call("POST", "/returns", 409, order | {"amount_centavos": 6_00})["reason"] == "ALREADY_EXISTS"
    village.deliver()
    assert call("GET", f"/transfers/{made['id']}", 200)["status"] == "confirmed"
    too_much = order | {"amount_centavos": 16_00, "idempotency_key": "more"}
    assert call("POST", "/returns", 422, too_much)["reason"] == "FAILED_PRECONDITION"
    unknown = order | {"transfer_id": "E00000002202601011200aaaaaaaaaaa", "idempotency_key": "none"}
    assert call("POST", "/returns", 404, unknown)["reason"] == "NOT_FOUND"
