"""The statement always equals the books: by day, filtered, in pages, as CSV and on paper."""

from __future__ import annotations

import csv
import io
import re
from datetime import time, timedelta
from html import unescape

import pytest

from bank_sim.application import searching
from bank_sim.application.use_cases import BankApplication
from bank_sim.domain.account import Account
from bank_sim.domain.flows.transfer.model import TransferStatus
from bank_sim.entrypoints.http.pages.statement import LINES_PER_PAGE
from pix.runtime.clock import SystemClock
from pix.scheme.days import day_of
from pix.scheme.postings import Direction
from pix.wire.topics import HUB_TOPIC
from tests.integration.bank_http.conftest import Visit, Visitor, pay
from tests.support.clock import ShiftedClock, at_time_ms
from tests.support.village import Village, found_village

TODAY = day_of(SystemClock().now_ms())


@pytest.fixture
def village() -> Village:
    """Its clock begins at noon of today in São Paulo: no test crosses the midnight that divides days."""
    noon_ms = at_time_ms(TODAY, time(12))
    return found_village(with_people=False, clock=ShiftedClock(noon_ms - SystemClock().now_ms()))


@pytest.fixture
def moved(
    visit: Visit, village: Village, aurora: BankApplication, ipe: BankApplication, ana: Account, bruno: Account
) -> Visitor:
    """Ana has paid twice, got something, and one payment came back."""
    payer, payee = visit(aurora, ana), visit(ipe, bruno)
    pay(payer, "bruno@example.com", "100,00", "Rent")
    pay(payer, "bruno@example.com", "20,50", "=SUM(A1)")
    village.deliver()
    pay(payee, "ana@example.com", "7,00", "Coffee")
    village.deliver()
    ipe.block_account(account_number=bruno.number)
    pay(payer, "bruno@example.com", "1,00", "Refused")
    village.deliver()
    return payer


def test_it_has_every_movement_under_its_day_with_the_balance_behind_it(moved: Visitor) -> None:
    moved.open("/statement")
    assert "Today" in moved.text
    for piece in (
        "−R$ 100,00",
        "−R$ 20,50",
        "+R$ 7,00",
        "−R$ 1,00",
        "+R$ 1,00",
        "Refund (Pix not completed)",
        "R$ 886,50",
    ):
        assert piece in moved.text, piece


FILTERS: tuple[tuple[str, list[str], list[str]], ...] = (
    ("direction=in", ["Coffee"], ["Rent"]),
    ("direction=out", ["Rent"], ["Coffee"]),
    ("direction=refunds", ["Refund (Pix not completed)"], ["Rent", "Coffee"]),
    ("search=coffee", ["Coffee"], ["Rent"]),
    ("search=bruno", ["Rent", "Coffee"], ["Deposit"]),
    ("search=BR%C3%9BNO", ["Rent", "Coffee"], ["Deposit"]),
    ("search=banco+ipe", ["Rent", "Coffee"], ["Deposit"]),
    ("search=7", ["Coffee"], ["Rent"]),
    ("search=R%24+7,00", ["Coffee"], ["Rent"]),
    ("search=20,5", ["=SUM(A1)"], ["Rent", "Coffee"]),
    ("search=-100", ["Rent"], ["Coffee"]),
    ("search=nowhere", ["No transactions match.", "Clear"], ["Rent"]),
    (f"from={TODAY + timedelta(days=1)}", ["No transactions match."], ["Rent"]),
    (f"to={TODAY}", ["Rent", "Deposit"], []),
    (f"to={TODAY - timedelta(days=1)}", ["No transactions match."], ["Rent"]),
)
"""A query, what its statement shows, and what it does not."""
IMPOSSIBLE = (
    ("from=2026-02-01&to=2026-01-01", '"To" must be after "From"'),
    ("from=yesterday", "Write the date as"),
    ("from=0001-01-01", "out of range"),
    ("before=x", "not from an earlier page"),
)
"""A query, and the sentence that explains it."""


def test_it_is_filtered(moved: Visitor, subtests: pytest.Subtests) -> None:
    for query, there, absent in FILTERS:
        with subtests.test(query):
            moved.open(f"/statement?{query}")
            assert moved.page.status_code == 200
            for piece in there:
                assert piece in moved.text
            for piece in absent:
                assert piece not in moved.text


def test_no_link_of_a_list_has_an_empty_part(moved: Visitor, subtests: pytest.Subtests) -> None:
    for path in ("/statement", "/statement?direction=in", "/statement?search=coffee", "/statement/print"):
        with subtests.test(path):
            moved.open(path)
            links = [unescape(link) for link in re.findall(r'href="(/statement[^"]*)"', moved.page.text)]
            assert links
            assert [link for link in links if re.search(r"\?&|&&|[?&]$", link)] == []


