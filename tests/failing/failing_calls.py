"""Each call to the system fails in turn under the real commands: what egw says then is true.

usage: failing_calls.py BUILD-DIRECTORY [--all | --none] [--jobs N] [--only SCENARIO[:WHO[:KIND]]] [--verbose]

Preloads failing_call.so: the n-th call of a kind, made by egw or by one of its libraries, fails with
an error which that call can really give; for every n that a run without faults comes to (--all), or
for some spread evenly over them; or none fails (--none): the same commands, for a sanitizer to look
at. What must hold at each point is in judge(): the process ends by
itself in time; with a code the manual has for a fault of the machine, and a message that names what
failed; or the fault is absorbed, and the result is what it is without. Nothing false is claimed.

Not failed: calls of librdkafka's mock cluster (its set-up crashes or asserts when one does, and it is
no part of what runs in production), and those the C library makes within itself.
"""
import argparse
import collections
import concurrent.futures
import errno
import os
import pathlib
import queue
import re
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
WHOS = "egw rdkafka mock microhttpd curl".split()  # as failing_call.c numbers them
KINDS = ("out err write send read recv open rename fsync socket connect bind accept poll epoll pipe random "
         "thread resolve").split()
REPORT = struct.Struct(f"{1 + len(WHOS) * len(KINDS)}I")

# Assertions of librdkafka 2.0 about calls that failed: a death that nothing outside it can prevent.
LIBRARY_ABORTS = ['rd_kafka_broker_add_logical: Assertion `rkb && *"failed to create broker thread"\' failed']
# These fail again and again, too: every tenth call from the first on.
OFTEN = [("egw", "poll"), ("egw", "connect"), ("rdkafka", "poll"), ("rdkafka", "send"), ("rdkafka", "write"),
         ("rdkafka", "resolve")]
EAI_AGAIN, EAI_MEMORY = -3, -10
ERRORS = {  # the short run takes the first
    "out": [errno.ENOSPC, errno.EIO],
    "err": [errno.EIO],
    "write": [errno.EAGAIN, errno.EIO],
    "send": [errno.ECONNRESET, errno.EPIPE, errno.ENOBUFS],
    "read": [errno.EIO],
    "recv": [errno.ECONNRESET, errno.ETIMEDOUT],
    "open": [errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EIO],
    "rename": [errno.ENOSPC, errno.EIO],
    "fsync": [errno.EIO, errno.ENOSPC],
    "socket": [errno.EMFILE, errno.ENOBUFS],
    "connect": [errno.ECONNREFUSED, errno.ETIMEDOUT, errno.ENETUNREACH],
    "bind": [errno.ENOBUFS, errno.EADDRINUSE],
    "accept": [errno.EMFILE, errno.ECONNABORTED],
    "poll": [errno.EINTR, errno.ENOMEM],
    "epoll": [errno.ENOMEM, errno.EINTR],
    "pipe": [errno.EMFILE, errno.ENFILE],
    "random": [errno.EINTR, errno.ENOSYS],
    "thread": [errno.EAGAIN],
    "resolve": [EAI_AGAIN, EAI_MEMORY],
}
FAULT_CODES = {69, 70, 75}
WRONG_SETTINGS = {errno.EADDRINUSE: 78}  # a port that is taken: no restart helps
SANITIZER_CODE = 99  # none of ours
BOUND_S = 120


class Point(collections.namedtuple("Point", "who kind first step error")):
    def orders(self):
        return f"{self.who}:{self.kind}:{self.first}:{self.step}:{self.error}"

    def __str__(self):
        often = f" and every {self.step}th after it" if self.step > 1 else " and all after it" if self.step else ""
        error = errno.errorcode.get(self.error, f"error {self.error}")
        return f"{self.kind} {self.first}{often} of {self.who} gives {error}"


Done = collections.namedtuple("Done", "code out err failed calls seconds")


# ---- running egw ----

def environment(build, *preload):
    """c11_threads.so is there where ThreadSanitizer is, which does not know the threads of librdkafka."""
    preload = [build / "tests/failing" / name for name in (*preload, "c11_threads.so")]
    found = f"exitcode={SANITIZER_CODE}"
    return {"PATH": "", "LD_PRELOAD": " ".join(str(lib) for lib in preload if lib.exists()),
            "ASAN_OPTIONS": f"verify_asan_link_order=0:detect_leaks=0:{found}", "UBSAN_OPTIONS": found,
            "TSAN_OPTIONS": f"{found}:suppressions={ROOT / 'tests/failing/tsan.supp'}"}


