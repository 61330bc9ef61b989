"""Logos as plain shapes, which are drawn as SVG and as PNG; a bank's is generated from its name.

Shapes lie on a field of 64 units. The same name has the same mark on every page of every participant.
"""

from __future__ import annotations

import hashlib
import io
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from PIL import Image

FIELD: Final = 64
CENTRE: Final = 32.0
CORNER_RADIUS: Final = 18
ICON_SIDES: Final = (16, 32, 48)
"""The sizes in a favicon, in pixels."""
SIDE_MAX: Final = 512
_OVERSAMPLING: Final = 4
_CURVE_POINTS: Final = 40
_SOFT: Final = 0.55

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Shape:
    """A filled polygon; `opacity` is 0 to 1."""

    points: tuple[Point, ...]
    opacity: float = 1.0


Mark = tuple[Shape, ...]


def disc(x: float, y: float, radius: float, opacity: float = 1.0) -> Shape:
    return ellipse(x, y, radius, radius, 0.0, opacity)


def ellipse(x: float, y: float, width: float, height: float, turn: float, opacity: float = 1.0) -> Shape:
    """`width` and `height` are radii, `turn` is in radians."""
    points = []
    for number in range(_CURVE_POINTS):
        angle = 2 * math.pi * number / _CURVE_POINTS
        right, down = width * math.cos(angle), height * math.sin(angle)
        points.append(
            (x + right * math.cos(turn) - down * math.sin(turn), y + right * math.sin(turn) + down * math.cos(turn))
        )
    return Shape(tuple(points), opacity)


def line(start: Point, end: Point, width: float, opacity: float = 1.0) -> Shape:
    """A bar from one point to another."""
    length = math.dist(start, end)
    across = (start[1] - end[1]) / length * width / 2, (end[0] - start[0]) / length * width / 2
    return Shape(
        (
            (start[0] + across[0], start[1] + across[1]),
            (end[0] + across[0], end[1] + across[1]),
            (end[0] - across[0], end[1] - across[1]),
            (start[0] - across[0], start[1] - across[1]),
        ),
        opacity,
    )


def mark_of(name: str) -> Mark:
    """The mark that a bank has by its name."""
    digest = hashlib.sha256(name.strip().casefold().encode()).digest()
    draw = _FAMILIES[digest[0] % len(_FAMILIES)]
    return draw(digest[1:])


