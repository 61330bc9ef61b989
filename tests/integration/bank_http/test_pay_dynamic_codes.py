"""Paying dynamic codes: pages and REST show what the payee's bank has signed, and say why a code cannot be paid."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from bank_sim.application.use_cases import BankApplication
from bank_sim.domain.account import Account
from bank_sim.domain.charges.model import ChargeKind, ChargeStatus, Detail
from bank_sim.domain.charges.orders import ChargeChange
from bank_sim.domain.charges.payload import AmountShown, ChargePayload
from bank_sim.domain.payable_codes import errors
from pix.scheme.days import day_of
from pix.scheme.initiation import Initiation
from pix.scheme.keys import KeyKind, PixKey
from pix.scheme.postings import Direction
from tests.integration.bank_http.conftest import Visit, Visitor
from tests.support.charges import cob
from tests.support.payload_builders import TXID, immediate, with_due_date
from tests.support.village import Village

TOKEN = "0123456789abcdefghijkl"
BRUNOS_KEY = PixKey(KeyKind.EMAIL, "bruno@example.com")


def code_of(village: Village, payload: ChargePayload | errors.CodeNotPayable, bank: str = "002") -> str:
    """The code of a charge of Bruno's at Ipê."""
    codes = village.banks[bank].payable_codes
    kind = payload.kind if isinstance(payload, ChargePayload) else ChargeKind.IMMEDIATE
    location = codes.location(kind, TOKEN)
    village.payloads.served[location] = payload
    return codes.write(location, "Bruno Lima")


def brunos(village: Village, **changes: Any) -> ChargePayload:
    now_ms = village.clock.now_ms()
    return immediate(key=BRUNOS_KEY, created_at_ms=now_ms - 60_000, shown_at_ms=now_ms, **changes)


def read(visitor: Visitor, code: str) -> None:
    visitor.open("/pay?way=code")
    visitor.send("/pay/code", code=code)


def test_a_payer_sees_who_asks_for_what_and_pays_it(
    visit: Visit, village: Village, aurora: BankApplication, ana: Account, bruno: Account
) -> None:
    visitor = visit(aurora, ana)
    read(visitor, code_of(village, brunos(village)))
    assert visitor.path == "/pay/amount", visitor.text
    for shown in ("Bruno Lima", "Banco Ipê", "R$ 123,45", "Amount set by the code", "Quantidade 2", "Açaí & pão"):
        assert shown in visitor.text
    assert "Expires" in visitor.text and "Charged to Ana Souza" in visitor.text
    assert "Número do cartão fidelidade" in visitor.text, "what the merchant asks is the label of the message"

    visitor.send("/pay/amount", payee=visitor.hidden("payee"), description="Cartão 77")
    assert visitor.path == "/pay/review" and "R$ 123,45" in visitor.text and "Cartão 77" in visitor.text
    visitor.send("/pay/confirm", order=visitor.hidden("order"))
    assert visitor.path.startswith("/transfers/"), visitor.text
    transfer = aurora.queries.find_transfer(visitor.path.removeprefix("/transfers/"), Direction.OUTGOING)
    assert (transfer.initiation, transfer.txid, transfer.amount_centavos) == (Initiation.QRDN, TXID, 12_345)
    assert (transfer.payee_key, transfer.description) == (BRUNOS_KEY, "Cartão 77")


def test_a_charge_with_a_due_date_shows_what_the_day_adds_and_takes_off(
    visit: Visit, village: Village, aurora: BankApplication, ana: Account, bruno: Account
) -> None:
    visitor = visit(aurora, ana)
    read(visitor, code_of(village, with_due_date(key=BRUNOS_KEY)))
    assert visitor.path == "/pay/amount", visitor.text
    for shown in (
        "Original amount R$ 100,00",
        "Late fee +R$ 5,00",
        "Interest +R$ 1,00",
        "Rebate −R$ 0,50",
        "Discount −R$ 1,00",
        "Amount today R$ 104,50",
        "Due date Dec 31, 2026",
        "Charged to Padaria Central Ltda",
    ):
        assert shown in visitor.text, visitor.text
    [(place, day)] = village.payloads.read_places
    assert place.kind is ChargeKind.DUE_DATE and day == day_of(village.clock.now_ms())


