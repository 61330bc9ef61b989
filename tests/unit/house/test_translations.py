"""The check of the Portuguese pages notices every way in which one can be out of date."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from lab.development.translations import TRANSLATIONS, accept, find_faults
from tests.unit.house.repository import ROOT

ORIGINAL = (
    "[Português](pt-BR/page.md)\n\n# Page\n\nText.\n\n```sh\nmake demo\n```\n\n| a | b |\n|---|---|\n| 1 | `two` |\n"
)
TRANSLATION = (
    "[English](../page.md)\n\n# Página\n\nTexto.\n\n```sh\nmake demo\n```\n\n| a | b |\n|---|---|\n| 1 | `two` |\n"
)
PAIR = ("docs/page.md", "docs/pt-BR/page.md")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A checkout with a page and its translation, which is up to date."""
    for name, text in zip(PAIR, (ORIGINAL, TRANSLATION), strict=True):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    accept(tmp_path, *PAIR)
    assert find_faults(tmp_path, *PAIR) == []
    return tmp_path


def replace(page: Path, before: str, after: str) -> None:
    text = page.read_text(encoding="utf-8")
    assert before in text
    page.write_text(text.replace(before, after), encoding="utf-8")


@pytest.mark.parametrize(("original", "translation"), TRANSLATIONS.items())
def test_the_pages_in_portuguese_are_up_to_date(original: str, translation: str) -> None:
    assert find_faults(ROOT, original, translation) == []


def test_a_changed_original_is_noticed_until_its_translation_is_accepted(root: Path) -> None:
    replace(root / PAIR[0], "Text.", "Another text.")
    (fault,) = find_faults(root, *PAIR)
    assert "docs/page.md has changed" in fault and "--accept docs/page.md" in fault

    replace(root / PAIR[1], "Texto.", "Outro texto.")
    accept(root, *PAIR)
    assert find_faults(root, *PAIR) == []
    assert "Outro texto." in (root / PAIR[1]).read_text(encoding="utf-8")


def test_the_id_is_the_one_by_which_git_finds_the_translated_text(root: Path) -> None:
    command = ["git", "hash-object", "--no-filters", str(root / PAIR[0])]
    found = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    assert found in (root / PAIR[1]).read_text(encoding="utf-8").splitlines()[0]


@pytest.mark.parametrize(
    ("page", "before", "after", "fault"),
    [
        (PAIR[1], "# Página", "Página", "its headings differ from those of docs/page.md: nothing for #"),
        (PAIR[1], "```sh\nmake demo\n```\n", "", "its code blocks differ from those of docs/page.md: nothing for sh"),
        (PAIR[1], "make demo\n", "make test\n", "its code is not that of docs/page.md: make test"),
        (PAIR[1], "`two`", "`dois`", "its codes in tables differ from those of docs/page.md: `dois` for `two`"),
        (PAIR[1], "| 1 | `two` |\n", "", "its tables differ from those of docs/page.md: 2 for 3"),
        (PAIR[1], "Texto.", "[Texto](gone.md)", "links to docs/pt-BR/gone.md, which is not there"),
        (PAIR[1], "(../page.md)", "(page.md)", "docs/pt-BR/page.md: does not link to docs/page.md"),
        (PAIR[1], "<!-- translates docs/page.md", "<!-- translates docs/other.md", "its first line is not"),
    ],
)
def test_a_translation_that_lacks_something_is_noticed(
    root: Path, page: str, before: str, after: str, fault: str
) -> None:
    replace(root / page, before, after)
    assert any(fault in found for found in find_faults(root, *PAIR))


def test_comments_of_code_are_translated(root: Path) -> None:
    for page, comment in zip(PAIR, ("the whole network", "a rede inteira"), strict=True):
        replace(root / page, "make demo\n", f"make demo   # {comment}\n")
    accept(root, *PAIR)
    assert find_faults(root, *PAIR) == []


def test_a_missing_translation_is_noticed(root: Path) -> None:
    (root / PAIR[1]).unlink()
    assert find_faults(root, *PAIR) == ["docs/pt-BR/page.md: is missing; it translates docs/page.md"]
