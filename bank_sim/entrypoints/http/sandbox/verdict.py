"""The verdict: what a receiver of webhooks says that it has booked, against the bank's books."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query, Response
from pydantic import BaseModel, ConfigDict, Field

from bank_sim.application.webhooks.queries import VerdictOfAccount
from bank_sim.domain.webhooks.verdict import BOOKINGS_MAX, Booking, Judgement
from bank_sim.entrypoints.http.sandbox.routing import sandbox_router
from bank_sim.entrypoints.http.site import SiteOf

router = sandbox_router()

AccountNumber = Annotated[str, Query(max_length=20, description="The merchant's account.", examples=["100001-7"])]


class BookingDocument(BaseModel):
    """A Pix as the receiver has booked it, with the field names of the webhook."""

    model_config = ConfigDict(extra="allow")

    endToEndId: Annotated[str, Field(min_length=1, max_length=32)]  # noqa: N815 - the API Pix's name
    valor: Annotated[str, Field(pattern=r"^[0-9]{1,10}\.[0-9]{2}$", examples=["37.00"])]


class Receipts(BaseModel):
    """All that the receiver has booked since the beginning, each booking on its own: what it booked twice is twice."""

    model_config = ConfigDict(extra="forbid")

    account_number: Annotated[str, Field(max_length=20)]
    receipts: Annotated[list[BookingDocument], Field(max_length=BOOKINGS_MAX)]


class VerdictLine(BaseModel):
    judgement: Judgement
    end_to_end_id: str
    txid: str = Field(description="Empty for a Pix that the bank does not know.")
    amount_centavos: int | None = Field(description="In the bank's books.")
    booked_centavos: list[int] = Field(description="In the receiver's books, each time that it was booked.")


class VerdictDocument(BaseModel):
    """A line for each Pix with a txid that either side knows."""

    is_right: bool = Field(description="Whether every Pix was booked once, with its amount.")
    counts: dict[Judgement, int]
    reported_at_ms: int | None = Field(description="Real time; null: nothing has been reported.")
    waiting: int = Field(description="Notices that the receiver has not taken yet: what is missing may come.")
    is_cut: bool = Field(description="The newest Pix are left out: there are more than a verdict compares.")
    lines: list[VerdictLine]

    @staticmethod
    def of(found: VerdictOfAccount) -> VerdictDocument:
        verdict = found.verdict
        return VerdictDocument(
            is_right=verdict.is_right,
            counts={judgement: verdict.count(judgement) for judgement in Judgement},
            reported_at_ms=found.reported_at_ms,
            waiting=found.waiting,
            is_cut=found.is_cut,
            lines=[
                VerdictLine(
                    judgement=line.judgement,
                    end_to_end_id=line.end_to_end_id,
                    txid=line.txid,
                    amount_centavos=line.amount_centavos,
                    booked_centavos=list(line.booked_centavos),
                )
                for line in verdict.lines
            ],
        )


@router.post("/receipts", status_code=204)
def report_receipts(site: SiteOf, body: Receipts) -> Response:
    """Takes the place of the report before, so that a repeated report counts once."""
    booked = [Booking(each.endToEndId, int(each.valor.replace(".", ""))) for each in body.receipts]
    site.bank.webhooks.verdicts.report(body.account_number, booked)
    return Response(status_code=204)


@router.get("/verdict")
def read_verdict(site: SiteOf, account_number: AccountNumber) -> VerdictDocument:
    """Right, twice, missing, with a wrong amount, or unknown: Pix by Pix."""
    return VerdictDocument.of(site.bank.webhooks.verdicts.of_account(account_number))
