"""Paying without a key: by bank, branch and account; the txid of a code; and where both are shown."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest

from bank_sim.application.use_cases import BankApplication
from bank_sim.domain.account import Account
from bank_sim.domain.flows.transfer.model import TransferStatus
from hub.application.ports import TransferFilter
from pix.scheme import brcode
from pix.scheme.initiation import Initiation
from pix.scheme.postings import Direction
from pix.scheme.reasons import ReasonCode
from tests.integration.bank_http.conftest import Visit, Visitor
from tests.support.banks import ANAS_CPF
from tests.support.village import Village

TXID = "Pedido0042"


def typed(bruno: Account, **changes: str) -> dict[str, str]:
    """Bruno's account, as Ana types it."""
    plain = {
        "bank": "002",
        "branch": "0001",
        "account_number": bruno.number,
        "name": "Bruno  Lima ",
        "tax_id": "111.444.777-35",
    }
    return {**plain, **changes}


def pay_typed(visitor: Visitor, fields: dict[str, str], amount: str = "10,00") -> str:
    """Pays from the pages, and returns the end-to-end id."""
    visitor.open("/pay/bank")
    visitor.send("/pay/bank", **fields)
    assert visitor.path == "/pay/amount", visitor.text
    visitor.send("/pay/amount", payee=visitor.hidden("payee"), amount=amount, description="Almoço")
    assert visitor.path == "/pay/review", visitor.text
    visitor.send("/pay/confirm", order=visitor.hidden("order"))
    assert visitor.path.startswith("/transfers/"), visitor.text
    return visitor.path.removeprefix("/transfers/")


def test_the_payer_is_shown_what_was_typed_and_the_receipts_name_the_account(
    visit: Visit, village: Village, aurora: BankApplication, ipe: BankApplication, ana: Account, bruno: Account
) -> None:
    payer, payee = visit(aurora, ana), visit(ipe, bruno)
    payer.open("/pay/bank")
    assert "002 – Banco Ipê" in payer.text
    payer.send("/pay/bank", **typed(bruno))
    for shown in ("Bruno Lima", "Banco Ipê (002)", "111.444.777-35", f"0001 · {bruno.number}"):
        assert shown in payer.text
    end_to_end_id = pay_typed(payer, typed(bruno))
    village.deliver()
    assert ipe.queries.find_account(bruno.number).balance_centavos == 6_000

    payer.open(f"/transfers/{end_to_end_id}/receipt")
    payee.open(f"/transfers/{end_to_end_id}/receipt?direction=incoming")
    for visitor in (payer, payee):
        assert "Bank and account typed" in visitor.text
        assert f"0001 · {bruno.number}" in visitor.text
        assert "Pix key" not in visitor.text
    for path in ("/", "/statement", "/statement/print", f"/transfers/{end_to_end_id}"):
        payer.open(path)
        assert payer.page.status_code == 200 and "Bruno Lima" in payer.text, path


def test_the_pay_form_keeps_what_was_typed_and_says_what_is_wrong(
    visit: Visit, aurora: BankApplication, ana: Account, bruno: Account
) -> None:
    visitor = visit(aurora, ana)
    for changes, sentence in (
        ({"bank": "009"}, "No bank of the network has this code."),
        ({"branch": "00001"}, "A branch has 1 to 4 digits."),
        ({"account_number": "12 3"}, "An account number has 1 to 20 digits"),
        ({"name": " "}, "A value is required."),
        ({"tax_id": "111.444.777-36"}, "CPF check digits do not match."),
    ):
        visitor.open("/pay/bank")
        visitor.send("/pay/bank", **typed(bruno, **changes))
        assert visitor.page.status_code == 422
        assert sentence in visitor.text
        assert bruno.number in visitor.page.text or "account_number" in changes
        # The same after a change of language.
        visitor.open(f"/pay/bank?{urlencode(typed(bruno, **changes))}")
        assert sentence in visitor.text
    assert aurora.queries.list_transfers().transfers == ()


def test_a_payer_cannot_type_his_own_account(visit: Visit, aurora: BankApplication, ana: Account) -> None:
    visitor = visit(aurora, ana)
    visitor.open("/pay/bank")
    visitor.send("/pay/bank", **typed(ana, bank="001", tax_id=ANAS_CPF))
    visitor.send("/pay/amount", payee=visitor.hidden("payee"), amount="1,00", description="")
    visitor.send("/pay/confirm", order=visitor.hidden("order"))
    assert (visitor.page.status_code, "That's your own account." in visitor.text) == (422, True)
    assert aurora.queries.find_account(ana.number).balance_centavos == 100_000


