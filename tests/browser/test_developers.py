"""The developers' pages on a telephone and a desktop, in both languages: they move while one looks at them."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import expect

from bank_sim.application.use_cases import BankApplication
from bank_sim.domain.account import Account
from bank_sim.domain.charges.model import ChargeKind
from tests.browser.addresses import arrive
from tests.browser.boxes import boxes
from tests.browser.conftest import LOOKS, Look, Street
from tests.integration.bank_http.test_developers import pay_code, request_of


@LOOKS
def test_a_developer_sees_requests_and_payments_arrive(
    look: Look,
    street: Street,
    aurora: BankApplication,
    ipe: BankApplication,
    ana: Account,
    bruno: Account,
    size: dict[str, Any],
    language: str,
) -> None:
    page = look("001", ana, size=size, language=language)
    page.goto("/developers/credentials")
    page.locator("#name").fill("Loja")
    page.locator("form[action='/developers/credentials'] button").click()
    expect(page.locator("#client-secret")).not_to_be_empty()
    client_id = page.locator("#client-id").inner_text()

    page.goto("/developers/requests")
    expect(page.locator(".log-lamp")).to_be_visible()
    (lamp,) = boxes(page, ".log-lamp")
    assert lamp.width > lamp.height, "its word lies on one line"
    aurora.api_credentials.note_requests([request_of(ana, client_id)])
    page.locator("[data-request=r1]").click()
    arrive(page, "**/developers/requests/r1")
    expect(page.locator("#curl")).to_contain_text("curl")

    page.goto("/developers/charges/new")
    page.locator("#amount").press_sequentially("1500")
    expect(page.locator("#due_day")).to_be_hidden()
    page.locator("form[action='/developers/charges/new'] button").click()
    arrive(page, "**/developers/charges/cob/**")
    expect(page.locator("[data-state=waiting]")).to_be_visible()
    txid = page.url.rpartition("/")[2]
    charge, _ = aurora.charges.find(ana.tax_id, txid, ChargeKind.IMMEDIATE)
    pay_code(street.village, ipe, bruno, charge)
    expect(page.locator("[data-state=paid]")).to_contain_text("Bruno Lima")
    expect(page.locator("[data-state=paid] .badge").first).to_have_text({"pt-BR": "Paga", "en-GB": "Paid"}[language])
