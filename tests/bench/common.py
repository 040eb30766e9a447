"""What the benchmarks on a real broker share: load, workers, and how a figure is told."""
import json
import os
import pathlib
import re
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "system"))

import log  # noqa: E402
from kafka.admin import KafkaAdminClient  # noqa: E402
from kafka.errors import KafkaError  # noqa: E402

PARTITIONS, CUSTOMERS, PARTNER = 6, 2000, "litware"
TOOLS = ROOT / "build" / "bench" / "tests" / "bench"
LOAD, RAWCOPY, PEER = TOOLS / "load" / "load", TOOLS / "plain" / "rawcopy", TOOLS / "plain" / "peer"

missed = []


def bench(name, value, goal=None):
    """One line a figure; goal is '>= 0.7' or '<= 1.8'."""
    met = True
    if goal:
        how, bound = goal.split()
        met = value >= float(bound) if how.startswith(">") else value <= float(bound)
        if not met:
            missed.append(name)
    print(f"bench {name} {value:.2f}" + (f" goal {goal}" if goal else "") +
          ("" if met else "   <-- missed"), flush=True)


def say(**what):
    print(json.dumps(what), flush=True)


def tool(*args, timeout=600):
    """Runs one of the C programs; what it printed as name=figure."""
    done = subprocess.run([*map(str, args)], check=True, capture_output=True, text=True,
                          timeout=timeout)
    return {k: float(v) for k, v in (pair.split("=") for pair in done.stdout.split())}


def publish(egw, count, salt="", cases=None):
    """Mean bytes of the events published, as fast as they go."""
    more = [] if cases is None else [cases]
    return tool(LOAD, "publish", egw.bootstrap, egw.topic("events"), PARTITIONS, count, salt,
                *more)["mean_bytes"]


def pace(egw, count, rate, salt):
    """p50_ms, p99_ms and max_ms from an event's time stamp to its outcome being read."""
    return tool(LOAD, "pace", egw.bootstrap, egw.topic("events"), PARTITIONS, count, salt, rate,
                egw.topic("outcomes"))


def peak_mib(pid):
    """Peak memory since exec. What wait4() says includes this program's, which forked it."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmHWM:\s*(\d+)", status).group(1)) / 1024


def memory_mib(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s*(\d+)", status).group(1)) / 1024


def cpu_so_far(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def cpu_seconds(process):
    """Of one process, from its own account after its end."""
    _, _, used = os.wait4(process.pid, 0)
    process.returncode = 0
    return used.ru_utime + used.ru_stime


def wait_consumed(egw, process, started, timeout=300):
    """Seconds until the group committed past the last record, and until its first commit."""
    admin = KafkaAdminClient(bootstrap_servers=egw.bootstrap)
    topic = egw.topic("events")
    ends = log.ends_of(egw.bootstrap, topic)
    first = None
    try:
        while True:
            try:
                committed = admin.list_group_offsets(egw.group).get(egw.group, {})
            except KafkaError:  # a broker that is busy loses its office for a moment: ask again
                committed = {}
            at = {p.partition: o.offset for p, o in committed.items() if p.topic == topic}
            if first is None and any(offset > 0 for offset in at.values()):
                first = time.monotonic() - started
            if all(at.get(partition, 0) >= end for partition, end in ends.items()):
                return time.monotonic() - started, first
            if process.poll() is not None:
                raise RuntimeError(f"the worker ended with {process.returncode}")
            if time.monotonic() - started > timeout:
                raise RuntimeError(f"not consumed in {timeout} s")
            time.sleep(0.05)
    finally:
        admin.close()
