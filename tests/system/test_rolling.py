"""Rolling restarts, as for an upgrade: workers one after the other disturb nobody, then brokers, then both
at once."""
import threading

import pytest

from chaos import Run
from figures import longest_gap

pytestmark = [pytest.mark.long, pytest.mark.rolling]

PASSES = 3


def roll_workers(run):
    for worker in run.workers:
        run.pause(1, 3)
        run.note("worker-restart")
        with run.supervisor.guard:
            run.exits_asked.append(worker.term())
            worker.start()
        worker.wait_for(r"what=ready\b", timeout=60)


def roll_brokers(run, cluster):
    for node in cluster.nodes:
        run.pause(1, 3)
        run.restart_broker(node, "stop")
        cluster.wait_in_step()


def disturbed(run):
    return run.told(r"assignment\.revoked") + run.told(r"assignment\.lost")


def test_restarts_one_after_the_other_lose_nothing(make_egw, own_cluster, figures):
    egw = make_egw(own_cluster, extra=["topics.replication=3"])
    run = Run(egw, 1000, 200, seed=17).begin()
    run.exits_asked = []
    for worker in run.workers:
        worker.wait_for(r"what=ready\b", timeout=60)
    run.pause(5, 6)
    before, seen_before = disturbed(run), len(run.eye.seen)
    for _ in range(PASSES):
        roll_workers(run)
    figures.tell("workers.gap_s", longest_gap(run.eye.seen[seen_before:]), "<=", 10)
    figures.tell("workers.rebalances_of_others", disturbed(run) - before, "==", 0)
    for _ in range(PASSES - 1):
        roll_brokers(run, own_cluster)
    beside = threading.Thread(target=roll_brokers, args=(run, own_cluster))
    beside.start()
    while beside.is_alive():
        roll_workers(run)
    beside.join()
    run.pause(2, 3)
    run.end()
    run.check(figures)
    figures.tell("workers_restarted", len(run.exits_asked), ">=", 3 * PASSES + 3)
    figures.tell("exits_asked_not_0", sum(code != 0 for code in run.exits_asked), "==", 0)
    figures.judge()