def test_an_amount_that_the_payer_may_change_is_proposed(
    visit: Visit, village: Village, aurora: BankApplication, ana: Account, bruno: Account
) -> None:
    visitor = visit(aurora, ana)
    read(visitor, code_of(village, brunos(village, amount=AmountShown(1_000, 1_000), payer_may_change_amount=True)))
    assert 'value="10,00"' in visitor.page.text and "set by the code" not in visitor.text
    visitor.send("/pay/amount", payee=visitor.hidden("payee"), amount="12,00")
    assert visitor.path == "/pay/review" and "R$ 12,00" in visitor.text


def test_a_charge_of_many_lines_is_shown_whole_also_by_another_replica(
    visit: Visit, village: Village, aurora: BankApplication, ana: Account, bruno: Account
) -> None:
    details = tuple(Detail(f"Line {number}", f"{number} " + "x" * 190) for number in range(50))
    visitor = visit(aurora, ana)
    read(visitor, code_of(village, brunos(village, details=details)))
    assert visitor.path == "/pay/amount" and "Line 49" in visitor.text
    # A second process has read nothing yet.
    other = visit(aurora, ana)
    other.open(str(visitor.page.url))
    assert "Line 0" in other.text and "Line 49" in other.text


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"status": ChargeStatus.COMPLETED}, "This charge has been paid already."),
        ({"status": ChargeStatus.REMOVED_BY_PAYEE}, "The recipient has cancelled this charge."),
        ({"status": ChargeStatus.REMOVED_BY_BANK}, "The recipient has cancelled this charge."),
        ({"expiry_seconds": 59}, "This charge has expired."),
        ({"key": PixKey(KeyKind.EMAIL, "nobody@example.com")}, "No account uses this key."),
        ({"key": PixKey(KeyKind.EMAIL, "carla@example.com")}, "its key belongs to another bank"),
    ],
)
def test_a_charge_that_cannot_be_paid_says_why(
    visit: Visit, village: Village, aurora: BankApplication, ana: Account, bruno: Account,
    changes: dict[str, Any], sentence: str,
) -> None:  # fmt: skip
    carla = village.banks["003"].open_account(
        name="Carla Dias", tax_id="39053344705", opening_deposit_centavos=0, pin="4321"
    )
    village.banks["003"].register_key(account_number=carla.number, kind=KeyKind.EMAIL, key="carla@example.com")
    payload = immediate(**{
        "key": BRUNOS_KEY, "created_at_ms": village.clock.now_ms() - 60_000, "shown_at_ms": village.clock.now_ms(),
        **changes,
    })  # fmt: skip
    visitor = visit(aurora, ana)
    read(visitor, code_of(village, payload))
    assert visitor.page.status_code == 422 and sentence in visitor.text, visitor.text
    assert 'id="code-fault"' in visitor.page.text


def test_a_payload_that_cannot_be_had_has_a_sentence_in_both_languages(
    visit: Visit, village: Village, aurora: BankApplication, ana: Account
) -> None:
    refusals = (
        (errors.PayloadUnavailable(), 503, "doesn't answer about this code", "não responde sobre este código"),
        (errors.PayloadNotFound(), 422, "has no charge for this code", "não tem cobrança para este código"),
        (errors.PayloadGone(), 422, "can't be paid any more", "não pode mais ser paga"),
        (errors.PayloadNotTrusted(), 422, "can't be trusted", "não é confiável"),
    )
    visitor = visit(aurora, ana)
    for error, status, english, _ in refusals:
        read(visitor, code_of(village, error))
        assert visitor.page.status_code == status and english in visitor.text, visitor.text
    visitor.send("/preferences", next="/pay?way=code", language="pt-BR")
    for error, status, _, portuguese in refusals:
        read(visitor, code_of(village, error))
        assert visitor.page.status_code == status and portuguese in visitor.text, visitor.text


