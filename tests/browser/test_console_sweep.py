"""The console's pages at every size, in both languages and themes, without a script, and light enough."""

from __future__ import annotations

import gzip
from typing import Any

import pytest
from playwright.sync_api import expect

from bank_sim.domain.account import Account
from pix.wire.record import Record
from pix.wire.topics import HUB_TOPIC
from tests.browser.boxes import boxes
from tests.browser.conftest import PHONE, Show, Street, Watch
from tests.browser.test_accessibility import faults_of
from tests.browser.test_console import await_closed, pay

PAGE_BYTES_MAX = 60_000
NAME = "Maria Antônia Wolfeschlegelsteinhausenbergerdorff de Albuquerque"
SIZES: dict[str, dict[str, Any]] = {
    "360": PHONE,
    "390": {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True},
    "768": {"viewport": {"width": 768, "height": 1024}},
    "1440": {"viewport": {"width": 1440, "height": 900}},
    "1920": {"viewport": {"width": 1920, "height": 1080}},
}
PATHS = (
    "/", "/activity", "/topics", f"/topics/{HUB_TOPIC}", "/trail", "/search?q=ana", "/transfers",
    "/transfers?amount=abc&bank=999", "/returns", "/banks", "/banks/001", "/banks/001/suspend", "/directory",
    "/dead-letters", "/protocol", "/api/docs",
)  # fmt: skip


def test_the_filter_of_transfers_stays_in_order_with_a_fault_and_pages_waste_no_room(
    show: Show, street: Street, watch: Watch, ana: Account, bruno: Account
) -> None:
    watch.expects_errors = True
    await_closed(street, pay(street, ana))
    page = show("/transfers?amount=abc", size=SIZES["1440"])
    fields = boxes(page, "#status", "#bank", "#amount", "#since", "#until")
    assert len({round(box.y) for box in fields}) == 1, "a fault below one field moves no other"
    assert fields[3].width >= 200, "date and time can be read"
    page.goto("/")
    latest, health = boxes(page, "#latest-heading", "#health-heading")
    assert latest.x > health.x
    page.goto("/returns")
    expect(page.locator(".pager")).to_have_count(0)
    page.goto("/directory")
    expect(page.locator(".pager")).to_have_count(0)
    assert (
        page.evaluate(
            "getComputedStyle(document.querySelector('.table > :last-child tr:last-child th')).borderBottomWidth"
        )
        == "0px"
    )
    page.goto("/activity#activity-table")
    assert "▸" in page.evaluate("getComputedStyle(document.querySelector('.fold summary'), '::before').content")


def test_a_page_weighs_at_most_60_kb_without_pictures(show: Show, street: Street, ana: Account, bruno: Account) -> None:
    for number in range(31):
        pay(street, ana, amount_centavos=100 + number)
    page = show("/", java_script_enabled=False)
    for path in PATHS:
        answer = page.request.get(path)
        assert len(gzip.compress(answer.body())) <= PAGE_BYTES_MAX, path
        assert len(answer.body()) <= 4 * PAGE_BYTES_MAX, path


@pytest.mark.prove
@pytest.mark.parametrize("size", list(SIZES))
@pytest.mark.parametrize(("language", "scheme"), [("en-GB", "dark"), ("pt-BR", "light")])
def test_every_page_fits_every_screen(
    show: Show,
    street: Street,
    watch: Watch,
    ana: Account,
    bruno: Account,
    size: str,
    language: str,
    scheme: str,
) -> None:
    watch.expects_errors = True
    end_to_end_id = pay(street, ana)
    await_closed(street, end_to_end_id)
    street.village.publish([Record(HUB_TOPIC, b"x", b"nonsense")])
    street.village.resend_until(lambda: bool(street.village.hub.dead_letters.list(None, 1)))
    digest = street.village.hub.dead_letters.list(None, 1)[0].digest
    page = show("/", size=SIZES[size], language=language, color_scheme=scheme, reduced_motion="reduce")
    width = SIZES[size]["viewport"]["width"]
    faults, wide = [], []
    for path in (*PATHS, f"/transfers/{end_to_end_id}", f"/dead-letters/{digest}", "/map"):
        page.goto(path)
        page.evaluate(
            "name => document.querySelectorAll('main :is(h2, td, li > span, .item-title, .item-detail)')"
            ".forEach(place => place.append(' ' + name))",
            NAME,
        )
        reached = page.evaluate("document.documentElement.scrollWidth")
        if reached > width:
            wide.append((path, reached))
        page.reload()
        faults += faults_of(page)
        page.set_viewport_size(SIZES[size]["viewport"])
    assert (faults, wide) == ([], [])
