"""What the banks have booked for a transfer or a return: a page, or a part of its page."""

from __future__ import annotations

from fastapi import Request, Response

from hub.application.bank_books import bookings_of
from hub.domain.flows.returns.model import Return
from hub.domain.flows.transfer.model import Transfer
from hub.entrypoints.http.pages.site import Site
from hub.entrypoints.http.pages.views import bank_views, stranger
from pix.web.htmx import asks_for_fragment
from pix.web.templates import Pages


def bookings_page(request: Request, pages: Pages, site: Site, row: Transfer | Return, back: str) -> Response:
    """`back` is the address of the row's page."""
    views = bank_views(site.hub.queries)
    bookings = [
        (views.get(each.ispb) or stranger(each.ispb), each)
        for each in bookings_of(row, site.hub.queries, site.bank_books)
    ]
    context = {"row_id": row.row_id, "back": back, "bookings": bookings, "section": "/transfers"}
    block = "bookings" if asks_for_fragment(request) else None
    return pages.page(request, "hub/bookings.html", context, block=block)
