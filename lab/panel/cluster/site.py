"""What the panel of a cluster shows and moves."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import Depends

from lab.network.cluster.state import ClusterReport
from lab.network.parts.errors import PartError
from lab.panel.cluster.tasks import ClusterTasks, PanelCluster
from lab.panel.history import RunHistory
from lab.panel.site import shown_by
from lab.read.rest import Unreachable
from pix.runtime.logs import logger

LOOK_SECONDS: Final = 1.0
"""Between two looks: each costs every part a question."""

log = logger(__name__)


class ClusterMonitor:
    """The newest report of a cluster; `run` works in a thread of the lab."""

    def __init__(self, cluster: PanelCluster) -> None:
        self._cluster = cluster
        self.report = cluster.report()

    def run(self, stop: threading.Event) -> None:
        """Looks until `stop` is set. A look that fails leaves the report as it was."""
        while not stop.wait(LOOK_SECONDS):
            self.look()

    def look(self) -> ClusterReport:
        try:
            self.report = self._cluster.report()
        except (PartError, Unreachable, OSError) as error:
            log.warning("the cluster could not be looked at", error=str(error))
        return self.report


@dataclass(frozen=True, slots=True)
class ClusterLaboratory:
    cluster: PanelCluster
    monitor: ClusterMonitor
    tasks: ClusterTasks
    ends: threading.Event
    """Set when the lab is about to stop."""
    history: RunHistory
    seed: int = 1
    """Of the plan that the page offers first."""
    command: str = "codepix cluster --panel"
    is_cluster: bool = True
    is_classroom: bool = False
    may_reset: bool = False
    virtual_now_ms: int | None = None

    @property
    def hub_url(self) -> str:
        return self.cluster.hub_url


ClusterOf = Annotated[ClusterLaboratory, Depends(shown_by)]
