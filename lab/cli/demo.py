"""`codepix demo`: a network to look at, or a classroom."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from lab.cli.terminal import EXIT_USAGE, HUB_PORT_DEFAULT, LAB_PORT_DEFAULT, progress, refuse, reporting_errors
from lab.course_bank.fixtures import COLORS, NAMES
from lab.network.demo import run_demo
from lab.network.network import BANKS_MAX, BankSpec, KafkaKind, NetworkSettings, bank_specs, network_folder
from lab.network.parts.environment import home_folder
from lab.read.report import console
from pix.participant.settings import SECONDS_MAX
from pix.scheme.course import COURSE_CODES

HUB_GRPC_PORT_DEFAULT: Final = 50_051
BANKS_DEFAULT: Final = 3
COURSE_GRPC_PORT_DEFAULT: Final = 50_052
STORY_SETTINGS: Final[Mapping[str, Any]] = {
    "splits_roles": True,
    # No message is retransmitted, however long the class discusses.
    "resend_first_seconds": 86_400.0,
    "resend_cap_seconds": 86_400.0,
}

Port = Annotated[int, typer.Option(min=1, max=65_535)]


def default_folder(*, course: bool = False) -> Path:
    """Course mode has another folder, for its banks 001 and 002 are no banks of ours."""
    data = os.environ.get("XDG_DATA_HOME")
    return (Path(data) if data else home_folder() / ".local/share") / ("codepix-course" if course else "codepix")


def course_bank_specs(ports: Sequence[int]) -> list[BankSpec]:
    return [BankSpec(code, NAMES[code], COLORS[code], port) for code, port in zip(COURSE_CODES, ports, strict=False)]


def demo(
    folder: Annotated[
        Path | None, typer.Option(help="Folder for the data.", show_default="~/.local/share/codepix")
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Discard the data of earlier demos.")] = False,
    kafka: Annotated[KafkaKind, typer.Option(help="Apache Kafka needs Java and Maven.")] = KafkaKind.EMBEDDED,
    banks: Annotated[
        int | None,
        typer.Option(
            min=2,
            max=BANKS_MAX,
            help="How many banks to start; those from 004 on take free ports.",
            show_default="3, with --course 4",
        ),
    ] = None,
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
    course: Annotated[
        bool,
        typer.Option(
            "--course",
            help="Codes 001 and 002 are banks of the original CodePix course. Needs Java and Maven.",
        ),
    ] = False,
    own_course_banks: Annotated[
        bool,
        typer.Option(
            "--own-course-banks", help="With --course: start no stand-ins for them; you start your own banks."
        ),
    ] = False,
    course_grpc_port: Annotated[
        int, typer.Option(min=1, max=65_535, help="With --course: port of the hub's gRPC service for course banks.")
    ] = COURSE_GRPC_PORT_DEFAULT,
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
    if banks is None:
        banks = BANKS_DEFAULT + course
    if story and course:
        raise refuse("--story: does not work with --course, whose banks cannot be held.", EXIT_USAGE)
    if course and banks <= len(COURSE_CODES):
        raise refuse(
            f"--banks: with --course at least {len(COURSE_CODES) + 1}, for {len(COURSE_CODES)} are the course's.",
            EXIT_USAGE,
        )
    if own_course_banks and not course:
        raise refuse("--own-course-banks: needs --course.", EXIT_USAGE)
    ports = (bank_001_port, bank_002_port, bank_003_port)
    with reporting_errors(), ExitStack() as stack:
        specs = [replace(spec, port=port) for spec, port in zip_longest(bank_specs(banks), ports[:banks])]
        course_specs = course_bank_specs(ports) if course else []
        settings = NetworkSettings(
            # A story that ends in the middle leaves transfers that wait for a day.
            folder=stack.enter_context(network_folder(folder)) if story else folder or default_folder(course=course),
            banks=specs[len(course_specs) :],
            course_banks=course_specs,
            starts_course_banks=not own_course_banks,
            course_grpc_port=course_grpc_port if course else None,
            # A topic of the course has one partition, which the embedded broker does not make.
            kafka=KafkaKind.APACHE if course else kafka,
            hub_port=hub_port,
            hub_grpc_port=hub_grpc_port,
            kafka_port=kafka_port,
            transfer_timeout_seconds=transfer_timeout,
            demo_mode=True,
            # A classroom holds the processes still that would follow.
            virtual_clock=virtual_clock and not story and not course,
            tls=tls,
            lab_port=lab_port,
            extra_environment={"SANDBOX": "on"},
            **(STORY_SETTINGS if story else {}),
        )
        run_demo(settings, fresh and not story, progress)
    console.print("Stopped." if story else "Stopped. The data is kept for the next demo.")
