"""`codepix sandbox`: a small network for tests of programs, described by one JSON object."""

from __future__ import annotations

import json
import os
import sys
import threading
from contextlib import ExitStack
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer

from lab.cli.clock import time_ms
from lab.cli.terminal import EXIT_USAGE, progress, refuse, reporting_errors
from lab.network.network import BANKS_MAX, bank_specs, network_folder, remove_network
from lab.network.parts.ports import LOOPBACK, check_port_free
from lab.sandbox.network import SandboxOptions, open_sandbox
from pix.runtime.addresses import check_host
from pix.scheme.seed import SEED_LENGTH_MAX

READ_BYTES_MAX: Final = 4096


class Profile(StrEnum):
    """As the setting `API_PIX_PROFILE` of a bank has them."""

    BCB = "bcb"
    EFI = "efi"


Port = Annotated[int | None, typer.Option(min=1, max=65_535, show_default="a free one")]


def sandbox(
    folder: Annotated[
        Path | None, typer.Option(help="A folder that keeps data and snapshots.", show_default="a temporary one")
    ] = None,
    reset: Annotated[bool, typer.Option("--reset", help="Discard what the folder has.")] = False,
    banks: Annotated[int, typer.Option(min=2, max=BANKS_MAX, help="How many banks to start.")] = 2,
    seed: Annotated[
        str,
        typer.Option(
            help="The same seed gives the same people, accounts, keys and credentials, and with --start-at the same "
            "end-to-end ids. At most 40 characters.",
            show_default="by chance",
        ),
    ] = "",
    start_at: Annotated[
        str,
        typer.Option(
            help="The virtual clock begins, and begins again at each reset, at this time of São Paulo, such as "
            "2027-01-31T20:00.",
            show_default="now",
        ),
    ] = "",
    hub_port: Port = None,
    first_bank_port: Annotated[
        int | None,
        typer.Option(min=1, max=65_535, help="Bank 001's; the others follow.", show_default="free ones"),
    ] = None,
    control_port: Port = None,
    profile: Annotated[
        Profile, typer.Option(help="Whose clients the API Pix serves: `efi` adds what clients of Efí expect.")
    ] = Profile.BCB,
    listen: Annotated[
        str, typer.Option(help="The address to listen on; 0.0.0.0 inside a container, whose ports are published.")
    ] = LOOPBACK,
    quiet: Annotated[bool, typer.Option("--quiet", help="Say nothing but the JSON object.")] = False,
) -> None:
    """Starts a hub and two banks for tests, prints one JSON object, and runs until SIGTERM or the end of its input."""
    if len(seed) > SEED_LENGTH_MAX:
        raise refuse(f"--seed: has at most {SEED_LENGTH_MAX} characters.", EXIT_USAGE)
    if reset and folder is None:
        raise refuse("--reset: needs --folder; without it each start is fresh.", EXIT_USAGE)
    start_at_ms = _start_at_ms(start_at) if start_at else None
    with reporting_errors(), ExitStack() as stack:
        specs = bank_specs(banks)
        ports = {} if first_bank_port is None else {spec.code: first_bank_port + n for n, spec in enumerate(specs)}
        if control_port is not None:
            check_port_free(control_port, "the control address", "--control-port")
        if reset and folder is not None:
            remove_network(folder)
        options = SandboxOptions(
            folder=(folder or stack.enter_context(network_folder(None))).absolute(),
            banks=banks,
            seed=seed,
            start_at_ms=start_at_ms,
            environment={"API_PIX_PROFILE": profile.value},
            hub_port=hub_port,
            bank_ports=ports,
            control_port=control_port,
            listen=_host(listen),
        )
        _run(options, quiet)


def _run(options: SandboxOptions, quiet: bool) -> None:
    # The control address needs a web server, which no other command but the demo's panel does.
    from lab.sandbox.control import serve_control

    ended = threading.Event()
    if not _is_null(sys.stdin.fileno()):
        threading.Thread(target=_await_end_of_input, args=(ended,), daemon=True).start()
    try:
        with open_sandbox(options, (lambda _: None) if quiet else progress) as running:
            serve_control(running.run, running, options.control_port)
            print(json.dumps(running.document(), ensure_ascii=False), flush=True)
            ended.wait()
    except KeyboardInterrupt:
        if not quiet:
            progress("Stopped")


def _await_end_of_input(ended: threading.Event) -> None:
    try:
        while os.read(0, READ_BYTES_MAX):
            pass
    except OSError:
        return
    ended.set()


def _is_null(descriptor: int) -> bool:
    """Whether there is no input at all: a shell gives /dev/null to what it starts in the background."""
    try:
        here, null = os.fstat(descriptor), Path(os.devnull).stat()
    except OSError:
        return True
    return here.st_rdev == null.st_rdev and here.st_ino == null.st_ino


def _host(text: str) -> str:
    try:
        return check_host(text)
    except ValueError as error:
        raise refuse(f"--listen: {error}.", EXIT_USAGE) from None


def _start_at_ms(text: str) -> int:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    return time_ms(text) if at is None or at.tzinfo is None else round(at.timestamp() * 1000)
