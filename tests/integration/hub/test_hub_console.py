"""The console's pages, as a browser without a script sees them, and its live parts, without a browser."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from html import unescape
from urllib.parse import urlencode

import httpx
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine, text

from hub.entrypoints.http.app import create_app
from hub.entrypoints.http.pages.views import HEX_BYTES_MAX, hex_lines, milestones
from lab.network.parts.ports import free_port
from lab.network.parts.process import wait_until
from pix.participant.dead_letters.model import DeadLetterState
from pix.postgres.engine import transaction
from pix.scheme.keys import KeyKind, PixKey
from pix.scheme.messages import Side, TransferAccepted
from pix.scheme.reasons import ReasonCode
from pix.web.client import http_get, new_http_client
from pix.web.operators import DemoOperator
from pix.web.server import serve_http
from pix.wire.record import VALUE_KEPT_BYTES_MAX, Record, digest_of
from pix.wire.topics import HUB_TOPIC
from tests.support.hub import World, signed
from tests.support.hub_builders import AURORA, IPE, completed, confirmed, e2e, failed, failed_at_once, transfer

DEADLINE_SECONDS = 60.0


@pytest.fixture
def client(world: World) -> Iterator[TestClient]:
    with TestClient(create_app(world.application, configured_secret="for the test")) as client:
        yield client


def text_of(html: str) -> str:
    """What a person reads, in one line."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


def page(client: TestClient, address: str, status: int = 200) -> str:
    answer = client.get(address)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "style=" not in answer.text and "onclick" not in answer.text, "the policy of the pages allows neither"
    return answer.text


# The front page.


def test_an_empty_hub_says_so(client: TestClient) -> None:
    shown = text_of(page(client, "/"))
    assert "No transfers yet." in shown
    assert "Banco Maré stopped" in shown, "nobody has heard of it"


def test_the_front_page_shows_banks_counters_transfers_and_health(client: TestClient, world: World) -> None:
    world.application.join_network(
        ispb=IPE, code="002", name="Banco Ipê", color="#c98a00", url="http://127.0.0.1:8002", version="1"
    )
    world.complete(world.pay(1))
    pending = world.pay(2, amount=500)
    world.pay(3, key=PixKey(KeyKind.EMAIL, "nobody@example.com"))
    world.treat(Record(HUB_TOPIC, b"", b"junk"))
    world.application.health.trouble("sweeper", "cannot reach <the broker>")
    html = page(client, "/")
    counts = dict(re.findall(r'data-count="([\w-]+)">(\d+)<', html))
    assert counts == {"pending": "1", "confirmed": "0", "completed": "1", "failed": "1", "dead-letters": "1"}
    assert 'href="http://127.0.0.1:8002"' in html
    assert re.findall(r'data-transfer="(\w+)"', html)[1] == pending
    shown = text_of(html)
    assert "Money in flight R$ 5,00" in shown
    assert "Ana Souza to nobody@example.com" in shown
    assert "cannot reach <the broker>" in shown
    assert "cannot reach <the broker>" not in html


def test_the_pages_speak_portuguese_to_who_wants_it(client: TestClient) -> None:
    answer = client.get("/", headers={"accept-language": "pt-BR"})
    assert '<html lang="pt-BR"' in answer.text


# Transfers.


def test_transfers_are_searched_and_paged_without_a_script(client: TestClient, world: World) -> None:
    ids = [world.pay(number) for number in range(1, 34)]
    first = page(client, "/transfers")
    assert re.findall(r'<tr data-transfer="(\w+)"', first) == ids[:2:-1]
    (older,) = re.findall(r'href="([^"]+)" rel="next"', first)
    second = page(client, unescape(older))
    assert re.findall(r'<tr data-transfer="(\w+)"', second) == ids[2::-1]
    assert 'rel="next"' not in second

    def found(query: str) -> list[str]:
        return re.findall(r'<tr data-transfer="(\w+)"', page(client, f"/transfers?{query}"))

    assert found(f"id={ids[4]}") == [ids[4]]
    assert found("id=0007&bank=001&status=pending") == [ids[6]]
    assert found("status=completed") == []
    assert found("bank=003") == []
    assert len(found("before=nonsense")) == 30, "an address that was cut short begins at the beginning"
    assert found("id=%00") == []
    assert 'value="&lt;b&gt;"' in page(client, "/transfers?id=<b>")


