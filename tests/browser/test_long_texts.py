"""Long words, names and keys make no page wider than a small phone, and paper is used as paper."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Page

from bank_sim.application.use_cases import BankApplication
from bank_sim.domain.account import Account
from bank_sim.domain.bank import BankIdentity
from pix.scheme.keys import KeyKind
from pix.scheme.postings import Direction
from pix.wire.record import Record
from pix.wire.topics import HUB_TOPIC, bank_topic
from tests.browser.addresses import arrive
from tests.browser.boxes import boxes
from tests.browser.conftest import Look, Show, Street, Watch
from tests.integration.bank_http.conftest import PIN
from tests.support.banks import ANAS_CPF, BRUNOS_CPF
from tests.support.participants import bank_handler
from tests.support.village import Village

WIDTHS = (320, 360, 390)
SMALL: dict[str, Any] = {"viewport": {"width": WIDTHS[0], "height": 640}, "is_mobile": True, "has_touch": True}
LONG_KEY = f"{'bruno' * 12}@{'x' * 8}.com"
LONG_WORD = "Supercalifragilisticexpialidocious" * 4


@pytest.fixture
def village() -> Village:
    """Banks with the longest names that a bank may have, and no space in them."""
    return Village(
        [
            BankIdentity(code="001", ispb="00000001", name="BancoAuroraDasLongasPalavrasSemEspacos", color="#5b2a86"),
            BankIdentity(code="002", ispb="00000002", name="BancoIpeDosNomesCompridosDemaisParaTelas", color="#c98a00"),
        ]
    )


@pytest.fixture
def ana(aurora: BankApplication) -> Account:
    account = aurora.open_account(
        name=f"Wolfeschlegelsteinhausenbergerdorff{'ana' * 13}",
        tax_id=ANAS_CPF,
        opening_deposit_centavos=99_999_999_999,
        pin=PIN,
    )
    aurora.register_key(account_number=account.number, kind=KeyKind.EMAIL, key=LONG_KEY.replace("bruno", "anana"))
    return account


@pytest.fixture
def bruno(ipe: BankApplication) -> Account:
    account = ipe.open_account(name=f"Bruno {'Longo' * 14}", tax_id=BRUNOS_CPF, opening_deposit_centavos=0, pin=PIN)
    ipe.register_key(account_number=account.number, kind=KeyKind.EMAIL, key=LONG_KEY)
    return account


@pytest.fixture
def end_to_end_id(street: Street, aurora: BankApplication, ana: Account, bruno: Account) -> str:
    """A payment with a long word in its message, and a dead letter on either side."""
    payee = aurora.find_payee(key=LONG_KEY)
    transfer = aurora.request_transfer(
        account_number=ana.number,
        payee_key=payee.key,
        amount_centavos=987_654_32,
        description=LONG_WORD[:140],
        idempotency_key="1",
        payee_tax_id_masked=payee.tax_id_masked,
    )
    street.village.publish([Record(HUB_TOPIC, b"x", b"nonsense", {"sender": LONG_WORD[:60].encode()})])
    bank_handler(aurora, "any secret")([Record(topic=bank_topic("001"), key=b"x", value=b"nonsense", headers={})])
    street.village.resend_until(
        lambda: (
            bool(street.village.hub.dead_letters.list(None, 1))
            and aurora.queries.find_transfer(transfer.end_to_end_id, Direction.OUTGOING).status == "confirmed"
        )
    )
    return transfer.end_to_end_id


def wide(page: Page, paths: list[str]) -> list[tuple[str, int, int, str]]:
    """The pages that are wider than the phone, with the first element that sticks out."""
    found = []
    for path in paths:
        page.goto(path)
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 640})
            reached = page.evaluate("document.documentElement.scrollWidth")
            if reached > width:
                culprit = page.evaluate(
                    "w => { const e = [...document.querySelectorAll('body *')]"
                    ".filter(e => e.getBoundingClientRect().right > w + 1).at(-1);"
                    " return e ? e.outerHTML.slice(0, 120) : ''; }",
                    width,
                )
                found.append((path, width, reached, culprit))
    return found


def test_long_texts_make_no_page_of_the_bank_wide(
    look: Look, watch: Watch, aurora: BankApplication, ana: Account, end_to_end_id: str
) -> None:
    watch.expects_errors = True
    page = look("001", ana, size=SMALL, language="pt-BR")
    key = aurora.queries.keys_of(ana.number)[0].key.key
    letter = aurora.dead_letters.list()[0].digest
    paths = [
        "/", "/pay", "/receive", f"/receive?amount=1&message={LONG_WORD[:60]}", "/keys", "/statement",
        "/statement/print", "/schedules", "/limits",
        f"/statement?search={LONG_WORD[:80]}", f"/keys/remove?kind=EMAIL&key={quote(key)}", "/sign-in", "/open-account",
        f"/transfers/{end_to_end_id}", f"/transfers/{end_to_end_id}/receipt", "/nothing", "/backoffice",
        "/backoffice/accounts", f"/backoffice/accounts/{ana.number}/close", "/backoffice/transfers",
        f"/backoffice/transfers/{end_to_end_id}", "/backoffice/books", "/backoffice/dead-letters",
        f"/backoffice/dead-letters/{letter}/discard", "/backoffice/behaviour", "/api/docs",
    ]  # fmt: skip
    assert wide(page, paths) == []
    page.goto("/")
    page.locator(".switcher > summary").click()
    assert page.evaluate("document.documentElement.scrollWidth") <= WIDTHS[-1]
    page.goto("/pay")
    page.locator("#key").fill(LONG_KEY)
    page.locator("form:has(#key) button[type=submit]").click()
    arrive(page, "**/pay/amount**")
    assert wide(page, [page.url]) == []
    page.locator("#amount").fill("100,00")
    page.locator("#description").fill(LONG_WORD[:140])
    page.locator("form:has(#amount) button[type=submit]").click()
    arrive(page, "**/pay/review**")
    assert wide(page, [page.url]) == []


def test_long_texts_make_no_page_of_the_console_wide(show: Show, street: Street, end_to_end_id: str) -> None:
    page = show("/", size=SMALL, language="pt-BR")
    letter = street.village.hub.dead_letters.list(None, 1)[0].digest
    paths = [
        "/", f"/transfers/{end_to_end_id}", f"/transfers/{end_to_end_id}/bookings", "/banks", "/protocol", "/map",
        "/transfers", "/banks/001", "/banks/001/suspend", "/banks/001/withdraw?amount=1", "/directory",
        f"/directory/EMAIL/{LONG_KEY}", "/dead-letters", f"/dead-letters/{letter}", f"/dead-letters/{letter}/discard",
        "/api/docs",
    ]  # fmt: skip
    assert wide(page, paths) == []


def test_a_dead_letter_can_be_read_on_a_phone(show: Show, end_to_end_id: str) -> None:
    page = show("/dead-letters", size=SMALL)
    reason, row = boxes(page, ".letter-reason .stacked-value", "tr[data-digest]")
    assert reason.width >= 150, "the reason has room for words"
    assert row.height < 0.7 * SMALL["viewport"]["height"]


def test_paper_is_used_as_paper(look: Look, ana: Account, aurora: BankApplication, end_to_end_id: str) -> None:
    payee = aurora.find_payee(key=LONG_KEY)
    for number in range(70):
        aurora.request_transfer(
            account_number=ana.number,
            payee_key=payee.key,
            amount_centavos=1,
            description="",
            idempotency_key=f"line {number}",
            payee_tax_id_masked=payee.tax_id_masked,
        )
    page = look("001", ana)
    page.goto("/statement/print")
    paper = page.pdf(format="A4")
    assert 2 <= len(re.findall(rb"/Type\s*/Page\b", paper)) <= 6
    page.set_viewport_size({"width": 794, "height": 1123})
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.querySelector('.card:has(table)')).breakInside") == "auto"
    assert page.evaluate("getComputedStyle(document.querySelector('tfoot')).display") == "table-row-group"
    (top,) = boxes(page, "tbody tr")
    assert top.y < 500, "the table begins on the first page"
    row = page.locator("tbody tr", has=page.locator("time")).first
    for width, display in ((718, "table-row"), (300, "block")):  # A4 within its margins, and the roll of a receipt
        page.set_viewport_size({"width": width, "height": 1000})
        assert row.evaluate("e => getComputedStyle(e).display") == display, width
        assert page.evaluate("document.documentElement.scrollWidth") <= width, "nothing is cut off"
    page.goto(f"/transfers/{end_to_end_id}")
    done = page.locator(".is-done .timeline-dot").first
    assert done.evaluate("e => getComputedStyle(e).printColorAdjust") == "exact", "a filled circle stays filled"
