"""Paying from the pages: who, how much, confirm; never twice; and what is said when it cannot be."""

from __future__ import annotations

import re
from html import unescape
from urllib.parse import urlencode

import pytest

from bank_sim.application.demo_people import cpf_of
from bank_sim.application.use_cases import BankApplication
from bank_sim.domain.account import Account
from bank_sim.domain.flows.transfer.model import TransferStatus
from pix.scheme.keys import KeyKind
from pix.scheme.postings import Direction
from tests.integration.bank_http.conftest import PIN, Visit, Visitor, changed_tokens, pay, pay_to_review
from tests.support.clock import ShiftedClock
from tests.support.village import Village

LATER_MS = 10_000
"""After which a page is looked at again."""


def link(visitor: Visitor, name: str) -> str:
    """Where the link with this id leads."""
    found = re.search(rf'id="{name}" href="([^"]*)"', visitor.page.text)
    assert found, f"no link {name} on {visitor.page.url}"
    return unescape(found[1])


def test_the_payee_is_shown_before_the_amount_is_asked(
    visit: Visit, aurora: BankApplication, ana: Account, bruno: Account
) -> None:
    visitor = visit(aurora, ana)
    visitor.open("/pay")
    visitor.send("/pay", key="BRUNO@example.com")
    assert "Bruno Lima" in visitor.text
    assert "Banco Ipê (002)" in visitor.text
    assert "***.444.777-**" in visitor.text
    assert bruno.tax_id not in visitor.page.text
    assert aurora.queries.list_transfers().transfers == ()


def test_a_payment_goes_from_pending_to_completed_and_both_statements_agree(
    visit: Visit, village: Village, aurora: BankApplication, ipe: BankApplication, ana: Account, bruno: Account
) -> None:
    payer, payee = visit(aurora, ana), visit(ipe, bruno)
    end_to_end_id = pay(payer, "bruno@example.com", "150,75", "Almoço")
    assert "Your Pix is on its way" in payer.text
    assert "R$ 150,75" in payer.text

    village.deliver()
    payer.open(f"/transfers/{end_to_end_id}")
    assert "Pix sent" in payer.text
    payee.open(f"/transfers/{end_to_end_id}?direction=incoming")
    assert "Pix received" in payee.text

    payer.open("/statement")
    assert "−R$ 150,75" in payer.text and "Bruno Lima" in payer.text and "R$ 849,25" in payer.text
    payee.open("/statement")
    assert "+R$ 150,75" in payee.text and "Ana Souza" in payee.text and "R$ 200,75" in payee.text


def test_confirming_again_shows_the_same_transfer(
    visit: Visit, village: Village, aurora: BankApplication, ana: Account, bruno: Account
) -> None:
    visitor = visit(aurora, ana)
    pay_to_review(visitor, "bruno@example.com", "10,00")
    order, token = visitor.hidden("order"), visitor.hidden("csrf_token")
    paths = set()
    for _ in range(3):
        visitor.send("/pay/confirm", order=order, csrf_token=token)
        paths.add(visitor.path)
        village.deliver()
    assert len(paths) == 1
    assert len(aurora.queries.list_transfers().transfers) == 1
    assert aurora.queries.find_account(ana.number).balance_centavos == 99_000


def test_reloading_the_confirmation_keeps_its_idempotency_key(
    visit: Visit, aurora: BankApplication, ana: Account, bruno: Account
) -> None:
    visitor = visit(aurora, ana)
    pay_to_review(visitor, "bruno@example.com", "10,00")
    first = visitor.hidden("order")
    visitor.open(str(visitor.page.url))
    assert visitor.hidden("order") == first


@pytest.mark.parametrize(
    ("amount", "sentence"),
    [
        ("0,00", "more than zero"),
        ("-5", "cannot be negative"),
        ("abc", "Write the amount in reais"),
        ("", "Enter an amount"),
        ("1000,01", "You don't have enough balance"),
        ("9.999.999.999,99", "at most R$ 999.999.999,99"),
    ],
)
def test_an_amount_that_cannot_be_is_explained_at_its_field(
    visit: Visit, aurora: BankApplication, ana: Account, bruno: Account, amount: str, sentence: str
) -> None:
    visitor = visit(aurora, ana)
    visitor.open("/pay")
    visitor.send("/pay", key="bruno@example.com")
    visitor.send("/pay/amount", payee=visitor.hidden("payee"), amount=amount)
    assert visitor.page.status_code == 422
    assert sentence in visitor.text
    assert 'aria-invalid="true"' in visitor.page.text
    assert "Bruno Lima" in visitor.text


