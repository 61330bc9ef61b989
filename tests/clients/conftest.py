"""A network of two banks with the profile of Efí, a merchant at one of them, and a payer at the other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from lab.network.network import DEMO_BANKS, Network, NetworkSettings
from lab.read.rest import BankRest, new_client
from tests.clients.conversation import Client, Receiver, receiving
from tests.clients.environments import HERE, node_modules, python_of
from tests.clients.shops import EfiShop, PypixShop, Shop

CLIENTS = ("pypix-api", "efipay", pytest.param("sdk-node-apis-efi", marks=pytest.mark.node))
OPENING_CENTAVOS = 100_000
MERCHANTS_TAX_ID = "11222333000181"
PAYERS_TAX_ID = "52998224725"


@dataclass
class Account:
    """An account and the REST of its bank."""

    bank: BankRest
    number: str

    @property
    def balance_centavos(self) -> int:
        return int(self.bank.get(f"/accounts/{self.number}")["balance_centavos"])


@dataclass
class Merchant(Account):
    """A company with a key and a credential."""

    key: str
    address: str
    credential: dict[str, Any]


@pytest.fixture(scope="package")
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Merchant, Account]]:
    """The merchant and the payer."""
    settings = NetworkSettings(
        folder=tmp_path_factory.mktemp("network"),
        banks=DEMO_BANKS[:2],
        resend_first_seconds=1.0,
        durable=False,
        extra_environment={"API_PIX_PROFILE": "efi"},
    )
    with Network(settings) as network, new_client(network.secrets.operator) as client:
        first, second = (BankRest(bank.spec.name, bank.url, client) for bank in network.banks)
        merchant = _open(first, "Loja da Lia Ltda", MERCHANTS_TAX_ID)
        payer = _open(second, "Davi Duarte", PAYERS_TAX_ID)
        key = first.call("POST", f"/accounts/{merchant}/keys", json={"kind": "PHONE", "key": "+5511987650001"})
        made = first.call("POST", f"/accounts/{merchant}/api-credentials", json={"name": "Loja"})
        yield Merchant(first, merchant, key["key"], network.banks[0].url, made), Account(second, payer)


@pytest.fixture(scope="package")
def merchant(places: tuple[Merchant, Account]) -> Merchant:
    return places[0]


@pytest.fixture
def payer(places: tuple[Merchant, Account]) -> Account:
    return places[1]


@pytest.fixture(scope="package", params=CLIENTS)
def shop(
    request: pytest.FixtureRequest, merchant: Merchant, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Shop]:
    """The merchant's program, with each of the libraries."""
    told = {
        "address": merchant.address,
        "client_id": merchant.credential["credential_id"],
        "client_secret": merchant.credential["secret"],
    }
    match request.param:
        case "pypix-api":
            command = [str(python_of("pypix-api.txt")), str(HERE / "drive_pypix.py")]
        case "efipay":
            command = [str(python_of("efipay.txt")), str(HERE / "drive_efipay.py")]
        case _:
            command = ["node", str(HERE / "node" / "drive_efi.cjs")]
            told["modules"] = str(node_modules())
    with Client(command, tmp_path_factory.mktemp("client"), **told) as client:
        yield PypixShop(client) if request.param == "pypix-api" else EfiShop(client, request.param != "efipay")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


def _open(bank: BankRest, name: str, tax_id: str) -> str:
    order = {"name": name, "tax_id": tax_id, "opening_deposit_centavos": OPENING_CENTAVOS, "pin": "4321"}
    return str(bank.call("POST", "/accounts", json=order)["number"])
