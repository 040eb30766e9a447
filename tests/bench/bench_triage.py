"""egw triage beside a raw transactional copy and beside the program one would write instead.

Same broker, same run, in turn, medians of five. The copy (tests/bench/plain/rawcopy.c) reads the
same events and writes records of the sizes that triage wrote, measured from triage's own topics: once
uncompressed, as librdkafka's defaults have it, and once with the codec that triage writes with. The
peer (tests/bench/plain/peer.c) decodes with avro-c, decides by a handful of rules and writes small
outcomes, once with and once without case state. Only the ratios mean something: the broker takes
its share of the same cores. Both times run from the start of the process until the group has
committed the last event; CPU times are the process's own, start included. The first round does not
count: the broker compiles itself in it, on the same cores.

usage: bench_triage.py [quick|long]    600,000 or 1,000,000 events
"""
import shutil
import signal
import statistics
import sys

from common import (CUSTOMERS, PARTITIONS, PEER, RAWCOPY, ROOT, bench, cpu_seconds, missed,
                    peak_mib, publish, say, tool, wait_consumed)
import log
import program
import world
from broker import FAST, Broker
from kafka.admin import KafkaAdminClient

ROUNDS, WARM = 5, 1


def triage_round(egw, count):
    """All events by one worker, on topics of its own but the events."""
    egw.put(world.customers(CUSTOMERS), timeout=120)
    worker = egw.worker(0)
    took, first = wait_consumed(egw, worker.process, worker.started)
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
    commands, command_bytes = mean(egw.topic("escalations") + ".commercial")
    print(f"triage wrote {outcomes} outcomes of {outcome_bytes:.0f} B, {entries} entries of "
          f"{entry_bytes:.0f} B, {commands} commands of {command_bytes:.0f} B")
    return [(outcome_bytes, 1000), (entry_bytes, min(1000, round(1000 * entries / count))),
            (command_bytes, round(1000 * commands / count))]


def plain_round(egw, name, topics, run):
    """run(topics) one of the plain C programs, on topics that are made for it and removed."""
    admin = KafkaAdminClient(bootstrap_servers=egw.bootstrap)
    names = [f"{name}.{topic}" for topic in topics]
    admin.create_topics({n: {"num_partitions": PARTITIONS, "replication_factor": 1} for n in names})
    said = run(names)
    admin.delete_topics(names)
    admin.close()
    return {"rate": said["events_per_s"], "cpu": said["cpu_us"], "rss": said["rss_mib"],
            "steady": said["events"] / (said["seconds"] - said["first_s"])}


def copy_round(egw, name, count, shapes, codec="none"):
    return plain_round(egw, name, "ose", lambda names: tool(
        RAWCOPY, codec, egw.bootstrap, name, egw.topic("events"), count,
        *(f"{topic}:{size:.0f}:{share}" for topic, (size, share) in zip(names, shapes))))


def peer_round(egw, name, count, state):
    return plain_round(egw, name, "oes" if state else "oe", lambda names: tool(
        PEER, egw.bootstrap, name, egw.topic("events"), count, *names))


def tell(triage, copy, packed, peer, stateless):
    def ratio(what, other):
        return statistics.median(t[what] / o[what] for t, o in zip(triage, other))

    bench("triage_vs_rawcopy", ratio("rate", copy), ">= 0.85")
    bench("triage_cpu_vs_rawcopy", ratio("cpu", copy), "<= 1.5")
    bench("triage_vs_compressed_rawcopy", ratio("rate", packed))
    bench("triage_cpu_vs_compressed_rawcopy", ratio("cpu", packed))
    bench("triage_cpu_vs_avro_c_with_state", ratio("cpu", peer), "<= 0.5")
    bench("triage_cpu_vs_avro_c_without_state", ratio("cpu", stateless), "<= 1")
    bench("triage_vs_rawcopy_after_first_commit", ratio("steady", copy))
    for name, rounds in (("triage", triage), ("rawcopy", copy), ("compressed_rawcopy", packed),
                         ("peer", peer), ("stateless_peer", stateless)):
        middle = {what: statistics.median(r[what] for r in rounds) for what in rounds[0]}
        bench(f"{name}_events_per_s", middle["rate"])
        bench(f"{name}_cpu_us_per_event", middle["cpu"])
        bench(f"{name}_peak_memory_mib", middle["rss"])


def main(size):
    count = 1000000 if size == "long" else 600000
    where = ROOT / "build" / "bench-run"
    shutil.rmtree(where, ignore_errors=True)
    broker = Broker(where / "broker", flags=FAST).start()
    rounds = {"triage": [], "copy": [], "packed": [], "peer": [], "stateless": []}
    shapes = None
    try:
        for n in range(WARM + ROUNDS):
            # The events are published once; every round has its own group and topics beside them.
            egw = program.Egw(where / f"egw-{n}", broker.bootstrap, f"b{n}", PARTITIONS,
                              events="bench.events")
            egw.run("init")
            if n == 0:
                print(f"{count} events of {publish(egw, count):.0f} B, {PARTITIONS} partitions")
            rounds["triage"].append(triage_round(egw, count))
            shapes = shapes or sizes(egw, count)
            rounds["copy"].append(copy_round(egw, f"copy{n}", count, shapes))
            rounds["packed"].append(copy_round(egw, f"packed{n}", count, shapes, "lz4"))
            rounds["peer"].append(peer_round(egw, f"peer{n}", count, True))
            rounds["stateless"].append(peer_round(egw, f"stateless{n}", count, False))
            say(**{name: done[-1] for name, done in rounds.items()})
            egw.close()
        tell(*(done[WARM:] for done in rounds.values()))
        return 1 if missed else 0
    finally:
        broker.destroy()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "quick"))
