"""Unary calls on gRPC's core: taken, read and answered as events, with no thread and no task for each of them.

For a call that is answered at once, most of the time goes into what gRPC's servers for Python do around it: threads, or
tasks and futures of an event loop. This takes calls from the same core, through the same bindings as gRPC's own server
of threads, and lives inside such a server, which keeps all the rest: ports, TLS, streams, unknown methods and the end.
The bindings are no public interface of gRPC's, so its version is pinned; `docs/decisions/0017-calls-on-grpcs-core.md`
says what for, and when to go back.
"""

from __future__ import annotations

import inspect
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, NoReturn

import grpc
from google.protobuf.message import DecodeError
from grpc import _server as grpc_own
from grpc._cython import cygrpc  # type: ignore[attr-defined]

from pix.rpc.turns import TURN, PeriodicTask, play
from pix.runtime.logs import logger

EXPECTED: Final = 16
"""So many calls of each method may come before the server's thread has to look after them."""
EVENTS_OF_A_CALL: Final = 2
"""Its message is there; it is over, which is when the answer is sent and the caller knows."""

AT_ONCE: Final = 0.0
"""A time that is over: what is there already is taken, and nothing is waited for."""
EVENT_SECONDS_MAX: Final = 60.0
TASK_SECONDS_MAX: Final = 0.001
"""So long may an event have to wait while a periodic task is awaited."""
EVENTS_BETWEEN_TASKS: Final = 8
LOOKS_BEFORE_IDLE: Final = 4
"""The core reads one connection at a look, and may find nothing there that is an event: others may have some. Who waits
for the database after the first look lets them wait too, and reads for the callers of one connection at a time."""

Trailer = tuple[tuple[str, "str | bytes"], ...]

log = logger(__name__)


class Aborted(Exception):
    """A handler has ended its call with a status."""

    def __init__(self, code: grpc.StatusCode, details: str, trailer: Trailer = ()) -> None:
        super().__init__(details)
        self.code = code
        self.details = details
        self.trailer = trailer
        self.number: int = code.value[0]


_OK: Final = Aborted(grpc.StatusCode.OK, "")


class CallContext:
    def __init__(self, call: Any, metadata: Any, *, is_secure: bool) -> None:
        self._call = call
        self._metadata = metadata
        self._is_secure = is_secure
        self._by_name: Mapping[str, str | bytes] | None = None
        self._code: grpc.StatusCode | None = None
        self._trailer: Trailer = ()

    def invocation_metadata(self) -> Any:
        return self._metadata

    def metadata_by_name(self) -> Mapping[str, str | bytes]:
        """The same; of a name that comes twice the last."""
        if self._by_name is None:
            self._by_name = dict(self._metadata)
        return self._by_name

    def auth_context(self) -> Mapping[str, Sequence[bytes]]:
        if not self._is_secure:
            return {}
        known = cygrpc.auth_context(self._call) or {}
        return {name.decode() if isinstance(name, bytes) else name: values for name, values in known.items()}

    def peer(self) -> str:
        return str(self._call.peer().decode())

    def set_trailing_metadata(self, trailer: Trailer) -> None:
        self._trailer = trailer

    def code(self) -> grpc.StatusCode | None:
        return self._code

    def abort(self, code: grpc.StatusCode, details: str, trailer: Trailer = ()) -> NoReturn:
        """Ends the call. Raises Aborted."""
        self._code = code
        raise Aborted(code, details, trailer or self._trailer)


