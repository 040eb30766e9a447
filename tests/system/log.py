"""An independent reader and publisher: kafka-python, committed records only."""
import time

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient

from checkers import Read, Record
from murmur2 import partition_of
from records import SCHEMAS, decode, key_of


def read_topic(bootstrap, topic, isolation="read_committed", timeout=120):
    """Every record of a topic up to the ends it has now (the last stable offset). timeout: without any
    that is new; how long all take is the machine's affair."""
    consumer = KafkaConsumer(bootstrap_servers=bootstrap, isolation_level=isolation,
                             enable_auto_commit=False, auto_offset_reset="earliest",
                             max_partition_fetch_bytes=4 << 20, fetch_max_bytes=32 << 20)
    records = []
    try:
        numbers = consumer.partitions_for_topic(topic)
        if not numbers:
            raise LookupError(f"no topic {topic}")
        parts = [TopicPartition(topic, n) for n in sorted(numbers)]
        consumer.assign(parts)
        ends = consumer.end_offsets(parts)
        consumer.seek_to_beginning(*parts)
        deadline, had = time.monotonic() + timeout, 0
        while any(consumer.position(p) < ends[p] for p in parts):
            if len(records) > had:
                deadline, had = time.monotonic() + timeout, len(records)
            if time.monotonic() > deadline:
                at = {p.partition: (consumer.position(p), ends[p]) for p in parts}
                raise TimeoutError(f"{topic} could not be read to its end: {at}")
            for batch in consumer.poll(timeout_ms=200, max_records=5000).values():
                records += [Record(r.topic, r.partition, r.offset, r.timestamp, r.key, r.value,
                                   tuple(r.headers or ())) for r in batch
                            if r.offset < ends[TopicPartition(r.topic, r.partition)]]
    finally:
        consumer.close()
    return records


def read_said(bootstrap, topic, schema, **kwargs):
    return [Read(record, decode(record.value, schema))
            for record in read_topic(bootstrap, topic, **kwargs)]


def ends_of(bootstrap, topic, isolation="read_committed"):
    """By partition: the last stable offset, how far a committed reader could come; or, read
    uncommitted, the end of the log."""
    consumer = KafkaConsumer(bootstrap_servers=bootstrap, isolation_level=isolation)
    try:
        parts = [TopicPartition(topic, n) for n in consumer.partitions_for_topic(topic)]
        return {p.partition: end for p, end in consumer.end_offsets(parts).items()}
    finally:
        consumer.close()


class Publisher:
    """A foreign producer: plain Avro, the partition chosen as the Java client does by default."""

    def __init__(self, bootstrap, topic, partitions):
        self.topic, self.partitions = topic, partitions
        self.producer = KafkaProducer(bootstrap_servers=bootstrap, acks="all", linger_ms=5,
                                      enable_idempotence=True, max_request_size=4 << 20,
                                      request_timeout_ms=30000, delivery_timeout_ms=120000,
                                      reconnect_backoff_max_ms=500)
        self.pending = []

    def event(self, record, key=None):
        return self.raw(key or key_of(record), SCHEMAS["SupportEvent"].single(record))

    def raw(self, key, value, partition=None, headers=None, timestamp_ms=None):
        where = partition_of(key, self.partitions) if partition is None else partition
        sent = self.producer.send(self.topic, key=key, value=value, partition=where,
                                  headers=headers or [], timestamp_ms=timestamp_ms)
        self.pending.append(sent)
        return sent

    def flush(self, timeout=120):
        self.producer.flush(timeout=timeout)
        places = [sent.get(timeout=timeout) for sent in self.pending]
        self.pending = []
        return [(p.topic, p.partition, p.offset) for p in places]

    def close(self):
        self.producer.close(timeout=5)


def lag(bootstrap, group, topics):
    """Offsets of these topics the group has not committed past. Only for topics that no transaction
    writes to: a commit marker at the end stays uncommitted for ever."""
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        committed = admin.list_group_offsets(group).get(group, {})
    finally:
        admin.close()
    left = 0
    for topic in topics:
        for partition, end in ends_of(bootstrap, topic).items():
            at = committed.get(TopicPartition(topic, partition))
            left += end - max(at.offset if at else 0, 0)
    return left
