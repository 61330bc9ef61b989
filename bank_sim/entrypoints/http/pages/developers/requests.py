"""The log of API requests, live; and a request with its bodies, and as a curl command."""

from __future__ import annotations

import json
from enum import StrEnum
from itertools import pairwise
from typing import Annotated, Any
from urllib.parse import parse_qsl, urlencode

from fastapi import Path, Query, Request, Response

from bank_sim.domain.account import Account
from bank_sim.domain.charges.errors import ChargeNotFound
from bank_sim.domain.charges.model import ChargeKind
from bank_sim.domain.credentials.request_log import ApiRequest, Body
from bank_sim.entrypoints.http.pages.developers.routing import (
    LINES_SHOWN,
    POLL_SECONDS,
    SEARCH_LENGTH_MAX,
    api_url,
    frame,
)
from bank_sim.entrypoints.http.pages.routing import page_router
from bank_sim.entrypoints.http.site import Customer, Site, SiteOf
from bank_sim.entrypoints.http.snippets import colored, curl, indented
from pix.scheme.values import value_object
from pix.web.events import Scene, stream_scenes
from pix.web.site import PagesOf

TAB = "/developers/requests"

router = page_router()


class Outcome(StrEnum):
    """Which requests are shown."""

    ALL = "all"
    SUCCEEDED = "succeeded"
    FAILED = "failed"

    @property
    def failed(self) -> bool | None:
        return None if self is Outcome.ALL else self is Outcome.FAILED


@value_object
class ShownBody:
    """A body as the page shows and copies it."""

    text: str
    html: str
    content_type: str
    is_cut: bool
    whole_bytes: int


@value_object
class Problem:
    """Why a request was refused, as its answer says (RFC 7807, and the API's `violacoes`)."""

    detail: str
    """Empty when a violation says the same."""
    violations: tuple[tuple[str, str], ...]
    """Of each the property and the reason."""


@router.get("/developers/requests")
def show(
    request: Request,
    site: SiteOf,
    pages: PagesOf,
    account: Customer,
    outcome: Outcome = Outcome.ALL,
    search: Annotated[str, Query(max_length=SEARCH_LENGTH_MAX)] = "",
    credential: Annotated[str, Query(max_length=64)] = "",
    before: Annotated[str, Query(max_length=30)] = "",
) -> Response:
    """Newest first. Raises SchemeError(field="before")."""
    context = _list(request, site, account, outcome, search, credential, before)
    return pages.page(request, "bank/developers/requests.html", context)


@router.get("/developers/requests/live")
def live(
    request: Request,
    site: SiteOf,
    pages: PagesOf,
    account: Customer,
    outcome: Outcome = Outcome.ALL,
    search: Annotated[str, Query(max_length=SEARCH_LENGTH_MAX)] = "",
    credential: Annotated[str, Query(max_length=64)] = "",
    seen: Annotated[int, Query(ge=0)] = 0,
) -> Response:
    """The first page again at every request."""

    def look() -> Scene:
        def render() -> str:
            context = _list(request, site, account, outcome, search, credential)
            return pages.html(request, "bank/developers/requests.html", context, block="live")

        return Scene(site.bank.api_credentials.requests.newest_serial(account.number), render)

    return stream_scenes(request, look, seen=seen, poll_seconds=POLL_SECONDS)


@router.get("/developers/requests/{request_id}")
def show_one(
    request: Request, site: SiteOf, pages: PagesOf, account: Customer, request_id: Annotated[str, Path(max_length=64)]
) -> Response:
    """Raises ApiRequestNotFound, also for another account's."""
    entry = site.bank.api_credentials.requests.find(account.number, request_id)
    path, _, query = entry.path.partition("?")
    context = frame(
        request,
        site,
        account,
        TAB,
        entry=entry,
        bare_path=path,
        parameters=parse_qsl(query, keep_blank_values=True),
        credential_name=credential_names(site, account).get(entry.credential_id, ""),
        request_body=_shown(entry.request),
        response_body=_shown(entry.response),
        problem=None if entry.succeeded else problem_in(entry.response.text),
        curl=_curl(request, site, entry),
        charge_path=charge_path(site, account, path),
    )
    return pages.page(request, "bank/developers/request.html", context)


def credential_names(site: Site, account: Account) -> dict[str, str]:
    """By which people know the account's credentials, by id."""
    found = site.bank.api_credentials.queries.list(account.number)
    return {each.credential_id: each.name or each.credential_id for each in found}


def problem_in(body: str) -> Problem | None:
    """None for a body that is no problem, or that was cut."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, dict):
        return None
    detail = document.get("detail") or document.get("error_description") or document.get("title")
    violations = document.get("violacoes")
    found = [each for each in violations if isinstance(each, dict)] if isinstance(violations, list) else []
    if not isinstance(detail, str):
        return None
    named = tuple((str(each.get("propriedade", "")), str(each.get("razao", ""))) for each in found)
    return Problem("" if any(reason == detail for _, reason in named) else detail, named)


def charge_path(site: Site, account: Account, path: str) -> str:
    """The page of the charge that an API path names, such as `…/cob/{txid}`; empty when there is none."""
    parts = path.strip("/").split("/")
    for kind, txid in pairwise(parts):
        if kind in set(ChargeKind):
            try:
                charge, _ = site.bank.charges.find(account.tax_id, txid, ChargeKind(kind))
            except ChargeNotFound:
                return ""
            return f"/developers/charges/{charge.kind}/{charge.txid}"
    return ""


def _list(
    request: Request, site: Site, account: Account, outcome: Outcome, search: str, credential: str, before: str = ""
) -> dict[str, Any]:
    log = site.bank.api_credentials.requests
    # Read first: what comes in between is then new to the stream.
    newest = log.newest_serial(account.number)
    page = log.list(
        account.number,
        credential_id=credential,
        failed=outcome.failed,
        search=search,
        before=before,
        size=LINES_SHOWN,
    )
    narrow = {"search": search, "credential": credential}
    kept = {name: value for name, value in narrow.items() if value}
    return frame(
        request,
        site,
        account,
        TAB,
        entries=page.requests,
        next_cursor=page.next_cursor,
        before=before,
        newest=newest,
        names=credential_names(site, account),
        outcome=outcome.value,
        narrow=narrow,
        query_without_outcome=urlencode(kept),
        query=urlencode({"outcome": outcome.value, **kept}),
        is_narrow=outcome is not Outcome.ALL or bool(kept),
    )


def _shown(body: Body) -> ShownBody:
    kept = len(body.text.encode())
    return ShownBody(
        text=indented(body.text),
        html=colored(body.text),
        content_type=body.content_type,
        is_cut=body.whole_bytes > kept,
        whole_bytes=body.whole_bytes,
    )


def _curl(request: Request, site: Site, entry: ApiRequest) -> str:
    url = api_url(request, site) + entry.path
    return curl(entry.method, url, entry.request.text)
