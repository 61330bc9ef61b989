"""Runs a scenario: reports its steps as they happen, waits for quiet, compares every outcome, and audits."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from random import Random
from typing import Final

from lab.network.network import Network
from lab.network.parts.errors import PartError
from lab.network.supervisor import ActionRefused, Supervisor
from lab.prove.scenarios.context import ScenarioContext, ScenarioFailed
from lab.prove.scenarios.scenario import Scenario, ScenarioResult, Step
from lab.read.audit import AuditReport
from lab.read.rest import BankRest, Refused, Unreachable
from lab.read.snapshot import NetworkReader

QUIET_SECONDS_MAX: Final = 60.0
AUDIT_SECONDS_MAX: Final = 20.0


class ScenarioRunner:
    """Runs scenarios on one network, one at a time."""

    def __init__(
        self, network: Network, supervisor: Supervisor, rest: Mapping[str, BankRest], reader: NetworkReader
    ) -> None:
        self._network = network
        self._supervisor = supervisor
        self._rest = rest
        self._reader = reader

    def run(
        self,
        scenario: Scenario,
        progress: Callable[[Step], None] = lambda _: None,
        *,
        seed: int = 1,
        pace: float = 0.0,
        ends: threading.Event | None = None,
        on_context: Callable[[ScenarioContext], None] = lambda _: None,
    ) -> ScenarioResult:
        """Runs it to its end, whatever happens.

        `progress` is given each step; `pace` keeps that share of the pauses. Setting `ends` stops the scenario.
        `on_context` is given the context, which must be closed when the network has stopped in the middle of it.
        Raises `ScenarioInterrupted`.
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
            context = ScenarioContext(
                self._network,
                self._supervisor,
                self._rest,
                self._reader,
                Random(f"{scenario.name}/{seed}"),
                on_step,
                ends or threading.Event(),
                pace,
            )
            failures, numbers = context.failures, context.numbers
            on_context(context)
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
        context.check(self._reader.wait_for_quiet(QUIET_SECONDS_MAX), "The network does not come to rest.")
        context.compare_outcomes()
        report = self._reader.audit(AUDIT_SECONDS_MAX)
        if report.is_ok:
            context.report_step("Audit passed: no money lost, none created.")
        else:
            context.report_step("Audit failed.")
        return report

    def _release_parts(self) -> None:
        """Lets the supervisor restart what a failed scenario has left down."""
        for name in self._supervisor.parts:
            self._supervisor.release(name)
