"""The names of devices, and the bars of months."""

from __future__ import annotations

from datetime import date

import pytest

from bank_sim.application.customer_app.news import Month, Months
from bank_sim.entrypoints.http.device_names import device_name, is_phone
from bank_sim.entrypoints.http.month_chart import HEIGHT, draw_months


@pytest.mark.parametrize(
    ("agent", "name", "phone"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/156.0 Safari/537.36", "Chrome · Linux", False),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/1 Safari/537.36 Edg/1", "Edge · Windows", False),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) Version/17 Safari/604.1", "Safari · iPhone", True),
        ("Mozilla/5.0 (Android 14; Mobile; rv:120.0) Gecko/120.0 Firefox/120.0", "Firefox · Android", True),
        ("curl/8.5.0", "", False),
        ("", "", False),
    ],
)
def test_a_device_is_named_by_browser_and_system(agent: str, name: str, *, phone: bool) -> None:
    assert (device_name(agent), is_phone(agent)) == (name, phone)


def test_bars_are_scaled_to_the_largest_month() -> None:
    first, second = Month(date(2026, 10, 1), 1, 0), Month(date(2026, 11, 1), 5_000, 10_000)
    before, now = draw_months(Months((first, second), is_cut=False))
    assert (now.went.height, now.came.height, before.went.height) == (HEIGHT, HEIGHT / 2, 0)
    assert 0 < before.came.height < 2, "a small amount is seen"
    assert before.middle < now.came.x < now.went.x
    assert now.went.y == 0


def test_a_new_account_has_no_bars() -> None:
    (column,) = draw_months(Months((Month(date(2026, 11, 1), 0, 0),), is_cut=False))
    assert (column.came.height, column.went.height) == (0, 0)
