"""REST beside the pages, on the same use cases; described by OpenAPI, errors as problem+JSON.

The routers of flows are listed apart, in `bank_sim.entrypoints.http.flows`.
"""

from __future__ import annotations

from typing import Final

from bank_sim.entrypoints.http.api import (
    accounts,
    api_credentials,
    books,
    codes,
    exports,
    keys,
    limits,
    schedules,
    switches,
    webhooks,
)

API_ROUTERS: Final = (
    # Before those of single transfers, whose ids its paths would be.
    exports.router,
    accounts.router,
    keys.router,
    codes.router,
    schedules.router,
    limits.router,
    books.router,
    switches.router,
    api_credentials.router,
    webhooks.router,
)
