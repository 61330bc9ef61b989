"""The bank's pages, a module per thing that a customer does."""

from __future__ import annotations

from typing import Final

from bank_sim.entrypoints.http.pages import (
    account,
    home,
    keys,
    limits,
    logos,
    open_account,
    pay,
    pay_by_bank,
    receive,
    returns,
    schedules,
    sign_in,
    statement,
    transfer,
)
from bank_sim.entrypoints.http.pages.backoffice import BACKOFFICE_ROUTERS
from bank_sim.entrypoints.http.pages.developers import DEVELOPER_ROUTERS

PAGE_ROUTERS: Final = (
    sign_in.router,
    open_account.router,
    home.router,
    account.router,
    logos.router,
    pay.router,
    pay_by_bank.router,
    transfer.router,
    returns.router,
    receive.router,
    keys.router,
    schedules.router,
    limits.router,
    statement.router,
    *DEVELOPER_ROUTERS,
    *BACKOFFICE_ROUTERS,
)
