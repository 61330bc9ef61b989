"""A whole accessible palette from one colour: what makes any bank's pages its own, in light and in dark.

Every pair in `TEXT_PAIRS` has a contrast of at least 4.5:1 and every pair in `GRAPHIC_PAIRS` one of at least 3:1 (WCAG
2.2, 1.4.3 and 1.4.11), for any colour that an operator may choose. Pure; the stylesheet is derived once per colour.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

from pix.web.color import Oklch, contrast, mix, to_hex, to_oklch

Mode = Literal["light", "dark"]

TEXT_CONTRAST_MIN: Final = 4.5
GRAPHIC_CONTRAST_MIN: Final = 3.0

TEXT_PAIRS: Final = tuple(
    (text, ground)
    for text, grounds in {
        "ink": ("page", "surface", "raised", "tint", "tint-strong"),
        "ink-soft": ("page", "surface", "raised", "tint"),
        "accent": ("page", "surface", "raised", "tint", "tint-strong"),
        "good": ("page", "surface", "raised", "tint", "good-tint"),
        "bad": ("page", "surface", "raised", "tint", "bad-tint"),
        "wait": ("page", "surface", "raised", "tint", "wait-tint"),
        "on-brand": ("brand", "brand-deep", "brand-press"),
        "on-bad": ("bad-fill",),
    }.items()
    for ground in grounds
)
"""Names of a text's colour and of what may lie behind it."""

GRAPHIC_PAIRS: Final = (("edge", "surface"), ("edge", "page"), ("focus", "surface"), ("focus", "page"))
"""Names of the colour of an outline that carries meaning, and of what lies around it."""

_GRADIENT_SAMPLES: Final = 16
_STEPS: Final = 400
# A little more than the rule asks, so that rounding to eight bits a channel cannot fall below it.
_MARGIN: Final = 0.04

_GOOD_HUE, _BAD_HUE, _WAIT_HUE = "#0f8a4f", "#c62828", "#a86400"


@dataclass(frozen=True, slots=True)
class Palette:
    """The colours of one mode by name, each `#rrggbb`."""

    colors: Mapping[str, str]

    def __getitem__(self, name: str) -> str:
        return self.colors[name]


@lru_cache(maxsize=32)
def derive_palette(brand: str, mode: Mode) -> Palette:
    """The palette of a brand's colour (`#rrggbb`) in one mode."""
    seed = to_oklch(brand)
    return Palette(_light(seed) if mode == "light" else _dark(seed))


def stylesheet(brand: str) -> str:
    """The palette as CSS custom properties that follow the page's `color-scheme`."""
    light, dark = derive_palette(brand, "light"), derive_palette(brand, "dark")
    lines = [f"  --{name}: light-dark({light[name]}, {dark[name]});" for name in light.colors]
    return ":root {\n" + "\n".join(lines) + "\n}\n"


def _light(seed: Oklch) -> dict[str, str]:
    grounds = {
        "page": to_hex(seed.at(0.977, 0.008)),
        "surface": "#ffffff",
        "raised": "#ffffff",
        "tint": to_hex(seed.at(0.952, 0.026)),
        "tint-strong": to_hex(seed.at(0.912, 0.05)),
        "line": to_hex(seed.at(0.912, 0.014)),
    }
    return _complete(seed, grounds, ink=seed.at(0.235, 0.03), ink_soft=seed.at(0.52, 0.025), darker=True)


def _dark(seed: Oklch) -> dict[str, str]:
    grounds = {
        "page": to_hex(seed.at(0.165, 0.014)),
        "surface": to_hex(seed.at(0.212, 0.018)),
        "raised": to_hex(seed.at(0.245, 0.02)),
        "tint": to_hex(seed.at(0.275, 0.035)),
        "tint-strong": to_hex(seed.at(0.33, 0.055)),
        "line": to_hex(seed.at(0.32, 0.02)),
    }
    return _complete(seed, grounds, ink=seed.at(0.955, 0.012), ink_soft=seed.at(0.74, 0.02), darker=False)