@pytest.mark.parametrize(
    ("key", "sentence"),
    [
        ("nobody@example.com", "No account uses this key. Check it and try again"),
        ("529.982.247-24", "CPF check digits do not match."),
        ("hello", "That isn't a valid CPF, CNPJ, phone, email or random key."),
        ("", "Enter a key"),
        ("ana@example.com", "That's your own key"),
    ],
)
def test_a_key_that_cannot_be_paid_is_explained(
    visit: Visit, aurora: BankApplication, ana: Account, bruno: Account, key: str, sentence: str
) -> None:
    visitor = visit(aurora, ana)
    visitor.open("/pay")
    visitor.send("/pay", key=key)
    assert visitor.page.status_code == 422
    assert sentence in visitor.text
    assert "Keep typing" not in visitor.text


def test_a_key_of_two_kinds_asks_which(
    visit: Visit, village: Village, aurora: BankApplication, ipe: BankApplication, ana: Account
) -> None:
    # A CPF that is also a mobile number: both people have registered it.
    both = cpf_of("119876543")
    holder = ipe.open_account(name="Caio Dias", tax_id=both, opening_deposit_centavos=0, pin=PIN)
    ipe.register_key(account_number=holder.number, kind=KeyKind.CPF, key=both)
    other = ipe.open_account(name="Davi Reis", tax_id="39053344705", opening_deposit_centavos=0, pin=PIN)
    ipe.register_key(account_number=other.number, kind=KeyKind.PHONE, key=both)

    visitor = visit(aurora, ana)
    visitor.open("/pay")
    visitor.send("/pay", key=both)
    assert "more than one type of key" in visitor.text
    visitor.send("/pay", key=both, kind="PHONE")
    assert "Davi Reis" in visitor.text


def test_the_kind_is_recognised_as_one_types(visit: Visit, aurora: BankApplication, ana: Account) -> None:
    visitor = visit(aurora, ana)
    for text, kind in {
        "529.982.247-25": "CPF",
        "12.ABC.345/01DE-35": "CNPJ",
        "(11) 98765-4321": "Phone",
        "x@example.com": "Email",
        "123e4567-e89b-42d3-a456-426614174000": "Random key",
    }.items():
        fragment = visitor.client.get("/pay/recognize", params={"key": text}, headers={"HX-Request": "true"})
        assert kind in fragment.text
        assert "<html" not in fragment.text


def test_with_the_hub_down_the_look_up_says_so_kindly(
    visit: Visit, village: Village, aurora: BankApplication, ana: Account, bruno: Account
) -> None:
    visitor = visit(aurora, ana)
    village.switches.answers = False
    visitor.open("/pay")
    visitor.send("/pay", key="bruno@example.com")
    assert visitor.page.status_code == 503
    assert "The Pix network isn't responding right now. Your money is safe" in visitor.text
    assert 'value="bruno@example.com"' in visitor.page.text


def test_while_the_payees_bank_is_down_the_transfer_waits_and_then_goes_on(
    visit: Visit, village: Village, aurora: BankApplication, ipe: BankApplication, ana: Account, bruno: Account
) -> None:
    visitor = visit(aurora, ana, clock=ShiftedClock(LATER_MS))
    village.stop_hearing("002")
    end_to_end_id = pay(visitor, "bruno@example.com", "10,00")
    village.deliver()
    visitor.open(f"/transfers/{end_to_end_id}")
    assert "as soon as the recipient's bank responds" in visitor.text
    visitor.open("/")
    assert "On its way" in visitor.text and "R$ 990,00" in visitor.text
    village.hear_again("002")
    village.resend_until(lambda: ipe.queries.find_account(bruno.number).balance_centavos == 6_000)
    visitor.open(f"/transfers/{end_to_end_id}")
    assert "Pix sent" in visitor.text


def test_a_refusal_is_told_in_words_and_the_money_is_back(
    visit: Visit, village: Village, aurora: BankApplication, ipe: BankApplication, ana: Account, bruno: Account
) -> None:
    ipe.block_account(account_number=bruno.number)
    visitor = visit(aurora, ana)
    end_to_end_id = pay(visitor, "bruno@example.com", "10,00")
    village.deliver()
    visitor.open(f"/transfers/{end_to_end_id}")
    assert "Pix not sent" in visitor.text
    assert "The payee's account is blocked." in visitor.text and "refunded to your account." in visitor.text
    assert aurora.queries.find_account(ana.number).balance_centavos == 100_000
    transfer = aurora.queries.find_transfer(end_to_end_id, Direction.OUTGOING)
    assert transfer.status is TransferStatus.FAILED
    # There is no receipt of what was not paid.
    visitor.open(f"/transfers/{end_to_end_id}/receipt")
    assert visitor.path == f"/transfers/{end_to_end_id}"


