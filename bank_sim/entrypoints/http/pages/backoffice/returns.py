"""The bank's sides of all returns, one of them with its history, and returns that the bank orders itself."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Annotated, Any, Final
from urllib.parse import urlencode
from uuid import uuid4

from fastapi import Form, Path, Query, Request, Response
from fastapi.responses import StreamingResponse

from bank_sim.application.views import PAGE_SIZE_MAX
from bank_sim.domain.flows import timeline
from bank_sim.domain.flows.returns.model import NAME, Return, ReturnStatus
from bank_sim.entrypoints.http.errors import sentence_of
from bank_sim.entrypoints.http.pages.routing import operator_router
from bank_sim.entrypoints.http.return_view import return_reason_sentence, view_return
from bank_sim.entrypoints.http.site import Faults, Site, SiteOf
from pix.scheme.errors import SchemeError
from pix.scheme.money import parse_brl
from pix.scheme.postings import Direction
from pix.scheme.reasons import ReasonCode
from pix.scheme.reasons.returns import RETURN_REASONS
from pix.web.formats import brl_plain, iso_time
from pix.web.htmx import see_other
from pix.web.site import PagesOf
from pix.web.spreadsheets import harmless
from pix.web.templates import Pages, language_of

ROWS_EXPORTED_MAX: Final = 50_000
REASONS: Final = (ReasonCode.BE08, ReasonCode.FR01, ReasonCode.MD06)
"""In the order of the form: the bank's reasons, and the customer's, who may ask at the counter."""

router = operator_router()

Choice = Annotated[str, Query(max_length=20)]
Search = Annotated[str, Query(max_length=80)]


@router.get("/returns")
def show(
    request: Request,
    site: SiteOf,
    pages: PagesOf,
    direction: Choice = "",
    status: Choice = "",
    account_number: Choice = "",
    search: Search = "",
    after: Annotated[str, Query(max_length=80)] = "",
) -> Response:
    """A page of returns, newest first."""
    values = {"direction": direction, "status": status, "account_number": account_number, "search": search}
    page = site.bank.returns.queries.list(**_narrow(values), after=after)
    context = {
        "office": "returns",
        "returns": page.returns,
        "next_cursor": page.next_cursor,
        "after": after,
        "values": values,
        "query": urlencode({name: value for name, value in values.items() if value}),
        "directions": list(Direction),
        "statuses": list(ReturnStatus),
    }
    return pages.page(request, "bank/backoffice/returns.html", context)


@router.get("/returns.csv")
def as_csv(
    site: SiteOf, direction: Choice = "", status: Choice = "", account_number: Choice = "", search: Search = ""
) -> Response:
    """All of them as CSV that spreadsheets open, newest first."""
    values = {"direction": direction, "status": status, "account_number": account_number, "search": search}
    headers = {"Content-Disposition": 'attachment; filename="returns.csv"'}
    rows = _csv_rows(_all(site, _narrow(values)))
    return StreamingResponse(rows, media_type="text/csv; charset=utf-8", headers=headers)


@router.get("/returns/{return_id}")
def show_one(
    request: Request,
    site: SiteOf,
    pages: PagesOf,
    return_id: Annotated[str, Path(max_length=32)],
    direction: Direction = Direction.OUTGOING,
) -> Response:
    """One side of a return with every message that came and went. Raises ReturnNotFound."""
    language = language_of(request)
    row = site.bank.returns.queries.find(return_id, direction)
    context = {
        "office": "returns",
        "row": row,
        "timeline": timeline(row),
        "archived_at_ms": site.bank.histories.archived_at_ms(NAME, return_id, direction.value),
        "view": view_return(row, site.scheme_clock.now_ms(), language),
        "reason_sentence": return_reason_sentence(row.reason, language),
        "participants": site.bank.queries.participants(),
    }
    return pages.page(request, "bank/backoffice/return.html", context)


@router.get("/transfers/{end_to_end_id}/return")
def ask(request: Request, site: SiteOf, pages: PagesOf, end_to_end_id: Annotated[str, Path(max_length=32)]) -> Response:
    """The form to give a received payment back. Raises TransferNotFound."""
    return _form(request, site, pages, end_to_end_id, {"idempotency_key": str(uuid4())}, Faults())


@router.post("/transfers/{end_to_end_id}/return")
def order(
    request: Request,
    site: SiteOf,
    pages: PagesOf,
    end_to_end_id: Annotated[str, Path(max_length=32)],
    reason: Annotated[str, Form(max_length=10)] = "",
    amount: Annotated[str, Form(max_length=100)] = "",
    description: Annotated[str, Form(max_length=2_000)] = "",
    idempotency_key: Annotated[str, Form(max_length=100)] = "",
) -> Response:
    """Returns, once however often the form is sent."""
    values = {"reason": reason, "amount": amount, "description": description, "idempotency_key": idempotency_key}
    original = site.bank.queries.find_transfer(end_to_end_id, Direction.INCOMING)
    try:
        if reason not in RETURN_REASONS:
            raise SchemeError("reason", "Choose a reason.")
        row = site.bank.returns.request(
            account_number=original.account_number,
            original_end_to_end_id=end_to_end_id,
            amount_centavos=_parse_amount(amount),
            reason=ReasonCode(reason),
            description=description,
            idempotency_key=idempotency_key,
        )
    except SchemeError as error:
        field = error.field if error.field in ("reason", "amount_centavos", "description") else "form"
        faults = Faults({field: sentence_of(error, language_of(request))})
        return _form(request, site, pages, end_to_end_id, values, faults, status=422)
    return see_other(request, f"/backoffice/returns/{row.return_id}?direction=outgoing")


def _form(
    request: Request,
    site: Site,
    pages: Pages,
    end_to_end_id: str,
    values: dict[str, str],
    faults: Faults,
    *,
    status: int = 200,
) -> Response:
    language = language_of(request)
    found = site.bank.returns.queries.of_transfer(end_to_end_id, Direction.INCOMING)
    context: dict[str, Any] = {
        "office": "transfers",
        "original": found.original,
        "found": found,
        "reasons": [(reason, return_reason_sentence(reason, language)) for reason in REASONS],
        "values": {"reason": "", "amount": brl_plain(found.left_centavos), "description": "", **values},
        "faults": faults,
    }
    return pages.page(request, "bank/backoffice/return_form.html", context, status=status)


def _parse_amount(text: str) -> int:
    try:
        return parse_brl(text)
    except SchemeError as error:
        raise SchemeError("amount_centavos", error.rule) from None


def _narrow(values: dict[str, str]) -> dict[str, Any]:
    direction, status = values["direction"], values["status"]
    return {
        "direction": Direction(direction) if direction in set(Direction) else None,
        "status": ReturnStatus(status) if status in set(ReturnStatus) else None,
        "account_number": values["account_number"].strip(),
        "search": values["search"].strip(),
    }


def _all(site: Site, narrow: dict[str, Any]) -> Iterator[Return]:
    cursor, count = "", 0
    while count < ROWS_EXPORTED_MAX:
        page = site.bank.returns.queries.list(**narrow, after=cursor, size=PAGE_SIZE_MAX)
        yield from page.returns
        count, cursor = count + len(page.returns), page.next_cursor
        if not cursor:
            return


def _csv_rows(rows: Iterator[Return]) -> Iterator[str]:
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter=";", quoting=csv.QUOTE_ALL)
    buffer.write("\N{ZERO WIDTH NO-BREAK SPACE}")
    writer.writerow(
        (
            *("requested_at", "direction", "status", "return_reason", "amount", "account", "payer", "payee"),
            *("description", "reason", "return_id", "original_end_to_end_id"),
        )
    )
    for row in rows:
        writer.writerow(
            (
                iso_time(row.requested_at_ms),
                row.direction.value,
                row.status.value,
                row.return_reason.value,
                brl_plain(row.amount_centavos),
                row.account_number,
                harmless(row.payer.name),
                harmless(row.payee.name),
                harmless(row.description),
                row.reason.value if row.reason else "",
                row.return_id,
                row.original_end_to_end_id,
            )
        )
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()
    yield buffer.getvalue()
