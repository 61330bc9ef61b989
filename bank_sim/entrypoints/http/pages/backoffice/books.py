"""The books: the sums, against the hub's account of record, and every posting."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query, Request, Response

from bank_sim.entrypoints.http.pages.backoffice.overview import settlement_at_hub
from bank_sim.entrypoints.http.pages.routing import operator_router
from bank_sim.entrypoints.http.site import SiteOf
from pix.web.site import PagesOf

router = operator_router()


@router.get("/books")
def show(
    request: Request,
    site: SiteOf,
    pages: PagesOf,
    before: Annotated[str, Query(max_length=20)] = "",
    *,
    compared: bool = False,
) -> Response:
    """`compared`: every account and transfer is compared with its postings, which reads all of them."""
    queries = site.bank.queries
    page = queries.postings(before)
    context = {
        "office": "books",
        "books": queries.books() if compared else queries.sums_of_books(),
        "compared": compared,
        "at_hub": settlement_at_hub(site),
        "postings": page.postings,
        "before": before,
        "next_cursor": page.next_cursor,
    }
    return pages.page(request, "bank/backoffice/books.html", context)
