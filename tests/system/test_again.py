"""What was decided is decided once more by `egw verify` and `egw replay`: the same where nothing was
touched, found where a byte was, counted as unchecked where what it needs is gone."""
import json

import pytest
from kafka import KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient, NewTopic

import log
import world
from program import EXIT_NO
from records import SCHEMAS, decode, event
from test_story import Told, incident, story_events, story_facts
from world import at


@pytest.fixture
def lived(egw):
    """The story, then a new policy, changed facts and a repeated event, each answered."""
    egw.put(story_facts())
    worker = egw.worker()
    worker.wait_for(r"what=ready\b", timeout=30)
    egw.publish(story_events())
    told = Told(egw)
    told.of("CW-1001"), told.of("CW-1005")
    nothing = egw.dir / "nothing"
    nothing.mkdir()
    egw.run("policy activate", "--by", "anna", settings=(f"policy.catalogue={nothing}",))
    egw.wait_outcomes(lambda said: sum(s.said["action"] == "POLICY_ACTIVATED" for s in said)
                      == 2 * egw.partitions, timeout=30)
    egw.put([incident(resolved=True), world.access("adatum", ends_at=at(days=-365))])
    told.of("CW-1001", 2), told.of("CW-1005", 2)
    egw.publish(story_events()[:1])
    told.of("CW-1001", 3)
    egw.publish([event(event_id="CW-1004-2", event_type="case-number", customer="northwind",
                       case_id="CW-1004", number="2601050040001234")])
    told.of("CW-1004", 2)
    return egw


def counts(egw, verb, *args, expect=0):
    return json.loads(egw.run(verb, *args, "-o", "json", expect=expect).stdout.splitlines()[-1])


def forged_topic(egw, edit):
    """The outcomes as they are but for what edit makes of each; the topic's name."""
    name = f"{egw.prefix}.outcomes-forged"
    admin = KafkaAdminClient(bootstrap_servers=egw.bootstrap)
    admin.create_topics([NewTopic(name, egw.partitions, 1)])
    admin.close()
    producer = KafkaProducer(bootstrap_servers=egw.bootstrap, acks="all")
    for record in sorted(log.read_topic(egw.bootstrap, egw.topic("outcomes")),
                         key=lambda r: (r.partition, r.offset)):
        said = decode(record.value, "Outcome")
        value = SCHEMAS["Outcome"].single(said) if edit(said) else record.value
        producer.send(name, key=record.key, value=value, partition=record.partition)
    producer.flush()
    producer.close()
    return name


def test_a_lived_story_has_no_differences(lived):
    verified = counts(lived, "verify", "--all")
    assert verified["differ"] == verified["unchecked"] == 0 and verified["same"] >= 6, verified
    replayed = counts(lived, "replay", "--all")
    assert replayed["differ"] == replayed["unchecked"] == 0, replayed
    assert replayed["same"] == len(lived.outcomes())


def test_one_decision_is_verified_by_the_names_it_goes_by(lived):
    outcome = next(r for r in lived.outcomes() if r.said["case_id"] == "CW-1002")
    trigger = outcome.said["trigger"]
    for name in ("CW-1002-1", f"{outcome.said['chain']}/{outcome.said['seq']}",
                 f"{lived.topic('outcomes')}/{outcome.record.partition}/{outcome.record.offset}",
                 f"{trigger['topic']}/{trigger['partition']}/{trigger['offset']}"):
        assert b"same" in lived.run("verify", name).stdout, name
    assert b"no outcome is named by CW-9999" in lived.run("verify", "CW-9999", expect=EXIT_NO).stderr


def test_one_case_and_one_customer_are_replayed_alone(lived):
    mine = [r for r in lived.outcomes() if r.said["case_id"] == "CW-1005"]
    assert counts(lived, "replay", "--case", "CW-1005")["same"] == len(mine)
    theirs = [r for r in lived.outcomes() if r.said["customer"] == "fabrikam"]
    assert counts(lived, "replay", "--customer", "fabrikam")["same"] == len(theirs)
    since = counts(lived, "replay", "--all", "--since", at(days=-1))
    assert since["same"] == 0 and since["differ"] == 0


def test_a_planted_rule_is_found_by_both_and_named(lived):
    def another_rule(said):
        if said["event_id"] != "CW-1004-1":
            return False
        said["rule"] = "another-rule"
        return True
    topic = f"topics.outcomes={forged_topic(lived, another_rule)}"
    for verb in ("verify", "replay"):
        told = lived.run(verb, "--all", "-o", "json", expect=EXIT_NO, settings=(topic,)).stdout
        lines = [json.loads(line) for line in told.splitlines()]
        assert [(l["verdict"], l["fields"]) for l in lines[:-1]] == [("differs", ["rule"])], lines
        assert lines[-1]["differ"] == 1
        assert lines[0]["recorded"]["rule"] == "another-rule" != lines[0]["again"]["rule"]


def test_a_later_due_time_is_found_by_both(lived):
    def an_hour_more(said):
        if said["event_id"] != "CW-1004-1":
            return False
        said["due_at"] += 3_600_000
        return True
    topic = f"topics.outcomes={forged_topic(lived, an_hour_more)}"
    for verb in ("verify", "replay"):
        told = lived.run(verb, "--all", "-o", "json", expect=EXIT_NO, settings=(topic,)).stdout
        first, last = (json.loads(line) for line in told.splitlines())
        assert (first["verdict"], first["fields"], last["differ"]) == ("differs", ["due_at"], 1), told


def test_a_fact_that_was_not_so_passes_verify_and_is_found_by_replay(lived):
    """The decision follows from what the outcome says; what it says does not follow from the input."""
    def no_sources(said):
        if said["event_id"] != "CW-1004-1":
            return False
        said["sources"] = []
        return True
    topic = f"topics.outcomes={forged_topic(lived, no_sources)}"
    assert counts_with(lived, "verify", topic)["differ"] == 0
    found = lived.run("replay", "--all", "-o", "json", expect=EXIT_NO, settings=(topic,)).stdout
    assert json.loads(found.splitlines()[0])["fields"] == ["sources"]


def counts_with(egw, verb, setting):
    told = egw.run(verb, "--all", "-o", "json", settings=(setting,)).stdout
    return json.loads(told.splitlines()[-1])


def test_what_is_past_retention_is_not_checked_and_said_so(lived):
    """The events are gone, the outcomes are not: nothing differs, and verify needs no event."""
    admin = KafkaAdminClient(bootstrap_servers=lived.bootstrap)
    admin.delete_records({TopicPartition(lived.topic("events"), p): -1
                          for p in range(lived.partitions)})
    admin.close()
    told = counts(lived, "replay", "--all")
    assert told["differ"] == 0 and told["unchecked"] >= 7, told
    why = lived.run("replay", "--case", "CW-1004", "-v", expect=None).stdout.decode()
    assert "its input is no longer kept" in why
    assert counts(lived, "verify", "--all")["unchecked"] == 0