def test_a_charge_of_the_payers_own_bank_is_read_without_a_request(
    visit: Visit, village: Village, aurora: BankApplication, ana: Account
) -> None:
    merchant = aurora.open_account(name="Livraria Sol", tax_id="39053344705", opening_deposit_centavos=0, pin="4321")
    key = aurora.register_key(account_number=merchant.number, kind=KeyKind.EMAIL, key="sol@example.com").key
    charge, location = aurora.charges.create(cob(merchant, key, 4_200))
    codes = aurora.payable_codes
    visitor = visit(aurora, ana)
    read(visitor, codes.write(codes.location(location.kind, location.token), "Livraria Sol"))
    assert visitor.path == "/pay/amount" and "Livraria Sol" in visitor.text and "R$ 42,00" in visitor.text
    assert village.payloads.read_places == []
    for other in (f"/other/{location.token}", f"/qr/v2/cobv/{location.token}", f"/qr/v2/{TOKEN}"):
        read(visitor, codes.write(f"{codes.payload_host}{other}", "Livraria Sol"))
        assert "has no charge for this code" in visitor.text
    aurora.charges.change(charge.tax_id, charge.txid, charge.kind, ChargeChange(is_removed=True))
    read(visitor, codes.write(codes.location(location.kind, location.token), "Livraria Sol"))
    assert "The recipient has cancelled this charge." in visitor.text


def test_a_forged_form_does_not_change_the_amount_of_a_charge(
    visit: Visit, village: Village, aurora: BankApplication, ana: Account, bruno: Account
) -> None:
    visitor = visit(aurora, ana)
    read(visitor, code_of(village, brunos(village)))
    for amount in ("0,01", "123,44", "123,46", "1.000,00"):
        visitor.send("/pay/amount", payee=visitor.hidden("payee"), amount=amount)
        assert visitor.page.status_code == 422 and "The code sets the amount." in visitor.text


def test_a_host_that_no_bank_has_announced_is_not_asked(
    visit: Visit, village: Village, aurora: BankApplication, ana: Account
) -> None:
    visitor = visit(aurora, ana)
    for host in ("169.254.169.254", "localhost:5432", "evil.example", "bank-002.example.evil.example"):
        read(visitor, aurora.payable_codes.write(f"{host}/qr/v2/{TOKEN}", "Bruno Lima"))
        assert visitor.page.status_code == 422 and "No bank of the network serves this code." in visitor.text
    assert village.payloads.read_places == []


def test_a_code_is_not_scheduled(
    visit: Visit, village: Village, aurora: BankApplication, ana: Account, bruno: Account
) -> None:
    visitor = visit(aurora, ana)
    read(visitor, code_of(village, brunos(village)))
    assert "schedule a payment to the recipient's key" in visitor.text
    tomorrow = (day_of(village.clock.now_ms()) + timedelta(days=1)).isoformat()
    visitor.send("/pay/amount", payee=visitor.hidden("payee"), when="once", first_day=tomorrow)
    assert visitor.page.status_code == 422 and "A Pix code can't be scheduled." in visitor.text


# REST


def order(visitor: Visitor, ana: Account, code: str, amount_centavos: int, key: str = "order 1", **more: Any) -> Any:
    return visitor.client.post(
        f"/api/v1/accounts/{ana.number}/transfers",
        json={"brcode": code, "amount_centavos": amount_centavos, **more},
        headers={"Idempotency-Key": key},
    )


def test_rest_pays_a_dynamic_code_once(
    visit: Visit, village: Village, aurora: BankApplication, ana: Account, bruno: Account
) -> None:
    visitor = visit(aurora)
    code = code_of(village, brunos(village))
    paid = order(visitor, ana, code, 12_345)
    assert paid.status_code == 201, paid.text
    document = paid.json()
    assert (document["initiation"], document["txid"]) == ("QRDN", TXID)
    # By now the charge is paid, and the order is the same.
    code_of(village, brunos(village, status=ChargeStatus.COMPLETED))
    assert order(visitor, ana, code, 12_345).json()["end_to_end_id"] == document["end_to_end_id"]
    assert order(visitor, ana, code, 12_346).status_code == 409
    again = order(visitor, ana, code, 12_345, key="order 2")
    assert (again.status_code, again.json()["type"]) == (422, "urn:codepix:problem:code-not-payable")


