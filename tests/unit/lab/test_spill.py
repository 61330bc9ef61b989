"""Rows on disk: what comes in any order is read in order, and what does not fit is refused by name."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from lab.read import spill
from lab.read.spill import SpilledRows, Unfit, write_bytes, write_sorted


def test_rows_of_any_order_are_read_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spill, "RUN_ROWS", 10)
    numbers = list(range(95))
    Random(1).shuffle(numbers)
    file = tmp_path / "rows"
    write_sorted(file, ([f"é{number:03}", number] for number in numbers), key=lambda row: row[0])
    rows = SpilledRows(file, "rows", tuple[str, int], tuple)
    assert [number for _, number in rows] == list(range(95))
    assert list(rows) == list(rows)
    assert [each.name for each in tmp_path.iterdir()] == ["rows"]


@pytest.mark.parametrize("line", [b'["E1", 1, 2]', b'["E1", "one"]', b'{"id": "E1"}', b"[", b'["E1", 1]\n\n["E2"'])
def test_a_row_that_does_not_fit_is_refused(tmp_path: Path, line: bytes) -> None:
    file = tmp_path / "rows"
    write_bytes(file, [b'["E0", 0]\n', line], "Bank 001 transfers")
    with pytest.raises(Unfit, match=r"^Bank 001 transfers has a row that does not fit: "):
        list(SpilledRows(file, "Bank 001 transfers", tuple[str, int], tuple))


def test_endless_lines_and_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Unfit, match="has a line of more than 65536 bytes"):
        write_bytes(tmp_path / "line", (b"x" * 1_000 for _ in range(70)), "The hub transfers")
    monkeypatch.setattr(spill, "FILE_BYTES_MAX", 10_000)
    with pytest.raises(Unfit, match="The hub transfers has more than"):
        write_bytes(tmp_path / "file", (b"x\n" * 500 for _ in range(11)), "The hub transfers")
