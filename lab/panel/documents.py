"""The shapes of the panel's REST API."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field

from lab.drive.generator.generator import TrafficFigures
from lab.drive.generator.plan import RATE_MAX, WEIGHT_MAX, TrafficPlan
from lab.network.health_monitor import Condition
from lab.network.supervisor import PartAction, PartKind
from lab.panel.tasks import LabTask, TaskKind
from lab.read.report import audit_document


class PartDocument(BaseModel):
    """A part of the network as it is now."""

    model_config = ConfigDict(from_attributes=True)

    name: str = Field(examples=["bank-001"])
    kind: PartKind
    condition: Condition
    detail: str = Field(description="Error reported by the service; empty if there is none.")
    pid: int | None
    since_ms: int = Field(description="Time of the last change of state.")
    restarts: int = Field(description="Number of restarts after it ended unexpectedly.")
    actions: list[PartAction] = Field(description="Actions that are possible now.")
    refused: dict[PartAction, str] = Field(description="Actions that are never possible here, with the reason.")


class TrafficPlanDocument(BaseModel):
    """What to send."""

    model_config = ConfigDict(
        extra="forbid",
        from_attributes=True,
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
        return TrafficPlan(**self.model_dump())


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
        return cls(
            running=figures.is_running,
            held_back=figures.is_held_back,
            plan=TrafficPlanDocument.model_validate(figures.plan),
            waiting=figures.waiting,
            **asdict(figures.counts),
        )


class ScenarioDocument(BaseModel):
    """A scenario that can be run."""

    model_config = ConfigDict(from_attributes=True)

    name: str = Field(examples=["payee-bank-dies"])
    title: str
    watch: str


class StepDocument(BaseModel):
    """A sentence of what is going on."""

    at_seconds: float
    text: str


class TaskDocument(BaseModel):
    """A scenario or an audit, while it runs or afterwards."""

    number: int
    kind: TaskKind
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
    def of(cls, task: LabTask) -> Self:
        return cls(
            number=task.number,
            kind=task.kind,
            scenario=None if task.scenario is None else task.scenario.name,
            began_ms=task.began_ms,
            ended_ms=task.ended_ms,
            ok=task.is_ok if task.is_over else None,
            interrupted=task.is_interrupted,
            steps=[StepDocument(at_seconds=round(step.at_seconds, 2), text=step.sentence) for step in task.steps],
            numbers=dict(task.numbers),
            failures=list(task.failures),
            audit=None if task.report is None else audit_document(task.report),
        )


class RunDocument(TaskDocument):
    """A run that is over, as the history keeps it."""

    title: str = Field(description="Of the scenario; empty for an audit.")

    @classmethod
    def of(cls, task: LabTask) -> Self:
        title = "" if task.scenario is None else task.scenario.title
        return cls(**TaskDocument.of(task).model_dump(), title=title)
