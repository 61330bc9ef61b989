"""The Makefile: every target explains itself, and calls what exists."""

import re
import subprocess
from pathlib import Path

import pytest

from lab.compose.test import EXIT_FAILED, EXIT_NO_DOCKER
from tests.sharing import LONGEST, ROOMS
from tests.unit.house.repository import ROOT, files, scripts

MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


def targets() -> set[str]:
    """What a person may type after `make`."""
    return set(re.findall(r"^([a-z][a-z-]*):", MAKEFILE, re.MULTILINE))


def test_every_target_has_a_line_of_help() -> None:
    shown = subprocess.run(
        ["make", "--no-print-directory"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    explained = dict(re.findall(r"^  make (\S+)\s+(\S.*)$", shown, re.MULTILINE))
    assert set(explained) == targets()
    assert len(shown.splitlines()) == len(explained)


def test_every_target_is_phony() -> None:
    declared = re.search(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)
    assert declared is not None
    assert set(declared.group(1).split()) == targets()


def test_the_modules_and_scripts_that_targets_run_exist() -> None:
    ours = [name for name in re.findall(r"-m ([\w.]+)", MAKEFILE) if name.startswith(("lab.", "tests."))]
    assert ours
    for name in ours:
        module = Path(*name.split("."))
        assert {module.with_suffix(".py"), module / "__main__.py"} & set(files()), f"no module {name}"
    called = set(re.findall(r"\$\(BIN\)/(codepix[a-z-]*)", MAKEFILE))
    assert called <= set(scripts())


def test_every_room_of_tests_has_its_place_in_the_order() -> None:
    tests = [path for path in files() if path.match("test_*.py") and path.parts[0] == "tests"]
    assert {path.parts[1] for path in tests} == set(ROOMS)
    assert {Path("tests", name) for name in LONGEST} <= set(tests)


def test_the_continuous_integration_runs_what_a_newcomer_runs() -> None:
    script = ROOT / ".ci" / "run"
    assert script.stat().st_mode & 0o111
    subprocess.run(["bash", "-n", str(script)], check=True)
    text = script.read_text(encoding="utf-8")
    commands = re.findall(r"^(?:make |\.venv/bin/python -m lab\.)([a-z][a-z.-]*)", text, re.MULTILINE)
    assert commands == ["check", "test", "test-network", "compose.test"]
    assert "compose-test: $(INSTALLED) ##" in MAKEFILE and "$(BIN)/python -m lab.compose.test\n" in MAKEFILE


@pytest.mark.parametrize(
    ("exit_code", "of_the_run", "said"), [(0, 0, False), (EXIT_NO_DOCKER, 0, True), (EXIT_FAILED, EXIT_FAILED, False)]
)
def test_a_machine_without_docker_is_told_apart_from_a_network_that_fails(
    exit_code: int, of_the_run: int, said: bool
) -> None:
    """The end of the script, with a program in the test's place that ends with the exit code."""
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    _, _, end = script.partition('step "make compose-test"\n')
    end = end.replace(".venv/bin/python -m lab.compose.test", f"(exit {exit_code})")
    finished = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", f"step() {{ :; }}\n{end}"], capture_output=True, text=True
    )
    assert finished.returncode == of_the_run, finished.stderr
    assert ("CANNOT RUN DOCKER" in finished.stdout) is said
