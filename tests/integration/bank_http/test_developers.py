"""The developers' pages: credentials, the log of requests, charges, and webhooks; each customer sees their own."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest

from bank_sim.application.use_cases import BankApplication
from bank_sim.domain.account import Account
from bank_sim.domain.charges.model import Charge, ChargeKind, ChargeStatus, Immediate
from bank_sim.domain.charges.orders import ChargeOrder
from bank_sim.domain.credentials.request_log import ApiRequest, Body
from pix.scheme.initiation import Initiation
from pix.scheme.keys import KeyKind, PixKey
from tests.integration.bank_http.conftest import Visit, Visitor
from tests.support.banks import ANAS_CPF
from tests.support.village import Village

KEY = PixKey(KeyKind.EMAIL, "ana@example.com")
OTHERS_CPF = "11144477735"
PAGES = (
    "/developers",
    "/developers/requests",
    "/developers/charges",
    "/developers/charges/new",
    "/developers/webhooks",
    "/developers/verdict",
    "/developers/credentials",
)


@pytest.fixture
def visitor(visit: Visit, aurora: BankApplication, ana: Account) -> Visitor:
    """Ana, whose bank has the API on a port of its own."""
    return visit(aurora, ana, api_pix_port=8443, api_pix_tls_certificate="bank.pem")


@pytest.fixture
def charge(aurora: BankApplication, ana: Account) -> Charge:
    made, _ = aurora.charges.create(
        ChargeOrder(ana.number, ChargeKind.IMMEDIATE, KEY, 12_345, Immediate(3_600), payer_request="Pedido 7")
    )
    return made


@pytest.fixture
def other(visit: Visit, aurora: BankApplication) -> Visitor:
    """Another customer of the same bank."""
    account = aurora.open_account(name="Outra Pessoa", tax_id=OTHERS_CPF, opening_deposit_centavos=0, pin="4321")
    return visit(aurora, account)


def snippet(visitor: Visitor, name: str) -> str:
    """The text of a block that can be copied."""
    found = re.search(rf'<pre [^>]*id="{name}"[^>]*>(.*?)</pre>', visitor.page.text, re.DOTALL)
    assert found, f"no {name} on {visitor.page.url}"
    return unescape(re.sub(r"<[^>]+>", "", found[1]))


def request_of(account: Account, credential_id: str, **changes: Any) -> ApiRequest:
    values: dict[str, Any] = {
        "request_id": "r1",
        "requested_at_ms": 1_800_000_000_000,
        "duration_ms": 12,
        "method": "GET",
        "path": "/v2/cob?inicio=2026-01-01T00:00:00Z&fim=2027-01-01T00:00:00Z",
        "status": 200,
        "response": Body('{"cobs":[]}', "application/json", 11),
    }
    return ApiRequest(account_number=account.number, credential_id=credential_id, **{**values, **changes})


def test_the_pages_are_the_customers_alone_and_name_the_port_of_the_api(
    visit: Visit, aurora: BankApplication, visitor: Visitor
) -> None:
    stranger = visit(aurora)
    for page in PAGES:
        assert visitor.open(page).status_code == 200, page
        assert stranger.open(page).url.path == "/sign-in", page
    visitor.open("/developers")
    assert "https://testserver:8443/v2" in visitor.text
    assert "https://testserver:8443/v2/cob/" in snippet(visitor, "step-charge")


def test_a_secret_is_shown_once_and_works(visitor: Visitor, aurora: BankApplication) -> None:
    visitor.open("/developers/credentials")
    assert visitor.send("/developers/credentials", name="Loja").status_code == 422
    assert "Choose from these scopes" in visitor.text and "No credentials yet." in visitor.text
    visitor.send("/developers/credentials", name="Loja", scopes="cob.read")
    secret, client_id = snippet(visitor, "client-secret"), snippet(visitor, "client-id")
    assert aurora.api_credentials.issue_token(credential_id=client_id, secret=secret).scopes == ("cob.read",)
    assert f"-u {client_id}:{secret}" in snippet(visitor, "token-command")
    visitor.open("/developers/credentials")
    assert "Loja" in visitor.text and client_id in visitor.text and secret not in visitor.page.text


def test_another_secret_takes_the_place_of_the_first_and_a_revoked_credential_is_gone(
    visitor: Visitor, aurora: BankApplication, ana: Account
) -> None:
    made = aurora.api_credentials.create(account_number=ana.number, name="Loja")
    address = f"/developers/credentials/{made.credential.credential_id}"
    visitor.open(f"{address}/rotate")
    visitor.send(f"{address}/rotate")
    assert snippet(visitor, "client-secret") != made.secret
    visitor.open(f"{address}/revoke")
    visitor.send(f"{address}/revoke")
    assert "Credential Loja revoked." in visitor.text and "Revoked" in visitor.text
    assert not aurora.api_credentials.queries.find(ana.number, made.credential.credential_id).is_active


def test_the_log_shows_requests_with_bodies_and_a_command_that_makes_them_again(
    visitor: Visitor, aurora: BankApplication, ana: Account, charge: Charge
) -> None:
    credential = aurora.api_credentials.create(account_number=ana.number, name="Loja").credential
    problem = '{"type":"x","detail":"A cobrança é inválida.","violacoes":[{"razao":"curto","propriedade":"cob.chave"}]}'
    aurora.api_credentials.note_requests(
        [
            request_of(ana, credential.credential_id),
            request_of(
                ana,
                credential.credential_id,
                request_id="r2",
                method="PUT",
                path=f"/v2/cob/{charge.txid}",
                status=400,
                request=Body('{"chave":"<b>\'"}', "application/json", 16),
                response=Body(problem, "application/problem+json", len(problem)),
            ),
        ]
    )
    visitor.open("/developers/requests")
    assert visitor.page.text.index('data-request="r2"') < visitor.page.text.index('data-request="r1"')
    visitor.open("/developers/requests?outcome=failed&search=PUT")
    assert 'data-request="r2"' in visitor.page.text and 'data-request="r1"' not in visitor.page.text
    visitor.open("/developers/requests/r2")
    assert "A cobrança é inválida." in visitor.text and "cob.chave curto" in visitor.text
    assert '"chave": "<b>\'"' in snippet(visitor, "request-body")
    assert snippet(visitor, "curl").startswith("curl -X PUT https://")
    assert f"/developers/charges/cob/{charge.txid}" in visitor.page.text


def test_a_charge_is_made_on_a_page_and_removed(visitor: Visitor, aurora: BankApplication, ana: Account) -> None:
    visitor.open("/developers/charges/new")
    form = {"kind": "cob", "amount": "12,50", "key": "ana@example.com", "message": "Pedido 1"}
    assert visitor.send("/developers/charges/new", **form | {"amount": "nada"}).status_code == 422
    visitor.send("/developers/charges/new", **form)
    assert "R$ 12,50" in visitor.text and "Waiting for payment" in visitor.text
    txid = visitor.path.rpartition("/")[2]
    assert '"original": "12.50"' in snippet(visitor, "curl-put") and txid in snippet(visitor, "curl-get")
    visitor.open(f"/developers/charges/cob/{txid}/remove")
    visitor.send(f"/developers/charges/cob/{txid}/remove")
    assert "Charge removed." in visitor.text
    found, _ = aurora.charges.find(ana.tax_id, txid, ChargeKind.IMMEDIATE)
    assert found.status is ChargeStatus.REMOVED_BY_PAYEE


def test_a_charge_with_a_due_date_says_what_is_wrong_with_it(visitor: Visitor) -> None:
    visitor.open("/developers/charges/new")
    form = {
        "kind": "cobv",
        "amount": "12,50",
        "key": "ana@example.com",
        "due_day": "2999-01-04",
        "debtor_name": "João",
        "debtor_tax_id": ANAS_CPF,
    }
    for fields, sentence in (
        ({"due_day": ""}, "Choose a day."),
        ({"debtor_tax_id": "123"}, "CPF"),
        ({"key": "bruno@example.com"}, "This key does not pay into your account."),
    ):
        assert visitor.send("/developers/charges/new", **form | fields).status_code == 422
        assert sentence in visitor.text


def test_the_list_of_charges_is_narrowed_and_newest_first(
    visitor: Visitor, aurora: BankApplication, ana: Account
) -> None:
    order = ChargeOrder(ana.number, ChargeKind.IMMEDIATE, KEY, 100, Immediate(3_600))
    made = [aurora.charges.create(order)[0].txid for _ in range(32)]
    visitor.open("/developers/charges")
    shown = re.findall('data-charge="([^"]+)"', visitor.page.text)
    visitor.open("/developers/charges?page=1")
    shown += re.findall('data-charge="([^"]+)"', visitor.page.text)
    assert sorted(shown) == sorted(made) and len(shown) == 32
    visitor.open("/developers/charges?status=CONCLUIDA")
    assert "No charges match." in visitor.text


def test_a_webhook_is_set_and_removed(visitor: Visitor) -> None:
    visitor.open("/developers/webhooks")
    assert visitor.send("/developers/webhooks", key="ana@example.com", url="ftp://x").status_code == 422
    visitor.send("/developers/webhooks", key="ana@example.com", url="http://127.0.0.1:9/hook")
    assert "http://127.0.0.1:9/hook/pix" in visitor.text
    visitor.send("/developers/webhooks/remove", key="ana@example.com")
    assert "No key has a webhook yet." in visitor.text


def test_a_paid_charge_shows_its_payment_and_what_the_webhook_owes(
    visitor: Visitor, village: Village, aurora: BankApplication, ipe: BankApplication, bruno: Account, charge: Charge
) -> None:
    visitor.open("/developers/webhooks")
    visitor.send("/developers/webhooks", key="ana@example.com", url="http://127.0.0.1:9")
    small, _ = aurora.charges.create(
        ChargeOrder(charge.account_number, ChargeKind.IMMEDIATE, KEY, 1_500, Immediate(3_600))
    )
    visitor.open(f"/developers/charges/cob/{small.txid}")
    pay_code(village, ipe, bruno, small)
    visitor.open(f"/developers/charges/cob/{small.txid}")
    assert 'data-state="paid"' in visitor.page.text and "Bruno Lima" in visitor.text
    notice = re.search('data-notice="([0-9]+)"', visitor.page.text)
    assert notice is not None
    visitor.open(f"/developers/webhooks/notices/{notice[1]}")
    assert "Not sent yet." in visitor.text and small.txid in visitor.text
    visitor.send(f"/developers/webhooks/notices/{notice[1]}/replay")
    assert "It will be sent again." in visitor.text
    visitor.open("/developers/verdict")
    assert 'data-judgement="missing"' in visitor.page.text


def pay_code(village: Village, bank: BankApplication, payer: Account, charge: Charge) -> None:
    """Pays the charge as its dynamic code asks for it."""
    found = bank.find_payee(key=charge.key.key)
    bank.request_transfer(
        account_number=payer.number,
        payee_key=found.key,
        amount_centavos=charge.amount_centavos,
        description="",
        idempotency_key=charge.txid,
        payee_tax_id_masked=found.tax_id_masked,
        payee_name=found.name,
        payee_bank_name=found.bank_name,
        initiation=Initiation.QRDN,
        txid=charge.txid,
    )
    village.deliver()


def test_nothing_of_another_customer_is_shown(
    other: Visitor, aurora: BankApplication, ana: Account, charge: Charge
) -> None:
    credential = aurora.api_credentials.create(account_number=ana.number, name="Loja").credential
    aurora.api_credentials.note_requests([request_of(ana, credential.credential_id)])
    for address in (
        f"/developers/charges/cob/{charge.txid}",
        f"/developers/charges/cob/{charge.txid}/live",
        f"/developers/charges/cob/{charge.txid}/remove",
        "/developers/requests/r1",
        "/developers/webhooks/notices/1",
        f"/developers/credentials/{credential.credential_id}/revoke",
    ):
        assert other.open(address).status_code == 404, address
    other.open("/developers/charges")
    assert other.send(f"/developers/charges/cob/{charge.txid}/remove").status_code == 404
    assert other.send(f"/developers/credentials/{credential.credential_id}/revoke").status_code == 404
    assert aurora.api_credentials.queries.find(ana.number, credential.credential_id).is_active
    other.open("/developers/requests")
    assert 'data-request="r1"' not in other.page.text


def test_in_a_sandbox_a_person_of_the_bank_pays(
    visitor: Visitor, village: Village, aurora: BankApplication, ana: Account, charge: Charge
) -> None:
    aurora.seed_demo_people()
    address = f"/developers/charges/cob/{charge.txid}"
    visitor.open(address)
    code = visitor.hidden("code")
    visitor.send("/developers/pay", code=code, when="in_seconds", in_seconds="60", payer="company")
    assert "Payment planned." in visitor.text
    plan = aurora.sandbox.plans(10)[0]
    visitor.send(f"/developers/pay/{plan.plan_id}/cancel")
    assert "Payment cancelled." in visitor.text
    assert visitor.send("/developers/pay", code="nonsense").status_code == 422
    assert visitor.send("/developers/pay", code=code, when="at", at="").status_code == 422
    assert "Choose a day and a time." in visitor.text


def test_without_a_sandbox_nobody_else_pays(visit: Visit, aurora: BankApplication) -> None:
    for settings in ({"sandbox": False}, {"demo_mode": False}):
        visitor = visit(aurora, **settings)
        visitor.open("/sign-in")
        assert visitor.open("/developers/pay").status_code == 404
        assert visitor.send("/developers/pay", code="x").status_code == 404
