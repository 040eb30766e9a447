"""P29: how long each kind of death is felt, from outside: until every partition answers again."""
import time

import pytest

from chaos import SESSION, Run
from faults import kill_in_transaction
from figures import Published, recoveries

pytestmark = [pytest.mark.long, pytest.mark.recovery]

TIMES = 20
TRANSACTION = 6.0  # seconds, as program.py sets it


def begin(make_egw, broker, seed):
    run = Run(make_egw(broker), 500, 150, seed=seed).begin()
    for worker in run.workers:
        worker.wait_for(r"what=ready\b", timeout=60)
    return run


def wait_takeover(others):
    """Until one of them has new partitions; others: where each one's log ended at the death."""
    died = time.monotonic()
    while not any("what=ready" in worker.text()[end:] for worker, end in others.items()):
        assert time.monotonic() - died < max(SESSION, TRANSACTION) + 20, "nobody took over"
        time.sleep(0.1)


def tell(run, figures, kind, bound):
    run.end()
    run.check(figures)
    events = [Published(r.partition, r.offset, r.timestamp / 1000)
              for r in run.egw.inputs() if r.topic == run.egw.topic("events")]
    took = [s for k, s in recoveries(run.faults, events, run.eye.seen) if k == kind]
    figures.tell(f"{kind}.never", took.count(None), "==", 0)
    figures.spread(f"felt.{kind}", [s for s in took if s is not None], worst=bound)
    figures.tell(f"{kind}.times", len(took), ">=", TIMES)
    figures.judge()


def test_the_same_instance_restarted_is_felt_for_ten_seconds_at_most(make_egw, own_broker, figures):
    run = begin(make_egw, own_broker, 19)
    for _ in range(TIMES):
        run.pause(3, 5)
        run.kill()
    run.pause(5, 6)
    tell(run, figures, "kill", 10)


def test_a_dead_owner_is_felt_for_the_session_and_ten_seconds_at_most(make_egw, own_broker, figures):
    """Dead inside its transaction and not restarted: the group waits for the session, readers of its
    outcomes for the transaction and the broker's sweep."""
    run = begin(make_egw, own_broker, 23)
    for n in range(TIMES):
        run.pause(2, 3)
        worker = run.workers[n % 3]
        run.supervisor.leave(worker)
        run.hits += kill_in_transaction(worker, run.egw.instance(n % 3), run.egw.bootstrap, rng=run.rng)
        run.note("death")
        run.kills += 1
        wait_takeover({w: len(w.text()) for w in run.workers if w is not worker})
        worker.start().wait_for(r"what=ready\b", timeout=60)
        run.supervisor.take(worker)
    run.pause(3, 4)
    tell(run, figures, "death", max(SESSION, TRANSACTION) + 10)
