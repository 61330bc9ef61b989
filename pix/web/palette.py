"""A whole accessible palette from one colour, so that any bank's pages show its brand, in light and in dark.

Every pair in `TEXT_PAIRS` has a contrast of at least 4.5:1 and every pair in `GRAPHIC_PAIRS` one of at least 3:1 (WCAG
2.2, 1.4.3 and 1.4.11), for any colour that an operator may choose. Pure; the stylesheet is derived once per colour.

Colours are computed in OKLCH, because its lightness means the same for every hue, so one recipe suits any brand. A
colour that no screen can show becomes less vivid, at the same lightness and hue.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

from coloraide import Color

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
_HUE_STEP_DEGREES: Final = 14
# A little more than the rule asks, so that rounding to eight bits a channel cannot fall below it.
_MARGIN: Final = 0.04

_GOOD_HUE, _BAD_HUE, _WAIT_HUE = "#0f8a4f", "#c62828", "#a86400"


@dataclass(frozen=True, slots=True)
class Palette:
    colors: Mapping[str, str]

    def __getitem__(self, name: str) -> str:
        return self.colors[name]


@lru_cache(maxsize=32)
def derive_palette(brand: str, mode: Mode) -> Palette:
    """The palette of a brand's colour (`#rrggbb`) in one mode."""
    seed = _oklch(brand)
    return Palette(_light(seed) if mode == "light" else _dark(seed))


def stylesheet(brand: str) -> str:
    """The palette as CSS custom properties that follow the page's `color-scheme`."""
    light, dark = derive_palette(brand, "light"), derive_palette(brand, "dark")
    lines = [f"  --{name}: light-dark({light[name]}, {dark[name]});" for name in light.colors]
    return ":root {\n" + "\n".join(lines) + "\n}\n"


def _light(seed: Color) -> dict[str, str]:
    grounds = {
        "page": _hex(_at(seed, 0.977, 0.008)),
        "surface": "#ffffff",
        "raised": "#ffffff",
        "tint": _hex(_at(seed, 0.952, 0.026)),
        "tint-strong": _hex(_at(seed, 0.912, 0.05)),
        "line": _hex(_at(seed, 0.912, 0.014)),
    }
    return _complete(seed, grounds, ink=_at(seed, 0.235, 0.03), ink_soft=_at(seed, 0.52, 0.025), darker=True)


def _dark(seed: Color) -> dict[str, str]:
    grounds = {
        "page": _hex(_at(seed, 0.165, 0.014)),
        "surface": _hex(_at(seed, 0.212, 0.018)),
        "raised": _hex(_at(seed, 0.245, 0.02)),
        "tint": _hex(_at(seed, 0.275, 0.035)),
        "tint-strong": _hex(_at(seed, 0.33, 0.055)),
        "line": _hex(_at(seed, 0.32, 0.02)),
    }
    return _complete(seed, grounds, ink=_at(seed, 0.955, 0.012), ink_soft=_at(seed, 0.74, 0.02), darker=False)


def _complete(seed: Color, grounds: dict[str, str], *, ink: Color, ink_soft: Color, darker: bool) -> dict[str, str]:
    step = -1 if darker else 1
    plain = [grounds[name] for name in ("page", "surface", "raised", "tint")]
    every = [*plain, grounds["tint-strong"]]
    colors = dict(grounds)
    colors["ink"] = _readable(ink, every, step, TEXT_CONTRAST_MIN)
    colors["ink-soft"] = _readable(ink_soft, plain, step, TEXT_CONTRAST_MIN)
    vivid = _at(seed, min(seed["l"], 0.55) if darker else max(seed["l"], 0.76))
    colors["accent"] = _readable(vivid, every, step, TEXT_CONTRAST_MIN)
    colors["edge"] = _readable(_at(seed, 0.66 if darker else 0.52, 0.03), plain, step, GRAPHIC_CONTRAST_MIN)
    colors["focus"] = _readable(vivid, plain, step, GRAPHIC_CONTRAST_MIN)
    for name, hue in (("good", _GOOD_HUE), ("bad", _BAD_HUE), ("wait", _WAIT_HUE)):
        base = _oklch(hue)
        tint = _hex(_at(base, 0.955 if darker else 0.28, 0.035 if darker else 0.05))
        colors[f"{name}-tint"] = tint
        start = _at(base, 0.53 if darker else 0.78)
        colors[name] = _readable(start, [*plain, tint], step, TEXT_CONTRAST_MIN)
    colors["bad-fill"] = _readable(_oklch(_BAD_HUE), ["#ffffff"], -1, TEXT_CONTRAST_MIN)
    colors["on-bad"] = "#ffffff"
    return colors | _brand(seed if darker else _at(seed, max(0.4, min(seed["l"], 0.72))))


