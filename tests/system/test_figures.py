"""The arithmetic behind the figures is believed because each wrong run planted here is told."""
import random

import pytest

import chaos
from figures import Fault, Figures, Published, Seen, longest_gap, moved, recoveries
from records import key_of


def test_a_missed_goal_is_told_and_judged():
    figures = Figures("t")
    figures.tell("lost", 0, "==", 0)
    figures.tell("seconds", 1.234)
    figures.judge()
    figures.tell("doubled", 2, "==", 0)
    assert figures.lines == ["figure t lost 0 goal == 0", "figure t seconds 1.23",
                             "figure t doubled 2 goal == 0 MISSED"]
    with pytest.raises(AssertionError, match="doubled 2 goal == 0 MISSED"):
        figures.judge()


def test_a_spread_is_judged_by_its_worst():
    figures = Figures("t")
    figures.spread("x", [1.0, 9.0, 2.0], worst=8)
    assert figures.lines == ["figure t x.n 3", "figure t x.median_s 2.00",
                             "figure t x.worst_s 9.00 goal <= 8 MISSED"]
    assert len(figures.missed) == 1


PUBLISHED = [Published(p, n, float(n)) for p in (0, 1) for n in range(10)]


def answers(late):
    """Each event is answered after 0.1 s, but for those named here."""
    return [Seen(e.partition, e.offset, late.get((e.partition, e.offset), e.at + 0.1))
            for e in PUBLISHED]


@pytest.mark.parametrize("late, expected", [
    ({}, 0.6),                          # the first event after 4.5 came at 5.0
    ({(1, 5): 9.5}, 5.0),               # the slower partition counts
    ({(0, 5): 6.5, (1, 5): 7.5}, 3.0),
    ({(1, 4): 99.0, (1, 6): 99.0}, 0.6),  # published before, and not the first after
])
def test_recovery_is_the_first_answer_of_the_slowest_partition(late, expected):
    [(kind, took)] = recoveries([Fault("kill", 4.5)], PUBLISHED, answers(late))
    assert kind == "kill" and took == pytest.approx(expected)


def test_a_fault_that_never_healed_has_no_recovery():
    seen = [s for s in answers({}) if (s.partition, s.offset) != (1, 5)]
    assert recoveries([Fault("kill", 4.5)], PUBLISHED, seen) == [("kill", None)]
    assert recoveries([Fault("kill", 9.5)], PUBLISHED, answers({})) == [("kill", None)]


def test_the_longest_gap_is_within_one_partition():
    seen = [Seen(0, 0, 1.0), Seen(0, 1, 2.0), Seen(1, 0, 1.5), Seen(1, 1, 8.5), Seen(0, 2, 5.0)]
    assert longest_gap(seen) == 7.0


def test_a_partition_moved_when_two_workers_held_it():
    assert moved({0: [1, 2, 2], 1: [3]}) == []
    assert moved({0: [1, 2], 1: [2, 3], 2: [3]}) == [2, 3]


def test_the_load_has_repeated_events_and_many_keys():
    source = chaos.cases(50, random.Random(1))
    made = [next(source) for _ in range(2000)]
    assert len({e["event_id"] for e in made}) < len(made)
    assert len({key_of(e) for e in made}) == 50
    assert {"opened", "updated", "closed"} == {e["event_type"] for e in made}


class Life:
    """A worker as Dials sees it: one process after the other, each with counters and a log of its own."""

    def __init__(self):
        self.pid, self.counted, self.logged = 0, {}, ""

    def start(self, logged="", **counted):
        self.pid += 1
        self.logged = logged
        self.counted = {f'egw_{name}_total{{cause="x"}}': n for name, n in counted.items()}

    def metrics(self, timeout):
        return self.counted

    def text(self):
        return self.logged


def test_counters_add_up_over_the_lives_of_a_worker():
    worker = Life()
    dials = chaos.Dials([worker])
    worker.start(producer_recreations=2)
    dials.read(worker)
    worker.counted = {'egw_producer_recreations_total{cause="x"}': 3.0}
    dials.read(worker)
    worker.start(producer_recreations=1)
    dials.read(worker)
    assert dials.sum("egw_producer_recreations_total") == 4
    assert dials.sum("egw_producer_recreations_total", cause="y") == 0


def test_an_answer_of_a_worker_that_was_started_anew_meanwhile_counts_for_nobody():
    worker = Life()
    dials = chaos.Dials([worker])
    worker.metrics = lambda timeout: worker.start(assignments_lost=1) or worker.counted
    dials.read(worker)
    assert not dials.lives


def test_a_counter_that_differs_from_the_log_is_seen():
    worker = Life()
    dials = chaos.Dials([worker])
    for logged, counted, differ in (("what=assignment.lost", 1, 0), ("", 1, 1),
                                    ("what=assignment.lost\nwhat=assignment.lost", 1, 1)):
        worker.start(logged, assignments_lost=counted)
        dials.read(worker)
        assert dials.told_otherwise(worker) == differ