def test_a_filter_that_cannot_be_is_explained(moved: Visitor, subtests: pytest.Subtests) -> None:
    for query, sentence in IMPOSSIBLE:
        with subtests.test(query):
            moved.open(f"/statement?{query}")
            assert moved.page.status_code == 422 and sentence in moved.text


def test_csv_has_every_line_and_is_no_formula(moved: Visitor, aurora: BankApplication, ana: Account) -> None:
    answer = moved.open("/statement.csv")
    assert answer.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.text.removeprefix("\N{ZERO WIDTH NO-BREAK SPACE}")), delimiter=";"))
    assert len(rows) == 6
    assert rows[0]["balance_after"] == "886,50" and rows[-1]["kind"] == "deposit"
    assert "'=SUM(A1)" in [row["description"] for row in rows]
    moved.open("/statement.csv?direction=in")
    assert moved.page.text.count("\n") == 3


def test_on_paper_it_is_one_table_with_its_sums(moved: Visitor) -> None:
    moved.open("/statement/print")
    assert "Account statement" in moved.text and "Ana Souza" in moved.text
    assert "−R$ 121,50" in moved.text and "+R$ 1.008,00" in moved.text


def test_it_comes_in_pages(
    visit: Visit, village: Village, aurora: BankApplication, ana: Account, bruno: Account
) -> None:
    for number in range(LINES_PER_PAGE):
        payee = aurora.find_payee(key="bruno@example.com")
        aurora.request_transfer(
            account_number=ana.number,
            payee_key=payee.key,
            amount_centavos=1,
            description=f"Nr {number}.",
            idempotency_key=str(number),
            payee_tax_id_masked=payee.tax_id_masked,
        )
    visitor = visit(aurora, ana)
    visitor.open("/statement")
    assert "Nr 24." in visitor.text and "Deposit" not in visitor.text
    older = visitor.page.text.split('rel="next"')[0].rsplit('href="', 1)[1].split('"')[0].replace("&amp;", "&")
    visitor.open(older)
    assert "Deposit" in visitor.text and "Nr 24." not in visitor.text and "Newest" in visitor.text


def test_a_search_stops_after_so_many_and_goes_on(
    visit: Visit, aurora: BankApplication, ana: Account, bruno: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searching, "SEARCHED_MAX", 4)
    monkeypatch.setattr(searching, "ROWS_PER_READ", 2)
    visitor = visit(aurora, ana)
    for _ in range(5):
        pay(visitor, "bruno@example.com", "1,00")
    visitor.open("/statement?search=1000")
    assert "R$ 1.000,00" not in visitor.text.split("Search")[-1] and "were searched" in visitor.text
    older = visitor.page.text.split('rel="next"')[0].rsplit('href="', 1)[1].split('"')[0].replace("&amp;", "&")
    visitor.open(older)
    assert "Deposit" in visitor.text and "+R$ 1.000,00" in visitor.text


def test_a_payment_is_processing_until_the_hub_has_decided(
    visit: Visit, village: Village, aurora: BankApplication, ipe: BankApplication, ana: Account, bruno: Account
) -> None:
    payer, payee = visit(aurora, ana), visit(ipe, bruno)
    village.stop_hearing("002")
    end_to_end_id = pay(payer, "bruno@example.com", "10,00")
    village.deliver()
    for path in ("/", "/statement"):
        payer.open(path)
        assert "Processing" in payer.text and "Pix sent" not in payer.text, path
    api = "/api/v1/accounts"
    assert payer.client.get(f"{api}/{ana.number}/statement").json()["lines"][0]["transfer_status"] == "pending"
    for path in ("/", "/statement"):
        payee.open(path)
        assert "10,00" not in payee.text and "Ana Souza" not in payee.text, path
    # The payee's bank has accepted, and the hub has not heard it yet.
    village.hear_again("002")
    village.switches.hears.discard(HUB_TOPIC)
    village.resend_until(lambda: bool(ipe.queries.count_transfers().get((Direction.INCOMING, TransferStatus.ACCEPTED))))
    for path in ("/", "/statement", f"/transfers/{end_to_end_id}?direction=incoming"):
        payee.open(path)
        assert "10,00" not in payee.text, path
    village.switches.hears.add(HUB_TOPIC)
    village.resend_until(lambda: ipe.queries.find_transfer(end_to_end_id, Direction.INCOMING).status == "confirmed")
    for visitor, words in ((payer, "Pix sent"), (payee, "Pix received")):
        visitor.open("/statement")
        assert words in visitor.text and "Processing" not in visitor.text


def test_a_payment_that_failed_was_not_sent(
    visit: Visit, village: Village, aurora: BankApplication, ipe: BankApplication, ana: Account, bruno: Account
) -> None:
    ipe.block_account(account_number=bruno.number)
    payer = visit(aurora, ana)
    pay(payer, "bruno@example.com", "10,00")
    village.deliver()
    payer.open("/statement")
    assert "Pix not sent" in payer.text and "Pix sent" not in payer.text
