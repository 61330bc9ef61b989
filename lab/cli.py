"""`codepix`: runs a whole network on one machine, breaks it, measures it and audits it."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Annotated, Any, Final

import typer
from rich.table import Table

from lab.audit import AuditReport
from lab.certs import HUB_NAMES, make_certificates
from lab.demo import run_demo
from lab.experiment import ExperimentOptions, experiment_document, experiment_table
from lab.experiment import experiment as run_experiment
from lab.faults import Target
from lab.network import BANKS_MAX, DEMO_BANKS, KafkaKind, NetworkSettings, network_folder
from lab.parking import ParkingOptions, park, parking_document, parking_table
from lab.parts.errors import PartError, PartMissing, PortInUse
from lab.report import audit_document, console, errors, percentile, print_audit, print_json
from lab.rest import Unreachable, new_client
from lab.scenarios.command import (
    ScenarioOptions,
    play_scenarios,
    playbill_document,
    playbill_table,
    result_remarks,
    results_document,
    results_table,
)
from lab.scenarios.playbill import SCENARIOS
from lab.scenarios.script import Scenario
from lab.smoke import SmokeOptions, smoke_document, smoke_table
from lab.smoke import smoke as run_smoke
from lab.survey import Surveyor
from loadtest.crowd.arrivals import Shape
from loadtest.crowd.mix import MIX_DEFAULT
from loadtest.crowd.options import (
    CUSTOMERS_DEFAULT,
    HUB_GRPC_DEFAULT,
    RATE_DEFAULT,
    SECONDS_DEFAULT,
    SETTLE_SECONDS_DEFAULT,
    SHARE_OF_FIRST_DEFAULT,
    THINK_SECONDS_DEFAULT,
    LoadOptions,
    OptionRefused,
    check_options,
)
from pix.scheme.errors import SchemeError

EXIT_BROKEN: Final = 1
EXIT_USAGE: Final = 2
EXIT_INTERRUPTED: Final = 130

HUB_PORT_DEFAULT: Final = 8000
HUB_GRPC_PORT_DEFAULT: Final = 50_051
HUB_URL_DEFAULT: Final = f"http://127.0.0.1:{HUB_PORT_DEFAULT}"
LAB_PORT_DEFAULT: Final = 8010
KAFKA_PORT_DEFAULT: Final = 9092
STORY_SETTINGS: Final[Mapping[str, Any]] = {
    "splits_roles": True,
    # Nobody asks twice, however long the class discusses.
    "resend_first_seconds": 86_400.0,
    "resend_cap_seconds": 86_400.0,
}

app = typer.Typer(
    help="CodePix: an instant-payment network in a box.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


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


Keep = Annotated[
    Path | None,
    typer.Option(help="An empty folder in which data and logs are to stay.", show_default="a temporary one"),
]
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
    lab_port: Annotated[
        int, typer.Option(min=1, max=65_535, help="Of the lab's panel, on 127.0.0.1 alone.")
    ] = LAB_PORT_DEFAULT,
    kafka_port: Annotated[int | None, typer.Option(help="Of Apache Kafka.", show_default="a free one")] = None,
    transfer_timeout: Annotated[
        float | None, typer.Option(help="Seconds until an unanswered transfer fails; without, it waits.")
    ] = None,
    tls: Annotated[bool, typer.Option("--tls", help="Speak gRPC over mutual TLS, with its own certificates.")] = False,
    story: Annotated[
        bool,
        typer.Option(
            "--story", help="A classroom: a transfer happens step by step. Its data are of no use afterwards."
        ),
    ] = False,
) -> None:
    """Starts a hub and three banks, prints where to look, and runs until Ctrl-C."""
    if story and kafka is not KafkaKind.EMBEDDED:
        raise _refuse("--story: is told on the embedded broker, from which no consumer is thrown out.", EXIT_USAGE)
    if story and transfer_timeout is not None:
        raise _refuse("--story: a transfer waits for Next, so there is no --transfer-timeout.", EXIT_USAGE)
    ports = (bank_001_port, bank_002_port, bank_003_port)
    with _speaking_plainly(), ExitStack() as stack:
        settings = NetworkSettings(
            # A story that ends in the middle leaves transfers that wait for a day.
            folder=stack.enter_context(network_folder(folder)) if story else folder or default_folder(),
            banks=[replace(spec, port=port) for spec, port in zip(DEMO_BANKS, ports, strict=True)],
            kafka=kafka,
            hub_port=hub_port,
            hub_grpc_port=hub_grpc_port,
            kafka_port=kafka_port,
            transfer_timeout_seconds=transfer_timeout,
            demo_mode=True,
            tls=tls,
            lab_port=lab_port,
            **(STORY_SETTINGS if story else {}),
        )
        run_demo(settings, fresh and not story, _tell)
    console.print("Stopped." if story else "Stopped. The data stay; the next demo finds them again.")


@app.command()
def certs(
    folder: Annotated[Path, typer.Option(help="Where they are put; what is there already stays.")],
    bank: Annotated[list[str] | None, typer.Option(help="A bank's code; may be given again.")] = None,
    hub_name: Annotated[list[str] | None, typer.Option(help="A name of the hub; may be given again.")] = None,
) -> None:
    """Makes an authority for demonstrations, and certificates of the hub and of banks for mutual TLS on gRPC."""
    codes = bank or [spec.code for spec in DEMO_BANKS]
    try:
        made = make_certificates(folder.absolute(), codes, hub_name or HUB_NAMES)
    except SchemeError as error:
        raise _refuse(f"--bank: {error.rule}", EXIT_USAGE) from None
    except OSError as error:
        raise _refuse(f"--folder: {folder}: {error.strerror}", EXIT_USAGE) from None
    console.print(
        "The hub:",
        f"  GRPC_TLS_CERTIFICATE={made.hub.certificate}",
        f"  GRPC_TLS_KEY={made.hub.key}",
        f"  GRPC_TLS_CLIENT_CA={made.authority.certificate}",
        *(
            line
            for code, files in made.banks.items()
            for line in (
                f"Bank {code}:",
                f"  HUB_TLS_CA={made.authority.certificate}",
                f"  HUB_TLS_CERTIFICATE={files.certificate}",
                f"  HUB_TLS_KEY={files.key}",
            )
        ),
        sep="\n",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )


@app.command()
def audit(
    hub: Annotated[str, typer.Option(help="The hub's address; it knows where the banks are.")] = HUB_URL_DEFAULT,
    operator_password: Annotated[
        str,
        typer.Option(envvar="OPERATOR_PASSWORD", help="Of hub and banks; a demo asks for none.", show_default=False),
    ] = "",
    wait: Annotated[float, typer.Option(min=0, help="Seconds to wait at most until nothing is under way.")] = 10.0,
    json: Annotated[bool, typer.Option("--json", help="Print a JSON document instead of tables.")] = False,
) -> None:
    """Audits a running network: no money made or lost, every transfer with one outcome. Exit code 1 when broken."""
    with _speaking_plainly():
        client = new_client(operator_password)
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
    keep: Keep = None,
    json: Annotated[bool, typer.Option("--json", help="Print a JSON document instead of tables.")] = False,
) -> None:
    """Starts a fresh network, pays between all banks, also what must fail, audits, and stops it. Exit code 0 or 1."""
    with _speaking_plainly():
        result = run_smoke(SmokeOptions(transfers=transfers, banks=banks, kafka=kafka, seed=seed, keep=keep), _tell)
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


@app.command()
def experiment(
    seed: Annotated[int, typer.Option(help="Chooses the payments and the faults: the same seed, the same plan.")] = 1,
    transfers: Annotated[int, typer.Option(min=1, max=100_000, help="How many payments to send.")] = 300,
    faults: Annotated[
        str, typer.Option(help="What is killed and frozen: hub, bank, broker, database, separated by commas.")
    ] = "hub,bank,broker,database",
    faults_each: Annotated[int, typer.Option(min=1, max=50, help="How many faults of each kind.")] = 2,
    rate: Annotated[float, typer.Option(min=0.1, max=1_000, help="Payments a second.")] = 20.0,
    hubs: Annotated[int, typer.Option(min=1, max=4, help="Hub replicas, which share the work.")] = 1,
    banks: Annotated[int, typer.Option(min=1, max=BANKS_MAX, help="How many banks to start.")] = 3,
    kafka: Annotated[
        KafkaKind | None, typer.Option(help="Apache Kafka where the broker is to die.", show_default="as needed")
    ] = None,
    transfer_timeout: Annotated[float | None, typer.Option(help="Seconds; transfers may then fail with AB03.")] = None,
    wipe_broker: Annotated[
        bool, typer.Option("--wipe-broker", help="The broker also loses its log in mid-flight.")
    ] = False,
    park_bank: Annotated[
        int | None,
        typer.Option(min=1, max=100_000, help="Instead: stop a bank, send it so many payments, and start it again."),
    ] = None,
    keep: Keep = None,
    json: Annotated[bool, typer.Option("--json", help="Print a JSON document instead of tables.")] = False,
) -> None:
    """Pays while parts of a fresh network die, waits for quiet, and audits. Exit code 0 when nothing was lost."""
    targets = _targets(faults)
    kind = kafka or (KafkaKind.APACHE if Target.BROKER in targets and park_bank is None else KafkaKind.EMBEDDED)
    if kind is KafkaKind.EMBEDDED and Target.BROKER in targets and park_bank is None:
        raise _refuse(
            "--faults broker: the embedded broker comes back at another address; use --kafka apache, or --wipe-broker.",
            EXIT_USAGE,
        )
    with _speaking_plainly():
        if park_bank is not None:
            parked = park(ParkingOptions(transfers=park_bank, kafka=kind, hubs=hubs, seed=seed, keep=keep), _tell)
            _show(json, parking_document(parked), [parking_table(parked)], parked.report)
            raise typer.Exit(0 if parked.is_ok else EXIT_BROKEN)
        options = ExperimentOptions(
            seed=seed,
            transfers=transfers,
            faults=targets,
            faults_each=faults_each,
            rate_per_second=rate,
            hubs=hubs,
            banks=banks,
            kafka=kind,
            transfer_timeout_seconds=transfer_timeout,
            wipe_broker=wipe_broker,
            keep=keep,
        )
        result = run_experiment(options, _tell)
    _show(json, experiment_document(result), [experiment_table(result)], result.report)
    raise typer.Exit(0 if result.is_ok else EXIT_BROKEN)


@app.command()
def scenario(
    names: Annotated[list[str] | None, typer.Argument(help="Which ones to play; --list shows them.")] = None,
    list_: Annotated[bool, typer.Option("--list", help="Show what there is, and play nothing.")] = False,
    all_: Annotated[bool, typer.Option("--all", help="Play every scenario, one after the other.")] = False,
    kafka: Annotated[KafkaKind, typer.Option(help="Apache Kafka needs Java and Maven.")] = KafkaKind.EMBEDDED,
    seed: Annotated[int, typer.Option(help="Chooses who is paid, and how much.")] = 1,
    keep: Keep = None,
    json: Annotated[bool, typer.Option("--json", help="Print a JSON document instead of text.")] = False,
) -> None:
    """Plays scripts that break a fresh network, and audits after each. Exit code 0 when every one is green."""
    if list_:
        print_json(playbill_document()) if json else console.print(playbill_table())
        return
    chosen = _scenarios(names or [], everything=all_)
    with _speaking_plainly():
        results = play_scenarios(ScenarioOptions(chosen, kafka, seed, keep), _tell)
    if json:
        print_json(results_document(results))
    else:
        console.print(results_table(results))
        for line in (line for result in results for line in result_remarks(result)):
            console.print(line, markup=False, highlight=False)
    raise typer.Exit(0 if all(result.is_ok for result in results) else EXIT_BROKEN)


@app.command()
def bench(
    only: Annotated[str, typer.Option(help="Parts: hub, network, keys, latency.")] = "hub,network,keys,latency",
    seconds: Annotated[float, typer.Option(min=2, max=86_400, help="Of each part, after its warm-up.")] = 60,
    hubs: Annotated[int, typer.Option(min=1, max=8, help="Replicas of the hub, in the parts hub and keys.")] = 1,
    history: Annotated[
        int, typer.Option(min=0, max=20_000_000, help="Finished transfers in the hub's tables before its part.")
    ] = 0,
    html: Annotated[Path | None, typer.Option(help="Write a report with charts into this file.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print a JSON document instead of a table.")] = False,
) -> None:
    """Measures what this machine can do, beside the machine's own limits, on Apache Kafka. Exit code 1: not audited."""
    from loadtest.bench.command import BenchOptions, parts_of, run_bench
    from loadtest.bench.report import bench_html, bench_table

    try:
        options = BenchOptions(parts=parts_of(only), seconds=seconds, hubs=hubs, history=history)
    except ValueError as error:
        raise _refuse(f"--only: {error}", EXIT_USAGE) from None
    with _speaking_plainly():
        result = run_bench(options, _tell)
    if html is not None:
        html.write_text(bench_html(result), encoding="utf-8")
    if json:
        print_json(result.document())
    else:
        console.print(bench_table(result))
    raise typer.Exit(0 if result.is_ok else EXIT_BROKEN)


