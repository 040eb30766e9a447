"""P1 as every commit runs it: 10,000 events through five aimed kills and two broker restarts, with new
policies activated between them; each input answered exactly once, and all of it decided once more. test_chaos.py is the same with the numbers of the promise."""
from chaos import Run

FAULTS = [("kill",), ("activate",), ("kill",), ("broker", "kill"), ("kill",), ("activate",), ("kill",),
          ("broker", "stop"), ("kill",)]


def test_a01_ten_thousand_events_through_five_kills_and_two_broker_restarts(make_egw, own_broker, figures):
    run = Run(make_egw(own_broker), 500, 250, seed=7, least=10000).begin()
    for fault in FAULTS:
        run.pause(2, 5)
        if fault[0] == "kill":
            run.kill()
        elif fault[0] == "activate":
            run.activate()
        else:
            run.restart_broker(own_broker, fault[1])
    run.end()
    run.check(figures, codes=(-9, 75, 69))  # 69: was started while the broker was not there
    figures.tell("activations_reached", run.activations(), "==", 3 * run.egw.partitions)
    figures.tell("dials.recreations", run.dials.sum("egw_producer_recreations_total"), ">=", 1)
    figures.tell("killed", run.exits.count(-9), ">=", 4)  # one may have ended by itself just before
    figures.judge()
