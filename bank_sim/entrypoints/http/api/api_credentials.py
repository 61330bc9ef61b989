"""Credentials of the API Pix: making, rotating and revoking them. A secret is shown once."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from bank_sim.application.credentials.manage import NewCredential
from bank_sim.application.views import PAGE_SIZE_DEFAULT
from bank_sim.domain.credentials import model
from bank_sim.domain.credentials.model import ALL_SCOPES, Scope
from bank_sim.entrypoints.http.api.routing import PREFIX, AccountNumber, Cursor, PageSize, api_router
from bank_sim.entrypoints.http.site import SiteOf
from pix.web.documents import Document

CREDENTIAL_ID_EXAMPLE = "5f0c1b0e-6f5b-4a59-9d3c-0d6a3f1f2b7e"

router = api_router("api-credentials")

CredentialId = Annotated[str, Path(max_length=64, examples=[CREDENTIAL_ID_EXAMPLE])]


class CreateCredentialRequest(BaseModel):
    """A new credential. Without `scopes` it has all."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"name": "Shop", "scopes": ["cob.read", "cob.write"]}}
    )

    name: str = Field(default="", max_length=500)
    scopes: list[Scope] = Field(default=list(ALL_SCOPES), max_length=len(ALL_SCOPES))


class CredentialDocument(Document):
    """A credential, without its secret. Times are real."""

    credential_id: str = Field(examples=[CREDENTIAL_ID_EXAMPLE], description="OAuth's `client_id`.")
    account_number: str
    name: str
    scopes: list[Scope]
    is_active: bool
    version: int = Field(description="Of the secret: a rotation raises it.")
    created_at_ms: int
    rotated_at_ms: int | None
    revoked_at_ms: int | None


class NewCredentialDocument(CredentialDocument):
    """A credential with its secret, which is shown this once."""

    secret: str = Field(description="OAuth's `client_secret`. The bank keeps its hash alone.")

    @staticmethod
    def of_new(new: NewCredential) -> NewCredentialDocument:
        shown = CredentialDocument.of(new.credential)
        return NewCredentialDocument(**shown.model_dump(), secret=new.secret)


class CredentialList(BaseModel):
    """The active credentials, then the revoked; the newest of each first."""

    credentials: list[CredentialDocument]


class BodyDocument(Document):
    """What was sent in one direction. It is cut when `whole_bytes` says more; secrets and tokens are blanked."""

    text: str
    content_type: str
    whole_bytes: int


class ApiRequestDocument(Document):
    """A request of the API Pix with its answer."""

    request_id: str
    credential_id: str
    requested_at_ms: int
    duration_ms: int
    method: str
    path: str
    status: int
    user_agent: str
    request: BodyDocument
    response: BodyDocument


class ApiRequestPageDocument(Document):
    """Requests, newest first. The bank keeps the newest thousand of an account."""

    requests: list[ApiRequestDocument]
    next_cursor: str


@router.post("/accounts/{number}/api-credentials", status_code=201)
def create_credential(
    site: SiteOf, number: AccountNumber, body: CreateCredentialRequest, response: Response
) -> NewCredentialDocument:
    """Makes a credential of the API Pix. Its secret is in this answer alone."""
    made = site.bank.api_credentials.create(account_number=number, name=body.name, scopes=body.scopes)
    response.headers["Location"] = f"{PREFIX}/accounts/{number}/api-credentials/{made.credential.credential_id}"
    return NewCredentialDocument.of_new(made)


@router.get("/accounts/{number}/api-credentials")
def list_credentials(site: SiteOf, number: AccountNumber) -> CredentialList:
    """An account's credentials."""
    found: list[model.ApiCredential] = site.bank.api_credentials.queries.list(number)
    return CredentialList(credentials=[CredentialDocument.of(each) for each in found])


@router.get("/accounts/{number}/api-credentials/{credential_id}")
def find_credential(site: SiteOf, number: AccountNumber, credential_id: CredentialId) -> CredentialDocument:
    """One credential."""
    return CredentialDocument.of(site.bank.api_credentials.queries.find(number, credential_id))


@router.post("/accounts/{number}/api-credentials/{credential_id}/rotate")
def rotate_secret(site: SiteOf, number: AccountNumber, credential_id: CredentialId) -> NewCredentialDocument:
    """Gives a credential another secret. The one before and its tokens end at once."""
    return NewCredentialDocument.of_new(
        site.bank.api_credentials.rotate(account_number=number, credential_id=credential_id)
    )


@router.delete("/accounts/{number}/api-credentials/{credential_id}")
def revoke_credential(site: SiteOf, number: AccountNumber, credential_id: CredentialId) -> CredentialDocument:
    """Ends a credential and its tokens for ever. Revoking it again changes nothing."""
    return CredentialDocument.of(site.bank.api_credentials.revoke(account_number=number, credential_id=credential_id))


@router.get("/accounts/{number}/api-requests")
def list_requests(
    site: SiteOf,
    number: AccountNumber,
    credential_id: Annotated[str, Query(max_length=64)] = "",
    failed: bool | None = None,
    search: Annotated[str, Query(max_length=80)] = "",
    before: Cursor = "",
    size: PageSize = PAGE_SIZE_DEFAULT,
) -> ApiRequestPageDocument:
    """The log of an account's API requests, newest first; `search` is a part of method and path."""
    page = site.bank.api_credentials.requests.list(
        number, credential_id=credential_id, failed=failed, search=search, before=before, size=size
    )
    return ApiRequestPageDocument.of(page)
