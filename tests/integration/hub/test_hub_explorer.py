"""The explorer, the banks, the directory and the protocol: as pages, and the same in the REST API."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import unescape
from typing import Any
from urllib.parse import quote_plus
from uuid import UUID

import httpx
import pytest
from fastapi.testclient import TestClient

from hub.adapters.rest_bank_books import BODY_BYTES_MAX, RestBankBooks
from hub.application.ports import BankBooksUnavailable, BankPosting
from hub.domain.bank import Bank
from hub.domain.flows import BY_NAME
from hub.entrypoints.http.app import create_app
from pix.scheme.keys import KeyKind, PixKey
from pix.scheme.messages import MESSAGES_OF_BANKS, MESSAGES_OF_HUB, TransferAccepted, TransferRequested
from pix.scheme.money import format_brl
from pix.scheme.reasons import REASONS_OF_FLOWS
from pix.wire.protobuf_v1.codec import decode_message
from tests.integration.hub.test_hub_console import page, text_of, token_of
from tests.support.hub import ANAS_KEY, FUNDS, World
from tests.support.hub_builders import AURORA, BIAS_KEY, IPE, e2e

NOBODYS = PixKey(KeyKind.EMAIL, "nobody@example.com")


@dataclass
class FakeBooks:
    """Banks that have booked what the test says, or are silent."""

    booked: dict[str, list[BankPosting]] = field(default_factory=dict)

    def postings(self, bank: Bank, end_to_end_id: str) -> list[BankPosting]:
        if bank.code not in self.booked:
            raise BankBooksUnavailable("The bank is not responding.")
        return self.booked[bank.code]


@pytest.fixture
def books() -> FakeBooks:
    return FakeBooks()


@pytest.fixture
def client(world: World, books: FakeBooks) -> Iterator[TestClient]:
    app = create_app(world.application, wire=world.watch(), bank_books=books)
    with TestClient(app) as client:
        yield client


def found(client: TestClient, query: str) -> list[str]:
    return re.findall(r'<tr data-transfer="(\w+)"', page(client, f"/transfers?{query}"))


# Searching.


def test_transfers_are_searched_by_everything_that_one_may_know(client: TestClient, world: World) -> None:
    first = world.pay(1, amount=12_345)
    world.clock.at_ms += 3_600_000
    second = world.complete(world.pay(2, amount=500))
    third = world.pay(3, key=NOBODYS, amount=700)
    assert found(client, "amount=123,45") == [first]
    assert found(client, "reason=AC03") == [third]
    assert found(client, "key=BIA%40example.com") == [second, first], "as people write it"
    assert found(client, "key=nobody%40example.com&status=failed") == [third]
    assert found(client, f"id={second}") == [second]
    since = "2026-09-21T12:00"
    assert found(client, f"since={since}") == [third, second]
    assert found(client, f"until={since}&amount=5,00") == []
    assert found(client, f"until={since}") == [first]

    def rest(**query: object) -> list[str]:
        answer = client.get("/api/v1/transfers", params=query).json()  # type: ignore[arg-type]
        return [each["end_to_end_id"] for each in answer["transfers"]]

    assert rest(amount_centavos=12_345) == [first]
    assert rest(reason="AC03") == rest(key=NOBODYS.key) == [third]
    assert rest(id=second) == [second]
    received_at_ms = client.get(f"/api/v1/transfers/{second}").json()["received_at_ms"]
    assert rest(received_from_ms=received_at_ms) == [third, second]
    assert rest(received_before_ms=received_at_ms) == [first]


def test_a_key_is_found_as_it_is_shown(client: TestClient, world: World) -> None:
    to_phone = world.pay(1, key=PixKey(KeyKind.PHONE, "+5571987650301"))
    to_person = world.pay(2, key=PixKey(KeyKind.CPF, "39027186502"))
    for typed in ("(71) 98765-0301", "+55 (71) 98765-0301", "(71) 98765", "71987650301"):
        assert found(client, f"key={quote_plus(typed)}") == [to_phone], typed
    for typed in ("390.271.865-02", "390.271", "39027186502"):
        assert found(client, f"key={quote_plus(typed)}") == [to_person], typed


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("amount=abc", "Write the amount in reais and centavos"),
        ("since=yesterday", "Write the time as year-month-day"),
        ("until=9999-99-99", "Write the time as year-month-day"),
    ],
)
def test_a_search_that_cannot_be_read_says_why(client: TestClient, query: str, sentence: str) -> None:
    html = page(client, f"/transfers?{query}", 422)
    assert sentence in text_of(html) and 'aria-invalid="true"' in html


def test_a_search_that_was_cut_says_so_and_goes_on(
    client: TestClient, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    oldest = world.complete(world.pay(1))
    for number in range(2, 8):
        world.pay(number)
    monkeypatch.setattr("hub.entrypoints.http.pages.transfer_query.EXAMINED_MAX", 4)
    html = page(client, "/transfers?status=completed")
    assert "No matches among those searched" in text_of(html)
    assert "Searched the newest 4 of this period" in text_of(html)
    (older,) = re.findall(r'href="([^"]+)" rel="next"', html)
    assert re.findall(r'<tr data-transfer="(\w+)"', page(client, unescape(older))) == [oldest]


# The story.


def test_a_transfers_page_draws_and_explains_what_happened(client: TestClient, world: World) -> None:
    end_to_end_id = world.pay(1)
    world.clock.at_ms += 20_000
    world.application.retransmit_due()
    world.clock.at_ms += 50_000
    world.application.fail_expired()
    world.tell(IPE, TransferAccepted(end_to_end_id, 12_345))
    html = page(client, f"/transfers/{end_to_end_id}")
    (wide, narrow) = re.findall(r'<svg class="sequence.*?</svg>', html, re.DOTALL)
    assert re.findall(r'data-message="(\w+)" data-mark="(\w*)"', wide) == [
        ("TransferRequested", ""),
        ("TransferOffered", ""),
        ("TransferOffered", "resent"),
        ("TransferFailed", ""),
        ("TransferFailed", ""),
        ("TransferAccepted", "refused"),
    ]
    assert wide.count("data-message") == narrow.count("data-message")
    assert 'href="/protocol#answer-in-time"' in html
    table = text_of(html[html.index('id="story"') :])
    assert "Resent" in table and "Ignored too late: the transfer is failed" in table
    assert "0a 20 45 30" in html, "the bytes of a message begin with the field of the end-to-end id"


def test_the_story_in_the_api_has_the_messages_as_they_were_sent(client: TestClient, world: World) -> None:
    end_to_end_id = world.complete(world.pay(1))
    told = client.get(f"/api/v1/transfers/{end_to_end_id}/story").json()
    assert [each["status"] for each in told if each["status"]] == ["pending", "confirmed", "completed"]
    assert next(each["rule"] for each in told if each["rule"]) == "every-rule-kept"
    request = next(each for each in told if each["message"] == "TransferRequested")
    value = base64.b64decode(request["value_base64"])
    decoded = decode_message("TransferRequested", value, MESSAGES_OF_BANKS)
    assert isinstance(decoded, TransferRequested) and decoded.end_to_end_id == end_to_end_id
    sent = [record.value for record in world.outgoing]
    by_hub = [base64.b64decode(each["value_base64"]) for each in told if each["sender"] == "hub"]
    assert sorted(by_hub) == sorted(sent), "byte for byte what went out"
    for each in told:
        if each["message"]:
            decode_message(each["message"], base64.b64decode(each["value_base64"]), MESSAGES_OF_BANKS | MESSAGES_OF_HUB)


def test_bookings_are_shown_as_far_as_the_banks_tell(client: TestClient, world: World, books: FakeBooks) -> None:
    end_to_end_id = world.complete(world.pay(1))
    books.booked["001"] = [BankPosting("payment", "customer:1", "clearing", 12_345, world.clock.at_ms, "outgoing")]
    assert f'data-hx-get="/transfers/{end_to_end_id}/bookings"' in page(client, f"/transfers/{end_to_end_id}")
    shown = text_of(page(client, f"/transfers/{end_to_end_id}/bookings"))
    assert "payment customer:1 clearing R$ 123,45" in shown
    assert "Banco Ipê The bank is not responding." in shown
    fragment = client.get(f"/transfers/{end_to_end_id}/bookings", headers={"HX-Request": "true"}).text
    assert "<html" not in fragment and "clearing" in fragment
    told = client.get(f"/api/v1/transfers/{end_to_end_id}/bookings").json()
    assert [(each["ispb"], len(each["postings"]), each["why_silent"]) for each in told] == [
        (AURORA, 1, ""),
        (IPE, 0, "The bank is not responding."),
    ]
    books.booked["002"] = []
    assert "No entries." in text_of(page(client, f"/transfers/{end_to_end_id}/bookings"))
    nobody = world.pay(2, key=NOBODYS)
    assert len(client.get(f"/api/v1/transfers/{nobody}/bookings").json()) == 1


# The banks' own word.

POSTING = {
    "kind": "payment",
    "debit_account": "customer:1",
    "credit_account": "clearing",
    "amount_centavos": 5,
    "posted_at_ms": 7,
    "direction": "outgoing",
}


def ask(
    answer: httpx.Response | Exception, url: str = "http://bank", password: str = "", pattern: str = ""
) -> tuple[object, list[httpx.Request]]:
    requests: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        if isinstance(answer, Exception):
            raise answer
        return answer

    asked = RestBankBooks(password, pattern, transport=httpx.MockTransport(handle))
    bank = Bank(AURORA, "001", "Aurora", "#000000", url)
    try:
        return asked.postings(bank, e2e()), requests
    except BankBooksUnavailable as silent:
        return silent.why, requests


def test_a_bank_is_asked_for_one_transfer_with_the_password_only_if_there_is_one() -> None:
    told, (request,) = ask(httpx.Response(200, json={"postings": [POSTING]}))
    assert told == [BankPosting("payment", "customer:1", "clearing", 5, 7, "outgoing")]
    assert request.url == f"http://bank/api/v1/transfers/{e2e()}/postings"
    assert "authorization" not in request.headers
    _, (request,) = ask(httpx.Response(200, json={"postings": []}), password="let me in")
    assert request.headers["authorization"] == "Bearer let me in"


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (httpx.ConnectError("refused"), "not responding"),
        (httpx.Response(401), "BANKS_OPERATOR_PASSWORD"),
        (httpx.Response(500), "the HTTP status 500"),
        (httpx.Response(302, headers={"location": "http://elsewhere"}), "the HTTP status 302"),
        (httpx.Response(200, text="<html>"), "unexpected response"),
        (httpx.Response(200, json=[]), "unexpected response"),
        (httpx.Response(200, json={"postings": [{"kind": 1}]}), "unexpected response"),
        (httpx.Response(200, content=b"x" * (BODY_BYTES_MAX + 1)), "not responding"),
    ],
)
def test_whatever_a_bank_does_becomes_a_sentence(answer: httpx.Response | Exception, why: str) -> None:
    told, _ = ask(answer)
    assert why in str(told)


def test_where_the_banks_are_may_be_told_by_the_operator() -> None:
    _, (request,) = ask(httpx.Response(200, json={"postings": []}), pattern="http://bank-{code}:8000/")
    assert request.url.host == "bank-001" and request.url.port == 8000


def test_a_bank_that_has_told_no_address_is_not_asked() -> None:
    told, requests = ask(httpx.Response(200), url="")
    assert (told, requests) == ("The bank has not announced its address.", [])


# Banks.


def test_banks_are_listed_with_their_positions(client: TestClient, world: World) -> None:
    world.complete(world.pay(1, amount=10_000))
    world.pay(2, amount=700)
    world.application.record_heartbeat(ispb=IPE, instance="a", version="9.9", lag=150)
    html = page(client, "/banks")
    assert dict(re.findall(r'data-bank="(\d+)".*?data-state="(\w+)"', html, re.DOTALL)) == {
        "001": "stopped",
        "002": "behind",
        "003": "stopped",
    }
    shown = text_of(html)
    assert "lag: 150 messages" in shown and "9.9" in shown
    cells = {place: text_of(cell) for place, cell in re.findall(r'data-position="([\d-]+)">(.*?)</td>', html)}
    assert cells["001-002"] == "R$ 100,00 net +R$ 100,00"
    assert cells["002-001"] == "R$ 0,00 net \N{MINUS SIGN}R$ 100,00"
    network = client.get("/api/v1/network").json()
    assert network["positions"] == [{"payer_ispb": AURORA, "payee_ispb": IPE, "amount_centavos": 10_000}]
    assert network["waiting"] == {IPE: 1} and network["in_flight_centavos"] == 700
    assert network["counts"] == {"pending": 1, "confirmed": 0, "completed": 1, "failed": 0}
    assert sum(each["transfers"] for each in network["latencies"]) == 1


def send(client: TestClient, address: str, **fields: str) -> Any:
    token = token_of(page(client, "/banks/001"))
    return client.post(address, data={"csrf_token": token, **fields}, follow_redirects=True)


def test_settlement_money_is_added_and_withdrawn_on_the_banks_page(client: TestClient, world: World) -> None:
    (funding_id,) = re.findall(r'name="funding_id" value="([\w-]+)"', page(client, "/banks/001"))
    for _ in range(2):
        added = send(client, "/banks/001/fundings", amount="1.000,00", direction="in", funding_id=funding_id)
        assert "1.000,00 added to the settlement account" in text_of(added.text)
    assert world.application.queries.settlement_accounts()[AURORA].balance_centavos == FUNDS + 100_000
    taken = send(
        client, "/banks/001/fundings", amount="250,00", direction="out", confirmed="yes", funding_id=str(UUID(int=1))
    )
    assert "withdrawn from the settlement account" in text_of(taken.text)
    too_much = send(
        client,
        "/banks/001/fundings",
        amount="9.999.999,00",
        direction="out",
        confirmed="yes",
        funding_id=str(UUID(int=2)),
    )
    assert too_much.status_code == 422
    assert f"Only {format_brl(FUNDS + 75_000)} is available (the rest is reserved)." in text_of(too_much.text)
    assert 'value="9.999.999,00"' in too_much.text
    # Another language leads to the page that holds the form, as does the form's own address.
    assert 'name="next" value="/banks/001"' in too_much.text
    assert client.get("/banks/001/fundings").url.path == "/banks/001"
    assert send(client, "/banks/001/fundings", amount="", funding_id=str(UUID(int=3))).status_code == 422
    assert world.application.queries.settlement_accounts()[AURORA].balance_centavos == FUNDS + 75_000
    assert send(client, "/banks/009/fundings", amount="1", funding_id=str(UUID(int=4))).status_code == 404


def test_a_bank_is_suspended_and_resumed_on_its_page(client: TestClient, world: World) -> None:
    assert "Bank suspended." in text_of(send(client, "/banks/001/suspend").text)
    assert not world.application.queries.list_banks()[0].active
    assert "Bank resumed." in text_of(send(client, "/banks/001/resume").text)
    assert world.application.queries.list_banks()[0].active
    assert client.post("/banks/001/suspend").status_code == 403, "without a token it is not from this page"


# The directory.


def test_the_directory_counts_finds_and_remembers(client: TestClient, world: World) -> None:
    html = page(client, "/directory")
    assert re.findall(r'data-key="([^"]+)"', html) == [ANAS_KEY.key, BIAS_KEY.key]
    assert "***.982.247-**" in html and "52998224725-" not in html
    assert re.findall(r'data-key="([^"]+)"', page(client, "/directory?key=BIA%40ex")) == [BIAS_KEY.key]
    assert re.findall(r'data-key="([^"]+)"', page(client, "/directory?kind=CPF&bank=001")) == [ANAS_KEY.key]
    cpf = ANAS_KEY.key
    shown = f"{cpf[:3]}.{cpf[3:6]}.{cpf[6:9]}-{cpf[9:]}"
    for typed in (shown, shown[:7], cpf[:6]):
        html = page(client, f"/directory?key={typed}")
        assert re.findall(r'data-key="([^"]+)"', html) == [cpf], typed
    assert "No keys found" in text_of(page(client, "/directory?key=%00"))
    world.clock.at_ms += 5_000
    world.application.remove_key(ispb=IPE, kind=BIAS_KEY.kind, key=BIAS_KEY.key)
    shown = text_of(page(client, f"/directory/EMAIL/{BIAS_KEY.key}"))
    assert "Not registered" in shown
    assert "Registered by Banco Ipê" in shown and "Removed by Banco Ipê" in shown
    assert "Bia" not in shown and "444.777" not in shown, "whose it was is not kept"
    for address in ("/directory/EMAIL/never@example.com", "/directory/NOKIND/x", "/directory/EMAIL/%00"):
        page(client, address, 404)


def test_the_directory_in_the_api(client: TestClient, world: World) -> None:
    listed = client.get("/api/v1/directory", params={"size": 1}).json()
    assert [entry["key"] for entry in listed["keys"]] == [ANAS_KEY.key]
    more = client.get("/api/v1/directory", params={"after": listed["next"]}).json()
    assert ([entry["key"] for entry in more["keys"]], more["next"]) == ([BIAS_KEY.key], None)
    assert client.get("/api/v1/directory/counts").json() == {AURORA: {"CPF": 1}, IPE: {"EMAIL": 1}}
    told = client.get(f"/api/v1/directory/EMAIL/{BIAS_KEY.key}").json()
    assert (told["entry"]["holder_name"], [each["change"] for each in told["history"]]) == ("Bia Lima", ["registered"])
    assert client.get("/api/v1/directory/EMAIL/no@example.com").status_code == 404


# The protocol.


@pytest.mark.parametrize(("flow", "prefix"), [("transfer", ""), ("return", "return-")])
def test_the_protocol_page_has_every_state_trigger_rule_and_reason_of_the_code(
    client: TestClient, flow: str, prefix: str
) -> None:
    html = page(client, "/protocol")
    for rule in BY_NAME[flow].rules:
        assert f'id="{rule.value}"' in html
    for known in (
        *REASONS_OF_FLOWS[flow],
        *(f"state-{status.value}" for status in BY_NAME[flow].statuses),
        *(f"trigger-{trigger.value}" for _, trigger in BY_NAME[flow].transitions),
    ):
        assert f'id="{prefix}{known}"' in html
    document = client.get("/api/v1/protocol").json()
    assert document["rules_of_requests"]["AM04"] == "settlement-funds"
    moves = [move for move in document["moves"] if move["flow"] == flow]
    assert {move["trigger"] for move in moves} == {trigger for _, trigger in BY_NAME[flow].transitions}
    rules = [each for each in document["request_rules"] if each["flow"] == flow]
    assert [each["rule"] for each in rules] == [each.rule for each in BY_NAME[flow].request_rules]


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ("timeout", "suspension", "acceptance", "Confirmed", "new")),
        ("pt-BR", ("tempo esgotado", "suspensão", "aceite", "Confirmada", "nova")),
    ],
)
def test_the_protocol_page_draws_each_flow_from_the_table_of_transitions(
    client: TestClient, language: str, words: tuple[str, ...]
) -> None:
    client.cookies.set("codepix_language", language)
    html = page(client, "/protocol")
    for flow, prefix in (("transfer", ""), ("return", "return-")):
        drawing = html[html.index(f'<svg class="states" id="{prefix}diagram"') :].split("</svg>")[0]
        assert 'role="img" aria-label="' in drawing, "readers get its name, and the table below"
        for word in words:
            assert f">{word}</text>" in drawing
        assert drawing.count('class="states-trigger"') == len(BY_NAME[flow].transitions)
        assert drawing.count("states-final") == 2


# Who may come in, and who may show the map.


def test_nobody_may_frame_a_page_unless_the_lab_is_named_and_then_the_map_alone(world: World) -> None:
    def headers(lab_panel_url: str, address: str) -> Any:
        app = create_app(world.application, lab_panel_url=lab_panel_url)
        with TestClient(app) as client:
            return client.get(address).headers

    lab = "http://127.0.0.1:9000/panel?token=x"
    framed = headers(lab, "/map")
    assert "frame-ancestors http://127.0.0.1:9000" in framed["content-security-policy"]
    assert "script-src 'self'" in framed["content-security-policy"]
    assert "x-frame-options" not in framed
    for shut in (headers("", "/map"), headers(lab, "/")):
        assert "frame-ancestors 'none'" in shut["content-security-policy"]
        assert shut["x-frame-options"] == "DENY"


def test_the_console_leads_to_the_lab_when_there_is_one(world: World) -> None:
    app = create_app(world.application, lab_panel_url="http://127.0.0.1:9000/panel")
    with TestClient(app) as client:
        assert 'href="http://127.0.0.1:9000/panel"' in page(client, "/banks")


def test_a_bank_that_was_killed_is_not_called_up_or_stopped_and_its_last_sign_is_told(
    client: TestClient, world: World
) -> None:
    for ispb in (AURORA, IPE):
        world.application.record_heartbeat(ispb=ispb, instance="a", version="1", lag=0)
    world.application.leave_network(ispb=IPE, instance="a")
    world.clock.at_ms += 6_000
    assert "● up last seen 6 s ago" in text_of(page(client, "/banks"))
    world.clock.at_ms += 8_000
    shown = text_of(page(client, "/banks"))
    assert "▼ not responding last seen 14 s ago" in shown and "■ stopped" in shown
    assert "not responding, last seen 14 s ago" in text_of(page(client, "/map"))
