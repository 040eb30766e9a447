"""egw triage beside a raw transactional copy: same broker, same run, in turn, medians of five.

The copy (tests/bench/rawcopy) reads the same events and writes records of the sizes that triage
wrote, measured from triage's own topics, in transactions of 100 ms; it decodes and decides nothing.
Only the ratios mean something: the broker takes its share of the same cores. Both times run from the
start of the process until the group has committed the last event; both CPU times are the process's own.

usage: bench_triage.py [quick|long]    300,000 or 1,000,000 events
"""
import json
import os
import pathlib
import random
import re
import shutil
import signal
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "system"))

import log  # noqa: E402
import program  # noqa: E402
import world  # noqa: E402
from broker import FAST, Broker  # noqa: E402
from kafka.admin import KafkaAdminClient  # noqa: E402
from records import SCHEMAS, key_of  # noqa: E402

PARTITIONS, ROUNDS, CUSTOMERS, EVENT_BYTES = 6, 5, 2000, 428
RAWCOPY = ROOT / "build" / "bench" / "tests" / "bench" / "rawcopy" / "rawcopy"


def events(count):
    """As peers were measured: 428 bytes on average, cases drawn anew each time (632 distinct of
    1,000), five in eight go up."""
    rng = random.Random(1)
    for number in range(count):
        case = rng.randrange(count)
        customer = f"c{case % CUSTOMERS:04d}"
        dice = case * 2654435761 % 8  # by case, not by event: what is said of one case agrees
        if dice < 5:
            record = world.billing(number, customer, case_id=f"K-{case}")
        else:
            record = world.unclassified(number, customer, case_id=f"K-{case}", service="Entra ID",
                                        domain="technical",
                                        text="User sees AADSTS50057 at sign-in. ")
        size = len(SCHEMAS["SupportEvent"].encode(record)) + 10
        wanted = EVENT_BYTES + rng.randrange(-100, 101)
        record["text"] += "The desk wrote this much more. " * 20
        record["text"] = record["text"][:max(40, len(record["text"]) - 620 + wanted - size)]
        yield record


def publish(egw, count):
    publisher = log.Publisher(egw.bootstrap, egw.topic("events"), PARTITIONS)
    total = 0
    for record in events(count):
        value = SCHEMAS["SupportEvent"].single(record)
        total += len(value)
        publisher.raw(key_of(record), value)
        if len(publisher.pending) >= 50000:
            publisher.flush()
    publisher.flush()
    publisher.close()
    return total / count


