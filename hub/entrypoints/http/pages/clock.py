"""The network's virtual clock: what time it is, what is due next, and the buttons that move it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from fastapi import APIRouter, Depends, Form, HTTPException, Request, Response

from hub.application.network_clock import NetworkClockControl
from hub.entrypoints.http.api.clock import ClockDocument
from hub.entrypoints.http.pages.site import Site, SiteOf
from pix.scheme.clock import RATE_MAX
from pix.scheme.days import DAY_MS, HOUR_MS, instant_ms, local
from pix.scheme.errors import SchemeError
from pix.web.htmx import see_other
from pix.web.languages import translate_rule
from pix.web.marks import translatable
from pix.web.site import PagesOf, no_forgery
from pix.web.templates import language_of

router = APIRouter(include_in_schema=False)

STEPS_MS: Final = (HOUR_MS, DAY_MS, 7 * DAY_MS, 30 * DAY_MS)
"""What the buttons move it by."""
RATES: Final = (1, 10, RATE_MAX)
_NOT_A_TIME: Final = translatable("Write the time as year-month-dayThours:minutes.")


def _control(site: Site) -> NetworkClockControl:
    control = site.hub.network_clock
    if control is None:
        raise HTTPException(404)
    return control


@router.get("/clock")
def show_clock(request: Request, pages: PagesOf, site: SiteOf) -> Response:
    return pages.page(request, "hub/clock.html", _context(site))


@router.get("/clock/now")
def show_now(request: Request, pages: PagesOf, site: SiteOf) -> Response:
    """The part that the page refreshes."""
    return pages.page(request, "hub/clock.html", _context(site), block="now")


@router.post("/clock/advance", dependencies=[Depends(no_forgery)])
def advance(request: Request, pages: PagesOf, site: SiteOf, milliseconds: int = Form()) -> Response:
    return _moved(request, pages, site, lambda control: control.advance(milliseconds))


@router.post("/clock/until", dependencies=[Depends(no_forgery)])
def until(request: Request, pages: PagesOf, site: SiteOf, at: str = Form(max_length=40)) -> Response:
    def move(control: NetworkClockControl) -> Any:
        try:
            target_ms = instant_ms(datetime.fromisoformat(at))
        except (ValueError, OverflowError):
            raise SchemeError("to", _NOT_A_TIME) from None
        return control.until(target_ms)

    return _moved(request, pages, site, move)


@router.post("/clock/rate", dependencies=[Depends(no_forgery)])
def set_rate(request: Request, pages: PagesOf, site: SiteOf, rate: int = Form()) -> Response:
    return _moved(request, pages, site, lambda control: control.set_rate(rate))


def _moved(request: Request, pages: PagesOf, site: Site, move: Any) -> Response:
    try:
        move(_control(site))
    except SchemeError as error:
        fault = translate_rule(language_of(request), error.rule)
        return pages.page(request, "hub/clock.html", _context(site, fault), status=422)
    return see_other(request, "/clock")


def _context(site: Site, fault: str = "") -> dict[str, Any]:
    seen = _control(site).show()
    return {
        "seen": ClockDocument.of(seen),
        "steps_ms": STEPS_MS,
        "rates": RATES,
        "until_value": local(seen.now_ms + HOUR_MS).strftime("%Y-%m-%dT%H:%M"),
        "fault": fault,
        "section": "/clock",
    }