@pytest.mark.parametrize("requested_at_ms", [2**62, -(2**63), 2**63 - 1, -1, 253_402_300_800_000])
def test_a_row_with_a_time_outside_the_calendar_is_shown(
    client: TestClient, world: World, engine: Engine, requested_at_ms: int
) -> None:
    end_to_end_id = world.complete(world.pay(1))
    with transaction(engine) as connection:
        # As a hub that checked less has stored it.
        statement = "UPDATE transfers SET requested_at_ms = :at_ms, description = :text, payer_name = :text"
        connection.execute(text(statement), {"at_ms": requested_at_ms, "text": "\u202eodd\r\u200b\x01"})
    for language in ("en", "pt-BR"):
        answer = client.get(f"/transfers/{end_to_end_id}", headers={"accept-language": language})
        assert answer.status_code == 200
    for address in ("/", "/transfers", f"/transfers/{end_to_end_id}/bookings"):
        page(client, address)
    document = client.get(f"/api/v1/transfers/{end_to_end_id}").json()
    assert document["requested_at_ms"] == requested_at_ms
    for address in ("/api/v1/transfers", f"/api/v1/transfers/{end_to_end_id}/story"):
        assert client.get(address).status_code == 200, address


def test_the_whole_story_of_a_transfer_that_timed_out(client: TestClient, world: World) -> None:
    end_to_end_id = world.pay(1, text="para o <almoço>")
    world.clock.at_ms += 50_000
    world.application.fail_expired()
    world.tell(IPE, TransferAccepted(end_to_end_id, 12_345))
    html = page(client, f"/transfers/{end_to_end_id}")
    shown = text_of(html)
    assert "AB03 Timeout: the payee's bank did not answer in time." in shown
    assert "para o <almoço>" in shown
    assert "0001 / 100001-1" in shown and "***.444.777-**" in shown
    assert "Ignored too late: the transfer is failed" in shown
    assert "0 resent · 0 duplicates · 1 ignored" in shown
    assert "The hub timeout" in shown
    assert "+50.00 s" in shown
    states = re.findall(r'<li class="is-(\w+)" data-milestone="(\w+)"', html)
    assert states == [
        ("done", "requested"),
        ("done", "received"),
        ("done", "offered"),
        ("failed", "failed"),
        ("now", "payer_processed"),
        ("now", "payee_processed"),
        ("next", "closed"),
    ]
    assert "/live?seen=" in html
    world.note(end_to_end_id, Side.PAYER, Side.PAYEE)
    assert "/live?seen=" not in page(client, f"/transfers/{end_to_end_id}"), "nothing will change any more"


def test_a_transfer_to_nobody_has_no_payee(client: TestClient, world: World) -> None:
    end_to_end_id = world.pay(1, key=PixKey(KeyKind.EMAIL, "nobody@example.com"))
    shown = text_of(page(client, f"/transfers/{end_to_end_id}"))
    assert "This key is not registered: nobody@example.com" in shown


@pytest.mark.parametrize(
    ("subject", "names"),
    [
        (transfer(), "requested received offered confirmed! payer_processed? completed?"),
        (confirmed(), "requested received offered confirmed payer_processed! payee_processed! completed?"),
        (completed(), "requested received offered confirmed payer_processed payee_processed completed"),
        (failed(), "requested received offered failed payer_processed! payee_processed! closed?"),
        (failed_at_once(), "requested received failed payer_processed! closed?"),
    ],
    ids=["pending", "confirmed", "completed", "failed", "failed at once"],
)
def test_the_way_of_a_transfer_tells_what_is_now_and_what_is_next(subject: object, names: str) -> None:
    marks = {"done": "", "failed": "", "now": "!", "next": "?"}
    told = [f"{each.name}{marks[each.state]}" for each in milestones(subject)]  # type: ignore[arg-type]
    if subject == transfer():
        names = names.replace("completed?", "payee_processed? completed?")
    assert told == names.split()


# Banks.


def test_a_banks_page(client: TestClient, world: World) -> None:
    world.complete(world.pay(1))
    shown = text_of(page(client, "/banks/001"))
    assert "Bank 001 · ISPB 00000001" in shown
    assert "Funded R$ 100.000,00" in shown
    assert "\N{MINUS SIGN}R$ 123,45" in shown
    assert "Keys: CPF 1" in shown
    assert "opening-00000001" in shown


@pytest.mark.parametrize(
    "address",
    ["/banks/009", "/banks/%00", f"/transfers/{e2e(9)}", f"/transfers/{e2e(9)}/live", "/dead-letters/x", "/no"],
)
def test_what_is_not_there_is_a_page_too(client: TestClient, address: str) -> None:
    assert "Page not found" in text_of(page(client, address, 404))