def test_a_balance_that_was_spent_meanwhile_is_told_at_the_confirmation(
    visit: Visit, aurora: BankApplication, ana: Account, bruno: Account
) -> None:
    visitor = visit(aurora, ana)
    pay_to_review(visitor, "bruno@example.com", "900,00")
    order = visitor.hidden("order")
    pay(visitor, "bruno@example.com", "500,00")
    visitor.send("/pay/confirm", order=order)
    assert visitor.page.status_code == 422
    assert "You don't have enough balance" in visitor.text


def test_a_quick_amount_fills_the_form_and_says_what_is_left(
    visit: Visit, aurora: BankApplication, ana: Account, bruno: Account
) -> None:
    visitor = visit(aurora, ana)
    visitor.open("/pay")
    visitor.send("/pay", key="bruno@example.com")
    payee = visitor.hidden("payee")
    offered = re.findall(r'class="chip" name="amount" value="([^"]*)"', visitor.page.text)
    assert offered == ["10,00", "20,00", "50,00", "100,00"]
    assert "Balance after: R$" not in visitor.text
    # What the buttons' form asks for.
    visitor.client.cookies.set("codepix_language", "pt-BR")
    visitor.open(f"/pay/amount?{urlencode({'payee': payee, 'amount': offered[2]})}")
    assert 'value="50,00" inputmode' in visitor.page.text and "Saldo após o Pix: R$ 950,00" in visitor.text
    visitor.client.cookies.set("codepix_language", "en")
    visitor.open(f"/pay/amount?{urlencode({'payee': payee, 'amount': '1.000,01'})}")
    assert "Not enough balance. Missing: R$ 0,01" in visitor.text
    visitor.open(f"/pay/amount?{urlencode({'payee': payee, 'amount': '1.000,00'})}")
    assert "Balance after: R$ 0,00" in visitor.text and "fault" not in visitor.page.text


def test_a_review_never_shows_a_balance_below_zero(
    visit: Visit, aurora: BankApplication, ana: Account, bruno: Account
) -> None:
    visitor = visit(aurora, ana)
    pay_to_review(visitor, "bruno@example.com", "900,00")
    assert "Balance after R$ 100,00" in visitor.text
    review = str(visitor.page.url)
    pay(visitor, "bruno@example.com", "500,00")
    visitor.open(review)
    assert "Missing from your balance R$ 400,00" in visitor.text and "Balance after" not in visitor.text


def test_a_blocked_account_cannot_pay(visit: Visit, aurora: BankApplication, ana: Account, bruno: Account) -> None:
    visitor = visit(aurora, ana)
    pay_to_review(visitor, "bruno@example.com", "10,00")
    order = visitor.hidden("order")
    aurora.block_account(account_number=ana.number)
    visitor.send("/pay/confirm", order=order)
    assert "The account is blocked" in visitor.text
    visitor.open("/")
    assert "Your account is blocked" in visitor.text


def test_a_token_that_was_changed_or_belongs_to_another_account_is_refused(
    visit: Visit, aurora: BankApplication, ana: Account, bruno: Account
) -> None:
    visitor = visit(aurora, ana)
    pay_to_review(visitor, "bruno@example.com", "10,00")
    order = visitor.hidden("order")
    for changed in changed_tokens(order):
        visitor.send("/pay/confirm", order=changed)
        assert visitor.page.status_code == 410, changed
    other = aurora.open_account(name="Eva Paz", tax_id="39053344705", opening_deposit_centavos=5_000, pin=PIN)
    thief = visit(aurora, other)
    thief.open("/pay")
    thief.send("/pay/confirm", order=order)
    assert thief.page.status_code == 410
    assert aurora.queries.list_transfers().transfers == ()


