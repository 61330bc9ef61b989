"""Signing in, as a demo person with one click or with account number and PIN, and out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final

from fastapi import Form, Query, Request, Response
from fastapi.responses import JSONResponse

from bank_sim.domain.account import Account
from bank_sim.domain.errors import WrongCredentials
from bank_sim.entrypoints.http.errors import sentence_of
from bank_sim.entrypoints.http.pages.routing import page_router
from bank_sim.entrypoints.http.site import (
    Faults,
    SignInNeeded,
    Site,
    SiteOf,
    session_account_number,
    sign_in,
    visitors_account,
)
from bank_sim.entrypoints.http.site import sign_out as end_session
from pix.runtime.outages import DatabaseUnavailable
from pix.web.htmx import local_url, see_other
from pix.web.languages import translate
from pix.web.site import PagesOf
from pix.web.templates import Pages, language_of

DEMO_ACCOUNTS_SHOWN_MAX: Final = 12
ACCOUNT_DIGITS: Final = 6
"""Of an account's number, before its check digit."""

router = page_router()


@router.get("/sign-in")
def show(
    request: Request, site: SiteOf, pages: PagesOf, next_url: Annotated[str, Query(alias="next")] = ""
) -> Response:
    return _page(request, site, pages, "", next_url, Faults(), 200)


@router.get("/sign-in/people")
def people(
    request: Request, site: SiteOf, pages: PagesOf, next_url: Annotated[str, Query(alias="next")] = ""
) -> Response:
    """The demo people, for the menu in the head; none without demo mode."""
    context = {
        "demo_accounts": _demo_people(site),
        "own_number": session_account_number(request),
        "next_url": local_url(next_url),
        "short": True,
    }
    return pages.page(request, "bank/sign_in.html", context, block="people")


@router.get("/session")
def session(request: Request) -> Response:
    """Whose account this browser uses now, for pages that become visible again."""
    answer = {"account_number": session_account_number(request)}
    return JSONResponse(answer, headers={"Cache-Control": "no-store"})


@router.post("/sign-in")
def with_pin(
    request: Request,
    site: SiteOf,
    pages: PagesOf,
    account_number: Annotated[str, Form(max_length=40)] = "",
    pin: Annotated[str, Form(max_length=40)] = "",
    next_url: Annotated[str, Form(alias="next")] = "",
) -> Response:
    """Checks the PIN; after too many wrong ones the account has to wait."""
    language = language_of(request)
    number = _account_number(account_number)
    if site.attempts.take(number):
        sentence = translate(language, "Too many attempts. Wait a minute and try again.")
        return _page(request, site, pages, account_number, next_url, Faults(form=sentence), 429)
    try:
        account = site.bank.sign_in(account_number=number, pin=pin)
    except WrongCredentials as error:
        return _page(request, site, pages, account_number, next_url, Faults(form=sentence_of(error, language)), 401)
    except DatabaseUnavailable:
        # The PIN was not judged.
        site.attempts.give_back(number)
        raise
    site.attempts.give_back(number)
    sign_in(request, account.number)
    return see_other(request, local_url(next_url))


@router.post("/sign-in/demo")
def as_demo_person(
    request: Request,
    site: SiteOf,
    account_number: Annotated[str, Form(max_length=40)] = "",
    next_url: Annotated[str, Form(alias="next")] = "",
) -> Response:
    """Signs in to any demo account, in demo mode."""
    if not site.settings.demo_mode:
        raise SignInNeeded
    sign_in(request, site.bank.queries.find_account(account_number).number)
    return see_other(request, local_url(next_url))


@router.post("/sign-out")
def sign_out(request: Request) -> Response:
    end_session(request)
    return see_other(request, "/sign-in")


def _account_number(text: str) -> str:
    """The number with its hyphen and its zeros, also when it was typed without."""
    digits = "".join(character for character in text if character.isascii() and character.isalnum())
    return f"{digits[:-1]:0>{ACCOUNT_DIGITS}}-{digits[-1:]}" if digits else ""


def _demo_people(site: Site) -> Sequence[Account]:
    if not site.settings.demo_mode:
        return ()
    people = site.bank.queries.list_accounts(size=DEMO_ACCOUNTS_SHOWN_MAX).accounts
    return [person for person in people if person.status != "closed"]


def _page(
    request: Request, site: Site, pages: Pages, number: str, next_url: str, faults: Faults, status: int
) -> Response:
    context = {
        "demo_accounts": _demo_people(site),
        "own_number": "",
        "short": False,
        "values": {"account_number": number},
        "next_url": next_url,
        "account": visitors_account(request),
        "faults": faults,
    }
    return pages.page(request, "bank/sign_in.html", context, status=status)
