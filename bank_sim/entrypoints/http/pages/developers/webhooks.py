"""Webhooks: their addresses, what the bank owes by them, each attempt with its bodies, and the receiver's verdict."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from fastapi import Form, Path, Query, Request, Response

from bank_sim.application.webhooks.configure import WEBHOOKS_PER_ACCOUNT_MAX
from bank_sim.application.webhooks.ports import DeliveryFilter, NoticeFilter, WebhookFilter
from bank_sim.domain.account import Account
from bank_sim.domain.charges.errors import ChargeNotFound
from bank_sim.domain.charges.model import ChargeKind
from bank_sim.domain.webhooks.errors import WebhookNotFound
from bank_sim.domain.webhooks.model import Delivery, NoticeStatus
from bank_sim.entrypoints.http.errors import sentence_of
from bank_sim.entrypoints.http.pages.developers.routing import LINES_SHOWN, POLL_SECONDS, frame
from bank_sim.entrypoints.http.pages.routing import page_router
from bank_sim.entrypoints.http.site import Customer, Faults, Site, SiteOf
from bank_sim.entrypoints.http.snippets import colored, curl, indented
from pix.scheme.errors import SchemeError
from pix.scheme.keys import PixKey
from pix.scheme.values import value_object
from pix.web.events import Scene, stream_scenes
from pix.web.htmx import see_other
from pix.web.marks import translatable
from pix.web.notices import say_once
from pix.web.site import PagesOf, version_of
from pix.web.templates import Pages, language_of

TAB: Final = "/developers/webhooks"
ATTEMPTS_SHOWN: Final = 20
NOTICE_ID_MAX: Final = 2**62

router = page_router()

NoticeId = Annotated[int, Path(ge=1, le=NOTICE_ID_MAX)]
BeforeId = Annotated[int | None, Query(ge=1, le=NOTICE_ID_MAX)]


@value_object
class Attempt:
    """A delivery with its bodies as the page shows and copies them."""

    delivery: Delivery
    request_text: str
    request_html: str
    response_text: str
    response_html: str
    curl: str


@router.get("/developers/webhooks")
def show(
    request: Request,
    site: SiteOf,
    pages: PagesOf,
    account: Customer,
    status: NoticeStatus | Literal[""] = "",
    before: BeforeId = None,
) -> Response:
    """The addresses, and the notices, newest first."""
    return _page(request, site, pages, account, status, before, {}, Faults(), 200)


@router.post("/developers/webhooks")
def put(
    request: Request,
    site: SiteOf,
    pages: PagesOf,
    account: Customer,
    key: Annotated[str, Form(max_length=200)],
    url: Annotated[str, Form(max_length=4_000)] = "",
) -> Response:
    """Sets the address of a key."""
    own = {each.key.key: each.key for each in site.bank.queries.keys_of(account.number)}
    try:
        if key not in own:
            raise SchemeError("key", "This key does not pay into your account.")
        site.bank.webhooks.put(account_number=account.number, key=own[key], url=url.strip())
    except SchemeError as error:
        field = "url" if error.field == "webhookUrl" else "form"
        faults = Faults({field: sentence_of(error, language_of(request))})
        return _page(request, site, pages, account, "", None, {"key": key, "url": url}, faults, 422)
    say_once(request, translatable("Webhook set."))
    return see_other(request, TAB)


@router.post("/developers/webhooks/remove")
def remove(request: Request, site: SiteOf, account: Customer, key: Annotated[str, Form(max_length=200)]) -> Response:
    """Ends the webhook of a key, which may have been removed since."""
    webhooks, _ = site.bank.webhooks.queries.list(WebhookFilter(account.number), 0, WEBHOOKS_PER_ACCOUNT_MAX)
    for webhook in webhooks:
        if webhook.key.key == key:
            _remove(site, account, webhook.key)
            say_once(request, translatable("Webhook removed."))
    return see_other(request, TAB)


@router.get("/developers/webhooks/live")
def live_list(
    request: Request,
    site: SiteOf,
    pages: PagesOf,
    account: Customer,
    status: NoticeStatus | Literal[""] = "",
    seen: Annotated[str, Query(max_length=60)] = "",
) -> Response:
    """The first page of notices again whenever it changes."""

    def look() -> Scene:
        context = _notices(request, site, account, status, None)
        return Scene(
            context["version"], lambda: pages.html(request, "bank/developers/webhooks.html", context, block="live")
        )

    return stream_scenes(request, look, seen=seen, poll_seconds=POLL_SECONDS)


@router.get("/developers/webhooks/notices/{notice_id}")
def show_notice(request: Request, site: SiteOf, pages: PagesOf, account: Customer, notice_id: NoticeId) -> Response:
    """Raises NoticeNotFound, also for another account's."""
    return pages.page(request, "bank/developers/notice.html", _notice(request, site, account, notice_id))


