"""Two banks on real ports over one village, and people who look at them with Chromium."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect

from bank_sim.domain.account import Account
from bank_sim.entrypoints.http.app import create_app
from tests.browser.chromium import chromium
from tests.integration.bank_http.conftest import ana, aurora, bruno, ipe, village  # noqa: F401 - fixtures
from tests.integration.bank_http.serving import serving
from tests.support.network import banks, client, network, population  # noqa: F401 - fixtures
from tests.support.village import Postman, Village, VillageSettings

PATIENCE_MS = 60_000
expect.set_options(timeout=PATIENCE_MS)
DESKTOP: dict[str, Any] = {"viewport": {"width": 1280, "height": 800}}
PHONE: dict[str, Any] = {
    "viewport": {"width": 360, "height": 740},
    "device_scale_factor": 2,
    "is_mobile": True,
    "has_touch": True,
}
LOOKS = pytest.mark.parametrize(
    ("size", "language"),
    [pytest.param(PHONE, "pt-BR", id="phone"), pytest.param(DESKTOP, "en-GB", id="desktop", marks=pytest.mark.prove)],
)
"""The suite takes the narrow page with the longer words; the wide one in English is that of most other tests."""
STILL: dict[str, Any] = {"reduced_motion": "reduce"}
"""What blinks is drawn sixty times a second, by the processor, as a browser of tests has no other."""
NOT_OUR_DOING = "net::ERR_NETWORK_CHANGED"
"""Some other program gave the machine a network or took one away; live pages connect again."""


@dataclass
class Street:
    """The banks' sites, and the village behind them."""

    village: Village
    _served: ExitStack
    _addresses: dict[str, str] = field(default_factory=dict)

    def address(self, code: str) -> str:
        """Of a bank's site, which is served from the first time that a test asks for it."""
        if code not in self._addresses:
            bank = self.village.banks[code]
            clock = None if bank.follow_clock is None else bank.follow_clock.clock
            app = create_app(bank, VillageSettings(), clock)
            self._addresses[code] = self._served.enter_context(serving(app))
        return self._addresses[code]


@dataclass
class Watch:
    """What a browser complained about, and whom it asked."""

    complaints: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)
    expects_errors: bool = False
    """A test of failures gets answers that a browser reports as errors."""

    def over(self, page: Page, own: str) -> None:
        page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        page.on("console", self._hear)
        page.on(
            "request",
            lambda request: (
                None if request.url.startswith((own, "data:", "blob:")) else self.strangers.append(request.url)
            ),
        )

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and NOT_OUR_DOING not in message.text:
            self.complaints.append(message.text)


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """One for this folder alone: while it runs, no other test of this thread could run an event loop."""
    with chromium() as running:
        yield running


@pytest.fixture(autouse=True)
def _pages_are_closed(browser: Browser) -> Iterator[None]:
    """After each test, also a failed one: a page that is left open keeps streams, and its banks and hub busy."""
    yield
    for context in browser.contexts:
        context.close()


@pytest.fixture
def street(village: Village) -> Iterator[Street]:  # noqa: F811
    with ExitStack() as stack:
        stack.enter_context(Postman(village))
        yield Street(village, stack)


Show = Callable[..., Page]
"""Opens a page of the hub's console in a browser of its own."""


@pytest.fixture
def show(browser: Browser, street: Street, watch: Watch) -> Iterator[Show]:
    with ExitStack() as stack:
        address = stack.enter_context(serving(street.village.console()))

        def open_page(
            path: str = "/", *, size: dict[str, Any] = DESKTOP, language: str = "en-GB", **options: Any
        ) -> Page:
            context = browser.new_context(base_url=address, locale=language, **size, **options)
            context.set_default_timeout(PATIENCE_MS)
            stack.callback(context.close)
            page = context.new_page()
            watch.over(page, address)
            page.goto(path)
            return page

        yield open_page


@pytest.fixture
def watch() -> Iterator[Watch]:
    watching = Watch()
    yield watching
    assert watching.strangers == [], "a page asked another host"
    assert watching.expects_errors or watching.complaints == []


def sign_in(context: BrowserContext, account: Account) -> None:
    """As by the page's button, without the page."""
    shown = context.request.get("/sign-in").text()
    found = re.search('name="csrf_token" value="([^"]+)"', shown)
    assert found is not None, shown
    form: dict[str, str | float | bool] = {"csrf_token": found[1], "account_number": account.number}
    assert context.request.post("/sign-in/demo", form=form).url.endswith("/"), account


Look = Callable[..., Page]
"""Opens a bank's page in a browser of its own, signed in as the holder of an account if one is given."""


@pytest.fixture
def look(browser: Browser, street: Street, watch: Watch, tmp_path: Path) -> Iterator[Look]:
    contexts: list[BrowserContext] = []

    def open_page(
        code: str,
        account: Account | None = None,
        *,
        size: dict[str, Any] = DESKTOP,
        language: str = "en-GB",
        **options: Any,
    ) -> Page:
        address = street.address(code)
        context = browser.new_context(base_url=address, locale=language, **{**STILL, **size, **options})
        context.set_default_timeout(PATIENCE_MS)
        contexts.append(context)
        page = context.new_page()
        watch.over(page, address)
        if account is None:
            page.goto("/sign-in")
        else:
            sign_in(context, account)
            page.goto("/")
        return page

    yield open_page
    for context in contexts:
        context.close()
