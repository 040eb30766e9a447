"""The ground the other tests stand on: the broker comes back after kill -9 with what was committed,
and the reader sees committed records only. No egw in here."""
import time

import pytest
from kafka import KafkaProducer
from kafka.admin import KafkaAdminClient, NewTopic

import log
from faults import transaction_state


@pytest.fixture
def topic(own_broker):
    admin = KafkaAdminClient(bootstrap_servers=own_broker.bootstrap)
    admin.create_topics([NewTopic("t", 2, 1)])
    admin.close()
    return "t"


def wait_ended(broker):
    """Until the markers are written: a commit is answered before."""
    until = time.monotonic() + 60
    while (state := transaction_state(broker.bootstrap, "x")) != "CompleteCommit":
        assert time.monotonic() < until, state
        time.sleep(0.1)


def test_only_committed_records_are_read_and_they_survive_a_kill(own_broker, topic):
    producer = KafkaProducer(bootstrap_servers=own_broker.bootstrap, transactional_id="x")
    producer.init_transactions()
    for value, commit in ((b"kept", True), (b"dropped", False), (b"kept too", True)):
        producer.begin_transaction()
        producer.send(topic, value=value, partition=1).get(10)
        assert transaction_state(own_broker.bootstrap, "x") == "Ongoing"
        producer.commit_transaction() if commit else producer.abort_transaction()
    producer.close()
    wait_ended(own_broker)
    own_broker.kill()
    own_broker.start()
    wait_ended(own_broker)
    values = [r.value for r in log.read_topic(own_broker.bootstrap, topic)]
    assert values == [b"kept", b"kept too"]
    assert len(log.read_topic(own_broker.bootstrap, topic, isolation="read_uncommitted")) == 3
