"""The real binary: its commands run to their end, its workers run beside the test."""
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]

EXIT_OK, EXIT_NO, EXIT_USAGE = 0, 1, 2
EXIT_DATA, EXIT_UNAVAILABLE, EXIT_BUG, EXIT_TRY_AGAIN, EXIT_DENIED, EXIT_CONFIG = 65, 69, 70, 75, 77, 78

TOPICS = ("events", "inbox", "outcomes", "escalations", "cases", "reference", "policy",
          "dead_letters", "checkpoints")


def binary():
    return pathlib.Path(os.environ.get("EGW_BINARY", ROOT / "build" / "release" / "workers" / "egw"))


def sum_of(metrics, name, **labels):
    """Of the series of metrics(), those of this name with these labels."""
    wanted = {f'{key}="{value}"' for key, value in labels.items()}
    return sum(value for series, value in metrics.items()
               if series.partition("{")[0] == name
               and wanted <= set(re.findall(r'\w+="[^"]*"', series)))


class Worker:
    """A running `egw triage`. Its log is a file, so that nothing blocks on a full pipe. Its counters
    are at a socket file of its own, short enough for one."""

    def __init__(self, command, log, env=None):
        self.log = pathlib.Path(log)
        self.socket = tempfile.mktemp(prefix="egw-", suffix=".sock", dir="/tmp")
        self.command = [*command, "-s", f"metrics.listen=unix:{self.socket}"]
        self.env = env or {}  # beside the test's own
        self.process = None
        self.started = None
        self.mark = 0

    def start(self):
        self.mark = self.log.stat().st_size if self.log.exists() else 0
        with open(self.log, "ab") as out:
            self.started = time.monotonic()
            self.process = subprocess.Popen(self.command, stdout=out, stderr=out,
                                            stdin=subprocess.DEVNULL, cwd=ROOT,
                                            env={**os.environ, **self.env})
        return self

    @property
    def pid(self):
        return self.process.pid

    @property
    def running(self):
        return self.process is not None and self.process.poll() is None

    @property
    def stopped(self):
        """Whether it stands still by SIGSTOP."""
        try:
            stat = pathlib.Path(f"/proc/{self.pid}/stat").read_text()
        except OSError:
            return False
        return stat.rsplit(")", 1)[1].split()[0] == "T"

    def wait_stopped(self, timeout):
        end = time.monotonic() + timeout
        while not self.stopped:
            assert self.running and time.monotonic() < end, "it does not stand still"
            time.sleep(0.02)

    def signal(self, signum):
        if self.running:
            self.process.send_signal(signum)

    def kill9(self):
        self.signal(signal.SIGKILL)
        return self.process.wait(10)

    def term(self, timeout=15):
        self.signal(signal.SIGTERM)
        return self.process.wait(timeout)

    def freeze(self):
        self.signal(signal.SIGSTOP)

    def thaw(self):
        self.signal(signal.SIGCONT)

    def wait(self, timeout):
        return self.process.wait(timeout)

    def wait_for_end(self, pattern):
        """The line like that of a worker that has ended."""
        return next(line for line in self.text().splitlines() if re.search(pattern, line))

    # ---- what it says of itself over HTTP ----

    def ask(self, path, timeout=5):
        """Status and body of /metrics, /ready or /live."""
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(timeout)
            s.connect(self.socket)
            s.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
            reply = b"".join(iter(lambda: s.recv(1 << 16), b"")).decode()
        head, _, body = reply.partition("\r\n\r\n")
        if not head:
            raise ConnectionResetError(f"{path} was not answered: the process has ended")
        return int(head.split()[1]), body

    def metrics(self, timeout=5):
        """The series of /metrics as {'name{labels}': value}."""
        status, body = self.ask("/metrics", timeout)
        assert status == 200, body
        lines = (line.rpartition(" ") for line in body.splitlines() if not line.startswith("#"))
        return {series: float(value) for series, _, value in lines}

    def metric(self, name, **labels):
        """The sum of the series of this name with these labels."""
        return sum_of(self.metrics(), name, **labels)

    def wait_metric(self, name, enough, timeout=60, **labels):
        """Until enough(value); the value. A worker that is starting does not listen yet."""
        end = time.monotonic() + timeout
        while True:
            try:
                value = self.metric(name, **labels)
                if enough(value):
                    return value
            except (ConnectionError, FileNotFoundError, TimeoutError) as fault:
                value = fault
            assert time.monotonic() < end, f"{name} {labels} is {value} after {timeout} s"
            time.sleep(0.05)

    def text(self, since_start=True):
        if not self.log.exists():
            return ""
        with open(self.log, "rb") as f:
            f.seek(self.mark if since_start else 0)
            return f.read().decode(errors="replace")

    def wait_for(self, pattern, timeout=20):
        """The first line of this run that matches; fails with the log's end when none comes."""
        end = time.monotonic() + timeout
        while True:
            for line in self.text().splitlines():
                if re.search(pattern, line):
                    return line
            if not self.running or time.monotonic() > end:
                tail = "\n".join(self.text().splitlines()[-20:])
                state = "runs" if self.running else f"exited {self.process.returncode}"
                raise AssertionError(f"no line like {pattern!r} (worker {state}):\n{tail}")
            time.sleep(0.02)


