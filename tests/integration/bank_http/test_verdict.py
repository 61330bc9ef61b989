"""The verdict over HTTP: a receiver reports what it has booked, and is told what differs from the bank's books."""

from __future__ import annotations

from typing import Any

import pytest

from bank_sim.application.use_cases import BankApplication
from bank_sim.domain.account import Account
from pix.scheme import brcode
from tests.integration.bank_http.conftest import Visit
from tests.support.village import Village


def code(number: int) -> str:
    return brcode.encode(
        brcode.BRCode("bruno@example.com", "Bruno Lima", "Sao Paulo", amount_centavos=7_00, txid=f"order{number}")
    )


def test_a_receiver_that_books_twice_is_named(
    village: Village, aurora: BankApplication, ipe: BankApplication, ana: Account, bruno: Account, visit: Visit
) -> None:
    payer, merchant = visit(aurora).client, visit(ipe).client
    ids = []
    for number in range(3):
        made = payer.post("/sandbox/payments", json={"code": code(number), "payer": ana.number}).json()
        ids += made["end_to_end_ids"]
    village.deliver()

    def verdict(*booked: tuple[str, str]) -> dict[str, Any]:
        report = {
            "account_number": bruno.number,
            "receipts": [{"endToEndId": end_to_end_id, "valor": amount} for end_to_end_id, amount in booked],
        }
        assert merchant.post("/sandbox/receipts", json=report).status_code == 204
        found: dict[str, Any] = merchant.get("/sandbox/verdict", params={"account_number": bruno.number}).json()
        return found

    judged = verdict((ids[0], "7.00"), (ids[1], "7.00"), (ids[1], "7.00"), ("E" + "9" * 31, "1.00"))
    lines = {line["end_to_end_id"]: line["judgement"] for line in judged["lines"]}
    assert lines == {ids[0]: "right", ids[1]: "twice", ids[2]: "missing", "E" + "9" * 31: "unknown"}
    assert judged["counts"] == {"right": 1, "twice": 1, "missing": 1, "wrong_amount": 0, "unknown": 1}
    assert not judged["is_right"] and verdict(*((each, "7.00") for each in ids))["is_right"]
    other = payer.get("/sandbox/verdict", params={"account_number": ana.number}).json()
    assert other["lines"] == [] and other["reported_at_ms"] is None


@pytest.mark.parametrize("receipt", [{"endToEndId": "", "valor": "1.00"}, {"endToEndId": "E1", "valor": "1,00"}, {}])
def test_a_report_that_cannot_be_read_names_the_field(
    receipt: dict[str, str], aurora: BankApplication, visit: Visit
) -> None:
    body = {"account_number": "100001-7", "receipts": [receipt]}
    answer = visit(aurora).client.post("/sandbox/receipts", json=body)
    assert answer.status_code == 422 and "receipts" in answer.json()["field"]
