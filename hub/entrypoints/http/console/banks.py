"""A bank as the hub knows it: its settlement money, its keys, and its latest transfers."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter, Request, Response

from hub.application.ports import TransferFilter
from hub.domain.errors import BankNotFound
from hub.entrypoints.http.console.site import PagesOf, SiteOf
from hub.entrypoints.http.console.views import bank_views, transfer_lines
from pix.scheme.keys import KeyKind

router = APIRouter(include_in_schema=False)

LATEST_TRANSFERS: Final = 10
FUNDINGS_SHOWN: Final = 20


@router.get("/banks/{code}")
def show_bank(request: Request, pages: PagesOf, site: SiteOf, code: str) -> Response:
    """One bank, by its three digits."""
    queries = site.hub.queries
    banks = bank_views(queries)
    bank = next((view for view in banks.values() if view.code == code), None)
    if bank is None:
        raise BankNotFound("code", "no bank has this code")
    _, fundings = queries.settlement_account(bank.ispb)
    keys = queries.count_keys()
    context = {
        "bank": bank,
        "fundings": fundings[::-1][:FUNDINGS_SHOWN],
        "funded_centavos": sum(funding.amount_centavos for funding in fundings),
        "keys": [(kind, keys.get((bank.ispb, kind), 0)) for kind in KeyKind],
        "lines": transfer_lines(queries.list_transfers(TransferFilter(ispb=bank.ispb, size=LATEST_TRANSFERS)), banks),
    }
    return pages.page(request, "hub/bank.html", context)
