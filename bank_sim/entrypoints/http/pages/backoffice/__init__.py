"""The bank's own side: its accounts, transfers and books, what died, its health, and how it plays a counterparty."""

from __future__ import annotations

from typing import Final

from bank_sim.entrypoints.http.pages.backoffice import (
    accounts,
    books,
    letters,
    overview,
    returns,
    switches,
    transfers,
)
from pix.web.operator_pages import operator_pages

BACKOFFICE_ROUTERS: Final = (
    operator_pages("bank/backoffice/sign_in.html", "/backoffice"),
    overview.router,
    accounts.router,
    transfers.router,
    returns.router,
    books.router,
    letters.router,
    switches.router,
)
