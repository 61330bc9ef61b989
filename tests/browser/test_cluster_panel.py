"""The panel of a cluster: faults are injected and undone by its buttons, on a telephone and in the dark too."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from playwright.sync_api import Browser, expect

from lab.network.parts.ports import free_port
from lab.panel.cluster.serving import serving_panel
from lab.panel.cluster.tasks import PanelCluster
from tests.browser.conftest import DESKTOP, PATIENCE_MS, PHONE, STILL, Watch
from tests.browser.test_accessibility import faults_of
from tests.support.cluster_double import FakeCluster

LENGTHEN = """() => {
  document.querySelectorAll("main :is(p, li > span, td > span, .item-title, .item-detail, .step-words)")
    .forEach((place) => place.append("x".repeat(90)));
  return document.documentElement.scrollWidth;
}"""


@pytest.fixture
def cluster() -> FakeCluster:
    return FakeCluster()


@pytest.fixture
def address(cluster: FakeCluster, tmp_path: Path) -> Iterator[str]:
    with serving_panel(cast(PanelCluster, cluster), tmp_path, free_port()) as served:
        yield served


@pytest.mark.parametrize(
    ("size", "scheme", "language", "links"),
    [
        pytest.param(DESKTOP, "light", "en-GB", "Links between hosts", id="desktop"),
        pytest.param(PHONE, "dark", "pt-BR", "Conexões entre hosts", id="phone"),
    ],
)
def test_a_host_is_cut_off_and_healed_on_the_page(
    browser: Browser,
    watch: Watch,
    cluster: FakeCluster,
    address: str,
    size: dict[str, Any],
    scheme: Any,
    language: str,
    links: str,
) -> None:
    context = browser.new_context(locale=language, color_scheme=scheme, **{**STILL, **size})
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    watch.over(page, address.partition("?")[0])
    page.goto(address)
    page.locator("summary", has_text=links).click()
    page.locator("#inject-host-cut-off-from-some-hosts").click()
    expect(page.locator("[data-stage=stands]")).to_be_visible()
    expect(page.locator(".link-cut").first).to_be_attached()
    expect(page.locator("[data-host=h1]")).to_have_attribute("data-state", "cut off")
    assert list(cluster.faults())
    width = page.viewport_size["width"] if page.viewport_size else 0
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.locator("#undo-1").click()
    expect(page.locator("[data-verdict=green]")).to_be_visible()
    expect(page.locator(".link-cut")).to_have_count(0)
    expect(page.locator("[data-scene=times] [data-fault]")).to_have_count(1)
    assert list(cluster.faults()) == []
    assert page.evaluate(LENGTHEN) <= width
    page.reload()
    expect(page.locator("[data-verdict=green]")).to_be_visible()
    assert faults_of(page) == []
    context.close()