@pytest.mark.parametrize(
    ("amount_centavos", "payload", "status"),
    [(12_344, {}, 422), (12_346, {}, 422), (1, {"amount": AmountShown(0, 0), "payer_may_change_amount": True}, 201)],
)
def test_rest_pays_the_amount_of_the_charge(
    visit: Visit, village: Village, aurora: BankApplication, ana: Account, bruno: Account,
    amount_centavos: int, payload: dict[str, Any], status: int,
) -> None:  # fmt: skip
    answer = order(visit(aurora), ana, code_of(village, brunos(village, **payload)), amount_centavos)
    assert answer.status_code == status, answer.text


def test_rest_tells_what_a_code_asks_for(
    visit: Visit, village: Village, aurora: BankApplication, ana: Account, bruno: Account
) -> None:
    visitor = visit(aurora)
    code = code_of(village, with_due_date(key=BRUNOS_KEY))
    document = visitor.client.post("/api/v1/codes/read", json={"brcode": code, "day": "2027-01-15"}).json()
    assert (document["initiation"], document["txid"], document["amount_centavos"]) == ("QRDN", TXID, 10_450)
    assert document["payee"]["name"] == "Bruno Lima" and document["charge"]["fine_centavos"] == 500
    assert village.payloads.read_places[-1][1] == date(2027, 1, 15)


def test_rest_refuses_what_it_cannot_trust_or_reach(
    visit: Visit, village: Village, aurora: BankApplication, ana: Account
) -> None:
    visitor = visit(aurora)
    for error, status in (
        (errors.PayloadUnavailable(), 503),
        (errors.PayloadNotFound(), 404),
        (errors.PayloadGone(), 422),
        (errors.PayloadNotTrusted(), 422),
    ):
        answer = order(visitor, ana, code_of(village, error), 12_345)
        assert (answer.status_code, answer.json()["field"]) == (status, "brcode"), answer.text
    assert aurora.queries.find_account(ana.number).balance_centavos == ana.balance_centavos


def test_rest_schedules_no_code(visit: Visit, village: Village, aurora: BankApplication, ana: Account) -> None:
    answer = visit(aurora).client.post(
        f"/api/v1/accounts/{ana.number}/schedules",
        json={
            "brcode": code_of(village, brunos(village)),
            "amount_centavos": 12_345,
            "plan": {"rhythm": "once", "first_day": "2099-12-31"},
        },
        headers={"Idempotency-Key": "order 1"},
    )
    assert answer.status_code == 422 and "can't be scheduled" in answer.json()["detail"]


def test_a_static_code_carries_the_payees_txid(
    visit: Visit, village: Village, aurora: BankApplication, ipe: BankApplication, ana: Account, bruno: Account
) -> None:
    payee = visit(ipe, bruno)
    payee.open("/receive?amount=5,00&txid=PEDIDO42")
    code = payee.page.text.split('id="code" rows="4" readonly>')[1].split("<")[0]
    visitor = visit(aurora)
    assert order(visitor, ana, code, 500).json()["txid"] == "PEDIDO42"
    payee.open("/receive?txid=not+a+txid")
    assert payee.page.status_code == 422 and "1 to 25 letters or digits" in payee.text

    written = payee.client.post(
        f"/api/v1/accounts/{bruno.number}/codes",
        json={"key": {"kind": "EMAIL", "key": "bruno@example.com"}, "amount_centavos": 700, "txid": "PEDIDO43"},
    )
    assert order(visitor, ana, written.json()["brcode"], 700, key="order 2").json()["txid"] == "PEDIDO43"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"txid": "x" * 26}, "txid"),
        ({"txid": "a b"}, "txid"),
        ({"message": "x" * 100}, "message"),
        ({"amount_centavos": 0}, "amount_centavos"),
        ({"key": {"kind": "EMAIL", "key": "ana@example.com"}}, "key"),
    ],
)
def test_a_static_code_that_cannot_be_written_names_the_field(
    visit: Visit, ipe: BankApplication, bruno: Account, changes: dict[str, Any], field: str
) -> None:
    body = {"key": {"kind": "EMAIL", "key": "bruno@example.com"}, **changes}
    answer = visit(ipe).client.post(f"/api/v1/accounts/{bruno.number}/codes", json=body)
    assert answer.status_code in (404, 422) and answer.json()["field"] == field, answer.text
