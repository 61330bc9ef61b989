"""Waiting for a page's address, whichever of several navigations leads to it."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect


def arrive(page: Page, address: str | re.Pattern[str]) -> None:
    """Wait until the page is at `address`, in which ** stands for any text.

    `Page.wait_for_url` fails when one navigation overtakes another to the same address, as when the answer to
    *Sign out* and the end of the session's event stream both lead to the sign-in page.
    """
    if isinstance(address, str):
        address = re.compile("^" + ".*".join(map(re.escape, address.split("**"))) + "$")
    expect(page).to_have_url(address)
    page.wait_for_load_state()
