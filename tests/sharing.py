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
ROOMS: Final = ("e2e", "browser", "clients", "simulation", "integration", "contract", "unit")
"""Folders of tests/, the one with the longest files first."""
LONGEST: Final = ("e2e/test_scenario_command.py", "e2e/test_demo_command.py", "browser/test_lab.py")
"""Files of tests/ with which a room begins, or those of the room that share a network."""
SHARED_NETWORK: Final = "network"
"""A fixture. Files that use it follow one another at the end of their room, because its idle processes take time."""


def _file(item: pytest.Item) -> Path:
    return item.path.relative_to(TESTS) if item.path.is_relative_to(TESTS) else item.path


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Generator[None]:
    """Sorts the tests once pytest has ordered them by their fixtures."""
    yield
    sharing = {_file(item) for item in items if SHARED_NETWORK in getattr(item, "fixturenames", ())}

    def rank(item: pytest.Item) -> tuple[int, bool, bool]:
        file = _file(item)
        room = ROOMS.index(file.parts[0]) if file.parts[0] in ROOMS else len(ROOMS)
        return room, file in sharing, file.as_posix() not in LONGEST

    items.sort(key=rank)
