"""P5: the owner is frozen in each state of its transaction, another worker takes over, then the frozen one
goes on as if nothing had been. Nothing of what it does may be seen."""
import random
import threading
import time

import pytest

import chaos

pytestmark = [pytest.mark.long, pytest.mark.zombies]

STATES = {
    "decided": ("begin_transaction", "before"),
    "begun": ("begin_transaction", "after"),
    "produced": ("send_offsets_to_transaction", "before"),
    "offsets-sent": ("commit_transaction", "before"),
    "committed": ("commit_transaction", "after"),
}
TIMES = 50
GROUPS = 10  # side by side: each waits for sessions to end most of the time


class Pair(threading.Thread):
    """Two workers on topics of their own; slot 0 is frozen again and again."""

    def __init__(self, egw, killpoint, states, seed):
        super().__init__(daemon=True)
        self.killpoint, self.states = killpoint, states
        self.run_ = chaos.Run(egw, 20, 15, seed, workers=2)
        self.done = 0
        self.exits = []
        self.failure = None

    def run(self):
        try:
            for worker in self.run_.workers:
                worker.wait_for(r"what=ready\b", timeout=60)
            for state in self.states:
                self.freeze(*STATES[state])
                self.done += 1
        except Exception as fault:  # shown by the test, which waits in another thread
            self.failure = fault

    def freeze(self, call, when):
        zombie, heir = self.run_.workers
        self.exits.append(zombie.term())
        zombie.env = self.killpoint((call, when, self.run_.rng.randrange(1, 8), "stop"))
        zombie.start()
        self.until(lambda: zombie.stopped, 60, "frozen")
        assert "killpoint: reached" in zombie.text()
        end = len(heir.text())
        self.until(lambda: heir.text()[end:].count("what=partition.restored") >= 1 and
                   "what=ready" in heir.text()[end:], 60, "taken over")
        self.advance()
        zombie.thaw()
        self.until(lambda: not zombie.running or "what=assignment.lost" in zombie.text(), 60, "awake")
        if not zombie.running:  # fenced: the supervisor's turn
            self.exits.append(zombie.wait(1))
            zombie.env = {}
            zombie.start()
        self.advance()

    def advance(self):
        seen = len(self.run_.eye.seen)
        self.until(lambda: len(self.run_.eye.seen) > seen, 60, "going on")

    @staticmethod
    def until(true, seconds, what):
        end = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < end, f"not {what} after {seconds} s"
            time.sleep(0.02)


def test_a_zombie_of_each_state_is_never_seen(make_egw, own_broker, killpoint, figures):
    rounds = [state for state in STATES for _ in range(TIMES)]
    random.Random(43).shuffle(rounds)
    pairs = [Pair(make_egw(own_broker, partitions=2), killpoint, rounds[n::GROUPS], n)
             for n in range(GROUPS)]
    for pair in pairs:
        pair.run_.eye.start()
        pair.run_.load.start()
        pair.start()
    for pair in pairs:
        pair.join()
    figures.tell("zombies", sum(pair.done for pair in pairs), "==", len(rounds))
    figures.tell("woken_and_fenced", sum(pair.exits.count(75) for pair in pairs))
    figures.tell("exits_unexplained",
                 sum(code not in (0, 75) for pair in pairs for code in pair.exits), "==", 0)
    for pair in pairs:
        assert pair.failure is None, (pair.run_.egw.prefix, pair.failure)
        pair.run_.supervisor.start()
        pair.run_.end()
    for pair in pairs:
        pair.run_.check(figures)
    figures.judge()
