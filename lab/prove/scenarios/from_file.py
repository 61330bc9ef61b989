"""Scenarios of one's own: a file that says who pays, which parts break, and when. The lab's panel writes such files."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from lab.network.supervisor import ActionRefused, PartAction
from lab.prove.scenarios.context import ScenarioContext, ScenarioFailed
from lab.prove.scenarios.scenario import Scenario
from pix.scheme.searching import fold
from pix.web.marks import translatable

FORMAT: Final = "codepix-scenario/1"
ENDING: Final = ".json"
FILE_BYTES_MAX: Final = 64 * 1024
FAULTS_MAX: Final = 20
PAYMENTS_MAX: Final = 2_000
SECONDS_MAX: Final = 300.0
WATCH: Final = translatable("A scenario from a file.")

Seconds = Annotated[float, Field(ge=0, le=SECONDS_MAX)]
BankCode = Annotated[str, Field(pattern=r"^\d{3}$")]


class FaultKind(StrEnum):
    KILL = "kill"
    """SIGKILL."""
    STOP = "stop"
    """In an orderly way."""
    FREEZE = "freeze"
    """SIGSTOP."""


class Fault(BaseModel):
    """A part that is broken for a while."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    at_seconds: Seconds = Field(description="From the first payment.")
    part: Annotated[str, Field(pattern=r"^[a-z0-9-]{2,40}$", description="As `GET /api/v1/parts` names it.")]
    kind: FaultKind
    for_seconds: Annotated[float, Field(ge=0.1, le=SECONDS_MAX)]

    @property
    def ends_at_seconds(self) -> float:
        return self.at_seconds + self.for_seconds


class Traffic(BaseModel):
    """Payments between customers of the demo."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    payments: Annotated[int, Field(ge=1, le=PAYMENTS_MAX)] = 30
    per_second: Annotated[float, Field(gt=0, le=50)] = 10.0
    payers: list[BankCode] = Field(default=[], description="Banks whose customers pay; all of them if empty.")
    payees: list[BankCode] = Field(default=[], description="Banks whose customers are paid; all of them if empty.")


class ScenarioFile(BaseModel):
    """The file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal["codepix-scenario/1"] = FORMAT
    title: Annotated[str, Field(min_length=1, max_length=80)]
    traffic: Traffic = Traffic()
    faults: Annotated[list[Fault], Field(max_length=FAULTS_MAX)] = []

    @model_validator(mode="after")
    def _no_part_breaks_twice_at_once(self) -> Self:
        ends: dict[str, float] = {}
        for fault in sorted(self.faults, key=lambda each: each.at_seconds):
            if fault.at_seconds < ends.get(fault.part, 0.0):
                raise ValueError(f"faults: {fault.part} breaks again before it is mended")
            ends[fault.part] = fault.ends_at_seconds
        return self

    def text(self) -> str:
        """The file's content."""
        return json.dumps(self.model_dump(mode="json"), ensure_ascii=False, indent=2) + "\n"

    @property
    def name(self) -> str:
        """Of the scenario, and of its file: the title in kebab-case."""
        return re.sub(r"[^a-z0-9]+", "-", fold(self.title)).strip("-")[:40] or "scenario"


class ScenarioFileInvalid(Exception):
    """The content is no scenario; with field and rule, as every rejection at an edge has them."""

    def __init__(self, field: str, rule: str) -> None:
        self.field = field
        self.rule = rule
        super().__init__(f"{field}: {rule}" if field else rule)


def parse(content: str | bytes | Mapping[str, Any]) -> ScenarioFile:
    """Raises ScenarioFileInvalid."""
    try:
        if isinstance(content, str | bytes):
            if len(content) > FILE_BYTES_MAX:
                raise ScenarioFileInvalid("file", f"must be at most {FILE_BYTES_MAX} bytes")
            return ScenarioFile.model_validate_json(content)
        return ScenarioFile.model_validate(content)
    except ValidationError as error:
        problem = error.errors(include_input=False, include_url=False)[0]
        field = ".".join(str(part) for part in problem["loc"])
        raise ScenarioFileInvalid(field, problem["msg"].removeprefix("Value error, ")) from None


