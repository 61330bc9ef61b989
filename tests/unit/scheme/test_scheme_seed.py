"""Ids of a seed are the same in every run, and of another seed or count others."""

from __future__ import annotations

from itertools import count

from pix.scheme.ids import random_suffix
from pix.scheme.seed import CountedRandom, seeded_uuid


def suffixes(seed: str, name: str = "001", first: int = 0) -> list[str]:
    random = CountedRandom(seed, name, count(first).__next__)
    return [random_suffix(random) for _ in range(3)]


def test_the_same_seed_and_count_give_the_same_suffix() -> None:
    assert suffixes("7") == suffixes("7")
    assert suffixes("7", first=1)[0] == suffixes("7")[1], "a restart goes on with the count"
    assert len({*suffixes("7"), *suffixes("8"), *suffixes("7", "002")}) == 9


def test_uuids_depend_on_each_part_and_where_it_ends() -> None:
    made = {seeded_uuid("7", "a", "b"), seeded_uuid("7", "ab"), seeded_uuid("7", "ab", ""), seeded_uuid("8", "a", "b")}
    assert len(made) == 4 and seeded_uuid("7", "a", "b") in made
    assert all(text[14] == "4" and len(text) == 36 for text in made)
