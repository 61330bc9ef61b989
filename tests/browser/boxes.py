"""The places of elements on a page that is updated live."""

from __future__ import annotations

from dataclasses import dataclass

from playwright.sync_api import Page


@dataclass(frozen=True, slots=True)
class Box:
    """In CSS pixels, from the window's upper left corner."""

    x: float
    y: float
    width: float
    height: float


def boxes(page: Page, *selectors: str) -> list[Box]:
    """The first element of each CSS selector, all at one moment.

    `Locator.bounding_box` finds and measures in two steps; a live part that is replaced in between has no box.
    """
    found = page.evaluate(
        """selectors => selectors.map((selector) => {
             const { x, y, width, height } = document.querySelector(selector).getBoundingClientRect();
             return { x, y, width, height };
           })""",
        selectors,
    )
    return [Box(**each) for each in found]
