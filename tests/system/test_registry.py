"""With a schema registry: schemas are registered by init, records carry Confluent's framing, a record
of another writer is read by its id."""
import json
import struct
import urllib.request

import log
import world
from records import SCHEMAS, Schema, event, key_of


def post(url, body):
    request = urllib.request.Request(url, json.dumps(body).encode(),
                                     {"Content-Type": "application/vnd.schemaregistry.v1+json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def subjects(registry):
    with urllib.request.urlopen(registry.url + "/subjects", timeout=10) as answer:
        return json.load(answer)


def schema_of(registry, schema_id):
    with urllib.request.urlopen(f"{registry.url}/schemas/ids/{schema_id}", timeout=10) as answer:
        return json.loads(json.load(answer)["schema"])


def test_records_are_framed_by_the_registry_and_foreign_writers_are_read(make_egw, broker, registry):
    egw = make_egw(broker, extra=[f"registry.url={registry.url}"])
    egw.run("init")
    assert any(egw.topic("outcomes") in name for name in subjects(registry)), subjects(registry)
    egw.run("init")  # the same schemas get the same ids
    egw.put(world.customers(20))
    worker = egw.worker()
    worker.wait_for(r"what=ready\b", timeout=30)

    # A writer with a field more than we know, in another order, and one with our own schema.
    theirs = json.loads(SCHEMAS["SupportEvent"].text)
    theirs["fields"] = [{"name": "mood", "type": "string"}] + \
        theirs["fields"][5:] + theirs["fields"][4::-1]
    registered = post(registry.url + f"/subjects/{egw.topic('events')}-theirs/versions",
                      {"schema": json.dumps(theirs)})["id"]
    writer = Schema(json.dumps(theirs))
    record = world.unclassified("foreign", "c0001", title="from elsewhere")
    publisher = log.Publisher(broker.bootstrap, egw.topic("events"), egw.partitions)
    publisher.raw(key_of(record), writer.confluent({**record, "mood": "fine"}, registered))
    publisher.event(world.unclassified("single", "c0001"))
    publisher.raw(key_of(record), b"\0" + struct.pack(">i", 999999) + b"\x02a")
    publisher.flush()
    egw.publish([world.unclassified("own", "c0002")])

    outcomes = egw.wait_outcomes(lambda said: sum(
        bool(r.said["event_id"]) or r.said["action"] == "DEAD_LETTERED" for r in said) >= 4)
    actions = {r.said["event_id"]: r.said["action"] for r in outcomes
               if r.said["action"] != "POLICY_ACTIVATED"}
    assert actions == {"foreign": "BASELINE", "single": "BASELINE", "own": "BASELINE",
                       "": "DEAD_LETTERED"}
    ids = {struct.unpack(">i", r.record.value[1:5])[0] for r in outcomes}
    assert all(r.record.value[:1] == b"\0" for r in outcomes)
    assert [schema_of(registry, i)["name"] for i in ids] == ["Outcome"]
    assert worker.term() == 0
    egw.run("audit")


def test_a_registry_that_comes_back_late_holds_the_partition_and_loses_nothing(make_egw, broker,
                                                                               registry):
    egw = make_egw(broker, extra=[f"registry.url={registry.url}"])
    egw.run("init")
    egw.put(world.customers(20))
    theirs = json.loads(SCHEMAS["SupportEvent"].text)
    theirs["doc"] = "another writer"
    schema_id = post(registry.url + f"/subjects/{egw.topic('events')}-late/versions",
                     {"schema": json.dumps(theirs)})["id"]
    worker = egw.worker(settings=("registry.timeout_ms=2000",))
    worker.wait_for(r"what=ready\b", timeout=30)
    registry.freeze()
    record = event(event_id="late", case_id="L-1", customer="c0001", title="late")
    publisher = log.Publisher(broker.bootstrap, egw.topic("events"), egw.partitions)
    publisher.raw(key_of(record), SCHEMAS["SupportEvent"].confluent(record, schema_id))
    publisher.event(event(event_id="after", case_id="L-2", customer="c0001", title="after"))
    publisher.flush()
    worker.wait_for(r"what=partition\.waiting .*schema id \d+ is not known yet")
    worker.wait_for(r"what=registry\.trouble why=\"cannot fetch schema \d+: no answer from the registry: .", timeout=60)
    assert not [r for r in egw.outcomes() if r.said["event_id"]]
    registry.thaw()
    outcomes = egw.wait_outcomes(lambda said: sum(bool(r.said["event_id"]) for r in said) >= 2)
    said = sorted((r.said for r in outcomes if r.said["event_id"]), key=lambda s: s["seq"])
    assert [s["event_id"] for s in said] == ["late", "after"]
    worker.wait_for(r"what=registry\.answers\b")
    assert worker.text().count("what=registry.trouble") == 1