# Dead letters.


def store_dead_letter(world: World, record: Record) -> str:
    world.treat(record)
    return world.application.dead_letters.list(DeadLetterState.DEAD, 1)[0].digest


def token_of(html: str) -> str:
    return str(re.findall(r'name="csrf_token" value="(\w+)"', html)[0])


def test_a_letter_is_taken_apart(client: TestClient, world: World) -> None:
    digest = store_dead_letter(
        world, signed(TransferAccepted(e2e(7), 4_711), IPE, secret="not the secret of this bank")
    )
    assert digest in page(client, "/dead-letters")
    shown = text_of(page(client, f"/dead-letters/{digest}"))
    assert "codepix-signature: not the sender's signature of this record" in shown
    assert "Banco Ipê (002)" in shown
    assert f"end_to_end_id {e2e(7)} amount_centavos 4711" in shown
    assert "0000 0a 20 45 30" in shown


def test_bytes_that_say_nothing_are_shown_as_bytes(client: TestClient, world: World) -> None:
    value = b"\xff<script>" + b"\x00" * HEX_BYTES_MAX
    digest = store_dead_letter(world, Record(HUB_TOPIC, b"\xfe", value, {"codepix-type": b"\xff\xfe", "x": b"<b>"}))
    html = page(client, f"/dead-letters/{digest}")
    shown = text_of(html)
    assert "<script>" not in html.split("</head>")[1]
    assert "ff 3c 73 63 72 69 70 74 3e 00" in shown
    assert "9 more bytes are not shown" in shown
    assert "The message can't be decoded: codepix-type: unknown message type" in shown


def test_of_a_large_record_a_part_is_shown_and_it_is_not_replayed(client: TestClient, world: World) -> None:
    value = b"v" * (VALUE_KEPT_BYTES_MAX + 1)
    digest = store_dead_letter(world, Record(HUB_TOPIC, b"", value, {"codepix-type": b"TransferAccepted"}))
    shown = text_of(page(client, f"/dead-letters/{digest}"))
    assert f"Truncated: the first {VALUE_KEPT_BYTES_MAX} of {len(value)} bytes are stored." in shown
    assert sha256(value).hexdigest() in shown
    assert "This record can't be replayed: only part of it is stored." in shown
    # A page of before, with the button still on it.
    token = token_of(page(client, f"/dead-letters/{digest}/discard"))
    refused = client.post(f"/dead-letters/{digest}/replay", data={"csrf_token": token})
    assert "Not replayed: only part of this record is stored." in text_of(refused.text)


def test_an_empty_value_and_no_headers_are_a_letter_too(client: TestClient, world: World) -> None:
    digest = store_dead_letter(world, Record(HUB_TOPIC, b"", b""))
    shown = text_of(page(client, f"/dead-letters/{digest}"))
    assert "Record without a type" in shown
    assert "The value is empty." in shown


def test_a_letter_is_replayed_by_a_button(client: TestClient, world: World) -> None:
    digest = store_dead_letter(world, signed(TransferAccepted(e2e(1, AURORA, world.clock.at_ms), 12_345), IPE))
    address = f"/dead-letters/{digest}"
    token = token_of(page(client, address))
    in_vain = client.post(f"{address}/replay", data={"csrf_token": token})
    assert in_vain.url.path == address
    assert "it failed again" in text_of(in_vain.text)
    world.pay(1)
    worked = client.post(f"{address}/replay", data={"csrf_token": token})
    assert "Dead letter replayed." in text_of(worked.text)
    assert "csrf_token" not in worked.text, "it cannot be replayed twice"
    too_late = client.post(f"{address}/replay", data={"csrf_token": token})
    assert "Another operator has already replayed or discarded" in text_of(too_late.text)
    assert digest in page(client, "/dead-letters?state=replayed")
    assert digest in page(client, "/dead-letters?state=all")
    assert digest not in page(client, "/dead-letters")


