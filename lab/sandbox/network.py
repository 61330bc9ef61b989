"""A sandbox: a hub and banks that a test drives through a control address, and puts back before the next test."""

from __future__ import annotations

import json
import os
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import httpx

from lab.network.network import HUB_DATABASE, NetworkSettings, bank_specs, database_of, write_privately
from lab.network.parts.errors import FolderUnusable, PartError
from lab.network.parts.ports import LOOPBACK
from lab.network.run import Run, open_run
from lab.network.supervisor import Supervisor
from lab.read.rest import Unreachable
from lab.sandbox.at_rest import read_open, wait_at_rest, wait_until_read
from lab.sandbox.document import SandboxDocument, describe, make_credentials
from lab.sandbox.snapshots import Snapshots, check_snapshot_name

BASELINE: Final = "start"
"""The snapshot to which a reset goes back."""
STATE_FILE: Final = "sandbox.json"
AT_REST_SECONDS_MAX: Final = 30.0
RESET_WAIT_SECONDS: Final = 5.0
STUCK_SECONDS: Final = 0.4
"""A test that left something open for so long leaves it for ever: its bank is silent, or down."""
DRAIN_ROUNDS_MAX: Final = 5
READ_SECONDS_MAX: Final = 10.0
TOKEN_BYTES: Final = 24
VARIABLE_OF_TOKEN: Final = "CODEPIX_SANDBOX_TOKEN"  # noqa: S105 - its name
"""The environment may set the control address's token."""
RESTARTS_MAX: Final = 5


