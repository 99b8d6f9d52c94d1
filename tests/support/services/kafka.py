"""A real Kafka broker: one node in KRaft mode, on free ports, with its data in a folder."""

import socket
import struct
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.support.services import cache
from tests.support.services.process import Child, ServiceError, free_port

_CLUSTER_ID = "cnVuLXRyYWNrZXItdGVzdA"  # any 16 bytes in base64
# Small and quick to start, which is what a test wants from a broker.
_JVM = ["-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dorg.apache.logging.log4j.level=INFO"]
_READY_TIMEOUT = 60.0


class KafkaBroker:
    """start() is back when the broker answers; kill() is kill -9; restart() keeps port and data. For several threads."""

    def __init__(self, directory: Path, port: int | None = None) -> None:
        self.directory = directory
        self.port = port or free_port()
        self._controller_port = free_port()
        self._child: Child | None = None
        self._lock = threading.RLock()

    @property
    def bootstrap(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self) -> Self:
        with self._lock:
            if self._child is not None and self._child.exit_code() is None:
                return self
            self.directory.mkdir(parents=True, exist_ok=True)
            properties = self.directory / "server.properties"
            properties.write_text(self._properties())
            if not (self.directory / "data" / "meta.properties").exists():
                self._format(properties)
            self._child = Child(self._java("kafka.Kafka", str(properties)), self.directory / "broker.log")
            self._child.wait_until(self._answers, f"Kafka on port {self.port}", _READY_TIMEOUT)
            return self

    def stop(self) -> None:
        with self._lock:
            if self._child is not None:
                self._child.terminate()
                self._child = None

    def kill(self) -> None:
        with self._lock:
            if self._child is not None:
                self._child.kill()
                self._child = None

    def pause(self) -> None:
        """SIGSTOP."""
        if self._child is not None:
            self._child.pause()

    def resume(self) -> None:
        if self._child is not None:
            self._child.resume()

    def restart(self) -> None:
        with self._lock:
            self.stop()
            self.start()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _java(self, main: str, *arguments: str) -> list[str]:
        return [cache.java(), *_JVM, "-cp", cache.kafka_classpath(), main, *arguments]

    def _format(self, properties: Path) -> None:
        arguments = ("format", "-t", _CLUSTER_ID, "-c", str(properties), "--ignore-formatted")
        formatter = Child(self._java("kafka.tools.StorageTool", *arguments), self.directory / "format.log")
        if formatter.wait(_READY_TIMEOUT) != 0:
            raise ServiceError(f"Kafka could not format its folder:\n{formatter.log_tail()}")

    def _properties(self) -> str:
        return f"""\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{self._controller_port}
listeners=PLAINTEXT://127.0.0.1:{self.port},CONTROLLER://127.0.0.1:{self._controller_port}
advertised.listeners=PLAINTEXT://127.0.0.1:{self.port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={self.directory / "data"}
# Topics are made by `tracker migrate`, in the tests as everywhere.
auto.create.topics.enable=false
# One node has one replica of everything.
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
# A group of consumers forms at once, and a killed broker may come back after 3 s instead of 9.
group.initial.rebalance.delay.ms=0
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
# The size of messages stays at the broker's default: each topic says its own.
"""

    def _answers(self) -> bool:
        """Whether Metadata names a broker: an unfenced one, which can make topics and lead partitions.

        (ApiVersions is answered earlier, while a broker that was killed is still fenced.)
        """
        metadata, version = 3, 4  # version 4 is the oldest that Kafka 4 understands
        body = struct.pack("!hhih", metadata, version, 1, -1) + struct.pack("!i?", 0, False)
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=2) as sock:
                sock.sendall(struct.pack("!i", len(body)) + body)
                with sock.makefile("rb") as answer:
                    (size,) = struct.unpack("!i", answer.read(4))
                    _correlation, _throttle, brokers = struct.unpack("!iii", answer.read(size)[:12])
        except (OSError, struct.error):
            return False
        return bool(brokers >= 1)
