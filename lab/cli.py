"""`codepix`: runs a whole network on one machine, breaks it, measures it and audits it."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Annotated, Final

import typer

from lab.demo import Keeper, welcome
from lab.network import BANKS_MAX, DEMO_BANKS, KafkaKind, Network, NetworkSettings, remove_network
from lab.parts.errors import PartError, PartMissing, PortInUse
from lab.report import audit_document, console, errors, percentile, print_audit, print_json
from lab.rest import Unreachable, new_client
from lab.smoke import SmokeOptions, smoke_document, smoke_table
from lab.smoke import smoke as run_smoke
from lab.survey import Surveyor

EXIT_BROKEN: Final = 1
EXIT_USAGE: Final = 2
EXIT_INTERRUPTED: Final = 130

HUB_PORT_DEFAULT: Final = 8000
HUB_GRPC_PORT_DEFAULT: Final = 50_051
HUB_URL_DEFAULT: Final = f"http://127.0.0.1:{HUB_PORT_DEFAULT}"
KAFKA_PORT_DEFAULT: Final = 9092

app = typer.Typer(help="CodePix: an instant-payment network in a box.", no_args_is_help=True, add_completion=False)


def main() -> None:
    """The command's entry."""
    app()


class Terminated(KeyboardInterrupt):
    """SIGTERM came; treated like Ctrl-C, so that everything is stopped on the way out."""


def _terminate(_number: int, _frame: FrameType | None) -> None:
    raise Terminated


@contextmanager
def _speaking_plainly() -> Iterator[None]:
    """What goes wrong with a part becomes a sentence and an exit code; SIGTERM ends like Ctrl-C."""
    signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    except (PortInUse, PartMissing) as error:
        raise _refuse(str(error), EXIT_USAGE) from None
    except Unreachable as error:
        raise _refuse(str(error), EXIT_USAGE) from None
    except PartError as error:
        raise _refuse(str(error)) from None
    except KeyboardInterrupt:
        raise _refuse("Interrupted; everything is stopped.", EXIT_INTERRUPTED) from None


def _refuse(sentence: str, code: int = EXIT_BROKEN) -> typer.Exit:
    errors.print(sentence, markup=False, highlight=False, soft_wrap=True)
    return typer.Exit(code)


def _tell(step: str) -> None:
    errors.print(f"{step}…", markup=False, highlight=False)


def default_folder() -> Path:
    """Where the demo keeps its data."""
    home = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
    return Path(home).expanduser() / "codepix"


Port = Annotated[int, typer.Option(min=1, max=65_535)]


@app.command()
def demo(
    folder: Annotated[
        Path | None, typer.Option(help="Where the data are kept.", show_default="~/.local/share/codepix")
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Forget the data of earlier demos.")] = False,
    kafka: Annotated[KafkaKind, typer.Option(help="Apache Kafka needs Java and Maven.")] = KafkaKind.EMBEDDED,
    hub_port: Port = HUB_PORT_DEFAULT,
    hub_grpc_port: Port = HUB_GRPC_PORT_DEFAULT,
    bank_001_port: Port = 8001,
    bank_002_port: Port = 8002,
    bank_003_port: Port = 8003,
    kafka_port: Annotated[int | None, typer.Option(help="Of Apache Kafka.", show_default="a free one")] = None,
    transfer_timeout: Annotated[
        float | None, typer.Option(help="Seconds until an unanswered transfer fails; without, it waits.")
    ] = None,
) -> None:
    """Starts a hub and three banks, prints where to look, and runs until Ctrl-C."""
    ports = (bank_001_port, bank_002_port, bank_003_port)
    settings = NetworkSettings(
        folder=folder or default_folder(),
        banks=[replace(spec, port=port) for spec, port in zip(DEMO_BANKS, ports, strict=True)],
        kafka=kafka,
        hub_port=hub_port,
        hub_grpc_port=hub_grpc_port,
        kafka_port=kafka_port,
        transfer_timeout_seconds=transfer_timeout,
        demo_mode=True,
    )
    with _speaking_plainly():
        network = Network(settings, _tell)
        if fresh:
            remove_network(settings.folder)
        with network:
            console.print(welcome(network))
            console.print(f"Data, logs and secrets are in {network.folder}. Ctrl-C stops everything.", highlight=False)
            sys.stdout.flush()
            try:
                Keeper(network, _tell).watch()
            except KeyboardInterrupt:
                _tell("Stopping")
    console.print("Stopped. The data stay; the next demo finds them again.")


@app.command()
def audit(
    hub: Annotated[str, typer.Option(help="The hub's address; it knows where the banks are.")] = HUB_URL_DEFAULT,
    wait: Annotated[float, typer.Option(min=0, help="Seconds to wait at most until nothing is under way.")] = 10.0,
    json: Annotated[bool, typer.Option("--json", help="Print a JSON document instead of tables.")] = False,
) -> None:
    """Audits a running network: no money made or lost, every transfer with one outcome. Exit code 1 when broken."""
    with _speaking_plainly():
        client = new_client()
        try:
            report = Surveyor(hub, client).audit(wait)
        finally:
            client.close()
    if json:
        print_json(audit_document(report))
    else:
        print_audit(report)
    if report.moving:
        raise typer.Exit(EXIT_USAGE)
    raise typer.Exit(0 if report.is_ok else EXIT_BROKEN)


@app.command()
def smoke(
    transfers: Annotated[int, typer.Option(min=20, max=100_000, help="How many payments to send.")] = 60,
    banks: Annotated[int, typer.Option(min=2, max=BANKS_MAX, help="How many banks to start.")] = 3,
    kafka: Annotated[KafkaKind, typer.Option(help="Apache Kafka needs Java and Maven.")] = KafkaKind.EMBEDDED,
    seed: Annotated[int, typer.Option(help="Chooses who pays whom, and how much.")] = 1,
    json: Annotated[bool, typer.Option("--json", help="Print a JSON document instead of tables.")] = False,
) -> None:
    """Starts a fresh network, pays between all banks, also what must fail, audits, and stops it. Exit code 0 or 1."""
    with _speaking_plainly():
        result = run_smoke(SmokeOptions(transfers=transfers, banks=banks, kafka=kafka, seed=seed), _tell)
    if json:
        print_json(smoke_document(result))
    else:
        console.print(smoke_table(result))
        print_audit(result.report)
        for line in result.unexpected:
            console.print(line, markup=False, highlight=False)
        latency = [percentile(result.milliseconds, percent) for percent in (50, 99)]
        console.print(
            f"{'All is well' if result.is_ok else 'NOT as it must be'}: {result.seconds:.1f} s, of which "
            f"{result.network_up_seconds:.1f} s to start the network; latency p50 {latency[0]} ms, p99 {latency[1]} ms."
        )
    raise typer.Exit(0 if result.is_ok else EXIT_BROKEN)
