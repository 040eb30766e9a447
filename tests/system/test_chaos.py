"""P1 in full: 100,000 events through kills, frozen workers, broker restarts and a rebalance, with the
publisher going on until the last of them; each input answered exactly once."""
import pytest

from chaos import Run

pytestmark = [pytest.mark.long, pytest.mark.chaos]

EVENTS, RATE, KEYS = 100_000, 220, 5_000
KILLS, FREEZES, BROKER = 42, 10, ("kill", "stop", "kill", "stop", "kill", "stop")
ACTIVATIONS = 4


def plan(rng):
    """All faults in an order of their own each run, but never two broker restarts in a row."""
    faults = [("kill",)] * KILLS + [("freeze",)] * FREEZES
    rng.shuffle(faults)
    every = len(faults) // (len(BROKER) + 1)
    for n, how in enumerate(BROKER, 1):
        faults.insert(n * every + n - 1, ("broker", how))
    faults.insert(len(faults) // 2, ("join",))
    for n in range(ACTIVATIONS):
        faults.insert((2 * n + 1) * len(faults) // (2 * ACTIVATIONS), ("activate",))
    return faults


def carry_out(run, broker, fault):
    if fault[0] == "kill":
        run.kill()
    elif fault[0] == "freeze":
        run.all_thawed()  # of three workers one is frozen at a time: who kills may hit the others
        run.freeze()
    elif fault[0] == "broker":
        run.all_thawed()
        run.restart_broker(broker, fault[1])
    elif fault[0] == "activate":
        run.activate()
    else:
        run.all_thawed()
        run.join_and_leave(3)


def test_a_hundred_thousand_events_through_every_fault(make_egw, own_broker, figures):
    run = Run(make_egw(own_broker), KEYS, RATE, seed=11, least=EVENTS).begin()
    for fault in plan(run.rng):
        run.pause(4, 9)  # with the time the aim takes, a kill every 5 to 15 s
        carry_out(run, own_broker, fault)
    run.end()
    run.check(figures)
    figures.tell("dials.recreations", run.dials.sum("egw_producer_recreations_total"), ">=", 1)
    kinds = [fault.kind for fault in run.faults]
    figures.tell("activations_reached", run.activations(), "==",
                 (1 + ACTIVATIONS) * run.egw.partitions)
    figures.tell("kills", kinds.count("kill"), ">=", 40)
    figures.tell("freezes", kinds.count("freeze"), ">=", 10)
    figures.tell("broker_kills", kinds.count("broker-kill"), ">=", 3)
    figures.tell("broker_restarts", sum(kind.startswith("broker") for kind in kinds), ">=", 5)
    figures.judge()
