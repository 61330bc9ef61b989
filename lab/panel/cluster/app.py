"""The HTTP side of a cluster's panel; nothing is opened by importing it."""

from __future__ import annotations

from typing import Final

from fastapi import FastAPI

from lab.panel import api_docs, runs
from lab.panel.app import compose
from lab.panel.cluster import api, pages
from lab.panel.cluster.site import ClusterLaboratory
from lab.panel.operator_sign_in import OperatorSignIn

DESCRIPTION: Final = (
    "Breaks and mends the hosts, parts and links of a cluster, and audits. Only on this machine, with the token that "
    "is printed by `codepix cluster --panel`. Times are Unix milliseconds in UTC, durations are seconds."
)
ROUTERS: Final = (api.router, api_docs.router, pages.page, runs.router, pages.router)


def create_cluster_app(lab: ClusterLaboratory, sign_in: OperatorSignIn, port: int) -> FastAPI:
    """The application, which answers on this port of 127.0.0.1 alone."""
    return compose(lab, sign_in, port, ROUTERS, DESCRIPTION)
