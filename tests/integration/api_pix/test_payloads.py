"""The payload of a location over HTTP: signed, verified with the key set beside it, and open to every payer's bank."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta

import pytest
from fastapi.testclient import TestClient

from bank_sim.adapters.payloads.documents import read_payload
from bank_sim.adapters.payloads.jose import SealedPayload, read_key_set
from bank_sim.application.use_cases import BankApplication
from bank_sim.domain.account import Account
from bank_sim.domain.charges.model import Charge, ChargeKind, DueDate
from bank_sim.domain.charges.orders import ChargeChange, ChargeOrder
from bank_sim.domain.charges.payload import KEY_SET_PATH, ChargePayload
from bank_sim.entrypoints.http.app import create_app
from pix.scheme.days import day_of
from pix.scheme.keys import KeyKind, PixKey
from tests.support.charges import cob, cobv
from tests.support.village import Village, VillageSettings

KEY = PixKey(KeyKind.EMAIL, "ana@example.com")


@pytest.fixture
def client(aurora: BankApplication, village: Village) -> Iterator[TestClient]:
    # Outside demo mode too: a payer's bank has no password.
    settings = VillageSettings(demo_mode=False)
    with TestClient(create_app(aurora, settings, village.clock), raise_server_exceptions=False) as client:
        yield client


def made(bank: BankApplication, order: ChargeOrder) -> tuple[Charge, str]:
    """A charge, and the path of its payload."""
    charge, location = bank.charges.create(order)
    return charge, "/" + bank.payable_codes.location(location.kind, location.token).partition("/")[2]


def verified(client: TestClient, path: str, kind: ChargeKind) -> ChargePayload:
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/jose"
    keys = client.get(KEY_SET_PATH)
    sealed = SealedPayload(answer.content)
    assert sealed.key_set_url == "http://bank-001.example/qr/jwks.json"
    return read_payload(sealed.open(read_key_set(keys.content)), kind)


def test_a_payload_is_signed_with_a_key_of_the_key_set(
    client: TestClient, aurora: BankApplication, ana: Account
) -> None:
    charge, path = made(aurora, cob(ana, KEY, 12_345))
    payload = verified(client, path, ChargeKind.IMMEDIATE)
    assert (payload.txid, payload.amount.final_centavos, payload.key) == (charge.txid, 12_345, KEY)
    assert client.get(path.replace("/qr/v2/", "/qr/v2/cobv/")).status_code == 404, "of the other kind"


def test_the_amount_is_that_of_the_day_that_is_asked_for(
    client: TestClient, aurora: BankApplication, ana: Account, village: Village
) -> None:
    today = day_of(village.clock.now_ms())
    order = cobv(ana, KEY, 10_000)
    assert isinstance(order.terms, DueDate)
    order = replace(order, terms=replace(order.terms, due_day=today + timedelta(days=9)))
    _, path = made(aurora, order)
    payload = verified(client, f"{path}?DPP={today}&codMun=3550308", ChargeKind.DUE_DATE)
    assert payload.amount.final_centavos == 10_000 and payload.payee is not None
    assert payload.payee.name == "Ana Souza"


def test_a_charge_that_was_removed_says_so(client: TestClient, aurora: BankApplication, ana: Account) -> None:
    charge, path = made(aurora, cob(ana, KEY))
    aurora.charges.change(charge.tax_id, charge.txid, charge.kind, ChargeChange(is_removed=True))
    payload = verified(client, path, ChargeKind.IMMEDIATE)
    assert payload.status.value == "REMOVIDA_PELO_USUARIO_RECEBEDOR"


def test_a_token_that_is_none_is_not_found(client: TestClient) -> None:
    tokens = ("0123456789abcdefghijkl", "x", "a" * 5_000, "%00", "..%2f..%2fhealth", "ab%20cd", "ação", "rec")
    for path in (f"{start}{token}" for start in ("/qr/v2/", "/qr/v2/cobv/") for token in tokens):
        answer = client.get(path)
        assert answer.status_code in (400, 404), path
        assert "Traceback" not in answer.text


def test_what_is_not_found_is_a_problem_of_the_api(client: TestClient) -> None:
    answer = client.get("/qr/v2/0123456789abcdefghijkl")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == "https://pix.bcb.gov.br/api/v2/error/CobPayloadNaoEncontrado"


def test_a_charge_whose_days_are_over_is_gone(
    client: TestClient, aurora: BankApplication, ana: Account, village: Village
) -> None:
    charge, path = made(aurora, cobv(ana, KEY))
    with village.units["001"]() as unit:
        long_ago = replace(charge, terms=DueDate(date(2020, 1, 2), valid_days_after=0))
        unit.charges.lock([charge.charge_id])
        unit.charges.save([long_ago], changed_by_merchant=True)
        unit.commit()
    answer = client.get(path)
    assert answer.status_code == 410 and answer.json()["type"].endswith("/CobPayloadNaoEncontrado")


def test_a_rotated_key_signs_and_the_ones_before_stay(
    client: TestClient, aurora: BankApplication, ana: Account
) -> None:
    _, path = made(aurora, cob(ana, KEY))
    before = client.get(path).content
    first = aurora.payable_codes.sign.newest_keys()[0]
    second = aurora.payable_codes.sign.rotate()
    keys = [key["kid"] for key in json.loads(client.get(KEY_SET_PATH).content)["keys"]]
    assert keys[0] == second.key_id and first.key_id in keys
    read_payload(SealedPayload(before).open(read_key_set(client.get(KEY_SET_PATH).content)), ChargeKind.IMMEDIATE)
    verified(client, path, ChargeKind.IMMEDIATE)
