"""Any colour that an operator chooses gives pages that people can read."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pix.web.color import contrast, mix, to_hex, to_oklch
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
AWKWARD = ("#000000", "#ffffff", "#777777", "#ffff00", "#00ff00", "#0000ff", "#ff0000", "#c98a00", "#767676", "#8a05be")


def assert_readable(color: str, mode: Mode) -> None:
    palette = derive_palette(color, mode)
    for text, ground in TEXT_PAIRS:
        assert contrast(palette[text], palette[ground]) >= TEXT_CONTRAST_MIN, (mode, text, ground)
    for outline, ground in GRAPHIC_PAIRS:
        assert contrast(palette[outline], palette[ground]) >= GRAPHIC_CONTRAST_MIN, (mode, outline, ground)
    for number in range(21):
        between = mix(palette["brand"], palette["brand-deep"], number / 20)
        assert contrast(palette["on-brand"], between) >= TEXT_CONTRAST_MIN - 0.02, (mode, "gradient", number)


@given(COLORS, MODES)
def test_every_text_has_the_contrast_that_the_rule_asks(color: str, mode: Mode) -> None:
    assert_readable(color, mode)


@pytest.mark.parametrize("color", AWKWARD)
@pytest.mark.parametrize("mode", ["light", "dark"])
def test_awkward_colours_are_readable_too(color: str, mode: Mode) -> None:
    assert_readable(color, mode)


@given(COLORS)
def test_a_colour_survives_the_way_through_the_perceptual_space(color: str) -> None:
    again = to_hex(to_oklch(color))
    for start in (1, 3, 5):
        assert abs(int(color[start : start + 2], 16) - int(again[start : start + 2], 16)) <= 1


def test_contrast_has_the_known_ends() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#123456", "#123456") == pytest.approx(1)


def test_the_light_fill_is_the_chosen_colour_itself() -> None:
    assert derive_palette("#5b2a86", "light")["brand"] == "#5b2a86"


def test_the_stylesheet_has_each_name_once_and_colours_only() -> None:
    lines = stylesheet("#00798c").splitlines()[1:-1]
    names = [line.split(":")[0].strip() for line in lines]
    assert len(set(names)) == len(names) > 15
    assert all(re.fullmatch(r"  --[a-z-]+: light-dark\(#[0-9a-f]{6}, #[0-9a-f]{6}\);", line) for line in lines)
