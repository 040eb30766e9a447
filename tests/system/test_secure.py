"""A Kafka that encrypts, asks who comes and checks rights: the settings of the manual work there with
the rights of docs/rights.md and no less, and whoever is refused is told where, as whom and why (K1 to
K5)."""
import concurrent.futures
import json
import os
import re
import signal
import subprocess

import pytest

import checkers
import log
import program
import world
from program import ROOT
from records import SCHEMAS
from secure import SecureBroker, rights_of

RIGHTS = rights_of(ROOT / "docs" / "rights.md")
PASSWORDS = {name: f"the word of {name}" for name in (*RIGHTS, "lacking")}
SCRAM = {"salted": "a-word-with-salt"}
DENIED, CONFIG, SILENT = program.EXIT_DENIED, program.EXIT_CONFIG, program.EXIT_UNAVAILABLE


def lines(records):
    return "".join(json.dumps(record) + "\n" for record in records)


def secret(path, text, mode=0o600):
    path.unlink(missing_ok=True)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w") as file:
        file.write(text + "\n")
    path.chmod(mode)
    return path


class Desk(program.Egw):
    """egw with the default names, so that the page of rights is taken by its word. Each command comes
    as a role, with its password; the checks look past all that."""

    def __init__(self, directory, broker):
        self.broker = broker
        super().__init__(directory, broker.bootstrap, "support", partitions=2)
        for role, password in {**PASSWORDS, **SCRAM}.items():
            secret(self.dir / f"password-{role}", password)
        self.group = "egw-triage"

    def write_settings(self):
        self.conf.write_text(
            f'kafka = {{\n    brokers = "{self.broker.secured}";\n'
            "    session_timeout_ms = 6000;\n    transaction_timeout_ms = 6000;\n"
            '    properties = { sasl_mechanism = "PLAIN";'
            f' ssl_ca_location = "{self.broker.authority.file}"; }};\n}};\n'
            f"topics = {{\n    partitions = {self.partitions};\n    replication = 1;\n}};\n")

    def login(self, role):
        return [f"kafka.user={role}", f"kafka.password_file={self.dir / f'password-{role}'}"]

    def run_as(self, role, verb, *args, settings=(), **kwargs):
        return self.run(verb, *args, settings=[*self.login(role), *settings], **kwargs)

    def work_as(self, role, settings=None):
        return self.worker(0, settings=self.login(role) if settings is None else settings)

    def open_cases(self, *names):
        self.run_as("publisher", "publish", "-", stdin=lines(
            world.unclassified(name, f"c{n:04d}") for n, name in enumerate(names)))

    def raw(self, key, value):
        publisher = log.Publisher(self.bootstrap, self.topic("events"), self.partitions)
        publisher.raw(key, value)
        publisher.flush()
        publisher.close()

    def all_answered(self, timeout=120):
        outcomes = self.wait_outcomes(lambda said: not checkers.once(self.inputs(), said), timeout)
        checkers.assert_clean(checkers.everything(self.inputs(), outcomes, self.escalations()))
        return outcomes


@pytest.fixture(scope="module")
def secured(output):
    broker = SecureBroker(output / "broker-secured", PASSWORDS, SCRAM)
    try:
        yield broker.start()
    finally:
        broker.destroy()


@pytest.fixture(scope="module")
def desk(output, secured, binary):
    for role, rights in RIGHTS.items():
        secured.grant(role, rights)
    made = Desk(output / "secured", secured)
    made.run_as("setup", "init")
    made.run_as("operator", "reference put", "-", stdin=lines(world.customers(20)))
    yield made
    made.close()


@pytest.fixture
def worker(desk):
    made = desk.work_as("worker")
    made.wait_for(r"what=ready\b.*\brunning=2\b", timeout=30)
    yield made
    if made.running:
        made.term()


# ---- what works ----

