"""`/webhook`: set, read, listed and deleted by the merchant whose key it is, and by no other."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bank_sim.adapters.memory.unit_of_work import MemoryUnitsOfWork
from bank_sim.adapters.receivers import HttpReceivers
from bank_sim.application.use_cases import BankApplication
from bank_sim.application.webhooks.documents import return_order_key
from bank_sim.application.webhooks.use_cases import Delivering
from bank_sim.domain.account import Account
from bank_sim.domain.credentials.model import ALL_SCOPES
from pix.runtime.allowed_hosts import AllowedHosts
from pix.scheme.keys import KeyKind
from pix.scheme.reasons import ReasonCode
from tests.integration.api_pix.conftest import OpenShop, Shop
from tests.integration.api_pix.description import faults_of_webhook
from tests.support.bank import World
from tests.support.bank_returns import ReturnsWorld
from tests.support.charges import cob, confirm, merchant, offer
from tests.support.webhooks import ReceiverInMemory

URL = "http://127.0.0.1:3000/avisos/"


@pytest.fixture
def delivering_shop(open_shop: OpenShop) -> Shop:
    """Of a bank that looks at addresses as a real one does; its key is its tax id."""
    world = World(MemoryUnitsOfWork(), delivering=Delivering(HttpReceivers(AllowedHosts(), 1.0)))
    account = world.open_account()
    world.bank.register_key(account_number=account.number, kind=KeyKind.CPF, key=account.tax_id)
    return open_shop(world.bank, account, clock=world.clock)


@pytest.fixture
def key(aurora: BankApplication, ana: Account) -> str:
    return aurora.register_key(account_number=ana.number, kind=KeyKind.EMAIL, key="ana@loja.example").key.key


def test_a_webhook_is_set_read_changed_and_deleted(shop: Shop, key: str) -> None:
    assert shop.get(f"/webhook/{key}").json()["type"].endswith("/WebhookNaoEncontrado")
    assert shop.put(f"/webhook/{key}", {"webhookUrl": URL}).status_code == 200
    made = shop.get(f"/webhook/{key}").json()
    assert (made["webhookUrl"], made["chave"]) == (URL, key)
    assert shop.put(f"/webhook/{key}", {"webhookUrl": "http://[::1]:3000/b"}).status_code == 200
    assert shop.get(f"/webhook/{key}").json() == {**made, "webhookUrl": "http://[::1]:3000/b"}
    gone = shop.delete(f"/webhook/{key}")
    assert (gone.status_code, gone.content) == (204, b"")
    assert shop.get(f"/webhook/{key}").status_code == shop.delete(f"/webhook/{key}").status_code == 404


def test_webhooks_are_listed_by_pages_and_by_creation(
    shop: Shop, key: str, aurora: BankApplication, ana: Account
) -> None:
    phone = aurora.register_key(account_number=ana.number, kind=KeyKind.PHONE, key="+5511987654321").key.key
    for each in (key, phone):
        assert shop.put(f"/webhook/{each.replace('+', '%2B')}", {"webhookUrl": URL}).status_code == 200
    whole = shop.get("/webhook").json()
    assert [each["chave"] for each in whole["webhooks"]] == [key, phone]
    assert whole["parametros"]["paginacao"]["quantidadeTotalDeItens"] == 2
    second = shop.get("/webhook", paginacao__paginaAtual=1, paginacao__itensPorPagina=1).json()
    assert [each["chave"] for each in second["webhooks"]] == [phone]
    assert shop.list("/webhook", fim="2020-01-02T00:00:00Z").json()["webhooks"] == []


def test_another_merchants_webhook_is_not_there(
    shop: Shop, key: str, aurora: BankApplication, open_shop: OpenShop
) -> None:
    shop.put(f"/webhook/{key}", {"webhookUrl": URL})
    stranger = aurora.open_account(name="Davi Lima", tax_id="39053344705", opening_deposit_centavos=0, pin="1234")
    other = open_shop(aurora, stranger)
    assert other.get(f"/webhook/{key}").status_code == other.delete(f"/webhook/{key}").status_code == 404
    refused = other.put(f"/webhook/{key}", {"webhookUrl": URL})
    assert refused.status_code == 400 and refused.json()["violacoes"][0]["propriedade"] == "chave"
    assert other.get("/webhook").json()["webhooks"] == []
    assert shop.get(f"/webhook/{key}").status_code == 200


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data", "https://8.8.8.8/x", "http://user:pw@127.0.0.1/", "file:///etc/passwd",
        "não é endereço", "", "http://127.0.0.1/" + "a" * 2_000,
    ],
)  # fmt: skip
def test_an_address_that_is_not_delivered_to_is_a_violation(delivering_shop: Shop, url: str) -> None:
    answer = delivering_shop.put(f"/webhook/{delivering_shop.account.tax_id}", {"webhookUrl": url})
    assert answer.status_code == 400, answer.text
    assert answer.json()["type"].endswith("/WebhookOperacaoInvalida")
    assert [each["propriedade"] for each in answer.json()["violacoes"]] == ["webhook.webhookUrl"]


def test_what_is_posted_is_what_the_description_says() -> None:
    receiver = ReceiverInMemory()
    world = World(MemoryUnitsOfWork(), delivering=receiver.delivering())
    ana, returns = world.open_account(), ReturnsWorld(world)
    key = merchant(world.bank, ana)
    world.bank.webhooks.put(account_number=ana.number, key=key, url=URL)
    charge, _ = world.bank.charges.create(cob(ana, key))
    offered = replace(offer(world, ana, charge), payee_key=key)
    world.hear(offered)
    confirm(world, offered)
    for number, reason in enumerate((None, ReasonCode.AB11, None)):
        world.clock.turn(1)
        order_key = return_order_key(offered.end_to_end_id, f"volta{number}")
        world.hear(returns.outcome_of(returns.give_back(ana, offered, 1_00, order_key), reason))
    world.clock.turn(1)
    pending = returns.give_back(ana, offered, 50, "on a page")
    world.bank.webhooks.deliver_due()
    ((_, body),) = receiver.posts
    assert [each["status"] for each in body["pix"][0]["devolucoes"]] == [
        "DEVOLVIDO", "NAO_REALIZADO", "DEVOLVIDO", "EM_PROCESSAMENTO",
    ]  # fmt: skip
    assert body["pix"][0]["devolucoes"][3]["id"] == pending.return_id
    assert faults_of_webhook(body) == []
    del body["pix"][0]["valor"]
    assert faults_of_webhook(body) != []


def test_reading_and_writing_have_scopes_of_their_own(
    aurora: BankApplication, ana: Account, key: str, open_shop: OpenShop
) -> None:
    reader = open_shop(aurora, ana, scopes=("webhook.read",))
    assert reader.get("/webhook").status_code == 200
    for answer in (reader.put(f"/webhook/{key}", {"webhookUrl": URL}), reader.delete(f"/webhook/{key}")):
        assert answer.status_code == 403 and answer.json()["type"].endswith("/AcessoNegado")
    writer = open_shop(aurora, ana, scopes=tuple(scope for scope in ALL_SCOPES if scope != "webhook.read"))
    assert writer.put(f"/webhook/{key}", {"webhookUrl": URL}).status_code == 200
    assert writer.get("/webhook").status_code == writer.get(f"/webhook/{key}").status_code == 403


def test_deliveries_are_shown_and_replayed_by_rest(shop: Shop, key: str) -> None:
    shop.put(f"/webhook/{key}", {"webhookUrl": URL})
    address = f"/api/v1/accounts/{shop.account.number}"
    (hook,) = shop.client.get(f"{address}/webhooks").json()["webhooks"]
    assert (hook["kind"], hook["key"], hook["url"]) == ("EMAIL", key, URL)
    assert shop.client.get(f"{address}/webhook-deliveries").json() == {"deliveries": []}
    assert shop.client.get(f"{address}/webhook-notices").json() == {"notices": []}
    for path in ("webhook-deliveries/1", "webhook-deliveries/1/replay", "webhook-notices/1/replay"):
        method = "POST" if path.endswith("replay") else "GET"
        answer = shop.client.request(method, f"{address}/{path}")
        assert answer.status_code == 404 and answer.headers["content-type"] == "application/problem+json"
