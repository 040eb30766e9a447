"""Apache Kafka in KRaft mode, one broker or a cluster of three, on random loopback ports, from jars in
build/kafka.

The settings are the small ones measured for tests: 183 MB, ready in five seconds. `kill()` is kill -9,
`stop()` a clean end; the ports stay the same over restarts, so that clients find it again.
Run as a program (`broker.py start|stop|ports`) it serves `./run broker`.
"""
import base64
import glob
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import time
import uuid

ROOT = pathlib.Path(__file__).resolve().parents[2]
KAFKA_VERSION = os.environ.get("EGW_KAFKA_VERSION", "4.1.0")
JARS = ROOT / "build" / "kafka"
SMALL = ("-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
# Of the whole session: each test leaves some forty partitions behind, which 128 MiB cannot hold.
SHARED = ("-Xmx768m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:+ExitOnOutOfMemoryError")
FAST = ("-Xmx1g", "-XX:+UseSerialGC")  # for benchmarks: the broker must not be the limit

CONFIG = """\
process.roles=broker,controller
node.id={node}
controller.quorum.voters={voters}
listeners=PLAINTEXT://127.0.0.1:{port},OUTSIDE://127.0.0.1:{outside},CONTROLLER://127.0.0.1:{controller}{more}
advertised.listeners=PLAINTEXT://127.0.0.1:{port},OUTSIDE://127.0.0.1:{advertised}{more}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,OUTSIDE:PLAINTEXT,CONTROLLER:PLAINTEXT{protocols}
inter.broker.listener.name=PLAINTEXT
controller.listener.names=CONTROLLER
log.dirs={data}
auto.create.topics.enable=false
offsets.topic.replication.factor={replicas}
offsets.topic.num.partitions=8
transaction.state.log.replication.factor={replicas}
transaction.state.log.min.isr={in_step}
transaction.state.log.num.partitions=8
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=500
transaction.abort.timed.out.transaction.cleanup.interval.ms=1000
log.cleaner.dedupe.buffer.size=2097152
num.network.threads=1
num.io.threads=2
background.threads=1
message.max.bytes=2097152
replica.fetch.max.bytes=2097152
"""


ports_given = set()


def free_port():
    """A port nobody listens on now, nor will: below the ephemeral range, so that no client takes it,
    given out once, and of the own half of a run (its folder ends in 0 or 1)."""
    half = os.environ.get("EGW_TEST_OUTPUT", "")[-1:] == "1"
    while True:
        port = 20000 + 2 * (int.from_bytes(os.urandom(2), "big") % 5000) + half
        if port in ports_given:
            continue
        ports_given.add(port)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


def jvm(main, *args, flags=SMALL, version=None):
    jars = JARS / (version or KAFKA_VERSION)
    classpath = ":".join(sorted(glob.glob(str(jars / "*.jar"))))
    if not classpath:
        raise RuntimeError(f"no Kafka jars in {jars}: ./run test system fetches them")
    return ["java", *flags, "-cp", classpath, main, *args]


def cluster_id():
    """A zero byte first makes it begin with "A": one that begins with a dash would be taken for an option."""
    return base64.urlsafe_b64encode(b"\0" + uuid.uuid4().bytes[1:]).decode().rstrip("=")


class Broker:
    """One node. `bootstrap` is the way in for whoever may see past the faults; clients that come by
    `outside` are sent on to the port `advertised`, where a proxy may stand. listeners: more of them,
    {name: (protocol, port)}; scram: users who exist from the first start on, {name: password}."""

    def __init__(self, directory, port=None, flags=SMALL, advertised=None, version=None, node=1,
                 controllers=None, cluster=None, settings=None, listeners=None, scram=None):
        self.dir = pathlib.Path(directory)
        self.flags, self.version = flags, version
        self.dir.mkdir(parents=True, exist_ok=True)
        self.node = node
        self.port = port or free_port()
        self.outside = free_port()
        controllers = controllers or {node: free_port()}
        self.process = None
        self.conf = self.dir / "server.properties"
        replicas = len(controllers)
        text = CONFIG.format(
            node=node, port=self.port, outside=self.outside, advertised=advertised or self.outside,
            controller=controllers[node], replicas=replicas, in_step=(replicas + 1) // 2,
            voters=",".join(f"{n}@127.0.0.1:{port}" for n, port in controllers.items()),
            more="".join(f",{name}://127.0.0.1:{at}" for name, (_, at) in (listeners or {}).items()),
            protocols="".join(f",{name}:{how}" for name, (how, _) in (listeners or {}).items()),
            data=self.dir / "data")
        self.conf.write_text(text + "".join(f"{k}={v}\n" for k, v in (settings or {}).items()))
        users = [word for name, password in (scram or {}).items()
                 for word in ("--add-scram", f"SCRAM-SHA-512=[name={name},password={password}]")]
        subprocess.run(jvm("kafka.tools.StorageTool", "format", "-t", cluster or cluster_id(), "-c",
                           str(self.conf), *users, version=version),
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    @property
    def bootstrap(self):
        return f"127.0.0.1:{self.port}"

    def launch(self):
        with open(self.dir / "broker.log", "ab") as log:
            self.process = subprocess.Popen(
                jvm("kafka.Kafka", str(self.conf), flags=self.flags, version=self.version), stdout=log,
                stderr=log, stdin=subprocess.DEVNULL, start_new_session=True)

    def start(self, timeout=60):
        self.launch()
        self.wait_ready(timeout)
        return self

    def wait_ready(self, timeout=60):
        """Ready is: a producer got its transactional id and a group's offsets can be asked for."""
        from kafka import KafkaConsumer, KafkaProducer, TopicPartition

        end = time.monotonic() + timeout
        while True:
            if self.process.poll() is not None:
                raise RuntimeError(f"the broker ended with {self.process.returncode}, "
                                   f"see {self.dir / 'broker.log'}")
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=1):
                    pass
                producer = KafkaProducer(bootstrap_servers=self.bootstrap, transactional_id="ready",
                                         max_block_ms=20000)
                try:
                    producer.init_transactions()
                finally:
                    producer.close(timeout=1)
                consumer = KafkaConsumer(bootstrap_servers=self.bootstrap, group_id="ready")
                try:
                    consumer.committed(TopicPartition("__transaction_state", 0))
                finally:
                    consumer.close()
                return
            except Exception:
                if time.monotonic() > end:
                    raise
                time.sleep(0.2)

    def _end(self, signum):
        if self.process and self.process.poll() is None:
            self.thaw()
            self.process.send_signal(signum)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(10)
        self.process = None

    def stop(self):
        self._end(signal.SIGTERM)

    def kill(self):
        self._end(signal.SIGKILL)

    def freeze(self):
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self):
        self.process.send_signal(signal.SIGCONT)

    def destroy(self):
        self.kill()
        shutil.rmtree(self.dir / "data", ignore_errors=True)


