"""Merchants whose programs use the API Pix of a bank: in memory within a village, or on PostgreSQL alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response

from bank_sim.adapters.postgres import MIGRATIONS, PostgresUnitsOfWork
from bank_sim.application.use_cases import BankApplication
from bank_sim.domain.account import Account
from bank_sim.domain.credentials.model import ALL_SCOPES
from bank_sim.entrypoints.api_pix_options import ApiPixOptions
from bank_sim.entrypoints.http.app import create_app
from pix.postgres.engine import make_engine
from pix.runtime.clock import SchemeClock
from pix.scheme.initiation import Initiation
from pix.scheme.keys import KeyKind, parse_stored_key
from tests.integration.api_pix.description import judge
from tests.integration.bank_http.conftest import ana, aurora, bruno, clients, ipe, village
from tests.support.bank import World
from tests.support.databases import Databases
from tests.support.village import Village, VillageSettings

__all__ = ["ana", "aurora", "bruno", "clients", "ipe", "village"]

PERIOD = {"inicio": "2020-01-01T00:00:00Z", "fim": "2099-12-31T23:59:59Z"}


@dataclass
class Shop:
    """A merchant with a credential; its requests carry a token with the scopes of the credential."""

    client: TestClient
    bank: BankApplication
    account: Account
    credential_id: str
    secret: str
    token: str = field(default="", repr=False)
    village: Village | None = None
    """None of a bank that is alone."""

    def ask_token(self, **fields: str) -> Response:
        """Asks for a token with a form, the secret in the Authorization header."""
        body = {"grant_type": "client_credentials", **fields}
        return self.client.post("/oauth/token", data=body, auth=(self.credential_id, self.secret))

    def request(self, method: str, path: str, **named: Any) -> Response:
        """A request to `/v2` and the path; `json`, `params` and `content` as httpx has them."""
        headers = {"Authorization": f"Bearer {self.token}", **named.pop("headers", {})}
        return self.client.request(method, f"/v2{path}", headers=headers, **named)

    def get(self, path: str, **params: Any) -> Response:
        return self.request("GET", path, params={name.replace("__", "."): value for name, value in params.items()})

    def list(self, path: str, **params: Any) -> Response:
        """A list of all times; `paginacao__itensPorPagina` stands for `paginacao.itensPorPagina`."""
        return self.get(path, **{**PERIOD, **params})

    def put(self, path: str, body: Any) -> Response:
        return self.request("PUT", path, json=body)

    def post(self, path: str, body: Any) -> Response:
        return self.request("POST", path, json=body)

    def patch(self, path: str, body: Any) -> Response:
        return self.request("PATCH", path, json=body)

    def delete(self, path: str) -> Response:
        return self.request("DELETE", path)

    def receive(
        self, payer: Shop, key: str, amount_centavos: int = 10_000, description: str = "", txid: str = ""
    ) -> str:
        """The end-to-end id of a Pix that the other merchant's account has paid to this key; with a txid by QR code."""
        assert self.village is not None
        transfer = payer.bank.request_transfer(
            account_number=payer.account.number,
            payee_key=parse_stored_key(key),
            amount_centavos=amount_centavos,
            description=description,
            idempotency_key=str(uuid4()),
            payee_tax_id_masked=self.account.tax_id_masked,
            initiation=Initiation.QRES if txid else Initiation.DICT,
            txid=txid,
        )
        self.village.deliver()
        return transfer.end_to_end_id


OpenShop = Callable[..., Shop]
"""Makes the merchant of a bank and an account, with `scopes` if not all; `options` and `clock` are the bank's."""


def make_shop(
    clients: ExitStack,
    bank: BankApplication,
    account: Account,
    *,
    scopes: tuple[str, ...] = ALL_SCOPES,
    options: ApiPixOptions | None = None,
    clock: SchemeClock | None = None,
    village: Village | None = None,
    base_url: str = "http://testserver",
) -> Shop:
    app = create_app(bank, VillageSettings(), clock, options or ApiPixOptions())
    # Errors are answered, as in production, rather than raised into the test.
    client = clients.enter_context(TestClient(app, base_url=base_url, raise_server_exceptions=False))
    judge(client)
    made = bank.api_credentials.create(account_number=account.number, name="Loja", scopes=scopes)
    shop = Shop(client, bank, account, made.credential.credential_id, made.secret, village=village)
    answer = shop.ask_token()
    assert answer.status_code == 200, answer.text
    shop.token = answer.json()["access_token"]
    return shop


def new_shop(clients: ExitStack, village: Village, code: str, name: str, tax_id: str, key: str) -> Shop:
    """A new customer of a bank of the village, with an e-mail key and R$ 1.000,00."""
    bank = village.banks[code]
    account = bank.open_account(name=name, tax_id=tax_id, opening_deposit_centavos=100_000, pin="4321")
    bank.register_key(account_number=account.number, kind=KeyKind.EMAIL, key=key)
    return make_shop(clients, bank, account, village=village)


@pytest.fixture
def open_shop(clients: ExitStack) -> OpenShop:
    return partial(make_shop, clients)


@pytest.fixture
def shop(open_shop: OpenShop, village: Village, aurora: BankApplication, ana: Account) -> Shop:
    """Ana at Aurora, in a village in memory."""
    return open_shop(aurora, ana, village=village)


@pytest.fixture
def other_shop(open_shop: OpenShop, village: Village, ipe: BankApplication, bruno: Account) -> Shop:
    """Bruno at Ipê, in the same village."""
    return open_shop(ipe, bruno, village=village)


@pytest.fixture
def world_on_postgres(databases: Databases) -> Iterator[World]:
    """One bank on PostgreSQL."""
    engine = make_engine(databases.migrated(MIGRATIONS))
    yield World(PostgresUnitsOfWork(engine))
    engine.dispose()


@pytest.fixture
def shop_on_postgres(open_shop: OpenShop, world_on_postgres: World) -> Shop:
    """A merchant of a bank on PostgreSQL, whose hub the test plays."""
    world = world_on_postgres
    return open_shop(world.bank, world.open_account(), clock=world.clock)