def read_scenario(path: Path) -> Scenario:
    """The scenario of a file. Raises ScenarioFileInvalid, also for a file that cannot be read."""
    try:
        with path.open("rb") as file:
            content = file.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        raise ScenarioFileInvalid("file", f"cannot be read: {error.strerror}") from None
    return scenario_of(parse(content))


def scenario_of(file: ScenarioFile) -> Scenario:
    return Scenario(file.name, file.title, WATCH, _run(file))


def _run(file: ScenarioFile) -> Callable[[ScenarioContext], None]:
    def run(context: ScenarioContext) -> None:
        _check_names(file, context)
        traffic = file.traffic
        banks = {bank.code: bank for bank in context.banks}
        payments = context.payments(
            traffic.payments,
            payers=[banks[code] for code in traffic.payers] or None,
            payees=[banks[code] for code in traffic.payees] or None,
        )
        context.report_step("Customers make {} payments, {} per second.", traffic.payments, f"{traffic.per_second:g}")
        stream = context.send(payments, traffic.per_second)
        now_seconds = 0.0
        try:
            for at_seconds, act in _schedule(file, context):
                context.wait(max(0.0, at_seconds - now_seconds))
                now_seconds = max(now_seconds, at_seconds)
                act()
        finally:
            # What a scenario that was given up has frozen; the runner starts what is down.
            for fault in file.faults:
                if fault.kind is FaultKind.FREEZE:
                    with suppress(ActionRefused):
                        context.supervisor.act(fault.part, PartAction.THAW)
        context.await_ready()
        context.await_outcomes(stream)
        context.report_step("Every payment is final.")

    return run


def _check_names(file: ScenarioFile, context: ScenarioContext) -> None:
    """A name that this network has not is told before anything is broken. Raises ScenarioFailed."""
    codes = {bank.code for bank in context.banks}
    for code in (*file.traffic.payers, *file.traffic.payees):
        if code not in codes:
            raise ScenarioFailed(f"traffic: no bank has the code {code}; choose from {', '.join(sorted(codes))}")
    parts = context.supervisor.parts
    for fault in file.faults:
        if fault.part not in parts:
            raise ScenarioFailed(f"faults: no part is named {fault.part}; choose from {', '.join(parts)}")


def _schedule(file: ScenarioFile, context: ScenarioContext) -> list[tuple[float, Callable[[], None]]]:
    """What happens when, in order; a part is mended before another one breaks at the same moment."""
    acts: list[tuple[float, int, Callable[[], None]]] = []
    for fault in file.faults:
        acts.append((fault.at_seconds, 1, lambda fault=fault: _break(fault, context)))  # type: ignore[misc]
        acts.append((fault.ends_at_seconds, 0, lambda fault=fault: _mend(fault, context)))  # type: ignore[misc]
    return [(at_seconds, act) for at_seconds, _, act in sorted(acts, key=lambda each: each[:2])]


def _break(fault: Fault, context: ScenarioContext) -> None:
    match fault.kind:
        case FaultKind.KILL if fault.part == context.network.broker.name:
            context.kill_broker()
            context.report_step("{} is killed (SIGKILL).", fault.part)
        case FaultKind.KILL:
            context.kill(fault.part)
            context.report_step("{} is killed (SIGKILL).", fault.part)
        case FaultKind.STOP:
            context.supervisor.act(fault.part, PartAction.STOP)
            context.report_step("{} is stopped.", fault.part)
        case FaultKind.FREEZE:
            context.supervisor.act(fault.part, PartAction.FREEZE)
            context.report_step("{} is frozen (SIGSTOP).", fault.part)


def _mend(fault: Fault, context: ScenarioContext) -> None:
    if fault.kind is FaultKind.FREEZE:
        context.supervisor.act(fault.part, PartAction.THAW)
        context.report_step("{} resumes (SIGCONT).", fault.part)
    elif fault.part == context.network.broker.name:
        context.start_broker()
        context.report_step("{} is restarted.", fault.part)
    else:
        context.supervisor.act(fault.part, PartAction.START)
        context.report_step("{} is restarted.", fault.part)
