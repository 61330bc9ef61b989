"""Whose account is in use is told on every page; the page that was asked for comes after signing in."""

from __future__ import annotations

import re
from html import unescape

import pytest

from bank_sim.application.demo_people import stories_of
from bank_sim.application.use_cases import BankApplication
from bank_sim.domain.account import Account
from pix.runtime.clock import SystemClock
from pix.scheme.days import day_of
from pix.scheme.keys import KeyKind
from pix.scheme.people import check_cpf
from tests.integration.bank_http.conftest import PIN, Visit, pay
from tests.support.banks import ANAS_CPF
from tests.support.village import Village, found_village

PAGES = (
    "/", "/pay", "/pay?way=code", "/pay?way=picture", "/receive", "/keys", "/statement", "/statement/print",
    "/keys/remove?kind=EMAIL&key=ana@example.com", "/sign-in", "/open-account", "/nothing", "/transfers/E0",
)  # fmt: skip


@pytest.mark.parametrize("path", PAGES)
def test_every_page_says_whose_account_is_in_use(
    visit: Visit, aurora: BankApplication, ana: Account, path: str
) -> None:
    visitor = visit(aurora, ana)
    visitor.open(path)
    head = visitor.page.text.partition("<main")[0]
    assert f'data-account="{ana.number}"' in head and ">Ana</span>" in head
    assert 'href="/sign-in"' in head, "the way to another account"


def test_a_page_asks_cheaply_whether_its_account_is_still_in_use(
    visit: Visit, aurora: BankApplication, ana: Account
) -> None:
    visitor = visit(aurora, ana)
    answer = visitor.client.get("/session")
    assert answer.json() == {"account_number": ana.number} and answer.headers["cache-control"] == "no-store"
    visitor.open("/keys")
    assert 'template id="account-changed"' in visitor.page.text
    visitor.send("/sign-out")
    assert visitor.client.get("/session").json() == {"account_number": ""}


def test_the_page_that_was_asked_for_comes_after_signing_in(
    visit: Visit, aurora: BankApplication, ana: Account
) -> None:
    visitor = visit(aurora)
    visitor.open("/statement?direction=in&search=p%C3%A3o")
    assert visitor.path == "/sign-in"
    wanted = visitor.hidden("next")
    visitor.send("/sign-in", account_number=ana.number, pin="0000", next=wanted)
    assert visitor.page.status_code == 401 and visitor.hidden("next") == wanted
    visitor.send("/sign-in", account_number=ana.number, pin=PIN, next=wanted)
    assert visitor.path == "/statement" and dict(visitor.page.url.params) == {"direction": "in", "search": "pão"}
    visitor.send("/sign-out")
    visitor.open("/keys")
    visitor.send("/sign-in/demo", account_number=ana.number, next=visitor.hidden("next"))
    assert visitor.path == "/keys"


def test_the_back_office_remembers_its_page_too(visit: Visit, aurora: BankApplication) -> None:
    visitor = visit(aurora, demo_mode=False)
    visitor.open("/backoffice/transfers?direction=incoming")
    visitor.send("/backoffice/sign-in", password="the operator of the tests", next=visitor.hidden("next"))
    assert visitor.path == "/backoffice/transfers" and visitor.page.url.query == b"direction=incoming"


@pytest.mark.parametrize(
    "evil",
    [
        "https://evil.example/", "//evil.example/", "/\\evil.example/", "\\\\evil.example", "javascript:alert(1)",
        "/\t/evil.example", " //evil.example", "/\n/evil.example", "evil.example", "/" + "x" * 3_000,
    ],
)  # fmt: skip
def test_signing_in_leads_to_no_strangers(visit: Visit, aurora: BankApplication, ana: Account, evil: str) -> None:
    visitor = visit(aurora)
    visitor.open("/sign-in")
    answer = visitor.client.post(
        "/sign-in",
        data={"csrf_token": visitor.token, "account_number": ana.number, "pin": PIN, "next": evil},
        follow_redirects=False,
    )
    assert answer.headers["location"] == "/"


def test_a_form_and_a_live_stream_are_no_pages_to_come_back_to(visit: Visit, aurora: BankApplication) -> None:
    visitor = visit(aurora)
    visitor.open("/sign-in")
    visitor.send("/keys", kind="EVP")
    assert visitor.page.url.query == b""
    visitor.open("/home/live", accept="text/event-stream")
    assert visitor.page.url.query == b""