def test_each_role_does_its_work_with_its_rights(desk, worker):
    desk.run_as("publisher", "publish", "-",
                stdin=lines(world.billing(n, f"c{n:04d}") for n in range(20)))
    assert {read.said["action"] for read in desk.all_answered() if read.said["event_id"]} == {"HANDOFF"}
    desk.raw(b"litware/c0001", b"no avro")
    desk.all_answered()
    at_once([("auditor", verb) for verb in (
        "check", "topics", "outcomes --summary", "audit", "verify --all", "replay --all",
        "explain litware/c0001/B-1", "handoff list", "handoff show litware/c0001/B-1",
        "reference list", "policy show", "policy history", "dead list")] +
        [("operator", "handoff number litware/c0001/B-1 2601050040001234"),
         ("operator", "policy activate --note again"), ("retry", "dead retry --all --by me")],
        lambda role, verb: desk.run_as(role, verb))
    desk.all_answered()
    desk.run_as("auditor", "audit")


def at_once(cases, call):
    """Each case at its own pace: most of the time they wait for the broker."""
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        return list(pool.map(lambda case: call(*case), cases))


def test_nobody_can_do_the_work_of_another(desk, worker):
    desk.raw(b"litware/c0001", b"something to retry")
    desk.all_answered()

    def refused(role, verb, names):
        given = world.partner() if verb.startswith("reference") else world.unclassified("x", "c0001")
        done = desk.run_as(role, verb, stdin=lines([given]), expect=DENIED)
        assert f"as {role}: " in done.err and re.search(names, done.err), done.err
        assert "AUTHORIZATION_FAILED" in done.err, done.err

    def ends():
        return [log.ends_of(desk.bootstrap, desk.topic(name)) for name in program.TOPICS[:-1]
                if name != "escalations"]

    before = ends()
    at_once([
        ("publisher", "outcomes", "topic support.outcomes: "),
        ("publisher", "topics", "topic support.inbox: "),
        ("auditor", "publish -", "support.events/[01]: "),
        ("auditor", "reference put -", "transactional id egw-triage-operator: "),
        ("auditor", "dead retry --all --by me", "transactional id egw-replay-me: "),
        ("retry", "audit", "topic support.events: "),
        ("worker", "publish -", "support.events/[01]: "),
        ("worker", "policy activate --note x", "support.policy/0: "),
    ], refused)
    assert ends() == before, "somebody wrote who may not"


# ---- a worker that lacks a right ----

def the_old_case(desk):
    desk.open_cases("plain")


def an_event_at_the_wrong_key(desk):
    desk.raw(b"somebody/else", SCHEMAS["SupportEvent"].single(world.unclassified("stray", "c0001")))


def a_case_that_is_handed_on(desk):
    desk.run_as("publisher", "publish", "-", stdin=lines([world.billing("up", "c0003")]))


# What it takes to see that a right is missing which the start of a worker does not need.
PROVOKED = {"support.inbox": an_event_at_the_wrong_key, "support.cases": the_old_case,
            "support.escalations.*": a_case_that_is_handed_on}


@pytest.mark.parametrize("right", RIGHTS["worker"], ids=" ".join)
def test_a_worker_needs_each_of_its_rights(desk, secured, right):
    kind, name, operation = right
    rest = [r for r in RIGHTS["worker"] if r != right]
    secured.grant("lacking", rest)
    if operation == "WRITE" and name in PROVOKED:
        PROVOKED[name](desk)
    worker = desk.work_as("lacking")
    try:
        line = worker.wait_for(r"authorization failed|has no topic", timeout=60)
        assert re.search(pattern_of(name), line), line
        if name != "support.escalations.*":  # whether they are there, only those see who may write
            assert "as lacking: " in line, line
        if operation == "WRITE" and name in PROVOKED:
            assert re.search(r"what=(txn.abort|partition.waiting)\b", line) and worker.running, line
        else:
            assert "what=stop.denied" in line and worker.wait(20) == DENIED
    finally:
        if worker.running:
            worker.kill9()
        secured.revoke("lacking", rest)


