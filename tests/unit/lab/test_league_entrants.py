"""`banks.yml`: what it may say, and how a mistake in it is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.prove.league.entrants import read_entries
from lab.prove.league.limits import Limits
from lab.read.yaml_file import YamlRefused

GOOD = """\
banks:
  - name: Banco Serra
    command: python -P "my bank.py" --fast
    folder: serra
    students: Ana, Bia
    environment: {MODE: fast, LEVEL: 3}
  - name: Ours
    command: ours
  - name: Garoa
    command: [./bank, --port from-environment]
    database: postgresql
limits:
  cpus: 0.5
  memory_mb: 300
"""


def read(folder: Path, text: str) -> object:
    file = folder / "banks.yml"
    file.write_text(text, encoding="utf-8")
    (folder / "serra").mkdir(exist_ok=True)
    return read_entries(file)


def test_a_good_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / "banks.yml"
    file.write_text(GOOD, encoding="utf-8")
    (tmp_path / "serra").mkdir()
    entries = read_entries(file)
    serra, ours, garoa = entries.entrants
    assert serra.command == ("python", "-P", "my bank.py", "--fast")
    assert (serra.folder, serra.students) == (tmp_path / "serra", "Ana, Bia")
    assert serra.environment == {"MODE": "fast", "LEVEL": "3"}
    assert not serra.has_database
    assert ours.has_database and "bank_sim" in ours.program
    assert garoa.command == ("./bank", "--port from-environment")
    assert garoa.has_database and garoa.folder == tmp_path
    assert entries.limits == Limits(cpus=0.5, memory_mb=300)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "line 1: banks: is missing"),
        ("banks: []", "line 1: banks: must be a list of 1 to 40 banks"),
        ("banks:\n  - name: A\n", "line 2: banks[1].command: is missing"),
        ("banks:\n  - command: a\n", "line 2: banks[1].name: is missing"),
        ("banks:\n  - {name: A, command: a}\n  - {name: A, command: b}\n", "line 3: banks[2].name: 'A' stands twice"),
        (
            "banks:\n  - name: A\n    command: a\n    colour: red\n",
            "line 4: banks[1].colour: is unknown; choose from name",
        ),
        ("banks:\n  - name: A\n    command: a\n    command: b\n", "line 4: banks[1].command: stands twice"),
        ("banks:\n  - name: A\n    command: 'a \"b'\n", "line 3: banks[1].command: cannot be split into words"),
        ("banks:\n  - name: A\n    command: ''\n", "line 3: banks[1].command: must not be empty"),
        ("banks:\n  - name: A\n    command: {a: b}\n", "line 3: banks[1].command: must be one value"),
        ("banks:\n  - name: A\n    command: a\n    folder: nowhere\n", "line 4: banks[1].folder: "),
        (f"banks:\n  - name: {'A' * 41}\n    command: a\n", "line 2: banks[1].name: "),
        (
            "banks:\n  - name: A\n    command: a\n    environment: {BANK_SECRET: x}\n",
            "line 4: banks[1].environment.BANK_SECRET: is set by the league",
        ),
        (
            "banks:\n  - name: A\n    command: a\n    environment: {path: x}\n",
            "banks[1].environment.path: must be named by capital letters",
        ),
        (
            "banks:\n  - name: A\n    command: a\n    database: mysql\n",
            "line 4: banks[1].database: must be postgresql, or left out",
        ),
        ("banks: [{name: A, command: a}]\nlimits: {cpus: 0}\n", "line 2: limits.cpus: must be a number from 0.1 to 16"),
        (
            "banks: [{name: A, command: a}]\nlimits: {memory_mb: much}\n",
            "line 2: limits.memory_mb: must be a whole number from 64 to 16384",
        ),
        ("banks: [{name: A, command: a}]\nlimits: {ram: 1}\n", "line 2: limits.ram: is unknown"),
        ("banks:\n  - name: [\n", "is no YAML"),
        ("just text", "line 1: banks: must be fields with values"),
        ("banks: [{name: A, command: !!python/object:os.system a}, x]", "banks[2]: must be fields with values"),
    ],
)
def test_a_mistake_is_named_with_line_field_and_rule(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(YamlRefused) as caught:
        read(tmp_path, text)
    assert said in str(caught.value)
    assert str(tmp_path / "banks.yml") in str(caught.value)


def test_a_file_that_is_not_there_or_too_long_is_refused(tmp_path: Path) -> None:
    with pytest.raises(YamlRefused, match="cannot be read: No such file"):
        read_entries(tmp_path / "missing.yml")
    with pytest.raises(YamlRefused, match="at most 64 KiB"):
        read(tmp_path, "# " + "x" * 70_000)
    with pytest.raises(YamlRefused, match="must be a list of 1 to 40 banks"):
        read(tmp_path, "banks:\n" + "".join(f"  - {{name: B{number}, command: a}}\n" for number in range(41)))


def test_a_file_with_many_aliases_takes_no_time(tmp_path: Path) -> None:
    bomb = "banks: [{name: A, command: a}]\nx: &a [y, y]\n" + "".join(
        f"x{number}: &{chr(98 + number)} [*{chr(97 + number)}, *{chr(97 + number)}]\n" for number in range(20)
    )
    with pytest.raises(YamlRefused, match="x: is unknown"):
        read(tmp_path, bomb)


def test_the_example_is_a_league_of_six() -> None:
    entries = read_entries(Path(__file__).parents[3] / "examples" / "league" / "banks.yml")
    assert len(entries.entrants) == 6
    assert entries.limits == Limits()
