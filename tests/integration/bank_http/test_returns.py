"""Giving a payment back, on pages and by REST, through the whole network in one process."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi.testclient import TestClient

from bank_sim.application.use_cases import BankApplication
from bank_sim.domain.account import Account
from bank_sim.domain.behaviour import AnswerMode, Behaviour
from pix.scheme.keys import KeyKind, PixKey
from pix.scheme.reasons import ReasonCode
from tests.integration.bank_http.conftest import PIN, Visit, Visitor, pay
from tests.support.banks import ANAS_CPF, CPFS
from tests.support.village import Village

API = "/api/v1"


@pytest.fixture
def original(visit: Visit, village: Village, aurora: BankApplication, ana: Account, bruno: Account) -> str:
    """Ana has paid Bruno R$ 20,00."""
    end_to_end_id = pay(visit(aurora, ana), "bruno@example.com", "20,00", "Lunch")
    village.deliver()
    return end_to_end_id


@pytest.fixture
def brunos(visit: Visit, ipe: BankApplication, bruno: Account) -> Visitor:
    return visit(ipe, bruno)


@pytest.fixture
def rest(visit: Visit, ipe: BankApplication) -> TestClient:
    client: TestClient = visit(ipe, demo_mode=False).client
    client.headers["Authorization"] = "Bearer the operator of the tests"
    return client


def balance(bank: BankApplication, account: Account) -> int:
    return bank.queries.find_account(account.number).balance_centavos


def to_review(visitor: Visitor, original: str, amount: str, description: str = "") -> None:
    visitor.open(f"/transfers/{original}/return")
    visitor.send(f"/transfers/{original}/return", amount=amount, description=description)


def give_back(visitor: Visitor, original: str, amount: str, description: str = "") -> str:
    """Returns, and gives the return id."""
    to_review(visitor, original, amount, description)
    visitor.send("/returns/confirm", order=visitor.hidden("order"))
    assert visitor.path.startswith("/returns/D"), visitor.text
    return visitor.path.removeprefix("/returns/")


def order(original: str, amount_centavos: Any = 5_00, **more: Any) -> dict[str, Any]:
    return {"original_end_to_end_id": original, "amount_centavos": amount_centavos, **more}


def test_a_payment_is_returned_in_parts_and_both_sides_see_it(
    visit: Visit,
    village: Village,
    aurora: BankApplication,
    ipe: BankApplication,
    ana: Account,
    bruno: Account,
    original: str,
    brunos: Visitor,
) -> None:
    brunos.open(f"/transfers/{original}?direction=incoming")
    assert 'id="return"' in brunos.page.text
    brunos.open(f"/transfers/{original}/return")
    assert 'value="20,00"' in brunos.page.text, "all of it is proposed"
    return_id = give_back(brunos, original, "5,00", "Too much")
    assert "Your return is on its way" in brunos.text
    assert balance(ipe, bruno) == 65_00
    village.deliver()
    brunos.open(f"/returns/{return_id}?direction=outgoing")
    assert "Pix returned" in brunos.text and "to Ana Souza" in brunos.text
    brunos.open(f"/returns/{return_id}/receipt?direction=outgoing")
    for piece in ("Return receipt", "Too much", return_id, original, "Banco Aurora (001)"):
        assert piece in brunos.text, piece
    brunos.open(f"/transfers/{original}/return")
    assert 'value="15,00"' in brunos.page.text
    give_back(brunos, original, "15,00")
    village.deliver()
    brunos.open(f"/transfers/{original}?direction=incoming")
    assert "R$ 20,00 of R$ 20,00 returned" in brunos.text and 'id="return"' not in brunos.page.text
    brunos.open(f"/transfers/{original}/return")
    assert brunos.path == f"/transfers/{original}", "nothing is left to return"
    assert (balance(aurora, ana), balance(ipe, bruno)) == (1_000_00, 50_00)
    anas = visit(aurora, ana)
    anas.open(f"/transfers/{original}?direction=outgoing")
    assert "R$ 20,00 of R$ 20,00 returned" in anas.text
    anas.open(f"/returns/{return_id}?direction=incoming")
    assert "Pix returned to you" in anas.text and f"/transfers/{original}?direction=outgoing" in anas.page.text
    anas.open("/statement")
    assert "Return received" in anas.text and f"/returns/{return_id}?direction=incoming" in anas.page.text
    assert f'"return_credit";"Bruno Lima";"Banco Ipê";"Too much";"5,00";"985,00";"{return_id}"' in (
        anas.open("/statement.csv").text
    )
    anas.open(f"/transfers/{original}/receipt?direction=outgoing")
    assert "R$ 20,00 of R$ 20,00 returned" in anas.text


def test_confirming_twice_returns_once(
    village: Village, ipe: BankApplication, bruno: Account, original: str, brunos: Visitor
) -> None:
    to_review(brunos, original, "5,00")
    token = brunos.hidden("order")
    brunos.send("/returns/confirm", order=token)
    first = brunos.path
    brunos.send("/returns/confirm", order=token)
    assert brunos.path == first and balance(ipe, bruno) == 65_00
    brunos.client.get("/returns/review", params={"order": token})
    assert "You already made this return" in brunos.open(f"/returns/review?order={token}").text


def test_what_cannot_be_returned_is_explained_at_its_field(
    visit: Visit, village: Village, ipe: BankApplication, bruno: Account, original: str, brunos: Visitor
) -> None:
    for amount, sentence in (
        ("20,01", "more than what is left"),
        ("0", ""),
        ("abc", ""),
        ("", ""),
    ):
        to_review(brunos, original, amount)
        assert brunos.page.status_code == 422 and 'id="amount-fault"' in brunos.page.text
        assert sentence in brunos.text
    to_review(brunos, original, "1,00", "x" * 200)
    assert 'id="description-fault"' in brunos.page.text
    pay(visit(ipe, bruno), "ana@example.com", "60,00")
    to_review(brunos, original, "20,00")
    assert "enough balance" in brunos.text
    assert brunos.send("/returns/confirm", order="forged").status_code == 410
    assert ipe.returns.queries.list().returns == ()


def test_a_stranger_sees_and_returns_nothing(
    visit: Visit, ipe: BankApplication, aurora: BankApplication, ana: Account, original: str, brunos: Visitor
) -> None:
    return_id = give_back(brunos, original, "5,00")
    other = ipe.open_account(name="Carla Dias", tax_id=ANAS_CPF, opening_deposit_centavos=10_00, pin=PIN)
    carla = visit(ipe, other)
    for path in (
        f"/returns/{return_id}",
        f"/returns/{return_id}/receipt",
        f"/transfers/{original}/return",
        f"/returns/{return_id}/live",
    ):
        assert carla.open(path).status_code == 404
    # Not told before the hub has decided.
    assert visit(aurora, ana).open(f"/returns/{return_id}?direction=incoming").status_code == 404


def test_a_refused_return_gives_the_money_back_and_says_why(
    village: Village,
    aurora: BankApplication,
    ipe: BankApplication,
    ana: Account,
    bruno: Account,
    original: str,
    brunos: Visitor,
) -> None:
    aurora.block_account(account_number=ana.number)
    return_id = give_back(brunos, original, "20,00")
    village.deliver()
    brunos.open(f"/returns/{return_id}?direction=outgoing")
    assert "Pix not returned" in brunos.text and "AC06" in brunos.text and "refunded" in brunos.text
    assert balance(ipe, bruno) == 70_00
    brunos.open("/statement")
    assert "Refund (return not completed)" in brunos.text
    aurora.unblock_account(account_number=ana.number)
    give_back(brunos, original, "20,00")
    village.deliver()
    assert (balance(aurora, ana), balance(ipe, bruno)) == (1_000_00, 50_00)


def test_pages_speak_portuguese(original: str, brunos: Visitor) -> None:
    brunos.client.cookies.set("language", "pt-BR")
    brunos.open(f"/transfers/{original}/return", **{"Accept-Language": "pt-BR"})
    assert "Quanto você quer devolver?" in brunos.text
    brunos.open(f"/transfers/{original}?direction=incoming", **{"Accept-Language": "pt-BR"})
    assert "Devolver" in brunos.text


def test_the_back_office_returns_with_the_banks_reasons(
    visit: Visit, village: Village, ipe: BankApplication, bruno: Account, original: str
) -> None:
    ipe.block_account(account_number=bruno.number)
    office = visit(ipe)
    office.open(f"/backoffice/transfers/{original}?direction=incoming")
    assert f"/backoffice/transfers/{original}/return" in office.page.text
    form = f"/backoffice/transfers/{original}/return"
    office.open(form)
    key = office.hidden("idempotency_key")
    office.send(form, reason="SL02", amount="1,00", idempotency_key=key)
    assert office.page.status_code == 422 and "Choose a reason" in office.text
    office.send(form, reason="FR01", amount="99,00", idempotency_key=key)
    assert "more than what is left" in office.text
    for _ in range(2):
        office.send(form, reason="FR01", amount="20,00", description="=fraud", idempotency_key=key)
        assert office.path.startswith("/backoffice/returns/D"), office.text
    village.deliver()
    (row,) = ipe.returns.queries.list().returns
    assert (row.status, row.return_reason, balance(ipe, bruno)) == ("confirmed", ReasonCode.FR01, 50_00)
    office.open(f"/backoffice/returns/{row.return_id}?direction=outgoing")
    for piece in ("FR01", "ReturnRequested", "ReturnConfirmed", original):
        assert piece in office.text, piece
    office.open("/backoffice/returns?direction=outgoing&status=confirmed&search=ana")
    assert row.return_id in office.page.text
    assert "No returns found" in visit(ipe).open("/backoffice/returns?status=failed").text
    text = office.open("/backoffice/returns.csv").text
    assert f'"FR01";"20,00";"{bruno.number}";"Ana Souza";"Bruno Lima";"\'=fraud"' in text
    office.open(f"/backoffice/transfers/{original}?direction=incoming")
    assert "R$ 20,00 of R$ 20,00 returned" in office.text


def test_rest_returns_once_for_an_idempotency_key(
    rest: TestClient, village: Village, ipe: BankApplication, bruno: Account, original: str
) -> None:
    path, key = f"{API}/accounts/{bruno.number}/returns", {"Idempotency-Key": "r-1"}
    made = rest.post(path, json=order(original, description="Too much"), headers=key)
    assert made.status_code == 201, made.text
    row = made.json()
    assert (row["status"], row["direction"], row["return_reason"]) == ("pending", "outgoing", "MD06")
    assert rest.post(path, json=order(original, description="Too much"), headers=key).json() == row
    village.deliver()
    after = rest.get(made.headers["Location"]).json()
    assert after["status"] == "confirmed"
    assert [step["event"] for step in after["history"]] == ["ReturnRequested", "ReturnConfirmed"]
    found = rest.get(f"{API}/transfers/{original}/returns").json()
    assert (found["returned_centavos"], found["left_centavos"], len(found["returns"])) == (5_00, 15_00, 1)
    listed = rest.get(f"{API}/returns", params={"original_end_to_end_id": original, "status": "confirmed"}).json()
    assert [each["return_id"] for each in listed["returns"]] == [row["return_id"]]
    line = rest.get(f"{API}/accounts/{bruno.number}/statement").json()["lines"][0]
    assert (line["flow"], line["end_to_end_id"], line["amount_centavos"]) == ("return", row["return_id"], -5_00)


def test_rest_names_what_is_wrong(rest: TestClient, ipe: BankApplication, bruno: Account, original: str) -> None:
    path = f"{API}/accounts/{bruno.number}/returns"

    def problem(status: int, name: str, body: Any, key: str = "r-2", to: str = path) -> dict[str, Any]:
        answer = rest.post(to, json=body, headers={"Idempotency-Key": key})
        document: dict[str, Any] = answer.json()
        assert (answer.status_code, document["type"]) == (status, f"urn:codepix:problem:{name}"), answer.text
        return document

    assert rest.post(path, json=order(original), headers={"Idempotency-Key": "r-1"}).status_code == 201
    problem(409, "idempotency-conflict", order(original, 6_00), "r-1")
    assert problem(422, "scheme-rule", order(original, 15_01))["field"] == "amount_centavos"
    assert problem(422, "scheme-rule", order(original, 0))["field"] == "amount_centavos"
    problem(422, "invalid-request", order(original, 1.5))
    problem(422, "invalid-request", order(original, reason="SL02"))
    problem(422, "invalid-request", order(original) | {"more": 1})
    problem(404, "transfer-not-found", order("\x00"))
    problem(404, "transfer-not-found", order(original[:-1] + "!"))
    problem(404, "account-not-found", order(original), to=f"{API}/accounts/000000-0/returns")
    assert rest.post(path, json=order(original)).status_code == 422, "the header is missing"
    assert rest.get(f"{API}/returns/D0").json()["type"] == "urn:codepix:problem:return-not-found"
    ipe.block_account(account_number=bruno.number)
    problem(409, "account-blocked", order(original, 1))
    assert rest.post(path, json=order(original, 1, reason="BE08"), headers={"Idempotency-Key": "r-3"}).is_success


def test_a_bank_that_refuses_delays_or_does_not_answer(
    village: Village, aurora: BankApplication, ipe: BankApplication, bruno: Account, original: str, rest: TestClient
) -> None:
    def give(key: str) -> dict[str, Any]:
        answer = rest.post(
            f"{API}/accounts/{bruno.number}/returns", json=order(original), headers={"Idempotency-Key": key}
        )
        village.deliver()
        found: dict[str, Any] = rest.get(answer.headers["Location"]).json()
        return found

    aurora.choose_behaviour(behaviour=Behaviour(mode=AnswerMode.REJECT, reject_reason=ReasonCode.AC07))
    assert (give("r-1")["status"], give("r-2")["reason"]) == ("failed", "AC07")
    aurora.choose_behaviour(behaviour=Behaviour(mode=AnswerMode.SILENT))
    silent = give("r-3")
    assert silent["status"] == "pending"
    aurora.choose_behaviour(behaviour=Behaviour())
    village.resend_until(lambda: ipe.returns.queries.list(undecided=True).returns == ())
    assert rest.get(f"{API}/returns/{silent['return_id']}").json()["status"] == "confirmed"


@pytest.mark.parametrize("payer_code", ["001", "002", "003"])
@pytest.mark.parametrize("payee_code", ["001", "002", "003"])
def test_every_pair_of_banks_returns_a_payment_whole_and_in_three_parts(
    village: Village, payer_code: str, payee_code: str
) -> None:
    payer_bank, payee_bank = village.banks[payer_code], village.banks[payee_code]
    payer = payer_bank.open_account(name="Ana Souza", tax_id=CPFS[0], opening_deposit_centavos=100_00, pin=PIN)
    payee = payee_bank.open_account(name="Bruno Lima", tax_id=CPFS[1], opening_deposit_centavos=0, pin=PIN)
    payee_bank.register_key(account_number=payee.number, kind=KeyKind.EMAIL, key="bruno@example.com")
    for place, parts in enumerate(((30_00,), (10_00, 15_00, 5_00))):
        transfer = payer_bank.request_transfer(
            account_number=payer.number,
            payee_key=PixKey(KeyKind.EMAIL, "bruno@example.com"),
            amount_centavos=30_00,
            description="",
            idempotency_key=f"p-{place}",
            payee_tax_id_masked="",
        )
        village.deliver()
        for number, amount in enumerate(parts):
            payee_bank.returns.request(
                account_number=payee.number,
                original_end_to_end_id=transfer.end_to_end_id,
                amount_centavos=amount,
                description="",
                idempotency_key=f"r-{place}-{number}",
            )
            village.deliver()
    assert (balance(payer_bank, payer), balance(payee_bank, payee)) == (100_00, 0)
    for bank in (payer_bank, payee_bank):
        books = bank.queries.books()
        assert books.is_balanced and books.clearing_centavos == 0
        assert books.settlement_centavos == bank.queries.settlement_at_hub().balance_centavos
        assert {row.status for row in bank.returns.queries.list().returns} == {"confirmed"}
