"""What a person wrote or is called stands in packages and waiting cases only: at level debug, over
all that is decided, refused and dead, no log line, dial or outcome of a worker holds any of it (P24)."""
import json

import checkers
import log
import world

CANARY = "zq7canary"


def personal(number):
    def word(of):
        return f"{CANARY}-{of}-{number}"

    def person(of):
        return {"name": word(f"{of}-name"), "email": word(f"{of}-mail"), "phone": word(f"{of}-phone")}

    return {"title": word("title"), "text": word("text"), "impact": word("impact"),
            "actor": word("actor"), "actor_role": word("role"),
            "requester": person("requester"), "contact": person("contact"),
            "extensions": {word("key"): word("value")},
            "diagnosis": [{"kind": "check", "step": word("step"), "result": word("result"),
                           "resolved": False, "by": word("by")}]}


def test_no_log_line_dial_or_outcome_holds_a_persons_words(egw):
    egw.put([world.partner(contact_name=f"{CANARY}-partner", contact_phone=f"{CANARY}-phone",
                           contact_email=f"{CANARY}-mail")] +
            [world.customer(f"c{n:04d}") for n in range(5)])
    worker = egw.worker(settings=["log.level=debug"])
    worker.wait_for(r"what=ready\b", timeout=30)
    events = [make(f"{make.__name__}-{n}", f"c{n:04d}", **personal(n))
              for n in range(5) for make in (world.billing, world.unclassified)]
    events += [world.billing(f"{kind}-again", "c0001", kind, case_id="B-billing-1", **personal(9))
               for kind in ("updated", "case-number", "closed", "exploded")]
    events += [world.billing("elsewhere", "nobody", **personal(10)),
               world.billing("wrong", "c0002", domain=f"{CANARY}-domain", **personal(11))]
    egw.publish(events)
    publisher = log.Publisher(egw.bootstrap, egw.topic("events"), egw.partitions)
    publisher.raw(b"litware/c0001", f'{{"text": "{CANARY}"}}'.encode())
    publisher.raw(b"litware/c0001", b"\xc3\x01" + CANARY.encode() * 4)
    publisher.flush()
    publisher.close()
    outcomes = egw.wait_outcomes(lambda said: not checkers.once(egw.inputs(), said), 60)
    assert {"HANDOFF", "BASELINE", "REJECTED", "CLOSED", "NOTED", "DEAD_LETTERED"} <= \
        {r.said["action"] for r in outcomes}
    status, dials = worker.ask("/metrics")
    worker.term()
    logged = worker.text()
    assert status == 200 and "level=debug" in logged
    for where, text in (("log", logged), ("metrics", dials),
                        ("outcomes", json.dumps([r.said for r in outcomes], default=repr))):
        assert CANARY not in text, f"{where}: {text[max(0, text.index(CANARY) - 300):][:400]}"
    packages = json.dumps([r.said for r in egw.escalations()], default=repr)
    assert f"{CANARY}-text-" in packages  # where it belongs; and the search finds it
