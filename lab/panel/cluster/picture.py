"""The picture of a cluster's hosts on a circle, and of the links between them. Pure."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from math import cos, pi, sin
from typing import Final

from lab.network.cluster.state import ClusterReport, HostReport, LinkReport

SIDE: Final = 400
"""Of the picture, in its units."""
RADIUS: Final = 158


@dataclass(frozen=True, slots=True)
class HostMark:
    host: HostReport
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class LinkLine:
    """Both directions between two hosts."""

    x1: float
    y1: float
    x2: float
    y2: float
    look: str
    """`cut`, `half` (cut or lossy in one direction), `bad` (slow or lossy), or `clean` (as at the start)."""


@dataclass(frozen=True, slots=True)
class Picture:
    side: int
    hosts: tuple[HostMark, ...]
    lines: tuple[LinkLine, ...]
    """The clean ones first, so that the others are drawn over them."""


def picture_of(report: ClusterReport) -> Picture:
    """Hosts clockwise from the top, in their order."""
    marks = []
    for number, host in enumerate(report.hosts):
        angle = 2 * pi * number / len(report.hosts) - pi / 2
        x, y = SIDE / 2 + RADIUS * cos(angle), SIDE / 2 + RADIUS * sin(angle)
        marks.append(HostMark(host, round(x, 1), round(y, 1)))
    odd = _by_pair(report)
    lines = [
        LinkLine(a.x, a.y, b.x, b.y, _look(odd.get(frozenset((a.host.name, b.host.name)), [])))
        for number, a in enumerate(marks)
        for b in marks[number + 1 :]
    ]
    return Picture(SIDE, tuple(marks), tuple(sorted(lines, key=lambda line: line.look != "clean")))


def _by_pair(report: ClusterReport) -> dict[frozenset[str], list[LinkReport]]:
    pairs: defaultdict[frozenset[str], list[LinkReport]] = defaultdict(list)
    for each in report.links:
        pairs[frozenset((each.sender, each.receiver))].append(each)
    return dict(pairs)


def _look(links: list[LinkReport]) -> str:
    if not links:
        return "clean"
    cuts = sum(each.is_cut for each in links)
    if cuts:
        return "cut" if cuts == 2 else "half"
    return "bad" if len(links) == 2 else "half"