def test_the_receipt_has_both_parties_the_time_and_the_id(
    visit: Visit, village: Village, aurora: BankApplication, ipe: BankApplication, ana: Account, bruno: Account
) -> None:
    payer, payee = visit(aurora, ana), visit(ipe, bruno)
    end_to_end_id = pay(payer, "bruno@example.com", "150,75", "Almoço")
    payer.open(f"/transfers/{end_to_end_id}/receipt")
    assert payer.path == f"/transfers/{end_to_end_id}"
    village.deliver()
    for visitor, direction in ((payer, "outgoing"), (payee, "incoming")):
        visitor.open(f"/transfers/{end_to_end_id}/receipt?direction={direction}")
        for fact in (
            "Pix receipt",
            "R$ 150,75",
            "Almoço",
            "Ana Souza",
            "***.982.247-**",
            "Banco Aurora (001)",
            "Bruno Lima",
            "***.444.777-**",
            "Banco Ipê (002)",
            "bruno@example.com",
            end_to_end_id,
        ):
            assert fact in visitor.text, fact


def test_nobody_sees_somebody_elses_transfer(
    visit: Visit, village: Village, aurora: BankApplication, ana: Account, bruno: Account
) -> None:
    end_to_end_id = pay(visit(aurora, ana), "bruno@example.com", "10,00")
    other = aurora.open_account(name="Eva Paz", tax_id="39053344705", opening_deposit_centavos=0, pin=PIN)
    stranger = visit(aurora, other)
    for path in ("", "/live", "/receipt"):
        stranger.open(f"/transfers/{end_to_end_id}{path}")
        assert stranger.page.status_code == 404
        assert "Bruno" not in stranger.text


def test_a_session_that_ended_at_the_confirmation_is_told_that_nothing_was_paid(
    visit: Visit, aurora: BankApplication, ana: Account, bruno: Account
) -> None:
    visitor = visit(aurora, ana)
    pay_to_review(visitor, "bruno@example.com", "10,00")
    order, token = visitor.hidden("order"), visitor.token
    visitor.send("/sign-out")
    visitor.send("/pay/confirm", order=order, csrf_token=token)
    assert visitor.page.status_code == 403
    assert "Your session has expired Nothing was paid. Sign in again." in visitor.text
    assert 'href="/sign-in"' in visitor.page.text

    other = aurora.open_account(name="Eva Paz", tax_id="39053344705", opening_deposit_centavos=5_000, pin=PIN)
    visitor.open("/sign-in")
    visitor.send("/sign-in", account_number=other.number, pin=PIN)
    visitor.send("/pay/confirm", order=order, csrf_token=token)
    assert visitor.page.status_code == 403
    assert "Nothing was paid. You've signed in again since then" in visitor.text
    assert aurora.queries.list_transfers().transfers == ()


def test_the_review_of_a_payment_that_was_made_says_so_and_offers_another(
    visit: Visit, aurora: BankApplication, ana: Account, bruno: Account
) -> None:
    visitor = visit(aurora, ana)
    pay_to_review(visitor, "bruno@example.com", "12,34", "Lunch")
    review = str(visitor.page.url)
    visitor.send("/pay/confirm", order=visitor.hidden("order"))
    made = visitor.path
    visitor.open(review)
    assert re.search(r"You already sent this Pix at [0-9]{2}:[0-9]{2}\.", visitor.text)
    assert "Balance after" not in visitor.text and 'id="confirm"' not in visitor.page.text
    assert f'href="{made}?direction=outgoing"' in visitor.page.text
    # It may be paid again on purpose: a new order for the same.
    visitor.open(link(visitor, "again"))
    assert 'value="12,34"' in visitor.page.text and 'value="Lunch"' in visitor.page.text
    visitor.send("/pay/amount", payee=visitor.hidden("payee"), amount="12,34", description="Lunch")
    visitor.send("/pay/confirm", order=visitor.hidden("order"))
    assert visitor.path.startswith("/transfers/") and visitor.path != made
    assert aurora.queries.find_account(ana.number).balance_centavos == 100_000 - 2 * 1_234


def test_a_payment_that_failed_is_tried_again_with_the_same_payee_and_amount(
    visit: Visit, village: Village, aurora: BankApplication, ipe: BankApplication, ana: Account, bruno: Account
) -> None:
    ipe.block_account(account_number=bruno.number)
    visitor = visit(aurora, ana)
    end_to_end_id = pay(visitor, "bruno@example.com", "12,34", "Lunch")
    village.deliver()
    visitor.open(f"/transfers/{end_to_end_id}")
    assert "<title>Pix not sent" in visitor.page.text
    # It would fail again, so that it is not the first thing to do.
    assert re.search(r'class="button button-soft" id="again"', visitor.page.text)
    visitor.open(link(visitor, "again"))
    assert visitor.path == "/pay/amount" and "Bruno Lima" in visitor.text
    assert 'value="12,34"' in visitor.page.text and 'value="Lunch"' in visitor.page.text
    stranger = visit(aurora, aurora.open_account(name="Eva", tax_id="39053344705", opening_deposit_centavos=0, pin=PIN))
    assert stranger.open(f"/pay/again/{end_to_end_id}").status_code == 404


