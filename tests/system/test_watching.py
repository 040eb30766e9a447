"""The dials tell the truth (P30): each fault moves the counter that is named for it, lag is the true
lag, ready and live mean what they say, and a loop that hangs ends its process."""
import collections
import ctypes
import os
import pathlib
import re
import socket
import statistics
import time

import pytest

import chaos
import checkers
import log
import program
import world


def running(egw, slot=0, **kwargs):
    worker = egw.worker(slot, **kwargs)
    worker.wait_for(r"what=ready\b", timeout=30)
    worker.wait_metric("egw_ready", lambda n: n == 1)
    return worker


def answered(egw, timeout=60):
    return egw.wait_outcomes(lambda said: not checkers.once(egw.inputs(), said), timeout)


def stream(egw, count, first=0, rate=None):
    publisher = log.Publisher(egw.bootstrap, egw.topic("events"), egw.partitions)
    for number in range(first, first + count):
        publisher.event(world.unclassified(number, f"c{number % 20:04d}"))
        if rate:
            time.sleep(1 / rate)
    publisher.flush()
    publisher.close()


# ---- nothing is wrong ----

def test_counters_agree_with_what_the_topics_say(egw):
    egw.put(world.customers(20))
    worker = running(egw)
    egw.publish([(world.billing if n % 3 else world.unclassified)(n, f"c{n % 20:04d}")
                 for n in range(200)])
    egw.publish([world.billing(n, f"c{n % 20:04d}") for n in range(1, 10, 3)])  # said before
    outcomes = answered(egw)
    truth = collections.Counter((r.said["action"], r.said["channel"]) for r in outcomes)
    assert len(truth) >= 3
    worker.wait_metric("egw_outcomes_total", lambda n: n == len(outcomes))
    for (action, channel), count in truth.items():
        assert worker.metric("egw_outcomes_total", action=action, channel=channel) == count
    assert worker.metric("egw_lag_records") == 0
    assert worker.metric("egw_partitions", state="running") == egw.partitions
    assert worker.metric("egw_transactions_total", result="committed") > 0
    assert worker.metric("egw_transactions_total", result="aborted") == 0
    assert worker.metric("egw_producer_recreations_total") == \
        worker.text().count("what=producer.recreate")
    assert worker.metric("egw_restore_seconds_count") == egw.partitions
    assert worker.metric("egw_oldest_undecided_event_seconds") == 0
    assert worker.ask("/ready") == (200, "ready\n") and worker.ask("/live") == (200, "live\n")
    page = worker.ask("/metrics")[1]
    assert not re.search(r"c00\d\d|litware|seats|charged", page), "a customer or a text"
    assert worker.term() == 0
    assert not os.path.exists(worker.socket)


def test_a_case_that_waits_for_access_is_counted_with_its_age(egw):
    egw.put(world.customers(3))
    worker = running(egw)
    opened = world.at(hours=5)
    egw.publish([world.unclassified(1, "c0001"),
                 world.billing(2, "c0002", service="Exchange Online", domain="technical",
                               occurred_at=opened)])
    answered(egw)
    waits = [r.said for r in egw.outcomes() if r.said["action"] in ("ACCESS_REQUIRED", "HEALTH_MATCH")]
    assert len(waits) == 1
    worker.wait_metric("egw_cases_waiting", lambda n: n == 1)
    before = time.time()
    age = worker.metric("egw_oldest_waiting_case_seconds")
    since = world.ms(opened) / 1000
    assert before - since - 2 < age < time.time() - since + 2, age
    egw.publish([world.billing("2x", "c0002", event_type="closed", case_id="B-2")])
    worker.wait_metric("egw_cases_waiting", lambda n: n == 0)


def test_lag_is_the_true_lag_at_forty_moments(egw):
    """Against the broker's own numbers: what was committed and what was written both only grow, so a
    number read between two questions must lie between their answers. A page may be 0.7 s old, and
    older only where the machine stood still."""
    egw.put(world.customers(20))
    worker = running(egw, settings=("triage.commit_ms=400",))
    publisher = log.Publisher(egw.bootstrap, egw.topic("events"), egw.partitions)

    def truth():
        ends = sum(log.ends_of(egw.bootstrap, egw.topic("events")).values())
        return ends, ends - log.lag(egw.bootstrap, egw.group, [egw.topic("events")])

    def bounds(age):
        """Of a number that was true at most so many seconds before it was asked for."""
        ends, done = now
        old_ends, old_done = ([before[0][1]] + [told for at, told in before if at < asked - age])[-1]
        return max(0, old_ends - done), ends - old_done

    before, seen, late = [(time.monotonic(), truth())], set(), 0
    for number in range(40):
        for n in range(number * 7 % 23):
            publisher.event(world.unclassified(f"{number}-{n}", f"c{n % 20:04d}"))
        publisher.flush()
        value = worker.metric("egw_lag_records", topic=egw.topic("events"))
        asked = time.monotonic()
        now = truth()
        (least, most), (low, high) = bounds(10), bounds(1.2)
        assert least <= value <= most, (number, value)
        late += not low <= value <= high
        before.append((time.monotonic(), now))
        seen.add(value)
    publisher.close()
    assert late <= 2, f"{late} of 40 numbers were older than 1.2 s"
    assert len(seen) > 3, "there was never a lag to measure"
    worker.wait_metric("egw_lag_records", lambda n: n == 0)


