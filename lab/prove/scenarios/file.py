"""A scenario from a file: traffic, and what happens to which part when. `docs/lab.md` describes the format."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

import yaml

from lab.network.network import BANKS_MAX
from lab.network.supervisor import PartAction
from lab.prove.scenarios.context import ScenarioContext
from lab.prove.scenarios.scenario import Scenario
from lab.read.yaml_file import YamlReader, YamlRefused
from pix.scheme.errors import SchemeError
from pix.scheme.texts import check_line
from pix.web.marks import translatable

SUFFIXES: Final = (".yml", ".yaml", ".json")
"""By these the command tells a file from a scenario's name."""
STEPS_MAX: Final = 100
SECONDS_MAX: Final = 600.0
PAYMENTS_MAX: Final = 5_000
PER_SECOND_MAX: Final = 200.0
TITLE_LENGTH_MAX: Final = 80
WATCH_LENGTH_MAX: Final = 300
PAYMENTS_DEFAULT: Final = 40
PER_SECOND_DEFAULT: Final = 8.0
WATCH_DEFAULT: Final = translatable("Every payment completes, and no money is lost.")
HUB: Final = "hub"
DATABASE: Final = "database"
BANK_PREFIX: Final = "bank-"
_NAME: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_BANK: Final = re.compile(r"bank-([0-9]{3})")


class Do(StrEnum):
    """What a step does to a part."""

    KILL = "kill"
    STOP = "stop"
    START = "start"
    FREEZE = "freeze"
    THAW = "thaw"


@dataclass(frozen=True, slots=True)
class PlannedStep:
    at_seconds: float
    part: str
    """`hub`, `database` or `bank-<code>`."""
    do: Do


@dataclass(frozen=True, slots=True)
class PlannedTraffic:
    count: int = PAYMENTS_DEFAULT
    per_second: float = PER_SECOND_DEFAULT
    payers: Sequence[str] = ()
    """Codes of the banks that pay in turn; empty for all."""
    payees: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class ScenarioPlan:
    """What a file says. `as_yaml` writes it back."""

    name: str
    title: str
    watch: str
    traffic: PlannedTraffic
    steps: Sequence[PlannedStep]
    """In the order of time."""

    def as_yaml(self) -> str:
        traffic = {"count": self.traffic.count, "per_second": self.traffic.per_second}
        sides = {"from": list(self.traffic.payers), "to": list(self.traffic.payees)}
        document = {
            "name": self.name,
            "title": self.title,
            "watch": self.watch,
            "payments": {**traffic, **{side: codes for side, codes in sides.items() if codes}},
            "steps": [{"at": step.at_seconds, "part": step.part, "do": step.do.value} for step in self.steps],
        }
        return str(yaml.safe_dump(document, sort_keys=False, allow_unicode=True))

    def as_scenario(self) -> Scenario:
        return Scenario(self.name, self.title, self.watch, _Player(self).run)


def is_scenario_file(name: str) -> bool:
    return name.endswith(SUFFIXES)


def read_scenario_file(file: Path) -> ScenarioPlan:
    """Raises `YamlRefused`."""
    return parse_scenario(_Reader(file).read(), file)


def parse_scenario(text: str, file: Path) -> ScenarioPlan:
    """The plan that the text describes; `file` is what refusals call it. Raises `YamlRefused`."""
    reader = _Reader(file)
    root = reader.root(text)
    if root is None:
        raise YamlRefused(file, 1, "name", "is missing")
    return reader.plan(root)


