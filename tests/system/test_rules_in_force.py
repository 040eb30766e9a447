"""Which rules applied where and when: history, show --at, rollback, and a partition that reaches an
activation its worker does not have yet."""
import datetime
import json

import log
import world
from program import EXIT_NO, EXIT_UNAVAILABLE, ROOT
from records import SCHEMAS
from world import billing


def lines(egw, verb, *args, expect=0):
    return [json.loads(line) for line in
            egw.run(verb, *args, "-o", "json", expect=expect).stdout.splitlines()]


def reached(egw, number):
    egw.wait_outcomes(lambda said: sum(r.said["action"] == "POLICY_ACTIVATED"
                                       and r.said["activation"] == number for r in said)
                      == egw.partitions, timeout=60)


def instant(ms):
    return datetime.datetime.fromtimestamp(ms / 1000, datetime.timezone.utc).isoformat(
        timespec="milliseconds").replace("+00:00", "Z")


def activate_without_catalogue(egw, note):
    nothing = egw.dir / "nothing"
    nothing.mkdir(exist_ok=True)
    egw.run("policy activate", "--by", "anna", "--note", note,
            settings=(f"policy.catalogue={nothing}",))


def test_history_and_show_at_and_rollback_tell_one_story(egw):
    worker = egw.worker()
    worker.wait_for(r"what=ready\b", timeout=30)
    reached(egw, 1)
    activate_without_catalogue(egw, "no catalogue: it is wrong about mail")
    reached(egw, 2)
    egw.run("policy rollback", "--by", "bert")
    reached(egw, 3)

    shown, *rules = lines(egw, "policy show", "-v")
    assert shown["activation"] == 3 and shown["partitions"] == [0, egw.partitions - 1]
    assert len(rules) > 50 and all(r["because"] and r["source"] and r["line"] for r in rules)
    assert {r["action"] for r in rules} >= {"next", "HANDOFF", "REJECTED"}
    assert lines(egw, "init") == [{"created": [], "registered": 0, "positions": 0}]

    past = lines(egw, "policy history")
    assert [(p["activation"], p["reached"]) for p in past] == [(n, egw.partitions) for n in (1, 2, 3)]
    assert past[1]["by"] == "anna" and past[1]["note"] == "no catalogue: it is wrong about mail"
    assert past[2]["by"] == "bert" and past[2]["note"] == "rollback to activation 1"
    assert past[0]["policy"] == past[2]["policy"] != past[1]["policy"]

    # The numbers of activations are two policies of the log, whatever the folders hold by now.
    told, = lines(egw, "policy diff", "1", "2", expect=EXIT_NO)
    assert (told["old"], told["new"]) == (past[0]["policy"], past[1]["policy"])
    assert {d["part"] for d in told["definitions"]} == {"catalogue"} and told["moves"]
    assert all(d["text"].endswith(" is gone") for d in told["definitions"])
    assert all(m["example"]["known-issue (old)"] != m["example"]["known-issue (new)"] == "none"
               for m in told["moves"])
    told, = lines(egw, "policy diff", "1", "3")
    assert told["moves"] == told["definitions"] == []
    assert b"activation 9" in egw.run("policy diff", "1", "9", expect=EXIT_NO).stderr

    chain = sorted((r.said for r in egw.outcomes() if r.record.partition == 3),
                   key=lambda said: said["seq"])
    for said in chain:
        shown, = lines(egw, "policy show", "--at", instant(said["decided_at"]), "--partition", "3")
        last = [s for s in chain if s["decided_at"] <= said["decided_at"]][-1]
        assert (shown["activation"], shown["seq"]) == (last["activation"], last["seq"])
    early = egw.run("policy show", "--at", "2020-01-01T00:00:00Z", "--partition", "3", expect=EXIT_NO)
    assert b"what is kept of its outcomes begins at" in early.stderr


def test_the_files_of_an_activation_come_out_of_the_log_as_they_were(egw):
    worker = egw.worker()
    worker.wait_for(r"what=ready\b", timeout=30)
    activate_without_catalogue(egw, "no catalogue")
    past = lines(egw, "policy history")
    for number, catalogue in ((1, True), (2, False)):
        to = egw.dir / f"exported-{number}"
        told, = lines(egw, "policy export", str(number), str(to))
        files = [f for f in to.rglob("*") if f.is_file()]
        assert (told["activation"], told["files"], told["policy"]) == (
            number, len(files), past[number - 1]["policy"])
        assert any(f.suffix == ".tsv" for f in files) == catalogue
        linted = egw.run("policy lint", str(to), expect=None if catalogue else EXIT_NO)
        assert told["policy"].encode() in linted.stdout
    shipped = ROOT / "config" / "policy" / "channel.cfg"
    assert (egw.dir / "exported-1" / "channel.cfg").read_bytes() == shipped.read_bytes()
    told, = lines(egw, "policy diff", "2", str(egw.dir / "exported-2"))
    assert told["moves"] == told["definitions"] == []
    again = egw.run("policy export", "1", str(egw.dir / "exported-1"), expect=EXIT_UNAVAILABLE)
    assert b"cannot make the folder" in again.stderr and b"exists" in again.stderr
    assert b"there is no activation 9" in egw.run("policy export", "9", "x", expect=EXIT_NO).stderr


def test_a_rollback_needs_an_activation_to_go_back_to(egw):
    worker = egw.worker()
    worker.wait_for(r"what=ready\b", timeout=30)
    reached(egw, 1)
    assert b"there is no other policy to go back to" in egw.run("policy rollback", expect=EXIT_NO).stderr
    assert b"there is no activation 9" in egw.run("policy rollback", "9", expect=EXIT_NO).stderr


def test_a_partition_waits_for_a_policy_its_worker_does_not_have_and_says_so(egw):
    """An activation without its files is what a worker sees that has not read or compiled them yet."""
    egw.put(world.customers(3))
    worker = egw.worker()
    worker.wait_for(r"what=ready\b", timeout=30)
    reached(egw, 1)
    missing = "ab" * 32
    publisher = log.Publisher(egw.bootstrap, egw.topic("inbox"), egw.partitions)
    publisher.raw(b"#activation", SCHEMAS["PolicyActivation"].single(
        {"number": 2, "manifest": missing, "by": "anna", "note": "", "at": 0}), partition=0)
    publisher.flush()
    line = worker.wait_for(r"what=partition\.waiting\b.*activation 2", timeout=30)
    assert "part=0" in line and "policy abababababab: not seen in the policy topic" in line, line
    egw.publish([billing(n, f"c{n:04d}") for n in range(3)])
    egw.wait_outcomes(lambda said: sum(r.said["action"] == "HANDOFF" for r in said) == 3, timeout=30)
    assert not [r for r in egw.outcomes() if r.said["activation"] == 2]
    publisher.close()