@pytest.mark.parametrize(
    ("changes", "reason"),
    [({"account_number": "999999-9"}, ReasonCode.AC03), ({"tax_id": ANAS_CPF}, ReasonCode.BE01)],
)
def test_the_payees_bank_rejects_a_wrong_account_or_tax_id_and_the_money_is_back(
    visit: Visit,
    village: Village,
    aurora: BankApplication,
    ana: Account,
    bruno: Account,
    changes: dict[str, str],
    reason: ReasonCode,
) -> None:
    visitor = visit(aurora, ana)
    end_to_end_id = pay_typed(visitor, typed(bruno, **changes))
    village.deliver()
    transfer = aurora.queries.find_transfer(end_to_end_id, Direction.OUTGOING)
    assert (transfer.status, transfer.reason) == (TransferStatus.FAILED, reason)
    assert aurora.queries.find_account(ana.number).balance_centavos == 100_000
    visitor.open(f"/transfers/{end_to_end_id}")
    assert "Pix not sent" in visitor.text and f"Reason {reason}" in visitor.text


def test_paying_again_takes_the_account_as_it_was(
    visit: Visit, village: Village, aurora: BankApplication, ana: Account, bruno: Account
) -> None:
    visitor = visit(aurora, ana)
    end_to_end_id = pay_typed(visitor, typed(bruno), "12,34")
    village.deliver()
    visitor.open(f"/pay/again/{end_to_end_id}")
    assert visitor.path == "/pay/amount"
    assert f"0001 · {bruno.number}" in visitor.text and 'value="12,34"' in visitor.page.text
    visitor.send("/pay/amount", payee=visitor.hidden("payee"), amount="12,34", description="")
    visitor.send("/pay/confirm", order=visitor.hidden("order"))
    again = aurora.queries.list_transfers().transfers[0]
    assert (again.initiation, again.payee, again.payee_key) == (
        Initiation.MANU,
        aurora.queries.find_transfer(end_to_end_id, Direction.OUTGOING).payee,
        None,
    )


def test_a_bank_that_does_not_understand_typed_accounts_is_not_offered(
    visit: Visit, village: Village, aurora: BankApplication, ana: Account, bruno: Account
) -> None:
    village.hub.join_network(ispb="00000002", code="002", name="Banco Ipê", color="#c98a00", url="", version="1")
    aurora.meet_participants()
    visitor = visit(aurora, ana)
    visitor.open("/pay/bank")
    assert "Banco Ipê" not in visitor.text and "Banco Aurora" in visitor.text
    visitor.send("/pay/bank", **typed(bruno))
    assert visitor.page.status_code == 422
    assert "This bank can't be paid by bank details yet." in visitor.text
    # By key it is paid as ever.
    visitor.open("/pay")
    visitor.send("/pay", key="bruno@example.com")
    assert visitor.path == "/pay/amount"


def test_a_code_brings_its_txid_and_a_pasted_key_has_none(
    visit: Visit, village: Village, aurora: BankApplication, ipe: BankApplication, ana: Account, bruno: Account
) -> None:
    code = brcode.encode(brcode.BRCode("bruno@example.com", "Bruno Lima", "SAO PAULO", 1_000, None, TXID))
    visitor, payee = visit(aurora, ana), visit(ipe, bruno)
    for text in (code, "bruno@example.com"):
        visitor.open("/pay")
        visitor.send("/pay", key=text)
        visitor.send("/pay/amount", payee=visitor.hidden("payee"), amount="10,00", description="")
        visitor.send("/pay/confirm", order=visitor.hidden("order"))
        village.deliver()
    by_key, by_code = aurora.queries.list_transfers().transfers
    assert (by_key.initiation, by_key.txid) == (Initiation.DICT, "")
    assert (by_code.initiation, by_code.txid) == (Initiation.QRES, TXID)
    (row,) = village.hub.queries.list_transfers(TransferFilter(txid=TXID))
    assert row.end_to_end_id == by_code.end_to_end_id
    for path in (
        f"/transfers/{by_code.end_to_end_id}/receipt?direction=incoming",
        f"/statement?search={TXID.lower()}",
        "/statement/print",
    ):
        payee.open(path)
        assert TXID in payee.text, path
    assert payee.open("/statement.csv").text.count(TXID) == 1
    payee.open(f"/statement?search={TXID}")
    assert payee.text.count("+R$ 10,00") == 1


