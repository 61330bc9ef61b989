"""The network at a glance, the directory and the protocol, for programs: what the console's pages of them show."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final

from fastapi import Query
from pydantic import AfterValidator, AliasPath, BaseModel, BeforeValidator, Field

from hub.application.ports import KeyFilter
from hub.domain.errors import KeyNotFound
from hub.domain.flows import BY_NAME, FLOWS
from hub.domain.flows.transfer.model import NAME as TRANSFER
from hub.domain.flows.transfer.model import TransferStatus
from hub.entrypoints.http.api.documents import BankDocument
from hub.entrypoints.http.api.routing import SiteOf, api_router
from pix.scheme.keys import KeyKind, PixKey, parse_stored_key
from pix.scheme.reasons import REASONS, ReasonCode
from pix.web.documents import Document

router = api_router("network")
directory_router = api_router("directory")

PAGE_SIZE_MAX: Final = 1_000


class LatencyDocument(Document):
    """Latency from receipt to completion, of the transfers received within ten seconds."""

    from_ms: int
    transfers: int = Field(description="Transfers measured: the completed ones of the newest 200.")
    p50_ms: int
    p99_ms: int


class PositionDocument(BaseModel):
    """The amount that one bank has paid another in confirmed and completed transfers."""

    payer_ispb: str
    payee_ispb: str
    amount_centavos: int


Rate = Annotated[float, AfterValidator(lambda rate: round(rate, 2))]


def _of_every_status(counts: Mapping[TransferStatus, int]) -> dict[str, int]:
    return {status: counts.get(status, 0) for status in TransferStatus}


def _sorted(counts: Mapping[ReasonCode, int]) -> dict[str, int]:
    return dict(sorted(counts.items()))


def _positions(settled: Mapping[tuple[str, str], int]) -> list[PositionDocument]:
    return [
        PositionDocument(payer_ispb=payer, payee_ispb=payee, amount_centavos=centavos)
        for (payer, payee), centavos in sorted(settled.items())
    ]


class NetworkDocument(Document):
    """A snapshot of the network."""

    at_ms: int
    counts: Annotated[dict[str, int], BeforeValidator(_of_every_status)]
    reasons: Annotated[dict[str, int], BeforeValidator(_sorted)] = Field(description="Failed transfers by reason code.")
    received_per_second: Rate = Field(
        validation_alias=AliasPath("rates", "received"),
        description="Average over the last ten seconds with an open console page.",
    )
    completed_per_second: Rate = Field(validation_alias=AliasPath("rates", "completed"))
    failed_per_second: Rate = Field(validation_alias=AliasPath("rates", "failed"))
    in_flight_centavos: int
    positions: Annotated[list[PositionDocument], Field(validation_alias="settled"), BeforeValidator(_positions)]
    waiting: dict[str, int] = Field(description="Pending transfers that await a bank's answer, by its ISPB.")
    latencies: list[LatencyDocument] = Field(description="Latencies of the last five minutes, oldest first.")
    banks: list[Annotated[BankDocument, BeforeValidator(BankDocument.of)]]


class DirectoryEntryDocument(Document):
    """A key and its account. The tax id is masked."""

    kind: str = Field(validation_alias=AliasPath("key", "kind"))
    key: str = Field(validation_alias=AliasPath("key", "key"))
    ispb: str
    branch: str
    account_number: str
    holder_name: str
    holder_kind: str
    tax_id_masked: str
    registered_at_ms: int


class KeyEventDocument(Document):
    """A registration or removal of a key by a bank."""

    ispb: str
    change: str
    at_ms: int


class DirectoryPage(BaseModel):
    """Keys in the order of the key."""

    keys: list[DirectoryEntryDocument]
    next: str | None = Field(
        description="Pass as `after` to get the next page. A page may be short and still have a `next`."
    )


class KeyWithHistory(BaseModel):
    """The current owner of a key (null if it is not registered) and its history, oldest first."""

    entry: DirectoryEntryDocument | None
    history: list[KeyEventDocument]


class MoveDocument(BaseModel):
    """A row of the state machine."""

    before: str | None = Field(description="Null for a new transfer.")
    trigger: str
    after: str
    rule: str | None = Field(description="Null for a hub rejection: the first rule that the request violates.")
    flow: str = Field(description="`transfer`, `return`: of which rows.")


class RuleDocument(BaseModel):
    """A rule that a request must keep."""

    rule: str
    reason: str
    makes_row: bool = Field(description="Whether a request that breaks it makes a failed transfer.")
    flow: str = Field(description="`transfer`, `return`: of which requests.")


class ProtocolDocument(BaseModel):
    """The hub's own tables."""

    statuses: list[str]
    moves: list[MoveDocument]
    rules_of_requests: dict[str, str] = Field(
        description="The rule that the request of a transfer violates, by reason code."
    )
    request_rules: list[RuleDocument] = Field(description="In the order in which the hub checks them.")
    reasons: dict[str, str] = Field(description="A sentence for each reason code.")


