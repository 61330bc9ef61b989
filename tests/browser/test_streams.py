"""Event streams in a real browser: few connections for many tabs, an end with the session, and an honest lamp."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from fastapi import FastAPI
from playwright.sync_api import Browser, BrowserContext, Page, expect

from bank_sim.application.use_cases import BankApplication
from bank_sim.domain.account import Account
from bank_sim.entrypoints.http.app import create_app
from lab.network.network import Network
from lab.network.parts.process import wait_until
from tests.browser.addresses import arrive
from tests.browser.conftest import DESKTOP, PATIENCE_MS, Watch
from tests.browser.test_console import LIVE, pay
from tests.integration.bank_http.serving import serving
from tests.support.village import Postman, Village, VillageSettings

TABS = 12
STREAMS_OF_A_BROWSER = 3
PATIENCE_SECONDS = PATIENCE_MS / 1000
RESTART_PATIENCE_MS = 60_000
OPEN = "[data-live-state=open]"
AT_REST = f"{OPEN}, [data-live-state=waiting]"
"""A tab that has had a stream: each asks for one when it is opened, and takes another tab's place."""


class Tabs:
    """One browser with many tabs of a bank, signed in by the first of them."""

    def __init__(self, context: BrowserContext, app: FastAPI, watch: Watch, address: str) -> None:
        self._context = context
        self._watch = watch
        self._address = address
        self.app = app

    def open(self, path: str) -> Page:
        page = self._context.new_page()
        self._watch.over(page, self._address)
        page.goto(path)
        return page

    def sign_in(self, account: Account) -> Page:
        page = self.open("/sign-in")
        page.locator(f"button[name=account_number][value='{account.number}']").click()
        arrive(page, f"{self._address}/")
        return page

    @property
    def streams(self) -> int:
        """How many event streams the bank serves."""
        return int(self.app.state.session_registry.streams)

    def await_streams(self, count: int) -> None:
        wait_until(lambda: self.streams <= count, PATIENCE_SECONDS, f"at most {count} streams")


@pytest.fixture
def tabs(browser: Browser, watch: Watch, village: Village, ipe: BankApplication) -> Iterator[Tabs]:
    app = create_app(ipe, VillageSettings())
    with ExitStack() as stack:
        stack.enter_context(Postman(village))
        address = stack.enter_context(serving(app))
        context = browser.new_context(base_url=address, locale="en-GB", **DESKTOP)
        context.set_default_timeout(PATIENCE_MS)
        stack.callback(context.close)
        yield Tabs(context, app, watch, address)


def use(page: Page) -> None:
    """Looks at a tab, as a person does who clicks into it."""
    page.bring_to_front()
    page.mouse.click(2, 2)


def test_twelve_tabs_open_at_once_and_each_is_live_when_it_is_used(
    tabs: Tabs, village: Village, aurora: BankApplication, ana: Account, bruno: Account
) -> None:
    first = tabs.sign_in(bruno)
    pages = [first, *(tabs.open("/receive") for _ in range(TABS - 1))]
    # A tab that still asks for its first stream would take that of one that is used meanwhile.
    for page in pages:
        expect(page.locator(AT_REST)).to_be_attached()
    tabs.await_streams(STREAMS_OF_A_BROWSER)
    for page in pages:
        use(page)
        expect(page.locator(OPEN)).to_be_visible() if page is first else expect(page.locator(OPEN)).to_be_attached()
        assert tabs.streams <= STREAMS_OF_A_BROWSER + 1, "one more while a tab gives way to another"
    tabs.await_streams(STREAMS_OF_A_BROWSER)
    street = type("Street", (), {"village": village})()
    pay(street, ana)
    # The last one is looked at; another one catches up when it is.
    for page in (pages[-1], pages[1], pages[-1]):
        use(page)
        expect(page.locator("#arrivals")).to_contain_text("Ana Souza")


def test_signing_out_in_one_tab_ends_the_stream_of_every_other_one(tabs: Tabs, bruno: Account) -> None:
    home = tabs.sign_in(bruno)
    others = [tabs.open("/receive"), tabs.open("/keys"), tabs.open("/")]
    expect(others[0].locator(OPEN)).to_be_attached()
    home.locator(".switcher > summary").click()
    home.get_by_role("button", name="Sign out").click()
    for page in (home, *others):
        arrive(page, "**/sign-in")
    tabs.await_streams(0)


def test_signing_in_as_somebody_else_ends_the_other_tabs_too(tabs: Tabs, ipe: BankApplication, bruno: Account) -> None:
    other = ipe.open_account(name="Eva Lima", tax_id="39053344705", opening_deposit_centavos=100, pin="2468")
    home = tabs.sign_in(bruno)
    expect(home.locator(OPEN)).to_be_visible()
    new = tabs.sign_in(other)
    expect(new.locator("body")).to_contain_text("Eva")
    arrive(home, "**/sign-in")
    expect(new.locator(OPEN)).to_be_visible()


def test_a_stream_that_learns_of_the_end_alone_leaves_as_well(tabs: Tabs, bruno: Account) -> None:
    """As at a browser whose tabs cannot tell each other, and when a session is not used for too long."""
    home = tabs.sign_in(bruno)
    expect(home.locator(OPEN)).to_be_visible()
    session_registry = tabs.app.state.session_registry
    now_seconds = session_registry.now_seconds
    session_registry.now_seconds = lambda: now_seconds() + 3_600
    # Another look at the page's stream, as each few minutes.
    home.evaluate("() => { window.dispatchEvent(new Event('pagehide')); window.dispatchEvent(new Event('focus')); }")
    arrive(home, "**/sign-in")


def test_the_map_says_when_the_hub_stands_still_and_when_it_goes_on(
    browser: Browser, network: Network, watch: Watch
) -> None:
    page = browser.new_context(locale="en-GB", **DESKTOP).new_page()
    page.set_default_timeout(PATIENCE_MS)
    watch.over(page, "http://127.0.0.1:")
    page.goto(f"{network.hub_url}/map")
    expect(page.locator(LIVE)).to_be_visible()
    service = next(each for each in network.services if each.name.startswith("hub"))
    service.freeze()
    try:
        silent = page.locator("[data-map-state=silent]")
        expect(silent).to_contain_text("No data for ")
        expect(silent).to_contain_text("No data for 5 s")
        expect(page.locator("[data-map-data=old] [data-network-scene]")).to_have_css("filter", "grayscale(1)")
    finally:
        service.thaw()
    expect(page.locator(LIVE)).to_be_visible(timeout=RESTART_PATIENCE_MS)
    expect(page.locator("[data-map-data=old]")).to_have_count(0)
    page.context.close()
