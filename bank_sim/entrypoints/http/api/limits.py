"""Limits of an account by day and by night."""

from __future__ import annotations

from bank_sim.domain.limits import LimitKind
from bank_sim.entrypoints.http.api.documents import ChangeLimitRequest, LimitDocument, LimitsDocument
from bank_sim.entrypoints.http.api.routing import AccountNumber, api_router
from bank_sim.entrypoints.http.site import SiteOf

router = api_router("limits")


@router.get("/accounts/{number}/limits")
def show_limits(site: SiteOf, number: AccountNumber) -> LimitsDocument:
    """The limits that count now, raises that wait, and what was paid in the present day or night."""
    return LimitsDocument.of(site.bank.show_limits(number))


@router.put("/accounts/{number}/limits/{kind}")
def change_limit(site: SiteOf, number: AccountNumber, kind: LimitKind, body: ChangeLimitRequest) -> LimitDocument:
    """Sets a limit: a lower one counts at once, a higher one after 24 hours. The same raise again keeps its time."""
    limit = site.bank.change_limit(account_number=number, kind=kind, amount_centavos=body.amount_centavos)
    return LimitDocument.of(limit)


@router.delete("/accounts/{number}/limits/{kind}/raise")
def cancel_raise(site: SiteOf, number: AccountNumber, kind: LimitKind) -> LimitDocument:
    """Cancels a raise that waits; without one it changes nothing."""
    return LimitDocument.of(site.bank.cancel_raise(account_number=number, kind=kind))
