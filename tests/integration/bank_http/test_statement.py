"""The statement always equals the books: by day, filtered, in pages, as CSV and on paper."""

from __future__ import annotations

import csv
import io
from datetime import date, timedelta

import pytest

from bank_sim.application.use_cases import BankApplication
from bank_sim.domain.account import Account
from bank_sim.entrypoints.http.pages.statement import LINES_PER_PAGE
from bank_sim.entrypoints.http.statement_query import today
from tests.integration.bank_http.conftest import Visit, Visitor, pay
from tests.integration.bank_http.village import Village


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
    for piece in ("−R$ 100,00", "−R$ 20,50", "+R$ 7,00", "−R$ 1,00", "+R$ 1,00", "Pix returned", "R$ 886,50"):
        assert piece in moved.text, piece


@pytest.mark.parametrize(
    ("query", "there", "absent"),
    [
        ("direction=in", ["Coffee"], ["Rent"]),
        ("direction=out", ["Rent"], ["Coffee"]),
        ("direction=refunds", ["Pix returned"], ["Rent", "Coffee"]),
        ("search=coffee", ["Coffee"], ["Rent"]),
        ("search=bruno", ["Rent", "Coffee"], ["Deposit"]),
        (f"from={today() + timedelta(days=1)}", ["Nothing here"], ["Rent"]),
        (f"to={today()}", ["Rent", "Deposit"], []),
        (f"to={today() - timedelta(days=1)}", ["Nothing here"], ["Rent"]),
    ],
)
def test_it_is_filtered(moved: Visitor, query: str, there: list[str], absent: list[str]) -> None:
    moved.open(f"/statement?{query}")
    assert moved.page.status_code == 200
    for piece in there:
        assert piece in moved.text
    for piece in absent:
        assert piece not in moved.text


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("from=2026-02-01&to=2026-01-01", "The last day is before the first"),
        ("from=yesterday", "A day is written as"),
        ("from=0001-01-01", "out of range"),
        ("before=x", "no cursor"),
    ],
)
def test_a_filter_that_cannot_be_is_explained(moved: Visitor, query: str, sentence: str) -> None:
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


def test_today_is_a_day_in_brasilia() -> None:
    assert abs(today() - date.today()) <= timedelta(days=1)  # noqa: DTZ011 - any zone is near enough