def test_the_page_does_not_stay_behind_a_worker_that_rests(egw):
    """What an event counted is told though nothing follows that would wake the loop."""
    egw.put(world.customers(20))
    worker = running(egw)
    stream(egw, 20, first=100)
    answered(egw)
    publisher = log.Publisher(egw.bootstrap, egw.topic("events"), egw.partitions)
    took = []
    for number in range(12):
        time.sleep(1.2)  # it rests
        before = worker.metric("egw_outcomes_total")
        publisher.event(world.unclassified(number, f"c{number:04d}"))
        publisher.flush()
        began = time.monotonic()
        worker.wait_metric("egw_outcomes_total", lambda n: n > before)
        took.append(time.monotonic() - began)
    publisher.close()
    assert statistics.median(took) < 0.45, took


# ---- faults, each with its dial ----

def test_a_broker_that_stands_still_shows_and_clears(make_egw, own_broker):
    egw = make_egw(own_broker)
    egw.run("init")
    egw.put(world.customers(20))
    worker = running(egw)
    stream(egw, 50)
    answered(egw)
    publisher = log.Publisher(egw.bootstrap, egw.topic("events"), egw.partitions)
    for attempt in range(10):  # freeze it while a transaction is open
        for n in range(200):
            publisher.event(world.unclassified(f"{attempt}-{n}", f"c{n % 20:04d}"))
        publisher.flush()
        own_broker.freeze()
        time.sleep(1.5)
        if worker.metric("egw_transaction_open_seconds") > 0:
            break
        own_broker.thaw()
    else:
        pytest.fail("no transaction was ever caught open")
    publisher.close()
    worker.wait_metric("egw_transaction_open_seconds", lambda age: age > 3, timeout=10)
    worker.wait_metric("egw_oldest_undecided_event_seconds", lambda age: age > 3, timeout=10)
    assert worker.ask("/live") == (200, "live\n"), "waiting for the broker is not being stuck"
    time.sleep(8)  # past the transaction's time-out: it cannot simply commit any more
    assert worker.metric("egw_loop_turn_age_seconds") < 2
    supervisor = chaos.Supervisor([worker])  # it may have lost its place, and says so by 75
    supervisor.start()
    own_broker.thaw()
    answered(egw, timeout=120)
    worker.wait_metric("egw_ready", lambda n: n == 1, timeout=60)
    supervisor.end()
    assert set(supervisor.codes) <= {program.EXIT_TRY_AGAIN}, supervisor.codes
    worker.wait_metric("egw_transaction_open_seconds", lambda age: age == 0, timeout=30)
    worker.wait_metric("egw_oldest_undecided_event_seconds", lambda age: age == 0, timeout=30)
    worker.wait_metric("egw_lag_records", lambda n: n == 0, timeout=30)


def test_a_fenced_producer_is_counted_with_its_cause(egw):
    """A second producer of the same transactional id, as a zombie's successor would be."""
    from kafka import KafkaProducer
    egw.put(world.customers(20))
    worker = running(egw)
    stream(egw, 20)
    answered(egw)
    thief = KafkaProducer(bootstrap_servers=egw.bootstrap, transactional_id=egw.instance(0))
    thief.init_transactions()
    thief.close()
    stream(egw, 20, first=100)
    worker.wait_metric("egw_producer_recreations_total", lambda n: n >= 1)
    lost = sum(worker.metric("egw_transactions_total", result=result)
               for result in ("aborted", "unknown", "abandoned"))
    assert lost >= 1
    outcomes = answered(egw)
    assert worker.metric("egw_producer_recreations_total") == \
        worker.text().count("what=producer.recreate")
    checkers.assert_clean(checkers.everything(egw.inputs(), outcomes, egw.escalations()))
    worker.wait_metric("egw_outcomes_total", lambda n: n == len(outcomes))
    assert worker.metric("egw_steps_total") > worker.metric("egw_steps_committed_total")


def test_a_second_worker_shows_as_a_rebalance_and_shares_are_told(egw):
    first = running(egw)
    before = first.metric("egw_rebalances_total")
    assert before >= 1
    second = running(egw, 1)
    first.wait_metric("egw_rebalances_total", lambda n: n > before, timeout=30)
    for worker in (first, second):
        worker.wait_metric("egw_partitions", lambda n: n == egw.partitions / 2, timeout=60,
                           state="assigned")
        worker.wait_metric("egw_ready", lambda n: n == 1, timeout=30)


