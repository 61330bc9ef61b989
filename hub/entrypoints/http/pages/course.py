"""Banks of the original course: they and their accounts are registered here, and what is owed is listed and cleared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Form, Request, Response

from hub.application.course.register import BRANCH_DEFAULT, CourseLegNotFound
from hub.application.course.use_cases import CourseApplication
from hub.domain.course.model import Edition, LegKind
from hub.domain.errors import BankNotFound
from hub.entrypoints.http.pages.site import Site, SiteOf
from hub.entrypoints.http.pages.views import bank_views
from pix.scheme.course import COURSE_CODES
from pix.scheme.errors import SchemeError
from pix.scheme.ids import ispb_of_code
from pix.scheme.money import parse_brl
from pix.web.htmx import see_other
from pix.web.marks import translatable
from pix.web.notices import say_once
from pix.web.site import PagesOf, no_forgery

router = APIRouter(include_in_schema=False, dependencies=[Depends(no_forgery)])

FIELD_BYTES_MAX: Final = 400
UNPROCESSABLE: Final = 422

_BANK_ADDED: Final = translatable("Course bank saved.")
_ACCOUNT_ADDED: Final = translatable("Account saved.")
_CLEARED: Final = translatable("Taken off the list of what is owed.")
_NOT_OWED: Final = translatable("Nothing is owed under this id any more.")

Field = Annotated[str, Form(max_length=FIELD_BYTES_MAX)]


def editions_by_ispb(site: Site) -> Mapping[str, Edition]:
    """Of the course banks; none without course mode."""
    return {} if site.course is None else {ispb: bank.edition for ispb, bank in site.course.queries.banks().items()}


@router.get("/course")
def show_course(request: Request, pages: PagesOf, site: SiteOf) -> Response:
    return pages.page(request, "hub/course.html", _context(site))


@router.post("/course/banks")
def add_bank(
    request: Request,
    pages: PagesOf,
    site: SiteOf,
    bank_code: Field = "",
    bank_name: Field = "",
    edition: Annotated[Edition, Form()] = Edition.Y2023,
    group: Field = "",
    funds: Field = "",
) -> Response:
    course = _course(site)
    try:
        funds_centavos = parse_brl(funds) if funds.strip() else 0
        course.add_bank(
            code=bank_code, name=bank_name, edition=edition, group=group, settlement_funds_centavos=funds_centavos
        )
    except SchemeError as error:
        values = {"bank_code": bank_code, "bank_name": bank_name, "edition": edition, "group": group, "funds": funds}
        return _refused(request, pages, site, "bank", error, values)
    say_once(request, _BANK_ADDED)
    return see_other(request, "/course")


@router.post("/course/accounts")
def add_account(
    request: Request,
    pages: PagesOf,
    site: SiteOf,
    code: Field = "",
    account_id: Field = "",
    number: Field = "",
    owner_name: Field = "",
    branch: Field = BRANCH_DEFAULT,
    tax_id: Field = "",
) -> Response:
    values = {
        "code": code,
        "account_id": account_id.strip(),
        "number": number.strip(),
        "owner_name": owner_name,
        "branch": branch.strip(),
        "tax_id": tax_id,
    }
    course = _course(site)
    try:
        course.add_account(**values)
    except SchemeError as error:
        return _refused(request, pages, site, "account", error, values)
    say_once(request, _ACCOUNT_ADDED)
    return see_other(request, "/course")


@router.post("/course/{code}/{kind}/{course_id}/clear")
def clear_owed(
    request: Request, pages: PagesOf, site: SiteOf, code: str, kind: LegKind, course_id: str, note: Field = ""
) -> Response:
    course = _course(site)
    try:
        course.clear_owed(ispb=ispb_of_code(code), kind=kind, course_id=course_id, note=note)
    except CourseLegNotFound:
        say_once(request, _NOT_OWED, "wait")
    except SchemeError as error:
        return _refused(request, pages, site, course_id, error, {"note": note})
    else:
        say_once(request, _CLEARED)
    return see_other(request, "/course")


def _course(site: Site) -> CourseApplication:
    if site.course is None:
        raise BankNotFound("code", "this hub runs without course mode")
    return site.course


def _refused(
    request: Request, pages: PagesOf, site: Site, form: str, error: SchemeError, values: Mapping[str, str]
) -> Response:
    context = _context(site) | {"form": form, "fault": error.rule, "values": values}
    return pages.page(request, "hub/course.html", context, status=UNPROCESSABLE)


def _context(site: Site) -> dict[str, Any]:
    overview = _course(site).queries.overview()
    return {
        "overview": overview,
        "banks": bank_views(site.hub.queries),
        "codes": COURSE_CODES,
        "editions": list(Edition),
        "branch_default": BRANCH_DEFAULT,
        "form": "",
        "fault": "",
        "values": {},
        "section": "/banks",
    }
