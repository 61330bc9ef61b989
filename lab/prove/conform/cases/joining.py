"""The bank joins the network, keeps in touch, and leaves it."""

from __future__ import annotations

import time
from itertools import pairwise
from typing import Any, Final

import grpc

from lab.prove.conform import rules
from lab.prove.conform.bench import Bench
from lab.prove.conform.case import Group, Need, Stage
from lab.prove.conform.observations import Departure, observe_departure
from pix.scheme.keys import KeyKind

GROUP: Final = Group("joining", "Joining: the bank and the hub")
HEARTBEAT_SECONDS: Final = 4.0
HEARTBEATS_SECONDS_MAX: Final = 20.0
INSTANCE_LENGTH_MAX: Final = 40
HUB_AWAY_SECONDS: Final = 20.0


@GROUP.add("joins", "the bank calls JoinNetwork with its code and name", rules.JOINS)
def joins(bench: Bench) -> None:
    bench.calls("JoinNetwork")
    bench.check(bench.hub.joined, "JoinNetwork never succeeded.")
    request = bench.hub.joined[0]
    bench.check_equal(request.code, bench.identity.code, "code")
    bench.check_equal(request.name, bench.examiner.name, "name")


@GROUP.add("announces-features", "JoinNetwork announces what the bank understands", rules.ANNOUNCES)
def announces_features(bench: Bench) -> None:
    bench.calls("JoinNetwork")
    announced = set(bench.hub.joined[-1].features) & {"returns", "manu"}
    shown = set(bench.examiner.features) & {"returns", "manu"}
    bench.check_equal(sorted(announced), sorted(shown), "The features that JoinNetwork announces")


@GROUP.add("describes", "GET /bank tells who the bank is", rules.DESCRIBES)
def describes(bench: Bench) -> None:
    document = bench.api.bank()
    expected = {
        "code": bench.identity.code,
        "ispb": bench.identity.ispb,
        "name": bench.examiner.name,
        "kafka_topic": bench.examiner.wire.topic,
    }
    for name, value in expected.items():
        bench.check_equal(document.get(name), value, name)
    bench.check(isinstance(document.get("features"), list), "features is not a list.")


@GROUP.add("authenticates", "every call has the bank's code and secret", rules.AUTHENTICATES)
def authenticates(bench: Bench) -> None:
    account = bench.open_account()
    bench.register_key(account, KeyKind.EVP)
    bench.try_to_pay(account, bench.counterpart().key, 2_00)
    calls = bench.hub.calls()
    refused = [call.method for call in calls if call.status == grpc.StatusCode.UNAUTHENTICATED.name]
    bench.check(calls, "The bank has called nothing.")
    bench.check(
        not refused, f"The hub did not know the bank in {len(refused)} calls: {', '.join(sorted(set(refused)))}."
    )


@GROUP.add("heartbeat", "KeepInTouch comes every four seconds", rules.HEARTBEAT, slow=True)
def heartbeat(bench: Bench) -> None:
    began = time.monotonic()

    def since() -> list[Any]:
        return [call for call in bench.hub.calls("KeepInTouch") if call.at >= began]

    bench.hub.wait(lambda: len(since()) >= 3, HEARTBEATS_SECONDS_MAX)
    bench.calls("KeepInTouch")
    bench.check(
        len(since()) >= 3, f"{len(since())} heartbeats came within {HEARTBEATS_SECONDS_MAX:g} s, and not three."
    )
    by_instance: dict[str, list[float]] = {}
    for call in since():
        by_instance.setdefault(call.request.instance, []).append(call.at)
    waits = [later - earlier for times in by_instance.values() for earlier, later in pairwise(times)]
    longest = max(waits, default=HEARTBEATS_SECONDS_MAX)
    bench.check(
        longest <= 2 * HEARTBEAT_SECONDS, f"Between two heartbeats of a process were {longest:.1f} s, and not 4."
    )


@GROUP.add("instance", "the heartbeat names the process in 1 to 40 characters", rules.INSTANCE, slow=True)
def instance(bench: Bench) -> None:
    bench.hub.wait(lambda: len(bench.hub.calls("KeepInTouch")) >= 2, HEARTBEATS_SECONDS_MAX)
    calls = bench.calls("KeepInTouch")
    bench.check(calls, f"No heartbeat came within {HEARTBEATS_SECONDS_MAX:g} s.")
    for call in calls:
        length = len(call.request.instance)
        bench.check(1 <= length <= INSTANCE_LENGTH_MAX, f"instance has {length} characters, and should have 1 to 40.")


