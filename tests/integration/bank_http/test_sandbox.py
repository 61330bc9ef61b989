"""REST of the sandbox: payments on demand, the table of rules, and what the process around the network asks."""

from __future__ import annotations

from typing import Any

from bank_sim.application.use_cases import BankApplication
from bank_sim.domain.account import Account
from pix.scheme import brcode
from tests.integration.bank_http.conftest import Visit
from tests.support.village import Village

CODE = brcode.encode(brcode.BRCode("bruno@example.com", "Bruno Lima", "Sao Paulo", amount_centavos=7_00, txid="order7"))


def answer_of(response: Any, status: int) -> Any:
    assert response.status_code == status, response.text
    return response.json() if response.content else None


def test_a_payer_pays_now_and_the_answer_names_the_transfer(
    village: Village, aurora: BankApplication, ipe: BankApplication, ana: Account, bruno: Account, visit: Visit
) -> None:
    client = visit(aurora).client
    body = {"code": CODE, "payer": ana.number}
    headers = {"Idempotency-Key": "one"}
    made = answer_of(client.post("/sandbox/payments", json=body, headers=headers), 201)
    assert (made["status"], made["txid"], made["amount_centavos"]) == ("made", "order7", 7_00)
    assert answer_of(client.post("/sandbox/payments", json=body, headers=headers), 201) == made
    village.deliver()
    assert ipe.queries.find_account(bruno.number).balance_centavos == 57_00
    (transfer,) = made["end_to_end_ids"]
    assert answer_of(client.get(f"/api/v1/transfers/{transfer}"), 200)["status"] == "confirmed"
    assert answer_of(client.get("/sandbox/payments"), 200)["payments"] == [made]


def test_a_payment_is_cancelled_before_it_is_due(
    aurora: BankApplication, ana: Account, bruno: Account, visit: Visit
) -> None:
    client = visit(aurora).client
    body = {"code": CODE, "payer": ana.number, "when": "in_seconds", "in_seconds": 600}
    plan = answer_of(client.post("/sandbox/payments", json=body), 201)
    place = f"/sandbox/payments/{plan['payment_id']}"
    assert answer_of(client.delete(place), 200)["status"] == "cancelled"
    assert answer_of(client.get(place), 200)["status"] == "cancelled"
    assert answer_of(client.get("/sandbox/payments/none"), 404)["type"].endswith("payment-not-found")


def test_rules_are_made_changed_and_removed(aurora: BankApplication, visit: Visit) -> None:
    client = visit(aurora).client
    new = {"kind": "answer", "match": {"txid": "abc*"}, "action": {"mode": "reject", "reason": "BE17"}}
    rule = answer_of(client.post("/sandbox/rules", json=new), 201)
    assert (rule["match"], rule["action"], rule["source"]) == (new["match"], new["action"], "test")
    place = f"/sandbox/rules/{rule['rule_id']}"
    assert answer_of(client.patch(place, json={"enabled": False}), 200)["enabled"] is False
    assert answer_of(client.get(place), 200)["enabled"] is False
    kinds = [each["source"] for each in answer_of(client.get("/sandbox/rules"), 200)["rules"]]
    assert kinds[0] == "test" and kinds[-1] == "switch" and kinds.count("magic") == 13
    answer_of(client.delete(place), 204)
    answer_of(client.get(place), 404)


def test_a_rule_that_cannot_be_names_what_is_wrong(aurora: BankApplication, visit: Visit) -> None:
    client = visit(aurora).client
    for action, field in (
        ({"mode": "perhaps"}, "action"),
        ({"mode": "reject"}, "action.reason"),
        ({"mode": "reject", "reason": "AB03"}, "action.reason"),
        ({"faults": 1}, "action"),
        ({"delay_ms": -1}, "action.delay_ms"),
    ):
        problem = answer_of(client.post("/sandbox/rules", json={"kind": "answer", "action": action}), 422)
        assert problem["field"] == field, problem
    problem = answer_of(client.post("/sandbox/rules", json={"kind": "answer", "action": {}, "rule_id": "A b"}), 422)
    assert problem["field"] == "rule_id"


