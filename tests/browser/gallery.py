"""Every page at telephone and desktop size: `python -m tests.browser.gallery [folder]`; index.html there shows them.

The pages are those of the screenshots' village and of the lab. The pictures are for people who change pages; the few
of README and docs are made by `tests.browser.screenshots`.
"""

from __future__ import annotations

import html
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Browser, Page

from tests.browser.chromium import chromium
from tests.browser.conftest import DESKTOP, PHONE
from tests.browser.furnishing import (
    BANK_PAGES,
    CLASSROOM_PAGES,
    HUB_PAGES,
    LAB_PAGES,
    PAYEE_PAGES,
    PUBLIC_PAGES,
    first_key,
    furnish,
    pay_for_lunch,
)
from tests.browser.screenshots import (
    PATIENCE_MS,
    Studio,
    open_lab,
    open_studio,
    to_review,
    village_with_history,
)
from tests.prerequisites import find_chromium

FOLDER: Final = Path("gallery")
SIZES: Final[dict[str, dict[str, Any]]] = {"phone": PHONE, "desktop": DESKTOP}
HEIGHT_MAX: Final = 2_400
"""Of a picture; a longer page is cut."""
NAME_LENGTH_MAX: Final = 80
SETTLE: Final = "document.fonts.ready"


@dataclass(frozen=True, slots=True)
class Shot:
    room: str
    path: str
    size: str
    file: str


class Gallery:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._shots: list[Shot] = []
        self.missing: list[str] = []
        folder.mkdir(parents=True, exist_ok=True)

    def take(self, room: str, page: Page, paths: Sequence[str], names: Mapping[str, str]) -> None:
        """A picture of each path, at each size; `names` are what paths have in braces.

        A page that does not answer with 200 is named at the end of the run.
        """
        for address in paths:
            path = re.sub(r"^https?://[^/]+", "", address)
            for size, options in SIZES.items():
                page.set_viewport_size(options["viewport"])
                answer = page.goto(address.format_map(names))
                if answer is None or answer.status != 200:
                    self.missing.append(f"{room} {path}: {answer and answer.status}")
                    break
                page.evaluate(SETTLE)
                height = page.evaluate("document.documentElement.scrollHeight")
                width, least = options["viewport"]["width"], options["viewport"]["height"]
                page.set_viewport_size({"width": width, "height": min(max(height, least), HEIGHT_MAX)})
                name = re.sub(r"[^a-z0-9]+", "-", path.lower()).strip("-")[:NAME_LENGTH_MAX] or "home"
                file = f"{room}-{name}-{size}.png"
                page.screenshot(path=self._folder / file)
                self._shots.append(Shot(room, path, size, file))
            sys.stdout.write(f"{room} {path}\n")

    def write_index(self) -> Path:
        """The page that shows all pictures, a row for each page."""
        rows = []
        for room, path in dict.fromkeys((shot.room, shot.path) for shot in self._shots):
            pictures = "".join(
                f'<a href="{shot.file}"><img src="{shot.file}" alt="{shot.size}" loading="lazy"></a>'
                for shot in self._shots
                if (shot.room, shot.path) == (room, path)
            )
            rows.append(f"<h2>{html.escape(room)} <code>{html.escape(path)}</code></h2><p>{pictures}</p>")
        index = self._folder / "index.html"
        style = "body{font:16px system-ui;margin:2rem}img{height:420px;margin:0 1rem 1rem 0;border:1px solid #ccc}"
        index.write_text(
            f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Every page</title><style>{style}</style>'
            f"<h1>Every page</h1>{''.join(rows)}</html>\n",
            encoding="utf-8",
        )
        return index


def take_village(gallery: Gallery, studio: Studio) -> None:
    """The pages of a bank and of the hub."""
    end_to_end_id = pay_for_lunch(studio.village)
    names = furnish(studio.village, end_to_end_id)
    gallery.take("bank", studio.look("001", None), PUBLIC_PAGES, names)
    payer = studio.look("001", 0)
    gallery.take("bank", payer, BANK_PAGES, names)
    to_review(payer, first_key(studio.village.banks["002"], 0), "15075", "Almoço de sexta")
    gallery.take("bank", payer, [payer.url], names)
    gallery.take("payee", studio.look("002", 0), PAYEE_PAGES, names)
    gallery.take("hub", studio.console("/"), HUB_PAGES, names)


def take_lab(gallery: Gallery, browser: Browser) -> None:
    """The pages of the lab and of the classroom."""
    with open_lab(browser, is_classroom=False) as page:
        page.locator("#play-payee-bank-dies").click()
        page.wait_for_selector("[data-verdict=green]", timeout=2 * PATIENCE_MS)
        gallery.take("lab", page, [_absolute(page, path) for path in LAB_PAGES], {})
    with open_lab(browser, is_classroom=True) as page:
        gallery.take("classroom", page, [_absolute(page, path) for path in CLASSROOM_PAGES], {})


def _absolute(page: Page, path: str) -> str:
    return re.sub(r"^(https?://[^/]+).*", rf"\1{path}", page.url)


def main() -> int:
    """Takes the pictures; 1 when there is no browser, or a page is missing."""
    if not find_chromium():
        sys.stderr.write("There is no Chromium on the PATH nor in the variable CHROMIUM.\n")
        return 1
    gallery = Gallery(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
    with chromium() as browser:
        with open_studio(browser, FOLDER, village_with_history()) as studio:
            take_village(gallery, studio)
        take_lab(gallery, browser)
    sys.stdout.write(f"{gallery.write_index()}\n")
    sys.stderr.writelines(f"{line}\n" for line in gallery.missing)
    return 1 if gallery.missing else 0


if __name__ == "__main__":
    sys.exit(main())
