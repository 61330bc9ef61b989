"""The participants and their settlement accounts."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Request

from hub.domain.errors import BankNotFound
from hub.entrypoints.http.api.documents import (
    BankDocument,
    FundedDocument,
    FundingDocument,
    FundingRequest,
    SettlementDocument,
)
from hub.entrypoints.http.api.routing import Site, SiteOf, api_router, author_of

BankCode = Annotated[str, Path(max_length=8, description="Three digits")]

router = api_router("banks")


@router.get("/banks")
def list_banks(site: SiteOf) -> list[BankDocument]:
    """The participants and their status, by code."""
    return [BankDocument.of(standing) for standing in site.hub.read_bank_states()]


@router.get("/banks/{code}")
def find_bank(site: SiteOf, code: BankCode) -> BankDocument:
    """One participant, by its three digits."""
    return _standing_of(site, code)


@router.post("/banks/{code}/suspend")
def suspend_bank(request: Request, site: SiteOf, code: BankCode) -> BankDocument:
    """Suspends the bank: its new and pending transfers fail (DS27). Confirmed ones still complete."""
    site.hub.suspend_bank(code, author_of(request))
    return _standing_of(site, code)


@router.post("/banks/{code}/resume")
def resume_bank(request: Request, site: SiteOf, code: BankCode) -> BankDocument:
    """Resumes a suspended bank."""
    site.hub.resume_bank(code, author_of(request))
    return _standing_of(site, code)


@router.get("/banks/{code}/fundings")
def list_fundings(site: SiteOf, code: BankCode) -> list[FundingDocument]:
    """The funding history of the bank's settlement account, oldest first."""
    _, fundings = site.hub.queries.settlement_account(_standing_of(site, code).ispb)
    return [FundingDocument.of(funding) for funding in fundings]


@router.post("/banks/{code}/fundings")
def fund_bank(request: Request, site: SiteOf, code: BankCode, body: FundingRequest) -> FundedDocument:
    """Adds or withdraws settlement balance. A repetition with the same `funding_id` changes nothing."""
    funding, account = site.hub.fund_bank(
        code=code, amount_centavos=body.amount_centavos, funding_id=body.funding_id, by=author_of(request)
    )
    return FundedDocument.of_both(funding, account)


@router.get("/settlement")
def list_settlement_accounts(site: SiteOf) -> list[SettlementDocument]:
    """The settlement account of each bank, by ISPB."""
    queries = site.hub.queries
    return [SettlementDocument.of(*queries.settlement_account(ispb)) for ispb in queries.settlement_accounts()]


def _standing_of(site: Site, code: str) -> BankDocument:
    for standing in site.hub.read_bank_states():
        if standing.bank.code == code:
            return BankDocument.of(standing)
    raise BankNotFound("code", "no bank has this code")
