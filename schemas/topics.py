"""Topics of the log and who reads them. The only place that names them.

On Kafka TRACKER_TOPIC_PREFIX comes before the names of topics and groups: `KafkaLog` and the Faust app put it there.
"""

EVENTS = "tracker.events"
TRANSITIONS = "tracker.transitions"
DEAD_LETTERS = "tracker.dead-letters"
ALL = (EVENTS, TRANSITIONS, DEAD_LETTERS)

#: Consumer group of the projections; also the id of the Faust app, which names its group by it.
PROJECTOR_GROUP = "tracker-projections"

#: Consumer group of the collectors of outputs; also the id of their Faust app.
COLLECTOR_GROUP = "tracker-collectors"

#: Under this name the notifier keeps its positions; it has no members on Kafka.
NOTIFIER_GROUP = "tracker-notifier"

#: Kafka headers: the type of the event, so that a reader can tell clock ticks from requests without decoding.
TYPE_HEADER = "type"
