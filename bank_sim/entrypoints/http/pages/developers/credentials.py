"""Credentials of the API: the list, a new one whose secret is shown once, another secret, and the end of one."""

from __future__ import annotations

from typing import Annotated

from fastapi import Form, Path, Request, Response

from bank_sim.application.credentials.manage import NewCredential
from bank_sim.domain.account import Account
from bank_sim.domain.credentials.model import (
    ACTIVE_CREDENTIALS_MAX,
    ALL_SCOPES,
    NAME_LENGTH_MAX,
    CredentialRevoked,
    Scope,
)
from bank_sim.entrypoints.http.errors import sentence_of
from bank_sim.entrypoints.http.pages.developers.routing import api_url, frame
from bank_sim.entrypoints.http.pages.routing import page_router
from bank_sim.entrypoints.http.site import Customer, Faults, Site, SiteOf
from bank_sim.entrypoints.http.snippets import curl, token_command
from pix.scheme.errors import SchemeError
from pix.web.htmx import see_other
from pix.web.marks import translatable
from pix.web.notices import say_once
from pix.web.site import PagesOf
from pix.web.templates import Pages, language_of

TAB = "/developers/credentials"

router = page_router()

CredentialId = Annotated[str, Path(max_length=64)]


@router.get("/developers/credentials")
def show(request: Request, site: SiteOf, pages: PagesOf, account: Customer) -> Response:
    """The active ones first."""
    return _page(request, site, pages, account, "", ALL_SCOPES, Faults(), 200)


@router.post("/developers/credentials")
def create(
    request: Request,
    site: SiteOf,
    pages: PagesOf,
    account: Customer,
    name: Annotated[str, Form(max_length=200)] = "",
    scopes: Annotated[list[Scope] | None, Form()] = None,
) -> Response:
    """Makes one. The answer is the only page that shows the secret: no address leads to it."""
    chosen = tuple(scopes or ())
    try:
        made = site.bank.api_credentials.create(account_number=account.number, name=name, scopes=chosen)
    except SchemeError as error:
        field = error.field if error.field in ("name", "scopes") else "form"
        faults = Faults({field: sentence_of(error, language_of(request))})
        return _page(request, site, pages, account, name, chosen, faults, 422)
    return _secret_page(request, site, pages, account, made)


@router.get("/developers/credentials/{credential_id}/rotate")
def ask_to_rotate(
    request: Request, site: SiteOf, pages: PagesOf, account: Customer, credential_id: CredentialId
) -> Response:
    """Raises CredentialNotFound."""
    return _question(request, site, pages, account, credential_id, "rotate")


@router.post("/developers/credentials/{credential_id}/rotate")
def rotate(request: Request, site: SiteOf, pages: PagesOf, account: Customer, credential_id: CredentialId) -> Response:
    """Another secret, shown by this answer alone. Raises CredentialNotFound."""
    try:
        made = site.bank.api_credentials.rotate(account_number=account.number, credential_id=credential_id)
    except CredentialRevoked:
        return see_other(request, TAB)
    return _secret_page(request, site, pages, account, made)


@router.get("/developers/credentials/{credential_id}/revoke")
def ask_to_revoke(
    request: Request, site: SiteOf, pages: PagesOf, account: Customer, credential_id: CredentialId
) -> Response:
    """Raises CredentialNotFound."""
    return _question(request, site, pages, account, credential_id, "revoke")


@router.post("/developers/credentials/{credential_id}/revoke")
def revoke(request: Request, site: SiteOf, account: Customer, credential_id: CredentialId) -> Response:
    """Raises CredentialNotFound."""
    revoked = site.bank.api_credentials.revoke(account_number=account.number, credential_id=credential_id)
    say_once(request, translatable("Credential %(name)s revoked."), name=revoked.name or revoked.credential_id)
    return see_other(request, TAB)


def _page(
    request: Request,
    site: Site,
    pages: Pages,
    account: Account,
    name: str,
    scopes: tuple[Scope, ...],
    faults: Faults,
    status: int,
) -> Response:
    credentials = site.bank.api_credentials.queries.list(account.number)
    context = frame(
        request,
        site,
        account,
        TAB,
        here=TAB,
        credentials=credentials,
        active=sum(each.is_active for each in credentials),
        active_max=ACTIVE_CREDENTIALS_MAX,
        name_length_max=NAME_LENGTH_MAX,
        all_scopes=ALL_SCOPES,
        values={"name": name, "scopes": scopes},
        faults=faults,
    )
    return pages.page(request, "bank/developers/credentials.html", context, status=status)


def _secret_page(request: Request, site: Site, pages: Pages, account: Account, made: NewCredential) -> Response:
    address = api_url(request, site)
    context = frame(
        request,
        site,
        account,
        TAB,
        here=TAB,
        credential=made.credential,
        secret=made.secret,
        token_command=token_command(f"{address}/oauth/token", made.credential.credential_id, made.secret),
        call=curl("GET", f"{address}/v2/cob?inicio=2020-01-01T00:00:00Z&fim=2040-01-01T00:00:00Z"),
    )
    return pages.page(request, "bank/developers/credential_secret.html", context)


def _question(request: Request, site: Site, pages: Pages, account: Account, credential_id: str, act: str) -> Response:
    credential = site.bank.api_credentials.queries.find(account.number, credential_id)
    if not credential.is_active:
        return see_other(request, TAB)
    context = frame(request, site, account, TAB, credential=credential, act=act)
    return pages.page(request, "bank/developers/credential_question.html", context)