class Cluster:
    """Three nodes, each broker and controller. Looks like one broker to whoever only connects."""

    REPLICAS = {"default.replication.factor": 3, "min.insync.replicas": 2,
                "replica.lag.time.max.ms": 3000, "controller.quorum.fetch.timeout.ms": 1500,
                "broker.session.timeout.ms": 3000, "unclean.leader.election.enable": "false"}

    def __init__(self, directory, version=None):
        controllers = {node: free_port() for node in (1, 2, 3)}
        name = cluster_id()
        self.nodes = [Broker(pathlib.Path(directory) / str(node), node=node, controllers=controllers,
                             cluster=name, version=version, settings=self.REPLICAS)
                      for node in controllers]

    @property
    def bootstrap(self):
        return ",".join(node.bootstrap for node in self.nodes)

    def start(self, timeout=120):
        for node in self.nodes:
            node.launch()
        for node in self.nodes:
            node.wait_ready(timeout)
        self.wait_in_step(timeout)
        return self

    def wait_in_step(self, timeout=60):
        """Until every partition has all its replicas in step: the next fault finds a whole cluster."""
        from kafka.admin import KafkaAdminClient

        end = time.monotonic() + timeout
        while True:
            try:
                admin = KafkaAdminClient(bootstrap_servers=self.bootstrap)
                try:
                    missing = behind(admin.describe_topics(), len(self.nodes))
                finally:
                    admin.close()
            except Exception as fault:  # a node is not up yet
                missing = [str(fault)]
            if not missing:
                return
            if time.monotonic() > end:
                raise TimeoutError(f"replicas are behind after {timeout} s: {missing[:3]}")
            time.sleep(0.2)

    def destroy(self):
        for node in self.nodes:
            node.destroy()