class StillOpen(PartError):
    """The network has not come to rest."""

    def __init__(self, open_items: list[str]) -> None:
        self.open_items = open_items
        super().__init__(f"Still open after {AT_REST_SECONDS_MAX:.0f} seconds: {', '.join(open_items)}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxOptions:
    folder: Path
    banks: int = 2
    seed: str = ""
    """Empty: by chance."""
    start_at_ms: int | None = None
    """The scheme time at which it begins, and begins again at each reset; None: real time."""
    hub_port: int | None = None
    bank_ports: Mapping[str, int] = field(default_factory=dict)
    control_port: int | None = None
    listen: str = LOOPBACK
    """The address on which hub, banks and control address listen."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """More settings, for hub and banks."""


class Sandbox:
    """One that runs. One change at a time; thread-safe."""

    def __init__(self, run: Run, options: SandboxOptions) -> None:
        self.run = run
        self.options = options
        self.token = _token(options)
        self.control_url = ""
        self._chance_or_seed = options.seed or self.token
        network = run.network
        databases = [HUB_DATABASE, *(database_of(bank.spec) for bank in network.banks)]
        self.snapshots = Snapshots([network.postgres.url(name) for name in databases])
        self._is_resumed = False
        """Whether the snapshots may be of an earlier start, with other ports."""
        self._one_change = threading.Lock()

    def prepare(self) -> None:
        """Keeps the state to which each reset goes back, and starts the clock.

        A folder that has such a state goes on where it was, with its clock. Raises `PartError`, `Unreachable`.
        """
        with self._one_change:
            self._is_resumed = BASELINE in self.snapshots.names()
            if self._is_resumed:
                return
            if open_items := wait_at_rest(self.run, AT_REST_SECONDS_MAX):
                raise StillOpen(open_items)
            make_credentials(self.run, self._chance_or_seed)
            self.snapshots.take(BASELINE)
            self._set_clock(self.options.start_at_ms)

    def document(self) -> SandboxDocument:
        """What a test needs to know. Raises `Unreachable`."""
        return describe(
            self.run, self.options.seed, self._chance_or_seed, self.options.start_at_ms, self.control_url, self.token
        )

    def open_items(self) -> list[str]:
        """What keeps the network from being at rest. Raises `Unreachable`."""
        return read_open(self.run)

    def reset(self) -> float:
        """Puts everything back to the start: books, switches, rules, clock. The seconds that it took.

        What a test has left under way is given up. Raises `PartError`, `Unreachable`.
        """
        begun = time.monotonic()
        with self._one_change:
            self._put_back(BASELINE, self.options.start_at_ms)
        return time.monotonic() - begun

    def take_snapshot(self, name: str) -> None:
        """Waits until the network is at rest, and keeps its state. Raises `StillOpen`, `PartError`, `Unreachable`."""
        if check_snapshot_name(name) == BASELINE:
            raise PartError(f"name: {BASELINE} is the state to which a reset goes back.")
        with self._one_change:
            if open_items := wait_at_rest(self.run, AT_REST_SECONDS_MAX):
                raise StillOpen(open_items)
            clock = self.run.reader.hub.get("/clock")
            self.snapshots.take(name)
            at_ms = None if clock["is_real"] else clock["now_ms"]
            self._keep_clock(name, at_ms)

    def restore_snapshot(self, name: str) -> float:
        """Puts the state back that a snapshot has. The seconds that it took.

        Raises `SnapshotUnknown`, `PartError`, `Unreachable`.
        """
        begun = time.monotonic()
        with self._one_change:
            at_ms = self.options.start_at_ms if name == BASELINE else self._kept_clocks().get(name)
            self._put_back(name, at_ms)
        return time.monotonic() - begun

    def remove_snapshot(self, name: str) -> None:
        """Raises `SnapshotUnknown`, `PartError`."""
        if name == BASELINE:
            raise PartError(f"name: {BASELINE} is the state to which a reset goes back.")
        with self._one_change:
            self.snapshots.remove(name)

    def _put_back(self, name: str, at_ms: int | None) -> None:
        try:
            self._put_back_once(name, at_ms)
        except Unreachable:
            # A test has killed a service; the supervisor has started it again.
            self.run.network.await_ready()
            self._put_back_once(name, at_ms)

    def _put_back_once(self, name: str, at_ms: int | None) -> None:
        is_at_rest = not wait_at_rest(self.run, RESET_WAIT_SECONDS, STUCK_SECONDS)
        # The clock first: with the books back and a later time, payments that were planned would be made at once.
        self._set_clock(at_ms)
        self._restore(name)
        if is_at_rest:
            return
        # Records of what was given up still wait to be read. The banks are honest again, so all of it comes to an end.
        for _ in range(DRAIN_ROUNDS_MAX):
            wait_until_read(self.run.network, READ_SECONDS_MAX)
            is_at_rest = not wait_at_rest(self.run, RESET_WAIT_SECONDS, STUCK_SECONDS)
            self._set_clock(at_ms)
            self._restore(name)
            if is_at_rest:
                return
        raise StillOpen(read_open(self.run))

    def _restore(self, name: str) -> None:
        self.snapshots.restore(name)
        if self._is_resumed:
            self._tell_banks("announcement")

    def _set_clock(self, at_ms: int | None) -> None:
        hub = self.run.reader.hub
        self._tell_banks("start-over", hub.call("POST", "/clock/start-over", json={"at_ms": at_ms}))

    def _tell_banks(self, what: str, body: Any = None) -> None:
        for bank in self.run.network.banks:
            try:
                self.run.client.post(f"{bank.url}/sandbox/{what}", json=body).raise_for_status()
            except httpx.HTTPError as error:
                raise Unreachable(f"Bank {bank.code} at {bank.url} does not answer to {what} ({error}).") from error

    def _keep_clock(self, name: str, at_ms: int | None) -> None:
        clocks = {**self._kept_clocks(), name: at_ms}
        state = json.loads((self.options.folder / STATE_FILE).read_text())
        write_privately(self.options.folder / STATE_FILE, json.dumps({**state, "clocks": clocks}, indent=2))

    def _kept_clocks(self) -> dict[str, int | None]:
        return dict(json.loads((self.options.folder / STATE_FILE).read_text()).get("clocks", {}))


@contextmanager
def open_sandbox(options: SandboxOptions, progress: Callable[[str], None]) -> Iterator[Sandbox]:
    """Starts one and prepares it; at the end stops it. Raises `PortInUse`, `PartError`, `Unreachable`."""
    with open_run(_network_settings(options), progress, lambda: _keep_state(options)) as run:
        supervisor = Supervisor.of(run.network, progress, RESTARTS_MAX)
        sandbox = Sandbox(run, options)
        sandbox.prepare()
        # A service that a test kills comes back.
        run.in_background(supervisor.run)
        yield sandbox


def _network_settings(options: SandboxOptions) -> NetworkSettings:
    return NetworkSettings(
        folder=options.folder,
        banks=[replace(spec, port=options.bank_ports.get(spec.code)) for spec in bank_specs(options.banks)],
        hub_port=options.hub_port,
        virtual_clock=True,
        durable=False,
        extra_environment={
            "SANDBOX": "true",
            "HTTP_HOST": options.listen,
            "SANDBOX_SEED": options.seed,
            "CLOCK_BEGINS": _first_clock(options.start_at_ms),
            **options.environment,
        },
    )


def _first_clock(start_at_ms: int | None) -> str:
    if start_at_ms is None:
        return ""
    real_now_ms = time.time_ns() // 1_000_000
    return f"1:{real_now_ms}:{start_at_ms - real_now_ms}:1"


def _token(options: SandboxOptions) -> str:
    return str(json.loads((options.folder / STATE_FILE).read_text())["token"])


def _keep_state(options: SandboxOptions) -> None:
    """Notes the seed in the folder. Raises `FolderUnusable` for a folder of another seed."""
    file = options.folder / STATE_FILE
    kept: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
    if kept and kept["seed"] != options.seed:
        raise FolderUnusable(f"--seed: {options.folder} was made with another seed; start it with --reset.")
    options.folder.mkdir(parents=True, exist_ok=True)
    chosen = {"token": os.environ[VARIABLE_OF_TOKEN]} if os.environ.get(VARIABLE_OF_TOKEN) else {}
    state = {"token": secrets.token_urlsafe(TOKEN_BYTES), **kept, **chosen, "seed": options.seed}
    write_privately(file, json.dumps(state, indent=2))
