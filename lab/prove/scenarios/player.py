"""Plays a scenario: says its steps as they happen, waits for quiet, compares every outcome, and audits."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from random import Random
from typing import Final

from lab.network.network import Network
from lab.network.parts.errors import PartError
from lab.network.supervisor import ActionRefused, Keeper
from lab.prove.scenarios.script import Scenario, ScenarioResult, Step
from lab.prove.scenarios.stage import ScenarioFailed, Stage
from lab.read.audit import AuditReport
from lab.read.rest import BankRest, Refused, Unreachable
from lab.read.snapshot import Surveyor

QUIET_SECONDS_MAX: Final = 60.0
AUDIT_SECONDS_MAX: Final = 20.0


class Player:
    """Plays scenarios on one network, one at a time."""

    def __init__(self, network: Network, keeper: Keeper, rest: Mapping[str, BankRest], surveyor: Surveyor) -> None:
        self._network = network
        self._keeper = keeper
        self._rest = rest
        self._surveyor = surveyor

    def play(
        self,
        scenario: Scenario,
        tell: Callable[[Step], None] = lambda _: None,
        *,
        seed: int = 1,
        pace: float = 0.0,
        ends: threading.Event | None = None,
        open_stage: Callable[[Stage], None] = lambda _: None,
    ) -> ScenarioResult:
        """Plays it to its end, whatever happens.

        `tell` is given each step; `pace` keeps that share of the pauses for people. Once `ends` is set it is given up.
        `open_stage` is given the stage, which must be closed when the network has stopped in the middle of it.
        Raises `ScenarioInterrupted`.
        """
        started = time.monotonic()
        steps: list[Step] = []

        def say(text: str, values: tuple[object, ...]) -> None:
            steps.append(Step(time.monotonic() - started, text, values))
            tell(steps[-1])

        failures: list[str] = []
        numbers: dict[str, int] = {}
        report: AuditReport | None = None
        try:
            stage = Stage(
                self._network,
                self._keeper,
                self._rest,
                self._surveyor,
                Random(f"{scenario.name}/{seed}"),
                say,
                ends or threading.Event(),
                pace,
            )
            failures, numbers = stage.failures, stage.numbers
            open_stage(stage)
            report = self._play(scenario, stage)
        except (ScenarioFailed, PartError) as failure:
            failures.append(str(failure))
        except ActionRefused as refused:
            failures.append(f"{refused.part}: {refused.rule}")
        except (Unreachable, Refused) as error:
            failures.append(str(error))
        finally:
            self._mend()
        return ScenarioResult(scenario, steps, numbers, failures, report, time.monotonic() - started)

    def _play(self, scenario: Scenario, stage: Stage) -> AuditReport:
        scenario.play(stage)
        stage.say("Waiting for pending transfers, then auditing.")
        stage.check(self._surveyor.wait_for_quiet(QUIET_SECONDS_MAX), "The network does not come to rest.")
        stage.settle()
        report = self._surveyor.audit(AUDIT_SECONDS_MAX)
        if report.is_ok:
            stage.say("Audit passed: no money lost, none created.")
        else:
            stage.say("Audit failed.")
        return report

    def _mend(self) -> None:
        """Whatever a scenario that failed has left down is kept running again."""
        for name in self._keeper.parts:
            self._keeper.release(name)
