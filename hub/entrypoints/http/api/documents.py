"""The shapes of the REST API: JSON documents of the hub's domain."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any, Self

from pydantic import AliasPath, BaseModel, BeforeValidator, ConfigDict, Field

from hub.application.bank_states import BankStanding
from hub.domain.bank import Bank
from hub.domain.directory import KeyEntry
from hub.domain.flows import BY_NAME
from hub.domain.flows.transfer.model import NAME as TRANSFER
from hub.domain.liveness import BankState
from hub.domain.settlement import Funding, SettlementAccount
from pix.scheme.features import Feature
from pix.scheme.flows import MessageEvent, Step, TimelineEntry
from pix.scheme.initiation import Initiation
from pix.scheme.reasons import REASONS, ReasonCode
from pix.web.documents import Document
from pix.wire.protobuf_v1.codec import encode_record


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()


Base64 = Annotated[str, BeforeValidator(_base64)]
"""Bytes, shown in Base64."""


def _sentence(reason: ReasonCode | None) -> str | None:
    return None if reason is None else REASONS[reason].sentence_en


class BankDocument(BaseModel):
    """A participant."""

    ispb: str
    code: str
    name: str
    color: str
    url: str
    version: str
    """From its latest join."""
    active: bool
    joined_at_ms: int | None
    features: list[Feature]
    """What it understands beside transfers to a key, from its latest join; empty for an older version."""
    payload_host: str
    """`host` or `host:port` of the payloads of its dynamic codes; empty when it has none."""
    state: BankState
    """`suspended` by the operator; `stopped` after it left or before it first joined;
    `not-responding` without heartbeats; `behind` with much consumer lag;
    `silent` with an unanswered offer; otherwise `up`."""
    lag: int | None
    """Consumer lag in records, from its heartbeats; null when unknown."""
    last_seen_at_ms: int | None
    left_at_ms: int | None
    """When the last of its processes stopped gracefully."""
    instances: int
    """Number of its running processes."""
    versions: list[str]
    oldest_offer_at_ms: int | None
    """Time of the oldest unanswered offer."""

    @classmethod
    def of(cls, standing: BankStanding) -> Self:
        return cls(
            **asdict(standing.bank) | {"features": sorted(standing.bank.features)},
            **asdict(standing.liveness),
            state=standing.state,
            oldest_offer_at_ms=standing.oldest_offer_at_ms,
        )


class SettlementDocument(BaseModel):
    """A bank's account of record."""

    ispb: str
    balance_centavos: int
    reserved_centavos: int
    funded_centavos: int
    """Sum of all fundings."""

    @classmethod
    def of(cls, account: SettlementAccount, fundings: Sequence[Funding]) -> Self:
        return cls(**asdict(account), funded_centavos=sum(funding.amount_centavos for funding in fundings))


class FundingRequest(BaseModel):
    """A funding: settlement balance to add or withdraw."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {"amount_centavos": 100_000_00, "funding_id": "6a1f7a52-0a86-4a53-9c0e-2f4f0f8f3b1d"}
        },
    )

    amount_centavos: Annotated[int, Field(strict=True, description="Negative to withdraw.")]
    funding_id: Annotated[
        str,
        Field(max_length=40, description="A UUID you choose. A repetition changes nothing."),
    ]


class FundingDocument(Document):
    """A change of a settlement balance by the operator: positive adds, negative withdraws."""

    funding_id: str
    ispb: str
    amount_centavos: int
    funded_at_ms: int


class FundedDocument(FundingDocument):
    """A funding, and the settlement account after it."""

    balance_centavos: int
    reserved_centavos: int

    @classmethod
    def of_both(cls, funding: Funding, account: SettlementAccount) -> Self:
        return cls(
            **asdict(funding),
            balance_centavos=account.balance_centavos,
            reserved_centavos=account.reserved_centavos,
        )


class PartyDocument(Document):
    """One side of a transfer; the tax id is masked."""

    ispb: str
    branch: str
    account_number: str
    name: str
    tax_id_masked: str


class StepDocument(BaseModel):
    """A line of a history."""

    at_ms: int
    author: str
    message: str
    status: str
    refused: str
    reason: str
    trigger: str
    side: str | None
    """The side of a message that each of the two banks has."""

    @classmethod
    def of(cls, step: Step[Any, Any], flow: str = TRANSFER) -> Self:
        """`message` is the step's name, as before the steps had triggers."""
        return cls(
            at_ms=step.at_ms,
            author=step.author,
            message=BY_NAME[flow].step_name(step),
            status=step.status.value,
            refused=step.ignored,
            reason="" if step.reason is None else step.reason.value,
            trigger=step.trigger.value,
            side=None if step.side is None else step.side.value,
        )


