"""One transfer and one return in six places: each page links to the others where the viewer may see them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import unescape

import pytest
from fastapi.testclient import TestClient

from bank_sim.application.use_cases import BankApplication
from bank_sim.domain.account import Account
from pix.scheme.features import FEATURES
from tests.integration.bank_http.conftest import Visit, Visitor, pay
from tests.integration.bank_http.test_returns import give_back
from tests.support.village import Village

HUB = "http://hub.example"
URLS = {"001": "http://aurora.example", "002": "http://ipe.example"}


@dataclass(frozen=True)
class Places:
    transfer: str
    """What Ana of Aurora has paid Bruno of Ipê."""
    row: str
    """What Bruno has given back of it."""


@pytest.fixture
def places(
    visit: Visit, village: Village, aurora: BankApplication, ipe: BankApplication, ana: Account, bruno: Account
) -> Places:
    for bank in (aurora, ipe):
        village.hub.join_network(
            ispb=bank.identity.ispb,
            code=bank.identity.code,
            name=bank.identity.name,
            color=bank.identity.color,
            url=URLS[bank.identity.code],
            version="1",
            features=FEATURES,
            payload_host="",
        )
    transfer = pay(visit(aurora, ana), "bruno@example.com", "20,00")
    village.deliver()
    row = give_back(visit(ipe, bruno), transfer, "5,00")
    village.deliver()
    return Places(transfer, row)


def links(visitor: Visitor | TestClient, path: str) -> set[str]:
    page = visitor.open(path) if isinstance(visitor, Visitor) else visitor.get(path)
    assert page.status_code == 200, page.text
    return {unescape(link) for link in re.findall(r'href="([^"]+)"', page.text)}


@pytest.mark.parametrize("demo_mode", [True, False])
def test_a_customer_gets_to_the_hub_and_the_back_office_in_a_demo_alone(
    visit: Visit, aurora: BankApplication, ana: Account, places: Places, *, demo_mode: bool
) -> None:
    visitor = visit(aurora, ana, hub_console_url=HUB, demo_mode=demo_mode)
    for kind, row_id, direction in (("transfers", places.transfer, "outgoing"), ("returns", places.row, "incoming")):
        others = {f"{HUB}/{kind}/{row_id}", f"/backoffice/{kind}/{row_id}?direction={direction}"}
        for path in (f"/{kind}/{row_id}?direction={direction}", f"/{kind}/{row_id}/receipt?direction={direction}"):
            found = links(visitor, path)
            assert found >= others if demo_mode else not found & others, path


def test_a_back_office_gets_to_the_hub_and_to_what_belongs_together(
    visit: Visit, ipe: BankApplication, places: Places
) -> None:
    operator = visit(ipe, hub_console_url=HUB)
    transfer = links(operator, f"/backoffice/transfers/{places.transfer}?direction=incoming")
    assert transfer >= {f"{HUB}/transfers/{places.transfer}", f"/backoffice/returns/{places.row}?direction=outgoing"}
    row = links(operator, f"/backoffice/returns/{places.row}?direction=outgoing")
    assert row >= {
        f"{HUB}/returns/{places.row}",
        f"/backoffice/transfers/{places.transfer}?direction=incoming",
    }


def test_the_hub_gets_to_both_back_offices(village: Village, places: Places) -> None:
    with TestClient(village.console()) as console:
        transfer = links(console, f"/transfers/{places.transfer}")
        row = links(console, f"/returns/{places.row}")
    assert transfer >= {
        f"http://aurora.example/backoffice/transfers/{places.transfer}?direction=outgoing",
        f"http://ipe.example/backoffice/transfers/{places.transfer}?direction=incoming",
        f"/returns/{places.row}",
    }
    assert row >= {
        f"http://aurora.example/backoffice/returns/{places.row}?direction=incoming",
        f"http://ipe.example/backoffice/returns/{places.row}?direction=outgoing",
        f"/transfers/{places.transfer}",
    }
