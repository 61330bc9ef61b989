"""The bank's own side: its accounts, transfers and books, what died, its health, and how it plays a counterparty."""

from __future__ import annotations

from typing import Final

from bank_sim.entrypoints.http.pages.backoffice import (
    access,
    accounts,
    books,
    letters,
    overview,
    switches,
    transfers,
)

BACKOFFICE_ROUTERS: Final = (
    access.router,
    overview.router,
    accounts.router,
    transfers.router,
    books.router,
    letters.router,
    switches.router,
)
