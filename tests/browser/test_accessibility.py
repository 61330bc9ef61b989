"""No serious fault that axe finds on any page, and no page wider than its screen."""

from __future__ import annotations

from datetime import timedelta
from importlib.resources import files
from typing import Any

import pytest
from playwright.sync_api import Page

from bank_sim.application.use_cases import BankApplication
from bank_sim.domain.account import Account
from bank_sim.domain.charges.model import ChargeKind, Immediate
from bank_sim.domain.charges.orders import ChargeOrder
from bank_sim.domain.credentials.request_log import Body
from bank_sim.domain.schedules.calendar import PlanOrder, Rhythm
from pix.runtime.clock import SystemClock
from pix.scheme.days import day_of
from pix.scheme.keys import KeyKind, PixKey
from pix.wire.record import Record
from pix.wire.topics import bank_topic
from tests.browser.addresses import arrive
from tests.browser.conftest import DESKTOP, PHONE, Look, Watch
from tests.browser.test_paying import go_on, stage, to_review
from tests.integration.bank_http.test_developers import request_of
from tests.support.participants import bank_handler

AXE = (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
SERIOUS = ("serious", "critical")
TXID = "cobranca000000000000000001"
PAGES = (
    "/",
    "/pay",
    "/pay?way=code",
    "/pay?way=picture",
    "/account",
    "/schedules",
    "/limits",
    "/keys",
    "/receive?amount=25,00&message=Pizza",
    "/statement",
    "/statement/print",
    "/developers",
    "/developers/requests",
    "/developers/requests/r1",
    "/developers/charges",
    "/developers/charges/new",
    f"/developers/charges/cob/{TXID}",
    "/developers/webhooks",
    "/developers/verdict",
    "/developers/pay",
    "/developers/credentials",
    "/open-account",
    "/sign-in",
    "/nothing",
    "/api/docs",
    "/backoffice",
    "/backoffice/accounts",
    "/backoffice/transfers",
    "/backoffice/books",
    "/backoffice/dead-letters",
    "/backoffice/behaviour",
    "/backoffice/sandbox",
)


# One for each layout; the colours of either scheme are proved in tests/unit/web/test_palette.py.
LAYOUTS = ("/", "/statement", "/backoffice", "/backoffice/transfers", "/backoffice/behaviour")


@pytest.fixture
def busy(look: Look, watch: Watch, aurora: BankApplication, ana: Account, bruno: Account) -> Any:
    """Makes a page of Ana's with movements, keys and a dead letter to show."""
    watch.expects_errors = True
    aurora.register_key(account_number=ana.number, kind=KeyKind.CPF, key=ana.tax_id)
    aurora.register_key(account_number=ana.number, kind=KeyKind.EVP, key="")
    aurora.schedule_payment(
        account_number=ana.number,
        payee_key=PixKey(KeyKind.EMAIL, "bruno@example.com"),
        amount_centavos=15_000,
        description="Aluguel",
        idempotency_key="rent",
        plan=PlanOrder(Rhythm.MONTHLY, day_of(SystemClock().now_ms()) + timedelta(days=40), 12),
        payee_name="Bruno Lima",
    )
    key = PixKey(KeyKind.EMAIL, "ana@example.com")
    order = ChargeOrder(ana.number, ChargeKind.IMMEDIATE, key, 12_345, Immediate(3_600), TXID, payer_request="Bolo")
    aurora.charges.create(order)
    made = aurora.api_credentials.create(account_number=ana.number, name="Loja")
    body = Body('{"valor": {"original": "10.00"}, "n": 1}', "application/json", 40)
    aurora.api_credentials.note_requests([request_of(ana, made.credential.credential_id, request=body)])
    bank_handler(aurora, "any secret")([Record(topic=bank_topic("001"), key=b"x", value=b"nonsense", headers={})])

    def make(**options: Any) -> Page:
        return look("001", ana, **options)

    return make


def faults_of(page: Page) -> list[str]:
    # As tall as the page, so that nothing is behind the bar at the bottom, from where one could scroll it anyway.
    height = page.evaluate("document.documentElement.scrollHeight")
    width = page.viewport_size["width"] if page.viewport_size else DESKTOP["viewport"]["width"]
    page.set_viewport_size({"width": width, "height": height})
    page.evaluate(AXE)
    # What a frame shows is another participant's page, which is looked at for itself. No rule of these reads styles.
    found = page.evaluate(
        "axe.run(document, {iframes: false, preload: false, resultTypes: ['violations'],"
        " runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']})"
    )
    return [
        f"{page.url} {fault['id']}: {node['html'][:160]} {node['failureSummary'][:200]}"
        for fault in found["violations"]
        if fault["impact"] in SERIOUS
        for node in fault["nodes"]
    ]


@pytest.mark.parametrize(
    ("size", "scheme", "paths"),
    [
        pytest.param(DESKTOP, "light", LAYOUTS, id="desktop-light"),
        # Where there is the least room every page is looked at.
        pytest.param(PHONE, "dark", PAGES, id="phone-dark"),
        pytest.param(DESKTOP, "light", PAGES, id="desktop-light, every page", marks=pytest.mark.prove),
    ],
)
def test_axe_finds_no_serious_fault_and_no_page_is_wider_than_the_screen(
    busy: Any, size: dict[str, Any], scheme: str, paths: tuple[str, ...]
) -> None:
    page = busy(size=size, color_scheme=scheme)
    faults, wide = [], []
    to_review(page, "bruno@example.com", "1000", "Lunch")
    faults += faults_of(page)
    page.locator("#confirm").click()
    stage(page, "completed")
    faults += faults_of(page)
    page.locator("#receipt").click()
    arrive(page, "**/receipt?**")
    faults += faults_of(page)
    for path in paths:
        page.goto(path)
        width = page.evaluate("document.documentElement.scrollWidth")
        if width > size["viewport"]["width"]:
            wide.append((path, width))
        faults += faults_of(page)
        page.set_viewport_size(size["viewport"])
    page.goto("/schedules")
    page.locator("[data-schedule] a[href$='/edit']").click()
    arrive(page, "**/edit")
    faults += faults_of(page)
    page.goto("/pay")
    page.locator("#key").fill("nobody@example.com")
    go_on(page)
    faults += faults_of(page)
    assert (faults, wide) == ([], [])


def test_the_first_tab_leads_past_the_head(busy: Any) -> None:
    page = busy()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"
