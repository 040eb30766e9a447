"""The parts of a hostile run: a load that goes on, a supervisor, an eye on the outcomes, and the faults
themselves. What holds afterwards is for checkers.py to say."""
import contextlib
import json
import random
import re
import threading
import time

from kafka import KafkaConsumer, TopicPartition
from kafka.admin import KafkaAdminClient

import checkers
import log
import world
from faults import kill_in_transaction
from figures import Fault, Published, Seen, moved, recoveries
from program import sum_of
from records import decode, event

SESSION = 6.0  # seconds, as program.py sets it
DRAIN = 60.0  # P1: longest time to drain after the last fault


class Supervisor(threading.Thread):
    """Starts a worker again whenever it ends, as systemd or compose would, and keeps the codes."""

    def __init__(self, workers):
        super().__init__(daemon=True)
        self.workers = list(workers)
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

    def leave(self, worker):
        """From now on this worker may end."""
        with self.guard:
            self.workers.remove(worker)

    def take(self, worker):
        with self.guard:
            self.workers.append(worker)

    def end(self):
        self.stopping.set()
        self.join()


def cases(keys, rng):
    """Cases in several states at once, without end: opened, more said about them, ended; some repeated."""
    open_cases, recent, number = [], [], 0
    while True:
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
            made = rng.choice(recent)
        recent = [*recent[-999:], made]
        number += 1
        yield made


class Load(threading.Thread):
    """Publishes at an even pace while everything else goes wrong: at least `least` events, and until
    it is told that the last fault is over. What an outage kept it from is not made up for in a burst."""

    BEHIND = 0.5  # seconds

    def __init__(self, bootstrap, topic, partitions, events, rate, least=0):
        super().__init__(daemon=True)
        self.publisher = log.Publisher(bootstrap, topic, partitions)
        self.events, self.rate, self.least = events, rate, least
        self.sent = 0
        self.places = []
        self.failure = None
        self.over = threading.Event()

    def run(self):
        try:
            due = time.monotonic()
            while self.sent < self.least or not self.over.is_set():
                self.publisher.event(next(self.events))
                self.sent += 1
                due = max(due + 1 / self.rate, time.monotonic() - self.BEHIND)
                time.sleep(max(0.0, due - time.monotonic()))
            self.places = self.publisher.flush()
        except Exception as fault:  # shown by the test, which waits in another thread
            self.failure = fault

    def end(self, timeout=600):
        self.over.set()
        self.join(timeout)
        assert self.failure is None, self.failure
        assert not self.is_alive(), f"the load did not end: {self.sent} sent"
        self.publisher.close()
        return self.places


class Eye(threading.Thread):
    """Notes when a committed outcome became visible. Starts before the first event."""

    def __init__(self, egw):
        super().__init__(daemon=True)
        self.events, self.seen = egw.topic("events"), []
        self.consumer = KafkaConsumer(bootstrap_servers=egw.bootstrap, enable_auto_commit=False,
                                      isolation_level="read_committed", auto_offset_reset="earliest",
                                      reconnect_backoff_max_ms=500)
        self.consumer.assign([TopicPartition(egw.topic("outcomes"), n)
                              for n in range(egw.partitions)])
        self.ending = threading.Event()

    def run(self):
        while not self.ending.is_set():
            try:
                batches = self.consumer.poll(timeout_ms=50)
            except Exception:  # the broker is gone on purpose: look again
                time.sleep(0.05)
                continue
            now = time.time()
            for record in (r for batch in batches.values() for r in batch):
                trigger = decode(record.value, "Outcome")["trigger"]
                if trigger["kind"] == "EVENT" and trigger["topic"] == self.events:
                    self.seen.append(Seen(trigger["partition"], trigger["offset"], now))

    def end(self):
        self.ending.set()
        self.join(30)
        self.consumer.close()