def pattern_of(name):
    """How a message names what the page of rights calls so."""
    return {"support.escalations.*": "channel commercial has no topic .* right to write",
            "egw-triage-*": "transactional id egw-triage-000: ",
            "egw-triage": "group egw-triage: "}.get(name, rf"\b{name}(/[01])?: ")


def test_what_was_refused_is_answered_once_the_right_is_there(desk, secured):
    worker = desk.work_as("worker")
    desk.all_answered()
    outcomes = [("topic", "support.outcomes", "WRITE")]
    secured.revoke("worker", outcomes)
    desk.open_cases("waits")
    line = worker.wait_for(r"what=txn.abort\b", timeout=20)
    assert "as worker: support.outcomes/" in line, line
    secured.grant("worker", outcomes)
    said = [read.said["event_id"] for read in desk.all_answered()]
    assert {"plain", "stray", "up", "waits"} <= set(said)
    assert worker.running and worker.term() == 0
    desk.run_as("auditor", "audit")


# ---- who is not let in ----

def test_who_is_not_let_in_is_told_why(desk, secured):
    authority, stranger = secured.authority, secured.stranger
    certificate, key = authority.vouch("somebody")
    theirs, their_key = stranger.vouch("anybody")
    password = desk.login("worker")
    wrong = [password[0], f"kafka.password_file={secret(desk.dir / 'wrong', 'wrong')}"]
    salted = [*desk.login("salted"), "kafka.properties.sasl_mechanism=SCRAM-SHA-512"]
    certified = [f"kafka.brokers={secured.certified}", "kafka.properties.security_protocol=ssl"]
    verify = "certificate verify failed"
    cases = [
        (wrong, DENIED, "no broker let us in as worker: .*Invalid username or password"),
        ([*password, f"kafka.properties.ssl_ca_location={stranger.file}"], DENIED, verify),
        ([*password, f"kafka.brokers={secured.misnamed}"], DENIED, verify),
        ([*password, f"kafka.brokers={secured.certified}"], DENIED, "certificate"),
        (["-", *certified], DENIED, "no broker let us in: .*certificate"),
        (["-", *certified, *keys(theirs, their_key)], DENIED,
         f"no broker let us in as {theirs}: .*certificate"),
        ([*password, f"kafka.brokers={secured.bootstrap}"], SILENT, "SSL "),  # routines, or handshake: who ends it first
        (["-", f"kafka.brokers={secured.secured}"], SILENT,
         "SSL listener|Disconnected|Receive failed|Invalid response size"),
        (["-", "kafka.brokers=kafka.example:9093", "kafka.properties.security_protocol=plaintext"],
         CONFIG, "plaintext to kafka.example"),
        ([*password, "kafka.properties.security_protocol=sasl_plaintext"], CONFIG, "use sasl_ssl"),
        ([*password, "kafka.properties.security_protocol=ssl"], CONFIG, "kafka.user"),
        ([*password, "kafka.properties.enable_ssl_certificate_verification=false"], CONFIG,
         "always verified"),
        ([*password, "kafka.properties.ssl_endpoint_identification_algorithm=none"], CONFIG,
         "always verified"),
        ([*password, "kafka.properties.sasl_password=hunter2"], CONFIG, "kafka.password_file"),
        ([*password, "kafka.properties.ssl_key_password=hunter2"], CONFIG, "arguments"),
        ([password[0]], CONFIG, "kafka.user is set but kafka.password_file is not"),
        ([password[0], f"kafka.password_file={secret(desk.dir / 'open', 'x', 0o644)}"], DENIED,
         "is open to other users"),
        ([password[0], "kafka.password_file=/nowhere"], DENIED, "cannot open '/nowhere'"),
        ([*password, "kafka.properties.ssl_ca_location=/nowhere"], DENIED,
         "kafka.properties.ssl.ca.location: cannot read '/nowhere'"),
    ]
    if not scram_works():
        cases.append((salted, DENIED, "with Kafka 4 SCRAM needs librdkafka 2.6.1 "))

    def refused(settings, code, why):
        for verb in ("triage --slot 7", "outcomes", "check")[:1 if code == SILENT else 3]:
            done = come(desk, verb, settings)
            assert done.returncode == code, (verb, settings, done.stderr)
            assert re.search(why, done.stderr), (why, done.stderr)
            assert "hunter2" not in done.stderr + done.stdout
            told = [line for line in done.stderr.splitlines() if "what=start" not in line]
            assert len(told) == 1, done.stderr

    at_once(cases, refused)
    lets_in = [(["-", *certified, *keys(certificate, key)], 77, "as .*somebody.pem: topic ")]
    if scram_works():
        lets_in.append((salted, DENIED, "as salted: topic "))
    at_once(lets_in, refused)


