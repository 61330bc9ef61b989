"""Unary calls on gRPC's core: taken, read and answered as events, with no thread and no task for each of them.

For a call that is answered at once, most of the time goes into what gRPC's servers for Python do around it: threads, or
tasks and futures of an event loop. This takes calls from the same core, through the same bindings as gRPC's own server
of threads, and lives inside such a server: that server's loop hands each event to what the event is tagged with, and
keeps all the rest, which is ports, TLS, streams, unknown methods and the end. The bindings are no public interface of
gRPC's, so its version is pinned; `docs/decisions/0017-calls-on-grpcs-core.md` says what for, and when to go back.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, NoReturn

import grpc
from google.protobuf.message import DecodeError
from grpc._cython import cygrpc  # type: ignore[attr-defined]

from pix.service.logs import logger
from pix.service.turns import TURN, play

EXPECTED: Final = 16
"""So many calls of each method may come before the server's thread has to look after them."""
EVENTS_OF_A_CALL: Final = 2
"""Its message is there; it is over, which is when the answer is sent and the caller knows."""

Trailer = tuple[tuple[str, "str | bytes"], ...]

log = logger(__name__)


class Aborted(Exception):
    """A handler has ended its call with a status."""

    def __init__(self, code: grpc.StatusCode, details: str, trailer: Trailer = ()) -> None:
        super().__init__(details)
        self.code = code
        self.details = details
        self.trailer = trailer


_OK: Final = Aborted(grpc.StatusCode.OK, "")


class CallContext:
    """What a handler may ask of its call, and do with it, in any thread."""

    def __init__(self, call: Any, metadata: Any) -> None:
        self._call = call
        self._metadata = metadata
        self._code: grpc.StatusCode | None = None
        self._trailer: Trailer = ()

    def invocation_metadata(self) -> Any:
        """The caller's metadata."""
        return self._metadata

    def auth_context(self) -> Mapping[str, Sequence[bytes]]:
        """What TLS knows of the caller."""
        known = cygrpc.auth_context(self._call) or {}
        return {name.decode() if isinstance(name, bytes) else name: values for name, values in known.items()}

    def peer(self) -> str:
        """The caller's address."""
        return str(self._call.peer().decode())

    def set_trailing_metadata(self, trailer: Trailer) -> None:
        """What goes with the status."""
        self._trailer = trailer

    def code(self) -> grpc.StatusCode | None:
        """The status, once it is known."""
        return self._code

    def abort(self, code: grpc.StatusCode, details: str, trailer: Trailer = ()) -> NoReturn:
        """Ends the call. Raises Aborted."""
        self._code = code
        raise Aborted(code, details, trailer or self._trailer)


class UnaryCalls:
    """The unary methods of a server.

    A handler that is a plain function may wait for a database, so it is called in a thread. One that is a coroutine
    begins in gRPC's own thread, must never hold it up, and waits only as `pix.service.turns` has it.
    """

    def __init__(self, server: grpc.Server, threads: ThreadPoolExecutor) -> None:
        """`server` is gRPC's server of threads, not yet started."""
        self.state: Any = server._state  # type: ignore[attr-defined]
        self.threads = threads
        self._methods: list[_Method] = []
        self.is_stopping = False

    def add(self, name: str, handler: Any) -> None:
        """A method by its full name, `/package.Service/Method`, with its handler as generated code makes it."""
        self.state.server.register_method(name)
        self._methods.append(_Method(self, name, handler))

    def start(self) -> None:
        """To be called once the server has started."""
        for method in self._methods:
            for _ in range(EXPECTED):
                method.expect()

    def stop(self) -> None:
        """To be called before the server is stopped, which then takes no more requests for calls.

        Calls under way are answered.
        """
        with TURN:
            self.is_stopping = True


class _Method:
    def __init__(self, calls: UnaryCalls, name: str, handler: Any) -> None:
        self.calls = calls
        self.name = name
        self.act: Callable[[Any, CallContext], Any] = handler.unary_unary
        self.read: Callable[[bytes], Any] = handler.request_deserializer
        self.write: Callable[[Any], bytes] = handler.response_serializer
        self.is_coroutine = inspect.iscoroutinefunction(handler.unary_unary)

    def expect(self) -> None:
        """One more call may come."""
        state = self.calls.state
        call = _Call(self)
        with state.lock:
            # The server ends when none of these is left.
            state.rpc_states.add(call)
            queue = state.completion_queue
            state.server.request_registered_call(queue, queue, self.name, call.arrived)


