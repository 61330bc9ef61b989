"""What a page without scripts offers: its links, and its forms with what a browser would send."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from html.parser import HTMLParser

Attributes = dict[str, str]
CHECKED = ("checkbox", "radio")
NO_VALUE = ("submit", "image", "button", "reset", "file")
REMEMBERED = 8
"""Pages: one that was just kept is asked for its links, and its forms are sent one after the other."""


@dataclass
class Control:
    tag: str
    attributes: Attributes
    options: list[str] = field(default_factory=list)
    """Of a select: the one that is selected first."""

    @property
    def name(self) -> str:
        return self.attributes.get("name", "")

    @property
    def kind(self) -> str:
        return self.attributes.get("type", "submit" if self.tag == "button" else "text")

    @property
    def is_for_scripts(self) -> bool:
        return "hidden" in self.attributes or "needs-script" in self.attributes.get("class", "").split()

    def value(self) -> str | None:
        """What it sends, if anything, as long as nothing was typed."""
        is_silent = self.kind in CHECKED and "checked" not in self.attributes
        if is_silent or self.kind in NO_VALUE or "disabled" in self.attributes:
            return None
        if self.tag == "select":
            return self.options[0] if self.options else None
        return self.attributes.get("value", "on" if self.kind in CHECKED else "")


@dataclass
class Form:
    attributes: Attributes
    controls: list[Control] = field(default_factory=list)

    @property
    def action(self) -> str:
        return self.attributes.get("action", "").partition("?")[0]

    @property
    def method(self) -> str:
        return self.attributes.get("method", "get").upper()

    @property
    def is_for_scripts(self) -> bool:
        return Control("form", self.attributes).is_for_scripts

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(sorted({control.name for control in self.controls if control.name}))

    @property
    def buttons(self) -> list[Control]:
        """Those that send it without a script."""
        return [each for each in self.controls if each.kind in ("submit", "image") and not each.is_for_scripts]

    @property
    def files(self) -> list[str]:
        return [control.name for control in self.controls if control.kind == "file"]

    def values(self) -> dict[str, list[str]]:
        """What its first button sends as long as nothing was typed or chosen."""
        sent: dict[str, list[str]] = {}
        for control in self.controls:
            value = control.value()
            if control.name and value is not None:
                sent.setdefault(control.name, []).append(value)
        for button in self.buttons[:1]:
            if button.name:
                sent.setdefault(button.name, []).append(button.attributes.get("value", ""))
        return sent


class Reading(HTMLParser):
    """One page, read from its beginning to its end."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.forms: list[Form] = []
        self._by_id: dict[str, Form] = {}
        self._open: Form | None = None
        self._outside: list[Control] = []
        self._select: Control | None = None
        self.feed(html)
        for control in self._outside:
            if form := self._by_id.get(control.attributes["form"]):
                form.controls.append(control)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        if tag == "a" and "href" in attributes:
            self.links.append(attributes["href"])
        elif tag == "form":
            self._open = Form(attributes)
            self.forms.append(self._open)
            self._by_id.setdefault(attributes.get("id", ""), self._open)
        elif tag == "option" and self._select is not None:
            place = 0 if "selected" in attributes else len(self._select.options)
            self._select.options.insert(place, attributes.get("value", ""))
        elif tag in ("input", "select", "textarea", "button"):
            self._add(Control(tag, attributes))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._open = None
        elif tag == "select":
            self._select = None

    def _add(self, control: Control) -> None:
        if control.tag == "select":
            self._select = control
        if "form" in control.attributes:
            self._outside.append(control)
        elif self._open is not None:
            self._open.controls.append(control)


@lru_cache(maxsize=REMEMBERED)
def read(html: str) -> Reading:
    """Parsing is dear, and a page stays as it is."""
    return Reading(html)