def test_while_the_network_is_away_the_payees_bank_is_not_blamed(
    visit: Visit, village: Village, aurora: BankApplication, ana: Account, bruno: Account
) -> None:
    visitor = visit(aurora, ana, clock=ShiftedClock(LATER_MS))
    pay_to_review(visitor, "bruno@example.com", "10,00")
    village.switches.answers = False
    visitor.send("/pay/confirm", order=visitor.hidden("order"))
    assert "as soon as the Pix network responds" in visitor.text
    assert "Waiting for the Pix network" in visitor.text
    assert "bank has not answered" not in visitor.text and "Waiting for the recipient's bank" not in visitor.text


@pytest.mark.parametrize("is_closed", [False, True], ids=["blocked", "closed"])
def test_who_may_not_pay_is_told_at_the_first_step(
    visit: Visit, aurora: BankApplication, bruno: Account, is_closed: bool
) -> None:
    account = aurora.open_account(name="Eva Paz", tax_id="39053344705", opening_deposit_centavos=0, pin=PIN)
    visitor = visit(aurora, account)
    visitor.open("/pay")
    if is_closed:
        aurora.close_account(account_number=account.number)
    else:
        aurora.block_account(account_number=account.number)
    sentence = "Your account is closed." if is_closed else "Your account is blocked."
    visitor.send("/pay", key="bruno@example.com")
    assert visitor.page.status_code == 409 and sentence in visitor.text
    for path in ("/pay", "/pay?way=code", "/receive"):
        visitor.open(path)
        assert sentence in visitor.text
        assert 'method="post" action="/pay' not in visitor.page.text and 'id="code"' not in visitor.page.text
    visitor.open("/")
    assert sentence in visitor.text
    for name in ("pay", "receive"):
        assert re.search(rf'role="link" aria-disabled="true" id="action-{name}"', visitor.page.text)


@pytest.mark.parametrize(
    ("path", "fields", "kept"),
    [
        ("/pay", {"key": "529.982.247-24"}, ("529.982.247-24", "Os dígitos verificadores do CPF não conferem.")),
        ("/pay/code", {"code": "00020126x"}, ("00020126x", 'id="code-fault"')),
        ("/pay/picture", {}, ('id="picture"',)),
        ("/pay/amount", {"amount": "5000,00"}, ("5000,00", "Bruno Lima", 'id="amount-fault"')),
        ("/pay/confirm", {}, ("Bruno Lima", "R$\N{NO-BREAK SPACE}900,00")),
    ],
)
def test_another_language_on_a_forms_error_page_keeps_the_form(
    visit: Visit,
    aurora: BankApplication,
    ana: Account,
    bruno: Account,
    path: str,
    fields: dict[str, str],
    kept: tuple[str, ...],
) -> None:
    visitor = visit(aurora, ana)
    pay_to_review(visitor, "bruno@example.com", "900,00")
    order = visitor.hidden("order")
    if path == "/pay/confirm":
        pay(visitor, "bruno@example.com", "500,00")
        fields = {"order": order}
    elif path == "/pay/amount":
        visitor.open("/pay")
        visitor.send("/pay", key="bruno@example.com")
        fields = {**fields, "payee": visitor.hidden("payee")}
    files = {"picture": ("x.png", b"nothing", "image/png")} if path == "/pay/picture" else None
    visitor.send(path, files=files, **fields)
    assert visitor.page.status_code == 422, visitor.text
    visitor.send("/preferences", next=visitor.hidden("next"), language="pt-BR")
    assert visitor.page.status_code == 200 and 'lang="pt-BR"' in visitor.page.text
    for text in kept:
        assert text in visitor.page.text, text


@pytest.mark.parametrize(
    "path", ["/pay/code", "/pay/picture", "/pay/confirm", "/pay/amount", "/preferences", "/sign-out"]
)
def test_the_address_of_a_form_that_was_sent_leads_back_to_a_page(
    visit: Visit, aurora: BankApplication, ana: Account, path: str
) -> None:
    visitor = visit(aurora, ana)
    assert visitor.open(path).status_code == 200
    assert visitor.path in ("/pay", "/")
