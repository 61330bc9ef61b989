"""Values that never change: copies with other fields, and members by value."""

from __future__ import annotations

from enum import StrEnum

import pytest

from pix.scheme.values import by_value, replacing, value_object


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


@value_object
class Thing:
    name: str
    colour: Colour = Colour.RED
    weight: int | None = None


def test_a_copy_differs_in_the_fields_that_are_given() -> None:
    thing = Thing("ball", weight=3)
    changed = replacing(Thing)
    assert changed(thing, colour=Colour.BLUE, weight=None) == Thing("ball", Colour.BLUE)
    assert changed(thing) == thing == Thing("ball", Colour.RED, 3)
    with pytest.raises(KeyError, match="length"):
        changed(thing, length=1)


def test_members_are_found_by_their_values() -> None:
    assert by_value(Colour) == {"red": Colour.RED, "blue": Colour.BLUE}