@pytest.mark.parametrize(
    ("language", "question", "outcome"),
    [
        ("en", "Replay 2 dead letters?", "Replayed: 1. Failed again: 1. Not tried yet: 0."),
        ("pt-BR", "Reprocessar 2 mensagens?", "Reprocessadas: 1. Falharam de novo: 1. Ainda não tentadas: 0."),
    ],
)
def test_the_letters_of_a_filter_are_replayed_after_a_question(
    client: TestClient, world: World, language: str, question: str, outcome: str
) -> None:
    client.cookies.set("codepix_language", language)
    records = [
        *(signed(TransferAccepted(e2e(number, AURORA, world.clock.at_ms), 12_345), IPE) for number in (1, 2)),
        Record(HUB_TOPIC, b"", b"junk"),
    ]
    for record in records:
        world.treat(record)
    early, lost, junk = map(digest_of, records)
    everything = page(client, "/dead-letters")
    assert "Banco Ipê (002) (2)" in text_of(everything), "the sender with the number of its letters"
    query = urlencode({"sender": IPE, "reason": "knows no transfer", "topic": HUB_TOPIC})
    narrowed = page(client, f"/dead-letters?{query}")
    assert early in narrowed and lost in narrowed and junk not in narrowed
    assert junk not in client.get(f"/dead-letters.csv?{query}").text
    link = re.search(r'id="replay-all" href="([^"]*)"', narrowed)
    assert link
    asked = page(client, unescape(link[1]))
    assert question in text_of(asked) and "Banco Ipê (002)" in text_of(asked)
    assert world.application.dead_letters.find(early).times == 1, "a question changes nothing"
    world.pay(1)
    fields = dict(re.findall(r'type="hidden" name="(sender|reason|topic)" value="([^"]*)"', asked))
    done = client.post("/dead-letters/replay", data={"csrf_token": token_of(asked), **fields})
    assert outcome in text_of(done.text)
    assert lost in done.text and early not in done.text and junk not in done.text
    assert world.application.dead_letters.find(junk).times == 1
    assert "replayed 1, failed again 1, left 0" in text_of(page(client, "/trail?act=letters-replayed"))


def test_a_filter_without_letters_offers_no_replay(client: TestClient, world: World) -> None:
    store_dead_letter(world, Record(HUB_TOPIC, b"", b"v" * (VALUE_KEPT_BYTES_MAX + 1)))
    assert 'id="replay-all"' not in page(client, "/dead-letters"), "only a part of it is stored"
    nothing = page(client, "/dead-letters?sender=99999999")
    assert "No dead letters match." in text_of(nothing) and 'id="replay-all"' not in nothing
    assert client.get("/dead-letters/replay?sender=99999999").url.path == "/dead-letters"
    forged = client.post("/dead-letters/replay", data={"sender": ""})
    assert forged.status_code == 403


def test_a_letter_is_discarded_with_a_reason(client: TestClient, world: World) -> None:
    digest = store_dead_letter(world, Record(HUB_TOPIC, b"", b"junk"))
    address = f"/dead-letters/{digest}"
    token = token_of(page(client, address))
    without = client.post(f"{address}/discard", data={"csrf_token": token, "note": " "})
    assert without.status_code == 422
    assert "A value is required." in text_of(without.text)
    done = client.post(f"{address}/discard", data={"csrf_token": token, "note": "a scan from outside"})
    assert "Reason for discarding a scan from outside" in text_of(done.text)
    too_late = client.post(f"{address}/discard", data={"csrf_token": token, "note": "again"})
    assert "Another operator has already replayed or discarded" in text_of(too_late.text)


def test_a_form_from_elsewhere_changes_nothing(client: TestClient, world: World) -> None:
    digest = store_dead_letter(world, Record(HUB_TOPIC, b"", b"junk"))
    address = f"/dead-letters/{digest}"
    token = token_of(page(client, address))
    for action in ("replay", "discard"):
        for data, headers in (
            ({"note": "x"}, {}),
            ({"note": "x", "csrf_token": "0" * 64}, {}),
            ({"note": "x", "csrf_token": token}, {"origin": "https://evil.example"}),
        ):
            answer = client.post(f"{address}/{action}", data=data, headers=headers)
            assert answer.status_code == 403
            assert "Your session has expired" in text_of(answer.text)
    with TestClient(client.app) as stranger:
        assert stranger.post(f"{address}/discard", data={"note": "x", "csrf_token": token}).status_code == 403
    letter = world.application.dead_letters.find(digest)
    assert (letter.state, letter.times) == (DeadLetterState.DEAD, 1)


def test_a_dump_is_sixteen_bytes_a_line() -> None:
    lines = hex_lines(bytes(range(0x30, 0x30 + 20)))
    assert [(line.offset, line.text) for line in lines] == [("0000", "0123456789:;<=>?"), ("0010", "@ABC")]
    assert hex_lines(b"") == []


