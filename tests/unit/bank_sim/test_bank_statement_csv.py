"""The statement as CSV is text to every spreadsheet, wherever it splits the lines."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bank_sim.application.views import StatementLine
from bank_sim.entrypoints.http.pages.statement import csv_rows
from pix.scheme.postings import PostingKind
from pix.web.spreadsheets import harmless
from tests.support.bank_builders import END_TO_END_ID, NOW_MS

FORMULAS = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
SEPARATORS = (";", ",", "\t", "|")


def line(description: str, counterpart: str = "Bia", bank: str = "Banco Ipê") -> StatementLine:
    return StatementLine(
        posting_id=1,
        kind=PostingKind.CREDIT,
        amount_centavos=12_345,
        balance_after_centavos=22_345,
        posted_at_ms=NOW_MS,
        end_to_end_id=END_TO_END_ID,
        direction=None,
        counterpart_name=counterpart,
        counterpart_bank=bank,
        description=description,
    )


def cells(text: str, separator: str) -> list[str]:
    """Every cell of the file as a spreadsheet sees it that splits there."""
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), delimiter=separator)
    return [cell for row in reader for cell in row]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("=1+1", "'=1+1"),
        ("+55 11", "'+55 11"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "' =1"),
        ("\r=1", "' =1"),
        ("＝1+1", "'＝1+1"),
        ("＠x", "'＠x"),
        ("1,=cmd|'/C calc'!A0", "1,'=cmd|'/C calc'!A0"),
        ("x,=1+1", "x,'=1+1"),
        ("x; =1+1", "x;' =1+1"),
        ('x,"=1+1', "x,'\"=1+1"),
        ("2+2=4, really", "2+2=4, really"),
        ("Rent - July", "Rent - July"),
        ("", ""),
    ],
)
def test_an_apostrophe_stands_where_a_formula_would_begin(text: str, shown: str) -> None:
    assert harmless(text) == shown


@given(st.text(st.sampled_from([*FORMULAS, *SEPARATORS, '"', "'", " ", "a", "1", "\n"]), max_size=12))
def test_no_cell_of_any_reader_begins_like_a_formula(hostile: str) -> None:
    text = "".join(csv_rows([line(hostile, counterpart=hostile, bank=hostile)]))
    for separator in SEPARATORS:
        for cell in cells(text, separator):
            assert not cell.startswith(FORMULAS), (separator, cell)
            assert not cell.lstrip().startswith(FORMULAS), (separator, cell)


def test_every_cell_is_quoted() -> None:
    header, row = "".join(csv_rows([line("x")])).removeprefix("\ufeff").splitlines()
    for each in (header, row):
        assert all(cell.startswith('"') and cell.endswith('"') for cell in each.split(";")), each
