"""The broker's topics: their partitions, and the latest records decoded, with the transfers that they belong to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request, Response
from starlette.exceptions import HTTPException

from hub.application.ports import ReadMessage
from hub.application.ports.topics import LoggedRecord
from hub.entrypoints.http.pages.site import SiteOf
from hub.entrypoints.http.pages.views import HexLine, flatten, hex_lines, readable
from pix.web.site import PagesOf
from pix.wire.protobuf_v1.batches import BATCH_TYPE

router = APIRouter(include_in_schema=False)

RECORDS_PER_PAGE: Final = 20
HEX_BYTES_MAX: Final = 1_024
NUMBER_DIGITS_MAX: Final = 18


@dataclass(frozen=True, slots=True)
class RecordView:
    record: LoggedRecord
    name: str
    """The message's name, `Batch` for several; empty when its receiver cannot process it."""
    row_id: str
    """The transfer or return that it is about; empty when that is unproven."""
    key: str
    headers: Sequence[tuple[str, str]]
    fields: Sequence[tuple[str, str]]
    value_lines: Sequence[HexLine]
    size: int
    packed: Sequence[tuple[str, str]]
    """Id and name of each message of a record that holds several."""


@router.get("/topics")
def list_topics(request: Request, pages: PagesOf, site: SiteOf) -> Response:
    topics: dict[str, list[Any]] = {}
    for each in site.topics.logs():
        topics.setdefault(each.topic, []).append(each)
    return pages.page(request, "hub/topics.html", {"topics": topics, "section": "/", "tab": "/topics"})


@router.get("/topics/{topic}")
def show_topic(
    request: Request,
    pages: PagesOf,
    site: SiteOf,
    topic: str,
    partition: Annotated[str, Query(max_length=NUMBER_DIGITS_MAX)] = "",
    before: Annotated[str, Query(max_length=NUMBER_DIGITS_MAX)] = "",
) -> Response:
    """What is no number narrows nothing; an offset needs a partition."""
    logs = [each for each in site.topics.logs() if each.topic == topic]
    if not logs:
        raise HTTPException(404)
    chosen = _number(partition)
    below = None if chosen is None else _number(before)
    records = site.topics.read(topic, chosen, below, RECORDS_PER_PAGE)
    first_offset = next((each.first_offset for each in logs if each.partition == chosen), 0)
    last = records[-1].offset if records else 0
    context = {
        "topic": topic,
        "logs": logs,
        "partition": chosen,
        "records": [_view(each) for each in records],
        "is_first": below is None,
        "older": last if chosen is not None and records and last > first_offset else None,
        "size": RECORDS_PER_PAGE,
        "section": "/",
        "tab": "/topics",
    }
    return pages.page(request, "hub/topic.html", context)


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() else None


def _view(record: LoggedRecord) -> RecordView:
    message = record.read.message
    return RecordView(
        record,
        BATCH_TYPE if record.packed else "" if message is None else type(message).__name__,
        "" if message is None else message.record_key,
        readable(record.key),
        [(name, readable(value)) for name, value in record.headers.items()],
        () if message is None else flatten("", asdict(message)),
        hex_lines(record.value[:HEX_BYTES_MAX]),
        len(record.value),
        [("" if each.message is None else each.message.record_key, _name_of(each)) for each in record.packed],
    )


def _name_of(read: ReadMessage) -> str:
    """The message's name, or why its receiver rejects it."""
    return read.reason if read.message is None else type(read.message).__name__