def test_the_switches_change_the_same_table(aurora: BankApplication, visit: Visit) -> None:
    client = visit(aurora).client
    answer_of(client.put("/api/v1/behaviour", json={"mode": "silent", "magic_amounts": True}), 200)
    rules = {each["rule_id"]: each for each in answer_of(client.get("/sandbox/rules"), 200)["rules"]}
    assert rules["switches"]["action"]["mode"] == "silent" and rules["magic-0003"]["enabled"]
    answer_of(client.patch("/sandbox/rules/magic-0003", json={"action": {"mode": "reject", "reason": "RR04"}}), 200)
    table = answer_of(client.get("/api/v1/behaviour/magic-amounts"), 200)["magic_amounts"]
    assert {each["amount_centavos"]: each["reason"] for each in table}[3] == "RR04"


def test_people_are_listed_for_programs(aurora: BankApplication, visit: Visit) -> None:
    aurora.seed_demo_people()
    people = answer_of(visit(aurora).client.get("/sandbox/people"), 200)["people"]
    assert [person["story"] for person in people][:3] == ["rich", "broke", "company"]
    # Two keys of the same millisecond are in no certain order.
    assert sorted(key["kind"] for key in people[2]["keys"]) == ["CNPJ", "EVP"]


def test_without_the_sandbox_none_of_it_is_there(aurora: BankApplication, visit: Visit) -> None:
    client = visit(aurora, sandbox=False).client
    for path in ("/sandbox/payments", "/sandbox/rules", "/sandbox/people"):
        assert client.get(path).status_code == 404


def test_outside_demo_mode_the_operator_alone_may(aurora: BankApplication, visit: Visit) -> None:
    client = visit(aurora, demo_mode=False).client
    assert client.get("/sandbox/rules").status_code == 401
    assert client.post("/sandbox/payments", json={"code": CODE}).status_code == 401


def test_the_page_tells_a_payer_and_keeps_what_was_typed(
    aurora: BankApplication, ana: Account, bruno: Account, visit: Visit
) -> None:
    visitor = visit(aurora)
    visitor.open("/backoffice/sandbox")
    assert "No payer was told anything yet." in visitor.text
    visitor.send("/backoffice/sandbox/payments", code="no code", payer=ana.number)
    assert visitor.page.status_code == 422 and "no code" in visitor.page.text
    order = {"code": CODE, "payer": ana.number, "when": "in_seconds", "seconds": "60", "times": "2"}
    visitor.send("/backoffice/sandbox/payments", **order)
    assert visitor.path == "/backoffice/sandbox" and "Waiting" in visitor.text and "× 2" in visitor.text
    (plan,) = aurora.sandbox.plans()
    visitor.send(f"/backoffice/sandbox/payments/{plan.plan_id}")
    assert "Cancelled" in visitor.text


def test_the_page_changes_rules(aurora: BankApplication, visit: Visit) -> None:
    visitor = visit(aurora)
    visitor.open("/backoffice/sandbox")
    visitor.send("/backoffice/sandbox/rules", kind="answer", match='{"txid": "abc*"}', action='{"mode": "silent"}')
    rule = aurora.sandbox.rules()[0]
    assert rule.match.txid == "abc*" and rule.match.txid in visitor.page.text
    visitor.send(f"/backoffice/sandbox/rules/{rule.rule_id}", act="disable")
    assert not aurora.sandbox.rules()[0].enabled
    visitor.send(f"/backoffice/sandbox/rules/{rule.rule_id}", act="remove")
    assert rule not in aurora.sandbox.rules()
    for match, action in (("{", "{}"), ("{}", "[]"), ('{"colour": 1}', "{}"), ("{}", '{"mode": "perhaps"}')):
        visitor.send("/backoffice/sandbox/rules", kind="answer", match=match, action=action)
        assert visitor.page.status_code == 422, (match, action)


def test_starting_over_needs_a_virtual_clock(aurora: BankApplication, visit: Visit) -> None:
    problem = answer_of(visit(aurora).client.post("/sandbox/start-over", json={"clock": "1:0:0:1"}), 422)
    assert problem["field"] == "clock"
