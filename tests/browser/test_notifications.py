"""Notifications of arrivals: asked for by the customer, while the page is open behind another window."""

from __future__ import annotations

import re
from typing import Final

from playwright.sync_api import Page, expect

from bank_sim.application.use_cases import BankApplication
from bank_sim.domain.account import Account
from tests.browser.conftest import Look

RECORDER: Final = """
  // What the browser would show, in a page behind another window.
  window.shown = [];
  class Recorded extends EventTarget {
    static permission = "default";
    static async requestPermission() {
      return (Recorded.permission = "granted");
    }
    constructor(title, options) {
      super();
      window.shown.push(`${title}: ${options.body}`);
    }
  }
  window.Notification = Recorded;
  document.hasFocus = () => false;
"""


def behind_another_window(page: Page) -> Page:
    page.add_init_script(RECORDER)
    page.reload()
    return page


def order(bank: BankApplication, payer: Account, key: str, number: int) -> None:
    """A payment of R$ 12,34."""
    found = bank.find_payee(key=key)
    bank.request_transfer(
        account_number=payer.number,
        payee_key=found.key,
        amount_centavos=1_234,
        description="",
        idempotency_key=f"notified {number}",
        payee_tax_id_masked=found.tax_id_masked,
        payee_name=found.name,
        payee_bank_name=found.bank_name,
    )


def shown(page: Page, count: int) -> list[str]:
    page.wait_for_function("count => window.shown.length === count", arg=count)
    found: list[str] = page.evaluate("window.shown")
    return found


def test_who_asks_for_it_is_notified_of_what_arrives(
    look: Look, aurora: BankApplication, ana: Account, bruno: Account
) -> None:
    page = behind_another_window(look("002", bruno))
    ask = page.locator("#notify")
    expect(ask).to_have_text("Notify me when money arrives")
    order(aurora, ana, "bruno@example.com", 1)
    expect(page.locator("[data-arrived]")).to_be_visible()
    assert page.evaluate("window.shown") == [], "the permission was not asked for yet"

    ask.click()
    expect(ask).to_have_attribute("aria-pressed", "true")
    order(aurora, ana, "bruno@example.com", 2)
    (told,) = shown(page, 1)
    assert re.fullmatch(r"Money has arrived: You received R\$\s12,34 from Ana Souza\.", told)

    # Hidden amounts stay hidden on the screen of a locked phone.
    page.locator("#hide-amounts").click()
    order(aurora, ana, "bruno@example.com", 3)
    assert shown(page, 2)[1] == "Money has arrived: You received a Pix from Ana Souza."

    ask.click()
    expect(ask).to_have_attribute("aria-pressed", "false")
    expect(ask).to_have_text("Notify me when money arrives")