class UnaryCalls:
    """The unary methods of a server, and the thread that takes its calls.

    A handler that is a plain function may wait for a database, so it is called in a thread. One that is a coroutine
    begins in the thread that takes the calls, must never hold it up, and waits only as `pix.rpc.turns` has it.
    """

    def __init__(self, server: grpc.Server, threads: ThreadPoolExecutor, *, is_secure: bool) -> None:
        """`server` is gRPC's server of threads, not yet started; `is_secure` tells that it speaks TLS."""
        self.state: Any = server._state  # type: ignore[attr-defined]
        self.threads = threads
        self.is_secure = is_secure
        self._methods: list[_Method] = []
        self._tasks: list[PeriodicTask] = []
        self.is_stopping = False

    def add(self, name: str, handler: Any) -> None:
        """A method by its full name, `/package.Service/Method`, with its handler as generated code makes it."""
        self.state.server.register_method(name)
        self._methods.append(_Method(self, name, handler))

    def add_task(self, task: PeriodicTask) -> None:
        """Adds work for the thread that takes the calls, between events and when there are none."""
        self._tasks.append(task)

    def start(self) -> None:
        """Starts the server, as its own `start` would, but for who looks after its events."""
        state = self.state
        with state.lock:
            state.server.start()
            state.stage = grpc_own._ServerStage.STARTED
            for name in state.registered_method_handlers:
                grpc_own._request_registered_call(state, name)
            grpc_own._request_call(state)
        for method in self._methods:
            for _ in range(EXPECTED):
                method.expect()
        threading.Thread(target=self._serve, name="grpc-events", daemon=True).start()

    def stop(self) -> None:
        """To be called before the server is stopped, which then takes no more requests for calls.

        Calls under way are answered.
        """
        with TURN:
            self.is_stopping = True

    def _serve(self) -> None:
        """Processes events until the server has ended, and runs the periodic tasks between them."""
        poll, nothing = self.state.completion_queue.poll, cygrpc.CompletionType.queue_timeout
        looks, until_tasks = 0, EVENTS_BETWEEN_TASKS
        while True:
            event = poll(AT_ONCE)
            if event.completion_type == nothing:
                looks += 1
                if looks < LOOKS_BEFORE_IDLE:
                    continue
                looks = 0
                if self._run_tasks(is_idle=True):
                    continue
                event = poll(time.time() + EVENT_SECONDS_MAX)
                if event.completion_type == nothing:
                    continue
            with TURN:
                if not grpc_own._process_event_and_continue(self.state, event):
                    return
            looks = 0
            # It may have a call that is over, for whose end gRPC's core would wait.
            event = None
            until_tasks -= 1
            if not until_tasks:
                until_tasks = EVENTS_BETWEEN_TASKS
                self._run_tasks(is_idle=False)

    def _run_tasks(self, *, is_idle: bool) -> bool:
        """Returns whether a task awaits something; when idle, after it has waited for that at most TASK_SECONDS_MAX."""
        with TURN:
            awaited = [task for task in self._tasks if task.go_on(is_idle=is_idle)]
        if awaited and is_idle:
            awaited[0].wait(TASK_SECONDS_MAX)
        return bool(awaited)


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


class _Call:
    """One call, from before it comes until all is over.

    `arrived` and what ends in `_event` are called by the thread that takes the calls, with `TURN` held. An exception
    would end it.
    """

    __slots__ = ("_call", "_context", "_method", "_under_way")

    def __init__(self, method: _Method) -> None:
        self._method = method
        self._under_way = EVENTS_OF_A_CALL

    def arrived(self, event: Any) -> Outcome:
        """A call has come, or the server is stopping."""
        if not event.success:
            # The server is stopping; this is no call.
            return self, ()
        if not self._method.calls.is_stopping:
            self._method.expect()
        self._call = event.call
        self._context = CallContext(event.call, event.invocation_metadata, is_secure=self._method.calls.is_secure)
        self._call.start_server_batch((cygrpc.ReceiveMessageOperation(0),), self._message_event)
        return None, ()

    def _message_event(self, event: Any) -> Outcome:
        written = event.batch_operations[0].message()
        if written is None:
            self._answer(None, Aborted(grpc.StatusCode.CANCELLED, "there is no request"))
        else:
            self._begin(written)
        return self._one_less()

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
        """Sends the response, or the status; from the thread in which the handler ended. Raises nothing."""
        try:
            self._send(*self._told(response, error))
        except Exception:
            # The caller's deadline ends the call.
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
        details = status.details.encode()
        operations.append(cygrpc.SendStatusFromServerOperation(status.trailer, status.number, details, 0))
        operations.append(cygrpc.ReceiveCloseOnServerOperation(0))
        self._call.start_server_batch(operations, self._over_event)
