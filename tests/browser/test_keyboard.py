"""All that people do with the keyboard alone: Tab, Enter, Space and arrows, with the focus in sight at each step."""

from __future__ import annotations

import re
from typing import Final

from playwright.sync_api import Page, expect

from bank_sim.application.use_cases import BankApplication
from bank_sim.domain.account import Account
from pix.wire.record import Record
from pix.wire.topics import HUB_TOPIC
from tests.browser.addresses import arrive
from tests.browser.conftest import Look, Show, Street
from tests.browser.test_paying import stage
from tests.integration.bank_http.conftest import PIN

TABS_MAX: Final = 60
"""From any place of a page to any other; more would mean that the focus is caught."""
IN_SIGHT: Final = """() => {
  const held = document.activeElement;
  const box = (held.closest("label.option") || held).getBoundingClientRect();
  return box.width > 0 && box.bottom > 0 && box.top < innerHeight;
}"""
FOCUS: Final = """() => {
  const held = document.activeElement;
  // A radio in a card has its outline on the card, and a field with a picture on its frame.
  const drawn = [held, held.parentElement, held.closest("label")].filter(Boolean).map((each) => getComputedStyle(each));
  return {
    isMarked: drawn.some((style) => style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2),
    name: `${held.tagName} ${held.id} ${held.textContent.trim().slice(0, 40)}`,
  };
}"""


class Keyboard:
    """Presses keys on a page, and looks where the focus is after each Tab."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def to(self, selector: str, *, key: str = "Tab") -> None:
        """Goes on until the focus is on what the selector finds; at each stop it has to be marked and in sight."""
        passed = []
        for _ in range(TABS_MAX):
            self.page.keyboard.press(key)
            if self.page.evaluate("document.activeElement === document.body"):
                continue
            shown = self.page.evaluate(FOCUS)
            passed.append(shown["name"])
            assert shown["isMarked"], f"the focus cannot be seen on {shown['name']}"
            # Where motion is reduced, a change of place still takes a frame.
            self.page.wait_for_function(IN_SIGHT)
            if self.page.evaluate("selector => document.activeElement.matches(selector)", selector):
                return
        raise AssertionError(f"no Tab leads to {selector}, only to {passed}")

    def type(self, selector: str, text: str) -> None:
        self.to(selector)
        self.page.keyboard.type(text)

    def press(self, selector: str, key: str = "Enter") -> None:
        self.to(selector)
        self.page.keyboard.press(key)


def test_signing_in_registering_a_key_and_receiving(look: Look, ana: Account) -> None:
    page = look("001")
    keys = Keyboard(page)
    keys.type("#account_number", ana.number)
    keys.type("#pin", PIN)
    page.keyboard.press("Enter")
    arrive(page, re.compile(r":\d+/$"))

    keys.press("a[href='/keys']")
    arrive(page, "**/keys")
    keys.to("input[name=kind]")
    # The arrows choose within a group of choices.
    while not page.evaluate("document.activeElement.value === 'EMAIL'"):
        page.keyboard.press("ArrowDown")
    assert page.evaluate(FOCUS)["isMarked"]
    keys.type("#key", "ana.souza@example.com")
    page.keyboard.press("Enter")
    expect(page.locator("[data-key]")).to_have_count(2)

    keys.press("a[href='/receive']")
    arrive(page, "**/receive")
    keys.type("#amount", "2500")
    # The code follows the amount.
    expect(page.locator("#receive-code .money")).to_contain_text("25,00")
    keys.to("#picture")


def test_paying_from_the_home_to_the_receipt(look: Look, ana: Account, bruno: Account) -> None:
    page = look("001", ana)
    keys = Keyboard(page)
    keys.press("a[href='/pay']")
    arrive(page, "**/pay")
    expect(page.locator("#key")).to_be_focused()
    page.keyboard.type("bruno@example.com")
    page.keyboard.press("Enter")
    arrive(page, "**/pay/amount?**")
    expect(page.locator("#amount")).to_be_focused()
    page.keyboard.type("1234")
    keys.type("#description", "Lunch")
    page.keyboard.press("Enter")
    arrive(page, "**/pay/review?**")
    keys.press("#confirm")
    arrive(page, "**/transfers/**")
    stage(page, "completed")
    keys.press("#receipt")
    arrive(page, "**/receipt?**")
    expect(page.locator("#receipt-text")).to_contain_text("12,34")


def test_searching_suspending_and_replaying_on_the_console(
    show: Show, street: Street, aurora: BankApplication, ana: Account
) -> None:
    village = street.village
    village.publish([Record(HUB_TOPIC, b"x", b"nonsense")])
    village.resend_until(lambda: bool(village.hub.dead_letters.list(None, 1)))
    digest = village.hub.dead_letters.list(None, 1)[0].digest
    page = show("/")
    keys = Keyboard(page)
    keys.type(".head-search-input", "ana")
    page.keyboard.press("Enter")
    arrive(page, "**/search?q=ana")
    expect(page.locator("main")).to_contain_text("ana@example.com")

    keys.press("a[href='/banks']")
    arrive(page, "**/banks")
    keys.press("main a[href='/banks/001']")
    arrive(page, "**/banks/001")
    keys.press("a[href='/banks/001/suspend']")
    arrive(page, "**/banks/001/suspend")
    keys.press("main form button.button-bad", "Space")
    arrive(page, "**/banks/001")
    expect(page.locator("main")).to_contain_text("suspended")

    keys.press("a[href='/dead-letters']")
    arrive(page, "**/dead-letters")
    keys.press(f"main a[href='/dead-letters/{digest}']")
    arrive(page, f"**/dead-letters/{digest}")
    keys.press("main form[action$='/replay'] button")
    expect(page.locator("main")).to_contain_text("Replayed")
