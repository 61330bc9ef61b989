"""`codepix experiment`: what is lost when parts die."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer
from rich.table import Table

from lab.cli.terminal import EXIT_BROKEN, EXIT_USAGE, Keep, progress, refuse, reporting_errors
from lab.network.network import BANKS_MAX, KafkaKind
from lab.prove.experiment import ExperimentOptions, experiment_document, experiment_table
from lab.prove.experiment import experiment as run_experiment
from lab.prove.faults import Target
from lab.prove.outage import OutageOptions, measure_outage, outage_document, outage_table
from lab.read.audit import AuditReport
from lab.read.report import console, print_audit, print_json
from pix.participant.settings import SECONDS_MAX


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
    transfer_timeout: Annotated[
        float | None, typer.Option(min=0.1, max=SECONDS_MAX, help="Seconds; transfers may then fail with AB03.")
    ] = None,
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
        raise refuse(
            "--faults broker: the embedded broker comes back at another address; use --kafka apache, or --wipe-broker.",
            EXIT_USAGE,
        )
    with reporting_errors():
        if park_bank is not None:
            parked = measure_outage(
                OutageOptions(transfers=park_bank, kafka=kind, hubs=hubs, seed=seed, keep=keep), progress
            )
            _show(json, outage_document(parked), outage_table(parked), parked.report)
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
        result = run_experiment(options, progress)
    _show(json, experiment_document(result), experiment_table(result), result.report)
    raise typer.Exit(0 if result.is_ok else EXIT_BROKEN)


def _targets(faults: str) -> list[Target]:
    names = [name.strip() for name in faults.split(",") if name.strip()]
    unknown = [name for name in names if name not in tuple(Target)]
    if unknown:
        known = ", ".join(Target)
        raise refuse(f"--faults: {', '.join(unknown)} unknown; choose from {known}.", EXIT_USAGE)
    return [Target(name) for name in dict.fromkeys(names)]


def _show(json: bool, document: Mapping[str, Any], table: Table, report: AuditReport) -> None:
    if json:
        print_json(document)
    else:
        console.print(table)
        print_audit(report)
