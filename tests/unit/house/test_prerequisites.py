"""What a machine lacks is left out in a line's words, and never in CI."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.house.repository import ROOT

SUITE = """
import pytest

@pytest.mark.apache_kafka
def test_with_kafka(): pass

@pytest.mark.browser
def test_with_a_browser(): pass

def test_with_nothing(): pass
"""


def run_suite(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs the suite on a machine that has neither Java, nor Maven, nor Chromium."""
    (folder / "pytest.ini").write_text("[pytest]\nmarkers =\n    apache_kafka\n    browser\n", encoding="utf-8")
    (folder / "test_suite.py").write_text(SUITE, encoding="utf-8")
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "tests.prerequisites", *arguments],
        cwd=folder,
        env={
            "PATH": "/nonexistent",
            "HOME": str(folder),
            "PLAYWRIGHT_BROWSERS_PATH": "/nonexistent",
            "PYTHONPATH": str(ROOT),
            # Plugins of our tests, which take seconds to import and have no part in this.
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            **environment,
        },
        capture_output=True,
        text=True,
    )


def test_what_cannot_run_is_left_out_and_said(tmp_path: Path) -> None:
    finished = run_suite(tmp_path)
    assert finished.returncode == 0, finished.stdout
    assert "1 passed, 2 deselected" in finished.stdout
    said = [line for line in finished.stdout.splitlines() if line.startswith("Left out ")]
    assert len(said) == 2
    assert "apache_kafka" in said[0]
    assert "Java" in said[0]
    assert "Chromium" in said[1]


@pytest.mark.parametrize("missing", ["Java", "Chromium"])
def test_ci_leaves_nothing_out(tmp_path: Path, missing: str) -> None:
    mark = {"Java": "apache_kafka", "Chromium": "browser"}[missing]
    finished = run_suite(tmp_path, "-m", mark, CI="true")
    assert finished.returncode == pytest.ExitCode.USAGE_ERROR
    assert missing in finished.stderr


def test_who_does_not_select_such_tests_is_not_bothered(tmp_path: Path) -> None:
    finished = run_suite(tmp_path, "-m", "not apache_kafka and not browser", CI="true")
    assert finished.returncode == 0
    assert "Left out" not in finished.stdout
