"""Dead letters: listed, looked at, and retried through the same gate, each retry an audited event
whose repetition decides nothing a second time (F07)."""
import json

import pytest

import checkers
import log
import program
import world
from records import SCHEMAS, Schema, key_of


def other_writer():
    """A source with a field more than we know, its times unmarked, and most of ours left out."""
    kept = {"event_id", "event_type", "partner", "customer", "case_id", "occurred_at", "domain",
            "ask", "service", "severity", "title", "text", "diagnosis"}
    theirs = json.loads(SCHEMAS["SupportEvent"].text)
    theirs["fields"] = [{"name": "mood", "type": "string"}] + \
        [f for f in theirs["fields"] if f["name"] in kept]
    return Schema(json.dumps(theirs))


def accepted(egw):
    """Fingerprints that are read, by how they came to be."""
    rows = [json.loads(line) for line in egw.run("schema list", "-o", "json").out.splitlines()]
    return {row["fingerprint"]: (row["record"], row["how"]) for row in rows}


def accept(egw, writer):
    """What an operator does for a writer's schema."""
    before, fingerprint = accepted(egw), f"{writer.fingerprint:016x}"
    assert before[f"{SCHEMAS['SupportEvent'].fingerprint:016x}"] == ("egw.SupportEvent", "ours")
    assert fingerprint not in before

    unfit = json.loads(writer.text)
    unfit["fields"] = [{**f, "type": "long"} if f["name"] == "title" else f for f in unfit["fields"]]
    done = egw.run("schema accept", "-", stdin=json.dumps(unfit), expect=program.EXIT_DATA)
    assert "title" in done.err, done.err
    done = egw.run("schema accept", "-", stdin='{"type": "string"}', expect=program.EXIT_DATA)
    assert accepted(egw) == before, "what cannot be read is not accepted"

    done = egw.run("schema accept", "-", "-o", "json", stdin=writer.text)
    assert json.loads(done.out)["fingerprint"] == fingerprint
    egw.run("schema accept", "-", stdin=writer.text)  # again changes nothing
    assert accepted(egw) == {**before, fingerprint: ("egw.SupportEvent", "accepted")}


def listed(egw, *args):
    return [json.loads(line) for line in egw.run("dead list", "-o", "json", *args).out.splitlines()]


def shown(egw, letter):
    return json.loads(egw.run("dead show", letter["id"], "-o", "json").out)


def retried(egw, by=None):
    return [r.said for r in egw.outcomes() if r.said["retry_of"] and
            (by is None or r.said["retry_of"]["by"] == by)]


def all_answered(egw):
    outcomes = egw.wait_outcomes(lambda said: not checkers.once(egw.inputs(), said), 40)
    checkers.assert_clean(checkers.everything(egw.inputs(), outcomes, egw.escalations()))
    egw.run("audit")
    return outcomes


@pytest.fixture
def letters(egw):
    """Events of an unknown writer and poison among good ones, over several partitions."""
    egw.put(world.customers(20))
    worker = egw.worker()
    worker.wait_for(r"what=ready\b", timeout=30)
    writer = other_writer()
    publisher = log.Publisher(egw.bootstrap, egw.topic("events"), egw.partitions)
    records = [world.billing(n, f"c{n % 5:04d}") for n in range(15)]
    for n, record in enumerate(records):
        publisher.event({**record, "event_id": f"good-{n}", "case_id": f"good-{n}"})
        full = {"diagnosis": [], **record, "mood": "fine"}
        publisher.raw(key_of(record), writer.single({k: v for k, v in full.items()}))
    publisher.raw(b"litware/c0001", b"poison")
    publisher.flush()
    publisher.close()
    all_answered(egw)
    return worker, writer, records


