"""Two merchants of one bank: what one has is not there for the other, by no operation."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bank_sim.application.demo_people import cpf_of
from bank_sim.application.use_cases import BankApplication
from pix.scheme.keys import KeyKind
from tests.integration.api_pix.conftest import OpenShop, Shop
from tests.support.village import Village

TXID = "pedido" + "0" * 26
DUE_TXID = "boleto" + "0" * 26
ANAS_KEY = "ana@example.com"
HOOK = {"webhookUrl": "http://127.0.0.1:9/hook"}


@pytest.fixture
def neighbour(open_shop: OpenShop, village: Village, aurora: BankApplication) -> Shop:
    """Clara, at the same bank as Ana."""
    account = aurora.open_account(
        name="Clara Dias", tax_id=cpf_of("300000007"), opening_deposit_centavos=10_000, pin="4321"
    )
    aurora.register_key(account_number=account.number, kind=KeyKind.EMAIL, key="clara@example.com")
    return open_shop(aurora, account, village=village)


def cob(key: str) -> dict[str, Any]:
    return {"calendario": {"expiracao": 3_600}, "valor": {"original": "10.00"}, "chave": key}


def cobv(key: str) -> dict[str, Any]:
    debtor = {"cpf": "52998224725", "nome": "Bia Lima"}
    calendar = {"dataDeVencimento": (datetime.now(UTC) + timedelta(days=30)).date().isoformat()}
    return {"calendario": calendar, "valor": {"original": "10.00"}, "chave": key, "devedor": debtor}


def test_a_neighbour_finds_changes_and_lists_nothing_of_a_merchant(
    shop: Shop, neighbour: Shop, other_shop: Shop
) -> None:
    made = shop.put(f"/cob/{TXID}", cob(ANAS_KEY)).json()
    due = cobv(ANAS_KEY)
    assert shop.put(f"/cobv/{DUE_TXID}", due).status_code == 201
    batch = {"descricao": "Turma A", "cobsv": [{**due, "txid": "lote" + "0" * 28}]}
    assert shop.put("/lotecobv/77", batch).status_code == 202
    assert shop.put(f"/webhook/{ANAS_KEY}", HOOK).status_code == 200
    e2eid = shop.receive(other_shop, ANAS_KEY, 1_000)
    assert shop.put(f"/pix/{e2eid}/devolucao/1", {"valor": "1.00"}).status_code == 201
    location = made["loc"]["id"]
    before = [shop.get(path).json() for path in (f"/cob/{TXID}", f"/cobv/{DUE_TXID}", f"/loc/{location}")]

    missing = [
        neighbour.get(f"/cob/{TXID}"),
        neighbour.patch(f"/cob/{TXID}", {"status": "REMOVIDA_PELO_USUARIO_RECEBEDOR"}),
        neighbour.get(f"/cobv/{DUE_TXID}"),
        neighbour.patch(f"/cobv/{DUE_TXID}", {"solicitacaoPagador": "Pague a mim"}),
        neighbour.get("/lotecobv/77"),
        neighbour.get(f"/loc/{location}"),
        neighbour.delete(f"/loc/{location}/txid"),
        neighbour.get(f"/pix/{e2eid}"),
        neighbour.put(f"/pix/{e2eid}/devolucao/2", {"valor": "1.00"}),
        neighbour.get(f"/pix/{e2eid}/devolucao/1"),
        neighbour.get(f"/webhook/{ANAS_KEY}"),
        neighbour.delete(f"/webhook/{ANAS_KEY}"),
    ]
    assert [answer.status_code for answer in missing] == [404] * len(missing)
    refused = [
        neighbour.put(f"/webhook/{ANAS_KEY}", HOOK),
        neighbour.put(f"/cob/{TXID[:-1]}1", cob(ANAS_KEY)),
        neighbour.put(f"/cob/{TXID[:-1]}2", {**cob("clara@example.com"), "loc": {"id": location}}),
    ]
    assert [answer.status_code for answer in refused] == [400] * len(refused)
    for path, name in (("/cob", "cobs"), ("/cobv", "cobs"), ("/lotecobv", "lotes"), ("/loc", "loc"), ("/pix", "pix")):
        assert neighbour.list(path).json()[name] == [], path
        assert shop.list(path).json()[name] != [], path
    assert neighbour.get("/webhook").json()["webhooks"] == []
    assert [shop.get(path).json() for path in (f"/cob/{TXID}", f"/cobv/{DUE_TXID}", f"/loc/{location}")] == before
    # A txid is a merchant's own: the neighbour may have the same.
    assert neighbour.put(f"/cob/{TXID}", cob("clara@example.com")).status_code == 201
    assert shop.get(f"/cob/{TXID}").json() == before[0]