def peak_mib(pid):
    """Peak memory since exec. What wait4() says includes this program's, which forked it."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmHWM:\s*(\d+)", status).group(1)) / 1024


def cpu_seconds(process):
    """Of one process, from its own account after its end."""
    _, _, used = os.wait4(process.pid, 0)
    process.returncode = 0
    return used.ru_utime + used.ru_stime


def wait_consumed(egw, process, group, topic, started):
    """Seconds until the group committed past the last record, and until its first commit."""
    admin = KafkaAdminClient(bootstrap_servers=egw.bootstrap)
    ends = log.ends_of(egw.bootstrap, topic)
    first = None
    try:
        while True:
            committed = admin.list_group_offsets(group).get(group, {})
            at = {p.partition: o.offset for p, o in committed.items() if p.topic == topic}
            if first is None and any(offset > 0 for offset in at.values()):
                first = time.monotonic() - started
            if all(at.get(partition, 0) >= end for partition, end in ends.items()):
                return time.monotonic() - started, first
            if process.poll() is not None:
                raise RuntimeError(f"the worker ended with {process.returncode}")
            if time.monotonic() - started > 300:
                raise RuntimeError("not consumed in 300 s")
            time.sleep(0.05)
    finally:
        admin.close()


def triage_round(egw, count):
    """All events by one worker, on topics of its own but the events."""
    egw.run("init")
    egw.put(world.customers(CUSTOMERS), timeout=120)
    worker = egw.worker(0)
    took, first = wait_consumed(egw, worker.process, egw.group,
                                egw.topic("events"), worker.started)
    rss = peak_mib(worker.pid)
    worker.signal(signal.SIGTERM)
    return {"rate": count / took, "steady": count / (took - first),
            "cpu": cpu_seconds(worker.process) * 1e6 / count, "rss": rss, "first": first}


def sizes(egw, count):
    """Mean bytes triage wrote for each event and topic: what the copy has to write."""
    def mean(topic, but=None):
        records = [r for r in log.read_topic(egw.bootstrap, topic, timeout=300) if r.key != but]
        return len(records), sum(len(r.value or b"") for r in records) / max(len(records), 1)

    outcomes, outcome_bytes = mean(egw.topic("outcomes"))
    entries, entry_bytes = mean(egw.topic("cases"), but=b"#position")
    commands = egw.escalations()
    command_bytes = sum(len(r.record.value) for r in commands) / max(len(commands), 1)
    print(f"triage wrote {outcomes} outcomes of {outcome_bytes:.0f} B, {entries} entries of "
          f"{entry_bytes:.0f} B, {len(commands)} commands of {command_bytes:.0f} B")
    return [(outcome_bytes, 1000), (entry_bytes, min(1000, round(1000 * entries / count))),
            (command_bytes, round(1000 * len(commands) / count))]


def copy_round(broker, egw, name, count, shapes):
    admin = KafkaAdminClient(bootstrap_servers=broker.bootstrap)
    topics = {f"{name}.{what}": {"num_partitions": PARTITIONS, "replication_factor": 1}
              for what in "ose"}
    admin.create_topics(topics)
    admin.close()
    targets = [f"{topic}:{size:.0f}:{share}" for topic, (size, share) in zip(topics, shapes)]
    out = subprocess.run([str(RAWCOPY), broker.bootstrap, name, egw.topic("events"), str(count), *targets],
                         check=True, capture_output=True, text=True, timeout=600).stdout
    said = dict(pair.split("=") for pair in out.split())
    admin = KafkaAdminClient(bootstrap_servers=broker.bootstrap)
    admin.delete_topics(list(topics))
    admin.close()
    return {"rate": float(said["events_per_s"]), "cpu": float(said["cpu_us"]),
            "rss": float(said["rss_mib"]),
            "steady": count / (float(said["seconds"]) - float(said["first_s"]))}


def restart_to_first_outcome(egw):
    """kill -9, a few events, start: seconds until the outcome topic's stable end moves."""
    took = []
    publisher = log.Publisher(egw.bootstrap, egw.topic("events"), PARTITIONS)
    worker = egw.worker(0)
    worker.wait_for(r"what=ready\b", timeout=60)
    for number in range(5):
        worker.kill9()
        before = sum(log.ends_of(egw.bootstrap, egw.topic("outcomes")).values())
        publisher.event(world.unclassified(f"restart-{number}", "c0001"))
        publisher.flush()
        worker.start()
        while sum(log.ends_of(egw.bootstrap, egw.topic("outcomes")).values()) == before:
            time.sleep(0.01)
        took.append(time.monotonic() - worker.started)
    worker.term()
    return statistics.median(took)


def bench(name, value, goal=None, better=None):
    met = "" if goal is None else ("" if better(value) else "   <-- missed")
    print(f"bench {name} {value:.2f}" + (f" goal {goal}" if goal else "") + met, flush=True)
    return not met


def main(size):
    count = 1000000 if size == "long" else 300000
    where = ROOT / "build" / "bench-run"
    shutil.rmtree(where, ignore_errors=True)
    broker = Broker(where / "broker", flags=FAST).start()
    try:
        ours, raw, shapes = [], [], None
        for number in range(ROUNDS):
            # The events are published once; every round has its own group and topics beside them.
            egw = program.Egw(where / f"egw-{number}", broker.bootstrap, f"b{number}", PARTITIONS,
                              events="bench.events")
            if number == 0:
                egw.run("init")
                mean = publish(egw, count)
            ours.append(triage_round(egw, count))
            if shapes is None:
                print(f"{count} events of {mean:.0f} B, {PARTITIONS} partitions")
                shapes = sizes(egw, count)
            raw.append(copy_round(broker, egw, f"raw{number}", count, shapes))
            print(json.dumps({"triage": ours[-1], "copy": raw[-1]}), flush=True)
            if number < ROUNDS - 1:
                egw.close()
        restart = restart_to_first_outcome(egw)
        ratio = {what: statistics.median(o[what] / r[what] for o, r in zip(ours, raw))
                 for what in ("rate", "steady", "cpu")}
        middle = {what: statistics.median(o[what] for o in ours) for what in ours[0]}
        good = [bench("triage_vs_rawcopy", ratio["rate"], ">= 0.7", lambda v: v >= 0.7),
                bench("triage_cpu_vs_rawcopy", ratio["cpu"], "<= 1.8", lambda v: v <= 1.8),
                bench("restart_to_first_outcome_s", restart, "< 1.5", lambda v: v < 1.5)]
        bench("triage_vs_rawcopy_after_first_commit", ratio["steady"])
        bench("triage_events_per_s", middle["rate"])
        bench("triage_cpu_us_per_event", middle["cpu"])
        bench("triage_peak_memory_mib", middle["rss"])
        bench("rawcopy_events_per_s", statistics.median(r["rate"] for r in raw))
        bench("rawcopy_peak_memory_mib", statistics.median(r["rss"] for r in raw))
        return 0 if all(good) else 1
    finally:
        broker.destroy()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "quick"))