# What else a page needs.


def test_the_looks_are_there(client: TestClient) -> None:
    html = page(client, "/")
    for address in re.findall(r'(?:href|src)="(/(?:static|vendor|brand|site)[^"#]*)', html):
        answer = client.get(unescape(address))
        assert answer.status_code == 200, address
    assert client.get("/brand.svg").headers["content-type"] == "image/svg+xml"


def test_the_api_is_documented_for_people(client: TestClient) -> None:
    shown = text_of(page(client, "/api/docs"))
    assert "GET /api/v1/transfers/{end_to_end_id} → TransferWithHistory" in shown
    assert "open_only · query, boolean Only transfers with a pending message" in shown
    assert "curl 'http://testserver/api/v1/banks/{code}'" in shown
    assert "curl -X POST 'http://testserver/api/v1/banks/{code}/fundings'" in shown and '"amount_centavos"' in shown


# Live parts, over a real server: the events are read as they come.


@contextmanager
def served(world: World) -> Iterator[str]:
    port = free_port()
    stop = threading.Event()
    app = create_app(world.application, wire=world.watch())
    thread = threading.Thread(target=serve_http, args=(app, "127.0.0.1", port, stop))
    thread.start()
    address = f"http://127.0.0.1:{port}"

    def answers() -> bool:
        try:
            return http_get(f"{address}/health/live").is_success
        except httpx.TransportError:
            return False

    try:
        wait_until(answers, DEADLINE_SECONDS, "the console to answer")
        yield address
    finally:
        stop.set()
        thread.join(DEADLINE_SECONDS)
        assert not thread.is_alive()


def events(lines: Iterator[str]) -> Iterator[tuple[str, str]]:
    """Each event with its data."""
    event, data = "", []
    for line in lines:
        if line.startswith("event:"):
            event = line.removeprefix("event:").strip()
        elif line.startswith("data:"):
            data.append(line.removeprefix("data:").removeprefix(" "))
        elif not line and event:
            yield event, "\n".join(data)
            event, data = "", []


@pytest.mark.parametrize("address", ["/", "/map"])
def test_the_network_moves_by_itself(world: World, address: str) -> None:
    with served(world) as site, new_http_client(timeout=DEADLINE_SECONDS) as client:
        (live,) = re.findall(r'data-network="([^"]+)"', client.get(f"{site}{address}").text)
        with client.stream("GET", f"{site}{unescape(live)}") as stream:
            assert stream.headers["content-type"].startswith("text/event-stream")
            coming = events(stream.iter_lines())
            wait_until(lambda: bool(world.wire.taps), DEADLINE_SECONDS, "the wire is not tapped")
            end_to_end_id = world.pay(1)
            passed: list[dict[str, object]] = []
            scene = ""
            while len(passed) < 2 or 'data-count="pending">1<' not in scene:
                event, data = next(coming)
                if event == "wire":
                    passed += json.loads(data)["events"]
                else:
                    scene = data
            assert [(each["type"], each["from"], each["to"], each["end_to_end_id"]) for each in passed] == [
                ("TransferRequested", "001", "hub", end_to_end_id),
                ("TransferOffered", "hub", "002", end_to_end_id),
            ]
            assert ("Ana Souza" in scene) == (address == "/"), "the map by itself has no list"


def test_a_transfers_page_moves_until_it_is_closed(world: World) -> None:
    end_to_end_id = world.pay(1)
    with served(world) as address, new_http_client(timeout=DEADLINE_SECONDS) as client:
        (live,) = re.findall(r'data-live="([^"]+)"', client.get(f"{address}/transfers/{end_to_end_id}").text)
        seen = []
        with client.stream("GET", f"{address}{unescape(live)}") as stream:
            coming = events(stream.iter_lines())
            world.accept(end_to_end_id)
            event, html = next(coming)
            assert event == "fragment" and 'data-status="confirmed"' in html
            world.note(end_to_end_id, Side.PAYER, Side.PAYEE)
            seen = list(coming)
        assert [event for event, _ in seen][-2:] == ["fragment", "final"]
        assert 'data-status="completed"' in seen[-2][1]


def test_reasons_are_told_in_the_readers_language(client: TestClient, world: World) -> None:
    end_to_end_id = world.pay(1)
    world.reject(end_to_end_id, ReasonCode.AC06)
    answer = client.get(f"/transfers/{end_to_end_id}", headers={"accept-language": "pt"})
    assert "A conta do recebedor está bloqueada." in answer.text


