"""The search in the head of every page, the alerts, and the lists as files."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from uuid import UUID

import pytest
from fastapi.testclient import TestClient

from hub.application.ports import TransferFilter
from hub.application.search import read_text
from hub.entrypoints.http.app import create_app
from hub.entrypoints.http.pages import directory, exports
from pix.scheme.searching import fold
from pix.wire.record import Record
from pix.wire.topics import HUB_TOPIC
from tests.integration.hub.test_hub_console import page, text_of
from tests.support.hub import FUNDS, World
from tests.support.hub_builders import BIAS_KEY


@pytest.fixture
def client(world: World) -> Iterator[TestClient]:
    with TestClient(create_app(world.application, wire=world.watch())) as client:
        yield client


def groups(client: TestClient, text: str) -> dict[str, str]:
    """What the search finds: the text of each group by its sort."""
    html = client.get("/search", params={"q": text}).text
    found = re.findall(r'data-found="(\w+)">(.*?)</section>', html, re.DOTALL)
    return {sort: text_of(inside) for sort, inside in found}


def test_one_field_finds_ids_keys_names_amounts_and_banks(client: TestClient, world: World) -> None:
    end_to_end_id = world.complete(world.pay(1, amount=12_345))
    assert client.get("/search", params={"q": end_to_end_id}, follow_redirects=False).headers["location"] == (
        f"/transfers/{end_to_end_id}"
    )
    assert "R$ 123,45" in groups(client, end_to_end_id[4:20])["id"]
    assert "R$ 123,45" in groups(client, "R$ 123,45")["amount"]
    by_key = groups(client, BIAS_KEY.key.upper())
    assert BIAS_KEY.key in by_key["keys"] and "R$ 123,45" in by_key["key"]
    payer = world.application.queries.find_transfer(end_to_end_id)[0].payer.name
    by_name = groups(client, payer.split()[0].upper())
    assert payer in by_name["name"]
    assert "Banco Aurora" in groups(client, "AURORA")["banks"]
    assert "Banco Aurora" in groups(client, "001")["banks"]
    assert groups(client, "nothing like it") == {}
    assert "Nothing found." in text_of(page(client, "/search?q=nothing+like+it"))


def test_a_name_is_found_without_its_accents(client: TestClient, world: World) -> None:
    world.pay(1)
    payer = world.application.queries.list_transfers(TransferFilter())[0].payer.name
    assert payer in groups(client, fold(payer))["name"]


@pytest.mark.parametrize(
    ("text", "amount_centavos", "name", "id_part"),
    [
        ("45,90", 4_590, "", ""),
        ("R$ 7", 700, "r$ 7", ""),
        ("Kátia  Monteiro", None, "katia monteiro", ""),
        ("E000", None, "e000", "E000"),
        ("", None, "", ""),
        ("0", None, "", ""),
    ],
)
def test_a_text_may_mean_several_things(text: str, amount_centavos: int | None, name: str, id_part: str) -> None:
    wanted = read_text(text)
    assert (wanted.amount_centavos, wanted.name, wanted.id_part) == (amount_centavos, name, id_part)


def test_alerts_stand_where_they_matter(client: TestClient, world: World) -> None:
    world.application.fund_bank(code="001", amount_centavos=1 - FUNDS, funding_id=str(UUID(int=7)))
    world.handle([Record(HUB_TOPIC, b"x", b"nonsense")])
    front = page(client, "/")
    assert 'data-alert="dead-letters"' in front and 'data-alert="low-settlement 001"' in front
    assert 'data-alert="low-settlement 001"' in page(client, "/banks/001")
    assert "low-settlement" not in page(client, "/banks/002")
    assert 'data-alerts="/dead-letters"' in page(client, "/protocol"), "in the head of every page"


def test_the_list_is_a_file_for_spreadsheets_and_for_programs(client: TestClient, world: World) -> None:
    first, second = world.pay(1, amount=12_345), world.pay(2, amount=500)
    answer = client.get("/transfers.csv?amount=123,45")
    assert answer.headers["content-disposition"] == 'attachment; filename="transfers.csv"'
    lines = answer.text.splitlines()
    assert len(lines) == 2 and first in lines[1] and '"123,45"' in lines[1]
    rows = json.loads(client.get("/transfers.json").text)["transfers"]
    assert [row["end_to_end_id"] for row in rows] == [second, first]
    assert len(client.get("/transfers.csv?amount=abc").text.splitlines()) == 1, "a malformed search finds nothing"


def test_banks_are_files_with_the_sums_of_the_page(client: TestClient, world: World) -> None:
    world.complete(world.pay(1, amount=12_345))
    lines = client.get("/banks.csv").text.splitlines()
    assert lines[0].endswith('"last_seen_at";"version"') and len(lines) == 4
    aurora = next(line for line in lines if line.startswith('"001";'))
    assert '"-123,45"' in aurora, "a net position is a number, and no formula to defuse"
    banks = {row["code"]: row for row in json.loads(client.get("/banks.json").text)["banks"]}
    assert banks["001"]["balance_centavos"] == FUNDS - 12_345
    assert (banks["001"]["net_centavos"], banks["002"]["net_centavos"]) == (-12_345, 12_345)
    assert "/banks.csv" in page(client, "/banks") and "/banks.json" in page(client, "/banks")


def test_the_directory_is_a_file_that_follows_its_filter(
    client: TestClient, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(directory, "ROWS_PER_READ", 1)
    monkeypatch.setattr(exports, "ROWS_PER_READ", 1)
    everything = json.loads(client.get("/directory.json").text)["keys"]
    assert len(everything) > 1, "more than one read"
    assert len({(row["kind"], row["key"]) for row in everything}) == len(everything)
    lines = client.get("/directory.csv", params={"key": BIAS_KEY.key}).text.splitlines()
    assert len(lines) == 2 and BIAS_KEY.key in lines[1]
    assert len(client.get("/directory.csv?bank=999").text.splitlines()) == 1
    html = page(client, "/directory?bank=002")
    assert 'href="/directory.csv?bank=002"' in html
    totals = re.findall(r"<strong>(\d+)</strong>", html.split("data-totals")[1].split("</tr>")[0])
    assert sum(map(int, totals)) == len(everything), "a column for each kind, and all banks together"


@pytest.mark.parametrize("address", ["/banks/002", "/directory", f"/search?q={BIAS_KEY.key}", "/protocol"])
def test_a_kind_of_key_has_a_name_rather_than_the_wires_word(client: TestClient, address: str) -> None:
    assert not re.search(r"\b(PHONE|EMAIL|EVP)\b", text_of(page(client, address)))


def test_dead_letters_are_files_too(client: TestClient, world: World) -> None:
    world.handle([Record(HUB_TOPIC, b"x", b"nonsense")])
    (letter,) = json.loads(client.get("/dead-letters.json").text)["dead_letters"]
    assert letter["topic"] == HUB_TOPIC
    assert letter["digest"] in client.get("/dead-letters.csv?state=all").text


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("/transfers?bank=999", "No bank has this code."),
        ("/transfers?status=bogus", "This status does not exist."),
        ("/transfers?reason=XX99", "This reason code does not exist."),
        ("/transfers?since=2026-09-22T12:00&until=2026-09-21T12:00", "“To” must be after “From”."),
        ("/returns?bank=999", "No bank has this code."),
        ("/returns?status=bogus", "This status does not exist."),
        ("/returns?why=XX99", "This reason code does not exist."),
        ("/directory?bank=999", "No bank has this code."),
        ("/directory?kind=FAX", "This type of key does not exist."),
    ],
)
def test_a_filter_that_means_nothing_shows_nothing_and_says_why(
    client: TestClient, world: World, address: str, sentence: str
) -> None:
    world.pay(1)
    html = page(client, address, 422)
    assert sentence in text_of(html) and not re.search("data-(transfer|return|key)=", html)
