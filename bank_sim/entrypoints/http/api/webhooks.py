"""Webhooks of accounts: what they owe, the log of deliveries, and replay. They are set by the API Pix."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import Path, Query
from pydantic import AliasPath, BaseModel, Field

from bank_sim.application.webhooks.ports import DeliveryFilter, NoticeFilter, WebhookFilter
from bank_sim.domain.webhooks.errors import DeliveryNotFound, NoticeNotFound, TooManyBookings, WebhookNotFound
from bank_sim.domain.webhooks.faults import WebhookFault
from bank_sim.domain.webhooks.model import DeliveryFailure, NoticeStatus
from bank_sim.entrypoints.http.api.documents import END_TO_END_ID_EXAMPLE
from bank_sim.entrypoints.http.api.routing import AccountNumber, api_router
from bank_sim.entrypoints.http.site import SiteOf
from pix.scheme.keys import KeyKind
from pix.web.documents import Document
from pix.web.problems import ProblemKind, ProblemTable

PAGE_SIZE: Final = 50
PAGE_SIZE_MAX: Final = 200
ID_MAX: Final = 2**63 - 1

router = api_router("webhooks")

PROBLEMS: Final[ProblemTable] = {
    WebhookNotFound: ProblemKind("webhook-not-found", 404, "The key has no webhook"),
    NoticeNotFound: ProblemKind("notice-not-found", 404, "The notice does not exist"),
    DeliveryNotFound: ProblemKind("delivery-not-found", 404, "The delivery does not exist"),
    TooManyBookings: ProblemKind("too-many-bookings", 422, "The report has too many bookings"),
}

EndToEndId = Annotated[str, Query(max_length=32, examples=[END_TO_END_ID_EXAMPLE])]
BeforeId = Annotated[int | None, Query(ge=1, le=ID_MAX, description="The id of the last entry on the page before.")]
Size = Annotated[int, Query(ge=1, le=PAGE_SIZE_MAX)]
DeliveryId = Annotated[int, Path(ge=1, le=ID_MAX)]
NoticeId = Annotated[int, Path(ge=1, le=ID_MAX)]


class WebhookDocument(Document):
    """Where an account is told of the Pix that come in by a key."""

    kind: KeyKind = Field(validation_alias=AliasPath("key", "kind"))
    key: str = Field(validation_alias=AliasPath("key", "key"))
    url: str = Field(description="`/pix` is appended.", examples=["http://127.0.0.1:3000/avisos"])
    created_at_ms: int


class WebhookList(BaseModel):
    webhooks: list[WebhookDocument]


class NoticeDocument(Document):
    """A receipt, or the end of a return, that a webhook is told of. Times are real time."""

    notice_id: int
    status: NoticeStatus
    key: str = Field(validation_alias=AliasPath("key", "key"))
    txid: str
    end_to_end_id: str = Field(examples=[END_TO_END_ID_EXAMPLE])
    return_id: str = Field(description="Empty for the receipt itself.")
    amount_centavos: int
    noted_at_ms: int
    due_at_ms: int | None
    attempts: int
    fault: WebhookFault | None = Field(validation_alias=AliasPath("fault", "fault"), default=None)
    delivered_at_ms: int | None


class NoticeList(BaseModel):
    notices: list[NoticeDocument]


class DeliveryDocument(Document):
    """An attempt to deliver. Times are real time; bodies are cut off after 16,384 characters."""

    delivery_id: int
    key: str = Field(validation_alias=AliasPath("key", "key"))
    url: str
    notice_ids: list[int]
    end_to_end_ids: list[str]
    attempt: int = Field(description="0: a fault held it, nothing was sent.")
    fault: str = Field(description="The fault of the sandbox; empty for none.")
    started_at_ms: int
    duration_ms: int
    request_body: str
    status: int | None = Field(description="Of the answer; null: there was none.")
    response_body: str
    failure: DeliveryFailure | None = Field(description="Null: it is delivered.")
    detail: str


class DeliveryList(BaseModel):
    deliveries: list[DeliveryDocument]


class Replayed(BaseModel):
    """How many notices are owed once more."""

    notices: int


@router.get("/accounts/{number}/webhooks")
def list_webhooks(site: SiteOf, number: AccountNumber, size: Size = PAGE_SIZE_MAX) -> WebhookList:
    """The account's webhooks, oldest first."""
    found, _ = site.bank.webhooks.queries.list(WebhookFilter(number), 0, size)
    return WebhookList(webhooks=[WebhookDocument.of(webhook) for webhook in found])


@router.get("/accounts/{number}/webhook-notices")
def list_notices(
    site: SiteOf,
    number: AccountNumber,
    status: NoticeStatus | None = None,
    end_to_end_id: EndToEndId = "",
    txid: Annotated[str, Query(max_length=35)] = "",
    before_id: BeforeId = None,
    size: Size = PAGE_SIZE,
) -> NoticeList:
    """What the account's webhooks are told of, newest first."""
    narrow = NoticeFilter(number, status, end_to_end_id, txid)
    found = site.bank.webhooks.queries.notices(narrow, before_id, size)
    return NoticeList(notices=[NoticeDocument.of(notice) for notice in found])


@router.post("/accounts/{number}/webhook-notices/replay-lost")
def replay_lost(site: SiteOf, number: AccountNumber) -> Replayed:
    """Sends the newest 1,000 notices that the sandbox's fault `lost` holds."""
    return Replayed(notices=site.bank.webhooks.replay.lost(number))


@router.post("/accounts/{number}/webhook-notices/{notice_id}/replay")
def replay_notice(site: SiteOf, number: AccountNumber, notice_id: NoticeId) -> Replayed:
    """Sends a notice once more, whatever has become of it."""
    site.bank.webhooks.replay.notice(number, notice_id)
    return Replayed(notices=1)


@router.get("/accounts/{number}/webhook-deliveries")
def list_deliveries(
    site: SiteOf,
    number: AccountNumber,
    end_to_end_id: EndToEndId = "",
    failed: bool = False,
    before_id: BeforeId = None,
    size: Size = PAGE_SIZE,
) -> DeliveryList:
    """The newest 1,000 attempts, newest first; with `failed` those alone that have not delivered."""
    narrow = DeliveryFilter(number, end_to_end_id, failed)
    found = site.bank.webhooks.queries.deliveries(narrow, before_id, size)
    return DeliveryList(deliveries=[DeliveryDocument.of(delivery) for delivery in found])


@router.get("/accounts/{number}/webhook-deliveries/{delivery_id}")
def find_delivery(site: SiteOf, number: AccountNumber, delivery_id: DeliveryId) -> DeliveryDocument:
    """One attempt."""
    return DeliveryDocument.of(site.bank.webhooks.queries.delivery(number, delivery_id))


@router.post("/accounts/{number}/webhook-deliveries/{delivery_id}/replay")
def replay_delivery(site: SiteOf, number: AccountNumber, delivery_id: DeliveryId) -> Replayed:
    """Sends the notices of an attempt once more, to the address that the webhook has now."""
    return Replayed(notices=site.bank.webhooks.replay.delivery(number, delivery_id))
