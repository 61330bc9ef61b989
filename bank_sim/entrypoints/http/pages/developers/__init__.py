"""The pages for a customer's developers: credentials, the log of requests, charges, and webhooks."""

from __future__ import annotations

from typing import Final

from bank_sim.entrypoints.http.pages.developers import charges, credentials, overview, pay, requests, webhooks

DEVELOPER_ROUTERS: Final = (
    overview.router,
    requests.router,
    charges.router,
    webhooks.router,
    pay.router,
    credentials.router,
)
