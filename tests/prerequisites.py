"""What parts of the suite need of the machine: Chromium for pages, Java (and Maven for Kafka), Node, Prometheus.

A pytest plugin (`-p tests.prerequisites`). Where something is missing, the tests that need it are left out, and one
line says so. In CI (the variable CI is set) nothing may be left out: the run ends, and says what is missing.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any, Final

import pytest

from lab.network.cluster.etcd import etcd_program
from lab.network.cluster.namespaces import check_machine
from lab.network.cluster.patroni import patroni_command
from lab.network.parts.apache_kafka import java_and_maven_available
from lab.network.parts.errors import PartMissing
from tests.charts import tools as chart_tools

CHROMIUM_NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MARKED_FOLDERS: Final = ("browser", "e2e")
"""Folders of tests/ that are marked with their name as a whole."""
NETWORK_FIXTURES: Final[dict[str, frozenset[str]]] = {
    "browser": frozenset({"network", "classroom"}),
    "clients": frozenset({"places"}),
}
"""Fixtures of other folders that start the processes of a network; the tests that ask for them are marked e2e, too."""
SERVER_FIXTURE: Final = "postgres"
"""A fixture, and the mark of the tests that ask for it."""
LEFT_OUT: Final = pytest.StashKey[list[str]]()
LEFT_OUT_OF_WORKER: Final = "left_out"


def find_chromium() -> str | None:
    """The path that the variable CHROMIUM has, else of the system's Chromium, else of Playwright's, or None."""
    if chosen := os.environ.get("CHROMIUM"):
        return chosen
    for name in CHROMIUM_NAMES:
        path = shutil.which(name)
        if path is not None:
            return path
    # Imported here, because it takes a while and most runs need it not.
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        installed = playwright.chromium.executable_path
    return installed if Path(installed).exists() else None


def _why_no_browser() -> str | None:
    return (
        None
        if find_chromium()
        else "there is no Chromium on the PATH nor in the variable CHROMIUM, nor one of Playwright's"
    )


def _why_no_prometheus() -> str | None:
    missing = [name for name in ("prometheus", "promtool") if shutil.which(name) is None]
    return f"{' and '.join(missing)} (Debian's package prometheus) is not on the PATH" if missing else None


def _why_no_description() -> str | None:
    file = Path(__file__).parents[2] / "shared" / "pix-api" / "openapi.yaml"
    return None if file.exists() else "the Central Bank's file ../shared/pix-api/openapi.yaml is not there"


def _why_no_node() -> str | None:
    missing = [name for name in ("node", "npm") if shutil.which(name) is None]
    return f"{' and '.join(missing)} (Debian's packages nodejs and npm) is not on the PATH" if missing else None


def _why_no_java() -> str | None:
    return None if shutil.which("java") else "java (Debian's package default-jre-headless) is not on the PATH"


def _why_no_go() -> str | None:
    return None if shutil.which("go") else "go (Debian's package golang) is not on the PATH"


def _why_no_hosts() -> str | None:
    try:
        check_machine()
    except PartMissing as missing:
        return str(missing)
    return None


def _why_no_database_cluster() -> str | None:
    try:
        etcd_program()
        patroni_command(Path())
    except PartMissing as missing:
        return str(missing)
    return None


PREREQUISITES: Final[dict[str, Callable[[], str | None]]] = {
    "apache_kafka": java_and_maven_available,
    "browser": _why_no_browser,
    "go": _why_no_go,
    "charts": chart_tools.why_not,
    "hosts": _why_no_hosts,
    "database_cluster": _why_no_database_cluster,
    "java": _why_no_java,
    "node": _why_no_node,
    "pix_api": _why_no_description,
    "prometheus": _why_no_prometheus,
}
"""Per mark, what tells why its tests cannot run here; None when they can."""


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> Generator[None, None, None]:
    """Marks folders and users of a server before `-m` selects; leaves out what cannot run from what was selected."""
    tests = Path(__file__).parent
    for item in items:
        room = item.path.relative_to(tests).parts[0] if item.path.is_relative_to(tests) else ""
        if room in MARKED_FOLDERS:
            item.add_marker(room)
        if not NETWORK_FIXTURES.get(room, frozenset()).isdisjoint(getattr(item, "fixturenames", ())):
            item.add_marker("e2e")
        if SERVER_FIXTURE in getattr(item, "fixturenames", ()):
            item.add_marker(SERVER_FIXTURE)
    yield
    config.stash[LEFT_OUT] = []
    for mark, why_not in PREREQUISITES.items():
        wanting = [item for item in items if item.get_closest_marker(mark)]
        reason = why_not() if wanting else None
        if reason is None:
            continue
        line = f"{len(wanting)} tests marked {mark}: {reason.rstrip('.')}."
        if os.environ.get("CI"):
            raise pytest.UsageError(f"In CI nothing may be left out, but this cannot run: {line}")
        items[:] = [item for item in items if item not in wanting]
        config.hook.pytest_deselected(items=wanting)
        config.stash[LEFT_OUT].append(line)
    if hasattr(config, "workeroutput"):
        # One of the processes that share the tests: the one that has the terminal says it.
        config.workeroutput[LEFT_OUT_OF_WORKER] = config.stash[LEFT_OUT]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """A process that shared the tests has ended; all of them have left out the same."""
    del error
    node.config.stash[LEFT_OUT] = getattr(node, "workeroutput", {}).get(LEFT_OUT_OF_WORKER, [])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Says what was left out, a line each."""
    for line in config.stash.get(LEFT_OUT, []):
        terminalreporter.write_line(f"Left out {line}", yellow=True)