def keys(certificate, key):
    return [f"kafka.properties.ssl_certificate_location={certificate}",
            f"kafka.properties.ssl_key_location={key}"]


def come(desk, verb, settings):
    """One command. A dash first: without a user, and so without SASL."""
    plain = settings[0] == "-"
    conf = desk.dir / "bare.cfg"
    given = [word for s in settings[plain:] for word in ("-s", s)]
    if plain:
        given += ["-s", f"kafka.properties.ssl_ca_location={desk.broker.authority.file}",
                  "-s", "topics.partitions=2", "-s", "topics.replication=1"]
    else:
        given = ["-c", str(desk.conf), *given]
    return subprocess.run([str(program.binary()), *verb.split(), *given], capture_output=True,
                          text=True, timeout=60, cwd=ROOT)


def scram_works():
    told = subprocess.run([str(program.binary()), "--version"], capture_output=True, text=True)
    version = re.search(r"librdkafka (\d+)\.(\d+)\.(\d+)", told.stdout)
    return tuple(map(int, version.groups())) >= (2, 6, 1)


# ---- a certificate instead of a password, a password that changes ----

def test_a_worker_comes_by_certificate(desk, secured):
    secured.grant("CN=certified-worker", RIGHTS["worker"])
    certificate, key = secured.authority.vouch("certified-worker")
    conf = desk.dir / "certified.cfg"
    conf.write_text(
        f'kafka = {{ brokers = "{secured.certified}"; session_timeout_ms = 6000;\n'
        "    transaction_timeout_ms = 6000;\n"
        f'    properties = {{ security_protocol = "ssl"; ssl_ca_location = "{secured.authority.file}";\n'
        f'        ssl_certificate_location = "{certificate}"; ssl_key_location = "{key}"; }}; }};\n'
        "topics = { partitions = 2; replication = 1; };\n")
    worker = program.Worker([str(program.binary()), "triage", "-c", str(conf), "--slot", "0"],
                            desk.dir / "certified.log")
    desk.workers.append(worker)
    worker.start()
    desk.open_cases("by certificate")
    assert "by certificate" in {read.said["event_id"] for read in desk.all_answered()}
    assert worker.term() == 0


def test_a_changed_password_is_taken_up_by_a_signal(desk, secured):
    worker = desk.work_as("worker")
    worker.wait_for(r"what=ready\b", timeout=30)
    file = desk.dir / "password-worker"
    secret(file, "not any more")
    worker.signal(signal.SIGHUP)
    worker.wait_for(r"what=reload.done\b")
    secured.stop()
    secured.start()
    secret(file, "still open", 0o644)
    worker.signal(signal.SIGHUP)
    assert "is open to other users" in worker.wait_for(r"what=reload.failed\b")
    secret(file, PASSWORDS["worker"])
    worker.signal(signal.SIGHUP)
    desk.open_cases("after the change")
    assert "after the change" in {read.said["event_id"] for read in desk.all_answered()}
    assert worker.running and worker.term() == 0
