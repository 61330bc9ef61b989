"""`codepix recovery`: how long until all is final once a part that was killed is back."""

from __future__ import annotations

from typing import Annotated

import typer

from lab.cli.terminal import EXIT_BROKEN, EXIT_USAGE, Keep, progress, refuse, reporting_errors
from lab.network.network import KafkaKind
from lab.prove.recovery import (
    Part,
    RecoveryOptions,
    measure_recovery,
    recovery_document,
    recovery_table,
)
from lab.read.report import console, print_audit, print_json


def recovery(
    parts: Annotated[
        str, typer.Option(help=f"What is taken away, separated by commas: {', '.join(Part)}.", show_default="all")
    ] = "",
    times: Annotated[int, typer.Option(min=1, max=100, help="How often each part is taken away.")] = 3,
    away: Annotated[float, typer.Option(min=0.0, max=3_600.0, help="Seconds for which it stays away.")] = 20.0,
    kafka: Annotated[
        KafkaKind | None, typer.Option(help="Apache Kafka where the broker is to die.", show_default="as needed")
    ] = None,
    seed: Annotated[int, typer.Option(help="Chooses whom the payments are for, and how much they are.")] = 1,
    keep: Keep = None,
    json: Annotated[bool, typer.Option("--json", help="Print a JSON document instead of tables.")] = False,
) -> None:
    """Kills each part of a fresh network, keeps it away and starts it again; measures how long until all is final.

    Exit code 0 when that took at most 5 seconds from the part's own readiness, each time, and nothing was lost.
    """
    chosen = _parts(parts)
    kind = kafka or (KafkaKind.APACHE if Part.BROKER in chosen else KafkaKind.EMBEDDED)
    if kind is KafkaKind.EMBEDDED and Part.BROKER in chosen:
        raise refuse(
            "--parts broker: the embedded broker comes back at another address; use --kafka apache.", EXIT_USAGE
        )
    options = RecoveryOptions(parts=chosen, times=times, away_seconds=away, kafka=kind, seed=seed, keep=keep)
    with reporting_errors():
        result = measure_recovery(options, progress)
    if json:
        print_json(recovery_document(result))
    else:
        console.print(recovery_table(result))
        print_audit(result.report)
    raise typer.Exit(0 if result.is_ok else EXIT_BROKEN)


def _parts(text: str) -> list[Part]:
    names = [name.strip() for name in text.split(",") if name.strip()] or list(Part)
    unknown = [name for name in names if name not in tuple(Part)]
    if unknown:
        raise refuse(f"--parts: {', '.join(unknown)} unknown; choose from {', '.join(Part)}.", EXIT_USAGE)
    return [Part(name) for name in dict.fromkeys(names)]
