"""One bad record costs one record, a bad setting costs the start, and offsets moved by a tool never
cost an outcome or double one (P13, F08, F09)."""
import json
import re
import shutil
import struct
import time

import pytest
from kafka.admin import KafkaAdminClient, MemberToRemove
from kafka.structs import OffsetAndMetadata

import chaos
import checkers
import log
import program
import world
from records import SCHEMAS, SINGLE, key_of

MIB = 1 << 20


@pytest.fixture
def running(egw):
    egw.put(world.customers(20))
    worker = egw.worker()
    worker.wait_for(r"what=ready\b", timeout=30)
    return worker


@pytest.fixture
def publisher(egw):
    made = log.Publisher(egw.bootstrap, egw.topic("events"), egw.partitions)
    yield made
    made.close()


def answered(egw, timeout=120):
    """Outcomes, once every input has one; all invariants hold."""
    outcomes = egw.wait_outcomes(lambda said: not checkers.once(egw.inputs(), said), timeout)
    checkers.assert_clean(checkers.everything(egw.inputs(), outcomes, egw.escalations()))
    return outcomes


def by_event(outcomes):
    return {read.said["event_id"]: read.said for read in outcomes if read.said["event_id"]}


# ---- publish ----

def test_a_line_of_zero_bytes_is_no_blank_one(egw):
    done = egw.run("publish", "-n", "-", stdin=b"\0\0\0\n", expect=program.EXIT_DATA)
    assert "<stdin>:1: " in done.err


def test_check_asks_the_registry_and_for_positions(egw):
    assert "positions ok" in egw.run("check").out
    done = egw.run("check", "--offline", settings=["registry.url=http://example.com/"],
                   expect=program.EXIT_CONFIG)
    assert "registry.url is plain http to another host" in done.err
    done = egw.run("check", settings=["registry.url=http://127.0.0.1:9/"],
                   expect=program.EXIT_UNAVAILABLE)
    assert "no answer from the registry" in done.err
    admin = KafkaAdminClient(bootstrap_servers=egw.bootstrap)
    admin.create_topics({"empty.cases": {
        "num_partitions": egw.partitions, "replication_factor": 1,
        "configs": {"cleanup.policy": "compact", "max.message.bytes": "2097152"}}})
    admin.close()
    done = egw.run("check", settings=["topics.cases=empty.cases"], expect=program.EXIT_CONFIG)
    assert "there is no position: run egw init" in done.err


@pytest.mark.parametrize("line, names", [
    ('{"event_id": "x", ', "<stdin>:2"),
    ('{"event_id": "x", "event_id": "y"}', "<stdin>:2"),
    ("[]", "<stdin>:2"),
    ('{"event_id": 7}', "event_id"),
    (json.dumps({**world.billing(1, "c0001"), "colour": "red"}), "colour"),
    (json.dumps({k: v for k, v in world.billing(1, "c0001").items() if k != "case_id"}), "case_id"),
])
def test_publish_refuses_a_broken_line_and_names_it(egw, line, names):
    good = json.dumps(world.billing(0, "c0000"))
    done = egw.run("publish", "-", stdin=f"{good}\n{line}\n", expect=program.EXIT_DATA)
    assert names in done.err and "<stdin>:2: " in done.err and len(done.err.splitlines()) == 1
    assert [r.key for r in log.read_topic(egw.bootstrap, egw.topic("events"))] == [b"litware/c0000"]


def padded(number, size):
    """An event whose Avro form with its frame has just this many bytes."""
    record = world.unclassified(number, "c0001", text="")
    low = len(SCHEMAS["SupportEvent"].single(record))
    record["text"] = "x" * (size - low)
    while (now := len(SCHEMAS["SupportEvent"].single(record))) != size:
        record["text"] = record["text"][:len(record["text"]) - (now - size)] if now > size \
            else record["text"] + "x" * (size - now)
    return record


def test_publish_takes_a_mebibyte_and_not_a_byte_more(egw, running):
    egw.publish([padded(1, MIB)])
    done = egw.publish([padded(2, MIB + 1)], expect=program.EXIT_DATA)
    assert "1048576" in done.err or "1 MiB" in done.err, done.err
    outcomes = answered(egw)
    assert list(by_event(outcomes)) == ["1"]


# ---- records of strangers ----