class _Reader(YamlReader):
    def plan(self, root: yaml.Node) -> ScenarioPlan:
        fields = self.fields(root, "", ("name", "title", "watch", "payments", "steps"), "name: late-lunch")
        for required in ("name", "steps"):
            if required not in fields:
                raise self.refused(root, required, "is missing")
        name = self.text(fields["name"], "name")
        if not _NAME.fullmatch(name) or len(name) > TITLE_LENGTH_MAX:
            raise self.refused(fields["name"], "name", "must be small letters, digits and hyphens, such as late-lunch")
        steps = self.items(fields["steps"], "steps", STEPS_MAX, "steps")
        planned = [self._step(step, f"steps[{number}]") for number, step in enumerate(steps, 1)]
        return ScenarioPlan(
            name=name,
            title=self._line(fields.get("title"), "title", TITLE_LENGTH_MAX, name.replace("-", " ").capitalize()),
            watch=self._line(fields.get("watch"), "watch", WATCH_LENGTH_MAX, WATCH_DEFAULT),
            traffic=self._traffic(fields.get("payments")),
            steps=sorted(planned, key=lambda each: each.at_seconds),
        )

    def _step(self, node: yaml.Node, where: str) -> PlannedStep:
        names = ("at", "part", "do")
        fields = self.fields(node, where, names, "at: 2")
        for required in names:
            if required not in fields:
                raise self.refused(node, f"{where}.{required}", "is missing")
        part = self.text(fields["part"], f"{where}.part")
        if part not in (HUB, DATABASE) and not _BANK.fullmatch(part):
            raise self.refused(fields["part"], f"{where}.part", "must be hub, database, or a bank such as bank-002")
        do = self.text(fields["do"], f"{where}.do")
        if do not in tuple(Do):
            raise self.refused(fields["do"], f"{where}.do", f"must be one of {', '.join(Do)}")
        return PlannedStep(self.number(fields["at"], f"{where}.at", 0, SECONDS_MAX), part, Do(do))

    def _traffic(self, node: yaml.Node | None) -> PlannedTraffic:
        if node is None:
            return PlannedTraffic()
        fields = self.fields(node, "payments", ("count", "per_second", "from", "to"), "count: 40")
        count, per_second = PAYMENTS_DEFAULT, PER_SECOND_DEFAULT
        if "count" in fields:
            count = self.whole_number(fields["count"], "payments.count", 1, PAYMENTS_MAX)
        if "per_second" in fields:
            per_second = self.number(fields["per_second"], "payments.per_second", 0.1, PER_SECOND_MAX)
        payers, payees = (self._codes(fields.get(side), f"payments.{side}") for side in ("from", "to"))
        return PlannedTraffic(count, per_second, payers, payees)

    def _codes(self, node: yaml.Node | None, where: str) -> tuple[str, ...]:
        if node is None:
            return ()
        codes = [self.text(code, where) for code in self.items(node, where, BANKS_MAX, "codes of banks")]
        for code in codes:
            if not _BANK.fullmatch(f"{BANK_PREFIX}{code}"):
                raise self.refused(node, where, f"{code!r} is not the three digits of a bank")
        return tuple(codes)

    def _line(self, node: yaml.Node | None, where: str, length_max: int, default: str) -> str:
        if node is None:
            return default
        try:
            return check_line(self.text(node, where), where, 1, length_max)
        except SchemeError as error:
            raise self.refused(node, where, error.rule) from None


class _Player:
    """Plays a plan. Whatever is still down or frozen after the last step is started or thawed."""

    def __init__(self, plan: ScenarioPlan) -> None:
        self._plan = plan

    def run(self, context: ScenarioContext) -> None:
        parts = self._parts(context)
        traffic = self._plan.traffic
        codes = {bank.code: bank for bank in context.banks}
        for code in (*traffic.payers, *traffic.payees):
            if code not in codes:
                context.check(False, f"payments: this network has no bank {code}.")
                return
        missing = [step.part for step in self._plan.steps if step.part not in parts]
        if missing:
            context.check(False, f"steps: this network has no part {missing[0]}.")
            return
        context.report_step("{} payments, {} a second.", traffic.count, f"{traffic.per_second:g}")
        payments = context.payments(
            traffic.count,
            [codes[code] for code in traffic.payers] or None,
            [codes[code] for code in traffic.payees] or None,
        )
        began = time.monotonic()
        stream = context.send(payments, traffic.per_second)
        for step in self._plan.steps:
            context.wait(max(0.0, began + step.at_seconds - time.monotonic()))
            self._do(context, step.do, parts[step.part])
        context.report_step("Every part is started or thawed that is not running.")
        self._mend(context, parts.values())
        context.await_ready()
        context.await_outcomes(stream)

    @staticmethod
    def _parts(context: ScenarioContext) -> Mapping[str, str]:
        """The supervisor's name of each part, by the file's name."""
        network = context.network
        return {
            HUB: network.hubs[0].name,
            DATABASE: network.postgres.name,
            **{f"{BANK_PREFIX}{bank.code}": bank.service.name for bank in network.banks if bank.services},
        }

    @staticmethod
    def _do(context: ScenarioContext, do: Do, part: str) -> None:
        context.report_step(_SENTENCES[do], part)
        # A killed part stays down until a step starts it, or the end.
        context.supervisor.act(part, PartAction(do.value), hold=do is Do.KILL)

    @staticmethod
    def _mend(context: ScenarioContext, parts: Iterable[str]) -> None:
        supervisor = context.supervisor
        for name in parts:
            part = supervisor.parts[name].part
            if part.is_frozen():
                supervisor.act(name, PartAction.THAW)
            elif not part.is_running():
                supervisor.act(name, PartAction.START)


_SENTENCES: Final[Mapping[Do, str]] = {
    Do.KILL: translatable("{} is killed (SIGKILL)."),
    Do.STOP: translatable("{} is stopped (SIGTERM)."),
    Do.START: translatable("{} is started."),
    Do.FREEZE: translatable("{} is frozen (SIGSTOP)."),
    Do.THAW: translatable("{} resumes (SIGCONT)."),
}
