"""Figures of a run: what was measured, beside the goal it has. Everything here is arithmetic on what the
tests saw; test_figures.py plants wrong runs and sees each one told."""
import bisect
import collections
import statistics

# An event as it was published (times in seconds of one clock), and an outcome as a reader got it.
Published = collections.namedtuple("Published", "partition offset at")
Seen = collections.namedtuple("Seen", "partition offset at")
Fault = collections.namedtuple("Fault", "kind at")


class Figures:
    """Lines `NAME VALUE [goal OP BOUND]`; judge() fails with every goal that was missed."""

    TESTS = {"==": lambda a, b: a == b, "<=": lambda a, b: a <= b, ">=": lambda a, b: a >= b}

    def __init__(self, suite):
        self.suite = suite
        self.lines, self.missed = [], []

    def tell(self, name, value, goal=None, bound=None):
        shown = f"{value:.2f}" if isinstance(value, float) else str(value)
        line = f"figure {self.suite} {name} {shown}"
        if goal:
            line += f" goal {goal} {bound}"
            if not self.TESTS[goal](value, bound):
                line += " MISSED"
                self.missed.append(line)
        self.lines.append(line)

    def spread(self, name, values, worst=None):
        """How many, the median, and the worst, which may have a bound."""
        if not values:
            self.tell(f"{name}.n", 0)
            return
        self.tell(f"{name}.n", len(values))
        self.tell(f"{name}.median_s", float(statistics.median(values)))
        self.tell(f"{name}.worst_s", float(max(values)), *(("<=", worst) if worst else ()))

    def judge(self):
        assert not self.missed, "\n".join(self.missed)


def by_partition(items):
    split = collections.defaultdict(list)
    for item in items:
        split[item.partition].append(item)
    return split


def recoveries(faults, published, seen):
    """For each fault: how long until every partition answered an event that was published after it.
    A partition without such an event or answer makes it None."""
    answered = {(s.partition, s.offset): s.at for s in seen}
    events = {p: sorted(e, key=lambda one: one.at) for p, e in by_partition(published).items()}
    return [(fault.kind, recovery(fault.at, events, answered)) for fault in faults]


def recovery(at, events, answered):
    slowest = 0.0
    for of_partition in events.values():
        first = bisect.bisect_left(of_partition, at, key=lambda one: one.at)
        if first == len(of_partition):
            return None
        event = of_partition[first]
        if (event.partition, event.offset) not in answered:
            return None
        slowest = max(slowest, answered[event.partition, event.offset] - at)
    return slowest


def longest_gap(seen):
    """The longest time any partition was silent between its first and its last outcome."""
    longest = 0.0
    for of_partition in by_partition(seen).values():
        times = sorted(one.at for one in of_partition)
        longest = max([longest, *(b - a for a, b in zip(times, times[1:]))])
    return longest


def moved(restored):
    """Partitions that more than one worker held: {worker: partitions it restored}."""
    holders = collections.Counter(p for parts in restored.values() for p in set(parts))
    return sorted(p for p, n in holders.items() if n > 1)