def behind(topics, replicas):
    """Partitions that lack replicas in step."""
    return [f"{topic['name']}/{part['partition_index']}" for topic in topics
            for part in topic["partitions"] if len(part["isr_nodes"]) < replicas]


class Registry:
    """Apicurio's registry with the Confluent interface, in memory."""

    def __init__(self, directory):
        self.dir = pathlib.Path(directory)
        self.dir.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.process = None

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/apis/ccompat/v7"

    def start(self, timeout=60):
        import urllib.request

        home = next((ROOT / "build" / "registry").glob("**/apicurio-registry-app-*-runner.jar"), None)
        if home is None:
            raise RuntimeError("no registry in build/registry: ./run test system fetches it")
        log = open(self.dir / "registry.log", "ab")
        self.process = subprocess.Popen(
            ["java", "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
             f"-Dquarkus.http.port={self.port}", "-Dquarkus.http.host=127.0.0.1", "-jar", str(home)],
            cwd=home.parent, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True)
        end = time.monotonic() + timeout
        while True:
            try:
                with urllib.request.urlopen(self.url + "/subjects", timeout=2):
                    return self
            except OSError:
                if time.monotonic() > end or self.process.poll() is not None:
                    raise RuntimeError(f"the registry did not come up, see {self.dir / 'registry.log'}")
                time.sleep(0.2)

    def freeze(self):
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self):
        self.process.send_signal(signal.SIGCONT)

    def stop(self):
        if self.process and self.process.poll() is None:
            self.thaw()
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(10)
        self.process = None


def main(argv):
    """`./run broker start|stop|ports`: one broker that outlives this program, named in a state file."""
    state = ROOT / "build" / "broker" / "state.json"
    verb = argv[0] if argv else ""
    known = json.loads(state.read_text()) if state.exists() else None
    if known and not ours(known["pid"]):
        known = None
    if verb == "start":
        if known:
            print(f"a broker runs already: 127.0.0.1:{known['port']}")
            return 0
        shutil.rmtree(state.parent, ignore_errors=True)
        broker = Broker(state.parent).start()
        state.write_text(json.dumps({"pid": broker.process.pid, "port": broker.port}))
        print(f"kafka {KAFKA_VERSION} answers at {broker.bootstrap}")
        print(f"try: build/release/workers/egw init -s kafka.brokers={broker.bootstrap} -s topics.replication=1")
        return 0
    if verb == "stop":
        if not known:
            print("no broker runs")
            return 0
        os.kill(known["pid"], signal.SIGTERM)
        end = time.monotonic() + 30
        while ours(known["pid"]) and time.monotonic() < end:
            time.sleep(0.1)
        if ours(known["pid"]):
            os.kill(known["pid"], signal.SIGKILL)
        state.unlink()
        print("stopped")
        return 0
    if verb == "ports":
        print(f"127.0.0.1:{known['port']}" if known else "no broker runs")
        return 0 if known else 1
    print("usage: ./run broker start|stop|ports", file=sys.stderr)
    return 2


def ours(pid):
    """Whether pid is still the broker that was started here: pids are used again."""
    try:
        command = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
        state = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return b"kafka.Kafka" in command and state != "Z"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
