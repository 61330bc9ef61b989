"""The shapes of the panel's REST API."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field

from lab.drive.generator.generator import TrafficFigures
from lab.drive.generator.plan import RATE_MAX, WEIGHT_MAX, TrafficPlan
from lab.network.conditions import Condition, PartReport
from lab.network.supervisor import PartAction, PartKind
from lab.panel.programme import Act, ActKind
from lab.prove.scenarios.script import Scenario
from lab.read.report import audit_document


class PartDocument(BaseModel):
    """A part of the network as it is now."""

    name: str = Field(examples=["bank-001"])
    kind: PartKind
    condition: Condition
    detail: str = Field(description="Error reported by the service; empty if there is none.")
    pid: int | None
    since_ms: int = Field(description="Time of the last change of state.")
    restarts: int = Field(description="Number of restarts after it ended unexpectedly.")
    actions: list[PartAction] = Field(description="Actions that are possible now.")
    refused: dict[PartAction, str] = Field(description="Actions that are never possible here, with the reason.")

    @classmethod
    def of(cls, report: PartReport) -> Self:
        """From the lab's report."""
        return cls(
            name=report.name,
            kind=report.kind,
            condition=report.condition,
            detail=report.detail,
            pid=report.pid,
            since_ms=report.since_ms,
            restarts=report.restarts,
            actions=list(report.actions),
            refused=dict(report.refused),
        )


class TrafficPlanDocument(BaseModel):
    """What to send."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {"rate_per_second": 20, "failing_percent": 5, "payers": {"001": 8, "002": 1, "003": 1}}
        },
    )

    rate_per_second: Annotated[float, Field(gt=0, le=RATE_MAX)] = 10.0
    failing_percent: Annotated[int, Field(ge=0, le=100)] = 5
    payers: dict[str, Annotated[int, Field(ge=0, le=WEIGHT_MAX)]] = Field(
        default={}, description="Weight of each bank as payer; default 1."
    )
    payees: dict[str, Annotated[int, Field(ge=0, le=WEIGHT_MAX)]] = Field(
        default={}, description="Weight of each bank as payee; default 1."
    )

    def to_plan(self) -> TrafficPlan:
        """For the generator."""
        return TrafficPlan(self.rate_per_second, self.failing_percent, self.payers, self.payees)

    @classmethod
    def of(cls, plan: TrafficPlan) -> Self:
        """From the generator's."""
        return cls(
            rate_per_second=plan.rate_per_second,
            failing_percent=plan.failing_percent,
            payers=dict(plan.payers),
            payees=dict(plan.payees),
        )


class TrafficDocument(BaseModel):
    """The stream of payments, and what has become of them since the panel was started."""

    running: bool
    held_back: bool = Field(description="Paused by a scenario or an audit.")
    plan: TrafficPlanDocument
    waiting: int = Field(description="Requests that await their bank's answer.")
    turned_away: int = Field(description="Requests dropped because too many were waiting.")
    sent: int = Field(description="Orders accepted by a bank.")
    completed: int
    failed_as_they_must: dict[str, int] = Field(description="By reason code, or by the name of the bank's error.")
    unexpected: int
    unexpected_shown: list[str] = Field(description="The latest unexpected failures.")
    in_flight: int
    sent_per_second: float
    completed_per_second: float
    latency_p50_ms: int | None
    latency_p99_ms: int | None

    @classmethod
    def of(cls, figures: TrafficFigures) -> Self:
        """From the generator's figures."""
        counts = figures.counts
        return cls(
            running=figures.is_running,
            held_back=figures.is_held_back,
            plan=TrafficPlanDocument.of(figures.plan),
            waiting=figures.waiting,
            turned_away=counts.turned_away,
            sent=counts.taken,
            completed=counts.completed,
            failed_as_they_must=dict(counts.failed_as_they_must),
            unexpected=counts.unexpected,
            unexpected_shown=list(counts.unexpected_shown),
            in_flight=counts.in_flight,
            sent_per_second=counts.taken_per_second,
            completed_per_second=counts.completed_per_second,
            latency_p50_ms=counts.latency_p50_ms,
            latency_p99_ms=counts.latency_p99_ms,
        )


class ScenarioDocument(BaseModel):
    """A script that can be played."""

    name: str = Field(examples=["payee-bank-dies"])
    title: str
    watch: str

    @classmethod
    def of(cls, scenario: Scenario) -> Self:
        """From the playbill."""
        return cls(name=scenario.name, title=scenario.title, watch=scenario.watch)


class StepDocument(BaseModel):
    """A sentence of what is going on."""

    at_seconds: float
    text: str


class ActDocument(BaseModel):
    """A scenario or an audit, while it runs or afterwards."""

    number: int
    kind: ActKind
    scenario: str | None
    began_ms: int
    ended_ms: int | None = Field(description="null while it is running.")
    ok: bool | None = Field(description="null while it is running.")
    interrupted: bool
    steps: list[StepDocument]
    numbers: dict[str, int]
    failures: list[str]
    audit: dict[str, Any] | None = Field(description="Same format as `codepix audit --json`.")

    @classmethod
    def of(cls, act: Act) -> Self:
        """From the programme."""
        return cls(
            number=act.number,
            kind=act.kind,
            scenario=None if act.scenario is None else act.scenario.name,
            began_ms=act.began_ms,
            ended_ms=act.ended_ms,
            ok=act.is_ok if act.is_over else None,
            interrupted=act.is_interrupted,
            steps=[StepDocument(at_seconds=round(step.at_seconds, 2), text=step.sentence) for step in act.steps],
            numbers={} if act.result is None else dict(act.result.numbers),
            failures=list(act.failures),
            audit=None if act.report is None else audit_document(act.report),
        )
