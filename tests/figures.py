"""What tests have to tell in figures, printed together at the end of a run, however many processes share the tests.

A pytest plugin (`-p tests.figures`). A figure travels with its test's report, so it comes from wherever the test ran.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Final

import pytest

LINE: Final = "line of figures"
INPUTS: Final = "inputs tried"

Tell = Callable[[str], None]
"""Gives some text for people to the end of the run."""


@pytest.fixture
def tell(record_property: Callable[[str, object], None]) -> Tell:
    """For the test to call."""
    return lambda text: record_property(LINE, text)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Prints the figures."""
    inputs: Counter[str] = Counter()
    for reports in terminalreporter.stats.values():
        for report in reports:
            # The last report of a test has all that was told.
            for name, value in report.user_properties if getattr(report, "when", "") == "teardown" else ():
                if name == LINE:
                    terminalreporter.write_line(str(value))
                elif name == INPUTS:
                    of_what, count = value
                    inputs[of_what] += count
    for of_what, count in sorted(inputs.items()):
        terminalreporter.write_line(f"Inputs tried: {count:6d} {of_what}")
