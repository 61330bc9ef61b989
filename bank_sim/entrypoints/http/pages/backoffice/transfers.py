"""The bank's sides of all transfers, with filters, and one of them with its history."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlencode

from fastapi import Path, Query, Request, Response

from bank_sim.domain.flows import timeline
from bank_sim.domain.flows.transfer.model import NAME, TransferStatus
from bank_sim.entrypoints.http.pages.routing import operator_router
from bank_sim.entrypoints.http.site import SiteOf
from bank_sim.entrypoints.http.transfer_view import view_transfer
from pix.scheme.postings import Direction
from pix.web.languages import reason_sentence
from pix.web.site import PagesOf
from pix.web.templates import language_of

router = operator_router()

Choice = Annotated[str, Query(max_length=20)]


@router.get("/transfers")
def show(
    request: Request,
    site: SiteOf,
    pages: PagesOf,
    direction: Choice = "",
    status: Choice = "",
    account_number: Choice = "",
    search: Annotated[str, Query(max_length=80)] = "",
    after: Annotated[str, Query(max_length=80)] = "",
) -> Response:
    page = site.bank.queries.list_transfers(
        direction=Direction(direction) if direction in set(Direction) else None,
        status=TransferStatus(status) if status in set(TransferStatus) else None,
        account_number=account_number.strip(),
        search=search.strip(),
        after=after,
    )
    values = {"direction": direction, "status": status, "account_number": account_number, "search": search}
    context = {
        "office": "transfers",
        "transfers": page.transfers,
        "next_cursor": page.next_cursor,
        "after": after,
        "values": values,
        "query": urlencode({name: value for name, value in values.items() if value}),
        "directions": list(Direction),
        "statuses": list(TransferStatus),
        "participants": site.bank.queries.participants(),
    }
    return pages.page(request, "bank/backoffice/transfers.html", context)


@router.get("/transfers/{end_to_end_id}")
def show_one(
    request: Request,
    site: SiteOf,
    pages: PagesOf,
    end_to_end_id: Annotated[str, Path(max_length=32)],
    direction: Direction = Direction.OUTGOING,
) -> Response:
    language = language_of(request)
    transfer = site.bank.queries.find_transfer(end_to_end_id, direction)
    context = {
        "office": "transfers",
        "transfer": transfer,
        "timeline": timeline(transfer),
        "archived_at_ms": site.bank.histories.archived_at_ms(NAME, end_to_end_id, direction.value),
        "found": site.bank.returns.queries.of_transfer(end_to_end_id, direction),
        "view": view_transfer(transfer, site.scheme_clock.now_ms(), language),
        "reason_sentence": reason_sentence(transfer.reason, language),
        "participants": site.bank.queries.participants(),
    }
    return pages.page(request, "bank/backoffice/transfer.html", context)
