"""The gallery of `make screenshots` shows every page that can be opened by its address."""

from __future__ import annotations

import re
from typing import Final

import pytest
from fastapi.testclient import TestClient

from bank_sim.application.use_cases import BankApplication
from tests.browser.furnishing import (
    BANK_PAGES,
    CLASSROOM_PAGES,
    HUB_PAGES,
    LAB_PAGES,
    PAYEE_PAGES,
    PUBLIC_PAGES,
    furnish,
    pay_for_lunch,
)
from tests.integration.bank_http.conftest import Visit
from tests.integration.pages.collecting import Collection
from tests.support.village import found_village

LISTED: Final = {
    "bank": (*BANK_PAGES, *PAYEE_PAGES, *PUBLIC_PAGES),
    "hub": HUB_PAGES,
    "lab": LAB_PAGES,
    "classroom": CLASSROOM_PAGES,
}
ELSEWHERE: Final = {
    ("bank", "/pay/amount"): "reached by a form",
    ("bank", "/pay/review"): "reached by a form",
    ("bank", "/returns/review"): "reached by a form",
    ("bank", "/home"): "the same page as /",
    ("lab", "/runs/{number}.html"): "a file to send: the report of /runs/{number}",
    ("hub", "/clock"): "of a network whose clock is turned: in the pictures of the docs",
}


@pytest.mark.parametrize("site", list(LISTED))
def test_the_gallery_lists_every_page(collection: Collection, site: str) -> None:
    listed = [re.sub(r"\{\w+\}", "x", path.partition("?")[0]) for path in LISTED[site]]
    opened = {page.route for page in collection.pages if page.site == site and page.is_get and page.status == 200}
    missing = {
        route
        for route in opened
        if (site, route) not in ELSEWHERE
        and not any(re.fullmatch(re.sub(r"\{[^}]+\}", ".+", route), path) for path in listed)
    }
    assert opened and missing == set()


@pytest.mark.prove
def test_every_page_of_the_gallery_has_something_to_show(visit: Visit) -> None:
    village = found_village()
    names = furnish(village, pay_for_lunch(village))
    payer, payee = village.banks["001"], village.banks["002"]
    rooms = (
        (visit(payer).client, PUBLIC_PAGES),
        (_signed_in(visit, payer), BANK_PAGES),
        (_signed_in(visit, payee), PAYEE_PAGES),
        (TestClient(village.console()), HUB_PAGES),
    )
    statuses = {path: client.get(path.format_map(names)).status_code for client, paths in rooms for path in paths}
    assert {path: status for path, status in statuses.items() if status != 200} == {}


def _signed_in(visit: Visit, bank: BankApplication) -> TestClient:
    visitor = visit(bank)
    visitor.open("/sign-in")
    visitor.send("/sign-in/demo", account_number=bank.queries.list_accounts().accounts[0].number)
    return visitor.client