@router.get("/network")
def network_overview(site: SiteOf) -> NetworkDocument:
    """A snapshot of the network: counts, rates, balances, latencies, net positions and the status of the banks."""
    return NetworkDocument.of(site.hub.network_overview())


@router.get("/protocol")
def show_protocol() -> ProtocolDocument:
    """States, transitions, rules and reason codes, as the hub has them."""
    return ProtocolDocument(
        statuses=list(dict.fromkeys(status.value for flow in FLOWS for status in flow.statuses)),
        moves=[
            MoveDocument(
                before=None if before is None else before.value,
                trigger=trigger.value,
                after=after.value,
                rule=None if trigger == "refusal" else flow.rule_of(trigger, None).value,
                flow=flow.name,
            )
            for flow in FLOWS
            for (before, trigger), after in flow.transitions.items()
        ],
        rules_of_requests={
            each.reason.value: each.rule.value for each in BY_NAME[TRANSFER].request_rules if each.makes_row
        },
        request_rules=[
            RuleDocument(rule=each.rule.value, reason=each.reason.value, makes_row=each.makes_row, flow=flow.name)
            for flow in FLOWS
            for each in flow.request_rules
        ],
        reasons={code.value: reason.sentence_en for code, reason in REASONS.items()},
    )


@directory_router.get("/directory")
def search_directory(
    site: SiteOf,
    beginning: Annotated[str, Query(max_length=80, description="The beginning of the key, in stored form")] = "",
    kind: KeyKind | None = None,
    bank: Annotated[str, Query(max_length=8, description="ISPB")] = "",
    after: Annotated[str, Query(max_length=100, description="The `next` of the previous page")] = "",
    size: Annotated[int, Query(ge=1, le=PAGE_SIZE_MAX)] = 50,
) -> DirectoryPage:
    """Keys with the given beginning. A page examines at most 20,000 keys; `next` continues after them."""
    kind_after, _, key_after = after.partition(":")
    cursor = (key_after, kind_after) if key_after else None
    found = site.hub.queries.search_keys(
        KeyFilter(beginnings=(beginning,) if beginning else (), kind=kind, ispb=bank, after=cursor, size=size)
    )
    last = found.cut_at
    if len(found.rows) == size:
        last = (found.rows[-1].key.key, found.rows[-1].key.kind.value)
    return DirectoryPage(
        keys=[DirectoryEntryDocument.of(entry) for entry in found.rows],
        next=None if last is None else f"{last[1]}:{last[0]}",
    )


@directory_router.get("/directory/counts")
def count_keys(site: SiteOf) -> dict[str, dict[str, int]]:
    """The number of keys of each kind and bank, by ISPB."""
    counts: dict[str, dict[str, int]] = {}
    for (ispb, kind), count in site.hub.queries.count_keys().items():
        counts.setdefault(ispb, {})[kind.value] = count
    return counts


@directory_router.get("/directory/{kind}/{key:path}")
def follow_key(site: SiteOf, kind: KeyKind, key: str) -> KeyWithHistory:
    """A key with its current owner and its history."""
    pix_key: PixKey = parse_stored_key(key, kind)
    entry, history = site.hub.queries.follow_key(pix_key)
    if entry is None and not history:
        raise KeyNotFound("key", "this key was never registered")
    return KeyWithHistory(
        entry=None if entry is None else DirectoryEntryDocument.of(entry),
        history=[KeyEventDocument.of(event) for event in history],
    )