Outcome = tuple["_Call | None", tuple[()]]
"""What the server's loop wants of an event: the call, once it is over, and nothing to call back."""


def _in_turn(treat: Callable[[_Call, Any], Outcome]) -> Callable[[_Call, Any], Outcome]:
    @functools.wraps(treat)
    def in_turn(call: _Call, event: Any) -> Outcome:
        with TURN:
            return treat(call, event)

    return in_turn


class _Call:
    """One call, from before it comes until all is over.

    gRPC's thread calls `arrived` and what ends in `_event`, and must get no exception from them, for it would end.
    """

    __slots__ = ("_call", "_context", "_method", "_under_way")

    def __init__(self, method: _Method) -> None:
        self._method = method
        self._under_way = EVENTS_OF_A_CALL

    @_in_turn
    def arrived(self, event: Any) -> Outcome:
        """Somebody calls."""
        if not event.success:
            # The server is stopping, and nobody came.
            return self, ()
        if not self._method.calls.is_stopping:
            self._method.expect()
        self._call = event.call
        self._context = CallContext(event.call, event.invocation_metadata)
        self._call.start_server_batch((cygrpc.ReceiveMessageOperation(0),), self._message_event)
        return None, ()

    @_in_turn
    def _message_event(self, event: Any) -> Outcome:
        written = event.batch_operations[0].message()
        if written is None:
            self._answer(None, Aborted(grpc.StatusCode.CANCELLED, "there is no request"))
        else:
            self._begin(written)
        return self._one_less()

    @_in_turn
    def _over_event(self, _event: Any) -> Outcome:
        return self._one_less()

    def _one_less(self) -> Outcome:
        self._under_way -= 1
        return (None if self._under_way else self), ()

    def _begin(self, written: bytes) -> None:
        method = self._method
        try:
            request = method.read(written)
        except DecodeError:
            details = "the request is not the call's message in Protobuf"
            self._answer(None, Aborted(grpc.StatusCode.INTERNAL, details))
            return
        if method.is_coroutine:
            play(method.act(request, self._context), self._answer)
            return
        try:
            method.calls.threads.submit(self._act, request)
        except RuntimeError:
            self._answer(None, Aborted(grpc.StatusCode.UNAVAILABLE, "the server is stopping"))

    def _act(self, request: Any) -> None:
        try:
            response = self._method.act(request, self._context)
        except Exception as error:  # noqa: BLE001 - it is told to the caller
            self._answer(None, error)
        else:
            self._answer(response, None)

    def _answer(self, response: Any, error: Exception | None) -> None:
        """Sends the response, or the status; from whichever thread the handler ended in. Raises nothing."""
        try:
            self._send(*self._told(response, error))
        except Exception:
            # The caller learns of it by its deadline.
            log.exception("an answer could not be sent", call=self._method.name)

    def _told(self, response: Any, error: Exception | None) -> tuple[bytes | None, Aborted]:
        """The message, if there is one, and the status."""
        if error is None:
            try:
                return self._method.write(response), _OK
            except Exception as failure:  # noqa: BLE001 - it is told below
                error = failure
        if isinstance(error, Aborted):
            return None, error
        log.error("a handler failed", call=self._method.name, exc_info=error)
        return None, Aborted(grpc.StatusCode.UNKNOWN, "the call failed")

    def _send(self, message: bytes | None, status: Aborted) -> None:
        operations = [cygrpc.SendInitialMetadataOperation((), 0)]
        if message is not None:
            operations.append(cygrpc.SendMessageOperation(message, 0))
        code, details = status.code.value[0], status.details.encode()
        operations.append(cygrpc.SendStatusFromServerOperation(status.trailer, code, details, 0))
        operations.append(cygrpc.ReceiveCloseOnServerOperation(0))
        self._call.start_server_batch(operations, self._over_event)
