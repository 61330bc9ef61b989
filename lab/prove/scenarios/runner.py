"""Runs a scenario: reports its steps as they happen, waits for quiet, compares every outcome, and audits."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from random import Random
from typing import Final

from lab.network.parts.errors import PartError
from lab.network.run import Run
from lab.network.supervisor import ActionRefused, Supervisor
from lab.prove.scenarios.context import ScenarioContext, ScenarioFailed
from lab.prove.scenarios.scenario import Scenario, ScenarioResult, Step
from lab.read.audit import AuditReport
from lab.read.rest import Refused, Unreachable

QUIET_SECONDS_MAX: Final = 60.0
AUDIT_SECONDS_MAX: Final = 20.0


class ScenarioRunner:
    def __init__(self, run: Run, supervisor: Supervisor) -> None:
        self._lab = run
        self._supervisor = supervisor

    def run(
        self,
        scenario: Scenario,
        progress: Callable[[Step], None] = lambda _: None,
        *,
        seed: int = 1,
        pace: float = 0.0,
        ends: threading.Event | None = None,
    ) -> ScenarioResult:
        """Runs it to its end, whatever happens.

        `progress` is given each step; `pace` keeps that share of the pauses. Setting `ends` stops the scenario. Raises
        `ScenarioInterrupted`.
        """
        started = time.monotonic()
        steps: list[Step] = []

        def on_step(text: str, values: tuple[object, ...]) -> None:
            steps.append(Step(time.monotonic() - started, text, values))
            progress(steps[-1])

        failures: list[str] = []
        numbers: dict[str, int] = {}
        report: AuditReport | None = None
        try:
            random = Random(f"{scenario.name}/{seed}")
            context = ScenarioContext(self._lab, self._supervisor, random, on_step, ends or threading.Event(), pace)
            failures, numbers = context.failures, context.numbers
            report = self._run(scenario, context)
        except (ScenarioFailed, PartError) as failure:
            failures.append(str(failure))
        except ActionRefused as refused:
            failures.append(f"{refused.part}: {refused.rule}")
        except (Unreachable, Refused) as error:
            failures.append(str(error))
        finally:
            self._release_parts()
        return ScenarioResult(scenario, steps, numbers, failures, report, time.monotonic() - started)

    def _run(self, scenario: Scenario, context: ScenarioContext) -> AuditReport:
        scenario.run(context)
        context.report_step("Waiting for pending transfers, then auditing.")
        context.check(self._lab.reader.wait_for_quiet(QUIET_SECONDS_MAX), "The network does not come to rest.")
        context.compare_outcomes()
        report = self._lab.reader.audit(AUDIT_SECONDS_MAX)
        if report.is_ok:
            context.report_step("Audit passed: no money lost, none created.")
        else:
            context.report_step("Audit failed.")
        return report

    def _release_parts(self) -> None:
        """Lets the supervisor restart what a failed scenario has left down."""
        for name in self._supervisor.parts:
            self._supervisor.release(name)
