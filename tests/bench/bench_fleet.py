"""What operators feel: how long an event waits, what a second worker costs, how long a start takes.

One Kafka on the same cores, with 2 GB and ZGC: a collector that stops it for 20 to 50 ms once a second
would be most of what p99 tells. Load is paced by tests/bench/load: HALF is half of the 60,000 events a
second up to which one worker, the broker and the load itself keep up on two cores, LIGHT a sixth of
that, where the fixed price of a worker and its transactions shows. Latency is from the event's time
stamp to its outcome in a read_committed reader. The first two rounds do not count: the broker compiles
itself in them.

usage: bench_fleet.py [quick|long|soak]    long: a million open cases; soak: an hour of load
"""
import shutil
import statistics
import sys
import time

from common import (CUSTOMERS, PARTITIONS, ROOT, bench, cpu_so_far, memory_mib, missed, pace,
                    publish, say, wait_consumed)
import log
import program
import world
from broker import Broker

HALF, LIGHT = 30000, 10000
SECONDS, ROUNDS, WARM = 10, 5, 2
QUICK = "triage.commit_ms=10"
CONCURRENT = ("-Xms2g", "-Xmx2g", "-XX:+UseZGC")


opened = []


def fresh(where, broker, name, settings=()):
    egw = program.Egw(where / name, broker.bootstrap, name, PARTITIONS)
    opened.append(egw)
    egw.extra.extend(settings)
    egw.run("init")
    egw.put(world.customers(CUSTOMERS), timeout=120)
    return egw


def start(egw, slots):
    workers = [egw.worker(slot) for slot in range(slots)]
    for worker in workers:
        worker.wait_for(r"what=ready\b", timeout=60)
    return workers


def paced(where, broker, name, rate, slots, settings=()):
    """Latency and CPU per event of so many workers under a paced load, start left out."""
    egw = fresh(where, broker, name, settings)
    workers = start(egw, slots)
    pace(egw, rate * 2, rate, f"{name}w")
    before = [cpu_so_far(w.pid) for w in workers]
    said = pace(egw, rate * SECONDS, rate, name)
    said["cpu"] = sum(cpu_so_far(w.pid) - b for w, b in zip(workers, before)) * 1e6 / (rate * SECONDS)
    egw.close()
    say(name=name, rate=rate, slots=slots, **said)
    return said


def latency_and_workers(where, broker):
    """At each rate one worker, two, and one that commits sooner, in turn."""
    rounds = [{rate: (paced(where, broker, f"one{n}r{rate}", rate, 1),
                      paced(where, broker, f"two{n}r{rate}", rate, 2),
                      paced(where, broker, f"quick{n}r{rate}", rate, 1, [QUICK]))
               for rate in (HALF, LIGHT)} for n in range(WARM + ROUNDS)][WARM:]
    for rate, at, bounds in ((HALF, "", ("<= 150", "<= 40", "<= 1.1")),
                             (LIGHT, f"_at_{LIGHT}", (None, None, None))):
        one, two, quick = zip(*(r[rate] for r in rounds))
        bench(f"latency_p50_ms{at}", statistics.median(r["p50_ms"] for r in one))
        bench(f"latency_p99_ms{at}", statistics.median(r["p99_ms"] for r in one), bounds[0])
        bench(f"latency_p50_ms_with_{QUICK.replace('=', '_')}{at}",
              statistics.median(r["p50_ms"] for r in quick))
        bench(f"latency_p99_ms_with_{QUICK.replace('=', '_')}{at}",
              statistics.median(r["p99_ms"] for r in quick), bounds[1])
        bench(f"two_workers_cpu_vs_one{at}",
              statistics.median(t["cpu"] / o["cpu"] for t, o in zip(two, one)), bounds[2])
        bench(f"paced_cpu_us_per_event{at}", statistics.median(r["cpu"] for r in one))
        bench(f"paced_cpu_us_per_event_of_two{at}", statistics.median(r["cpu"] for r in two))


def restart_s(egw, worker, salt):
    """kill -9, an event, start: seconds until the outcome topic's stable end moves."""
    worker.kill9()
    before = sum(log.ends_of(egw.bootstrap, egw.topic("outcomes")).values())
    publish(egw, 1, salt)
    worker.start()
    while sum(log.ends_of(egw.bootstrap, egw.topic("outcomes")).values()) == before:
        if time.monotonic() - worker.started > 120:
            raise RuntimeError("no outcome within 120 s of the start")
        time.sleep(0.01)
    return time.monotonic() - worker.started


def starts(where, broker, counts):
    """Start to first outcome with so many open cases; their number is what was drawn."""
    for count in counts:
        egw = fresh(where, broker, f"open{count}")
        worker = start(egw, 1)[0]
        before = memory_mib(worker.pid)
        if count:
            # As many distinct cases: events are drawn from 1.6 times as many, so most are opened once.
            publish(egw, count * 8 // 5, f"o{count}", cases=count)
            wait_consumed(egw, worker.process, worker.started, timeout=600)
        took = [restart_s(egw, worker, f"r{n}") for n in range(ROUNDS)]
        worker.wait_for(r"what=ready\b", timeout=120)
        bench(f"start_to_first_outcome_s_with_{count}_drawn_cases", statistics.median(took),
              "< 1.5" if count == 0 else None)
        if count >= 100000:
            cases = len({r.key for r in log.read_topic(egw.bootstrap, egw.topic("cases"), timeout=600)})
            bench("open_cases", cases)
            bench("memory_bytes_per_open_case", (memory_mib(worker.pid) - before) * 2**20 / cases)
        egw.close()


def soak(where, broker):
    """Memory after an hour of load against memory after five minutes: cases end, so must theirs."""
    egw = fresh(where, broker, "soak")
    worker = start(egw, 1)[0]
    began, early, rounds = time.monotonic(), None, 0
    while time.monotonic() - began < 3600:
        # The same 2,000 cases over and over, 1,000 events a second: what grows is not state.
        publish(egw, 5000, f"s{rounds}", cases=2000)
        wait_consumed(egw, worker.process, worker.started, timeout=7200)
        if early is None and time.monotonic() - began >= 300:
            early = memory_mib(worker.pid)
            say(five_minutes_mib=early, events=5000 * (rounds + 1))
        rounds += 1
        time.sleep(max(0.0, began + 5 * rounds - time.monotonic()))
    say(an_hour_mib=memory_mib(worker.pid), events=5000 * rounds)
    bench("memory_after_an_hour_vs_five_minutes", memory_mib(worker.pid) / early, "<= 1.05")
    egw.close()


def main(size):
    where = ROOT / "build" / "bench-fleet"
    shutil.rmtree(where, ignore_errors=True)
    broker = Broker(where / "broker", flags=CONCURRENT).start()
    try:
        if size == "soak":
            soak(where, broker)
        else:
            latency_and_workers(where, broker)
            starts(where, broker, (0, 10000, 1000000) if size == "long" else (0, 10000))
        return 1 if missed else 0
    finally:
        for egw in opened:
            egw.close()
        broker.destroy()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "quick"))
