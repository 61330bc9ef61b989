"""`codepix scenario`: scripts that break a network."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from lab.cli.terminal import EXIT_BROKEN, EXIT_USAGE, Keep, progress, refuse, reporting_errors
from lab.network.network import KafkaKind
from lab.prove.scenarios.command import (
    ScenarioOptions,
    result_remarks,
    results_document,
    results_table,
    run_scenarios,
    scenarios_document,
    scenarios_table,
)
from lab.prove.scenarios.from_file import ENDING, ScenarioFileInvalid, read_scenario
from lab.prove.scenarios.registry import SCENARIOS
from lab.prove.scenarios.scenario import Scenario
from lab.read.report import console, print_json, print_lines


def scenario(
    names: Annotated[
        list[str] | None, typer.Argument(help="Which ones to play, or files of your own; --list shows the names.")
    ] = None,
    list_: Annotated[bool, typer.Option("--list", help="Show what there is, and play nothing.")] = False,
    all_: Annotated[bool, typer.Option("--all", help="Play every scenario, one after the other.")] = False,
    kafka: Annotated[KafkaKind, typer.Option(help="Apache Kafka needs Java and Maven.")] = KafkaKind.EMBEDDED,
    seed: Annotated[int, typer.Option(help="Chooses who is paid, and how much.")] = 1,
    keep: Keep = None,
    json: Annotated[bool, typer.Option("--json", help="Print a JSON document instead of text.")] = False,
) -> None:
    """Plays scripts that break a fresh network, and audits after each. Exit code 0 when every one is green."""
    if list_:
        print_json(scenarios_document()) if json else console.print(scenarios_table())
        return
    chosen = _scenarios(names or [], everything=all_)
    with reporting_errors():
        results = run_scenarios(ScenarioOptions(chosen, kafka, seed, keep), progress)
    if json:
        print_json(results_document(results))
    else:
        console.print(results_table(results))
        print_lines(remark for result in results for remark in result_remarks(result))
    raise typer.Exit(0 if all(result.is_ok for result in results) else EXIT_BROKEN)


def _scenarios(names: Sequence[str], *, everything: bool) -> list[Scenario]:
    known = ", ".join(SCENARIOS)
    files = [name for name in names if name.endswith(ENDING)]
    unknown = [name for name in names if name not in SCENARIOS and name not in files]
    if unknown:
        raise refuse(f"NAMES: {', '.join(unknown)} unknown; choose from {known}.", EXIT_USAGE)
    if everything:
        return list(SCENARIOS.values())
    if not names:
        raise refuse(f"NAMES: say which scenario to play, or --all; choose from {known}.", EXIT_USAGE)
    return [_from_file(name) if name in files else SCENARIOS[name] for name in dict.fromkeys(names)]


def _from_file(name: str) -> Scenario:
    try:
        return read_scenario(Path(name))
    except ScenarioFileInvalid as error:
        raise refuse(f"{name}: {error}", EXIT_USAGE) from None
