"""P4 on a real broker: death before and after each call that matters, from start to close. After each the
same slot starts again and catches up under a load that never ends; at last everything is checked."""
import time

import pytest
from kafka.admin import KafkaAdminClient

import chaos
from broker import Broker

pytestmark = [pytest.mark.long, pytest.mark.killpoints]


def points(calls, when=("before", "after")):
    return [(call, at, n) for call, times in calls.items() for at in when for n in times]


# Each call with the times it is let pass, and one more: the first, and some later ones.
STARTING = points({
    "metadata": (1,), "init_transactions": (1,), "subscribe": (1,), "assign": (1,),
    "pause_partitions": (1,), "committed": (1,), "offsets_for_times": (1, 2),
    "consume_start_queue": (1, 3, 8), "consume_stop": (1, 6), "resume_partitions": (1, 6),
    "destroy_flags": (1,),  # of the handle that looked for the topics
}) + points({"consume_queue": (1, 7, 40)}, ("after",))  # records restored so far
DECIDING = points({
    "begin_transaction": (1, 5), "produce_batch": (1, 2, 3, 4, 17),
    "send_offsets_to_transaction": (1, 5), "commit_transaction": (1, 5),
}) + points({"consumer_poll": (1, 2, 30)}, ("after",))
# Counted from SIGTERM on: the handles of the producer, the member, the tails and the probe.
CLOSING = points({"consumer_close": (1,), "destroy_flags": (1, 2, 3, 4)})
# Counted from where it was frozen: with records handed over, and before it sends the offsets.
ABORTING = points({"flush": (1,), "abort_transaction": (1,)})
FROZEN = ("send_offsets_to_transaction", "before", 5, "stop")


class Stage(chaos.Run):
    """A run with one slot, which the test starts itself."""

    def __init__(self, egw, killpoint, seed):
        super().__init__(egw, 50, 60, seed, workers=1)
        self.killpoint = killpoint
        self.wanted = 0  # points the worker of now is to reach
        self.begin()
        self.supervisor.leave(self.workers[0])
        self.points = 0

    def caught(self, point, *, frozen=None, since=None):
        """The slot dies and comes back as one that will be caught there, or frozen before that."""
        self.workers[0].kill9()
        wanted = [*([frozen] if frozen else []), (*point, "kill")]
        self.workers[0].env = self.killpoint(*wanted, since=since)
        self.wanted = len(wanted)
        return self.workers[0].start()

    def died(self, point, *, having="", timeout=40):
        """Waits for the death at the point, then lets a plain worker catch up."""
        worker = self.workers[0]
        assert worker.wait(timeout) == -9, point
        assert worker.text().count("killpoint: reached") == self.wanted, f"{point} was not reached"
        after = worker.text().partition("killpoint: reached")[2]
        assert having in after, f"{point} was reached on another way"
        self.points += 1
        worker.env = {}
        worker.start()
        self.advance()

    def advance(self):
        """Until more has been committed than there was when this was called."""
        seen = len(self.eye.seen)
        deadline = time.monotonic() + 60
        while len(self.eye.seen) <= seen:
            assert time.monotonic() < deadline and self.workers[0].running
            time.sleep(0.02)

    def finish(self, figures, wanted):
        self.end()
        self.check(figures)
        figures.tell("points", self.points, "==", len(wanted))
        figures.judge()


def test_death_at_each_step_of_starting_and_restoring(make_egw, own_broker, killpoint, figures):
    stage = Stage(make_egw(own_broker), killpoint, 29)
    for point in STARTING:
        stage.caught(point)
        stage.died(point)
    stage.finish(figures, STARTING)


def test_death_at_each_step_of_a_transaction(make_egw, own_broker, killpoint, figures):
    stage = Stage(make_egw(own_broker), killpoint, 31)
    for point in DECIDING:
        stage.caught(point)
        stage.died(point)
    stage.finish(figures, DECIDING)


def test_death_at_each_step_of_closing(make_egw, own_broker, killpoint, figures):
    egw = make_egw(own_broker)
    stage, asked = Stage(egw, killpoint, 37), egw.dir / "asked-to-stop"
    for point in CLOSING:
        asked.unlink(missing_ok=True)
        worker = stage.caught(point, since=asked)
        worker.wait_for(r"what=ready\b", timeout=60)
        stage.advance()
        asked.touch()
        worker.signal(15)
        stage.died(point)
    stage.finish(figures, CLOSING)


@pytest.fixture
def unswept_broker(output):
    """It never gives up an open transaction by itself."""
    broker = Broker(output / "broker-unswept", settings={
        "transaction.abort.timed.out.transaction.cleanup.interval.ms": 3600000})
    yield broker.start()
    broker.destroy()


def wait_evicted(egw):
    admin = KafkaAdminClient(bootstrap_servers=egw.bootstrap)
    deadline = time.monotonic() + 30
    try:
        while True:
            said = admin.describe_groups([egw.group])
            one = said[egw.group] if isinstance(said, dict) else said[0]
            members = one["members"] if isinstance(one, dict) else one.members
            if not members:
                return
            assert time.monotonic() < deadline, "the frozen member was never evicted"
            time.sleep(0.1)
    finally:
        admin.close()


def test_death_at_each_step_of_an_abort(make_egw, unswept_broker, killpoint, figures):
    """Frozen inside its transaction until the group has given it up; awake it has to abort."""
    egw = make_egw(unswept_broker)
    stage = Stage(egw, killpoint, 41)
    for point in ABORTING:
        worker = stage.caught(point, frozen=FROZEN)
        worker.wait_stopped(60)
        wait_evicted(egw)
        worker.thaw()
        stage.died(point, having="what=txn.abort ")
    stage.finish(figures, ABORTING)
