"""`codepix demo`: a network to look at, or a classroom."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from lab.cli.terminal import EXIT_USAGE, HUB_PORT_DEFAULT, progress, refuse, reporting_errors
from lab.network.demo import run_demo
from lab.network.network import BANKS_MAX, KafkaKind, NetworkSettings, bank_specs, network_folder
from lab.network.parts.environment import home_folder
from lab.read.report import console
from pix.participant.settings import SECONDS_MAX

HUB_GRPC_PORT_DEFAULT: Final = 50_051
LAB_PORT_DEFAULT: Final = 8010
STORY_SETTINGS: Final[Mapping[str, Any]] = {
    "splits_roles": True,
    # No message is retransmitted, however long the class discusses.
    "resend_first_seconds": 86_400.0,
    "resend_cap_seconds": 86_400.0,
}

Port = Annotated[int, typer.Option(min=1, max=65_535)]


def default_folder() -> Path:
    data = os.environ.get("XDG_DATA_HOME")
    return (Path(data) if data else home_folder() / ".local/share") / "codepix"


def demo(
    folder: Annotated[
        Path | None, typer.Option(help="Folder for the data.", show_default="~/.local/share/codepix")
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Discard the data of earlier demos.")] = False,
    kafka: Annotated[KafkaKind, typer.Option(help="Apache Kafka needs Java and Maven.")] = KafkaKind.EMBEDDED,
    banks: Annotated[
        int, typer.Option(min=2, max=BANKS_MAX, help="How many banks to start; those from 004 on take free ports.")
    ] = 3,
    hub_port: Port = HUB_PORT_DEFAULT,
    hub_grpc_port: Port = HUB_GRPC_PORT_DEFAULT,
    bank_001_port: Port = 8001,
    bank_002_port: Port = 8002,
    bank_003_port: Port = 8003,
    lab_port: Annotated[
        int, typer.Option(min=1, max=65_535, help="Port of the lab panel, on 127.0.0.1 only.")
    ] = LAB_PORT_DEFAULT,
    kafka_port: Annotated[
        int | None, typer.Option(min=1, max=65_535, help="Port of Apache Kafka.", show_default="a free one")
    ] = None,
    transfer_timeout: Annotated[
        float | None,
        typer.Option(min=0.1, max=SECONDS_MAX, help="Seconds until an unanswered transfer fails. Default: no timeout."),
    ] = None,
    virtual_clock: Annotated[
        bool, typer.Option(help="Give the network a clock that `codepix clock` and the panel move.")
    ] = True,
    tls: Annotated[bool, typer.Option("--tls", help="Use gRPC over mutual TLS, with generated certificates.")] = False,
    story: Annotated[
        bool,
        typer.Option("--story", help="A classroom: a transfer happens step by step. Its data is discarded afterwards."),
    ] = False,
) -> None:
    """Starts a hub and banks, prints where to look, and runs until Ctrl-C."""
    if story and kafka is not KafkaKind.EMBEDDED:
        raise refuse("--story: needs the embedded broker, which does not remove paused consumers.", EXIT_USAGE)
    if story and transfer_timeout is not None:
        raise refuse("--story: does not work with --transfer-timeout, because each step waits for Next.", EXIT_USAGE)
    ports = (bank_001_port, bank_002_port, bank_003_port)
    with reporting_errors(), ExitStack() as stack:
        settings = NetworkSettings(
            # A story that ends in the middle leaves transfers that wait for a day.
            folder=stack.enter_context(network_folder(folder)) if story else folder or default_folder(),
            banks=[replace(spec, port=port) for spec, port in zip_longest(bank_specs(banks), ports[:banks])],
            kafka=kafka,
            hub_port=hub_port,
            hub_grpc_port=hub_grpc_port,
            kafka_port=kafka_port,
            transfer_timeout_seconds=transfer_timeout,
            demo_mode=True,
            # A classroom holds the processes still that would follow.
            virtual_clock=virtual_clock and not story,
            tls=tls,
            lab_port=lab_port,
            extra_environment={"SANDBOX": "on"},
            **(STORY_SETTINGS if story else {}),
        )
        run_demo(settings, fresh and not story, progress)
    console.print("Stopped." if story else "Stopped. The data is kept for the next demo.")
