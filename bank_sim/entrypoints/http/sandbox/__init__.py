"""REST of the sandbox, beside the API: there only where the setting `SANDBOX` is on."""

from __future__ import annotations

from typing import Final

from bank_sim.entrypoints.http.sandbox import network, payments, rules, verdict

SANDBOX_ROUTERS: Final = (payments.router, rules.router, verdict.router, network.router)
