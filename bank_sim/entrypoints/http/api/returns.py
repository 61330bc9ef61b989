"""Returns: giving money of a payment back, and looking at this bank's sides of returns."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from fastapi import Header, Path, Query, Response
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from bank_sim.application.returns.queries import ReturnsOfTransfer
from bank_sim.application.views import PAGE_SIZE_DEFAULT
from bank_sim.domain.flows.returns.model import NAME, HistoryStep, ReturnStatus, Trigger
from bank_sim.domain.flows.returns.requests import ReturnNotFound
from bank_sim.domain.flows.returns.timeline import step_name
from bank_sim.domain.flows.transfer.requests import IDEMPOTENCY_KEY_LENGTH_MAX
from bank_sim.entrypoints.http.api.documents import END_TO_END_ID_EXAMPLE, AmountCentavos, TransferParty
from bank_sim.entrypoints.http.api.routing import PREFIX, AccountNumber, Cursor, PageSize, api_router
from bank_sim.entrypoints.http.site import SiteOf
from pix.scheme.postings import Direction
from pix.scheme.reasons import ReasonCode
from pix.web.documents import Document
from pix.web.problems import ProblemKind, ProblemTable

RETURN_ID_EXAMPLE = "D00000002202602011832aB3dE6gH9jK"

router = api_router("returns")

PROBLEMS: Final[ProblemTable] = {
    ReturnNotFound: ProblemKind("return-not-found", 404, "The return does not exist"),
}
"""The errors of the flow alone."""


class RequestReturnRequest(BaseModel):
    """An order to give money back. MD06 is the customer's wish, BE08 a bank's mistake, FR01 suspected fraud."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "original_end_to_end_id": END_TO_END_ID_EXAMPLE,
                "amount_centavos": 2_345,
                "description": "Paid twice",
            }
        },
    )

    original_end_to_end_id: str = Field(max_length=32)
    amount_centavos: AmountCentavos
    reason: Literal[ReasonCode.MD06, ReasonCode.BE08, ReasonCode.FR01] = ReasonCode.MD06
    description: str = Field(default="", max_length=2_000)


class ReturnStep(BaseModel):
    """One line of a return's history. `refused` is the reason why a message was ignored."""

    at_ms: int
    author: str
    event: str
    status: ReturnStatus
    reason: ReasonCode | None
    refused: str
    trigger: Trigger

    @staticmethod
    def of(step: HistoryStep) -> ReturnStep:
        """`event` is the step's name."""
        return ReturnStep(
            at_ms=step.at_ms,
            author=step.author,
            event=step_name(step),
            status=step.status,
            reason=step.reason,
            refused=step.ignored,
            trigger=step.trigger,
        )


class ReturnDocument(Document):
    """This bank's side of a return: outgoing where money is given back. The parties are those of the original."""

    return_id: str = Field(examples=[RETURN_ID_EXAMPLE])
    direction: Direction
    status: ReturnStatus
    reason: ReasonCode | None = Field(description="Why it failed or was rejected.")
    original_end_to_end_id: str = Field(examples=[END_TO_END_ID_EXAMPLE])
    amount_centavos: int = Field(examples=[2_345])
    account_number: str = Field(examples=["100001-7"])
    return_reason: ReasonCode = Field(description="Why the money goes back: MD06, BE08 or FR01.")
    payer: TransferParty
    payee: TransferParty
    description: str
    requested_at_ms: int
    answered_at_ms: int | None
    decided_at_ms: int | None
    resend_at_ms: int | None
    resend_count: int = Field(validation_alias="resends")
    duplicates: int
    idempotency_key: str
    history: list[Annotated[ReturnStep, BeforeValidator(ReturnStep.of)]]


class ReturnWithArchive(ReturnDocument):
    """One side of a return, and whether its history is still here."""

    archived_at_ms: int | None = Field(
        default=None, description="When the history was moved to an archive; null while it is here."
    )


class ReturnPage(Document):
    """Returns in the order asked for."""

    returns: list[ReturnDocument]
    next_cursor: str


class ReturnsOfTransferDocument(Document):
    """The returns of one side of a transfer, oldest first."""

    returns: list[ReturnDocument]
    returned_centavos: int = Field(description="The sum of those that are confirmed.")
    left_centavos: int = Field(description="What the payee may still give back; 0 on the payer's side.")


@router.post("/accounts/{number}/returns", status_code=201)
def request_return(
    site: SiteOf,
    number: AccountNumber,
    body: RequestReturnRequest,
    response: Response,
    idempotency_key: Annotated[
        str,
        Header(
            alias="Idempotency-Key",
            min_length=1,
            max_length=IDEMPOTENCY_KEY_LENGTH_MAX,
            description="A unique value you choose per return. The same key again returns the same return.",
            examples=["0e0b7c52-7f9e-4a51-8a9c-2b9f4f3e6d10"],
        ),
    ],
) -> ReturnDocument:
    """Gives money of a received payment back, whole or in part. The bank debits the customer at once.

    The return is `pending` until the hub decides; if that fails, the customer has the money again.
    """
    row = site.bank.returns.request(
        account_number=number,
        original_end_to_end_id=body.original_end_to_end_id,
        amount_centavos=body.amount_centavos,
        reason=body.reason,
        description=body.description,
        idempotency_key=idempotency_key,
    )
    response.headers["Location"] = f"{PREFIX}/returns/{row.return_id}?direction=outgoing"
    return ReturnDocument.of(row)


@router.get("/returns")
def list_returns(
    site: SiteOf,
    direction: Direction | None = None,
    status: ReturnStatus | None = None,
    account_number: Annotated[str, Query(max_length=20)] = "",
    original_end_to_end_id: Annotated[str, Query(max_length=32)] = "",
    undecided: bool = False,
    search: Annotated[str, Query(max_length=80)] = "",
    newest_first: bool = False,
    after: Cursor = "",
    size: PageSize = PAGE_SIZE_DEFAULT,
) -> ReturnPage:
    """This bank's sides of returns by request time, oldest first unless `newest_first` is set."""
    page = site.bank.returns.queries.list(
        direction=direction,
        status=status,
        account_number=account_number,
        original_end_to_end_id=original_end_to_end_id,
        undecided=undecided,
        search=search,
        after=after,
        size=size,
        newest_first=newest_first,
    )
    return ReturnPage.of(page)


@router.get("/returns/{return_id}")
def find_return(
    site: SiteOf,
    return_id: Annotated[str, Path(max_length=32, examples=[RETURN_ID_EXAMPLE])],
    direction: Direction = Direction.OUTGOING,
) -> ReturnWithArchive:
    """One side of a return; a bank may have both."""
    document = ReturnWithArchive.of(site.bank.returns.queries.find(return_id, direction))
    document.archived_at_ms = site.bank.histories.archived_at_ms(NAME, return_id, direction.value)
    return document


@router.get("/transfers/{end_to_end_id}/returns")
def returns_of_transfer(
    site: SiteOf,
    end_to_end_id: Annotated[str, Path(max_length=32, examples=[END_TO_END_ID_EXAMPLE])],
    direction: Direction = Direction.INCOMING,
) -> ReturnsOfTransferDocument:
    """What went back of a received payment (`incoming`), or came back of a sent one (`outgoing`)."""
    found: ReturnsOfTransfer = site.bank.returns.queries.of_transfer(end_to_end_id, direction)
    return ReturnsOfTransferDocument.of(found)
