"""One search for the whole console; a whole id leads to its page at once."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response

from hub.application.search import TEXT_LENGTH_MAX, Hits, search_network
from hub.entrypoints.http.pages.site import SiteOf
from hub.entrypoints.http.pages.views import bank_view, bank_views, stranger, transfer_lines
from pix.web.formats import brl_plain
from pix.web.htmx import see_other
from pix.web.site import PagesOf

router = APIRouter(include_in_schema=False)

_DIGEST: Final = re.compile("[0-9a-f]{64}")


@router.get("/search")
def search(
    request: Request, pages: PagesOf, site: SiteOf, text: Annotated[str, Query(alias="q", max_length=1_000)] = ""
) -> Response:
    asked = text.strip()
    if _DIGEST.fullmatch(asked):
        return see_other(request, f"/dead-letters/{asked}")
    hits = search_network(site.hub.queries, asked)
    only = _only_id(hits)
    if only:
        return see_other(request, only)
    banks = bank_views(site.hub.queries)
    context: dict[str, Any] = {
        "hits": hits,
        "banks": [bank_view(bank, None) for bank in hits.banks],
        "entries": [(entry, banks.get(entry.ispb) or stranger(entry.ispb)) for entry in hits.keys],
        "groups": [
            (group.way, transfer_lines(group.transfers, banks), f"/transfers?{urlencode(_rest(hits, group.way))}")
            for group in hits.groups
        ],
        "has_more": {group.way: group.has_more for group in hits.groups},
        "rest_of_keys": urlencode({"key": hits.wanted.text}),
        "search_text": hits.wanted.text,
        "text_length_max": TEXT_LENGTH_MAX,
        "section": "",
    }
    return pages.page(request, "hub/search.html", context)


def _only_id(hits: Hits) -> str:
    """The page of the transfer or return of which the text is the whole id."""
    text = hits.wanted.text
    if any(row.return_id == text for row in hits.returns):
        return f"/returns/{text}"
    if any(transfer.end_to_end_id == text for group in hits.groups for transfer in group.transfers):
        return f"/transfers/{text}"
    return ""


def _rest(hits: Hits, way: str) -> dict[str, str]:
    """The filter of the list of transfers that finds all of a group."""
    wanted = hits.wanted
    amount = "" if wanted.amount_centavos is None else brl_plain(wanted.amount_centavos)
    return {way: amount if way == "amount" else wanted.text}
