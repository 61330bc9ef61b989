"""`codepix load`: starts a network, or takes one that runs, starts locust beside it, and reports the verdict."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import httpx

from lab.network.network import KafkaKind, Network, NetworkSettings, bank_specs, network_folder
from lab.network.parts.errors import PartError, PartMissing, PartNotReady
from lab.network.parts.ports import LOOPBACK
from lab.network.parts.process import ChildProcess, ChildProcesses, wait_until
from loadtest.users.options import LoadOptions, environment_of
from loadtest.users.verdict import Verdict
from pix.runtime.addresses import http_url, join_host_port
from pix.web.client import http_get

LOCUSTFILE: Final = Path(__file__).resolve().parent.parent / "locustfile.py"
WATCH_SECONDS: Final = 0.2
REST_SECONDS_MAX: Final = 600.0
"""Beside the time in which users arrive: to open accounts, to let the last ones finish, and to audit."""
PAGE_SECONDS_MAX: Final = 30.0


@dataclass(frozen=True, slots=True)
class LoadCommand:
    options: LoadOptions
    kafka: KafkaKind = KafkaKind.EMBEDDED
    banks: int = 3
    keep: Path | None = None
    starts_network: bool = True
    """Otherwise the options name one that runs already."""
    web_port: int | None = None
    """Where locust's page is to be; None: the run begins at once, and ends by itself."""


def check_locust() -> None:
    """Raises `PartMissing` with what to do about it."""
    if find_spec("locust") is None:
        raise PartMissing("The load needs locust, which is not installed: pip install 'codepix[load]'")


def run_load(command: LoadCommand, progress: Callable[[str], None], show: Callable[[str], None]) -> Verdict:
    """Starts what must be started, runs the load, evaluates it, and stops it.

    `progress` is given the steps, `show` each line that the load says of itself. Raises `PartError`.
    """
    check_locust()
    with ExitStack() as stack:
        folder = stack.enter_context(network_folder(command.keep))
        result = folder / "load.json"
        options = replace(_reach(command, folder, progress, stack), result=str(result))
        child = _start(command, options, folder, stack)
        _watch(child, command.options.seconds + REST_SECONDS_MAX, show)
        if not result.exists():
            raise PartError(f"The load ended early.\n{child.log_tail()}")
        return Verdict.of(json.loads(result.read_text(encoding="utf-8")))


def serve_page(command: LoadCommand, progress: Callable[[str], None], show: Callable[[str], None]) -> None:
    """The same with locust's page, where runs are started by hand, until interrupted. Raises `PartError`."""
    check_locust()
    with ExitStack() as stack:
        folder = stack.enter_context(network_folder(command.keep))
        child = _start(command, _reach(command, folder, progress, stack), folder, stack)
        assert command.web_port is not None
        address = http_url(LOOPBACK, command.web_port)
        wait_until(lambda: _answers(address), PAGE_SECONDS_MAX, "locust's page", children=[child])
        show(f"Choose a load and start it at {address}; its verdict is at {address}/verdict. Ctrl-C stops everything.")
        _watch(child, float("inf"), show)
        raise PartError(f"locust has ended.\n{child.log_tail()}")


def _reach(command: LoadCommand, folder: Path, progress: Callable[[str], None], stack: ExitStack) -> LoadOptions:
    if not command.starts_network:
        return command.options
    settings = NetworkSettings(folder=folder / "network", banks=bank_specs(command.banks), kafka=command.kafka)
    network = stack.enter_context(Network(settings, progress))
    return replace(
        command.options,
        hub=network.hub_url,
        hub_grpc=join_host_port(LOOPBACK, network.grpc_ports[0]),
        bank_secrets=network.secrets.banks,
        operator_password=network.secrets.operator,
    )


def _start(command: LoadCommand, options: LoadOptions, folder: Path, stack: ExitStack) -> ChildProcess:
    children = stack.enter_context(ChildProcesses(folder / "logs"))
    # -P: what lies in the working folder is no module of locust's.
    arguments = [sys.executable, "-P", "-m", "locust", "--locustfile", str(LOCUSTFILE), "--loglevel", "WARNING"]
    if command.web_port is None:
        # Its statistics go into a file beside the logs, and not also to the terminal.
        arguments += ["--headless", "--only-summary", "--json-file", str(folder / "logs" / "locust.json")]
    else:
        arguments += ["--web-host", LOOPBACK, "--web-port", str(command.web_port)]
    return children.start_child("locust", arguments, environment_of(options), working_folder=folder)


def _answers(address: str) -> bool:
    try:
        return http_get(address, timeout=PAGE_SECONDS_MAX).is_success
    except httpx.HTTPError:
        return False


def _watch(child: ChildProcess, seconds_max: float, show: Callable[[str], None]) -> None:
    """Passes on what it says, until it ends. Raises `PartError` when it does not."""
    assert child.log_file is not None
    with child.log_file.open(encoding="utf-8", errors="replace") as written:
        unfinished = ""

        def is_over() -> bool:
            nonlocal unfinished
            is_running = child.is_running()
            *lines, unfinished = (unfinished + written.read()).split("\n")
            for line in lines:
                show(line)
            return not is_running

        try:
            wait_until(is_over, seconds_max, "the load to end", poll_seconds=WATCH_SECONDS)
        except PartNotReady:
            child.stop()
            raise PartError(f"The load has not come to its end.\n{child.log_tail()}") from None