# REST


def order(**changes: Any) -> dict[str, Any]:
    return {"amount_centavos": 1_000, **changes}


def send(visitor: Visitor, account: Account, body: dict[str, Any], key: str = "1") -> Any:
    return visitor.client.post(
        f"/api/v1/accounts/{account.number}/transfers", json=body, headers={"Idempotency-Key": key}
    )


def test_rest_pays_a_typed_account(
    visit: Visit, village: Village, aurora: BankApplication, ana: Account, bruno: Account
) -> None:
    visitor = visit(aurora)
    made = send(visitor, ana, order(payee=typed(bruno)))
    assert made.status_code == 201, made.text
    document = made.json()
    assert (document["initiation"], document["txid"], document["payee_key"]) == ("MANU", "", None)
    assert document["payee"] == {
        "ispb": "00000002",
        "branch": "0001",
        "account_number": bruno.number,
        "name": "Bruno Lima",
        "tax_id_masked": "***.444.777-**",
    }
    assert send(visitor, ana, order(payee=typed(bruno))).json()["end_to_end_id"] == document["end_to_end_id"]
    assert send(visitor, ana, order(payee=typed(bruno, account_number="1"))).status_code == 409
    village.deliver()
    after = visitor.client.get(f"/api/v1/transfers/{document['end_to_end_id']}").json()
    assert after["status"] == "confirmed"


def test_rest_reads_key_and_txid_of_a_code(visit: Visit, aurora: BankApplication, ana: Account, bruno: Account) -> None:
    visitor = visit(aurora)
    code = brcode.encode(brcode.BRCode("bruno@example.com", "Bruno Lima", "SAO PAULO", 1_000, "Almoco", TXID))
    made = send(visitor, ana, order(brcode=code)).json()
    assert (made["initiation"], made["txid"], made["description"]) == ("QRES", TXID, "Almoco")
    assert made["payee_key"] == {"kind": "EMAIL", "key": "bruno@example.com"}
    given = {"payee_key": {"kind": "EMAIL", "key": "bruno@example.com"}, "initiation": "QRDN", "txid": "x" * 26}
    carried = send(visitor, ana, order(**given), key="2").json()
    assert (carried["initiation"], carried["txid"]) == ("QRDN", "x" * 26)


def test_rest_names_the_field_of_what_it_refuses(
    visit: Visit, aurora: BankApplication, ana: Account, bruno: Account
) -> None:
    visitor = visit(aurora)
    key = {"kind": "EMAIL", "key": "bruno@example.com"}
    code = brcode.encode(brcode.BRCode("bruno@example.com", "Bruno Lima", "SAO PAULO", 2_000, "Almoco", TXID))
    for changes, field in (
        ({}, "payee_key"),
        ({"payee_key": key, "payee": typed(bruno)}, "payee_key"),
        ({"payee_key": key, "brcode": code}, "payee_key"),
        ({"payee_key": key, "txid": TXID}, "txid"),
        ({"payee_key": key, "initiation": "QRES", "txid": "pedido-42"}, "txid"),
        ({"payee_key": key, "initiation": "QRDN"}, "txid"),
        ({"payee_key": key, "initiation": "MANU"}, "payee"),
        ({"payee": typed(bruno), "initiation": "DICT"}, "payee_key"),
        ({"payee": typed(bruno), "txid": TXID}, "txid"),
        ({"payee": typed(bruno, bank="009")}, "payee.bank"),
        ({"payee": typed(bruno, tax_id="1")}, "payee.tax_id"),
        ({"brcode": code}, "amount_centavos"),
        ({"brcode": code, "amount_centavos": 2_000, "description": "jantar"}, "description"),
        ({"brcode": "000201"}, "brcode"),
    ):
        refused = send(visitor, ana, order(**changes))
        assert (refused.status_code, refused.json()["field"]) == (422, field), changes
    assert aurora.queries.find_account(ana.number).balance_centavos == 100_000
