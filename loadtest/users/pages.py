"""Parses a bank's pages as a user reads them. Pure.

The pages are ours, so plain patterns find their marks; a parser would cost the load's process more than all the rest.
"""

from __future__ import annotations

import re
from html import unescape
from typing import Final

_FIELD: Final = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)"')
_COPY_AND_PASTE: Final = re.compile(r'<textarea class="copy-text"[^>]*>([^<]+)</textarea>')
_LIVE: Final = re.compile(r'data-live="([^"]+)"')
_STAGE: Final = re.compile(r'data-status="(\w+)"')
_REASON: Final = re.compile(r"\bReason ([A-Z]{2}\d{2})\b")
_END_TO_END_ID: Final = re.compile(r"\bE[0-9A-Z]{8}\d{12}[0-9A-Za-z]{11}\b")
_REMOVE: Final = re.compile(r'href="(/keys/remove\?kind=EVP&amp;key=[^"]+)"')
_HEADING: Final = re.compile(r"<(?:h1|h2)[^>]*>([^<]+)<")
_COMPLAINT: Final = re.compile(r'(?:role="alert"|class="fault")[^>]*>(.*?)</(?:div|p)>', re.DOTALL)
_TAG: Final = re.compile(r"<[^>]+>|\s+")


class NotOnThePage(Exception):
    """A page lacks what it must have; the text says what."""


def hidden_field(page: str, name: str) -> str:
    """The value of a form's hidden field, such as the token against forged requests. Raises `NotOnThePage`."""
    for found, value in _FIELD.findall(page):
        if found == name:
            return unescape(value)
    raise NotOnThePage(f"there is no field {name}")


def copy_and_paste(page: str) -> str:
    """The BR Code of the page that receives. Raises `NotOnThePage`."""
    return unescape(_first(_COPY_AND_PASTE, page, "copy and paste"))


def live_address(page: str) -> str | None:
    """Where the page's live part has its event stream; None when nothing of it will change any more."""
    found = _LIVE.search(page)
    return None if found is None else unescape(found.group(1))


def stage(page: str) -> str:
    """The stage of the transfer on the page, or in a fragment of it. Raises `NotOnThePage`."""
    return _first(_STAGE, page, "stage of the transfer")


def reason(page: str) -> str:
    found = _REASON.search(page)
    return "" if found is None else found.group(1)


def end_to_end_id(page: str) -> str:
    """Of the transfer's page. Raises `NotOnThePage`."""
    found = _END_TO_END_ID.search(page)
    if found is None:
        raise NotOnThePage("there is no end-to-end id")
    return found.group(0)


def removable_random_keys(page: str) -> list[str]:
    """The addresses of the page of keys that ask whether a random key shall go."""
    return [unescape(address) for address in _REMOVE.findall(page)]


def error_text(page: str) -> str:
    """The page's complaint, or its heading: what a failure is called in the report."""
    found = _COMPLAINT.search(page) or _HEADING.search(page)
    return "" if found is None else unescape(_TAG.sub(" ", found.group(1))).strip()


def _first(pattern: re.Pattern[str], page: str, name: str) -> str:
    found = pattern.search(page)
    if found is None:
        raise NotOnThePage(f"there is no {name}")
    return found.group(1)