class Dials(threading.Thread):
    """Reads the counters of every worker while it lives. A life that is killed counts as far as it was
    read, so sums over lives are never too large."""

    EVERY = 0.25  # seconds

    def __init__(self, workers):
        super().__init__(daemon=True)
        self.workers = workers  # those that join later as well
        self.lives = {}
        self.ending = threading.Event()

    def run(self):
        while not self.ending.wait(self.EVERY):
            for worker in list(self.workers):
                with contextlib.suppress(OSError, ValueError, IndexError, AssertionError):
                    self.read(worker, timeout=0.5)  # frozen, dead or just starting: the next time

    def read(self, worker, timeout=5):
        life = (worker, worker.pid)
        metrics = worker.metrics(timeout)
        if life == (worker, worker.pid):  # else nobody knows whose answer it is
            self.lives[life] = metrics

    def end(self):
        self.ending.set()
        self.join(30)

    def sum(self, name, **labels):
        return int(sum(sum_of(metrics, name, **labels) for metrics in list(self.lives.values())))

    def told_otherwise(self, worker):
        """How far the counters of a worker's last life are from what its log says."""
        metrics, text = self.lives[worker, worker.pid], worker.text()
        return sum(abs(sum_of(metrics, name) - len(re.findall(rf"what={what}\b", text)))
                   for name, what in (("egw_producer_recreations_total", r"producer\.recreate"),
                                      ("egw_assignments_lost_total", r"assignment\.lost"),
                                      ("egw_restore_seconds_count", r"partition\.restored")))

    def settle(self, worker, patience=10):
        """The same once nothing happens any more: a partition may still be on its way to the worker."""
        until = time.monotonic() + patience
        self.read(worker)
        while (off := self.told_otherwise(worker)) and time.monotonic() < until:
            time.sleep(self.EVERY)
            self.read(worker)
        return off


