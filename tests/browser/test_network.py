"""The whole network of separate processes, as a visitor sees it: one pays, both banks and the hub's console agree."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from lab.drive.customers import Customer, Population
from lab.network.network import Network, RunningBank
from tests.browser.addresses import arrive
from tests.browser.conftest import PATIENCE_MS, Watch
from tests.browser.test_paying import stage, to_review


@pytest.fixture
def page(browser: Browser, network: Network, watch: Watch) -> Iterator[Page]:
    """A visitor of the first bank."""
    context = browser.new_context(base_url=network.bank("001").url, locale="en-GB")
    context.set_default_timeout(PATIENCE_MS)
    opened = context.new_page()
    watch.over(opened, network.bank("001").url)
    yield opened
    context.close()


def sign_in(page: Page, bank: RunningBank, customer: Customer) -> None:
    page.goto(f"{bank.url}/sign-in")
    page.locator(f"button[name=account_number][value='{customer.account_number}']").click()
    arrive(page, f"{bank.url}/")


def test_a_payment_shows_in_both_statements_and_on_the_console(
    page: Page, browser: Browser, network: Network, population: Population
) -> None:
    payer, payee = population.rich("001"), population.friends("002")[0]
    other = browser.new_context(base_url=network.bank("002").url, locale="en-GB").new_page()
    sign_in(other, network.bank("002"), payee)
    sign_in(page, network.bank("001"), payer)
    to_review(page, payee.keys[0].key, "1234", "Lunch at noon")
    page.locator("#confirm").click()
    arrive(page, "**/transfers/**")
    end_to_end_id = page.url.rsplit("/", 1)[1].split("?")[0]
    stage(page, "completed")
    expect(other.locator("[data-arrived]")).to_contain_text(re.compile(r"12,34"))
    other.goto("/statement")
    expect(other.locator("#lines")).to_contain_text("Lunch at noon")
    page.goto("/statement")
    expect(page.locator("#lines")).to_contain_text("Lunch at noon")
    other.goto(f"{network.hub_url}/transfers/{end_to_end_id}")
    expect(other.locator("main")).to_contain_text(end_to_end_id)
    other.context.close()