def _complete(seed: Oklch, grounds: dict[str, str], *, ink: Oklch, ink_soft: Oklch, darker: bool) -> dict[str, str]:
    step = -1 if darker else 1
    plain = [grounds[name] for name in ("page", "surface", "raised", "tint")]
    every = [*plain, grounds["tint-strong"]]
    colors = dict(grounds)
    colors["ink"] = _readable(ink, every, step, TEXT_CONTRAST_MIN)
    colors["ink-soft"] = _readable(ink_soft, plain, step, TEXT_CONTRAST_MIN)
    vivid = seed.at(min(seed.lightness, 0.55) if darker else max(seed.lightness, 0.76))
    colors["accent"] = _readable(vivid, every, step, TEXT_CONTRAST_MIN)
    colors["edge"] = _readable(seed.at(0.66 if darker else 0.52, 0.03), plain, step, GRAPHIC_CONTRAST_MIN)
    colors["focus"] = _readable(vivid, plain, step, GRAPHIC_CONTRAST_MIN)
    for name, hue in (("good", _GOOD_HUE), ("bad", _BAD_HUE), ("wait", _WAIT_HUE)):
        base = to_oklch(hue)
        tint = to_hex(base.at(0.955 if darker else 0.28, 0.035 if darker else 0.05))
        colors[f"{name}-tint"] = tint
        start = base.at(0.53 if darker else 0.78)
        colors[name] = _readable(start, [*plain, tint], step, TEXT_CONTRAST_MIN)
    colors["bad-fill"] = _readable(to_oklch(_BAD_HUE), ["#ffffff"], -1, TEXT_CONTRAST_MIN)
    colors["on-bad"] = "#ffffff"
    return colors | _brand(seed if darker else seed.at(max(0.4, min(seed.lightness, 0.72))))


def _brand(fill: Oklch) -> dict[str, str]:
    """The brand's own fill, a deeper end for gradients, a pressed tone, and the text that is readable on all three."""
    color = to_hex(fill)
    if contrast("#ffffff", color) >= TEXT_CONTRAST_MIN:
        # A livelier neighbour where white stays readable on the whole way to it, else a darker one.
        start = Oklch(fill.lightness + 0.1, fill.chroma * 1.2, fill.turned(14).hue)
        deep = _passing(start, lambda end: _gradient_reads("#ffffff", color, end), -1)
        press = to_hex(fill.at(fill.lightness - 0.06))
        return {"brand": color, "brand-deep": deep, "brand-press": press, "on-brand": "#ffffff"}
    ink = _readable(fill.at(0.24, 0.06), [color], -1, TEXT_CONTRAST_MIN)
    start = fill.turned(14).at(fill.lightness + 0.05)
    deep = _passing(start, lambda end: _gradient_reads(ink, color, end), 1)
    press = to_hex(fill.at(min(1.0, fill.lightness + 0.05)))
    if not _reads(ink, press) or not _gradient_reads(ink, color, deep):
        deep = press = color
    return {"brand": color, "brand-deep": deep, "brand-press": press, "on-brand": ink}


def _readable(start: Oklch, grounds: list[str], step: int, ratio: float) -> str:
    """The first colour from `start` towards black (step -1) or white (+1) that stands out from all the grounds."""
    return _passing(start, lambda color: all(_reads(color, ground, ratio) for ground in grounds), step)


def _passing(start: Oklch, passes: Callable[[str], bool], step: int) -> str:
    for number in range(_STEPS):
        lightness = start.lightness + step * number / _STEPS
        color = to_hex(start.at(lightness))
        if passes(color) or not 0 <= lightness <= 1:
            return color
    return to_hex(start.at(0.0 if step < 0 else 1.0))


def _reads(text: str, ground: str, ratio: float = TEXT_CONTRAST_MIN) -> bool:
    return contrast(text, ground) >= ratio + _MARGIN


def _gradient_reads(text: str, start: str, end: str) -> bool:
    samples = (mix(start, end, number / _GRADIENT_SAMPLES) for number in range(_GRADIENT_SAMPLES + 1))
    return all(contrast(text, sample) >= TEXT_CONTRAST_MIN for sample in samples)
