"""`codepix clock`: what it takes for a duration and a time, and its exit codes."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from lab.cli import app
from lab.cli.clock import duration_ms, time_ms

RUNNER = CliRunner()


@pytest.mark.parametrize(
    ("text", "milliseconds"), [("90s", 90_000), ("30m", 1_800_000), ("8h", 28_800_000), ("3d", 259_200_000)]
)
def test_a_duration_is_a_number_and_a_unit(text: str, milliseconds: int) -> None:
    assert duration_ms(text) == milliseconds


def test_a_time_is_sao_paulos() -> None:
    assert time_ms("2027-01-31T20:00") == 1_801_436_400_000


@pytest.mark.parametrize(
    "arguments",
    [
        ("advance", "3"),
        ("advance", "0d"),
        ("advance", "-3d"),
        ("until", "tomorrow"),
        ("until", "2027-01-31T20:00+00:00"),
        ("rate", "61"),
        ("rate", "0"),
        ("show", "--hub", "http://127.0.0.1:1"),
    ],
)
def test_what_it_cannot_do_is_exit_code_2(arguments: tuple[str, ...]) -> None:
    result = RUNNER.invoke(app, ["clock", *arguments])
    assert result.exit_code == 2
