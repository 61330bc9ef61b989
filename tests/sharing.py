"""The order in which worker processes take the files of tests (`make test`, `make test-network`): the longest first.

A pytest plugin (`-p tests.sharing`), for `--dist=loadfile --no-loadscope-reorder`. A worker that is free takes the next
file; the many short files at the end let the workers end together. The files that share a network of processes follow
one another, whatever their room, so that a worker starts one network for all that it takes of them.
"""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Final, Protocol

import pytest

TESTS: Final = Path(__file__).parent
ROOMS_WITH_NETWORK: Final = ("e2e", "browser")
ROOMS: Final = (*ROOMS_WITH_NETWORK, "clients", "charts", "simulation", "integration", "contract", "unit")
"""Folders of tests/, the one with the longest files first."""
LONGEST: Final = (
    "e2e/test_experiment_command.py",
    "e2e/test_demo_command.py",
    "e2e/test_sandbox_command.py",
    "browser/test_accessibility.py",
    "browser/test_lab.py",
    "browser/test_paying.py",
)
"""Files of tests/ that come before the others of their kind."""
FIXTURE: Final = "network"
"""In these rooms the network that tests share."""


class Stoppable(Protocol):
    def stop(self) -> None: ...


NETWORK: Final = pytest.StashKey[Stoppable]()
"""Where the run keeps the shared network while there is one."""
_SHARING: Final = pytest.StashKey[set[Path]]()
"""Files with a test that asks for the shared network."""


def _file(item: pytest.Item) -> Path:
    return item.path.relative_to(TESTS) if item.path.is_relative_to(TESTS) else item.path


def _shares(item: pytest.Item) -> bool:
    return _file(item).parts[0] in ROOMS_WITH_NETWORK and FIXTURE in getattr(item, "fixturenames", ())


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> Generator[None]:
    """Sorts the tests once pytest has ordered them by their fixtures."""
    yield
    sharing = config.stash[_SHARING] = {_file(item) for item in items if _shares(item)}

    def rank(item: pytest.Item) -> tuple[bool, bool, bool, int]:
        file = _file(item)
        room = ROOMS.index(file.parts[0]) if file.parts[0] in ROOMS else len(ROOMS)
        # Behind the other files of their rooms, and before those of any other.
        is_later = room >= len(ROOMS_WITH_NETWORK)
        return is_later, file in sharing, file.as_posix() not in LONGEST, room

    items.sort(key=rank)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> Generator[None]:
    """Stops the shared network behind the last of the files that share it: idle processes take time, too."""
    try:
        yield
    finally:
        if nextitem is None or _file(nextitem) not in item.config.stash[_SHARING]:
            _stop_network(item.config)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stops it also when the run ends before its last test."""
    _stop_network(config)


def _stop_network(config: pytest.Config) -> None:
    network = config.stash.get(NETWORK, None)
    if network is not None:
        del config.stash[NETWORK]
        network.stop()
