"""docs/glossary.md: every path exists, and a search for the term finds it there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.unit.house.repository import ROOT, files, texts

PAGE = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
ROWS = [line.strip("| ").split(" | ") for line in PAGE.splitlines() if re.match(r"\| (?!term |-)", line)]
EXPECTED = (
    *("rate limit", "token bucket", "heartbeat", "optimistic concurrency", "available balance", "outbox", "pacs.008"),
    *("dead letter", "retransmission", "single flight", "double entry", "end-to-end id", "posting", "supervisor"),
)
"""A reader of the field's literature searches for these."""


def sources(where: str) -> list[Path]:
    """The files that a row names, those below a folder that it names included; a table is one of a migration."""
    names = re.findall(r"(?<!table )`([^`]+)`", where)
    there = files()
    missing = [name for name in names if not (ROOT / name).exists()]
    assert missing == []
    return [path for path in there if any(path == Path(name) or Path(name) in path.parents for name in names)]


def search(term: str, where: str) -> list[Path]:
    """The files in which a line has the term, in any case."""
    return [
        path
        for path in sources(where)
        if path.suffix in {".py", ".proto", ".md"} and not path.name.endswith("_pb2.py")
        if term.lower() in texts()[path].lower()
    ]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_a_search_finds_the_term_where_the_glossary_says(row: list[str]) -> None:
    terms, meaning, where, portuguese = row

    assert meaning and portuguese
    assert [term for term in terms.split(", ") if not search(term, where)] == []


@pytest.mark.parametrize("row", [row for row in ROWS if "table `" in row[2]], ids=lambda row: row[0])
def test_the_tables_that_it_names_are_made_by_a_migration(row: list[str]) -> None:
    migrations = "\n".join(
        (ROOT / path).read_text(encoding="utf-8")
        for path in files()
        if "migrations" in path.parts and path.suffix == ".py"
    )

    for table in re.findall(r"table `([^`]+)`", row[2]):
        assert re.search(rf"\b{table}\b", migrations), table


def test_the_words_that_readers_search_for_are_in_it() -> None:
    terms = {term for row in ROWS for term in row[0].split(", ")}

    assert set(EXPECTED) <= terms


def test_each_term_stands_once() -> None:
    terms = [term for row in ROWS for term in row[0].split(", ")]

    assert sorted(terms) == sorted(set(terms))


REPLACED = re.compile(r"\b(?:whoever|nobody|errands?|courier|keepers?|anybody|everybody|somebody)\b", re.IGNORECASE)
"""Words of the past, for which the glossary has better ones, and subjects that hide who acts."""


def test_the_pages_use_none_of_the_words_that_the_glossary_replaced() -> None:
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "protos").rglob("*.proto")]
    found = [
        f"{page.relative_to(ROOT)}: {line.strip()}"
        for page in pages
        for line in page.read_text(encoding="utf-8").splitlines()
        if REPLACED.search(line)
    ]

    assert len(pages) > 30
    assert found == []
