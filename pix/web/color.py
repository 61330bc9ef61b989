"""Colours as numbers: sRGB, the perceptual space OKLCH, and the contrast of WCAG 2. Pure.

OKLCH is used because its lightness means the same for every hue, so that one recipe suits any bank's colour.
Sources: Björn Ottosson, "A perceptual color space for image processing"; WCAG 2.2, "relative luminance".
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

_GAMUT_STEPS: Final = 24


@dataclass(frozen=True, slots=True)
class Oklch:
    """A colour by lightness (0 to 1), chroma (0 to about 0.37) and hue (radians)."""

    lightness: float
    chroma: float
    hue: float

    def at(self, lightness: float, chroma_max: float | None = None) -> Oklch:
        """The same hue at another lightness, and no more vivid than `chroma_max`."""
        chroma = self.chroma if chroma_max is None else min(self.chroma, chroma_max)
        return Oklch(min(1.0, max(0.0, lightness)), chroma, self.hue)

    def turned(self, degrees: float) -> Oklch:
        """The same lightness and chroma at a hue so many degrees further round the wheel."""
        return Oklch(self.lightness, self.chroma, self.hue + math.radians(degrees))


def parse_hex(color: str) -> tuple[float, float, float]:
    """The three channels, 0 to 1, of a colour `#rrggbb`."""
    return int(color[1:3], 16) / 255, int(color[3:5], 16) / 255, int(color[5:7], 16) / 255


def luminance(color: str) -> float:
    """WCAG's relative luminance of `#rrggbb`: 0 is black, 1 is white."""
    red, green, blue = (_linear(channel) for channel in parse_hex(color))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """WCAG's contrast ratio of two colours `#rrggbb`: 1 to 21."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def to_oklch(color: str) -> Oklch:
    """The colour `#rrggbb` in OKLCH."""
    red, green, blue = (_linear(channel) for channel in parse_hex(color))
    long = math.cbrt(0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue)
    medium = math.cbrt(0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue)
    short = math.cbrt(0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue)
    lightness = 0.2104542553 * long + 0.7936177850 * medium - 0.0040720468 * short
    a = 1.9779984951 * long - 2.4285922050 * medium + 0.4505937099 * short
    b = 0.0259040371 * long + 0.7827717662 * medium - 0.8086757660 * short
    return Oklch(min(1.0, max(0.0, lightness)), math.hypot(a, b), math.atan2(b, a))


def to_hex(color: Oklch) -> str:
    """The nearest colour `#rrggbb` that a screen can show: of the same lightness and hue, and less vivid if need be."""
    low, high = 0.0, color.chroma
    channels = _channels(color)
    if not _in_gamut(channels):
        for _ in range(_GAMUT_STEPS):
            middle = (low + high) / 2
            if _in_gamut(_channels(Oklch(color.lightness, middle, color.hue))):
                low = middle
            else:
                high = middle
        channels = _channels(Oklch(color.lightness, low, color.hue))
    return "#" + "".join(f"{round(255 * _gamma(min(1.0, max(0.0, channel)))):02x}" for channel in channels)


def mix(one: str, other: str, share: float) -> str:
    """The colour that a browser's sRGB gradient shows at `share` (0 to 1) of the way from one colour to the other."""
    pairs = zip(parse_hex(one), parse_hex(other), strict=True)
    return "#" + "".join(f"{round(255 * (start + (end - start) * share)):02x}" for start, end in pairs)


def _channels(color: Oklch) -> tuple[float, float, float]:
    """Linear channels; outside 0 to 1 when no screen can show the colour."""
    a, b = color.chroma * math.cos(color.hue), color.chroma * math.sin(color.hue)
    long = (color.lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (color.lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (color.lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    return (
        4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
    )


def _in_gamut(channels: tuple[float, float, float]) -> bool:
    return all(-1e-4 <= channel <= 1 + 1e-4 for channel in channels)


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4


def _gamma(channel: float) -> float:
    return 12.92 * channel if channel <= 0.0031308 else 1.055 * channel ** (1 / 2.4) - 0.055
