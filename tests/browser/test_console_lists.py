"""Lists of the console stay up to date in front of their reader, and one field finds everything."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from bank_sim.domain.account import Account
from pix.wire.record import Record
from pix.wire.topics import HUB_TOPIC
from tests.browser.addresses import arrive
from tests.browser.conftest import PHONE, Show, Street, Watch
from tests.browser.test_accessibility import faults_of
from tests.browser.test_console import await_closed, pay

OPEN = "[data-live-state=open]"


def await_open(page: Page) -> None:
    expect(page.locator(OPEN)).to_be_visible()


def test_a_new_transfer_comes_into_the_list_marked_and_takes_the_place_of_no_focus(
    show: Show, street: Street, ana: Account, bruno: Account
) -> None:
    first = pay(street, ana)
    await_closed(street, first)
    page = show("/transfers")
    await_open(page)
    link = page.locator(f"#open-{first}")
    link.focus()
    second = pay(street, ana, amount_centavos=777)
    expect(page.locator(f"tr.is-fresh[data-transfer={second}]")).to_be_visible()
    expect(page.locator("[data-live-news]")).to_have_text("1 new")
    expect(link).to_be_focused()
    expect(page.locator(f"tr[data-transfer={first}]")).not_to_have_class("is-fresh")
    page.get_by_role("button", name="Pause").click()
    third = pay(street, ana, amount_centavos=888)
    await_closed(street, third)
    expect(page.locator("[data-live-word]")).to_have_text("Paused")
    expect(page.locator(f"tr[data-transfer={third}]")).to_have_count(0)
    page.get_by_role("button", name="Resume").click()
    expect(page.locator(f"tr[data-transfer={third}]")).to_be_visible()


def test_alerts_and_dead_letters_come_without_a_reload(
    show: Show, street: Street, watch: Watch, ana: Account, bruno: Account
) -> None:
    watch.expects_errors = True
    page = show("/dead-letters", size=PHONE, language="pt-BR")
    await_open(page)
    street.village.publish([Record(HUB_TOPIC, b"x", b"nonsense")])
    expect(page.locator("tr.is-fresh[data-digest]")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE["viewport"]["width"]
    assert faults_of(page) == []
    page.set_viewport_size(PHONE["viewport"])
    page.goto("/banks")
    await_open(page)
    expect(page.locator("[data-alert='dead-letters']")).to_be_visible()
    street.village.hub.suspend_bank("002")
    expect(page.locator("tr[data-bank='002'] [data-state=suspended]")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE["viewport"]["width"]


def test_one_field_finds_a_transfer_by_keyboard_alone_and_without_a_script(
    show: Show, street: Street, ana: Account, bruno: Account
) -> None:
    end_to_end_id = pay(street, ana, amount_centavos=4_590)
    await_closed(street, end_to_end_id)
    page = show("/protocol")
    page.locator("#q").focus()
    page.keyboard.type("45,90")
    page.keyboard.press("Enter")
    arrive(page, "**/search?q=45%2C90")
    expect(page.locator("[data-found=amount] [data-transfer]")).to_have_attribute("data-transfer", end_to_end_id)
    assert faults_of(page) == []
    plain = show("/", java_script_enabled=False)
    plain.locator("#q").fill(end_to_end_id)
    plain.locator(".head-search button").click()
    arrive(plain, f"**/transfers/{end_to_end_id}")
