"""What the process that runs the network asks of this bank."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import Request, Response
from pydantic import BaseModel, ConfigDict, Field

from bank_sim.application.demo_people import DEMO_PIN
from bank_sim.domain.account import AccountStatus
from bank_sim.entrypoints.http.sandbox.routing import sandbox_router
from bank_sim.entrypoints.http.site import SiteOf
from pix.scheme.keys import KeyKind

CLOCK_LENGTH_MAX: Final = 80
CHOSEN_LENGTH_MAX: Final = 200

router = sandbox_router()


class StartOverRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")

    clock: Annotated[str, Field(max_length=CLOCK_LENGTH_MAX, description="As the hub has answered.")]


@router.post("/start-over", status_code=204)
def start_over(request: Request, site: SiteOf, body: StartOverRequest) -> Response:
    """Takes the hub's new clock, also when it goes back; the rate limits of the API Pix begin anew."""
    site.bank.sandbox.start_over(body.clock)
    for limit in getattr(request.app.state, "limits", ()):
        limit.forget()
    return Response(status_code=204)


@router.post("/announcement", status_code=204)
def announce(site: SiteOf) -> Response:
    """Tells the hub again where this bank is: books of an earlier start name other ports."""
    site.bank.join_network()
    return Response(status_code=204)


class CredentialOrder(BaseModel):
    """A credential of the API Pix whose secret is chosen, so that it is the same in every run."""

    model_config = ConfigDict(extra="forbid")

    account_number: Annotated[str, Field(max_length=20)]
    client_id: Annotated[str, Field(max_length=CHOSEN_LENGTH_MAX)]
    client_secret: Annotated[str, Field(max_length=CHOSEN_LENGTH_MAX)]


@router.post("/credentials", status_code=204)
def put_credential(site: SiteOf, body: CredentialOrder) -> Response:
    """Makes the credential with all scopes; the same again changes nothing."""
    site.bank.api_credentials.create(
        account_number=body.account_number, credential_id=body.client_id, secret=body.client_secret
    )
    return Response(status_code=204)


class KeyDocument(BaseModel):
    kind: KeyKind
    key: str


class PersonDocument(BaseModel):
    """A demo person of this bank."""

    story: str = Field(description="`rich`, `everyday`, `company`, `broke`, `blocked` or `closed`.", examples=["rich"])
    account_number: str
    name: str
    tax_id: str
    status: AccountStatus
    balance_centavos: int
    pin: str
    keys: list[KeyDocument]


class PeopleDocument(BaseModel):
    people: list[PersonDocument]


@router.get("/people")
def people(site: SiteOf) -> PeopleDocument:
    """The demo people with their keys, by account number."""
    found = []
    for person in site.bank.queries.demo_people():
        account = person.account
        keys = [KeyDocument(kind=each.key.kind, key=each.key.key) for each in site.bank.queries.keys_of(account.number)]
        found.append(
            PersonDocument(
                story=person.story,
                account_number=account.number,
                name=account.holder_name,
                tax_id=account.tax_id,
                status=account.status,
                balance_centavos=account.balance_centavos,
                pin=DEMO_PIN,
                keys=keys,
            )
        )
    return PeopleDocument(people=found)