@router.get("/developers/webhooks/notices/{notice_id}/live")
def live_notice(
    request: Request,
    site: SiteOf,
    pages: PagesOf,
    account: Customer,
    notice_id: NoticeId,
    seen: Annotated[str, Query(max_length=60)] = "",
) -> Response:
    """Each attempt as it is made. Raises NoticeNotFound."""

    def look() -> Scene:
        context = _notice(request, site, account, notice_id)
        return Scene(
            context["version"], lambda: pages.html(request, "bank/developers/notice.html", context, block="live")
        )

    look()
    return stream_scenes(request, look, seen=seen, poll_seconds=POLL_SECONDS)


@router.post("/developers/webhooks/notices/{notice_id}/replay")
def replay(request: Request, site: SiteOf, account: Customer, notice_id: NoticeId) -> Response:
    """Raises NoticeNotFound."""
    try:
        site.bank.webhooks.replay.notice(account.number, notice_id)
    except WebhookNotFound:
        say_once(request, translatable("This key has no webhook any more. Set one first."), kind="bad")
    else:
        say_once(request, translatable("It will be sent again."))
    return see_other(request, f"{TAB}/notices/{notice_id}")


@router.get("/developers/verdict")
def show_verdict(request: Request, site: SiteOf, pages: PagesOf, account: Customer) -> Response:
    """What the receiver says that it has booked, against the bank's books."""
    found = site.bank.webhooks.verdicts.of_account(account.number)
    context = frame(request, site, account, TAB, found=found, verdict=found.verdict)
    return pages.page(request, "bank/developers/verdict.html", context)


def _remove(site: Site, account: Account, key: PixKey) -> None:
    try:
        site.bank.webhooks.remove(account_number=account.number, key=key)
    except WebhookNotFound:
        return


def _page(
    request: Request,
    site: Site,
    pages: Pages,
    account: Account,
    status: NoticeStatus | Literal[""],
    before: int | None,
    values: dict[str, str],
    faults: Faults,
    http_status: int,
) -> Response:
    webhooks, _ = site.bank.webhooks.queries.list(WebhookFilter(account.number), 0, WEBHOOKS_PER_ACCOUNT_MAX)
    context = _notices(request, site, account, status, before) | {
        "here": TAB,
        "webhooks": webhooks,
        "keys": site.bank.queries.keys_of(account.number),
        "values": Faults(values),
        "faults": faults,
    }
    return pages.page(request, "bank/developers/webhooks.html", context, status=http_status)


def _notices(
    request: Request, site: Site, account: Account, status: NoticeStatus | Literal[""], before: int | None
) -> dict[str, Any]:
    narrow = NoticeFilter(account.number, status or None)
    found = site.bank.webhooks.queries.notices(narrow, before, LINES_SHOWN + 1)
    shown = found[:LINES_SHOWN]
    return frame(
        request,
        site,
        account,
        TAB,
        notices=shown,
        status=str(status),
        before=before,
        next_before=shown[-1].notice_id if len(found) > LINES_SHOWN else None,
        version=version_of(tuple(shown)),
    )


def _notice(request: Request, site: Site, account: Account, notice_id: int) -> dict[str, Any]:
    notice = site.bank.webhooks.queries.notice(account.number, notice_id)
    narrow = DeliveryFilter(account.number, end_to_end_id=notice.end_to_end_id)
    deliveries = [
        delivery
        for delivery in site.bank.webhooks.queries.deliveries(narrow, None, ATTEMPTS_SHOWN)
        if notice_id in delivery.notice_ids
    ]
    return frame(
        request,
        site,
        account,
        TAB,
        entry=notice,
        attempts=[_attempt(delivery) for delivery in deliveries],
        charge_path=_charge_path(site, account, notice.txid),
        version=version_of((notice, deliveries)),
    )


def _attempt(delivery: Delivery) -> Attempt:
    return Attempt(
        delivery=delivery,
        request_text=indented(delivery.request_body),
        request_html=colored(delivery.request_body),
        response_text=indented(delivery.response_body),
        response_html=colored(delivery.response_body),
        curl=curl("POST", delivery.url, delivery.request_body, token=False),
    )


def _charge_path(site: Site, account: Account, txid: str) -> str:
    """The page of the charge; empty for the txid of a static code."""
    for kind in ChargeKind:
        try:
            site.bank.charges.find(account.tax_id, txid, kind)
        except ChargeNotFound:
            continue
        return f"/developers/charges/{kind}/{txid}"
    return ""
