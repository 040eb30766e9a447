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
from world import at, ms

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


SERVICES = {"Power Apps / Dataverse": "Power Apps", "Microsoft Intune": "Microsoft Intune",
            "Partner Center": "Partner Center API", "Microsoft 365 Apps": "Office apps",
            "Office": "Office apps"}


def service_of(product):
    return SERVICES.get(product) or ("Exchange" if product.startswith("Exchange") else "SharePoint")


def error_text(number, row, prefix, **fields):
    """An error a user sent in."""
    return event(event_id=f"{prefix}{number}", event_type="opened", case_id=f"{prefix}-{number}",
                 customer=f"c{number % CUSTOMERS:04d}", ask="issue", domain="technical",
                 severity="C", text=row["text"], language=row["lang"], **fields)


def untried(number, row):
    """Nothing was tried yet: the desk's own work, with the remedy where the text names a known error."""
    return error_text(number, row, "u", service=service_of(row["product"]))


def tried_in_vain(number, row):
    """The desk has tried what it could: it goes up, whatever the text names."""
    return error_text(number, row, "v", service="Azure", symptom="error",
                      subscription=f"sub-{number % CUSTOMERS}", title="an error that stays",
                      started_at=ms(at(minutes=40)),
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


def test_each_error_text_tried_in_vain_goes_up_byte_for_byte(egw):
    events = [tried_in_vain(n, row) for n, row in enumerate(rows("error-texts.jsonl"))]
    said, packages = run(egw, events)
    assert collections.Counter(s["action"] for s in said.values()) == {"HANDOFF": len(events)}
    assert len(packages) == len(events)
    for made in events:
        digest = hashlib.sha256(made["text"].encode()).digest()
        assert said[made["event_id"]]["text_digest"] == digest
        assert packages[made["case_id"]]["text"] == made["text"]
        assert packages[made["case_id"]]["language"] == made["language"]


def test_each_untried_error_text_stays_with_the_desk_and_known_errors_bring_their_remedy(egw):
    source = rows("error-texts.jsonl")
    events = [untried(n, row) for n, row in enumerate(source)]
    said, packages = run(egw, events)
    counts = collections.Counter((s["action"], s["code"]) for s in said.values())
    print(counts)
    assert set(counts) == {("BASELINE", "REMEDY"), ("BASELINE", "DIAGNOSE")} and not packages
    for made, row in zip(events, source):
        outcome = said[made["event_id"]]
        if outcome["code"] == "REMEDY":
            assert row["catalogue_hit"] and outcome["signature"] and outcome["advice"], row
