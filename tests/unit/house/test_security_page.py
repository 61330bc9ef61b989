"""docs/security.md: each test and each setting that it names exists."""

from __future__ import annotations

import re

from bank_sim.settings import BankSettings
from hub.settings import HubSettings
from tests.unit.house.repository import ROOT, files

PYPROJECT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
PAGE = (ROOT / "docs/security.md").read_text(encoding="utf-8")


def names_of_tests(folder: str) -> set[str]:
    """The names of the tests below a folder."""
    found: set[str] = set()
    for path in files():
        if path.suffix == ".py" and str(path).startswith(folder):
            found |= set(re.findall(r"^def (test_\w+)", (ROOT / path).read_text(encoding="utf-8"), re.MULTILINE))
    return found


def test_every_test_that_it_names_exists() -> None:
    named = set(re.findall(r"`(test_\w+)`", PAGE))
    assert named - names_of_tests("tests/") == set()
    assert len(named) > 40


def test_every_setting_that_it_names_exists() -> None:
    known = {name.upper() for name in HubSettings.model_fields | BankSettings.model_fields}
    named = set(re.findall(r"`([A-Z]+(?:_[A-Z]+)+)(?:=\w+)?`", PAGE)) - {"RESOURCE_EXHAUSTED"}
    assert {name.removesuffix("_FILE") for name in named - {"NAME_FILE"}} <= known


def test_no_finding_of_the_security_rules_is_silenced_without_a_reason() -> None:
    silenced = [
        f"{path}: {line.strip()}"
        for path in files()
        if path.suffix == ".py" and path.parts[0] != "tests"
        for line in (ROOT / path).read_text(encoding="utf-8").splitlines()
        if re.search(r"# noqa: (?:\w+, ?)*S\d{3}", line)
    ]
    assert silenced
    assert [line for line in silenced if not re.search(r"# noqa: [A-Z0-9, ]+ - \w", line)] == []
    ignored = re.search(r"^ignore = \[\n(.*?)^\]", PYPROJECT, re.MULTILINE | re.DOTALL)
    of_files = re.search(r"^\[tool.ruff.lint.per-file-ignores\]\n(.*?)^\[", PYPROJECT, re.MULTILINE | re.DOTALL)
    assert ignored and of_files
    of_security = re.findall(r'^.*"S\d*".*$', ignored[1] + of_files[1], re.MULTILINE)
    assert len(of_security) >= 7
    assert [line for line in of_security if "# " not in line] == []