def test_bad_records_become_dead_letters_and_neighbours_do_not_notice(egw, running, publisher):
    key = key_of(world.unclassified(0, "c0001"))
    whole = SCHEMAS["SupportEvent"].single(world.unclassified(1, "c0001"))
    bad = {
        "no frame": b"not avro at all",
        "empty": b"",
        "frame only": whole[:10],
        "cut short": whole[:-3],
        "a byte more": whole + b"\0",
        "other fingerprint": SINGLE + struct.pack("<Q", 0x0123456789ABCDEF) + whole[10:],
        "schema id, no registry": b"\0" + struct.pack(">i", 77) + whole[10:],
        "another record of ours": SCHEMAS["Position"].single(
            {"version": 1, "partition_count": 1, "inputs": [], "reference_offset": 0, "now": 0,
             "chain_seq": 0, "chain_head": bytes(32), "policy": bytes(32), "activation": 0}),
        "huge length": SINGLE + whole[2:10] + b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
    }
    for number, value in enumerate(bad.values()):
        publisher.event(world.unclassified(f"good-{number}", "c0001"))
        publisher.raw(key, value)
    publisher.event(world.unclassified("good-last", "c0001"))
    publisher.raw(key, None)
    places = publisher.flush()
    outcomes = answered(egw)
    letters = {}
    for letter in egw.dead_letters():
        told = {name: value.decode() for name, value in letter.headers}
        letters[told["egw.topic"], int(told["egw.partition"]), int(told["egw.offset"])] = letter, told
    dead = {checkers.trigger_place(r.said): r.said for r in outcomes
            if r.said["action"] == "DEAD_LETTERED"}
    assert set(dead) == set(letters) == set(places[1::2])
    running.wait_metric("egw_dead_letters_total", lambda n: n == len(letters))
    for place, (name, value) in zip(places[1::2], [*bad.items(), ("no value", None)]):
        letter, told = letters[place]
        assert (letter.key, letter.value) == (key, value), name
        assert told["egw.reason"] == dead[place]["because"], name
        assert told["egw.sha256"] == checkers.sha256(value).hex(), name
    assert "0123456789abcdef" in letters[places[1 + 2 * list(bad).index("other fingerprint")]][1][
        "egw.reason"].lower()
    good = [r for r in outcomes if r.said["event_id"].startswith("good")]
    assert len(good) == len(bad) + 1 and {r.said["action"] for r in good} == {"BASELINE"}
    assert running.running


def test_text_that_is_no_utf8_is_kept_and_an_identifier_that_is_none_is_refused(egw, running,
                                                                                 publisher):
    def altered(number, old, new):
        value = SCHEMAS["SupportEvent"].single(world.unclassified(number, "c0001"))
        publisher.raw(b"litware/c0001", value.replace(old, new))

    altered("text", b"something is wrong", b"something is\xff\xfewron")
    altered("zero", b"U-zero", b"U-\0ero")
    altered("name", b"U-name", b"U-\xffame")
    publisher.flush()
    said = {r.said["trigger"]["offset"]: (r.said["action"], r.said["code"]) for r in answered(egw)
            if r.said["trigger"]["topic"] == egw.topic("events")}
    assert said == {0: ("BASELINE", "CLASSIFY"), 1: ("REJECTED", "BAD_FIELD"),
                    2: ("REJECTED", "BAD_FIELD")}


def test_a_record_at_a_wrong_key_or_partition_is_passed_on_once(egw, running, publisher):
    record = world.unclassified("stray", "c0001")
    value = SCHEMAS["SupportEvent"].single(record)
    publisher.raw(b"somebody/else", value)
    right = log.partition_of(key_of(record), egw.partitions)
    publisher.raw(key_of(record), SCHEMAS["SupportEvent"].single({**record, "event_id": "astray"}),
                  partition=(right + 1) % egw.partitions)
    publisher.flush()
    outcomes = egw.wait_outcomes(lambda said: sum(
        r.said["action"] == "BASELINE" or r.said["action"] == "NOTED" for r in said) >= 2)
    outcomes = answered(egw)
    assert sum(r.said["action"] == "PASSED_ON" for r in outcomes) == 2
    inbox = log.read_topic(egw.bootstrap, egw.topic("inbox"))
    copies = [r for r in inbox if r.key == key_of(record)]
    assert len(copies) == 2 and checkers.keys(copies, egw.partitions) == []


