"""The statement: by day, filtered and in pages; as CSV; and to print."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta
from itertools import groupby
from typing import Annotated, Any, Final

from fastapi import Depends, Query, Request, Response
from fastapi.responses import StreamingResponse

from bank_sim.application.searching import SEARCHED_MAX
from bank_sim.application.views import StatementDirection, StatementFilter, StatementLine, StatementPage
from bank_sim.domain.account import Account
from bank_sim.domain.flows.transfer.model import NAME as TRANSFER
from bank_sim.entrypoints.http.errors import sentence_of
from bank_sim.entrypoints.http.pages.routing import page_router
from bank_sim.entrypoints.http.site import Customer, Faults, Site, SiteOf
from bank_sim.entrypoints.http.statement_query import StatementQuery, statement_query
from pix.scheme.days import day_of
from pix.scheme.errors import SchemeError
from pix.web.formats import brl_plain, iso_time
from pix.web.site import PagesOf
from pix.web.spreadsheets import harmless
from pix.web.templates import language_of

LINES_PER_PAGE: Final = 25
PRESETS_DAYS: Final = (7, 15, 30, 90)
"""Periods that one press chooses: so many days, the last of them today."""
UPCOMING_SHOWN_MAX: Final = 5
LINES_PER_READ: Final = 500
LINES_EXPORTED_MAX: Final = 50_000
LINES_PRINTED_MAX: Final = 2_000

router = page_router()

Narrow = Annotated[StatementQuery, Depends(statement_query)]


@router.get("/statement")
def show(
    request: Request,
    site: SiteOf,
    pages: PagesOf,
    account: Customer,
    query: Narrow,
    before: Annotated[str, Query(max_length=20)] = "",
) -> Response:
    faults = Faults()
    try:
        page = site.bank.queries.statement(account.number, query.narrow(), before, LINES_PER_PAGE)
    except SchemeError as error:
        page = StatementPage((), "")
        faults = Faults(to=sentence_of(error, language_of(request)))
    today = day_of(site.scheme_clock.now_ms())
    is_narrow = bool(query.as_query(with_direction=False)) or query.direction is not StatementDirection.ALL
    upcoming = [] if is_narrow or before else site.bank.queries.schedules_of(account.number, UPCOMING_SHOWN_MAX)
    context: dict[str, Any] = {
        "account": account,
        "section": "/statement",
        "upcoming": [each for each in upcoming if each.is_active],
        "days": by_day(page.lines),
        "today": today,
        "presets": [(days, today - timedelta(days=days - 1)) for days in PRESETS_DAYS],
        "preset_query": replace(query, from_text="", to_text="").as_query(),
        "before": before,
        "next_cursor": page.next_cursor,
        "is_cut": page.is_cut,
        "searched_max": SEARCHED_MAX,
        "narrow": query,
        "is_narrow": is_narrow,
        "query": query.as_query(),
        "query_without_direction": query.as_query(with_direction=False),
        "values": {"search": query.search, "from": query.from_text, "to": query.to_text},
        "faults": faults,
    }
    return pages.page(request, "bank/statement.html", context, status=422 if faults else 200)


@router.get("/statement.csv")
def as_csv(site: SiteOf, account: Customer, query: Narrow) -> Response:
    """All of it as CSV that spreadsheets open: semicolons, decimal commas, UTF-8 with its mark."""
    headers = {"Content-Disposition": f'attachment; filename="statement-{account.number}.csv"'}
    lines = _all_lines(site, account, query.narrow(), LINES_EXPORTED_MAX)
    return StreamingResponse(csv_rows(lines), media_type="text/csv; charset=utf-8", headers=headers)


@router.get("/statement/print")
def to_print(request: Request, site: SiteOf, pages: PagesOf, account: Customer, query: Narrow) -> Response:
    """All of it as one table for paper or PDF, oldest first, as banks print it."""
    narrow = query.narrow()
    lines = list(_all_lines(site, account, narrow, LINES_PRINTED_MAX))[::-1]
    # Balances stand between lines that follow each other, so a search and a direction have none.
    has_balances = bool(lines) and not narrow.search and narrow.direction is StatementDirection.ALL
    context = {
        "account": account,
        "section": "/statement",
        "lines": lines,
        "in_centavos": sum(line.amount_centavos for line in lines if line.amount_centavos > 0),
        "out_centavos": sum(line.amount_centavos for line in lines if line.amount_centavos < 0),
        "first_day": date.fromisoformat(query.from_text) if query.from_text else day_of(account.opened_at_ms),
        "last_day": date.fromisoformat(query.to_text) if query.to_text else day_of(site.scheme_clock.now_ms()),
        "opening_centavos": lines[0].balance_after_centavos - lines[0].amount_centavos if has_balances else None,
        "closing_centavos": lines[-1].balance_after_centavos if has_balances else None,
        "is_cut": len(lines) == LINES_PRINTED_MAX,
        "lines_max": LINES_PRINTED_MAX,
        "issued_at_ms": site.scheme_clock.now_ms(),
        "narrow": query,
        "query": query.as_query(),
    }
    return pages.page(request, "bank/statement_print.html", context)


def by_day(lines: Sequence[StatementLine]) -> list[tuple[date, list[StatementLine]]]:
    """The lines under their days, both newest first."""
    return [(day, list(group)) for day, group in groupby(lines, key=lambda line: day_of(line.posted_at_ms))]


def _all_lines(site: Site, account: Account, narrow: StatementFilter, most: int) -> Iterator[StatementLine]:
    cursor, count = "", 0
    while count < most:
        page = site.bank.queries.statement(account.number, narrow, cursor, min(LINES_PER_READ, most - count))
        yield from page.lines
        count, cursor = count + len(page.lines), page.next_cursor
        if not cursor:
            return


def csv_rows(lines: Iterable[StatementLine]) -> Iterator[str]:
    """The file, a piece at a time; every cell in quotation marks."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter=";", quoting=csv.QUOTE_ALL)
    buffer.write("\N{ZERO WIDTH NO-BREAK SPACE}")
    writer.writerow(
        (
            "posted_at",
            "kind",
            "counterpart",
            "bank",
            "description",
            "amount",
            "balance_after",
            "end_to_end_id",
            "initiation",
            "txid",
        )
    )
    for line in lines:
        writer.writerow(
            (
                iso_time(line.posted_at_ms),
                kind_of(line),
                harmless(line.counterpart_name),
                harmless(line.counterpart_bank),
                harmless(line.description),
                brl_plain(line.amount_centavos),
                brl_plain(line.balance_after_centavos),
                line.end_to_end_id,
                "" if line.initiation is None else line.initiation.value,
                line.txid,
            )
        )
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()
    yield buffer.getvalue()


def kind_of(line: StatementLine) -> str:
    """The kind of the posting, with the flow in front where it is not that of a payment."""
    return line.kind.value if line.flow in ("", TRANSFER) else f"{line.flow}_{line.kind.value}"
