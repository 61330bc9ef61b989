"""The outline of the pages: a section has a heading or a name, which a screen reader lists."""

from __future__ import annotations

import re

from pix.web.folders import templates_folder

_TAG = re.compile(r"<section\b([^>]*)>|</section>")
_HEADING = re.compile(r"<h[1-6]\b|parts\.returns_of\(")


def test_every_section_has_a_heading_or_a_name() -> None:
    nameless = []
    for page in sorted(templates_folder().rglob("*.html")):
        text = page.read_text(encoding="utf-8")
        opened: list[re.Match[str]] = []
        for tag in _TAG.finditer(text):
            if not tag[0].startswith("</"):
                opened.append(tag)
                continue
            begin = opened.pop()
            if "aria-label" not in begin[1] and not _HEADING.search(text[begin.end() : tag.start()]):
                nameless.append((page.name, text.count("\n", 0, begin.start()) + 1))
        assert opened == [], page.name
    assert nameless == []
