"""The REST API: what it answers, how it pages, who may ask, and that every error is a problem document."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from dataclasses import replace
from hashlib import sha256
from uuid import UUID

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine, create_engine

from hub.adapters.postgres.unit_of_work import PostgresUnitsOfWork
from hub.application.use_cases import HubApplication
from hub.entrypoints.http.app import create_app
from pix.runtime.clock import SystemClock
from pix.runtime.health import Health
from pix.runtime.outages import PublishFailed
from pix.scheme.messages import Side, TransferAccepted
from pix.scheme.reasons import ReasonCode
from pix.wire.record import VALUE_KEPT_BYTES_MAX, Record
from pix.wire.topics import HUB_TOPIC
from tests.support.hub import FUNDS, SECRETS, World, signed
from tests.support.hub_builders import AURORA, BIAS_KEY, IPE, NOW_MS, POLICY, e2e
from tests.support.participants import compose_hub


def replaying(application: HubApplication, process_again: Callable[[object], None]) -> HubApplication:
    return replace(application, dead_letters=replace(application.dead_letters, process_again=process_again))


@pytest.fixture
def client(world: World) -> Iterator[TestClient]:
    with TestClient(create_app(world.application)) as client:
        yield client


def problem(answer: object, status: int, name: str) -> dict[str, object]:
    """The document, after checking that it is one."""
    assert answer.status_code == status, answer.text  # type: ignore[attr-defined]
    assert answer.headers["content-type"] == "application/problem+json"  # type: ignore[attr-defined]
    document: dict[str, object] = answer.json()  # type: ignore[attr-defined]
    assert document["type"] == f"urn:codepix:problem:{name}"
    assert document["status"] == status
    assert document["title"] and document["detail"]
    return document


def test_banks_and_their_settlement_accounts(client: TestClient, world: World) -> None:
    banks = client.get("/api/v1/banks").json()
    assert [(bank["code"], bank["ispb"], bank["name"]) for bank in banks] == [
        ("001", "00000001", "Banco Aurora"),
        ("002", "00000002", "Banco Ipê"),
        ("003", "00000003", "Banco Maré"),
    ]
    world.pay(1, amount=300)
    world.complete(world.pay(2, amount=500))
    accounts = {account["ispb"]: account for account in client.get("/api/v1/settlement").json()}
    assert accounts[AURORA]["balance_centavos"] == FUNDS - 500
    assert accounts[AURORA]["reserved_centavos"] == 300
    assert accounts[AURORA]["funded_centavos"] == FUNDS
    assert accounts[IPE]["balance_centavos"] == FUNDS + 500


def test_a_bank_tells_how_it_is(client: TestClient, world: World) -> None:
    world.application.record_heartbeat(ispb=IPE, instance="a", version="2.0", lag=4)
    bank = client.get("/api/v1/banks/002").json()
    assert (bank["state"], bank["lag"], bank["last_seen_at_ms"], bank["versions"]) == ("up", 4, NOW_MS, ["2.0"])
    assert [each["state"] for each in client.get("/api/v1/banks").json()] == ["stopped", "up", "stopped"]
    world.application.leave_network(ispb=IPE, instance="a")
    assert client.get("/api/v1/banks/002").json()["left_at_ms"] == NOW_MS
    problem(client.get("/api/v1/banks/009"), 404, "bank-not-found")


def test_a_bank_is_suspended_and_resumed(client: TestClient, world: World) -> None:
    assert client.post("/api/v1/banks/002/suspend").json()["state"] == "suspended"
    refused = world.pay(1)
    assert client.get(f"/api/v1/transfers/{refused}").json()["reason"] == "DS27"
    assert client.post("/api/v1/banks/002/resume").json()["active"]
    assert client.get(f"/api/v1/transfers/{world.pay(2)}").json()["status"] == "pending"
    for verb in ("suspend", "resume"):
        problem(client.post(f"/api/v1/banks/009/{verb}"), 404, "bank-not-found")


def test_settlement_money_is_put_in_and_taken_out(client: TestClient, world: World) -> None:
    address, funding_id = "/api/v1/banks/001/fundings", str(UUID(int=7))
    world.pay(1, amount=300)
    for _ in range(2):
        funded = client.post(address, json={"amount_centavos": 700, "funding_id": funding_id})
        assert funded.json()["balance_centavos"] == FUNDS + 700
    too_much = {"amount_centavos": -(FUNDS + 401), "funding_id": str(UUID(int=8))}
    document = problem(client.post(address, json=too_much), 409, "settlement-funds-too-low")
    assert document["field"] == "amount_centavos"
    assert client.post(address, json={**too_much, "amount_centavos": -(FUNDS + 400)}).json() == {
        "funding_id": str(UUID(int=8)),
        "ispb": AURORA,
        "amount_centavos": -(FUNDS + 400),
        "funded_at_ms": world.clock.at_ms,
        "balance_centavos": 300,
        "reserved_centavos": 300,
    }
    amounts = [funding["amount_centavos"] for funding in client.get(address).json()]
    assert sorted(amounts) == [-(FUNDS + 400), 700, FUNDS]
    other = problem(
        client.post(address, json={"amount_centavos": 1, "funding_id": funding_id}), 409, "funding-conflict"
    )
    assert other["field"] == "funding_id"
    for body, field in (
        ({"amount_centavos": 0, "funding_id": funding_id}, "amount_centavos"),
        ({"amount_centavos": 1.5, "funding_id": funding_id}, "amount_centavos"),
        ({"amount_centavos": 5, "funding_id": "x"}, "funding_id"),
        ({"amount_centavos": 5}, "funding_id"),
    ):
        answer = client.post(address, json=body)
        assert (answer.status_code, answer.json()["field"]) == (422, field)


def test_a_transfer_with_its_history(client: TestClient, world: World) -> None:
    end_to_end_id = world.pay(1, text="almoço")
    world.reject(end_to_end_id, ReasonCode.AC06)
    document = client.get(f"/api/v1/transfers/{end_to_end_id}").json()
    assert (document["status"], document["reason"]) == ("failed", "AC06")
    assert document["reason_sentence"] == "The payee's account is blocked."
    assert (document["payer"]["name"], document["payee"]["name"], document["key"]) == (
        "Ana Souza",
        "Bia Lima",
        BIAS_KEY.key,
    )
    assert [(step["author"], step["message"], step["status"]) for step in document["history"]] == [
        (AURORA, "TransferRequested", "pending"),
        (IPE, "TransferRejected", "failed"),
    ]


def test_transfers_are_paged_narrowed_and_counted(client: TestClient, world: World) -> None:
    ids = [world.pay(number) for number in range(1, 6)]
    world.complete(ids[0])
    seen: list[str] = []
    before = ""
    while True:
        page = client.get("/api/v1/transfers", params={"size": 2, "before": before}).json()
        seen += [transfer["end_to_end_id"] for transfer in page["transfers"]]
        if page["next"] is None:
            break
        before = page["next"]
    assert seen == ids[::-1]

    def found(**params: str) -> list[str]:
        answer = client.get("/api/v1/transfers", params=params).json()
        return [transfer["end_to_end_id"] for transfer in answer["transfers"]]

    assert found(status="completed") == [ids[0]]
    assert found(bank=IPE) == ids[::-1]
    assert found(bank="00000003") == []
    assert found(bank="\x00") == []
    assert found(open_only="true") == ids[:0:-1]
    assert client.get("/api/v1/transfers/counts").json() == {
        "pending": 4,
        "confirmed": 0,
        "completed": 1,
        "failed": 0,
    }


@pytest.mark.parametrize("before", ["x", "1", "-5:E1", "²:E1", "9" * 16 + ":E1", "1:\x00"])
def test_a_place_that_we_never_gave_is_refused(client: TestClient, before: str) -> None:
    answer = client.get("/api/v1/transfers", params={"before": before})
    if before == "1":
        # Without an id it is still a place: before every transfer of that millisecond.
        assert answer.status_code == 200
    else:
        assert problem(answer, 422, "scheme-rule")["field"] == "before"


@pytest.mark.parametrize("query", ["size=0", "size=5001", "size=x", "status=lost", "open_only=perhaps"])
def test_a_malformed_query_is_refused_by_name(client: TestClient, query: str) -> None:
    document = problem(client.get(f"/api/v1/transfers?{query}"), 422, "invalid-request")
    assert document["field"] == query.split("=")[0]


def test_a_key_is_for_banks_that_prove_themselves(client: TestClient) -> None:
    address = f"/api/v1/keys/EMAIL/{BIAS_KEY.key}"
    credentials = {"codepix-ispb": AURORA, "codepix-secret": SECRETS[AURORA]}
    found = client.get(address, headers=credentials)
    assert found.json() == {
        "kind": "EMAIL",
        "key": "bia@example.com",
        "holder_name": "Bia Lima",
        "holder_kind": "PERSON",
        "tax_id_masked": "***.444.777-**",
        "bank_ispb": IPE,
        "bank_code": "002",
        "bank_name": "Banco Ipê",
    }
    for wrong in ({}, {**credentials, "codepix-secret": "x"}, {**credentials, "codepix-ispb": "00000099"}):
        assert problem(client.get(address, headers=wrong), 401, "not-authenticated")["field"] == "codepix-secret"
    problem(client.get("/api/v1/keys/EMAIL/no@example.com", headers=credentials), 404, "key-not-found")
    problem(client.get("/api/v1/keys/EMAIL/a/b@example.com", headers=credentials), 404, "key-not-found")
    assert problem(client.get("/api/v1/keys/CPF/123", headers=credentials), 422, "scheme-rule")["field"] == "key"
    assert problem(client.get("/api/v1/keys/IBAN/1", headers=credentials), 422, "invalid-request")["field"] == "kind"


@pytest.mark.parametrize(
    ("address", "name"),
    [
        (f"/api/v1/transfers/{e2e(99)}", "transfer-not-found"),
        ("/api/v1/transfers/%00", "transfer-not-found"),
        ("/api/v1/dead-letters/abc", "dead-letter-not-found"),
        ("/api/v1/dead-letters/%00", "dead-letter-not-found"),
        ("/api/v1/nothing", "not-found"),
    ],
)
def test_what_is_not_there_is_a_problem(client: TestClient, address: str, name: str) -> None:
    problem(client.get(address), 404, name)


def test_a_method_that_is_not_there_is_a_problem(client: TestClient) -> None:
    problem(client.delete("/api/v1/banks"), 405, "method-not-allowed")


def test_dead_letters_are_read_replayed_and_discarded(client: TestClient, world: World) -> None:
    early = world.clock.at_ms
    end_to_end_id = e2e(1, AURORA, early)
    world.treat(signed(TransferAccepted(end_to_end_id, 12_345), IPE))
    (letter,) = client.get("/api/v1/dead-letters").json()
    digest = letter["digest"]
    assert letter["reason"] == "TransferAccepted: the hub knows no transfer with this end-to-end id"
    whole = client.get(f"/api/v1/dead-letters/{digest}").json()
    assert base64.b64decode(whole["key_base64"]).decode() == end_to_end_id
    assert {name: whole[name] for name in letter} == letter
    assert not {"key_base64", "value_base64", "headers_base64"} & set(letter), "a list has no bytes"

    again = client.post(f"/api/v1/dead-letters/{digest}/replay").json()
    assert (again["state"], again["times"]) == ("dead", 2)
    world.clock.at_ms = early - 12
    assert world.pay(1) == e2e(1, AURORA, early - 12) == end_to_end_id
    assert client.post(f"/api/v1/dead-letters/{digest}/replay").json()["state"] == "replayed"
    assert world.application.queries.find_transfer(end_to_end_id)[0].status == "confirmed"
    problem(client.post(f"/api/v1/dead-letters/{digest}/replay"), 409, "dead-letter-settled")

    world.treat(Record(HUB_TOPIC, b"", b"junk"))
    (junk,) = client.get("/api/v1/dead-letters", params={"state": "dead"}).json()
    address = f"/api/v1/dead-letters/{junk['digest']}/discard"
    assert problem(client.post(address, json={"note": ""}), 422, "invalid-request")["field"] == "note"
    assert problem(client.post(address, json={"note": "  "}), 422, "scheme-rule")["field"] == "note"
    discarded = client.post(address, json={"note": " not  ours "}).json()
    assert (discarded["state"], discarded["note"]) == ("discarded", "not ours")
    problem(client.post(address, json={"note": "again"}), 409, "dead-letter-settled")


def test_dead_letters_are_filtered_and_replayed_together(client: TestClient, world: World) -> None:
    for number in (1, 2):
        world.treat(signed(TransferAccepted(e2e(number, AURORA, world.clock.at_ms), 12_345), IPE))
    world.treat(Record(HUB_TOPIC, b"", b"junk"))

    def reasons(**query: str) -> list[str]:
        return [each["reason"] for each in client.get("/api/v1/dead-letters", params=query).json()]

    assert len(reasons()) == 3 and len(reasons(sender=IPE)) == 2 == len(reasons(reason="KNOWS NO TRANSFER"))
    assert reasons(topic="elsewhere") == [] == reasons(sender=IPE, reason="forged")
    world.pay(1)
    report = client.post("/api/v1/dead-letters/replay", json={"reason": "knows no transfer", "sender": IPE}).json()
    assert report == {"replayed": 1, "failed_again": 1, "settled_meanwhile": 0, "left": 0, "truncated": 0}
    assert len(reasons(state="dead")) == 2 and len(reasons(state="replayed")) == 1
    problem(client.post("/api/v1/dead-letters/replay", json={"reasons": "x"}), 422, "invalid-request")
    problem(client.get("/api/v1/dead-letters", params={"sender": "x" * 41}), 422, "invalid-request")


def test_of_a_large_record_a_part_is_given_and_it_cannot_be_replayed(client: TestClient, world: World) -> None:
    value = b"v" * (VALUE_KEPT_BYTES_MAX + 1)
    world.treat(Record(HUB_TOPIC, b"", value))
    (line,) = client.get("/api/v1/dead-letters").json()
    letter = client.get(f"/api/v1/dead-letters/{line['digest']}").json()
    assert base64.b64decode(letter["value_base64"]) == value[:VALUE_KEPT_BYTES_MAX]
    assert (letter["value_bytes"], letter["value_sha256"]) == (len(value), sha256(value).hexdigest())
    assert letter["is_whole"] is False
    problem(client.post(f"/api/v1/dead-letters/{line['digest']}/replay"), 409, "dead-letter-not-whole")


def test_a_page_from_elsewhere_cannot_act_through_a_browser(client: TestClient, world: World) -> None:
    world.treat(Record(HUB_TOPIC, b"", b"junk"))
    (junk,) = client.get("/api/v1/dead-letters").json()
    address = f"/api/v1/dead-letters/{junk['digest']}/replay"
    problem(client.post(address, headers={"origin": "https://evil.example"}), 403, "forged-request")
    assert client.post(address, headers={"origin": "http://testserver"}).status_code == 200


def test_a_broker_or_a_database_that_is_away_is_told(world: World) -> None:
    world.treat(signed(TransferAccepted(e2e(1), 1), IPE))

    def no_broker(_: object) -> None:
        raise PublishFailed("gone")

    with TestClient(create_app(replaying(world.application, no_broker))) as client:
        (letter,) = client.get("/api/v1/dead-letters").json()
        problem(client.post(f"/api/v1/dead-letters/{letter['digest']}/replay"), 503, "broker-unavailable")

    nowhere = create_engine("postgresql+psycopg2://nobody@127.0.0.1:1/none", connect_args={"connect_timeout": 1})
    away = compose_hub(PostgresUnitsOfWork(nowhere), SystemClock(), Health(), POLICY, None)
    with TestClient(create_app(away)) as client:
        problem(client.get("/api/v1/banks"), 503, "database-unavailable")
        page = client.get("/")
        assert page.status_code == 503
        assert "One moment, please" in page.text


def test_a_fault_of_ours_tells_nothing_of_itself(world: World) -> None:
    world.treat(signed(TransferAccepted(e2e(1), 1), IPE))

    def broken(_: object) -> None:
        raise ZeroDivisionError("a secret")

    with TestClient(create_app(replaying(world.application, broken)), raise_server_exceptions=False) as client:
        (letter,) = client.get("/api/v1/dead-letters").json()
        answer = client.post(f"/api/v1/dead-letters/{letter['digest']}/replay")
        problem(answer, 500, "internal-error")
        assert "secret" not in answer.text


def test_health_is_told_part_by_part(engine: Engine, world: World) -> None:
    health = Health()
    health.ok("consumer")
    application = compose_hub(PostgresUnitsOfWork(engine), SystemClock(), health, POLICY, None)
    with TestClient(create_app(application)) as client:
        assert client.get("/health/live").json() == {"status": "ok"}
        assert client.get("/health/ready").json() == {"status": "ok", "parts": {"consumer": "ok"}}
        health.trouble("consumer", "waiting for the broker: gone")
        answer = client.get("/health/ready")
        assert answer.status_code == 503
        assert answer.json()["parts"] == {"consumer": "waiting for the broker: gone"}


def test_the_openapi_document_names_the_problems(client: TestClient) -> None:
    document = client.get("/api/openapi.json").json()
    assert "/api/v1/transfers/{end_to_end_id}" in document["paths"]
    assert not any(path.startswith(("/transfers", "/dead-letters", "/preferences")) for path in document["paths"])
    answers = document["paths"]["/api/v1/banks"]["get"]["responses"]
    assert answers["4XX"]["content"]["application/json"]["schema"]["$ref"].endswith("ProblemDocument")


def test_every_answer_tells_the_browser_what_our_pages_never_do(client: TestClient) -> None:
    for address in ("/", "/api/v1/banks", "/nothing"):
        headers = client.get(address).headers
        assert headers["content-security-policy"].startswith("default-src 'none'")
        assert headers["x-content-type-options"] == "nosniff"


def test_closing_needs_both_sides(client: TestClient, world: World) -> None:
    end_to_end_id = world.pay(1)
    world.accept(end_to_end_id)
    world.note(end_to_end_id, Side.PAYER)
    assert client.get(f"/api/v1/transfers/{end_to_end_id}").json()["status"] == "confirmed"
    world.note(end_to_end_id, Side.PAYEE)
    document = client.get(f"/api/v1/transfers/{end_to_end_id}").json()
    assert document["status"] == "completed"
    assert document["closed_at_ms"] == world.clock.at_ms
