"""Three brokers, replication 3, two in step: a broker dies or leaves, leaders and coordinators move, and
the workers find them again."""
import pytest

from chaos import Run, leaders

pytestmark = [pytest.mark.long, pytest.mark.cluster3]

DOWN = 6  # seconds: longer than the brokers' own session, so that everything moves
ROUNDS = [(node, how) for how in ("kill", "stop", "kill") for node in range(3)]


def test_a_broker_of_three_is_lost_again_and_again(make_egw, own_cluster, figures):
    egw = make_egw(own_cluster, extra=["topics.replication=3"])
    run = Run(egw, 1000, 150, seed=3).begin()
    moves = 0
    for node, how in ROUNDS:
        run.pause(3, 6)
        run.kill()
        before = leaders(own_cluster.bootstrap, egw.topic("outcomes"))
        run.restart_broker(own_cluster.nodes[node], how, down=DOWN)
        after = leaders(own_cluster.bootstrap, egw.topic("outcomes"))
        moves += sum(before[p] != after[p] for p in before)
        own_cluster.wait_in_step()
    run.pause(3, 6)
    run.end()
    run.check(figures, codes=(-9, 69, 75))  # 69: it started while nobody could answer
    recreations = run.dials.sum("egw_producer_recreations_total")
    figures.tell("dials.recreations", recreations, ">=", 1)  # a coordinator was away meanwhile
    figures.tell("broker_faults", len(ROUNDS), ">=", 9)
    figures.tell("leaders_moved", moves, ">=", 6)
    figures.judge()
