"""The first of the developers' pages: figures, the latest requests, and the first calls as commands."""

from __future__ import annotations

import json
from typing import Annotated, Any, Final

from fastapi import Query, Request, Response

from bank_sim.application.charges.ports import ChargeFilter
from bank_sim.domain.account import Account
from bank_sim.domain.charges.model import ChargeKind, ChargeStatus
from bank_sim.entrypoints.http.pages.developers.requests import credential_names
from bank_sim.entrypoints.http.pages.developers.routing import POLL_SECONDS, api_url, frame
from bank_sim.entrypoints.http.pages.routing import page_router
from bank_sim.entrypoints.http.site import Customer, Site, SiteOf
from bank_sim.entrypoints.http.snippets import curl, token_command
from pix.web.events import Scene, stream_scenes
from pix.web.languages import translate
from pix.web.site import PagesOf, version_of
from pix.web.templates import language_of

TAB: Final = "/developers"
REQUESTS_SHOWN: Final = 5
TXID_EXAMPLE: Final = "primeiraCobranca0000000001"
RECEIVER_EXAMPLE: Final = "http://127.0.0.1:8000"

router = page_router()


@router.get("/developers")
def show(request: Request, site: SiteOf, pages: PagesOf, account: Customer) -> Response:
    """Where an integrator begins."""
    language = language_of(request)
    address = api_url(request, site)
    credentials = site.bank.api_credentials.queries.list(account.number)
    client_id = next(
        (each.credential_id for each in credentials if each.is_active), translate(language, "YOUR_CLIENT_ID")
    )
    keys = site.bank.queries.keys_of(account.number)
    own_key = keys[0].key.key if keys else ""
    key = own_key or translate(language, "YOUR_PIX_KEY")
    charge = {"calendario": {"expiracao": 3_600}, "valor": {"original": "10.00"}, "chave": key}
    context = _context(request, site, account) | {
        "own_key": own_key,
        "token_command": token_command(f"{address}/oauth/token", client_id, translate(language, "YOUR_SECRET")),
        "charge_command": curl("PUT", f"{address}/v2/cob/{TXID_EXAMPLE}", json.dumps(charge)),
        "webhook_command": curl("PUT", f"{address}/v2/webhook/{key}", json.dumps({"webhookUrl": RECEIVER_EXAMPLE})),
    }
    return pages.page(request, "bank/developers/overview.html", context)


@router.get("/developers/live")
def live(
    request: Request, site: SiteOf, pages: PagesOf, account: Customer, seen: Annotated[str, Query(max_length=60)] = ""
) -> Response:
    """Figures and requests again whenever they change."""

    def look() -> Scene:
        context = _context(request, site, account)
        return Scene(
            context["version"], lambda: pages.html(request, "bank/developers/overview.html", context, block="live")
        )

    return stream_scenes(request, look, seen=seen, poll_seconds=POLL_SECONDS)


def _context(request: Request, site: Site, account: Account) -> dict[str, Any]:
    credentials = site.bank.api_credentials.queries.list(account.number)
    entries = site.bank.api_credentials.requests.list(account.number, size=REQUESTS_SHOWN).requests
    figures = {
        "active_credentials": sum(each.is_active for each in credentials),
        "active_charges": sum(_active_charges(site, account, kind) for kind in ChargeKind),
        "notices_waiting": site.bank.webhooks.queries.waiting(account.number),
    }
    return frame(
        request,
        site,
        account,
        TAB,
        **figures,
        entries=entries,
        names=credential_names(site, account),
        version=version_of((figures, entries)),
    )


def _active_charges(site: Site, account: Account, kind: ChargeKind) -> int:
    now_ms = site.scheme_clock.now_ms()
    _, total = site.bank.charges.list(ChargeFilter(account.tax_id, kind, 0, now_ms, status=ChargeStatus.ACTIVE), 0, 0)
    return total