class Egw:
    """egw against one broker and one set of topics that no other test shares."""

    def __init__(self, directory, bootstrap, prefix, partitions=6, extra=(), **topics):
        self.dir = pathlib.Path(directory)
        self.dir.mkdir(parents=True, exist_ok=True)
        self.bootstrap, self.prefix, self.partitions = bootstrap, prefix, partitions
        self.group = f"{prefix}.triage"
        self.extra = list(extra)
        self.topics = topics  # names that are not the prefix's
        self.workers = []
        self.conf = self.dir / "egw.cfg"
        self.write_settings()

    def topic(self, name):
        return self.topics.get(name) or f"{self.prefix}.{name.replace('_', '-')}"

    def write_settings(self):
        names = "".join(f'    {name} = "{self.topic(name)}";\n' for name in TOPICS)
        self.conf.write_text(
            f'kafka = {{\n    brokers = "{self.bootstrap}";\n'
            "    session_timeout_ms = 6000;\n    transaction_timeout_ms = 6000;\n};\n"
            f"topics = {{\n    partitions = {self.partitions};\n    replication = 1;\n{names}}};\n"
            f'triage = {{\n    group = "{self.group}";\n}};\n')

    def command(self, verb, *args, settings=()):
        overrides = [word for s in (*self.extra, *settings) for word in ("-s", s)]
        return [str(binary()), *verb.split(), "-c", str(self.conf), *overrides, *map(str, args)]

    def run(self, verb, *args, expect=0, stdin=None, timeout=180, settings=()):
        """Run to the end. expect: the exit code that must come; None: any."""
        if isinstance(stdin, str):
            stdin = stdin.encode()
        done = subprocess.run(self.command(verb, *args, settings=settings), input=stdin or b"",
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout,
                              cwd=ROOT)
        done.out, done.err = done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
        assert expect is None or done.returncode == expect, \
            f"egw {verb} exited {done.returncode}, not {expect}\n{done.err[-2000:]}{done.out[-2000:]}"
        return done

    def publish(self, records, **kwargs):
        return self.run("publish", "-", stdin="".join(json.dumps(r) + "\n" for r in records), **kwargs)

    def put(self, records, **kwargs):
        return self.run("reference put", "-", stdin="".join(json.dumps(r) + "\n" for r in records),
                        **kwargs)

    def worker(self, slot=0, *args, settings=(), env=None, log=None):
        command = self.command("triage", "--slot", slot, *args, settings=settings)
        worker = Worker(command, self.dir / (log or f"triage-{slot}.log"), env)
        self.workers.append(worker)
        return worker.start()

    def instance(self, slot):
        """The transactional id of a slot, as the broker knows it."""
        return f"{self.group}-{slot:03d}"

    def close(self):
        for worker in self.workers:
            worker.thaw()
            if worker.running:
                worker.kill9()
            pathlib.Path(worker.socket).unlink(missing_ok=True)

    # ---- what the topics say, read without egw ----

    def outcomes(self, **kwargs):
        import log
        return log.read_said(self.bootstrap, self.topic("outcomes"), "Outcome", **kwargs)

    def inputs(self):
        import log
        return (log.read_topic(self.bootstrap, self.topic("events")) +
                log.read_topic(self.bootstrap, self.topic("inbox")))

    def escalations(self):
        import log
        from kafka import KafkaConsumer
        consumer = KafkaConsumer(bootstrap_servers=self.bootstrap)
        try:
            names = sorted(t for t in consumer.topics() if t.startswith(self.topic("escalations") + "."))
        finally:
            consumer.close()
        return [read for name in names for read in log.read_said(self.bootstrap, name, "Escalation")]

    def dead_letters(self):
        import log
        return log.read_topic(self.bootstrap, self.topic("dead_letters"))

    def wait_outcomes(self, enough, timeout=60, pause=0.3):
        """Outcomes, once enough(outcomes) holds."""
        end = time.monotonic() + timeout
        while True:
            outcomes = self.outcomes()
            if enough(outcomes):
                return outcomes
            if time.monotonic() > end:
                logs = "\n".join("\n".join(w.text().splitlines()[-8:]) for w in self.workers)
                raise AssertionError(f"{len(outcomes)} outcomes after {timeout} s are not enough:\n"
                                     f"{logs}")
            time.sleep(pause)