def test_a_repeated_event_is_a_duplicate_and_other_content_a_conflict(egw, running):
    first = world.unclassified("same", "c0002")
    egw.publish([first, first, {**first, "title": "something else"}])
    said = [r.said for r in answered(egw) if r.said["event_id"] == "same"]
    assert [(s["action"], s["code"]) for s in sorted(said, key=lambda s: s["seq"])][1:] == \
        [("DUPLICATE", ""), ("DUPLICATE", "ID_CONFLICT")]


# ---- settings and policy ----

def test_every_wrong_setting_is_named_in_one_run(egw):
    egw.conf.write_text('kafka = {\n  brokrs = "x";\n};\ntopics = {\n  partitions = "six";\n};\n')
    done = egw.run("check", expect=program.EXIT_CONFIG)
    assert f"{egw.conf}:2" in done.err and "brokrs" in done.err
    assert f"{egw.conf}:5" in done.err and "partitions" in done.err
    assert egw.run("triage --slot 0", expect=program.EXIT_CONFIG).err


def test_a_policy_with_a_typo_is_refused_as_a_whole(egw, tmp_path):
    policy = tmp_path / "policy"
    shutil.copytree(program.ROOT / "config" / "policy", policy)
    victim = policy / "channel.cfg"
    victim.write_text(re.sub(r"\bwhen = ", "wehn = ", victim.read_text(), count=1))
    done = egw.run("check", expect=program.EXIT_CONFIG, settings=[f"policy.dir={policy}"])
    assert "wehn" in done.err and victim.name in done.err, done.err
    before = log.read_topic(egw.bootstrap, egw.topic("policy"))
    egw.run("policy activate", expect=program.EXIT_CONFIG, settings=[f"policy.dir={policy}"])
    assert log.read_topic(egw.bootstrap, egw.topic("policy")) == before


# ---- broker and topics ----

@pytest.mark.parametrize("verb", ["triage --slot 0", "audit"])
def test_without_a_broker_it_says_so_in_time(egw, verb):
    started = time.monotonic()
    done = egw.run(verb, expect=program.EXIT_UNAVAILABLE, settings=["kafka.brokers=127.0.0.1:9"])
    assert time.monotonic() - started < 30
    assert "no broker answered" in done.err, done.err


def test_missing_topics_are_named(make_egw, broker):
    egw = make_egw(broker)
    done = egw.run("triage --slot 0", expect=program.EXIT_CONFIG)
    assert egw.topic("events") in done.err and "egw init" in done.err, done.err


def test_b13_another_partition_count_stops_the_start_and_names_both(egw):
    done = egw.run("triage --slot 0", expect=program.EXIT_CONFIG, settings=["topics.partitions=12"])
    assert "6" in done.err and "12" in done.err, done.err
    admin = KafkaAdminClient(bootstrap_servers=egw.bootstrap)
    admin.create_partitions({egw.topic("outcomes"): 7})
    admin.close()
    egw.run("check", expect=program.EXIT_CONFIG)
    done = egw.run("triage --slot 0", expect=program.EXIT_CONFIG)
    assert egw.topic("outcomes") in done.err and "7" in done.err, done.err


def test_topics_that_would_lose_records_are_refused(make_egw, broker):
    """As somebody made them who knew the names only: their brokers would throw positions away."""
    egw = make_egw(broker)
    admin = KafkaAdminClient(bootstrap_servers=egw.bootstrap)
    admin.create_topics({egw.topic("cases"): {"num_partitions": egw.partitions, "replication_factor": 1,
                                              "configs": {"max.message.bytes": "1000000"}},
                         egw.topic("events"): {"num_partitions": egw.partitions, "replication_factor": 1,
                                               "configs": {"cleanup.policy": "compact",
                                                           "retention.ms": "3600000",
                                                           "max.message.bytes": "4000000"}}})
    admin.close()
    told = {f"topic {egw.topic('cases')}: cleanup.policy is delete, must be compact",
            f"topic {egw.topic('cases')}: max.message.bytes is 1000000, must be 2097152 or more",
            f"topic {egw.topic('events')}: cleanup.policy is compact, must be delete"}
    done = egw.run("init", expect=program.EXIT_CONFIG)
    assert told == {line.removeprefix("egw: ") for line in done.err.splitlines()}
    assert told <= set(egw.run("check", expect=program.EXIT_CONFIG).err.replace("egw: ", "").splitlines())


def test_init_again_changes_nothing(egw, running):
    egw.publish([world.unclassified(1, "c0001")])
    before = answered(egw)
    egw.run("init")
    egw.publish([world.unclassified(2, "c0001")])
    after = answered(egw)
    assert len(after) >= len(before) + 1 and running.running


