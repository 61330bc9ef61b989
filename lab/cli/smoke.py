"""`codepix smoke`: does a fresh network work."""

from __future__ import annotations

from typing import Annotated

import typer

from lab.cli.terminal import EXIT_BROKEN, Keep, progress, reporting_errors
from lab.network.network import BANKS_MAX, KafkaKind
from lab.prove.smoke import SmokeOptions, smoke_document, smoke_table
from lab.prove.smoke import smoke as run_smoke
from lab.read.report import console, percentile, print_audit, print_json, print_lines
from pix.scheme.money import format_brl


def smoke(
    transfers: Annotated[int, typer.Option(min=20, max=100_000, help="How many payments to send.")] = 60,
    banks: Annotated[int, typer.Option(min=2, max=BANKS_MAX, help="How many banks to start.")] = 3,
    kafka: Annotated[KafkaKind, typer.Option(help="Apache Kafka needs Java and Maven.")] = KafkaKind.EMBEDDED,
    seed: Annotated[int, typer.Option(help="Chooses who pays whom, and how much.")] = 1,
    keep: Keep = None,
    json: Annotated[bool, typer.Option("--json", help="Print a JSON document instead of tables.")] = False,
) -> None:
    """Starts a fresh network, pays between all banks, also what must fail, audits, and stops it. Exit code 0 or 1."""
    with reporting_errors():
        result = run_smoke(SmokeOptions(transfers=transfers, banks=banks, kafka=kafka, seed=seed, keep=keep), progress)
    if json:
        print_json(smoke_document(result))
    else:
        console.print(smoke_table(result))
        print_audit(result.report)
        print_lines([*result.unexpected, *result.returns.unexpected])
        console.print(
            f"Returns: {result.returns.by_outcome.get('completed', 0)} of {sum(result.returns_expected.values())} "
            f"completed, {format_brl(result.returns.returned_centavos)} went back."
        )
        latency = [percentile(result.milliseconds, percent) for percent in (50, 99)]
        console.print(
            f"{'All is well' if result.is_ok else 'NOT as it must be'}: {result.seconds:.1f} s, of which "
            f"{result.network_up_seconds:.1f} s to start the network; latency p50 {latency[0]} ms, p99 {latency[1]} ms."
        )
    raise typer.Exit(0 if result.is_ok else EXIT_BROKEN)
