"""Any colour that an operator chooses gives pages that people can read."""

from __future__ import annotations

import re

import pytest
from coloraide import Color
from hypothesis import given, settings
from hypothesis import strategies as st

from pix.web.palette import (
    GRAPHIC_CONTRAST_MIN,
    GRAPHIC_PAIRS,
    TEXT_CONTRAST_MIN,
    TEXT_PAIRS,
    Mode,
    derive_palette,
    stylesheet,
)

COLORS = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")
MODES: st.SearchStrategy[Mode] = st.sampled_from(("light", "dark"))
UNHURRIED = settings(deadline=None)
"""A busy machine is not a defect."""
AWKWARD = ("#000000", "#ffffff", "#777777", "#ffff00", "#00ff00", "#0000ff", "#ff0000", "#c98a00", "#767676", "#8a05be")


def contrast(one: str, other: str) -> float:
    return Color(one).contrast(other)


def assert_readable(color: str, mode: Mode) -> None:
    palette = derive_palette(color, mode)
    for text, ground in TEXT_PAIRS:
        assert contrast(palette[text], palette[ground]) >= TEXT_CONTRAST_MIN, (mode, text, ground)
    for outline, ground in GRAPHIC_PAIRS:
        assert contrast(palette[outline], palette[ground]) >= GRAPHIC_CONTRAST_MIN, (mode, outline, ground)
    for between in Color.steps([palette["brand"], palette["brand-deep"]], steps=21, space="srgb"):
        shown = between.to_string(hex=True)
        assert contrast(palette["on-brand"], shown) >= TEXT_CONTRAST_MIN - 0.02, (mode, "gradient", shown)


@UNHURRIED
@given(COLORS, MODES)
def test_every_text_has_the_contrast_that_the_rule_asks(color: str, mode: Mode) -> None:
    assert_readable(color, mode)


@pytest.mark.parametrize("color", AWKWARD)
@pytest.mark.parametrize("mode", ["light", "dark"])
def test_awkward_colours_are_readable_too(color: str, mode: Mode) -> None:
    assert_readable(color, mode)


@UNHURRIED
@given(COLORS)
def test_the_light_fill_is_the_chosen_colour_itself(color: str) -> None:
    assert derive_palette(color, "light")["brand"] == color


def test_the_stylesheet_has_each_name_once_and_colours_only() -> None:
    lines = stylesheet("#00798c").splitlines()[1:-1]
    names = [line.split(":")[0].strip() for line in lines]
    assert len(set(names)) == len(names) > 15
    assert all(re.fullmatch(r"  --[a-z-]+: light-dark\(#[0-9a-f]{6}, #[0-9a-f]{6}\);", line) for line in lines)
