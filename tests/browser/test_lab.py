"""The lab's panel and its classroom with Chromium."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from lab.classroom.steps import STEPS
from lab.drive.customers import Population
from lab.drive.payments import PaymentDriver, payment
from lab.network.network import DEMO_BANKS, Network, NetworkSettings
from lab.network.parts.ports import free_port
from lab.network.parts.process import wait_until
from lab.prove.scenarios.registry import SCENARIOS
from lab.read.rest import BankRest, new_client
from pix.web.client import new_http_client
from tests.browser.conftest import DESKTOP, PATIENCE_MS, PHONE, STILL, Watch
from tests.browser.test_accessibility import faults_of
from tests.browser.test_console import COUNT_DOTS, LIVE
from tests.support.panel import serving_panel

BACK_PATIENCE_MS = 90_000
PUZZLE_PATIENCE_MS = 60_000
SESSION_SECONDS = 4.0
"""The shortest after which a consumer group would throw out a member that stands still."""
LOOPBACK = "http://127.0.0.1:"


def open_page(browser: Browser, watch: Watch, address: str, **options: Any) -> Page:
    page = browser.new_context(**{"locale": "en-GB", **DESKTOP, **STILL, **options}).new_page()
    page.set_default_timeout(PATIENCE_MS)
    watch.over(page, LOOPBACK)
    page.goto(address)
    return page


@pytest.fixture
def panel(network: Network, client: httpx.Client) -> Iterator[str]:
    with serving_panel(network, client) as address:
        yield address


def test_a_scenario_is_played_from_its_button_to_a_green_audit(browser: Browser, watch: Watch, panel: str) -> None:
    page = open_page(browser, watch, panel)
    assert "token" not in page.url
    page.locator("#play-payee-bank-dies").click()
    expect(page.locator("[data-scene=act]")).to_contain_text("is killed during the payments")
    expect(page.locator("[data-part=bank-003]")).to_have_attribute("data-condition", "held")
    expect(page.locator("[data-verdict]")).to_have_attribute("data-verdict", "green", timeout=BACK_PATIENCE_MS)
    expect(page.locator("[data-verdict]")).to_contain_text("No money lost")
    expect(page.locator("[data-invariant].is-good")).to_have_count(7)
    expect(page.locator("[data-part=bank-003]")).to_have_attribute("data-condition", "ready")
    page.context.close()


# `make test` plays most of them without the page, in tests/e2e/test_scenario_command.py.
@pytest.mark.prove
@pytest.mark.parametrize("name", [name for name in SCENARIOS if name != "payee-bank-dies"])
def test_every_button_ends_in_a_green_audit(browser: Browser, watch: Watch, panel: str, name: str) -> None:
    watch.expects_errors = True  # the hub, whose map is shown, is killed in some of them
    page = open_page(browser, watch, panel)
    page.locator(f"#play-{name}").click()
    expect(page.locator("[data-scene=act]")).to_contain_text(SCENARIOS[name].title)
    expect(page.locator("[data-verdict]")).to_have_attribute("data-verdict", "green", timeout=BACK_PATIENCE_MS)
    expect(page.locator("[data-invariant].is-good")).to_have_count(7)
    page.context.close()


def test_a_stopped_hub_comes_back_and_the_pages_with_it(
    browser: Browser,
    watch: Watch,
    panel: str,
    network: Network,
    banks: dict[str, BankRest],
    population: Population,
) -> None:
    watch.expects_errors = True
    page = open_page(browser, watch, panel)
    console = open_page(browser, watch, network.hub_url, reduced_motion="no-preference")
    expect(console.locator(LIVE)).to_be_visible()
    hub = page.locator("[data-part=hub]")
    expect(hub).to_have_attribute("data-condition", "ready", timeout=BACK_PATIENCE_MS)
    pid = network.hubs[0].pid
    page.locator("#hub-stop").click()
    expect(hub).to_have_attribute("data-condition", "held")
    expect(page.locator("[data-scene=window]")).to_contain_text("The hub is down")
    expect(console.locator("[data-map-state=lost]")).to_contain_text("Reconnecting")
    page.locator("#hub-start").click()
    expect(hub).to_have_attribute("data-condition", "ready", timeout=BACK_PATIENCE_MS)
    expect(page.locator("[data-scene=window] iframe")).to_be_visible()
    assert network.hubs[0].pid != pid

    # The console's page has found its hub again without a reload: it shows a new payment and its messages, which the
    # console reads from any broker by its tap.
    expect(console.locator(LIVE)).to_be_visible(timeout=BACK_PATIENCE_MS)
    console.evaluate(COUNT_DOTS)
    order = payment(population.rich("001"), population.friends("002")[0], 77_77, f"after the hub {time.time_ns()}")
    sent = PaymentDriver(banks).send(order)
    expect(console.locator(f"[data-transfer='{sent.end_to_end_id}']")).to_be_visible(timeout=BACK_PATIENCE_MS)
    console.wait_for_function("() => window.dots >= 7", timeout=BACK_PATIENCE_MS)
    console.context.close()
    page.context.close()


def test_what_cannot_be_done_is_said_in_passing(browser: Browser, watch: Watch, panel: str, network: Network) -> None:
    watch.expects_errors = True
    page = open_page(browser, watch, panel)
    expect(page.locator("[data-part=bank-002]")).to_have_attribute("data-condition", "ready")
    page.locator("#rate_per_second").fill("3")
    page.locator("#traffic-start").click()
    expect(page.locator("[data-running]")).to_have_attribute("data-running", "yes")
    page.locator("#audit").click()
    other = page.locator("#play-hub-dies")
    expect(other).to_be_disabled()
    # As from a page that has not been told yet.
    other.evaluate("each => { each.disabled = false; each.click(); }")
    expect(page.locator(".toast")).to_contain_text("Another run is in progress")
    expect(page.locator("[data-verdict]")).to_have_attribute("data-verdict", "green", timeout=BACK_PATIENCE_MS)
    page.locator("#traffic-stop").click()
    expect(page.locator("[data-running]")).to_have_attribute("data-running", "no")
    page.context.close()


def test_a_slow_click_is_a_click_though_the_page_moves_meanwhile(browser: Browser, watch: Watch, panel: str) -> None:
    page, onlooker = open_page(browser, watch, panel), open_page(browser, watch, panel)
    page.locator("#rate_per_second").fill("3")
    page.locator("#traffic-start").click()
    stop = page.locator("#traffic-stop")
    expect(stop).to_be_visible()
    stop.hover()
    page.mouse.down()
    sent = onlooker.locator("[data-figure=sent]")
    for _ in range(3):
        expect(sent).not_to_have_text(sent.inner_text())
    page.mouse.up()
    expect(page.locator("[data-running]")).to_have_attribute("data-running", "no")
    expect(onlooker.locator("[data-running]")).to_have_attribute("data-running", "no")
    onlooker.context.close()
    page.context.close()


def test_axe_finds_no_serious_fault_on_the_panel(browser: Browser, watch: Watch, panel: str) -> None:
    watch.expects_errors = True
    for size, scheme in ((DESKTOP, "light"), (PHONE, "dark")):
        page = open_page(browser, watch, panel, **size, color_scheme=scheme)
        if size is DESKTOP:
            page.locator("#audit").click()
        expect(page.locator("[data-verdict]")).to_be_visible(timeout=BACK_PATIENCE_MS)
        assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]  # type: ignore[index]
        # The same with words longer than any that the network has now.
        reached = page.evaluate(
            """() => {
              document.querySelectorAll("main :is(h2, p, li > span, .item-title, .item-detail, .step-words)")
                .forEach((place) => place.append("x".repeat(90)));
              return document.documentElement.scrollWidth;
            }"""
        )
        assert reached <= page.viewport_size["width"]  # type: ignore[index]
        page.reload()
        expect(page.locator("[data-verdict]")).to_be_visible(timeout=BACK_PATIENCE_MS)
        assert faults_of(page) == [], scheme
        page.goto(panel.replace("?token=", "?token=wrong"))
        assert faults_of(page) == [], scheme
        page.context.close()


# The classroom.


@pytest.fixture(scope="module")
def classroom(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Network]]:
    settings = NetworkSettings(
        folder=tmp_path_factory.mktemp("story"),
        banks=DEMO_BANKS[:2],
        splits_roles=True,
        durable=False,
        resend_first_seconds=86_400.0,
        resend_cap_seconds=86_400.0,
        lab_port=free_port(),
        extra_environment={"KAFKA_SESSION_TIMEOUT_MS": str(int(SESSION_SECONDS * 1000))},
    )
    with (
        Network(settings) as network,
        new_client(network.secrets.operator) as client,
        serving_panel(network, client, is_classroom=True) as address,
    ):
        yield address, network


def test_the_story_is_told_from_the_first_step_to_the_last(
    browser: Browser, watch: Watch, classroom: tuple[str, Network]
) -> None:
    address, network = classroom
    page = open_page(browser, watch, address)
    heading = page.locator("h1")
    expect(heading).to_have_text("Before the payment")
    shown = {}
    consumers = [*network.hub_consumers, *(bank.consumer for bank in network.banks if bank.consumer is not None)]
    stood_still_since = time.monotonic()
    for number, step in enumerate(STEPS[1:], 1):
        if step.kind == "close" and step.example == "completes":
            # All of them have stood still for longer than a member of a group may; nobody was thrown out.
            wait_until(lambda: time.monotonic() - stood_still_since > SESSION_SECONDS, 60, "a session's time to pass")
        page.locator("#next").click()
        expect(page.locator("[data-step]")).to_have_attribute("data-step", str(number))
        expect(heading).to_have_text(step.title)
        assert all(consumer.is_frozen() for consumer in consumers), step.title
        shown[step.title] = page.locator("main").inner_text()
        if step.row is not None:
            expect(page.locator("tr[aria-current=step] td").first).to_have_text(str(step.row))
    assert (
        "R$\N{NO-BREAK SPACE}125,00" in shown["The customer pays"] and "customer debited" in shown["The customer pays"]
    )
    assert re.search(r"reserved\s+R\$\N{NO-BREAK SPACE}125,00", shown["The hub looks up the key and reserves"])
    assert "TransferAccepted" in shown["The payee's bank accepts"]
    assert shown["The hub decides: confirmed"].count("TransferConfirmed") >= 4, "two arrows, and the fields of each"
    assert "customer credited" in shown["The payee is credited"]
    assert "clearing settled" in shown["The payer's bank settles"]
    assert "Completed" in shown["Completed"]
    assert "AC06" in shown["The payee's bank rejects"] and "TransferRejected" in shown["The payee's bank rejects"]
    assert "customer refunded" in shown["The payer is refunded"]
    expect(page.locator("[data-invariant].is-good")).to_have_count(7)
    assert faults_of(page) == []
    page.locator("#start-over").click()
    expect(heading).to_have_text("Before the payment")
    # For a projector: large type, one key for each step, and the notes on a page for the speaker alone.
    page.goto(f"{address.partition('/?')[0]}/?present=yes")
    expect(page.locator("[data-presenting][data-live-state=open]")).to_be_visible()
    map_ = page.frame_locator("iframe.map-frame")
    expect(map_.locator("[data-map-waiting-word]")).to_have_text("Waiting for step 1")
    expect(map_.locator(".map-wide .map-state").first).to_be_hidden()
    notes = page.context.new_page()
    notes.goto(f"{address.partition('/?')[0]}/notes")
    expect(notes.locator("[data-note]")).to_contain_text("who may change a balance here?")
    page.keyboard.press("ArrowRight")
    expect(heading).to_have_text(STEPS[1].title)
    expect(notes.locator("[data-note]")).to_contain_text("what if the bank crashes")
    assert faults_of(page) + faults_of(notes) == []
    page.context.close()


def test_the_story_is_there_for_programs_too(classroom: tuple[str, Network]) -> None:
    root, _, token = classroom[0].partition("/?token=")
    with new_http_client(base_url=f"{root}/api/v1", headers={"Authorization": f"Bearer {token}"}, timeout=60) as api:
        assert api.post("/story/start-over").json()["step"] == 0
        paid = api.post("/story/next").json()
        assert (paid["scene"], paid["protocol_row"]) == ("pay", 1)
        assert [message["type"] for message in paid["messages"]] == ["TransferRequested"]
        assert paid["messages"][0]["fields"]["amount_centavos"] == paid["payer"]["clearing_centavos"] == 125_00
        assert paid["hub"]["status"] == "", "the hub has not read it"
        offered = api.post("/story/next").json()
        assert offered["hub"]["status"] == "pending"
        assert offered["hub"]["accounts"][0]["reserved_centavos"] == 125_00
        assert api.get("/parts").status_code == 404, "nothing else moves the network meanwhile"


def test_the_puzzle_opens_in_portuguese(browser: Browser, watch: Watch, classroom: tuple[str, Network]) -> None:
    page = open_page(browser, watch, classroom[0], locale="pt-BR")
    page.get_by_role("link", name="Qual banco perde dinheiro?").first.click()
    expect(page.locator("h1")).to_have_text("Qual banco perde dinheiro?")
    expect(page.locator("#play")).to_have_text("Começar")
    assert faults_of(page) == []
    page.context.close()


@pytest.mark.prove
def test_a_student_finds_the_bank_that_loses_money(
    browser: Browser, watch: Watch, classroom: tuple[str, Network]
) -> None:
    page = open_page(browser, watch, classroom[0])
    page.get_by_role("link", name="Which bank loses money?").first.click()
    page.locator("#play").click()
    check = page.locator("#answer")
    expect(check).to_be_visible(timeout=PUZZLE_PATIENCE_MS)
    expect(page.locator("[data-invariant].is-bad")).to_have_count(1)
    assert faults_of(page) == []
    for bank, mistake, said in (
        ("001", "refunds-twice", "Another bank has the mistake"),
        ("002", "refunds-twice", "its mistake is another"),
        ("002", "keeps-the-money", "Right."),
    ):
        page.locator(f"input[name=bank][value='{bank}']").check()
        page.locator(f"input[name=defect][value='{mistake}']").check()
        check.click()
        expect(page.locator(".story-words .notice")).to_contain_text(said)
    expect(page.locator("#right")).to_be_visible()
    assert faults_of(page) == []
    page.context.close()
