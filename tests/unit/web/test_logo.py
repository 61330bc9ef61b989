"""Logos that are generated from names."""

from __future__ import annotations

import io
import struct

import pytest
from PIL import Image

from pix.web.logo import FIELD, ICON_SIDES, disc, favicon, line, mark_of, png, svg

NAMES = [f"Banco {word}" for word in ("Aurora", "Ipê", "Maré", "Cerrado", "Pampa", "Sabiá", "Turma", "Go", "Norte")]


def test_a_name_has_one_mark_and_other_names_have_others() -> None:
    assert mark_of("Banco Aurora") == mark_of("  banco aurora ")
    assert len({svg(mark_of(name), "#000000", "#ffffff") for name in NAMES}) == len(NAMES)


@pytest.mark.parametrize("number", range(60))
def test_a_mark_stays_within_its_field(number: int) -> None:
    for shape in mark_of(f"bank {number}"):
        assert all(4 <= place <= FIELD - 4 for point in shape.points for place in point)
        assert 0 < shape.opacity <= 1


def test_the_pictures_show_the_mark_in_its_colors() -> None:
    mark = (disc(32, 32, 10), line((0, 60), (64, 60), 4, 0.5))
    picture = Image.open(io.BytesIO(png(mark, "#102030", "#ffffff", 128, full=True))).convert("RGB")
    assert picture.size == (128, 128)
    assert picture.getpixel((64, 64)) == (255, 255, 255)
    assert picture.getpixel((2, 2)) == (0x10, 0x20, 0x30)
    round_one = Image.open(io.BytesIO(png(mark, "#102030", "#ffffff", 64))).convert("RGBA")
    pixel = round_one.getpixel((0, 0))
    assert isinstance(pixel, tuple) and pixel[3] == 0, "the corners are round"


def test_a_favicon_has_all_its_sizes() -> None:
    content = favicon(mark_of("Banco Aurora"), "#102030", "#ffffff")
    assert struct.unpack_from("<HHH", content) == (0, 1, len(ICON_SIDES))
    assert {content[6 + 16 * number] for number in range(len(ICON_SIDES))} == set(ICON_SIDES)


@pytest.mark.parametrize("side", [0, 513])
def test_an_icon_has_a_bounded_size(side: int) -> None:
    with pytest.raises(ValueError, match="pixels wide"):
        png(mark_of("x"), "#000000", "#ffffff", side)