@GROUP.add("lag", "the heartbeat tells a lag that goes down to 0", rules.LAG, slow=True)
def lag(bench: Bench) -> None:
    account = bench.open_account()
    bench.decisions.receive(account, 2_00)
    began = time.monotonic()

    def later() -> list[Any]:
        return [call for call in bench.hub.calls("KeepInTouch") if call.at >= began]

    def is_read() -> bool:
        # Other cases send records meanwhile, so a lag above 0 now and then is right.
        return any(not call.request.HasField("lag") or 0 <= call.request.lag <= 50 for call in later())

    bench.hub.wait(is_read, HEARTBEATS_SECONDS_MAX)
    bench.calls("KeepInTouch")
    shown = [call.request.lag for call in later()]
    bench.check(is_read(), f"The lags of the heartbeats are {shown}, although the bank has read its topic.")


def _departure(bench: Bench) -> Departure:
    """What was seen when the bank was ended by SIGTERM and started while the hub refused it: once for all cases."""
    return bench.examiner.once("departure", lambda: observe_departure(bench))


@GROUP.add("ends", "the bank ends on SIGTERM", rules.ENDS, stage=Stage.ALONE, needs=[Need.PROCESS])
def ends(bench: Bench) -> None:
    seen = _departure(bench)
    bench.check(seen.seconds_to_end is not None, "The bank did not end within 10 s of SIGTERM.")


@GROUP.add("leaves", "the bank calls LeaveNetwork when it ends", rules.LEAVES, stage=Stage.ALONE, needs=[Need.PROCESS])
def leaves(bench: Bench) -> None:
    seen = _departure(bench)
    bench.calls("LeaveNetwork")
    bench.check(seen.left, "LeaveNetwork did not come after SIGTERM.")
    bench.check(seen.left_instance in seen.instances_before, "LeaveNetwork names another instance than the heartbeats.")


@GROUP.add(
    "repeats-join",
    "the bank repeats JoinNetwork while the hub does not answer",
    rules.REPEATS_JOIN,
    stage=Stage.ALONE,
    needs=[Need.PROCESS],
)
def repeats_join(bench: Bench) -> None:
    seen = _departure(bench)
    bench.calls("JoinNetwork")
    bench.check(seen.joins_refused >= 2, f"JoinNetwork came {seen.joins_refused} times while the hub did not answer.")
    bench.check(seen.joined_again, "JoinNetwork did not come once the hub answered again.")


@GROUP.add(
    "not-ready-before-join",
    "GET /bank is not 200 before the bank has joined",
    rules.READY,
    stage=Stage.ALONE,
    needs=[Need.PROCESS],
)
def not_ready_before_join(bench: Bench) -> None:
    seen = _departure(bench)
    bench.check(not seen.ready_before_join, "GET /contract/v1/bank answered 200 although JoinNetwork had no answer.")


@GROUP.add(
    "new-instance",
    "a process that is started names a new instance",
    rules.INSTANCE,
    stage=Stage.ALONE,
    needs=[Need.PROCESS],
)
def new_instance(bench: Bench) -> None:
    seen = _departure(bench)
    bench.check(seen.instances_after, "No heartbeat came after the start.")
    again = seen.instances_after & seen.instances_before
    bench.check(not again, f"The process that was started names the instance {', '.join(again)} of the one before.")


@GROUP.add("hub-comes-back", "the bank calls the hub again when it is back", rules.HUB_BACK, stage=Stage.ALONE)
def hub_comes_back(bench: Bench) -> None:
    account = bench.open_account()
    bench.hub.stop()
    try:
        answer = bench.register_key(account, KeyKind.EVP)
        bench.check(not answer.is_success, "A key was registered while the hub was away.")
    finally:
        bench.hub.start()
    began = time.monotonic()
    bench.eventually(
        lambda: bench.register_key(account, KeyKind.EVP).is_success,
        "a key is registered after the hub has come back",
        HUB_AWAY_SECONDS,
    )
    bench.hub.wait(lambda: any(call.at >= began for call in bench.hub.calls("KeepInTouch")), HEARTBEATS_SECONDS_MAX)
    heartbeats = [call for call in bench.hub.calls("KeepInTouch") if call.at >= began]
    bench.check(heartbeats, "No heartbeat came after the hub had come back.")