def test_a_tax_id_opens_one_account(visit: Visit, aurora: BankApplication, ana: Account) -> None:
    visitor = visit(aurora)
    visitor.open("/open-account")
    form = {"name": "Ana Again", "opening_deposit": "", "pin": PIN}
    visitor.send("/open-account", tax_id="529.982.247-25", **form)
    assert visitor.page.status_code == 422 and 'id="tax_id-fault"' in visitor.page.text
    assert "already has an account at this bank" in visitor.text
    example = re.search(r"Need a test CPF\? Use ([\d.-]+)\.", visitor.text)
    assert example is not None
    visitor.send("/open-account", tax_id=example[1], **form)
    assert visitor.path == "/" and "Hello, Ana" in visitor.text, "the example of the hint opens an account"
    number = visitor.client.get("/session").json()["account_number"]
    aurora.register_key(account_number=number, kind=KeyKind.CPF, key=example[1])
    stranger = visit(aurora)
    stranger.open("/open-account")
    assert example[1] not in stranger.text, "the next visitor is shown another one"


def test_a_closed_account_frees_its_tax_id(aurora: BankApplication) -> None:
    first = aurora.open_account(name="Ana", tax_id=ANAS_CPF, opening_deposit_centavos=0, pin=PIN)
    aurora.close_account(account_number=first.number)
    assert aurora.open_account(name="Ana", tax_id=ANAS_CPF, opening_deposit_centavos=0, pin=PIN).number != first.number


def test_the_example_is_a_cpf_of_no_demo_person() -> None:
    for code, bank in found_village().banks.items():
        example = bank.queries.free_tax_id()
        assert check_cpf(example) == example
        assert example not in {story.tax_id for story in stories_of(code)}


def test_hidden_amounts_are_hidden_on_every_page(
    visit: Visit, village: Village, aurora: BankApplication, ana: Account, bruno: Account
) -> None:
    visitor = visit(aurora, ana)
    end_to_end_id = pay(visitor, "bruno@example.com", "10,00")
    village.deliver()
    for path in ("/", "/statement", "/statement/print", f"/transfers/{end_to_end_id}", "/sign-in"):
        visitor.open(path)
        assert path == "/sign-in" or 'name="amounts" value="hidden"' in visitor.page.text, "the switch is on every page"
        html = visitor.page.text.replace("\N{NO-BREAK SPACE}", " ")
        amounts = len(re.findall(r"R\$ [\d.]+,\d\d", html))
        private = len(re.findall(r'class="[^"]*balance-shown[^"]*"[^>]*>[^<]*R\$ [\d.]+,\d\d', html))
        balances = len(re.findall(r'line-balance-amount money">R\$', html))
        assert amounts and amounts == private + balances, path
    visitor.open("/pay")
    visitor.send("/pay", key="bruno@example.com")
    assert "balance-shown" in visitor.page.text
    visitor.send("/pay/amount", payee=visitor.hidden("payee"), amount="1,00", description="")
    assert re.search(r"Balance after</dt><dd><span class=\"money balance-shown", visitor.page.text)


def test_a_shared_receipt_has_a_line_for_each_fact(
    visit: Visit, village: Village, aurora: BankApplication, ana: Account, bruno: Account
) -> None:
    visitor = visit(aurora, ana)
    end_to_end_id = pay(visitor, "bruno@example.com", "10,00", "Lunch <b>")
    village.deliver()
    visitor.open(f"/transfers/{end_to_end_id}/receipt")
    shared = re.search(r'<div id="share-text" hidden>(.*?)</div>', visitor.page.text, re.DOTALL)
    assert shared is not None and 'data-share="share-text"' in visitor.page.text
    lines = unescape(shared[1]).replace("\N{NO-BREAK SPACE}", " ").strip().splitlines()
    for line in (
        "Pix receipt – Banco Aurora",
        "Amount: R$ 10,00",
        "Message: Lunch <b>",
        "Name: Bruno Lima",
        "Bank: Banco Ipê (002)",
        "Pix key: bruno@example.com",
        "Name: Ana Souza",
        f"Transaction ID: {end_to_end_id}",
    ):
        assert line in lines, lines
    assert "" not in lines


def test_the_printed_statement_has_a_period_years_and_both_balances(
    visit: Visit, village: Village, aurora: BankApplication, ana: Account, bruno: Account
) -> None:
    visitor = visit(aurora, ana)
    pay(visitor, "bruno@example.com", "10,00")
    village.deliver()
    day = day_of(SystemClock().now_ms())
    visitor.open(f"/statement/print?from={day.isoformat()}&to={day.isoformat()}")
    text = visitor.text
    for piece in ("Period", "Issued at", "Opening balance R$ 0,00", "Total in +R$ 1.000,00", "Total out −R$ 10,00"):
        assert piece in text, piece
    assert "Closing balance R$ 990,00" in text
    rows = re.findall(r"<time [^>]*>([^<]+)</time>", visitor.page.text)
    assert len(rows) == 2 and all(str(day.year) in row for row in rows)
    assert text.index("Deposit") < text.index("Pix sent"), "oldest first"
    visitor.open("/statement/print?search=bruno")
    assert "Opening balance" not in visitor.text, "between found lines there is no balance to carry"
