"""Every page of an application, as a visitor without scripts finds it: by its links, and by what forms answer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urljoin, urlsplit

from fastapi import FastAPI
from fastapi.testclient import TestClient
from httpx2 import Response
from starlette.routing import BaseRoute, Route

from tests.integration.bank_http.conftest import Visitor
from tests.integration.pages.reading import Form, read

NO_PAGES: Final = (".csv", ".json", ".svg", ".png", ".ics", "/live", "/recognize")
"""How an address ends behind which is a file, a stream or a piece of a page."""
SIGN_OUT: Final = "/sign-out"
PAGES_MAX: Final = 200
"""Of a walk; more would be a loop."""


@dataclass(frozen=True, slots=True)
class Page:
    site: str
    language: str
    route: str
    path: str
    status: int
    html: str
    is_get: bool = True


@dataclass(frozen=True, slots=True)
class FormId:
    """Forms that lead to one route with the same fields are one form."""

    site: str
    method: str
    route: str
    """With its parameters in braces; `nowhere` and the action where no route answers."""
    names: tuple[str, ...]
    is_for_scripts: bool


@dataclass(frozen=True, slots=True)
class Sent:
    """A form as a browser without scripts sends it."""

    form: Form
    page: Page
    """On which it stood first."""
    status: int
    kind: str
    """The content type of the answer."""


@dataclass
class Collection:
    """Pages, and the forms on them."""

    pages: list[Page] = field(default_factory=list)
    forms: dict[FormId, Sent] = field(default_factory=dict)
    opened: set[tuple[str, str]] = field(default_factory=set)
    """Site and route of what was shown, by any visitor; a walk goes there once."""


def routes_of(routes: Iterable[BaseRoute]) -> Iterator[Route]:
    """Every route of an application, whatever it was included in."""
    for route in routes:
        if inner := getattr(route, "original_router", None):
            yield from routes_of(inner.routes)
        elif isinstance(route, Route):
            yield route


def find_route(app: FastAPI, method: str, path: str) -> str:
    """The path of the route that answers, with its parameters in braces; empty when there is none."""
    for route in routes_of(app.routes):
        if method in (route.methods or ()) and route.path_regex.match(path):
            return route.path
    return ""


class Collector(Visitor):
    """A visitor who keeps what was shown."""

    def __init__(self, client: TestClient, app: FastAPI, site: str, language: str, kept: Collection) -> None:
        client.headers["accept-language"] = language
        super().__init__(client)
        self._app, self._site, self._language, self.kept = app, site, language, kept
        self._seen: set[str] = set()
        self._found: dict[FormId, tuple[Form, Page]] = {}

    def _show(self, page: Response) -> Response:
        if page.headers.get("content-type", "").startswith("text/html") and "<html" in page.text:
            self._keep(page)
        return super()._show(page)

    def _keep(self, page: Response) -> None:
        path = page.url.raw_path.decode()
        route = find_route(self._app, page.request.method, page.url.path)
        shown = Page(self._site, self._language, route, path, page.status_code, page.text, page.request.method == "GET")
        self.kept.pages.append(shown)
        if shown.is_get and shown.status < 400:
            self.kept.opened.add((self._site, route))
        for form in read(page.text).forms:
            action = urlsplit(urljoin(path, form.action)).path
            route = find_route(self._app, form.method, action) or f"nowhere: {action}"
            self._found.setdefault(
                FormId(self._site, form.method, route, form.names, form.is_for_scripts), (form, shown)
            )

    def walk(self, *starts: str) -> None:
        """Opens these pages, and all that they link to, once for each route."""
        for start in starts:
            self._seen.add(self._route(start))
            self._walk_on(self._links(self.open(start)))

    def _walk_on(self, waiting: list[str]) -> None:
        while waiting:
            path = waiting.pop(0)
            route = self._route(path)
            if route not in self._seen and (self._site, route) not in self.kept.opened:
                self._seen.add(route)
                waiting += self._links(self.open(path))
                assert len(self._seen) <= PAGES_MAX, f"{self._site} has more pages than {PAGES_MAX}: {path}"

    def send_forms(self) -> None:
        """Sends each form that was found, as it stands now where its page can be opened again; what signs out last."""
        for key in sorted(self._found, key=lambda each: each.route == SIGN_OUT):
            if key in self.kept.forms:
                continue
            first, page = self._found[key]
            fresh = [*self._opened_again(page, key), first][0]
            answer = self._send_as_browser(page.path, fresh)
            self.kept.forms[key] = Sent(first, page, answer.status_code, answer.headers.get("content-type", ""))

    def _opened_again(self, page: Page, key: FormId) -> list[Form]:
        forms = read(self.client.get(page.path).text).forms
        return [each for each in forms if each.method == key.method and each.names == key.names]

    def _send_as_browser(self, path: str, form: Form) -> Response:
        address = urljoin(path, form.attributes.get("action", ""))
        if form.method == "GET":
            return self.client.get(address.partition("?")[0], params=form.values())
        files = dict.fromkeys(form.files, ("", b"", "application/octet-stream"))
        return self.client.post(address, data=form.values(), files=files or None)

    def _route(self, address: str) -> str:
        path = urlsplit(address).path
        return find_route(self._app, "GET", path) or path

    def _links(self, answer: Response) -> list[str]:
        if not answer.headers.get("content-type", "").startswith("text/html"):
            return []
        found = []
        for link in read(answer.text).links:
            parts = urlsplit(urljoin(str(answer.url), link))
            is_page = not parts.path.endswith(NO_PAGES) and not parts.path.startswith(("/api/v1", "/static", "/vendor"))
            if parts.netloc == answer.url.netloc.decode() and is_page:
                found.append(parts.path + (f"?{parts.query}" if parts.query else ""))
        return found
