"""The topic browser, the tabs and the map's links, as an operator uses them."""

from __future__ import annotations

from playwright.sync_api import expect

from bank_sim.domain.account import Account
from pix.wire.topics import HUB_TOPIC
from tests.browser.addresses import arrive
from tests.browser.boxes import boxes
from tests.browser.conftest import PHONE, Show, Street
from tests.browser.test_accessibility import faults_of
from tests.browser.test_console import await_closed, await_live, pay


def test_a_record_in_a_topic_leads_to_its_transfer_and_its_tabs(
    show: Show, street: Street, ana: Account, bruno: Account
) -> None:
    end_to_end_id = pay(street, ana)
    await_closed(street, end_to_end_id)
    page = show("/topics", size=PHONE)
    page.get_by_role("link", name=HUB_TOPIC).click()
    arrive(page, f"**/topics/{HUB_TOPIC}")
    record = page.locator("details.message", has_text="TransferRequested").first
    record.locator("summary").click()
    expect(record).to_contain_text("amount_centavos")
    assert faults_of(page) == []
    record.get_by_role("link", name=end_to_end_id).click()
    arrive(page, f"**/transfers/{end_to_end_id}")
    assert end_to_end_id in page.title()
    expect(page.locator("#story")).to_be_visible()
    expect(page.locator("#ledger")).to_be_hidden()
    page.get_by_role("link", name="Ledger").click()
    expect(page.locator("[data-bookings='002'] table")).to_be_visible()
    expect(page.locator("#story")).to_be_hidden()
    page.goto("/protocol#flow-reasons")
    expect(page.locator("#flow-reasons")).to_be_visible()
    page.goto("/protocol#return-allowed")
    expect(page.locator("#return-allowed")).to_be_in_viewport()
    plain = show(f"/transfers/{end_to_end_id}", java_script_enabled=False)
    expect(plain.locator("#ledger")).to_be_visible()
    expect(plain.locator("#story")).to_be_visible()


def test_a_bank_and_a_moving_message_on_the_map_are_links(
    show: Show, street: Street, ana: Account, bruno: Account
) -> None:
    page = show("/")
    await_live(page)
    # The dots stand still once one is halfway between the bank at the top and the hub, so that the mouse hits it.
    page.evaluate(
        """() => new MutationObserver((_, watching) => {
             const dot = document.querySelector(".map-wide .dot[transform]");
             const y = Number(/ (-?[\\d.]+)\\)/.exec(dot?.getAttribute("transform") ?? "")?.[1]);
             if (y > -150 && y < -70) { watching.disconnect(); window.requestAnimationFrame = () => 0; }
           }).observe(
             document.querySelector("[data-network-scene]"), { subtree: true, childList: true, attributes: true })"""
    )
    end_to_end_id = pay(street, ana)
    page.wait_for_function("() => window.requestAnimationFrame(() => undefined) === 0", polling=50)
    (dot,) = boxes(page, ".map-wide .dot[transform]")
    page.mouse.click(dot.x + dot.width / 2, dot.y + dot.height / 2)
    arrive(page, f"**/transfers/{end_to_end_id}")
    page.goto("/")
    page.locator(".map-wide [data-node='002']").click()
    arrive(page, "**/banks/002")


def test_the_activity_is_drawn_live_and_can_be_read(show: Show, street: Street, ana: Account, bruno: Account) -> None:
    page = show("/activity", size=PHONE, language="pt-BR", color_scheme="dark")
    expect(page.locator("[data-live-state=open]")).to_be_visible()
    pay(street, ana)
    expect(page.locator("[data-total='1']")).to_be_visible()
    expect(page.locator(".chart-narrow").first).to_be_visible()
    page.locator("#activity-table summary").click()
    assert faults_of(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE["viewport"]["width"]


def test_a_rest_call_is_tried_from_its_page(show: Show, street: Street) -> None:
    page = show("/api/docs")
    part = page.locator("[data-try][data-path='/api/v1/banks/{code}'][data-method=GET]")
    page.locator("details.operation", has=part).locator("summary").click()
    part.get_by_label("code").fill("001")
    expect(part.locator("[data-curl]")).to_contain_text("/api/v1/banks/001'")
    part.get_by_role("button", name="Try it").click()
    expect(part.locator("[data-answer]")).to_contain_text("Banco Aurora")
    assert faults_of(page) == []
