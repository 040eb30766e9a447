"""P23: SIGTERM at 200 random moments, from the first line of a worker's life on, with the broker up, down
and stalled: it ends within ten seconds, a second SIGTERM ends it within one, and nothing is lost."""
import random
import re
import threading
import time

import pytest

from chaos import Run
from faults import freeze_in_transaction

pytestmark = [pytest.mark.long, pytest.mark.sigterm]

SLOTS = 5
UP, DOWN, STALLED = 20, 10, 10  # rounds of SLOTS workers each
BOUND, SECOND_BOUND = 10.0, 1.0
CAUGHT = (1, 2)  # slots that have a transaction open when the broker goes; the first is asked twice
# -15: before a handler stood. 69: no broker to start with. 75: start me again.
CODES = {"up": (0, -15), "down": (0, -15, 69, 75), "stalled": (0, -15, 69, 75)}


class Stop(threading.Thread):
    """One worker stopped at one moment; twice: asked again while it drains."""

    def __init__(self, worker, after, twice, fresh):
        super().__init__(daemon=True)
        self.worker, self.after, self.twice, self.fresh = worker, after, twice, fresh
        self.took = self.second = self.code = None
        self.caught = self.decided = False

    def run(self):
        if self.fresh:
            self.worker.kill9()
            self.worker.start()
        time.sleep(self.after)
        asked = time.monotonic()
        self.worker.signal(15)
        if self.twice:
            time.sleep(0.3)
            if self.worker.running:
                again = time.monotonic()
                self.worker.signal(15)
                self.code = self.worker.wait(30)
                self.second = time.monotonic() - again
        self.code = self.worker.wait(30)
        self.took = time.monotonic() - asked
        self.decided = bool(re.search(r"what=stop\.done .*transactions=[1-9]", self.worker.text()))


def lose_broker(run, lose):
    """Takes the broker away from workers whose transactions it holds open: nothing that they could do
    ends these."""
    caught = [run.workers[slot] for slot in CAUGHT]
    for slot, worker in zip(CAUGHT, caught):
        freeze_in_transaction(worker, run.egw.instance(slot), run.egw.bootstrap, rng=run.rng)
    lose()
    for worker in caught:
        worker.thaw()


def stop_all(run, rng, latest, twice=False):
    """Every worker at a moment of its own; a third of them while they start."""
    stops = [Stop(worker, rng.uniform(0, latest), twice and n % 3 == 1, n % 3 == 0)
             for n, worker in enumerate(run.workers)]
    for slot in CAUGHT if twice else ():
        stops[slot].caught = True
    for stop in stops:
        stop.start()
    for stop in stops:
        stop.join()
    return stops


def start_all(run, decide=True):
    """decide: until each has committed something; ready is too early, the policy is still compiled."""
    for worker in run.workers:
        worker.start()
    if decide:
        for worker in run.workers:
            worker.wait_metric("egw_transactions_total", lambda n: n > 0, 60, result="committed")


def tell(figures, name, stops):
    figures.spread(f"{name}.stop", [s.took for s in stops if s.second is None], worst=BOUND)
    figures.spread(f"{name}.second", [s.second for s in stops if s.second is not None],
                   worst=SECOND_BOUND)
    waited = [s for s in stops if s.caught]
    if waited:
        figures.spread(f"{name}.caught", [s.took for s in waited if s.second is None])
        figures.tell(f"{name}.caught_that_waited",
                     sum(s.second is not None or s.took > SECOND_BOUND for s in waited), ">=",
                     0.9 * len(waited))
    codes = [s.code for s in stops]
    figures.tell(f"{name}.exits", ",".join(f"{c}:{codes.count(c)}" for c in sorted(set(codes))))
    figures.tell(f"{name}.exits_unexplained", sum(c not in CODES[name] for c in codes), "==", 0)


def test_two_hundred_random_moments(make_egw, own_broker, figures):
    rng = random.Random(47)
    run = Run(make_egw(own_broker), 500, 150, seed=47, workers=SLOTS)
    run.eye.start()
    run.load.start()
    stops = {"up": [], "down": [], "stalled": []}
    for n in range(UP):  # every other time they were started a moment ago
        stops["up"] += stop_all(run, rng, 3)
        start_all(run, decide=n % 2 == 0)
    stop_all(run, rng, 0)
    for _ in range(DOWN):
        start_all(run)
        lose_broker(run, own_broker.kill)
        stops["down"] += stop_all(run, rng, 3, twice=True)
        own_broker.start()
    for _ in range(STALLED):
        start_all(run)
        lose_broker(run, own_broker.freeze)
        stops["stalled"] += stop_all(run, rng, 3, twice=True)
        own_broker.thaw()
        own_broker.wait_ready()
    start_all(run)
    run.supervisor.start()
    run.end()
    figures.tell("up.that_had_decided", sum(s.decided for s in stops["up"]), ">=",
                 0.9 * UP / 2 * (SLOTS - len(range(0, SLOTS, 3))))
    for name, of_kind in stops.items():
        tell(figures, name, of_kind)
    figures.tell("stops", sum(map(len, stops.values())), ">=", 200)
    run.check(figures)
    figures.judge()
