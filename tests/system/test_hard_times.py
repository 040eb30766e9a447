"""Hard times: one event in a hundred is poison (P13), or far more comes than is decided (P15)."""
import pathlib
import re
import struct
import time

import pytest

import checkers
import log
import world
from records import SCHEMAS, SINGLE, key_of

CUSTOMERS = 50
MIB = 1 << 20


def of_events(egw, inputs):
    """Without what egw and its operators said themselves."""
    return [r for r in inputs if r.topic == egw.topic("events")]


def wait_decided(egw, worker, timeout):
    """Until the group has committed past every event; asks the broker only, which costs the worker
    nothing."""
    deadline = time.monotonic() + timeout
    while (left := log.lag(egw.bootstrap, egw.group, [egw.topic("events")])) > 0:
        assert worker.running, worker.text()[-2000:]
        assert time.monotonic() < deadline, f"{left} events are undecided after {timeout} s"
        time.sleep(0.5)


# ---- one in a hundred is poison ----

def poisons(whole):
    """Every kind of record a stranger may leave, in turn, and what its reason names."""
    return [(b"not avro at all", "no frame"), (b"", "no frame"), (whole[:10], ""), (whole[:-3], ""),
            (whole + b"\0", ""), (None, ""),
            (SINGLE + struct.pack("<Q", 0x0123456789ABCDEF) + whole[10:], "0123456789abcdef"),
            (SINGLE + whole[2:10] + b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", ""),
            (b"\0" + struct.pack(">i", 77) + whole[10:], "77")]


def publish_poisoned(egw, count):
    """count events, each hundredth of them poison under the key of its neighbours. What stands at
    the place of each poison, with its reason; the ids of the good ones in the order of their key."""
    publisher = log.Publisher(egw.bootstrap, egw.topic("events"), egw.partitions)
    kinds = poisons(SCHEMAS["SupportEvent"].single(world.unclassified(1, "c0001")))
    bad, good = {}, []
    for number in range(count):
        event = world.unclassified(number, f"c{number % CUSTOMERS:04d}")
        if number % 100 == 50 + number // 100 % 50:
            bad[number] = kinds[number // 100 % len(kinds)]
            publisher.raw(key_of(event), bad[number][0])
        else:
            publisher.event(event)
            good.append(event["event_id"])
    places = publisher.flush()
    publisher.close()
    return {places[number]: told for number, told in bad.items()}, good


def one_in_a_hundred(egw, figures, count, timeout):
    egw.put(world.customers(CUSTOMERS))
    bad, good = publish_poisoned(egw, count)
    assert len(bad) == count // 100
    worker = egw.worker()
    wait_decided(egw, worker, timeout)
    outcomes, inputs = egw.outcomes(), egw.inputs()
    dead = {checkers.trigger_place(r.said): r.said for r in outcomes
            if r.said["action"] == "DEAD_LETTERED"}
    assert set(dead) == set(bad)
    letters = {}
    for letter in egw.dead_letters():
        told = {name: value.decode() for name, value in letter.headers}
        place = told["egw.topic"], int(told["egw.partition"]), int(told["egw.offset"])
        assert place not in letters, f"two letters for {place}"
        letters[place] = letter.value
        value, names = bad[place]
        assert told["egw.sha256"] == checkers.sha256(value).hex(), place
        assert told["egw.reason"] == dead[place]["because"] and names in told["egw.reason"], told
    assert letters == {place: value for place, (value, _) in bad.items()}
    said = {r.said["event_id"]: r.said["action"] for r in outcomes if r.said["event_id"]}
    assert said == dict.fromkeys(good, "BASELINE")
    checkers.assert_clean(checkers.everything(inputs, outcomes, egw.escalations()))
    assert worker.metric("egw_dead_letters_total") == len(bad)
    assert "partition.halted" not in worker.text()
    assert worker.term() == 0
    figures.tell("events", len(of_events(egw, inputs)), "==", count)
    figures.tell("poison", len(letters), "==", count // 100)
    figures.judge()


def test_p13_one_event_in_a_hundred_is_poison_and_no_neighbour_notices(egw, figures):
    one_in_a_hundred(egw, figures, 50000, 180)


# ---- more than it can take ----

def ceiling_mib(egw, queue=128, commit=32):
    """What README.md grants under "Memory", in MiB."""
    entries = {r.key: len(r.key) + len(r.value or b"")
               for r in log.read_topic(egw.bootstrap, egw.topic("cases"))}
    return 128 + queue + 4 * commit + 2 * sum(entries.values()) / MIB


def most_held_mib(worker):
    status = pathlib.Path(f"/proc/{worker.pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) / 1024


def publish_large(egw, count):
    """A case for each customer, each of whose events has 64 kB of other text: the state stays small,
    so that what is held beside it shows."""
    for first in range(0, count, 500):
        egw.publish([world.unclassified(
            number, f"c{number % CUSTOMERS:04d}", "opened" if number < CUSTOMERS else "updated",
            case_id=f"U-{number % CUSTOMERS}", text=f"{number:06d} " * (64 * 1024 // 7))
            for number in range(first, min(first + 500, count))])


def overload(egw, figures, count, timeout, settings=(), **bounds):
    """All of it is there before the worker is, so that it takes as much at once as it ever would."""
    egw.put(world.customers(CUSTOMERS))
    publish_large(egw, count)
    worker = egw.worker(settings=settings)
    wait_decided(egw, worker, timeout)
    held = most_held_mib(worker)
    outcomes, inputs = egw.outcomes(), egw.inputs()
    checkers.assert_clean(checkers.everything(inputs, outcomes, egw.escalations()))
    assert worker.term() == 0
    figures.tell("events-of-64-kb", len(of_events(egw, inputs)), "==", count)
    figures.tell("held-mib", round(held), "<=", round(1.1 * ceiling_mib(egw, **bounds)))
    figures.judge()


def test_p15_a_backlog_of_64_kb_events_stays_under_the_ceiling_and_loses_nothing(egw, figures):
    """With the smallest queue and a small batch: the backlog is many times what may be held."""
    overload(egw, figures, 2000, 180, queue=16, commit=4, settings=(
        "kafka.properties.queued_max_messages_kbytes=16384", "triage.commit_bytes=4194304"))


@pytest.mark.long
@pytest.mark.hardtimes
def test_p15_a_long_backlog_of_64_kb_events_stays_under_the_ceiling_and_loses_nothing(egw, figures):
    overload(egw, figures, 12000, 600)
