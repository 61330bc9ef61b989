"""The lab's scenario builder and run history, and the hub's map within the lab's pages."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, expect

from lab.network.network import Network
from lab.prove.scenarios.from_file import read_scenario
from tests.browser.addresses import arrive
from tests.browser.conftest import DESKTOP, PHONE, Watch
from tests.browser.test_accessibility import faults_of
from tests.browser.test_lab import BACK_PATIENCE_MS, open_page
from tests.support.panel import serving_panel


@pytest.fixture
def panel(network: Network, client: httpx.Client) -> Iterator[str]:
    with serving_panel(network, client) as address:
        yield address


def test_a_scenario_is_built_saved_played_and_kept_as_a_report(
    browser: Browser, watch: Watch, panel: str, tmp_path: Path
) -> None:
    watch.expects_errors = True
    root = panel.partition("/?")[0]
    page = open_page(browser, watch, panel)
    page.goto(f"{root}/scenarios/new")
    page.locator("#title").fill("Maré congela")
    page.locator("#payments").fill("4")
    page.locator("[name='part-0']").select_option("bank-003")
    page.locator("[name='kind-0']").select_option("freeze")
    page.locator("[name='at_seconds-0']").fill("0.2")
    page.locator("[name='for_seconds-0']").fill("0.8")
    assert faults_of(page) == []
    with page.expect_download() as saving:
        page.locator("#save").click()
    path = tmp_path / saving.value.suggested_filename
    saving.value.save_as(path)
    assert path.name == "mare-congela.json" and read_scenario(path).title == "Maré congela"
    page.reload()
    page.locator("#file").set_input_files(path)
    page.locator(".builder-load button").click()
    expect(page.locator("#title")).to_have_value("Maré congela")
    page.locator("#title").fill(" ")
    page.locator("#play").click()
    expect(page.locator(".notice-bad")).to_contain_text("title")
    page.locator("#title").fill("Maré congela")
    page.locator("#play").click()
    arrive(page, f"{root}/")
    expect(page.locator("[data-scene=act]")).to_contain_text("bank-003 is frozen")
    expect(page.locator("[data-verdict]")).to_have_attribute("data-verdict", "green", timeout=BACK_PATIENCE_MS)
    page.goto(f"{root}/runs")
    newest = page.locator("[data-run]").first
    expect(newest).to_contain_text("Maré congela")
    newest.click()
    arrive(page, f"{root}/runs/**")
    expect(page.locator("main")).to_contain_text("bank-003 resumes")
    assert faults_of(page) == []
    with page.expect_download() as sharing:
        page.get_by_role("link", name="Report").click()
    report = Path(sharing.value.path()).read_text(encoding="utf-8")
    assert "No money lost, none created." in report and "<link" not in report and "<script" not in report
    with page.expect_download() as exporting:
        page.get_by_role("link", name="JSON").click()
    assert json.loads(Path(exporting.value.path()).read_text(encoding="utf-8"))["ok"] is True
    page.context.close()


def test_the_map_in_the_lab_is_whole_at_every_size(browser: Browser, watch: Watch, panel: str) -> None:
    for size in (DESKTOP, PHONE, {"viewport": {"width": 1920, "height": 1080}}):
        page = open_page(browser, watch, panel, **size)
        # A frame is there before its page: only the map inside tells that the page was loaded.
        expect(page.frame_locator("iframe.map-frame").locator("[data-network]")).to_be_visible()
        inside = page.locator("iframe.map-frame").element_handle().content_frame()
        assert inside is not None
        inside.wait_for_function(
            """() => document.querySelector("[data-network]")?.getBoundingClientRect().bottom <= window.innerHeight
                 && document.documentElement.scrollWidth <= window.innerWidth"""
        )
        page.context.close()
