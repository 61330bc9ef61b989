"""The order in which the worker processes of `make test` take the files of tests: the longest first.

A pytest plugin (`-p tests.sharing`), for `--dist=loadfile --no-loadscope-reorder`. A worker that is free takes the next
file; the many short files at the end let the workers end together.
"""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Final

import pytest

TESTS: Final = Path(__file__).parent
ROOMS: Final = ("e2e", "browser", "simulation", "integration", "contract", "unit")
"""Folders of tests/, the one with the longest files first."""


def _rank(item: pytest.Item) -> int:
    room = item.path.relative_to(TESTS).parts[0] if item.path.is_relative_to(TESTS) else ""
    return ROOMS.index(room) if room in ROOMS else len(ROOMS)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Generator[None]:
    """Sorts the tests once pytest has ordered them by their fixtures."""
    yield
    items.sort(key=_rank)
