"""Runs librdkafka's own broker in this process until SIGTERM or SIGINT: `python -m lab.network.parts.embedded_broker`.

It prints one line of JSON, `{"bootstrap_servers": "127.0.0.1:…"}`, when other processes can use it. It does not watch
its standard input: below a watchdog (see `lab.network.parts.watchdog`) it dies with the lab anyway.
"""

import json
import signal

from confluent_kafka import Producer

METADATA_TIMEOUT_SECONDS = 10
# Syslog's "emergency": the broker has nothing to say that a reader of the lab's logs could use.
LOG_LEVEL_SILENT = 0
# It has no limits for topics, and keeps what comes packed as it is: a request as small as this unpacks to some tens of
# megabytes. A client of ours sends batches of half of it.
REQUEST_BYTES_MAX = 64 * 1024


def main() -> None:
    """Starts the broker, says where it listens, and keeps it until a signal comes."""
    ends = {signal.SIGTERM, signal.SIGINT}
    # Blocked before librdkafka starts its threads, which inherit this, so that the signals wait for sigwait.
    signal.pthread_sigmask(signal.SIG_BLOCK, ends)
    holder = Producer(
        {"test.mock.num.brokers": 1, "log_level": LOG_LEVEL_SILENT, "receive.message.max.bytes": REQUEST_BYTES_MAX}
    )
    brokers = holder.list_topics(timeout=METADATA_TIMEOUT_SECONDS).brokers.values()
    print(json.dumps({"bootstrap_servers": ",".join(f"{broker.host}:{broker.port}" for broker in brokers)}), flush=True)
    signal.sigwait(ends)


if __name__ == "__main__":
    main()
