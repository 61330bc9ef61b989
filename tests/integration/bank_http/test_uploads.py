"""Pictures that are being sent, at the application itself: what is read of them, and for whom."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from bank_sim.application.use_cases import BankApplication
from bank_sim.domain.account import Account
from bank_sim.entrypoints.http.app import UPLOADS_AT_ONCE_MAX
from pix.web.problems import BODY_BYTES_MAX
from tests.integration.bank_http.conftest import Visit, Visitor

BOUNDARY = "boundary"
BEGINNING = (
    f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="picture"; filename="qr.png"\r\n'
    "Content-Type: image/png\r\n\r\n"
).encode()
DEADLINE_SECONDS = 20
PIECE = bytes(16_384)

Receive = Callable[[], Awaitable[dict[str, Any]]]


async def post(visitor: Visitor, path: str, receive: Receive) -> tuple[int, dict[str, str]]:
    """Status and headers of the answer to a form, whose body is what `receive` gives."""
    cookies = "; ".join(f"{name}={value}" for name, value in visitor.client.cookies.items())
    answers: list[Any] = []

    async def send(message: Any) -> None:
        answers.append(message)

    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"",
        "server": ("testserver", 80),
        "client": ("127.0.0.1", 1),
        "headers": [
            (b"host", b"testserver"),
            (b"cookie", cookies.encode()),
            (b"content-type", f"multipart/form-data; boundary={BOUNDARY}".encode()),
        ],
    }
    await asyncio.wait_for(visitor.client.app(scope, receive, send), DEADLINE_SECONDS)
    start = answers[0]
    return start["status"], {name.decode(): value.decode() for name, value in start["headers"]}


class Endless:
    """A picture without an end."""

    def __init__(self) -> None:
        self.bytes_read = 0

    async def __call__(self) -> dict[str, Any]:
        """The next piece."""
        body = PIECE if self.bytes_read else BEGINNING
        self.bytes_read += len(body)
        return {"type": "http.request", "body": body, "more_body": True}


class Waiting:
    """A picture whose first piece has come, and whose next one the test gives."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.end = asyncio.Event()

    async def __call__(self) -> dict[str, Any]:
        """The beginning, and when the test says so the end of the connection."""
        if not self.begun.is_set():
            self.begun.set()
            return {"type": "http.request", "body": BEGINNING + PIECE, "more_body": True}
        await self.end.wait()
        return {"type": "http.disconnect"}


def test_nothing_is_read_of_a_picture_from_a_visitor_who_has_not_signed_in(
    visit: Visit, aurora: BankApplication
) -> None:
    picture = Endless()
    status, headers = asyncio.run(post(visit(aurora), "/pay/picture", picture))
    assert (status, headers["location"].partition("?")[0]) == (303, "/sign-in")
    assert picture.bytes_read == 0


@pytest.mark.parametrize("path", ["/pay", "/sign-in", "/pay/code"])
def test_no_other_form_may_have_a_large_body(visit: Visit, aurora: BankApplication, ana: Account, path: str) -> None:
    picture = Endless()
    status, _headers = asyncio.run(post(visit(aurora, ana), path, picture))
    assert status == 413
    assert picture.bytes_read <= BODY_BYTES_MAX + len(PIECE)


def test_so_many_pictures_are_taken_at_once_and_the_next_is_told_to_come_again(
    visit: Visit, aurora: BankApplication, ana: Account
) -> None:
    visitor = visit(aurora, ana)

    async def upload_many() -> None:
        pictures = [Waiting() for _ in range(UPLOADS_AT_ONCE_MAX)]
        uploads = [asyncio.create_task(post(visitor, "/pay/picture", picture)) for picture in pictures]
        for picture in pictures:
            await asyncio.wait_for(picture.begun.wait(), DEADLINE_SECONDS)
        one_more = Endless()
        status, headers = await post(visitor, "/pay/picture", one_more)
        assert (status, one_more.bytes_read) == (503, 0)
        assert int(headers["retry-after"]) > 0
        for picture in pictures:
            picture.end.set()
        await asyncio.wait(uploads, timeout=DEADLINE_SECONDS)
        assert all(upload.done() and (upload.exception() is not None or upload.result()) for upload in uploads)
        status, _headers = await post(visitor, "/pay/picture", Endless())
        assert status == 413

    asyncio.run(upload_many())
