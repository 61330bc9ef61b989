"""Checks that the Portuguese pages translate their originals as they are now: `python -m lab.development.translations`.

The first line of a translation names the Git blob id of the text that it translates, so Git has that text and can show
what has changed since. `--accept` writes the present id once a person has brought the translation up to date.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import sys
from collections.abc import Mapping
from itertools import zip_longest
from pathlib import Path, PurePosixPath
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
TRANSLATIONS: Final[Mapping[str, str]] = {
    "README.md": "README.pt-BR.md",
    "docs/add-a-bank.md": "docs/pt-BR/add-a-bank.md",
    "docs/integrating.md": "docs/pt-BR/integrating.md",
    "docs/lab.md": "docs/pt-BR/lab.md",
    "docs/protocol.md": "docs/pt-BR/protocol.md",
}
"""The Portuguese page of each original, both as paths in the checkout."""
MARK: Final = re.compile(r"\A<!-- translates (?P<original>\S+) as of blob (?P<blob>[0-9a-f]{40}) -->\n")
FENCE: Final = re.compile(r"^```([a-z]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMENT: Final = re.compile(r"\s*(?:#|//)\s.*$", re.MULTILINE)
LANGUAGES_OF_CODE: Final = frozenset({"js", "json", "python", "sh", "yaml"})
"""Code blocks that a translation repeats, but for their comments."""
TABLE: Final = re.compile(r"(?:^\|.*\n)+", re.MULTILINE)
LINK: Final = re.compile(r"\]\((?![a-z]+:)([^)#\s]+)(?:#[^)]*)?\)")


def blob_id(text: str) -> str:
    """The id under which Git keeps a file with this text."""
    content = text.encode()
    return hashlib.sha1(b"blob %d\0%b" % (len(content), content), usedforsecurity=False).hexdigest()


def mark_of(original: str, text: str) -> str:
    """The first line of a translation of the original's text."""
    return f"<!-- translates {original} as of blob {blob_id(text)} -->\n"


def shape_of(text: str) -> Mapping[str, list[str]]:
    """What a translation keeps: levels of headings, languages of code blocks, rows and code of tables."""
    prose = FENCE.sub("", text)
    return {
        "headings": re.findall(r"^(#+) ", prose, re.MULTILINE),
        "code blocks": [language for language, _ in FENCE.findall(text)],
        "tables": [str(len(table.splitlines())) for table in TABLE.findall(prose)],
        "codes in tables": [code for table in TABLE.findall(prose) for code in re.findall(r"`[^`\n]+`", table)],
    }


def code_of(text: str) -> list[str]:
    """The blocks of code without their comments, and what a comment before each says about it."""
    described = re.compile(r"(?:^(<!-- [^\n]* -->)\n+)?" + FENCE.pattern, FENCE.flags)
    return [
        said + COMMENT.sub("", code)
        for said, language, code in described.findall(text)
        if language in LANGUAGES_OF_CODE
    ]


def find_faults(root: Path, original: str, translation: str) -> list[str]:
    """A sentence per fault of one translation, each with the page that it concerns."""
    page = root / translation
    if not page.is_file():
        return [f"{translation}: is missing; it translates {original}"]
    text = page.read_text(encoding="utf-8")
    source = (root / original).read_text(encoding="utf-8")
    mark = MARK.match(text)
    if mark is None or mark["original"] != original:
        return [f"{translation}: its first line is not {mark_of(original, source).strip()}"]
    faults = []
    if mark["blob"] != blob_id(source):
        faults.append(
            f"{translation}: {original} has changed. See how: git show {mark['blob'][:12]} | diff -u - {original}; "
            f"translate it, and run: python -m lab.development.translations --accept {original}"
        )
    mine = shape_of(text)
    for what, theirs in shape_of(source).items():
        for ours, its in zip_longest(mine[what], theirs, fillvalue="nothing"):
            if ours != its:
                faults.append(f"{translation}: its {what} differ from those of {original}: {ours} for {its}")
                break
    if mine["code blocks"] == shape_of(source)["code blocks"]:
        pairs = zip(code_of(text), code_of(source), strict=True)
        faults += [
            f"{translation}: its code is not that of {original}: {ours.strip().splitlines()[0]}"
            for ours, theirs in pairs
            if ours != theirs
        ]
    for here, there in ((original, translation), (translation, original)):
        links = {_target(here, link) for link in LINK.findall((root / here).read_text(encoding="utf-8"))}
        if there not in links:
            faults.append(f"{here}: does not link to {there}")
        if here == translation:
            faults += [
                f"{here}: links to {link}, which is not there" for link in sorted(links) if not (root / link).exists()
            ]
    return faults


def _target(page: str, link: str) -> str:
    """The path in the checkout to which a link of the page leads."""
    parts: list[str] = []
    for part in (PurePosixPath(page).parent / link).parts:
        if part == ".." and parts:
            parts.pop()
        else:
            parts.append(part)
    return "/".join(parts)


def accept(root: Path, original: str, translation: str) -> None:
    """Writes the id of the original's present text into the translation."""
    page = root / translation
    text = MARK.sub("", page.read_text(encoding="utf-8"))
    page.write_text(mark_of(original, (root / original).read_text(encoding="utf-8")) + text, encoding="utf-8")


def main(arguments: list[str]) -> int:
    """Returns the exit code: 1 when a translation has a fault."""
    parser = argparse.ArgumentParser(
        prog="python -m lab.development.translations", description="Are the Portuguese pages up to date?"
    )
    parser.add_argument(
        "--accept",
        nargs="+",
        metavar="ORIGINAL",
        choices=[*TRANSLATIONS],
        default=[],
        help="record that the translation of this page is up to date",
    )
    for original in parser.parse_args(arguments).accept:
        accept(ROOT, original, TRANSLATIONS[original])
    faults = [fault for pair in TRANSLATIONS.items() for fault in find_faults(ROOT, *pair)]
    for fault in faults:
        print(fault, file=sys.stderr)
    if not faults:
        print(f"{len(TRANSLATIONS)} translations are up to date.")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
