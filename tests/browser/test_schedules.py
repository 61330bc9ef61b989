"""Scheduling a Pix, changing and cancelling it, and limits, on a telephone and a desktop, in both languages."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from playwright.sync_api import expect

from bank_sim.domain.account import Account
from pix.scheme.days import day_of
from tests.browser.addresses import arrive
from tests.browser.conftest import LOOKS, Look
from tests.browser.test_paying import go_on, type_key


@LOOKS
def test_a_pix_is_scheduled_changed_and_cancelled(
    look: Look, ana: Account, bruno: Account, size: dict[str, Any], language: str
) -> None:
    page = look("001", ana, size=size, language=language)
    page.goto("/pay")
    type_key(page, "bruno@example.com")
    go_on(page)
    page.locator("#amount").press_sequentially("15000")
    expect(page.locator("#first_day")).to_be_hidden()
    page.locator("label.option:has(input[value=monthly])").click()
    day = day_of(int(datetime.now(UTC).timestamp() * 1000)) + timedelta(days=40)
    page.locator("#first_day").fill(day.isoformat())
    page.locator("#count").fill("12")
    go_on(page)
    arrive(page, "**/pay/review**")
    page.locator("#confirm").click()
    arrive(page, "**/schedules")
    row = page.locator("[data-schedule]")
    expect(row).to_contain_text("Bruno Lima")
    expect(row).to_contain_text("12")

    row.locator("a[href$='/edit']").click()
    page.locator("label.option:has(input[value=once])").click()
    expect(page.locator("#count")).to_be_hidden()
    go_on(page)
    arrive(page, "**/schedules")
    page.goto("/")
    expect(page.locator("#scheduled-heading")).to_be_visible()
    page.goto("/schedules")
    page.locator("[data-schedule] a[href$='/cancel']").click()
    page.locator("#confirm").click()
    arrive(page, "**/schedules")
    expect(page.locator("[data-schedule]")).to_have_count(0)


@LOOKS
def test_a_limit_is_lowered_and_its_raise_cancelled(
    look: Look, ana: Account, size: dict[str, Any], language: str
) -> None:
    page = look("001", ana, size=size, language=language)
    page.goto("/limits")
    limit = page.locator("[data-limit=night_period]")
    for digits, raises in (("10000", 0), ("20000", 1)):
        limit.locator("input[name=amount]").fill("")
        limit.locator("input[name=amount]").press_sequentially(digits)
        limit.locator("form[action='/limits/night_period'] button").click()
        expect(limit.locator("form[action$='/cancel-raise']")).to_have_count(raises)
    limit.locator("form[action$='/cancel-raise'] button").click()
    expect(limit.locator("form[action$='/cancel-raise']")).to_have_count(0)
    expect(limit.locator("input[name=amount]")).to_have_value("100,00")