def test_f07_letters_retried_twice_are_decided_once(egw, letters):
    worker, writer, records = letters
    found = listed(egw)
    assert len(found) == len(records) + 1
    worker.wait_for(rf'what=dead_lettered n=\d+ since_start={len(found)} see="egw dead list"')
    assert [l["class"] for l in listed(egw, "--class", "no-frame")] == ["no-frame"]
    assert {l["key"] for l in listed(egw, "--key", "c0002")} == {"litware/c0002"}
    assert json.loads(egw.run("dead list", "--summary", "-o", "json").out) == \
        {"letters": len(found), "class": {"no-frame": 1, "unknown-schema": len(records)}}

    unknown = next(l for l in found if l["class"] == "unknown-schema")
    told = shown(egw, unknown)
    assert told["schema"] == f"fingerprint {writer.fingerprint:016x}"
    assert not told["schema_known"] and told["retries"] == [] and "values" not in told
    assert unknown["reason"] == f"schema fingerprint {writer.fingerprint:016x} is not accepted"

    # Still unknown: it stays the one letter it was.
    egw.run("dead retry", unknown["id"], "--by", "early")
    all_answered(egw)
    assert [s["action"] for s in retried(egw, "early")] == ["DEAD_LETTERED"]
    assert len(egw.dead_letters()) == len(found)

    accept(egw, writer)
    told = shown(egw, unknown)
    assert told["schema_known"] and told["stopped"] is None
    assert {(d["kind"], d["field"]) for d in told["differences"]} >= {("dropped", "mood")}
    assert {"at": 0, "path": "mood", "value": "fine"} in told["values"]

    before = {r.said["command_id"] for r in egw.outcomes() if r.said["command_id"]}
    egw.run("dead retry", "--class", "unknown-schema", "--by", "anna")
    all_answered(egw)
    first = retried(egw, "anna")
    assert {s["event_id"]: s["action"] for s in first} == \
        {record["event_id"]: "HANDOFF" for record in records}
    origins = {(l["topic"], l["partition"], l["offset"]): l for l in found}
    for said in first:
        of = said["retry_of"]
        letter = origins[of["topic"], of["partition"], of["offset"]]
        assert letter["id"] == f"{of['partition']}/{of['letter']}"
        assert said["trigger"]["topic"] == egw.topic("inbox")
        assert said["trigger"]["digest"].hex() == letter["sha256"]
    for partition in range(egw.partitions):
        order = [s["retry_of"]["offset"] for s in sorted(first, key=lambda s: s["seq"])
                 if s["retry_of"]["partition"] == partition]
        assert order == sorted(order)
    commands = len(egw.escalations())

    egw.run("dead retry", "--all", "--by", "berta")
    all_answered(egw)
    second = retried(egw, "berta")
    assert sorted(s["action"] for s in second) == ["DEAD_LETTERED"] + ["DUPLICATE"] * len(records)
    assert all(s["code"] == "" for s in second)  # the same bytes, no conflict
    assert len(egw.escalations()) == commands
    assert {r.said["command_id"] for r in egw.outcomes() if r.said["command_id"]} - before == \
        {s["command_id"] for s in first}
    assert len(egw.dead_letters()) == len(found)
    came = [(o["action"], o["retry_of"]["by"]) for o in shown(egw, unknown)["retries"]]
    assert came == [("DEAD_LETTERED", "early"), ("HANDOFF", "anna"), ("DUPLICATE", "berta")]
    egw.run("replay --all")


def test_what_cannot_be_retried_says_so(egw, letters):
    publisher = log.Publisher(egw.bootstrap, egw.topic("dead_letters"), egw.partitions)
    publisher.raw(b"k", b"no headers", partition=0)
    publisher.flush()
    publisher.close()
    end = log.ends_of(egw.bootstrap, egw.topic("dead_letters"))[0]
    before = len(egw.inputs())
    done = egw.run("dead retry", f"0/{end - 1}", "--by", "anna", expect=program.EXIT_DATA)
    assert "its headers do not say where it came from" in done.err, done.err
    done = egw.run("dead retry", "0/999999", "--by", "anna", expect=program.EXIT_NO)
    assert "there is no dead letter 0/999999" in done.err
    done = egw.run("dead retry", "--all", "-n", "--by", "anna", expect=program.EXIT_DATA)
    assert "16 would be retried by anna" in done.out
    assert len(egw.inputs()) == before