@app.command()
def load(
    rate: Annotated[float, typer.Option(help="Visitors who come in a second, at the highest.")] = RATE_DEFAULT,
    seconds: Annotated[float, typer.Option(help="How long they come.")] = SECONDS_DEFAULT,
    shape: Annotated[
        Shape, typer.Option(help="All the time alike; from nothing to the rate; a quarter of it, all in the middle.")
    ] = Shape.SOAK,
    skew: Annotated[float, typer.Option(help="The share of visits to the first bank.")] = SHARE_OF_FIRST_DEFAULT,
    mix: Annotated[str, typer.Option(help="The parts of the kinds of visitors.")] = MIX_DEFAULT,
    customers: Annotated[int, typer.Option(help="How many accounts are opened first.")] = CUSTOMERS_DEFAULT,
    think_seconds: Annotated[
        float, typer.Option(help="How long people look at a page, on average.")
    ] = THINK_SECONDS_DEFAULT,
    settle_seconds: Annotated[
        float, typer.Option(help="A payment that is not final by then has failed.")
    ] = SETTLE_SECONDS_DEFAULT,
    kafka: Annotated[KafkaKind, typer.Option(help="Apache Kafka needs Java and Maven.")] = KafkaKind.EMBEDDED,
    banks: Annotated[int, typer.Option(min=1, max=BANKS_MAX, help="How many banks to start.")] = 3,
    hub: Annotated[str, typer.Option(help="Of a network that runs already.", show_default="one is started")] = "",
    hub_grpc: Annotated[str, typer.Option(help="The gRPC of that hub.")] = HUB_GRPC_DEFAULT,
    bank_secrets: Annotated[
        str,
        typer.Option(
            envvar="CODEPIX_BANK_SECRETS", help="Its banks that look keys up: 001=…,002=…", show_default="none does"
        ),
    ] = "",
    operator_password: Annotated[
        str, typer.Option(envvar="OPERATOR_PASSWORD", help="Its operator's.", show_default=False)
    ] = "",
    html: Annotated[Path, typer.Option(help="The file for the report.")] = Path("load-report.html"),
    web_port: Annotated[
        int | None,
        typer.Option(min=1, max=65_535, help="Instead of a run: locust's page there, to start runs by hand."),
    ] = None,
    keep: Keep = None,
    json: Annotated[bool, typer.Option("--json", help="Print a JSON document instead of tables.")] = False,
) -> None:
    """Lets people, integrators and look-ups come to a network, and judges it. Exit code 1: a pass line is missed."""
    from loadtest.crowd.command import LoadCommand, check_locust, run_load, serve_page
    from loadtest.crowd.report import print_verdict

    options = LoadOptions(
        rate_per_second=rate,
        seconds=seconds,
        shape=shape,
        share_of_first=skew,
        mix=mix,
        customers=customers,
        settle_seconds=settle_seconds,
        think_seconds=think_seconds,
        operator_password=operator_password,
        report=str(html),
    )
    try:
        check_options(options)
    except OptionRefused as error:
        raise _refuse(str(error), EXIT_USAGE) from None
    command = LoadCommand(options, kafka, banks, keep, hub, hub_grpc, bank_secrets, web_port)
    with _speaking_plainly():
        check_locust()
        if web_port is not None:
            serve_page(command, _tell, _show_line)
        verdict = run_load(command, _tell, _show_line)
    if json:
        print_json(verdict.document())
    else:
        print_verdict(verdict, console)
        console.print(f"The report is in {html}.", markup=False, highlight=False, soft_wrap=True)
    raise typer.Exit(EXIT_USAGE if verdict.problem else 0 if verdict.is_ok else EXIT_BROKEN)


