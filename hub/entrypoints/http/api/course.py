"""The course adapter for programs: its banks, what its table says of their money, and what is owed."""

from __future__ import annotations

from dataclasses import asdict

from pydantic import BaseModel, Field

from hub.application.course.queries import OWED_SHOWN_MAX, BankSums
from hub.domain.course.model import CourseBank, Edition, Leg, LegKind, LegState
from hub.entrypoints.http.api.routing import SiteOf, api_router

router = api_router("banks")


class CourseBankDocument(BaseModel):
    """A bank of the original course. Its books cannot be read; the adapter's table says what it was told."""

    ispb: str
    code: str
    edition: Edition
    group: str
    came_centavos: int = Field(description="Paid to its customers: credited by the bank, and moved by the hub.")
    went_centavos: int = Field(description="Paid by its customers, and moved by the hub.")
    owed_to_customers_centavos: int = Field(description="Failed payments that the bank has not given back yet.")
    uncovered_centavos: int = Field(description="Credited by the bank too late, and not moved by the hub.")
    open_legs: int = Field(description="Payments that wait for a message of the hub or of the bank.")
    answered_again: int = Field(
        description="So often the bank has said again that it has credited: it has probably credited twice."
    )

    @classmethod
    def of(cls, bank: CourseBank, sums: BankSums) -> CourseBankDocument:
        return cls(ispb=bank.ispb, code=bank.code, edition=bank.edition, group=bank.group, **asdict(sums))


class OwedDocument(BaseModel):
    """Money that is owed because the course's wire could not say what happened."""

    ispb: str
    kind: LegKind
    course_id: str
    end_to_end_id: str
    state: LegState
    amount_centavos: int
    reason: str
    original_id: str
    created_at_ms: int

    @classmethod
    def of(cls, leg: Leg) -> OwedDocument:
        return cls(**{name: getattr(leg, name) for name in cls.model_fields})


class CourseDocument(BaseModel):
    """The course adapter; without course mode it has no banks."""

    banks: list[CourseBankDocument]
    owed: list[OwedDocument] = Field(description=f"At most {OWED_SHOWN_MAX}, oldest first.")


@router.get("/course")
def show_course(site: SiteOf) -> CourseDocument:
    """The banks of the original course, and the money that is owed."""
    if site.course is None:
        return CourseDocument(banks=[], owed=[])
    overview = site.course.queries.overview()
    return CourseDocument(
        banks=[CourseBankDocument.of(bank, overview.sums[bank.ispb]) for bank in overview.banks],
        owed=[OwedDocument.of(leg) for leg in overview.owed],
    )
