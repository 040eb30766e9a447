"""Real texts through the real program: 5,000 tickets and 1,483 error texts, one outcome each, nothing
altered on the way to the package (S29, S43, S66)."""
import collections
import hashlib
import json

import pytest

import checkers
import program
import world
from records import event

DATA = program.ROOT.parent / "shared" / "data"
CUSTOMERS = 200


def rows(name):
    path = DATA / name
    if not path.exists():
        pytest.skip(f"{path} is not here: real inputs are not part of the repository")
    return [json.loads(line) for line in path.read_text().splitlines()]


def ticket(number, row):
    """A help-desk ticket as it comes: no service, no diagnosis."""
    return event(event_id=f"t{number}", event_type="opened", case_id=f"T-{number}",
                 customer=f"c{number % CUSTOMERS:04d}", ask="issue", title=row["title"],
                 text=row["body"], priority=str(row["priority"]))


def error_text(number, row):
    """An error a user sent in; the desk has tried what it could, so unless the text itself names a
    remedy it goes up."""
    return event(event_id=f"e{number}", event_type="opened", case_id=f"E-{number}",
                 customer=f"c{number % CUSTOMERS:04d}", ask="issue", domain="technical",
                 service="Azure", subscription=f"sub-{number % CUSTOMERS}", symptom="error",
                 severity="C", text=row["text"], language=row["lang"],
                 diagnosis=[{"kind": "attempt", "step": "tried again", "result": "same error",
                             "resolved": False}])


def facts():
    made = world.customers(CUSTOMERS)
    for n in range(CUSTOMERS):
        name = f"c{n:04d}"
        made += [world.access(name, rbac=[f"sub-{n}"]),
                 world.fact("subscription", customer=name, subscription=f"sub-{n}", plan="csp",
                            seller="litware"),
                 world.fact("health_snapshot", customer=name, service="azure",
                            status="serviceOperational")]
    return made


def run(egw, events):
    egw.put(facts())
    worker = egw.worker()
    worker.wait_for(r"what=ready\b", timeout=30)
    egw.publish(events, timeout=120)
    outcomes = egw.wait_outcomes(
        lambda said: sum(bool(r.said["event_id"]) for r in said) >= len(events), timeout=90)
    assert worker.term() == 0
    inputs, escalations = egw.inputs(), egw.escalations()
    checkers.assert_clean(checkers.everything(inputs, outcomes, escalations))
    egw.run("audit")
    by_event = {r.said["event_id"]: r.said for r in outcomes if r.said["event_id"]}
    assert len(by_event) == len(events)
    checkers.assert_clean(checkers.personal(outcomes, {e["text"] for e in events[::50]
                                                       if len(e["text"]) > 20}))
    return by_event, {r.said["case_id"]: r.said for r in escalations}


def test_each_ticket_without_a_service_is_the_desks_to_classify(egw):
    tickets = [ticket(n, row) for n, row in enumerate(rows("tickets-sample.jsonl"))]
    said, packages = run(egw, tickets)
    counts = collections.Counter((s["action"], s["code"]) for s in said.values())
    print(counts)
    assert counts == {("BASELINE", "CLASSIFY"): len(tickets)}
    assert not packages
    for made in tickets:
        assert said[made["event_id"]]["text_digest"] == hashlib.sha256(made["text"].encode()).digest()


def test_each_error_text_gets_its_remedy_or_goes_up_byte_for_byte(egw):
    source = rows("error-texts.jsonl")
    events = [error_text(n, row) for n, row in enumerate(source)]
    said, packages = run(egw, events)
    counts = collections.Counter((s["action"], s["code"]) for s in said.values())
    print(counts)
    assert set(action for action, _ in counts) <= {"BASELINE", "HANDOFF"}, counts
    assert counts[("BASELINE", "REMEDY")] + sum(
        n for (action, _), n in counts.items() if action == "HANDOFF") == len(events)
    assert len(packages) == sum(n for (action, _), n in counts.items() if action == "HANDOFF")
    for made in events:
        outcome = said[made["event_id"]]
        assert outcome["text_digest"] == hashlib.sha256(made["text"].encode()).digest()
        if outcome["action"] == "HANDOFF":
            assert packages[made["case_id"]]["text"] == made["text"]
            assert packages[made["case_id"]]["language"] == made["language"]
        else:
            assert outcome["signature"] and outcome["advice"]
    assert packages, "no text reached a package: S66 was not tested"
