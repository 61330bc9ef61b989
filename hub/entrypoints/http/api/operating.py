"""What an operator should look at, and what operators have done, for programs."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import Query
from pydantic import AliasPath, Field

from hub.application.ports.trail import TrailFilter
from hub.domain.alerts import AlertKind, alerts_of
from hub.domain.trail import Act, Channel
from hub.entrypoints.http.api.routing import SiteOf, api_router
from pix.participant.dead_letters.model import DeadLetterState
from pix.web.documents import Document

router = api_router("operating")

ENTRIES_PER_PAGE_MAX: Final = 500


class AlertDocument(Document):
    """Something that an operator should look at now."""

    kind: AlertKind
    code: str = Field(description="The bank's three digits; empty for the hub.")
    bank_name: str
    count: int = Field(description="Of dead letters, or of unread records.")
    amount_centavos: int = Field(description="The available balance of a low settlement account.")
    detail: str


class TrailDocument(Document):
    """An act of an operator."""

    number: int
    at_ms: int
    act: Act
    channel: Channel = Field(validation_alias=AliasPath("author", "channel"))
    author: str = Field(
        validation_alias=AliasPath("author", "name"),
        description="As given at the sign-in or in the header `Codepix-Operator`; empty without one.",
    )
    address: str = Field(validation_alias=AliasPath("author", "address"))
    code: str = Field(description="The bank's three digits; empty for an act about no bank.")
    subject: str = Field(description="The funding id, or the digest of the dead letter; empty for many letters.")
    amount_centavos: int
    detail: str


@router.get("/alerts")
def list_alerts(site: SiteOf) -> list[AlertDocument]:
    """What an operator should look at now; empty when all is well."""
    dead_letters = site.hub.dead_letters.count().get(DeadLetterState.DEAD, 0)
    alerts = alerts_of(
        site.hub.read_bank_states(), site.hub.queries.largest_fundings(), dead_letters, site.hub.health.report()
    )
    return [AlertDocument.of(alert) for alert in alerts]


@router.get("/trail")
def list_trail(
    site: SiteOf,
    bank: Annotated[str, Query(max_length=8, description="Three digits")] = "",
    act: Act | None = None,
    before: Annotated[int | None, Query(ge=0, lt=2**63, description="Only entries with a lower number")] = None,
    size: Annotated[int, Query(ge=1, le=ENTRIES_PER_PAGE_MAX)] = 50,
) -> list[TrailDocument]:
    """What operators have done, newest first."""
    return [TrailDocument.of(each) for each in site.hub.queries.list_trail(TrailFilter(bank, act, before, size))]