class Run:
    """Workers under supervision, with a load on them. The faults happen between begin() and end()."""

    def __init__(self, egw, keys, rate, seed, workers=3, least=0, settings=()):
        self.egw, self.rng = egw, random.Random(seed)
        egw.run("init")
        egw.put(world.customers(keys))
        self.settings = settings  # of the workers only
        self.workers = [egw.worker(slot, settings=settings) for slot in range(workers)]
        self.supervisor = Supervisor(self.workers)
        self.load = Load(egw.bootstrap, egw.topic("events"), egw.partitions,
                         cases(keys, self.rng), rate, least)
        self.eye = Eye(egw)
        self.dials = Dials(egw.workers)
        self.faults = []
        self.kills = self.hits = self.activated = 0
        self.drained, self.told_otherwise = None, 0
        self.exits = []
        self.frozen = {}

    def begin(self):
        for worker in self.workers:
            worker.wait_for(r"what=(ready|start)\b", timeout=60)
        self.supervisor.start()
        self.eye.start()
        self.dials.start()
        self.load.start()
        return self

    def pause(self, least, most):
        """To the next fault. A load that fails meanwhile fails the test now, not at its end."""
        time.sleep(self.rng.uniform(least, most))
        assert self.load.failure is None, self.load.failure

    def note(self, kind):
        self.faults.append(Fault(kind, time.time()))

    # ---- faults ----

    def awake(self):
        return [slot for slot in range(len(self.workers)) if slot not in self.frozen]

    def kill(self):
        """kill -9 of a random worker, inside its transaction as the coordinator sees it."""
        slot = self.rng.choice(self.awake())
        hit = kill_in_transaction(self.workers[slot], self.egw.instance(slot), self.egw.bootstrap,
                                  rng=self.rng, guard=self.supervisor.guard)
        self.note("kill")
        self.kills += 1
        self.hits += hit

    def kill_blindly(self):
        """kill -9 wherever it is: of use while the broker cannot be reached and nobody could aim."""
        worker = self.workers[self.rng.choice(self.awake())]
        with self.supervisor.guard:
            if worker.running:
                worker.kill9()
        self.note("kill-blind")

    def freeze(self, seconds=2 * SESSION):
        """SIGSTOP for twice the session time-out; other faults go on beside it."""
        slot = self.rng.choice(self.awake())
        worker = self.workers[slot]
        with self.supervisor.guard:
            if not worker.running:  # it ended a moment ago and is about to be started
                worker.start()
            worker.freeze()
        self.note("freeze")
        timer = threading.Timer(seconds, self._thaw, [slot, len(worker.text())])
        self.frozen[slot] = timer
        timer.start()

    def _thaw(self, slot, said):
        """It stays out of the other faults' reach until it has noticed its loss and was given partitions
        again: killed before that it would never say so, and who has none has nothing to lose."""
        worker = self.workers[slot]
        pid, until = worker.pid, time.monotonic() + 2 * SESSION
        again = re.compile(r"what=assignment\.lost.*what=partition\.restored", re.DOTALL)
        worker.thaw()
        while (time.monotonic() < until and worker.running and worker.pid == pid
               and not again.search(worker.text()[said:])):
            time.sleep(0.05)
        self.frozen.pop(slot, None)

    def all_thawed(self):
        for timer in list(self.frozen.values()):
            timer.join()

    def restart_broker(self, broker, how, down=0):
        self.note(f"broker-{how}")
        broker.kill() if how == "kill" else broker.stop()
        time.sleep(down)
        broker.start()

    def activate(self):
        """Another policy, in every partition: without the catalogue, and with it the next time."""
        nothing = self.egw.dir / "nothing"
        nothing.mkdir(exist_ok=True)
        other = () if self.activated % 2 else (f"policy.catalogue={nothing}",)
        self.egw.run("policy activate", "--by", "chaos", settings=other, timeout=120)
        self.activated += 1

    def activations(self):
        return sum(read.said["action"] == "POLICY_ACTIVATED" for read in self.egw.outcomes())

    def join_and_leave(self, seconds):
        """One more worker comes, takes its share, and goes by SIGTERM; its partitions are without a
        worker until its session ends."""
        slot = len(self.workers)
        worker = self.egw.worker(slot, settings=self.settings)
        worker.wait_for(r"what=ready\b", timeout=60)
        time.sleep(seconds)
        self.note("scale-in")
        assert worker.term() == 0

    # ---- the end ----

    def end(self, drain=DRAIN):
        self.all_thawed()
        self.places = self.load.end()
        started = time.monotonic()
        while (left := self._lag()) != 0:
            assert time.monotonic() - started < drain, \
                f"{left} events left {drain} s after the last fault: exits {self.supervisor.codes}"
            time.sleep(0.3)
        self.drained = time.monotonic() - started
        self.supervisor.end()
        if self.dials.is_alive():
            self.dials.end()
            for worker in self.workers:
                worker.wait_metric("egw_lag_records", lambda n: n == 0, timeout=30)
                self.told_otherwise += self.dials.settle(worker)
        self.exits = self.supervisor.codes
        self.codes = [worker.term() for worker in self.workers]
        self.eye.end()
        return self

    def _lag(self):
        with contextlib.suppress(Exception):  # a broker that is only just back: ask again
            return log.lag(self.egw.bootstrap, self.egw.group, [self.egw.topic("events")])
        return None

    def restored(self):
        """Which partitions each worker took over at any time, by its own log."""
        return {n: [int(p) for p in re.findall(r"what=partition\.restored part=(\d+)",
                                               worker.text(since_start=False))]
                for n, worker in enumerate(self.egw.workers)}

    def told(self, what):
        """How often the workers said so."""
        return sum(len(re.findall(rf"what={what}\b", worker.text(since_start=False)))
                   for worker in self.egw.workers)

    def check(self, figures, codes=(-9, 75), silences=0):
        """Everything that must hold, and the figures of it. codes: how a worker may have ended.
        silences: faults, beside freezes, that outlast the session, so that a worker at least hears of
        it."""
        egw = self.egw
        inputs, outcomes, escalations = egw.inputs(), egw.outcomes(), egw.escalations()
        events = [r for r in inputs if r.topic == egw.topic("events")]
        once = checkers.once(inputs, outcomes)
        figures.tell("events", len(events), ">=", max(self.load.least, 1))
        figures.tell("unpublished", len(set(self.places) - {checkers.place(r) for r in events}),
                     "==", 0)
        figures.tell("lost", sum("has no outcome" in f for f in once), "==", 0)
        figures.tell("doubled", sum("outcomes" in f.rsplit(" has ", 1)[-1] for f in once), "==", 0)
        figures.tell("strange", len([f for f in once if "names an input" in f or "digest" in f]),
                     "==", 0)
        figures.tell("order_faults", len(checkers.order(inputs, outcomes)), "==", 0)
        figures.tell("chain_faults", len(checkers.chains(outcomes)), "==", 0)
        figures.tell("command_faults", len(checkers.commands(outcomes, escalations)), "==", 0)
        figures.tell("key_faults", len(checkers.keys(events, egw.partitions)), "==", 0)
        figures.tell("hanging_transactions", hanging(egw), "==", 0)
        figures.tell("drained_s", self.drained, "<=", DRAIN)
        if self.kills:
            figures.tell("kills", self.kills)
            figures.tell("kills_in_transaction", self.hits / self.kills, ">=", 0.8)
        figures.tell("exits", ",".join(f"{code}:{self.exits.count(code)}"
                                       for code in sorted(set(self.exits))) or "none")
        figures.tell("exits_unexplained", sum(code not in codes for code in self.exits), "==", 0)
        figures.tell("last_exits_not_0", sum(code != 0 for code in self.codes), "==", 0)
        self.tell_recovery(figures, events)
        if self.dials.lives:
            self.tell_dials(figures, silences)
        checkers.assert_clean(checkers.everything(inputs, outcomes, escalations))
        said = {read.said["action"] for read in outcomes}
        assert {"HANDOFF", "BASELINE", "DUPLICATE", "NOTED"} <= said, said
        egw.run("audit", timeout=300)
        self.tell_again(figures)
        return outcomes

    def tell_again(self, figures):
        """Every decision recalled from its outcome and replayed from its input."""
        for verb in ("verify", "replay"):
            told = self.egw.run(verb, "--all", "-o", "json", expect=None, timeout=900).stdout
            told = json.loads(told.splitlines()[-1])
            figures.tell(f"{verb}.same", told["same"], ">=", 1)
            figures.tell(f"{verb}.differ", told["differ"], "==", 0)
            figures.tell(f"{verb}.unchecked", told["unchecked"], "==", 0)

    def tell_dials(self, figures, silences):
        """What the workers counted: each life got partitions, none skipped an input, who was frozen or
        not heard past its session noticed, and the last lives counted what they logged."""
        figures.tell("dials.transactions.committed",
                     self.dials.sum("egw_transactions_total", result="committed"), ">=", 1)
        for result in ("aborted", "unknown", "abandoned"):
            figures.tell(f"dials.transactions.{result}",
                         self.dials.sum("egw_transactions_total", result=result))
        for cause in ("commit-doubtful", "abort-doubtful", "commit-unknown", "abort-failed",
                      "begin-failed", "produce-failed", "init-failed"):
            if n := self.dials.sum("egw_producer_recreations_total", cause=cause):
                figures.tell(f"dials.recreations.{cause}", n)
        figures.tell("dials.lives", len(self.dials.lives), ">=", len(self.workers))
        figures.tell("dials.rebalances", self.dials.sum("egw_rebalances_total"), ">=",
                     len(self.workers))
        figures.tell("dials.offsets_skipped", self.dials.sum("egw_offsets_skipped_total"), "==", 0)
        figures.tell("dials.lost_or_fenced", self.dials.sum("egw_assignments_lost_total") +
                     self.exits.count(75), ">=",
                     [f.kind for f in self.faults].count("freeze") + silences)
        figures.tell("dials.told_otherwise", self.told_otherwise, "==", 0)

    def tell_recovery(self, figures, events):
        published = [Published(r.partition, r.offset, r.timestamp / 1000) for r in events]
        took = recoveries(self.faults, published, self.eye.seen)
        for kind in dict.fromkeys(fault.kind for fault in self.faults):
            figures.spread(f"recovery.{kind}", [s for k, s in took if k == kind and s is not None])
        figures.tell("partitions_moved", len(moved(self.restored())))
        for what in ("assignment.lost", "txn.abort", "producer.recreate"):
            figures.tell(what, self.told(what.replace(".", r"\.")))


def hanging(egw):
    """Partitions of egw's topics with records past what a committed reader may read, once all is
    still: an open transaction nobody will end."""
    count = 0
    for name in (egw.topic("outcomes"), egw.topic("cases"), egw.topic("inbox")):
        stable = log.ends_of(egw.bootstrap, name)
        high = log.ends_of(egw.bootstrap, name, isolation="read_uncommitted")
        count += sum(stable[p] != high[p] for p in high)
    return count


def leaders(bootstrap, topic):
    """Where each partition of a topic has its leader now."""
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        parts = admin.describe_topics([topic])[0]["partitions"]
    finally:
        admin.close()
    return {p["partition_index"]: p["leader_id"] for p in parts}
