"""The shapes of the REST API: JSON documents of the hub's domain."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Self

from pydantic import AliasPath, BaseModel, BeforeValidator, ConfigDict, Field

from hub.application.bank_states import BankStanding
from hub.domain.bank import Bank
from hub.domain.directory import KeyEntry
from hub.domain.flows.transfer.timeline import Reached, Told
from hub.domain.liveness import BankState
from hub.domain.settlement import Funding, SettlementAccount
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
    """As it said when it joined."""
    active: bool
    joined_at_ms: int | None
    state: BankState
    """`suspended` by the operator; `stopped` when it has left or was never there;
    `not-responding` when its heartbeats have ceased; `behind` with many records to read;
    `silent` when it leaves an offer unanswered; else `up`."""
    lag: int | None
    """Records that wait to be read by it, as its processes say; null when none of them does."""
    last_seen_at_ms: int | None
    left_at_ms: int | None
    """When the last of its processes stopped in good order."""
    instances: int
    """How many of its processes are there."""
    versions: list[str]
    oldest_offer_at_ms: int | None
    """When the oldest offer was made that it has not answered."""

    @classmethod
    def of(cls, standing: BankStanding) -> Self:
        """What the hub can tell of a bank."""
        return cls(
            **asdict(standing.bank),
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
    """All that the operator has put in, less what was taken out."""

    @classmethod
    def of(cls, account: SettlementAccount, fundings: Sequence[Funding]) -> Self:
        """`fundings` are all of this account."""
        return cls(**asdict(account), funded_centavos=sum(funding.amount_centavos for funding in fundings))


class FundingRequest(BaseModel):
    """Settlement money to put in, or to take out."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {"amount_centavos": 100_000_00, "funding_id": "6a1f7a52-0a86-4a53-9c0e-2f4f0f8f3b1d"}
        },
    )

    amount_centavos: Annotated[int, Field(strict=True, description="Negative to take money out.")]
    funding_id: Annotated[str, Field(max_length=40, description="A UUID of your making; makes a repetition harmless.")]


class FundingDocument(Document):
    """Money that the operator has put into a settlement account (positive) or taken out of it (negative)."""

    funding_id: str
    ispb: str
    amount_centavos: int
    funded_at_ms: int


class FundedDocument(FundingDocument):
    """A funding, and the account as it stands."""

    balance_centavos: int
    reserved_centavos: int

    @classmethod
    def of_both(cls, funding: Funding, account: SettlementAccount) -> Self:
        """`account` is the funded one."""
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


class StepDocument(Document):
    """A line of a transfer's history."""

    at_ms: int
    author: str
    message: str
    status: str
    refused: str
    reason: str


class TransferDocument(Document):
    """A transfer as it stands; times are null while the step has not happened."""

    end_to_end_id: str
    status: str
    reason: str | None
    reason_sentence: Annotated[str | None, Field(validation_alias="reason"), BeforeValidator(_sentence)]
    amount_centavos: int
    payer: PartyDocument
    payee: PartyDocument | None
    key_kind: str = Field(validation_alias=AliasPath("payee_key", "kind"))
    key: str = Field(validation_alias=AliasPath("payee_key", "key"))
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


class TransferWithHistory(TransferDocument):
    """A transfer and how it came to stand so."""

    history: list[StepDocument] = []  # noqa: RUF012 - pydantic copies it


class TimelineDocument(BaseModel):
    """A message that was sent for a transfer, or a state that it has reached."""

    at_ms: int
    message: str | None
    """The message's name; null for a state."""
    sender: str | None
    receiver: str | None
    """`payer`, `hub` or `payee`."""
    mark: str
    """`resent` or `refused`; empty otherwise."""
    why: str
    """Why it was refused."""
    value_base64: str | None
    """Its bytes; null for a message that was refused, whose content is not kept."""
    status: str | None
    """The state; null for a message."""
    trigger: str | None
    rule: str | None
    reason: str | None

    @classmethod
    def of(cls, each: Told | Reached) -> Self:
        """`value_base64` is the message as the codec writes it, without signature."""
        if isinstance(each, Told):
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
            rule=each.rule.value,
            reason=None if each.reason is None else each.reason.value,
        )


class BankPostingDocument(Document):
    """One entry of a bank's books, as that bank tells it."""

    kind: str
    debit_account: str
    credit_account: str
    amount_centavos: int
    posted_at_ms: int
    direction: str


class BookingsDocument(Document):
    """What a bank has booked for a transfer, or why it does not tell."""

    ispb: str
    postings: list[BankPostingDocument]
    why_silent: str


class TransferPage(BaseModel):
    """Transfers, newest first."""

    transfers: list[TransferDocument]
    next: str | None
    """Give it as `before` to see the next page; null on the last."""


class KeyDocument(BaseModel):
    """Who is paid by a key."""

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
        """`bank` is the bank of the entry's account."""
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
    """A record that could not be applied, without its bytes."""

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
    """A record that could not be applied; bytes in Base64."""

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
    """Whether the record was kept as it came; only such a one can be replayed."""
    sender: str
    reason: str
    first_seen_at_ms: int
    last_seen_at_ms: int
    times: int
    state: str
    note: str
