"""Making and checking the topics on Kafka."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.admin.records_to_delete import RecordsToDelete
from aiokafka.errors import TopicAlreadyExistsError, for_code
from aiokafka.structs import TopicPartition

from schemas import topics

_TIME = "message.timestamp.type"
_LARGEST = "max.message.bytes"
_LOOK_AGAIN_SECONDS = 0.05


async def create(
    bootstrap: str, prefix: str, partitions: int, replication_factor: int, max_message_bytes: int
) -> None:
    """Make the topics that are missing, and come back when each partition has a leader.

    Raises ValueError if one exists with another number of partitions or time, or for smaller messages; KafkaError if brokers
    refuse.
    """
    names = [prefix + topic for topic in topics.ALL]
    config = {
        _TIME: "LogAppendTime",  # one clock a partition, whatever the clocks of the hosts say
        "cleanup.policy": "delete",
        "retention.ms": "-1",
        "retention.bytes": "-1",
        _LARGEST: str(max_message_bytes),
        # Acknowledged means: on a majority, so the loss of a broker loses nothing acknowledged.
        "min.insync.replicas": str(replication_factor // 2 + 1),
    }
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        await admin.start()
        answer = await admin.create_topics(
            [NewTopic(name, partitions, replication_factor, topic_configs=config) for name in names]
        )
        for name, code, *message in answer.topic_errors:
            error = for_code(code)
            if code and error is not TopicAlreadyExistsError:
                raise error(f"{name}: {message}")
        while not _settled(await admin.describe_topics(names), partitions):
            await asyncio.sleep(_LOOK_AGAIN_SECONDS)
        await _check_config(admin, names, max_message_bytes)
    finally:
        await admin.close()


async def check(bootstrap: str, prefix: str, max_message_bytes: int) -> None:
    """Raises ValueError if a topic is not as this version needs it, KafkaError if it is not there or brokers do not say."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        await admin.start()
        await _check_config(admin, [prefix + topic for topic in topics.ALL], max_message_bytes)
    finally:
        await admin.close()


def _settled(descriptions: Sequence[dict[str, Any]], partitions: int) -> bool:
    """Whether all partitions are there and led. Raises ValueError if there are not `partitions` of them."""
    led = True
    for topic in descriptions:
        parts = topic["partitions"]
        if topic["error_code"] or not parts:
            led = False
        elif len(parts) != partitions:
            raise ValueError(
                f"topic {topic['topic']} has {len(parts)} partitions, not {partitions}, and keeps them: "
                f"set TRACKER_PARTITIONS={len(parts)}, or replay into new topics"
            )
        else:
            led = led and all(part["leader"] >= 0 for part in parts)
    return led


async def _check_config(admin: AIOKafkaAdminClient, names: Sequence[str], max_message_bytes: int) -> None:
    """Liveness is counted in append time, which producers' times would mislead; what is accepted must fit."""
    resources = [ConfigResource(ConfigResourceType.TOPIC, name, {_TIME: "", _LARGEST: ""}) for name in names]
    for answer in await admin.describe_configs(resources):
        for code, message, _type, name, entries in answer.resources:
            if code:
                raise for_code(code)(f"{name}: {message}")
            config = {entry[0]: entry[1] for entry in entries}
            if config[_TIME] != "LogAppendTime":
                raise ValueError(f"topic {name} has {_TIME}={config[_TIME]}: set it to LogAppendTime")
            if int(config[_LARGEST]) < max_message_bytes:
                raise ValueError(
                    f"topic {name} has {_LARGEST}={config[_LARGEST]}, but a body of TRACKER_MAX_BODY_BYTES may become a message "
                    f"of {max_message_bytes}: set {_LARGEST} to that, or TRACKER_MAX_BODY_BYTES to half of what the topic has"
                )


async def members(bootstrap: str, group: str) -> int:
    """How many consumers are members of the group."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        await admin.start()
        [answer] = await admin.describe_consumer_groups([group])
        # (error, group, state, protocol type, protocol, members, …) of the one group asked for
        [(_, _, _, _, _, group_members, *_)] = answer.groups
        return len(group_members)
    finally:
        await admin.close()


async def delete_before(bootstrap: str, topic: str, offsets: Mapping[int, int]) -> None:
    """Delete the messages before the offset in each of these partitions. Raises KafkaError if brokers refuse."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        await admin.start()
        await admin.delete_records(
            {TopicPartition(topic, p): RecordsToDelete(before_offset=offset) for p, offset in offsets.items()}
        )
    finally:
        await admin.close()