def test_a_broker_lost_in_the_middle_costs_nothing(make_egw, own_broker):
    egw = make_egw(own_broker)
    egw.run("init")
    egw.put(world.customers(20))
    worker = egw.worker()
    worker.wait_for(r"what=ready\b", timeout=30)
    egw.publish([world.unclassified(n, f"c{n % 20:04d}") for n in range(200)])
    own_broker.kill()
    # Which connection fell last, and what it met there, is the library's to say.
    worker.wait_for(r'what=brokers.away why="[^"]+"', timeout=30)
    supervisor = chaos.Supervisor([worker])
    supervisor.start()
    own_broker.start()
    egw.publish([world.unclassified(n, f"c{n % 20:04d}") for n in range(200, 400)])
    assert len(answered(egw)) >= 400
    supervisor.end()
    assert set(supervisor.codes) <= {program.EXIT_TRY_AGAIN, program.EXIT_UNAVAILABLE}


def test_a21_b09_of_two_workers_with_one_slot_the_older_exits_75(egw):
    egw.put(world.customers(20))
    older = egw.worker(0)
    older.wait_for(r"what=ready\b", timeout=30)
    newer = egw.worker(0, log="newer.log")
    assert older.wait(30) == program.EXIT_TRY_AGAIN
    assert "another process has this slot" in older.wait_for_end(r"what=stop.fenced\b")
    egw.publish([world.unclassified(n, f"c{n % 20:04d}") for n in range(100)])
    assert len(answered(egw)) >= 100
    assert newer.running


def test_of_two_workers_with_one_slot_and_port_the_newer_exits_75(egw):
    older = egw.worker(0)
    older.wait_for(r"what=ready\b", timeout=30)
    newer = egw.run("triage --slot 0", settings=[f"metrics.listen=unix:{older.socket}"],
                    expect=program.EXIT_TRY_AGAIN)
    assert "is a worker of this slot running already?" in newer.err, newer.err
    egw.publish([world.unclassified(1, "c0001")])
    answered(egw)
    assert older.running


def test_markers_of_transactions_are_no_lag(egw, running):
    egw.run("policy activate", "--note", "again")  # a record and a marker in each partition of the inbox
    answered(egw)
    running.wait_metric("egw_lag_records", lambda n: n == 0)
    told = json.loads(egw.run("topics", "-o", "json").out)["partitions"]
    assert [(p["events_lag"], p["inbox_lag"]) for p in told] == [(0, 0)] * egw.partitions
    assert running.term() == 0
    egw.publish([world.unclassified(n, f"c{n:04d}") for n in range(20)])
    told = json.loads(egw.run("topics", "-o", "json").out)["partitions"]
    assert sum(p["events_lag"] for p in told) == 20


def test_what_is_no_outcome_or_fact_hides_none(egw, running):
    """In the topics that commands read: the others are shown, and the place of the wrong one is named."""
    egw.publish([world.unclassified(1, "c0001")])
    case = next(r.said for r in answered(egw) if r.said["case_id"])
    for topic, partitions in (("outcomes", egw.partitions), ("reference", 1)):
        publisher = log.Publisher(egw.bootstrap, egw.topic(topic), partitions)
        publisher.raw(b"litware/c0001", b"poison")
        publisher.flush()
        publisher.close()
    told = json.loads(egw.run("topics", "-o", "json").out)["partitions"]
    assert sum(p["last_outcome"] is not None for p in told) == egw.partitions
    name = "/".join((case["partner"], case["customer"], case["case_id"]))
    shown = egw.run("outcomes", "-o", "json", "--case", name, expect=program.EXIT_DATA)
    assert [json.loads(line)["case_id"] for line in shown.out.splitlines()] == [case["case_id"]]
    assert egw.topic("outcomes") in shown.err, shown.err
    shown = egw.run("outcomes", "-o", "json", "--case", f"x{name}", expect=program.EXIT_DATA)
    assert not shown.out
    egw.put([world.partner()])
    shown = egw.run("reference get", "partner/litware", "-o", "json", expect=program.EXIT_OK)
    assert [json.loads(line)["body"]["partner"]["partner"] for line in shown.out.splitlines()] == ["litware"]
    shown = egw.run("reference get", "litware/c0001", expect=program.EXIT_DATA)
    assert f"{egw.topic('reference')}/0/" in shown.err and not shown.out, shown.err