def svg(mark: Mark, ground: str, ink: str) -> str:
    """The whole picture; colours are `#rrggbb`."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {FIELD} {FIELD}">'
        f'<rect width="{FIELD}" height="{FIELD}" rx="{CORNER_RADIUS}" fill="{ground}"/>'
        f'<g fill="{ink}">{"".join(map(_path, mark))}</g></svg>'
    )


def _path(shape: Shape) -> str:
    points = "L".join(f"{x:.2f} {y:.2f}" for x, y in shape.points)
    opacity = "" if shape.opacity == 1 else f' fill-opacity="{shape.opacity}"'
    return f'<path d="M{points}Z"{opacity}/>'


@lru_cache(maxsize=16)
def png(mark: Mark, ground: str, ink: str, side: int, *, full: bool = False) -> bytes:
    """The picture, `side` pixels wide; a `full` one has no round corners, for systems that cut icons to their shape.

    Raises ValueError for a side that is not 1 to `SIDE_MAX`.
    """
    content = io.BytesIO()
    _picture(mark, ground, ink, side, full=full).save(content, "PNG", optimize=True)
    return content.getvalue()


@lru_cache(maxsize=4)
def favicon(mark: Mark, ground: str, ink: str) -> bytes:
    """The picture in the sizes of `ICON_SIDES`, as an `.ico`."""
    content = io.BytesIO()
    largest = _picture(mark, ground, ink, ICON_SIDES[-1], full=False)
    largest.save(content, "ICO", sizes=[(side, side) for side in ICON_SIDES])
    return content.getvalue()


def _picture(mark: Mark, ground: str, ink: str, side: int, *, full: bool) -> Image.Image:
    # Here, because a process without pages needs no imaging library in its memory.
    from PIL import Image, ImageDraw

    if not 1 <= side <= SIDE_MAX:
        raise ValueError(f"an icon is 1 to {SIDE_MAX} pixels wide, not {side}")
    large = side * _OVERSAMPLING
    scale = large / FIELD
    picture = Image.new("RGBA", (large, large), ground if full else (0, 0, 0, 0))
    if not full:
        ImageDraw.Draw(picture).rounded_rectangle((0, 0, large - 1, large - 1), CORNER_RADIUS * scale, fill=ground)
    for shape in mark:
        layer = Image.new("L", (large, large), 0)
        ImageDraw.Draw(layer).polygon(
            [(x * scale, y * scale) for x, y in shape.points], fill=round(255 * shape.opacity)
        )
        picture.paste(Image.new("RGBA", (large, large), ink), (0, 0), layer)
    return picture.resize((side, side), Image.Resampling.LANCZOS)


def _around(count: int, start: float, radius: float) -> list[tuple[float, Point]]:
    """Angles and points on a circle about the centre."""
    angles = [start + 2 * math.pi * number / count for number in range(count)]
    return [(angle, (CENTRE + radius * math.cos(angle), CENTRE + radius * math.sin(angle))) for angle in angles]


def _petals(seed: bytes) -> Mark:
    count = 5 + seed[0] % 4
    petals = [
        ellipse(x, y, 10.5, 5.2, angle, 1.0 if number % 2 == 0 else _SOFT)
        for number, (angle, (x, y)) in enumerate(_around(count, seed[1] / 255 * math.pi, 12.5))
    ]
    return (*petals, disc(CENTRE, CENTRE, 4.5))


def _sunrise(seed: bytes) -> Mark:
    count = 5 + 2 * (seed[0] % 2)
    half = [(CENTRE + 11 * math.cos(angle), 42 - 11 * math.sin(angle)) for angle in _arc(0, math.pi)]
    rays = []
    for number in range(count):
        angle = math.pi * (number + 0.5) / count
        direction = math.cos(angle), -math.sin(angle)
        start = CENTRE + 15 * direction[0], 42 + 15 * direction[1]
        end = CENTRE + 23 * direction[0], 42 + 23 * direction[1]
        rays.append(line(start, end, 3.6, _SOFT if number % 2 else 1.0))
    return (Shape(tuple(half)), *rays, line((12, 47), (52, 47), 3.6))


def _waves(seed: bytes) -> Mark:
    phase, height = seed[0] / 255 * 2 * math.pi, 3.5 + seed[1] % 3
    return tuple(
        _wave(top, phase + number * 0.9, height, (1.0, 0.7, 0.42)[number]) for number, top in enumerate((21, 32, 43))
    )


def _wave(middle: float, phase: float, height: float, opacity: float) -> Shape:
    places = [12 + 40 * number / _CURVE_POINTS for number in range(_CURVE_POINTS + 1)]
    upper = [(x, middle - 3.4 + height * math.sin(phase + x / 40 * 2 * math.pi)) for x in places]
    lower = [(x, middle + 3.4 + height * math.sin(phase + x / 40 * 2 * math.pi)) for x in reversed(places)]
    return Shape((*upper, *lower), opacity)


def _peaks(seed: bytes) -> Mark:
    left = 21 + seed[0] % 5
    sun = 43 + seed[1] % 4
    return (
        Shape(((10, 48), (left, 22), (left + 15, 48))),
        Shape(((left + 2, 48), (39, 28), (54, 48)), _SOFT),
        disc(sun, 20, 5),
    )


def _rings(seed: bytes) -> Mark:
    return tuple(
        _ring(outer, 4.6, seed[number] / 255 * 2 * math.pi, opacity)
        for number, (outer, opacity) in enumerate(((22.0, 1.0), (14.5, 0.7), (7.0, 1.0)))
    )


def _ring(outer: float, width: float, start: float, opacity: float) -> Shape:
    """Three quarters of a ring."""
    angles = _arc(start, start + 1.5 * math.pi)
    inner = outer - width
    return Shape(
        (
            *((CENTRE + outer * math.cos(angle), CENTRE + outer * math.sin(angle)) for angle in angles),
            *((CENTRE + inner * math.cos(angle), CENTRE + inner * math.sin(angle)) for angle in reversed(angles)),
        ),
        opacity,
    )


def _arc(start: float, end: float) -> list[float]:
    return [start + (end - start) * number / _CURVE_POINTS for number in range(_CURVE_POINTS + 1)]


def _tiles(seed: bytes) -> Mark:
    """Three rows of three, the same on the left and on the right."""
    tiles = []
    for row in range(3):
        for column in range(3):
            is_middle = column == 1
            x, y = 12.5 + column * 14, 12.5 + row * 14
            opacity = 1.0 if seed[int(is_middle)] >> row & 1 else _SOFT
            is_round = bool(seed[2] >> row & 1) and not is_middle
            square = Shape(((x, y), (x + 11, y), (x + 11, y + 11), (x, y + 11)), opacity)
            tiles.append(disc(x + 5.5, y + 5.5, 5.5, opacity) if is_round else square)
    return tuple(tiles)


def _orbit(seed: bytes) -> Mark:
    angle = seed[0] / 255 * 2 * math.pi
    moon = CENTRE + 17 * math.cos(angle), CENTRE + 17 * math.sin(angle)
    return (_ring(20.5, 3.4, angle + 0.25 * math.pi, _SOFT), disc(CENTRE, CENTRE, 9.5), disc(*moon, 5.2))


def _chevrons(seed: bytes) -> Mark:
    depth = 9 + seed[0] % 5
    return tuple(
        Shape(
            (
                (14, top + depth), (CENTRE, top), (50, top + depth),
                (50, top + depth + 7), (CENTRE, top + 7), (14, top + depth + 7),
            ),
            opacity,
        )
        for top, opacity in ((13, 1.0), (24, 0.7), (35, 0.42))
    )  # fmt: skip


_FAMILIES: Final[Sequence[Callable[[bytes], Mark]]] = (
    _petals, _sunrise, _waves, _peaks, _rings, _tiles, _orbit, _chevrons,
)  # fmt: skip
