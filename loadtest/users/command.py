"""`codepix load`: starts a network, or takes one that runs, starts locust beside it, and reports the verdict."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import httpx

from lab.network.network import KafkaKind, Network, NetworkSettings, bank_specs, network_folder
from lab.network.parts.errors import PartError, PartMissing
from lab.network.parts.ports import LOOPBACK
from lab.network.parts.process import ChildProcess, ChildProcesses, wait_until
from loadtest.users.options import LoadOptions
from loadtest.users.verdict import Verdict
from pix.runtime.addresses import http_url, join_host_port
from pix.web.client import http_get

LOCUSTFILE: Final = Path(__file__).resolve().parent.parent / "locustfile.py"
WATCH_SECONDS: Final = 0.2
REST_SECONDS_MAX: Final = 600.0
"""Beside the time in which users arrive: to open accounts, to let the last ones finish, and to audit."""
PAGE_SECONDS_MAX: Final = 30.0
STOP_GRACE_SECONDS: Final = 5.0
WEB_PORT_DEFAULT: Final = 8089


@dataclass(frozen=True, slots=True)
class LoadCommand:
    options: LoadOptions
    kafka: KafkaKind = KafkaKind.EMBEDDED
    banks: int = 3
    keep: Path | None = None
    hub_url: str = ""
    """Of a network that runs already; empty: one is started."""
    hub_grpc: str = ""
    bank_secrets: str = ""
    """`001=…,002=…`, of a network that runs already: the banks that may look keys up."""
    web_port: int | None = None
    """Where locust's page is to be; None: the run begins at once, and ends by itself."""


@dataclass(frozen=True, slots=True)
class Reached:
    """A network under load."""

    hub_url: str
    hub_grpc: str
    bank_secrets: str
    operator_password: str


def check_locust() -> None:
    """Raises `PartMissing` with what to do about it."""
    if find_spec("locust") is None:
        raise PartMissing("The load needs locust, which is not installed: pip install 'codepix[load]'")


def run_load(command: LoadCommand, progress: Callable[[str], None], show: Callable[[str], None]) -> Verdict:
    """Starts what must be started, runs the load, evaluates it, and stops it.

    `tell` is given the steps, `show` each line that the load says of itself. Raises `PartError`.
    """
    check_locust()
    with ExitStack() as stack:
        folder = stack.enter_context(network_folder(command.keep))
        reached = _reach(command, folder, progress, stack)
        result = folder / "load.json"
        child = _start(command, reached, folder, result, stack)
        _watch(child, command.options.seconds + REST_SECONDS_MAX, show)
        if not result.exists():
            raise PartError(f"The load ended early.\n{child.log_tail()}")
        return Verdict.of(json.loads(result.read_text(encoding="utf-8")))


def serve_page(command: LoadCommand, progress: Callable[[str], None], show: Callable[[str], None]) -> None:
    """The same with locust's page, where runs are started by hand, until interrupted. Raises `PartError`."""
    check_locust()
    with ExitStack() as stack:
        folder = stack.enter_context(network_folder(command.keep))
        reached = _reach(command, folder, progress, stack)
        child = _start(command, reached, folder, None, stack)
        assert command.web_port is not None
        address = http_url(LOOPBACK, command.web_port)
        wait_until(lambda: _answers(address), PAGE_SECONDS_MAX, "locust's page", children=[child])
        show(f"Choose a load and start it at {address}; its verdict is at {address}/verdict. Ctrl-C stops everything.")
        _watch(child, float("inf"), show)
        raise PartError(f"locust has ended.\n{child.log_tail()}")


def _reach(command: LoadCommand, folder: Path, progress: Callable[[str], None], stack: ExitStack) -> Reached:
    if command.hub_url:
        return Reached(command.hub_url, command.hub_grpc, command.bank_secrets, command.options.operator_password)
    settings = NetworkSettings(folder=folder / "network", banks=bank_specs(command.banks), kafka=command.kafka)
    network = stack.enter_context(Network(settings, progress))
    secrets = ",".join(f"{code}={secret}" for code, secret in network.secrets.banks.items())
    return Reached(network.hub_url, join_host_port(LOOPBACK, network.grpc_ports[0]), secrets, network.secrets.operator)


def _start(command: LoadCommand, reached: Reached, folder: Path, result: Path | None, stack: ExitStack) -> ChildProcess:
    children = stack.enter_context(ChildProcesses(folder / "logs"))
    # -P: what lies in the working folder is no module of locust's.
    arguments = [sys.executable, "-P", "-m", "locust", "--locustfile", str(LOCUSTFILE), "--loglevel", "WARNING"]
    if command.web_port is None:
        # Its statistics go into a file beside the logs, and not also to the terminal.
        arguments += ["--headless", "--only-summary", "--json-file", str(folder / "logs" / "locust.json")]
    else:
        arguments += ["--web-host", LOOPBACK, "--web-port", str(command.web_port)]
    environment = _environment(command.options, reached, result)
    return children.start_child("locust", arguments, environment, working_folder=folder)


def _environment(options: LoadOptions, reached: Reached, result: Path | None) -> Mapping[str, str]:
    """The options as locust's process reads them; not its command line, which would show secrets to all users."""
    return {
        "CODEPIX_RATE": str(options.rate_per_second),
        "CODEPIX_SECONDS": str(options.seconds),
        "CODEPIX_SHAPE": options.shape.value,
        "CODEPIX_SKEW": str(options.share_of_first),
        "CODEPIX_MIX": options.mix,
        "CODEPIX_CUSTOMERS": str(options.customers),
        "CODEPIX_SETTLE_SECONDS": str(options.settle_seconds),
        "CODEPIX_THINK_SECONDS": str(options.think_seconds),
        "CODEPIX_HUB": reached.hub_url,
        "CODEPIX_HUB_GRPC": reached.hub_grpc,
        "CODEPIX_BANKS": "",
        "CODEPIX_BANK_SECRETS": reached.bank_secrets,
        "OPERATOR_PASSWORD": reached.operator_password,
        "CODEPIX_REPORT": options.report and str(Path(options.report).absolute()),
        "CODEPIX_RESULT": "" if result is None else str(result),
    }


def _answers(address: str) -> bool:
    try:
        return http_get(address, timeout=PAGE_SECONDS_MAX).is_success
    except httpx.HTTPError:
        return False


def _watch(child: ChildProcess, seconds_max: float, show: Callable[[str], None]) -> None:
    """Passes on what it says, until it ends. Raises `PartError` when it does not."""
    deadline = time.monotonic() + seconds_max
    log = child.log_file
    assert log is not None
    with log.open(encoding="utf-8", errors="replace") as written:
        unfinished = ""
        while True:
            is_running = child.is_running()
            *lines, unfinished = (unfinished + written.read()).split("\n")
            for line in lines:
                show(line)
            if not is_running:
                return
            if time.monotonic() > deadline:
                child.stop(STOP_GRACE_SECONDS)
                raise PartError(f"The load has not come to its end.\n{child.log_tail()}")
            time.sleep(WATCH_SECONDS)
