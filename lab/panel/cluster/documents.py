"""The shapes of the REST API of a cluster's panel."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field

from lab.network.cluster.links import Link
from lab.network.cluster.state import ClusterReport, Role, State
from lab.panel.cluster.tasks import GROUPS_OF_PANEL, ClusterTask
from lab.panel.documents import RunDocument
from lab.prove.cluster.board import FaultState, Stage
from lab.prove.cluster.plan import Group, Kind
from lab.prove.cluster.rounds import round_document
from lab.prove.cluster.trial import TrialOptions

TARGET_LENGTH_MAX = 80
FAR_HOSTS_MAX = 40
SEED_MAX = 10**9
TRANSFERS_MAX = 5_000
FAULTS_EACH_MAX = 3
RATE_MAX = 50.0


class PartOnHostDocument(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    name: str = Field(examples=["Apache Kafka"])
    state: State
    role: Role


class HostDocument(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    name: str = Field(examples=["h1"])
    address: str
    state: State
    parts: list[PartOnHostDocument]


class LinkDocument(BaseModel):
    """One direction between two hosts."""

    delay_ms: float
    jitter_ms: float
    loss_percent: float
    bandwidth_mbit: float | None = Field(description="null: as fast as the machine.")

    @classmethod
    def of(cls, link: Link) -> Self:
        return cls(**asdict(link))


class OddLinkDocument(LinkDocument):
    sender: str
    receiver: str
    cut: bool


class ClusterDocument(BaseModel):
    """The cluster as it is now."""

    hosts: list[HostDocument]
    link: LinkDocument = Field(description="Of every pair of hosts that `links` does not name.")
    links: list[OddLinkDocument]

    @classmethod
    def of(cls, report: ClusterReport) -> Self:
        return cls(
            hosts=[HostDocument.model_validate(host) for host in report.hosts],
            link=LinkDocument.of(report.link),
            links=[
                OddLinkDocument(sender=each.sender, receiver=each.receiver, cut=each.is_cut, **asdict(each.link))
                for each in report.links
            ],
        )


class FaultKindDocument(BaseModel):
    """A fault that can be injected."""

    kind: Kind
    targets: list[str] = Field(description="What it can hit; empty where the fault chooses.")
    far_hosts: bool = Field(description="Whether `far_hosts` may name the other ends of the links.")


class FaultRequest(BaseModel):
    """A fault to inject."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"kind": "hub killed"}})

    kind: Kind
    target: Annotated[str, Field(max_length=TARGET_LENGTH_MAX)] = Field(
        default="", description="One of the kind's `targets`; empty: the first."
    )
    far_hosts: Annotated[list[str], Field(max_length=FAR_HOSTS_MAX)] = Field(
        default=[], description="Of a fault of links; empty: every second of the other hosts."
    )
    forced: bool = Field(default=False, description="Injects it although another one stands.")


class PlanRequest(BaseModel):
    """Faults by a seed."""

    model_config = ConfigDict(extra="forbid")

    seed: Annotated[int, Field(ge=0, le=SEED_MAX)] = 1
    transfers: Annotated[int, Field(ge=1, le=TRANSFERS_MAX)] = 400
    groups: Annotated[list[Group], Field(min_length=1, max_length=len(Group))] = list(GROUPS_OF_PANEL[:3])
    faults_each: Annotated[int, Field(ge=1, le=FAULTS_EACH_MAX)] = 1
    rate_per_second: Annotated[float, Field(ge=1, le=RATE_MAX)] = 10.0

    def to_options(self) -> TrialOptions:
        groups = [group for group in GROUPS_OF_PANEL if group in self.groups]
        return TrialOptions(self.seed, self.transfers, groups, self.faults_each, self.rate_per_second)


class FaultDocument(BaseModel):
    """A fault of the round that is going on, or of the last one."""

    number: int
    kind: Kind
    target: str = Field(description="Empty until it has struck.")
    stage: Stage
    from_ms: int
    until_ms: int = Field(description="When it is undone at the latest.")

    @classmethod
    def of(cls, state: FaultState) -> Self:
        return cls(
            number=state.number,
            kind=state.fault.kind,
            target=state.target,
            stage=state.stage,
            from_ms=state.from_ms,
            until_ms=state.until_ms,
        )


class ClusterRunDocument(RunDocument):
    """A round of faults, a plan or an audit, while it runs or afterwards."""

    seed: int | None = Field(description="Of a plan.")
    paid: int = Field(description="Payments that are answered in the round that is going on.")
    rounds_planned: int
    faults: list[FaultDocument]
    rounds: list[dict[str, Any]] = Field(
        description="Those that are over, as a seed of `codepix cluster --faults --json`."
    )

    @classmethod
    def of_cluster(cls, task: ClusterTask) -> Self:
        return cls(
            **RunDocument.of(task).model_dump(),
            seed=None if task.options is None else task.options.seed,
            paid=task.paid,
            rounds_planned=task.rounds_planned,
            faults=[FaultDocument.of(each) for each in task.faults],
            rounds=[{"ok": each.is_ok, **round_document(each)} for each in task.rounds],
        )
