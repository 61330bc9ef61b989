"""`codepix cluster --panel`: a cluster with its panel, until Ctrl-C."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from lab.network.cluster.cluster import HUBS_DEFAULT, Cluster, ClusterSettings
from lab.network.cluster.links import Link
from lab.network.folder import network_folder
from lab.network.parts.ports import check_port_free
from lab.network.run import Background
from lab.panel.cluster.app import create_cluster_app
from lab.panel.cluster.documents import ClusterRunDocument
from lab.panel.cluster.site import ClusterLaboratory, ClusterMonitor
from lab.panel.cluster.tasks import ClusterTasks, PanelCluster
from lab.panel.history import RunHistory
from lab.panel.operator_sign_in import OperatorSignIn
from lab.panel.serving import address_of, serve
from lab.read.report import console

PANEL_LINE: Final = "Cluster panel, to break hosts and links and to audit (on this machine only):"


@dataclass(frozen=True, slots=True)
class ClusterPanelOptions:
    port: int
    hubs: int = HUBS_DEFAULT
    link: Link = field(default_factory=Link)
    seed: int = 1
    keep: Path | None = None
    """Where data and logs stay; None: nowhere."""


def laboratory_of(cluster: PanelCluster, folder: Path, ends: threading.Event, seed: int = 1) -> ClusterLaboratory:
    """What the panel shows; the runs are kept in the folder."""
    history = RunHistory(folder)
    tasks = ClusterTasks(cluster, lambda task: history.add(ClusterRunDocument.of_cluster(task).model_dump(mode="json")))
    return ClusterLaboratory(cluster, ClusterMonitor(cluster), tasks, ends, history, seed)


@contextmanager
def serving_panel(cluster: PanelCluster, folder: Path, port: int, seed: int = 1) -> Iterator[str]:
    """The panel's address, with the token of this start. At the end no fault stands any more. Raises `PartError`."""
    with ExitStack() as afterwards:
        background = Background(afterwards)
        lab = laboratory_of(cluster, folder, background.ends, seed)
        sign_in = OperatorSignIn()
        try:
            background.in_background(lab.monitor.run)
            serve(create_cluster_app(lab, sign_in, port), port, background)
            yield address_of(port, sign_in)
        finally:
            background.ends.set()
            lab.tasks.close()


def run_cluster_panel(options: ClusterPanelOptions, progress: Callable[[str], None]) -> None:
    """Starts a cluster and its panel, says where it is, and runs until interrupted; then mends and stops everything.

    Raises `PartMissing`, `PortInUse`, `PartError`.
    """
    with ExitStack() as stack:
        folder = stack.enter_context(network_folder(options.keep))
        settings = ClusterSettings(folder=folder, hubs=options.hubs, link=options.link, seed=options.seed)
        made = Cluster(settings, progress)
        check_port_free(options.port, "the lab's panel", "--lab-port")
        cluster = stack.enter_context(made)
        address = stack.enter_context(serving_panel(cluster, folder, options.port, options.seed))
        console.print(PANEL_LINE, highlight=False)
        console.print(f"  {address}", markup=False, highlight=False, soft_wrap=True)
        console.print(f"Data and logs are in {folder}. Ctrl-C stops everything.", highlight=False)
        sys.stdout.flush()
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            progress("Undoing what stands, and stopping")