def _show_line(line: str) -> None:
    errors.print(line, markup=False, highlight=False, soft_wrap=True)


def _scenarios(names: Sequence[str], *, everything: bool) -> list[Scenario]:
    known = ", ".join(SCENARIOS)
    unknown = [name for name in names if name not in SCENARIOS]
    if unknown:
        raise _refuse(f"NAMES: {', '.join(unknown)} unknown; there are {known}.", EXIT_USAGE)
    if everything:
        return list(SCENARIOS.values())
    if not names:
        raise _refuse(f"NAMES: say which scenario to play, or --all; there are {known}.", EXIT_USAGE)
    return [SCENARIOS[name] for name in dict.fromkeys(names)]


def _targets(faults: str) -> list[Target]:
    names = [name.strip() for name in faults.split(",") if name.strip()]
    unknown = [name for name in names if name not in tuple(Target)]
    if unknown:
        known = ", ".join(Target)
        raise _refuse(f"--faults: {', '.join(unknown)} unknown; there are {known}.", EXIT_USAGE)
    return [Target(name) for name in dict.fromkeys(names)]


def _show(json: bool, document: Mapping[str, Any], tables: Sequence[Table], report: AuditReport) -> None:
    if json:
        print_json(document)
        return
    for table in tables:
        console.print(table)
    print_audit(report)