class TransferDocument(Document):
    """A transfer. Times are null before the step."""

    end_to_end_id: str
    status: str
    reason: str | None
    reason_sentence: Annotated[str | None, Field(validation_alias="reason"), BeforeValidator(_sentence)]
    amount_centavos: int
    payer: PartyDocument
    payee: PartyDocument | None
    key_kind: str | None = Field(
        default=None, validation_alias=AliasPath("payee_key", "kind"), description="Null without a key (MANU)."
    )
    key: str | None = Field(default=None, validation_alias=AliasPath("payee_key", "key"))
    initiation: Initiation
    txid: str = Field(description="Empty for none.")
    description: str
    requested_at_ms: int
    received_at_ms: int
    offered_at_ms: int | None
    decided_at_ms: int | None
    payer_processed_at_ms: int | None
    payee_processed_at_ms: int | None
    closed_at_ms: int | None
    resends: int
    duplicates: int
    refusals: int


class TransferWithSteps(TransferDocument):
    """A transfer and its history."""

    history: list[StepDocument] = []  # noqa: RUF012 - pydantic copies it
    archived_at_ms: int | None = Field(
        default=None, description="When the history was moved to an archive; null while it is here."
    )


class TimelineDocument(BaseModel):
    """A message event or a status change."""

    at_ms: int
    message: str | None
    """The message's name; null for a state."""
    sender: str | None
    receiver: str | None
    """`payer`, `hub` or `payee`."""
    mark: str
    """`resent` or `refused`; empty otherwise."""
    why: str
    """Why it was ignored."""
    value_base64: str | None
    """The bytes of the message; null for an ignored message, whose content is not stored."""
    status: str | None
    """The state; null for a message."""
    trigger: str | None
    rule: str | None
    reason: str | None

    @classmethod
    def of(cls, each: TimelineEntry) -> Self:
        """`value_base64` is the message as the codec writes it, without signature."""
        if isinstance(each, MessageEvent):
            value = None if each.message is None else encode_record(each.message, "", "", b"").value
            return cls(
                at_ms=each.at_ms,
                message=each.name,
                sender=each.sender.value,
                receiver=each.receiver.value,
                mark=each.mark.value,
                why=each.why,
                value_base64=None if value is None else base64.b64encode(value).decode(),
                status=None,
                trigger=None,
                rule=None,
                reason=None,
            )
        return cls(
            at_ms=each.at_ms,
            message=None,
            sender=None,
            receiver=None,
            mark="",
            why="",
            value_base64=None,
            status=each.status.value,
            trigger=each.trigger.value,
            rule=None if each.rule is None else each.rule.value,
            reason=None if each.reason is None else each.reason.value,
        )


class BankPostingDocument(Document):
    """A posting in a bank's books."""

    kind: str
    debit_account: str
    credit_account: str
    amount_centavos: int
    posted_at_ms: int
    direction: str


class BookingsDocument(Document):
    """The postings of a bank for a transfer, or why they are not available."""

    ispb: str
    postings: list[BankPostingDocument]
    why_silent: str


class TransferPage(BaseModel):
    """Transfers, newest first."""

    transfers: list[TransferDocument]
    next: str | None
    """Pass as `before` to get the next page; null on the last page."""


class KeyDocument(BaseModel):
    """A key and its owner."""

    kind: str
    key: str
    holder_name: str
    holder_kind: str
    tax_id_masked: str
    bank_ispb: str
    bank_code: str
    bank_name: str

    @classmethod
    def of(cls, entry: KeyEntry, bank: Bank) -> Self:
        return cls(
            kind=entry.key.kind,
            key=entry.key.key,
            holder_name=entry.holder_name,
            holder_kind=entry.holder_kind,
            tax_id_masked=entry.tax_id_masked,
            bank_ispb=bank.ispb,
            bank_code=bank.code,
            bank_name=bank.name,
        )


class DeadLetterHeadDocument(Document):
    """A message that could not be processed, without its bytes."""

    digest: str
    topic: str
    partition: int
    offset: int
    value_bytes: int
    """The length of the value as it came."""
    sender: str
    reason: str
    first_seen_at_ms: int
    last_seen_at_ms: int
    times: int
    state: str
    note: str


class DeadLetterDocument(Document):
    """A message that could not be processed. Bytes are in Base64."""

    digest: str
    topic: str = Field(validation_alias=AliasPath("record", "topic"))
    partition: int = Field(validation_alias=AliasPath("record", "partition"))
    offset: int = Field(validation_alias=AliasPath("record", "offset"))
    key_base64: Base64 = Field(validation_alias=AliasPath("record", "key"))
    value_base64: Base64 = Field(validation_alias=AliasPath("record", "value"))
    """At most the first 64 KiB."""
    value_bytes: int
    """The length of the value as it came."""
    value_sha256: str
    """Of the value as it came, in hex."""
    headers_base64: dict[str, Base64] = Field(validation_alias=AliasPath("record", "headers"))
    is_whole: bool
    """Whether the whole record is stored. Only then it can be replayed."""
    sender: str
    reason: str
    first_seen_at_ms: int
    last_seen_at_ms: int
    times: int
    state: str
    note: str