@pytest.mark.parametrize("topic", ["events", "inbox", "reference", "policy"])
def test_a_worker_whose_topic_is_deleted_says_so_and_ends(egw, topic):
    # Of inputs it asks every 30 seconds else.
    worker = egw.worker(0, settings=["kafka.properties.topic_metadata_refresh_interval_ms=2000"])
    worker.wait_for(r"what=ready\b", timeout=30)
    admin = KafkaAdminClient(bootstrap_servers=egw.bootstrap)
    admin.delete_topics([egw.topic(topic)])
    admin.close()
    assert worker.wait(60) == program.EXIT_UNAVAILABLE
    assert f"topic {egw.topic(topic)} is not there any more" in \
        worker.wait_for_end(r"what=stop.unavailable\b")
    assert "partition.halted" not in worker.text(), "it is the topic, not a partition"


# ---- offsets moved by a tool ----

def move_offsets(egw, worker, to):
    """Stop the worker (None: it is stopped), throw its membership out, and set the group's offsets of
    the events as a tool would. to(partition, committed) -> offset, or None to leave it."""
    admin = KafkaAdminClient(bootstrap_servers=egw.bootstrap)
    try:
        if worker:
            assert worker.term() == 0
            admin.remove_group_members(egw.group, [MemberToRemove(group_instance_id=egw.instance(0))])
        committed = admin.list_group_offsets(egw.group)[egw.group]
        changed = {}
        for partition, at in committed.items():
            if partition.topic == egw.topic("events"):
                offset = to(partition.partition, at.offset)
                if offset is not None:
                    changed[partition] = OffsetAndMetadata(offset, "", -1)
        if changed:
            admin.alter_group_offsets(egw.group, changed)
        now = admin.list_group_offsets(egw.group)[egw.group]
        assert all(now[p].offset == o.offset for p, o in changed.items())
    finally:
        admin.close()


def filled(egw, count=120):
    egw.publish([world.unclassified(n, f"c{n % 20:04d}") for n in range(count)])
    return answered(egw)


def test_offsets_set_backwards_are_skipped_and_counted(egw, running):
    before = filled(egw)
    move_offsets(egw, running, lambda partition, at: 0)
    running.start()
    running.wait_for(r"what=offsets\.behind_position\b.*committed=0\b", timeout=30)
    events = sum(log.ends_of(egw.bootstrap, egw.topic("events")).values())
    running.wait_metric("egw_offsets_skipped_total", lambda n: n == events)
    egw.publish([world.unclassified("after", "c0001")])
    outcomes = answered(egw)
    assert len(outcomes) == len(before) + 1
    egw.run("audit")


def test_b10_a_deleted_group_resumes_at_its_positions(egw, running):
    before = filled(egw)
    assert running.term() == 0
    admin = KafkaAdminClient(bootstrap_servers=egw.bootstrap)
    admin.remove_group_members(egw.group, [MemberToRemove(group_instance_id=egw.instance(0))])
    admin.delete_groups([egw.group])
    admin.close()
    running.start()
    egw.publish([world.unclassified("after", "c0001")])
    assert len(answered(egw)) == len(before) + 1


def test_offsets_set_forwards_stop_that_partition_only(egw, running):
    filled(egw)
    victim = log.partition_of(b"litware/c0001", egw.partitions)
    other = next(f"c{n:04d}" for n in range(20)
                 if log.partition_of(f"litware/c{n:04d}".encode(), egw.partitions) != victim)
    move_offsets(egw, running, lambda partition, at: None)
    egw.publish([world.unclassified("jumped", "c0001")])
    end = log.ends_of(egw.bootstrap, egw.topic("events"))[victim]
    move_offsets(egw, None, lambda partition, at: end if partition == victim else None)
    running.start()
    line = running.wait_for(rf"what=partition\.halted part={victim}\b", timeout=30)
    assert re.search(rf"\b{end}\b", line) and re.search(rf"\b{end - 1}\b", line), line
    running.wait_metric("egw_partitions", lambda n: n == 1, state="halted")
    assert running.ask("/ready") == (503, f"not ready: 1 of {egw.partitions} partitions are halted\n")
    assert running.ask("/live")[0] == 200
    egw.publish([world.unclassified("elsewhere", other)])
    egw.wait_outcomes(lambda said: "elsewhere" in by_event(said))
    assert "jumped" not in by_event(egw.outcomes())
    assert running.running
