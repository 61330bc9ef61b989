"""Charge, QR code, payment from another bank, webhook, look-up, partial and full return, with each public client."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from lab.network.parts.process import wait_until
from lab.read.rest import Refused
from tests.clients.conftest import Account, Merchant
from tests.clients.conversation import Receiver
from tests.clients.shops import Shop

PATIENCE_SECONDS = 30.0
START, END = "2020-01-01T00:00:00Z", "2100-01-01T00:00:00Z"


def new_txid() -> str:
    return uuid4().hex


def pay(payer: Account, code: str, amount_centavos: int) -> str:
    """Looks at a code in the other bank, and pays it. The end-to-end id."""

    def read() -> Any:
        return payer.bank.call("POST", "/codes/read", json={"brcode": code})

    # A bank that has just started may not have met the others yet.
    shown = wait_until(read, PATIENCE_SECONDS, "the payer's bank to know the code", retry_on=(Refused,))
    assert shown["amount_centavos"] == amount_centavos
    order = {"brcode": code, "amount_centavos": amount_centavos}
    headers = {"Idempotency-Key": uuid4().hex}
    made = payer.bank.call("POST", f"/accounts/{payer.number}/transfers", json=order, headers=headers)
    return str(made["end_to_end_id"])


def await_notice(receiver: Receiver, end_to_end_id: str, returns: int) -> dict[str, Any]:
    """The first notice that tells of so many returns that have ended."""

    def found() -> dict[str, Any] | None:
        for pix in receiver.pix(end_to_end_id):
            given_back = [each for each in pix.get("devolucoes", []) if each["status"] == "DEVOLVIDO"]
            if len(given_back) == returns:
                return pix
        return None

    notice = wait_until(found, PATIENCE_SECONDS, f"a notice of {end_to_end_id} with {returns} returns")
    assert notice is not None
    return notice


def test_a_charge_is_paid_from_another_bank_and_given_back(
    shop: Shop, merchant: Merchant, payer: Account, receiver: Receiver
) -> None:
    before = payer.balance_centavos
    shop.set_webhook(merchant.key, receiver.address)
    assert shop.find_webhook(merchant.key)["webhookUrl"] == receiver.address

    txid = new_txid()
    order = {
        "calendario": {"expiracao": 3_600},
        "valor": {"original": "30.00"},
        "chave": merchant.key,
        "solicitacaoPagador": "Cobrança nº 1 — obrigada!",
    }
    charge = shop.charge(txid, order)
    assert (charge["txid"], charge["status"], charge["valor"]["original"]) == (txid, "ATIVA", "30.00")

    end_to_end_id = pay(payer, shop.code(charge), 3_000)
    notice = await_notice(receiver, end_to_end_id, 0)
    assert (notice["txid"], notice["valor"], notice["chave"]) == (txid, "30.00", merchant.key)
    assert {path for path, _ in receiver.posted} == {"/pix"}

    paid = shop.find_charge(txid)
    assert (paid["status"], [pix["endToEndId"] for pix in paid["pix"]]) == ("CONCLUIDA", [end_to_end_id])
    assert shop.find_pix(end_to_end_id)["txid"] == txid
    assert txid in [each["txid"] for each in shop.list_charges(START, END)["cobs"]]
    assert end_to_end_id in [each["endToEndId"] for each in shop.list_pix(START, END)["pix"]]

    asked = shop.give_back(end_to_end_id, "parcial1", "10.00")
    assert (asked["id"], asked["valor"]) == ("parcial1", "10.00")
    await_notice(receiver, end_to_end_id, 1)
    assert shop.find_return(end_to_end_id, "parcial1")["status"] == "DEVOLVIDO"
    shop.give_back(end_to_end_id, "resto1", "20.00")
    told = await_notice(receiver, end_to_end_id, 2)
    assert sorted(each["valor"] for each in told["devolucoes"]) == ["10.00", "20.00"]
    assert shop.find_charge(txid)["status"] == "CONCLUIDA"
    wait_until(lambda: payer.balance_centavos == before, PATIENCE_SECONDS, "the money to be back")
    shop.remove_webhook(merchant.key)


def test_a_charge_with_a_due_date_is_made_and_listed(shop: Shop, merchant: Merchant) -> None:
    txid = new_txid()
    due_day = datetime.now(UTC).date() + timedelta(days=30)
    order = {
        "calendario": {"dataDeVencimento": due_day.isoformat(), "validadeAposVencimento": 15},
        "devedor": {"cpf": "12345678909", "nome": "Francisco da Silva"},
        "valor": {"original": "123.45", "multa": {"modalidade": 2, "valorPerc": "2.00"}},
        "chave": merchant.key,
    }
    charge = shop.charge_with_due_date(txid, order)
    assert (charge["txid"], charge["status"]) == (txid, "ATIVA")
    assert txid in [each["txid"] for each in shop.list_charges_with_due_date(START, END)["cobs"]]


def test_a_charge_that_is_not_there_is_an_error_of_the_library(shop: Shop) -> None:
    problem = shop.why_not_found(new_txid())
    assert problem["status"] == 404
    assert problem["type"].startswith("https://pix.bcb.gov.br/api/v2/error/Cob")
