"""The drawing of the network: the hub in the middle, the banks around it, and how long transfers have taken."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from hub.application.bank_states import BankStanding
from hub.application.network_overview import LATENCY_STEP_MS, LATENCY_STEPS, NetworkNow
from hub.application.ports import Latency
from hub.domain.liveness import BankState
from hub.entrypoints.http.pages.views import BankView, bank_view
from pix.scheme.values import value_object

NAME_LENGTH_MAX: Final = 18
"""What has room below a bank's mark."""


LATE_MS: Final = 5_000
"""A heartbeat that is older than this is told: two have been missed."""
_STATES_BY_HEARTBEAT: Final = frozenset({BankState.UP, BankState.SILENT, BankState.BEHIND, BankState.NOT_RESPONDING})


@value_object
class Canvas:
    """A drawing's measures, in its own units."""

    name: str
    """`wide` for screens, `narrow` for telephones; a page has both, and shows one."""
    width: int
    radius_x: int
    radius_y: int
    mark: int
    """The side of a bank's mark while there are few banks."""


CANVASES: Final = (
    Canvas("wide", 1_000, 385, 205, 68),
    Canvas("narrow", 400, 135, 165, 56),
)
MARGIN: Final = 22
LINE_HEIGHT: Final = 20
CROWD: Final = 8
"""With more banks than this the marks are smaller."""


@value_object
class Node:
    view: BankView
    standing: BankStanding
    waiting: int
    """Pending transfers that wait for its answer."""
    x: int
    y: int
    name_y: int
    """Where its name is written: on the side that is away from the hub, so that no line runs through it."""
    short_name: str
    seen_seconds: int | None
    """How long ago it was heard of last, once that is worth saying."""


@value_object
class Drawing:
    canvas: Canvas
    top: int
    height: int
    """What of the canvas is drawn upon."""
    x: int
    y: int
    """Of the hub."""
    mark: int
    nodes: Sequence[Node]


def drawings(network: NetworkNow) -> list[Drawing]:
    return [_draw(network, canvas) for canvas in CANVASES]


def _draw(network: NetworkNow, canvas: Canvas) -> Drawing:
    count = len(network.banks)
    middle_x = canvas.width // 2
    mark = canvas.mark if count <= CROWD else max(canvas.mark // 2, canvas.mark * CROWD // count)
    nodes = []
    for number, standing in enumerate(network.banks):
        # Two banks stand left and right of the hub, where there is most room; more begin at the top.
        angle = 2 * math.pi * number / max(1, count) - (math.pi if count <= 2 else math.pi / 2)
        y = round(canvas.radius_y * math.sin(angle))
        nodes.append(
            Node(
                view=bank_view(standing.bank, standing.account),
                standing=standing,
                waiting=network.waiting.get(standing.bank.ispb, 0),
                x=round(middle_x + canvas.radius_x * math.cos(angle)),
                y=y,
                name_y=y - mark // 2 - 36 if y < -mark else y + mark // 2 + 26,
                short_name=_shortened(standing.bank.name),
                seen_seconds=seen_seconds(standing, network.at_ms),
            )
        )
    top = min([-mark, *(min(node.y - mark // 2, node.name_y) for node in nodes)]) - MARGIN
    bottom = max([mark, *(max(node.y + mark // 2, node.name_y + LINE_HEIGHT) for node in nodes)]) + MARGIN
    return Drawing(canvas, top, bottom - top, middle_x, 0, mark, nodes)


def seen_seconds(standing: BankStanding, now_ms: int) -> int | None:
    """How long ago a bank was heard of last; None when that is now, when it has left, and when it never was."""
    last_seen_at_ms = standing.liveness.last_seen_at_ms
    if last_seen_at_ms is None or standing.state not in _STATES_BY_HEARTBEAT:
        return None
    ago_ms = now_ms - last_seen_at_ms
    return ago_ms // 1000 if ago_ms >= LATE_MS else None


def _shortened(name: str) -> str:
    return name if len(name) <= NAME_LENGTH_MAX else f"{name[: NAME_LENGTH_MAX - 1]}…"


CHART_WIDTH: Final = 300
CHART_HEIGHT: Final = 90
CHART_STEPS_MS: Final = (100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000, 600_000)
"""Where the chart's top may be; what took longer is drawn at the top."""


@value_object
class Chart:
    """How long transfers have taken in the last minutes, as two lines."""

    p50_line: str
    """`x,y` pairs, as a polyline wants them."""
    p99_line: str
    top_ms: int
    """What the top of the chart stands for."""
    p50_ms: int | None
    """Of the newest step in which transfers were completed; None when there is none."""
    p99_ms: int | None
    minutes: int


def latency_chart(network: NetworkNow) -> Chart:
    latencies = network.latencies
    longest = max((latency.p99_ms for latency in latencies), default=0)
    top_ms = next((step for step in CHART_STEPS_MS if step >= longest), CHART_STEPS_MS[-1])
    first_ms = network.at_ms - network.at_ms % LATENCY_STEP_MS - (LATENCY_STEPS - 1) * LATENCY_STEP_MS

    def place(latency: Latency, took_ms: int) -> str:
        x = CHART_WIDTH * (latency.from_ms - first_ms) / ((LATENCY_STEPS - 1) * LATENCY_STEP_MS)
        y = CHART_HEIGHT * (1 - min(took_ms, top_ms) / top_ms)
        return f"{min(CHART_WIDTH, max(0, x)):.0f},{y:.1f}"

    return Chart(
        p50_line=" ".join(place(latency, latency.p50_ms) for latency in latencies),
        p99_line=" ".join(place(latency, latency.p99_ms) for latency in latencies),
        top_ms=top_ms,
        p50_ms=latencies[-1].p50_ms if latencies else None,
        p99_ms=latencies[-1].p99_ms if latencies else None,
        minutes=LATENCY_STEPS * LATENCY_STEP_MS // 60_000,
    )
