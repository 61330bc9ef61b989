"""A village of its own for each test, and visitors of its banks' pages."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from html import unescape
from typing import Any

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response

from bank_sim.application.use_cases import BankApplication
from bank_sim.domain.account import Account
from bank_sim.entrypoints.http.app import create_app
from pix.runtime.clock import SchemeClock
from pix.scheme.keys import KeyKind
from tests.support.banks import ANAS_CPF, BRUNOS_CPF
from tests.support.village import Village, VillageSettings, found_village

PIN = "4321"


class Visitor:
    """A browser without scripts: it follows redirects, keeps cookies, and sends the forms that it finds."""

    def __init__(self, client: TestClient) -> None:
        self.client = client
        self.page: Response
        self.token = ""

    def open(self, path: str, **headers: str) -> Response:
        return self._show(self.client.get(path, headers=headers))

    def send(self, path: str, files: Any = None, **fields: str) -> Response:
        """Posts a form with the token of the last page that had one."""
        return self._show(self.client.post(path, data={"csrf_token": self.token, **fields}, files=files))

    def hidden(self, name: str) -> str:
        """The value of a hidden field of the page that is open."""
        found = re.search(rf'name="{name}" value="([^"]*)"', self.page.text)
        assert found, f"no field {name} on {self.page.url}"
        return unescape(found[1])

    def _show(self, page: Response) -> Response:
        self.page = page
        if 'name="csrf_token"' in page.text:
            self.token = self.hidden("csrf_token")
        return page

    @property
    def text(self) -> str:
        """What the page says, without its tags."""
        body = re.sub(r"<(script|style)[^>]*>.*?</\1>", " ", self.page.text, flags=re.DOTALL)
        return " ".join(unescape(re.sub(r"<[^>]+>", " ", body)).replace("\N{NO-BREAK SPACE}", " ").split())

    @property
    def path(self) -> str:
        return self.page.url.path


Visit = Callable[..., Visitor]
"""Makes a visitor of a bank, signed in to an account if one is given."""


@pytest.fixture
def village() -> Village:
    return found_village(with_people=False)


@pytest.fixture
def aurora(village: Village) -> BankApplication:
    return village.banks["001"]


@pytest.fixture
def ipe(village: Village) -> BankApplication:
    return village.banks["002"]


@pytest.fixture
def ana(aurora: BankApplication) -> Account:
    """A customer of Aurora with R$ 1.000,00 and an e-mail key."""
    account = aurora.open_account(name="Ana Souza", tax_id=ANAS_CPF, opening_deposit_centavos=100_000, pin=PIN)
    aurora.register_key(account_number=account.number, kind=KeyKind.EMAIL, key="ana@example.com")
    return account


@pytest.fixture
def bruno(ipe: BankApplication) -> Account:
    """A customer of Ipê with R$ 50,00 and an e-mail key."""
    account = ipe.open_account(name="Bruno Lima", tax_id=BRUNOS_CPF, opening_deposit_centavos=5_000, pin=PIN)
    ipe.register_key(account_number=account.number, kind=KeyKind.EMAIL, key="bruno@example.com")
    return account


@pytest.fixture
def clients() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def visit(clients: ExitStack, village: Village) -> Visit:
    """Makes a visitor of a bank, signed in to an account if one is given."""

    def make(
        bank: BankApplication, account: Account | None = None, clock: SchemeClock | None = None, **settings: Any
    ) -> Visitor:
        app = create_app(bank, VillageSettings(**settings), clock or village.clock)
        # Errors are answered, as in production, rather than raised into the test.
        visitor = Visitor(clients.enter_context(TestClient(app, raise_server_exceptions=False)))
        if account is not None:
            visitor.open("/sign-in")
            visitor.send("/sign-in", account_number=account.number, pin=PIN)
            assert visitor.path == "/", visitor.text
        return visitor

    return make


def changed_tokens(token: str) -> list[str]:
    """The signed token with one letter of each of its parts changed.

    The first letter, as all its bits count: the last letter of a signature has bits that say nothing, so that one
    token in a thousand would still be itself.
    """
    parts = token.rsplit(".", 2)
    others = [("B" if part[0] == "A" else "A") + part[1:] for part in parts]
    return [".".join([*parts[:at], other, *parts[at + 1 :]]) for at, other in enumerate(others)]


def pay_to_review(visitor: Visitor, key: str, amount: str, description: str = "") -> None:
    """Goes from the key to the page that asks for confirmation."""
    visitor.open("/pay")
    visitor.send("/pay", key=key)
    assert visitor.path == "/pay/amount", visitor.text
    visitor.send("/pay/amount", payee=visitor.hidden("payee"), amount=amount, description=description)
    assert visitor.path == "/pay/review", visitor.text


def pay(visitor: Visitor, key: str, amount: str, description: str = "") -> str:
    """Pays, and returns the end-to-end id."""
    pay_to_review(visitor, key, amount, description)
    visitor.send("/pay/confirm", order=visitor.hidden("order"))
    assert visitor.path.startswith("/transfers/"), visitor.text
    return visitor.path.removeprefix("/transfers/")