def drains(worker):
    """Whether a worker that was told to stop is seen at it; one that had nothing open is gone at once."""
    while worker.running:
        try:
            if worker.ask("/ready") == (503, "not ready: draining\n"):
                return worker.ask("/live") == (200, "live\n")
        except (ConnectionError, FileNotFoundError, TimeoutError):
            time.sleep(0.01)
    return False


def freeze_inside_a_transaction(egw, worker, broker):
    for attempt in range(20):
        stream(egw, 100, first=time.monotonic_ns())
        broker.freeze()
        time.sleep(0.7)
        if worker.metric("egw_transaction_open_seconds") > 0:
            return
        broker.thaw()
    pytest.fail("no transaction was ever caught open")


def test_a_draining_worker_is_not_ready_but_live(make_egw, own_broker):
    egw = make_egw(own_broker)
    egw.run("init")
    for attempt in range(6):
        worker = running(egw)
        freeze_inside_a_transaction(egw, worker, own_broker)
        worker.signal(15)
        seen = drains(worker)
        own_broker.thaw()
        worker.wait(15)
        if seen:
            return
    pytest.fail("no worker was ever seen draining")


# ---- the watchdog ----

class OneThreadStopped:
    """Stops the main thread of a process and no other, as a call that never returns would."""

    SEIZE, INTERRUPT, DETACH, WALL = 0x4206, 0x4207, 17, 0x40000000

    def __init__(self, pid):
        self.pid, self.libc = pid, ctypes.CDLL(None, use_errno=True)

    def __enter__(self):
        if self.libc.ptrace(self.SEIZE, self.pid, 0, 0):
            pytest.skip(f"this user may not trace: {os.strerror(ctypes.get_errno())}")
        assert self.libc.ptrace(self.INTERRUPT, self.pid, 0, 0) == 0
        os.waitpid(self.pid, self.WALL)
        return self

    def __exit__(self, *_):
        self.libc.ptrace(self.DETACH, self.pid, 0, 0)


def test_a_stuck_loop_ends_its_process_and_says_so(egw):
    worker = running(egw, settings=("triage.stuck_ms=12000",))
    with OneThreadStopped(worker.pid):
        began = time.monotonic()
        while worker.ask("/live")[0] == 200:
            assert time.monotonic() - began < 20, "/live stays true"
            time.sleep(0.05)
        assert worker.ask("/ready") == (503, "not ready: the loop is stuck\n")
        assert 5.8 <= worker.metric("egw_loop_turn_age_seconds") <= 12.6
        while pathlib.Path(f"/proc/{worker.pid}/status").read_text().find("zombie") < 0:
            assert time.monotonic() - began < 40, "the watchdog did not end it"
            time.sleep(0.05)
        took = time.monotonic() - began
    assert worker.wait(5) == program.EXIT_BUG
    assert took < 25
    assert re.search(r"level=warn what=loop\.slow ms=[67]\d\d\d\b", worker.text())
    assert re.search(r"level=error what=stop\.stuck ms=1[23]\d\d\d\b", worker.text())
    worker.start()
    worker.wait_for(r"what=ready\b", timeout=30)
    egw.publish([world.unclassified(1, "c0001")])
    answered(egw)


def test_a_worker_that_was_stopped_as_a_whole_goes_on(egw):
    worker = running(egw, settings=("triage.stuck_ms=5000", "kafka.session_timeout_ms=20000"))
    worker.freeze()
    time.sleep(8)
    worker.thaw()
    egw.publish([world.unclassified(1, "c0001")])
    answered(egw)
    assert worker.running
    assert "stop.stuck" not in worker.text()


def test_a_busy_worker_is_not_taken_for_stuck(egw):
    egw.put(world.customers(20))
    worker = running(egw, settings=("triage.stuck_ms=5000",))
    stream(egw, 20000)
    answered(egw, timeout=120)
    assert worker.running
    assert "stop.stuck" not in worker.text()


# ---- the supervisor, and what cannot start ----

def test_the_supervisor_hears_ready_watchdog_and_stopping(egw, monkeypatch):
    path = program.tempfile.mktemp(prefix="egw-notify-", dir="/tmp")
    heard = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as supervisor:
        supervisor.bind(path)
        supervisor.settimeout(20)
        monkeypatch.setenv("NOTIFY_SOCKET", path)
        worker = egw.worker()  # listened to from the start: what finds no room is lost
        while "READY=1" not in heard or heard.count("WATCHDOG=1") < 3:
            heard.append(supervisor.recv(4096).decode())
        worker.signal(15)
        while heard[-1] != "STOPPING=1":
            heard.append(supervisor.recv(4096).decode())
        assert worker.wait(12) == 0
    os.unlink(path)
    assert heard.count("READY=1") == 1


def test_a_port_that_is_taken_stops_the_start(egw):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = egw.run("triage", "--slot", 0, settings=(f"metrics.listen=127.0.0.1:{port}",),
                       expect=program.EXIT_TRY_AGAIN)
    assert (f"cannot listen on metrics.listen 127.0.0.1:{port}: a process listens there; is a worker "
            "of this slot running already?") in done.err