def _brand(fill: Color) -> dict[str, str]:
    """The brand's own fill, a deeper end for gradients, a pressed tone, and the text that is readable on all three."""
    color = _hex(fill)
    if _contrast("#ffffff", color) >= TEXT_CONTRAST_MIN:
        # A livelier neighbour where white stays readable on the whole way to it, else a darker one.
        start = _turned(fill).set({"l": fill["l"] + 0.1, "c": fill["c"] * 1.2})
        deep = _passing(start, lambda end: _gradient_reads("#ffffff", color, end), -1)
        press = _hex(_at(fill, fill["l"] - 0.06))
        return {"brand": color, "brand-deep": deep, "brand-press": press, "on-brand": "#ffffff"}
    ink = _readable(_at(fill, 0.24, 0.06), [color], -1, TEXT_CONTRAST_MIN)
    start = _at(_turned(fill), fill["l"] + 0.05)
    deep = _passing(start, lambda end: _gradient_reads(ink, color, end), 1)
    press = _hex(_at(fill, min(1.0, fill["l"] + 0.05)))
    if not _reads(ink, press) or not _gradient_reads(ink, color, deep):
        deep = press = color
    return {"brand": color, "brand-deep": deep, "brand-press": press, "on-brand": ink}


def _readable(start: Color, grounds: list[str], step: int, ratio: float) -> str:
    """The first colour from `start` towards black (step -1) or white (+1) that stands out from all the grounds."""
    return _passing(start, lambda color: all(_reads(color, ground, ratio) for ground in grounds), step)


def _passing(start: Color, passes: Callable[[str], bool], step: int) -> str:
    for number in range(_STEPS):
        lightness = start["l"] + step * number / _STEPS
        color = _hex(_at(start, lightness))
        if passes(color) or not 0 <= lightness <= 1:
            return color
    return _hex(_at(start, 0.0 if step < 0 else 1.0))


def _reads(text: str, ground: str, ratio: float = TEXT_CONTRAST_MIN) -> bool:
    return _contrast(text, ground) >= ratio + _MARGIN


def _gradient_reads(text: str, start: str, end: str) -> bool:
    samples = Color.steps([start, end], steps=_GRADIENT_SAMPLES + 1, space="srgb")
    return all(_contrast(text, sample.to_string(hex=True)) >= TEXT_CONTRAST_MIN for sample in samples)


def _contrast(one: str, other: str) -> float:
    """WCAG's contrast ratio: 1 to 21."""
    return Color(one).contrast(other)


def _oklch(color: str) -> Color:
    return Color(color).convert("oklch")


def _hex(color: Color) -> str:
    return color.convert("srgb").to_string(hex=True)


def _at(color: Color, lightness: float, chroma_max: float = 1.0) -> Color:
    """The same hue at another lightness, and no more vivid than `chroma_max`."""
    return color.clone().set({"l": min(1.0, max(0.0, lightness)), "c": min(color["c"], chroma_max)})


def _turned(color: Color) -> Color:
    """A neighbour on the wheel of hues."""
    return color.clone().set("h", color["h"] + _HUE_STEP_DEGREES)
