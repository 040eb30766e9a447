"""P1 as every commit runs it: 10,000 events through five aimed kills and two broker restarts, each
input answered exactly once. `long` is the same with the numbers of the promise."""
import random
import threading
import time

import pytest

import checkers
import log
import world
from faults import kill_in_transaction
from records import event, key_of

WORKERS = 3


class Supervisor(threading.Thread):
    """Starts a worker again whenever it ends, as systemd or compose would, and keeps the codes."""

    def __init__(self, workers):
        super().__init__(daemon=True)
        self.workers = workers
        self.codes = []
        self.guard = threading.Lock()
        self.stopping = threading.Event()

    def run(self):
        while not self.stopping.wait(0.1):
            with self.guard:
                for worker in self.workers:
                    if worker.process.poll() is not None:
                        self.codes.append(worker.process.returncode)
                        worker.start()

    def end(self):
        self.stopping.set()
        self.join()


class Load(threading.Thread):
    """Publishes at an even pace while everything else goes wrong."""

    def __init__(self, bootstrap, topic, partitions, events, rate):
        super().__init__(daemon=True)
        self.publisher = log.Publisher(bootstrap, topic, partitions)
        self.events, self.rate = events, rate
        self.sent = 0
        self.failure = None

    def run(self):
        try:
            started = time.monotonic()
            for number, record in enumerate(self.events):
                ahead = number / self.rate - (time.monotonic() - started)
                if ahead > 0:
                    time.sleep(ahead)
                self.publisher.event(record)
                self.sent += 1
            self.publisher.flush()
        except Exception as fault:  # shown by the test, which waits in another thread
            self.failure = fault

    def done(self):
        return not self.is_alive()


def cases(count, keys, rng):
    """Cases in several states at once: opened, more said about them, ended; some repeated."""
    open_cases, events = [], []
    for number in range(count):
        dice = rng.random()
        name = f"c{rng.randrange(keys):04d}"
        if dice < 0.4 or not open_cases:
            made = (world.billing if rng.random() < 0.6 else world.unclassified)(number, name)
            open_cases.append(made)
        elif dice < 0.97:
            case = rng.choice(open_cases)
            kind = rng.choice(["updated", "updated", "closed"])
            made = event(event_id=str(number), event_type=kind, customer=case["customer"],
                         case_id=case["case_id"])
            if kind == "closed":
                open_cases.remove(case)
        else:
            made = rng.choice(events)
        events.append(made)
    return events


def faults(broker, egw, supervisor, load, plan, rng):
    """Carry out the plan: ("kill",) a worker in its transaction, ("broker", how) a restart. Returns
    how many kills hit an open transaction."""
    hits = 0
    step = len(load.events) / (len(plan) + 1)
    for number, fault in enumerate(plan, 1):
        while load.sent < step * number and not load.done():
            time.sleep(0.05)
        if fault[0] == "kill":
            slot = rng.randrange(WORKERS)
            hits += kill_in_transaction(supervisor.workers[slot], egw.instance(slot),
                                        broker.bootstrap, rng=rng, guard=supervisor.guard)
        else:
            broker.kill() if fault[1] == "kill" else broker.stop()
            broker.start()
    return hits


def run(egw, broker, count, keys, rate, plan, seed):
    rng = random.Random(seed)
    egw.run("init")
    egw.put(world.customers(keys))
    workers = [egw.worker(slot) for slot in range(WORKERS)]
    supervisor = Supervisor(workers)
    load = Load(broker.bootstrap, egw.topic("events"), egw.partitions, cases(count, keys, rng), rate)
    for worker in workers:
        worker.wait_for(r"what=(ready|start)\b", timeout=30)
    supervisor.start()
    load.start()
    hits = faults(broker, egw, supervisor, load, plan, rng)
    load.join()
    assert load.failure is None, load.failure
    drain = time.monotonic()
    while log.lag(broker.bootstrap, egw.group, [egw.topic("events")]) > 0:
        assert time.monotonic() - drain < 60, f"not drained in 60 s: {supervisor.codes}"
        time.sleep(0.5)
    drained = time.monotonic() - drain
    supervisor.end()
    codes = [worker.term() for worker in workers]
    print(f"{hits} kills hit an open transaction, drained in {drained:.1f} s, exits {supervisor.codes}")
    return hits, codes, supervisor.codes


def check(egw, count):
    inputs, outcomes, escalations = egw.inputs(), egw.outcomes(), egw.escalations()
    events = [r for r in inputs if r.topic == egw.topic("events")]
    assert len(events) >= count
    checkers.assert_clean(checkers.everything(inputs, outcomes, escalations))
    checkers.assert_clean(checkers.keys(events, egw.partitions))
    actions = {read.said["action"] for read in outcomes}
    assert {"HANDOFF", "BASELINE", "DUPLICATE", "NOTED"} <= actions, actions
    assert escalations
    told = egw.run("audit", timeout=120)
    return outcomes, told


SMALL = [("kill",), ("kill",), ("broker", "kill"), ("kill",), ("kill",), ("broker", "stop"), ("kill",)]


def test_a01_ten_thousand_events_through_five_kills_and_two_broker_restarts(make_egw, own_broker):
    egw = make_egw(own_broker)
    hits, codes, restarts = run(egw, own_broker, 10000, 500, 250, SMALL, seed=7)
    assert hits >= 4, f"only {hits} of 5 kills hit an open transaction"
    assert codes == [0] * WORKERS
    assert set(restarts) <= {-9, 75}, f"workers ended by themselves: {restarts}"
    assert restarts.count(-9) == 5
    check(egw, 10000)


@pytest.mark.long
def test_a_hundred_thousand_events_through_forty_kills(make_egw, own_broker):
    egw = make_egw(own_broker)
    plan = ([("kill",)] * 8 + [("broker", "kill")] + [("kill",)] * 4 + [("broker", "stop")]) * 4
    hits, codes, _ = run(egw, own_broker, 100000, 5000, 300, plan, seed=11)
    assert hits >= 0.8 * sum(1 for fault in plan if fault[0] == "kill")
    assert codes == [0] * WORKERS
    check(egw, 100000)


def test_the_load_has_repeated_events_and_many_keys():
    made = cases(2000, 50, random.Random(1))
    assert len({e["event_id"] for e in made}) < len(made)
    assert len({key_of(e) for e in made}) == 50
