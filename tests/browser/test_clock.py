"""The network's virtual clock: turned in the hub's console, and said on every page of a bank."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from bank_sim.domain.account import Account
from tests.browser.conftest import LOOKS, Look, Show
from tests.support.banks import BANKS
from tests.support.village import Village


@pytest.fixture
def village() -> Village:
    return Village(BANKS, is_virtual=True)


@LOOKS
def test_the_clock_is_turned_and_the_banks_pages_say_so(
    look: Look, show: Show, ana: Account, size: dict[str, Any], language: str
) -> None:
    bank = look("001", ana, size=size, language=language)
    expect(bank.locator(".clock-banner")).to_have_count(0)
    console = show("/clock", size=size, language=language)
    real = console.locator("[data-clock]").get_attribute("data-clock")
    console.locator("button[name=milliseconds][value='86400000']").click()
    dial = console.locator("[data-clock]")
    expect(dial).not_to_have_attribute("data-clock", real or "")
    console.wait_for_function(
        "real => Number(document.querySelector('[data-clock]').dataset.clock) >= Number(real) + 86400000", arg=real
    )
    for page in ("/", "/pay", "/statement"):
        bank.goto(page)
        expect(bank.locator(".clock-banner")).to_be_visible()
    banner = bank.locator(".clock-banner")
    before = banner.inner_text()
    console.locator("button[name=milliseconds][value='86400000']").click()
    # The page stays open: the banner is asked for every ten seconds.
    expect(banner).not_to_have_text(before, timeout=30_000)
    assert bank.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