def linked_from(html: str, words: str) -> str:
    """The address of the link with these words."""
    found = [
        href
        for href, text in re.findall(r'<a [^>]*href="([^"]+)"[^>]*>(.*?)</a>', html, re.DOTALL)
        if words in text_of(text)
    ]
    assert found, f"no link says {words}"
    return unescape(found[0])


def fields_of(html: str) -> dict[str, str]:
    """The hidden fields of the question's form."""
    return {name: unescape(value) for name, value in re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', html)}


def test_a_bank_is_suspended_after_a_question_and_the_console_says_so_once(client: TestClient, world: World) -> None:
    address = "/banks/001"
    shown = page(client, address)
    assert f'action="{address}/suspend"' not in shown, "no single click suspends a bank"
    question = page(client, linked_from(shown, "Suspend"))
    assert "Suspend this bank?" in text_of(question) and 'class="button button-bad"' in question
    assert next(bank for bank in world.application.queries.list_banks() if bank.code == "001").active
    done = client.post(f"{address}/suspend", data={"csrf_token": token_of(question)})
    assert str(done.url.path) == address and not done.url.query
    assert "Bank suspended." in text_of(done.text)
    assert "Bank suspended." not in text_of(page(client, address)), "a reload does not say it again"
    resumed = client.post(f"{address}/resume", data={"csrf_token": token_of(done.text)})
    assert "Bank resumed." in text_of(resumed.text)


def test_money_is_withdrawn_after_a_question(client: TestClient, world: World) -> None:
    address = "/banks/001"
    before, _ = world.application.queries.settlement_account(AURORA)
    form = fields_of(page(client, address)) | {"amount": "10,00"}
    question = client.post(f"{address}/fundings", data=form | {"direction": "out"})
    assert "Withdraw R$ 10,00?" in text_of(question.text).replace("\N{NO-BREAK SPACE}", " ")
    assert question.url.path == f"{address}/withdraw", "it has an address, so the language can be changed"
    assert world.application.queries.settlement_account(AURORA)[0] == before, "nothing has moved yet"
    answer = fields_of(question.text)
    done = client.post(f"{address}/fundings", data=answer)
    assert "withdrawn from the settlement account" in text_of(done.text) and not done.url.query
    again = client.post(f"{address}/fundings", data=answer)
    assert again.status_code == 200
    after, _ = world.application.queries.settlement_account(AURORA)
    assert after.balance_centavos == before.balance_centavos - 1_000, "the same form counts once"
    wrong = client.get(f"{address}/withdraw", params={"amount": "nothing"})
    assert wrong.status_code == 422


def test_a_letter_is_discarded_after_a_question(client: TestClient, world: World) -> None:
    digest = store_dead_letter(world, Record(HUB_TOPIC, b"", b"junk"))
    shown = page(client, f"/dead-letters/{digest}")
    question = page(client, linked_from(shown, "Discard"))
    assert "Discard this dead letter?" in text_of(question)
    assert world.application.dead_letters.find(digest).state is DeadLetterState.DEAD
    done = client.post(
        f"/dead-letters/{digest}/discard", data={"csrf_token": token_of(question), "note": "a scan from outside"}
    )
    assert "Dead letter discarded." in text_of(done.text)
    assert "is discarded." not in text_of(page(client, f"/dead-letters/{digest}"))
    assert client.get(f"/dead-letters/{digest}/discard").url.path == f"/dead-letters/{digest}"


def test_the_page_that_was_asked_for_comes_after_the_operators_sign_in(world: World) -> None:
    settings = DemoOperator(demo_mode=False, operator_password="the operator of the tests")
    app = create_app(world.application, operators=settings)
    with TestClient(app) as client:
        asked = client.get("/transfers?status=failed")
        assert asked.url.path == "/sign-in"
        form = {"csrf_token": token_of(asked.text), "password": "the operator of the tests"}
        wanted = re.findall(r'name="next" value="([^"]*)"', asked.text.partition("<footer")[0])[0]
        strange = client.post("/sign-in", data=form | {"next": "//evil.example/"}, follow_redirects=False)
        assert strange.headers["location"] == "/"
    with TestClient(app) as client:
        form["csrf_token"] = token_of(client.get("/sign-in").text)
        opened = client.post("/sign-in", data=form | {"next": unescape(wanted)})
        assert (opened.url.path, opened.url.query) == ("/transfers", b"status=failed")
