"""The hub's console with a browser: the map moves, the explorer explains, and everybody can read both."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from bank_sim.domain.account import Account
from hub.application.ports import TransferFilter
from pix.wire.record import Record
from pix.wire.topics import HUB_TOPIC
from tests.browser.addresses import arrive
from tests.browser.conftest import DESKTOP, PATIENCE_MS, PHONE, Show, Street, Watch
from tests.browser.test_accessibility import faults_of

COUNT_DOTS = """() => {
  window.dots = 0;
  const count = (changes) => changes.forEach((change) => change.addedNodes.forEach((node) => {
    window.dots += node.nodeName === "use" ? 1 : 0;
  }));
  new MutationObserver(count).observe(document.querySelector("[data-network]"), { childList: true, subtree: true });
}"""
MOST_DOTS = """() => {
  window.mostDots = 0;
  const look = () => {
    window.mostDots = Math.max(window.mostDots, document.querySelectorAll(".dot").length);
    requestAnimationFrame(look);
  };
  look();
}"""
DOTS_MAX = 150
MESSAGES_OF_A_TRANSFER = 7
LIVE = "[data-map-state=live]"


def pay(street: Street, payer: Account, amount_centavos: int = 1_234, key: str = "bruno@example.com") -> str:
    bank = street.village.banks["001"]
    found = bank.find_payee(key=key)
    transfer = bank.request_transfer(
        account_number=payer.number,
        payee_key=found.key,
        amount_centavos=amount_centavos,
        description="Almoço",
        idempotency_key=f"{amount_centavos}",
        payee_tax_id_masked=found.tax_id_masked,
        payee_name=found.name,
        payee_bank_name=found.bank_name,
    )
    street.village.arrived.set()
    return transfer.end_to_end_id


def await_closed(street: Street, end_to_end_id: str) -> None:
    """Until both banks have acknowledged it."""

    def is_closed() -> bool:
        found = street.village.hub.queries.list_transfers(TransferFilter(id_part=end_to_end_id))
        return bool(found) and found[0].closed_at_ms is not None

    street.village.resend_until(is_closed)


def await_live(page: Page) -> None:
    """Until the map hears what passes: a stream that is open, and the tap behind it."""
    expect(page.locator(LIVE)).to_be_visible()


def test_a_transfer_is_seen_on_the_map_and_explained_in_the_explorer(
    show: Show, street: Street, ana: Account, bruno: Account
) -> None:
    page = show("/")
    await_live(page)
    page.wait_for_function("() => document.querySelectorAll('[data-state=up]').length === 3")
    page.evaluate(COUNT_DOTS)
    wire = street.village.wire
    expect(page.locator("[data-count=completed]")).to_have_text("0")
    assert wire.taps, "somebody watches, so the wire is tapped"
    end_to_end_id = pay(street, ana)
    page.wait_for_function("() => window.dots >= 7", timeout=PATIENCE_MS)
    expect(page.locator("[data-count=completed]")).to_have_text("1")
    page.locator(f"a[data-transfer={end_to_end_id}]").click()
    arrive(page, f"**/transfers/{end_to_end_id}")
    drawing = page.locator("svg.sequence-wide")
    expect(drawing.locator("[data-message]")).to_have_count(7)
    expect(drawing).to_contain_text("both banks have acknowledged")
    expect(page.locator("[data-bookings='001']")).to_contain_text("settlement_out")
    expect(page.locator("[data-bookings='002']")).to_contain_text("credit")
    drawing.locator("a", has_text="TransferAccepted").click()
    accepted = page.locator("details.message", has_text="TransferAccepted")
    expect(accepted.locator(".dump")).to_contain_text("0a 20 45")
    accepted.get_by_role("link", name="the payee's bank accepts").click()
    arrive(page, "**/protocol#payees-bank-promises")
    page.goto("/protocol#both-banks-have-booked")
    expect(page.locator("#both-banks-have-booked")).to_be_in_viewport()


def test_a_storm_of_payments_draws_no_more_dots_than_a_page_can_move(
    show: Show, street: Street, ana: Account, bruno: Account
) -> None:
    page = show("/map")
    await_live(page)
    page.evaluate(MOST_DOTS)
    payments = 2 * DOTS_MAX // MESSAGES_OF_A_TRANSFER
    for number in range(payments):
        pay(street, ana, amount_centavos=100 + number)
    expect(page.locator("[data-count=completed]")).to_have_text(str(payments))
    assert 0 < page.evaluate("window.mostDots") <= DOTS_MAX


def test_a_paused_map_stands_still_until_it_goes_on(show: Show, street: Street, ana: Account, bruno: Account) -> None:
    page = show("/map")
    await_live(page)
    button = page.get_by_role("button", name="Pause")
    button.click()
    expect(page.locator("[data-map-state=paused]")).to_contain_text("Paused")
    end_to_end_id = pay(street, ana)
    await_closed(street, end_to_end_id)
    expect(page.locator("[data-count=completed]")).to_have_text("0")
    page.get_by_role("button", name="Resume").click()
    expect(page.locator("[data-count=completed]")).to_have_text("1")


def test_who_wants_no_motion_gets_none_and_the_figures_all_the_same(
    show: Show, street: Street, ana: Account, bruno: Account
) -> None:
    page = show("/", reduced_motion="reduce")
    await_live(page)
    page.evaluate(COUNT_DOTS)
    pay(street, ana)
    expect(page.locator("[data-count=completed]")).to_have_text("1")
    assert page.evaluate("window.dots") == 0


def test_a_bank_that_falls_silent_is_told_in_words(show: Show, street: Street, ana: Account, bruno: Account) -> None:
    page = show("/")
    await_live(page)
    page.wait_for_function("() => document.querySelectorAll('[data-state=up]').length === 3")
    street.village.hub.suspend_bank("002")
    expect(page.locator(".map-wide [data-node='002'] .map-state")).to_contain_text("suspended")
    expect(page.locator("[data-map-news]")).to_contain_text("Banco Ipê: suspended")


@pytest.mark.parametrize(
    ("size", "scheme", "language"), [(DESKTOP, "light", "en-GB"), (PHONE, "dark", "pt-BR")], ids=["desktop", "phone"]
)
def test_every_page_of_the_console_can_be_read_by_everybody(
    show: Show,
    street: Street,
    watch: Watch,
    ana: Account,
    bruno: Account,
    size: dict[str, Any],
    scheme: str,
    language: str,
) -> None:
    watch.expects_errors = True
    village = street.village
    end_to_end_id = pay(street, ana)
    await_closed(street, end_to_end_id)
    village.publish([Record(HUB_TOPIC, b"x", b"nonsense")])
    village.resend_until(lambda: bool(village.hub.dead_letters.list(None, 1)))
    digest = village.hub.dead_letters.list(None, 1)[0].digest
    page = show("/", size=size, color_scheme=scheme, language=language, reduced_motion="reduce")
    faults, wide = [], []
    paths = ["/", f"/transfers/{end_to_end_id}", "/banks", "/protocol"]
    if size is PHONE:
        # Where there is the least room every page is looked at.
        paths += [
            "/map",
            "/transfers",
            "/banks/001",
            "/directory",
            "/directory/EMAIL/bruno@example.com",
            "/dead-letters",
            f"/dead-letters/{digest}",
        ]
    for path in paths:
        page.goto(path)
        if path.startswith("/transfers/E"):
            page.locator("[data-tabs] a[href='#ledger']").click()
            expect(page.locator("[data-bookings='002']")).to_be_visible()
        width = page.evaluate("document.documentElement.scrollWidth")
        if width > size["viewport"]["width"]:
            wide.append((path, width))
        faults += faults_of(page)
        page.set_viewport_size(size["viewport"])
    assert (faults, wide) == ([], [])
