"""`codepix scenario`: runs scenarios on a fresh network, which they share, and shows each result."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from rich.table import Table

from lab.network.network import KafkaKind, NetworkSettings, network_folder
from lab.network.run import open_run
from lab.network.supervisor import Supervisor
from lab.prove.scenarios.registry import SCENARIOS
from lab.prove.scenarios.runner import ScenarioRunner
from lab.prove.scenarios.scenario import Scenario, ScenarioResult, Step, result_document
from lab.read.report import audit_remarks

RESEND_FIRST_SECONDS: Final = 0.5
RESEND_CAP_SECONDS: Final = 2.0


@dataclass(frozen=True, slots=True)
class ScenarioOptions:
    scenarios: Sequence[Scenario]
    kafka: KafkaKind = KafkaKind.EMBEDDED
    seed: int = 1
    keep: Path | None = None
    """Where the network's data and logs stay; None: nowhere."""


def run_scenarios(options: ScenarioOptions, progress: Callable[[str], None]) -> list[ScenarioResult]:
    """Starts a network in a temporary folder, runs one scenario after the other, and stops it."""
    with ExitStack() as stack:
        folder = stack.enter_context(network_folder(options.keep))
        settings = NetworkSettings(
            folder=folder,
            kafka=options.kafka,
            resend_first_seconds=RESEND_FIRST_SECONDS,
            resend_cap_seconds=RESEND_CAP_SECONDS,
        )
        run = stack.enter_context(open_run(settings, progress))
        supervisor = Supervisor.of(run.network)
        run.in_background(supervisor.run)
        runner = ScenarioRunner(run, supervisor)
        results = []
        for scenario in options.scenarios:

            def show_step(step: Step, name: str = scenario.name) -> None:
                progress(f"{name} {step.at_seconds:4.1f} s: {step.sentence.rstrip('.')}")

            results.append(runner.run(scenario, show_step, seed=options.seed))
        return results


def results_document(results: Sequence[ScenarioResult]) -> dict[str, Any]:
    return {
        "ok": all(result.is_ok for result in results),
        "seconds": round(sum(result.seconds for result in results), 2),
        "scenarios": [result_document(result) for result in results],
    }


def results_table(results: Sequence[ScenarioResult]) -> Table:
    table = Table("scenario", "numbers", "seconds", "verdict", title="Scenarios", title_justify="left", show_lines=True)
    for result in results:
        numbers = "\n".join(f"{name.replace('_', ' ')}: {number:,}" for name, number in result.numbers.items())
        verdict = "[green]nothing lost[/]" if result.is_ok else "[bold red]BROKEN[/]"
        table.add_row(result.scenario.name, numbers, f"{result.seconds:.1f}", verdict)
    return table


def result_remarks(result: ScenarioResult) -> list[str]:
    remarks = list(result.failures)
    if result.report is not None:
        remarks += audit_remarks(result.report)
    return [f"{result.scenario.name}: {remark}" for remark in remarks]


def scenarios_document() -> dict[str, Any]:
    return {"scenarios": [{"name": each.name, "title": each.title, "watch": each.watch} for each in SCENARIOS.values()]}


def scenarios_table() -> Table:
    table = Table("scenario", "what happens, and what to watch", show_lines=True)
    for each in SCENARIOS.values():
        table.add_row(each.name, f"{each.title}. {each.watch}")
    return table