class Mock:
    """A mock cluster; topics: words TOPIC:PARTITIONS."""

    def __init__(self, build, topics):
        self.process = subprocess.Popen([build / "tests/failing/mock_cluster", *topics], text=True,
                                        env=environment(build), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.brokers = self.process.stdout.readline().strip()
        assert self.brokers, "the mock cluster did not start"

    def count(self, topic):
        self.process.stdin.write(topic + "\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        self.process.wait(60)


class Run:
    """One process of egw, its mock cluster if any, and what it printed."""

    def __init__(self, build, mock, words, point=None):
        sets = [f"kafka.brokers={mock.brokers}", "topics.partitions=2", "topics.replication=1"] if mock else []
        self.folder = tempfile.TemporaryDirectory()
        self.at = pathlib.Path(self.folder.name)
        self.started = time.monotonic()
        env = {**environment(build, "failing_call.so"), "EGW_FAIL_REPORT": str(self.at / "report")}
        if point:
            env["EGW_FAIL"] = point.orders()
        with open(self.at / "out", "wb") as out, open(self.at / "err", "wb") as err:
            self.process = subprocess.Popen(
                [build / "workers/egw", *words, *(word for s in sets for word in ("-s", s))], cwd=ROOT, env=env,
                stdin=subprocess.DEVNULL, stdout=out, stderr=err)

    def text(self, name):
        return (self.at / name).read_text(errors="replace")

    def finish(self, bound=None):
        """code None: it did not end."""
        try:
            code = self.process.wait(bound or BOUND_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            code = None
        failed, *calls = REPORT.unpack((self.at / "report").read_bytes())
        done = Done(code, self.text("out"), self.text("err"), bool(failed),
                    {(who, kind): calls[i * len(KINDS) + k] for i, who in enumerate(WHOS)
                     for k, kind in enumerate(KINDS)}, time.monotonic() - self.started)
        self.folder.cleanup()
        return done


def topics_of_egw(build):
    """Names and partitions, as egw misses them: the mock cluster makes those asked for, of four each."""
    mock = Mock(build, [])
    said = Run(build, mock, ["check"]).finish()
    mock.close()
    found = re.findall(r"^topic (\S+) has 4 partitions, must have (\d+)$", said.err, re.M)
    assert found, said
    return [f"{name}:{partitions}" for name, partitions in found]


# ---- what must hold ----

def settled(text):
    """Without what differs between two runs. Partitions may come in another order, too."""
    return re.sub(r"in \d+\.\d+ s|\d{4}-\d\d-\d\dT[\d:.]+Z|127\.0\.0\.1:\d+", "~", text)


def words_for(point):
    """A message about this point must hold one of these; none: the library has its own words."""
    if point.who != "egw" or point.kind in ("connect", "resolve"):
        return []
    if point.kind == "out":
        return ["cannot write to standard output"]
    return ["thread"] if point.kind == "thread" else [os.strerror(point.error)]


def crashes(done):
    if done.code == -signal.SIGABRT and any(text in done.err for text in LIBRARY_ABORTS):
        return
    if done.code is None:
        yield "did not end in time"
    elif done.code < 0:
        yield f"killed by {signal.Signals(-done.code).name}"
    elif done.code == SANITIZER_CODE or "runtime error:" in done.err or "Sanitizer" in done.err:
        yield "a sanitizer's finding"


def judge_fault(point, done):
    """It ended with another code than without the fault."""
    if done.code < 0:
        return
    if done.code not in FAULT_CODES and done.code != WRONG_SETTINGS.get(point.error):
        yield f"exit {done.code} is none for a fault of the machine"
    if point.kind == "err" or (point.kind == "write" and not done.err):
        return  # it could not be told
    words = words_for(point)
    if not done.err.strip():
        yield f"exit {done.code} without a word"
    elif words and not any(word in done.err for word in words):
        yield f"no line names the fault: {' or '.join(words)}"


def judge(point, done, normal):
    """Yields what is wrong."""
    crash = list(crashes(done))
    if crash:
        yield from crash
    elif done.code != normal.code:
        yield from judge_fault(point, done) if done.failed else [f"exit {done.code} though nothing failed"]
    elif done.failed and point.kind == "out":
        yield "what was not printed counts as printed"
    elif sorted(settled(done.out).splitlines()) != sorted(settled(normal.out).splitlines()):
        yield f"exit {done.code}, but the output is another one"


# ---- scenarios ----

class Command:
    """A command that ends. short, long (--all): so many points of a kind, of egw and of each library; None
    for one of them: all, each with every error. short None: not at all."""

    def __init__(self, name, words, broker=True, short=(3, 1), long=(None, None)):
        self.name, self.words, self.broker, self.short, self.long = name, words, broker, short, long

    def stage(self, build, topics):
        return Mock(build, topics) if self.broker else None

    def normal(self, build, topics):
        mock = self.stage(build, topics)
        done = Run(build, mock, self.words).finish()
        if mock:
            mock.close()
        return done

    def lines(self, done):
        lines = [line for line in done.err.splitlines() if line.strip()]
        if done.code in FAULT_CODES and len(lines) > 1:
            yield f"{len(lines)} lines about one fault"

    def try_point(self, build, mock, point, normal):
        done = Run(build, mock, self.words, point).finish()
        return done, [*judge(point, done, normal), *self.lines(done)]


class Prepared(Command):
    """On a cluster that init was run on: as it stands with a user, without a fault of its own."""

    def stage(self, build, topics):
        mock = super().stage(build, topics)
        done = Run(build, mock, ["init"]).finish()
        assert done.code == 0, done
        return mock


class Demo(Command):
    """What a command says is followed by where the story stops."""

    def lines(self, done):
        lines = done.err.strip().splitlines()
        if done.code in FAULT_CODES and len(lines) > 1 and not any("the demo stops here" in line for line in lines):
            yield f"{len(lines)} lines about one fault"


class Writing(Command):
    """What it says it wrote is there. More may be: the mock cluster knows no idempotence, so what
    the library sends again because an answer was lost is there twice."""

    def __init__(self, name, words, topic, writes):
        super().__init__(name, words)
        self.topic, self.writes = topic, writes

    def try_point(self, build, mock, point, normal):
        before = mock.count(self.topic)
        done, wrong = super().try_point(build, mock, point, normal)
        written = mock.count(self.topic) - before
        claimed = re.search(r"(?:published|written) (\d+)", done.out)
        if written < (int(claimed[1]) if claimed else 0) or (done.code == 0 and written < self.writes):
            wrong.append(f"{written} of {self.writes} records were written")
        return done, wrong


class Worker(Command):
    """egw triage with metrics listening: takes over, decides five events, is asked for its metrics, is
    told to stop. What a failed one left is the next one's."""

    EVENTS, OUTCOMES, STOP_S = 5, "support.outcomes", 20

    class Stage:
        def __init__(self, build, topics):
            self.build, self.mock = build, Mock(build, topics)
            self.owed = self.runs = 0  # owed: events without outcome
            self.do("init")
            self.do("reference", "put", "config/story/reference.jsonl")

        def do(self, *words):
            done = Run(self.build, self.mock, words).finish()
            assert done.code == 0, done

        def close(self):
            self.mock.close()

    def __init__(self, name, short, long):
        super().__init__(name, ["triage", "--slot", "0"], short=short, long=long)

    def stage(self, build, topics):
        stage = self.Stage(build, topics)
        done, _ = self.work(stage, None)
        assert done.code == 0, done
        return stage

    def look(self, port):
        """A fault may cost this answer, never the worker."""
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5).read()
        except OSError:
            pass

    def work(self, stage, point):
        """Returns the outcomes still owed as well."""
        stage.do("publish", "config/story/events.jsonl")
        stage.owed += self.EVENTS
        before = stage.mock.count(self.OUTCOMES)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        stage.runs += 1  # a group each: the mock cluster would wait for the session of the one before
        run = Run(stage.build, stage.mock, [*self.words, "-s", f"metrics.listen=127.0.0.1:{port}",
                                            "-s", f"triage.group=group-{stage.runs}"], point)
        until = time.monotonic() + BOUND_S
        while run.process.poll() is None and time.monotonic() < until \
                and stage.mock.count(self.OUTCOMES) < before + stage.owed:
            time.sleep(0.1)
        self.look(port)
        run.process.send_signal(signal.SIGTERM)
        done = run.finish(self.STOP_S)
        stage.owed -= min(stage.owed, stage.mock.count(self.OUTCOMES) - before)
        return done, stage.owed

    def normal(self, build, topics):
        stage = self.stage(build, topics)
        done, owed = self.work(stage, None)
        stage.close()
        assert done.code == 0 and not owed, done
        return done

    def try_point(self, build, stage, point, normal):
        done, owed = self.work(stage, point)
        wrong = list(crashes(done))
        if not wrong and done.code != 0:
            wrong = list(judge_fault(point, done))
        elif not wrong and owed:
            wrong.append(f"{owed} events without outcome")
        return done, wrong


SCENARIOS = [
    Command("version", ["--version"], broker=False),
    Command("manual", ["manual"], broker=False),
    Command("sample", ["check", "--sample"], broker=False),
    Command("lint", ["policy", "lint", "config/policy"], broker=False, short=(2, 0)),
    Command("check-offline", ["check", "--offline", "-c", "config/minimal.cfg"], broker=False, short=(2, 0)),
    Prepared("check", ["check"], short=None, long=(None, 4)),
    Writing("publish", ["publish", "config/story/events.jsonl"], "support.events", 5),
    Writing("reference", ["reference", "put", "config/story/reference.jsonl"], "support.reference", 15),
    Command("outcomes", ["outcomes"]),
    Worker("triage", short=None, long=(6, 2)),
    Demo("demo", ["demo"], broker=False, short=None, long=(3, 1)),
]


def spread(found, n):
    """n of them, evenly; the first and the last are among them."""
    if len(found) <= n:
        return found
    return [found[round(i * (len(found) - 1) / max(n - 1, 1))] for i in range(n)]


def points_of(scenario, calls, everything, only):
    points = []
    for (who, kind), n in calls.items():
        if who == "mock" or only not in ([], [who], [who, kind]):
            continue
        limit = (scenario.long if everything else scenario.short)[who != "egw"]
        turns = range(1, n + 1) if limit is None else spread(range(1, n + 1), limit)
        points += [Point(who, kind, first, 0, error) for first in turns
                   for error in (ERRORS[kind] if limit is None else ERRORS[kind][:1])]
        if everything and scenario.broker and n > 10 and (who, kind) in OFTEN:
            points.append(Point(who, kind, 1, 10, ERRORS[kind][0]))
    return points


def try_all(scenario, build, topics, args):
    """Returns how many points were tried, how many of them the run came to, and the faults found."""
    normal = scenario.normal(build, topics)
    assert not list(crashes(normal)), normal
    points = [] if args.none else points_of(scenario, normal.calls, args.all, args.only.split(":")[1:])
    stages = queue.Queue()
    for _ in range(min(args.jobs, len(points))):
        stages.put(scenario.stage(build, topics))

    def one(point):
        stage = stages.get()
        try:
            return (point, *scenario.try_point(build, stage, point, normal))
        finally:
            stages.put(stage)

    hit, faults = 0, 0
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        for point, done, wrong in pool.map(one, points):
            hit += done.failed
            faults += bool(wrong)
            if wrong or args.verbose:
                print(f"{scenario.name}, {point}: {'; '.join(wrong) or 'well'} [{point.orders()}, exit {done.code}, "
                      f"{done.seconds:.1f} s] {done.err[-400:].strip()}", flush=True)
    while not stages.empty():
        stage = stages.get()
        if stage:
            stage.close()
    return len(points), hit, faults


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--none", action="store_true")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--only", default="")
    parser.add_argument("--verbose", action="store_true")
    args = parser.parse_args()
    global BOUND_S
    if args.none:
        BOUND_S = 600  # for sanitizers that take their time
    build = args.build.resolve()
    topics = topics_of_egw(build)
    sums = [0, 0, 0]
    for scenario in SCENARIOS:
        wanted = args.only.split(":")[0] == scenario.name if args.only else args.all or args.none or scenario.short
        if not wanted:
            continue
        started = time.monotonic()
        one = try_all(scenario, build, topics, args)
        sums = [a + b for a, b in zip(sums, one)]
        print(f"{scenario.name}: {one[0]} points, {one[1]} reached, {one[2]} with faults, "
              f"{time.monotonic() - started:.0f} s", flush=True)
    print(f"{sums[0]} points, {sums[1]} reached, {sums[2]} with faults")
    return 1 if sums[2] or (not sums[1] and not args.none) else 0


if __name__ == "__main__":
    sys.exit(main())
