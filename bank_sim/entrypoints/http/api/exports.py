"""Every row and posting as JSON lines, and what is under way: for programs that examine the whole bank."""

from __future__ import annotations

from functools import partial

from pydantic import BaseModel

from bank_sim.domain.flows.returns.model import NAME as RETURN
from bank_sim.domain.flows.transfer.model import NAME as TRANSFER
from bank_sim.entrypoints.http.api.routing import api_router
from bank_sim.entrypoints.http.site import SiteOf
from pix.scheme.exports import EXPORTED_BY_BANK, EXPORTED_POSTINGS, ExportKey, ExportPage
from pix.web.exports import EXPORT_RESPONSES, ExportResponse, export_response

router = api_router("exports")


class UnderWayDocument(BaseModel):
    """What awaits the hub's decision, and how far the books are."""

    transfers: int
    returns: int
    last_posting_id: int
    funded_centavos: int
    """What the bank has booked of the fundings of its settlement account."""


@router.get("/under-way")
def count_under_way(site: SiteOf) -> UnderWayDocument:
    """The number of transfers and returns that await the hub's decision, and the newest posting."""
    found = site.bank.exports.under_way()
    return UnderWayDocument(
        transfers=found.undecided[TRANSFER],
        returns=found.undecided[RETURN],
        last_posting_id=found.last_posting_id,
        funded_centavos=found.funded_centavos,
    )


@router.get("/transfers/export", response_class=ExportResponse, responses=EXPORT_RESPONSES)
def export_transfers(site: SiteOf) -> ExportResponse:
    """This bank's sides of all transfers as JSON lines, by end-to-end id and direction.

    The first line has the names of the columns, each further one an array for a row. Pages are read while they are
    sent, so a transfer that moves meanwhile may be shown before or after its move.
    """
    return export_response(EXPORTED_BY_BANK[TRANSFER], partial(site.bank.exports.rows, TRANSFER))


@router.get("/returns/export", response_class=ExportResponse, responses=EXPORT_RESPONSES)
def export_returns(site: SiteOf) -> ExportResponse:
    """This bank's sides of all returns, as `/transfers/export`, by return id. The parties are those of the original."""
    return export_response(EXPORTED_BY_BANK[RETURN], partial(site.bank.exports.rows, RETURN))


@router.get("/postings/export", response_class=ExportResponse, responses=EXPORT_RESPONSES)
def export_postings(site: SiteOf) -> ExportResponse:
    """Every posting as JSON lines: deposits, withdrawals and fundings first, then by transfer, direction and kind."""
    exports = site.bank.exports

    def read_page(after: ExportKey | None) -> ExportPage:
        # The key of an operation has one part, that of a posting of a row three; the first page of rows has none.
        if after is None or len(after) == 1:
            page = exports.operations(after)
            return page if page.last is not None else ExportPage(page.lines, ())
        return exports.postings_of_rows(after or None)

    return export_response(EXPORTED_POSTINGS, read_page)
