"""What `egw explain` says of decisions on record: of an outcome by its event, of a case."""
import json

import world


def explain(egw, *args, **kwargs):
    return json.loads(egw.run("explain", "-o", "json", *args, **kwargs).out)


def test_an_outcome_and_a_case_on_record_are_explained_as_they_were_decided(egw):
    egw.run("init")
    egw.put([world.partner(), world.customer("adatum"), world.customer("northwind")])
    egw.publish([world.billing(1, "adatum", case_id="K-1"),
                 world.unclassified(2, "northwind", case_id="K-2")])
    egw.worker(0)
    outcomes = egw.wait_outcomes(lambda seen: sum(o.said["event_id"] in ("1", "2") for o in seen) == 2)
    decided = {o.said["event_id"]: o.said for o in outcomes if o.said["event_id"]}

    said = explain(egw, "1")
    assert said["rule"] == decided["1"]["rule"]
    assert said["action"] == decided["1"]["action"] == "HANDOFF"
    assert {f["name"]: f["value"] for f in said["facts"]}["domain"] == "billing"

    said = explain(egw, "litware/northwind/K-2")
    assert said["rule"] == decided["2"]["rule"]
    assert said["action"] == decided["2"]["action"] == "BASELINE"

    assert explain(egw, "K-2")["rule"] == said["rule"], "the case alone, where one customer has it"
    assert all(len(other["changes"]) <= 6 for other in said["instead"]), "only what matters is told"
    done = egw.run("handoff number", "K-1", "2601050040009999", "-o", "json").out
    assert json.loads(done) == {"number": "2601050040009999", "known": False}

    egw.publish([world.unclassified(3, "adatum", case_id="K-2")])
    egw.wait_outcomes(lambda seen: any(o.said["event_id"] == "3" for o in seen))
    assert "several customers have a case K-2" in egw.run("explain", "K-2", expect=1).err

    text = egw.run("explain", "1").out
    assert decided["1"]["rule"] in text

    assert "no-such-event" in egw.run("explain", "no-such-event", expect=1).err
    assert "litware/adatum/none" in egw.run("explain", "litware/adatum/none", expect=1).err
