"""The network's virtual clock, for programs; a hub without one has none of these addresses."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import Depends
from pydantic import AliasPath, BaseModel, Field

from hub.application.network_clock import NetworkClockControl
from hub.entrypoints.http.api.routing import SiteOf, api_router
from pix.scheme.clock import RATE_MAX
from pix.web.documents import Document

router = api_router("clock")
start_over_router = api_router("clock")
"""A sandbox's alone."""

MILLISECONDS_MAX: Final = 10_000 * 366 * 86_400_000


class DueDocument(Document):
    """The next due item of a participant."""

    who: str = Field(description="`hub`, or a bank's code.")
    due_ms: int


class ClockDocument(Document):
    """The clock. Times are Unix milliseconds."""

    now_ms: int = Field(description="Scheme time.")
    real_now_ms: int
    is_real: bool = Field(validation_alias=AliasPath("time", "is_real"), description="Scheme time is real time.")
    revision: int = Field(validation_alias=AliasPath("time", "revision"))
    rate: int = Field(validation_alias=AliasPath("time", "rate"), description="Scheme seconds in a real second.")
    is_moving: bool = Field(description="A jump is under way.")
    target_ms: int | None = Field(description="Where it leads; null without one.")
    due: list[DueDocument] = Field(description="The next due item of each participant, earliest first.")
    open: list[str] = Field(description="What keeps the network from being at rest.")
    given_up: list[str] = Field(description="What a stop of the last jump has waited for in vain.")


class AdvanceRequest(BaseModel):
    milliseconds: Annotated[int, Field(gt=0, le=MILLISECONDS_MAX)]


class UntilRequest(BaseModel):
    at_ms: int


class RateRequest(BaseModel):
    rate: Annotated[int, Field(ge=1, le=RATE_MAX)]


class StartOverRequest(BaseModel):
    at_ms: int | None = None


class RevisionDocument(BaseModel):
    clock: str = Field(description="`revision:anchor:offset:rate`, for the banks.")


async def _control(site: SiteOf) -> NetworkClockControl:
    control = site.hub.network_clock
    assert control is not None, "these routes are there with a virtual clock alone"
    return control


ControlOf = Annotated[NetworkClockControl, Depends(_control)]


@router.get("/clock")
def show_clock(control: ControlOf) -> ClockDocument:
    """The network's clock, and what is due next."""
    return ClockDocument.of(control.show())


@router.post("/clock/advance", status_code=202)
def advance(control: ControlOf, body: AdvanceRequest) -> ClockDocument:
    """Begins to move the clock ahead. It stops at every due item on its way."""
    return ClockDocument.of(control.advance(body.milliseconds))


@router.post("/clock/until", status_code=202)
def until(control: ControlOf, body: UntilRequest) -> ClockDocument:
    """Begins to move the clock to a later time. It stops at every due item on its way."""
    return ClockDocument.of(control.until(body.at_ms))


@router.post("/clock/rate")
def set_rate(control: ControlOf, body: RateRequest) -> ClockDocument:
    """Sets how fast scheme time passes, at once."""
    return ClockDocument.of(control.set_rate(body.rate))


@start_over_router.post("/clock/start-over")
def start_over(control: ControlOf, body: StartOverRequest) -> RevisionDocument:
    """A sandbox's: begins again at a time, also an earlier one; null: in real time."""
    return RevisionDocument(clock=control.start_over(body.at_ms).as_text())
