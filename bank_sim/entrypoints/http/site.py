"""What every page and endpoint works with: the application, the settings for HTTP, the templates, the tokens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, Protocol

from fastapi import Depends, Request

from bank_sim.application.customer_app.devices import DeviceSignedOut
from bank_sim.application.use_cases import BankApplication
from bank_sim.domain.account import Account
from bank_sim.domain.errors import AccountNotFound
from bank_sim.entrypoints.http.charges_shown import ChargesShown
from bank_sim.entrypoints.http.look_ups import LookUps
from pix.participant.clock.model import virtual_now_ms
from pix.runtime.clock import SchemeClock
from pix.runtime.outages import DatabaseUnavailable
from pix.web.attempts import Attempts
from pix.web.csrf import Csrf
from pix.web.languages import translate
from pix.web.operators import OperatorAuthentication, OperatorSettings, operator_of_api
from pix.web.preferences import amounts_are_hidden
from pix.web.session_registry import SESSION_SECONDS_MAX
from pix.web.sessions import Tokens, renew_session, session_mark, visitor_id
from pix.web.site import Looks, authentication_of
from pix.web.templates import language_of

DRAFT_SECONDS_MAX: Final = 30 * 60
"""How long a payment may stay between its steps; a confirmation older than that asks to begin again."""

_ACCOUNT: Final = "account"


class SiteSettings(OperatorSettings, Protocol):
    @property
    def session_secret(self) -> str:
        """Signs cookies and forms; empty makes one for the life of the process."""

    @property
    def public_url(self) -> str:
        """Where people reach the pages; with https, cookies are for https alone."""

    @property
    def hub_console_url(self) -> str:
        """Where people reach the hub's console; empty: no page links to it."""

    @property
    def sandbox(self) -> bool:
        """Whether tests may decide what payers do."""

    @property
    def api_pix_port(self) -> int | None:
        """Of the API Pix, where it is not on the pages' port."""

    @property
    def api_pix_tls_certificate(self) -> str:
        """Empty: that port is not encrypted."""


class SignInNeeded(Exception):
    """The page is for a customer who has signed in."""


class Faults(dict[str, str]):
    """What is wrong with a form, by field; a field without fault has an empty sentence."""

    def __missing__(self, field: str) -> str:
        return ""


@dataclass(frozen=True, slots=True)
class Site:
    bank: BankApplication
    settings: SiteSettings
    csrf: Csrf
    payees: Tokens
    orders: Tokens
    attempts: Attempts
    look_ups: LookUps
    charges_shown: ChargesShown
    authentication: OperatorAuthentication
    scheme_clock: SchemeClock
    looks: Looks

    def context(self, request: Request) -> Mapping[str, Any]:
        return {
            "brand": self.looks.brand(
                translate(language_of(request), "Bank %(code)s") % {"code": self.bank.identity.code}
            ),
            "csrf_token": self.csrf.token(request),
            "session_mark": session_mark(request) if _is_signed_in(request, self.authentication) else "",
            "sign_in_url": "/backoffice/sign-in" if request.url.path.startswith("/backoffice") else "/sign-in",
            "amounts_hidden": amounts_are_hidden(request),
            "account": None,
            "unread": getattr(request.state, "unread", 0),
            "hub_url": self._hub_url(request),
            "section": "",
            "virtual_now_ms": virtual_now_ms(self.scheme_clock),
            "faults": Faults(),
            "demo_mode": self.settings.demo_mode,
            "sandbox": self.settings.sandbox,
        }

    def _hub_url(self, request: Request) -> str:
        """The hub's console, for those who may see it; empty for the others."""
        may_see = self.settings.demo_mode or request.url.path.startswith("/backoffice")
        return self.settings.hub_console_url.rstrip("/") if may_see else ""


def site_of(request: Request) -> Site:
    site: Site = request.app.state.site
    return site


def sign_in(request: Request, account_number: str) -> None:
    """From now on this browser acts for the account, in a new session."""
    sign_out(request)
    site_of(request).bank.customer_app.devices.begin(
        device_id=visitor_id(request),
        account_number=account_number,
        user_agent=request.headers.get("user-agent", ""),
        session_ms_max=SESSION_SECONDS_MAX * 1000,
    )
    request.session[_ACCOUNT] = account_number


def sign_out(request: Request) -> None:
    """Ends the session on this device, and begins one without an account."""
    if session_account_number(request):
        site_of(request).bank.customer_app.devices.end(visitor_id(request))
    renew_session(request)


def is_customer(request: Request) -> bool:
    return isinstance(request.session.get(_ACCOUNT), str)


def _is_signed_in(request: Request, authentication: OperatorAuthentication) -> bool:
    """Whether what the page shows depends on the session: a customer's pages, and an operator's who has a password."""
    return _ACCOUNT in request.session or (not authentication.is_demo and authentication.is_operator(request))


# A dependency that is a plain function is handed to a thread and waited for; these only look, so they need none.


async def _site(request: Request) -> Site:
    return site_of(request)


SiteOf = Annotated[Site, Depends(_site)]


def session_account_number(request: Request) -> str:
    """The account that this browser acts for, as its session says; empty without one. Nothing is read for it."""
    number = (request.scope.get("session") or {}).get(_ACCOUNT)
    return number if isinstance(number, str) else ""


def visitors_account(request: Request) -> Account | None:
    """The account in use, for the head of a public page; None without one, or while it cannot be read."""
    number = session_account_number(request)
    if not number:
        return None
    try:
        return _visit(request, site_of(request), number)
    except (AccountNotFound, DatabaseUnavailable, DeviceSignedOut):
        return None


def signed_in_account(request: Request, site: SiteOf) -> Account:
    """The customer's account as it is now. Raises SignInNeeded."""
    number = session_account_number(request)
    if not number:
        raise SignInNeeded
    try:
        return _visit(request, site, number)
    except (AccountNotFound, DeviceSignedOut):
        renew_session(request)
        raise SignInNeeded from None


def _visit(request: Request, site: Site, account_number: str) -> Account:
    visit = site.bank.customer_app.devices.visit(device_id=visitor_id(request), account_number=account_number)
    request.state.unread = visit.unread
    return visit.account


operator_of_bank: Final = operator_of_api(authentication_of)


Customer = Annotated[Account, Depends(signed_in_account)]
