"""A candidate policy over what a real log holds: it moves what its changed rule decides and nothing
else, activate keeps the limit, and the name that accepts more is on record."""
import json
import shutil

import pytest
from kafka import TopicPartition
from kafka.admin import KafkaAdminClient

import world
from program import EXIT_CONFIG, EXIT_NO, EXIT_OK, EXIT_UNAVAILABLE, EXIT_USAGE, ROOT
from world import billing, unclassified

CUSTOMERS, BILLING, UNCLASSIFIED = 12, 200, 60
HANDED = 'then = "HANDOFF"; channel = "commercial"'
HELD = 'then = "HELD"; code = "POLICY"'


def candidate(egw, name, old, new):
    """The shipped rules with the first `old` after the billing rule's id made `new`."""
    folder = egw.dir / name
    shutil.copytree(ROOT / "config" / "policy", folder)
    text = (folder / "channel.cfg").read_text()
    start = text.index(old, text.index('id = "commercial.billing"'))
    (folder / "channel.cfg").write_text(text[:start] + new + text[start + len(old):])
    return folder


@pytest.fixture
def decided(egw):
    """Some hundred cases of a dozen customers, and a few repeats."""
    egw.put(world.customers(CUSTOMERS))
    egw.worker().wait_for(r"what=ready\b", timeout=30)
    events = ([billing(n, f"c{n % CUSTOMERS:04d}") for n in range(BILLING)]
              + [unclassified(1000 + n, f"c{n % CUSTOMERS:04d}") for n in range(UNCLASSIFIED)])
    egw.publish(events + events[:10])
    egw.wait_outcomes(lambda said: sum(r.said["case_id"] != "" for r in said) == len(events) + 10,
                      timeout=60)
    return egw


def backtest(egw, folder, *args, expect=EXIT_OK):
    return json.loads(egw.run("policy backtest", str(folder), *args, "-o", "json",
                              expect=expect).stdout)


def test_the_policy_in_force_moves_nothing(decided):
    told = backtest(decided, ROOT / "config" / "policy", "--limit", "0")
    assert told["moved"] == told["retold"] == told["unchecked"] == 0 and told["moves"] == []
    assert told["cases"] == told["same"] == BILLING + UNCLASSIFIED and told["cases_moved"] == 0
    assert told["contacts"] == [BILLING, BILLING]


def test_a_changed_rule_moves_what_it_decided_and_nothing_else(decided):
    held = candidate(decided, "held", HANDED, HELD)
    told = backtest(decided, held, "--limit", "50", expect=EXIT_NO)
    assert told["cases"] == BILLING + UNCLASSIFIED and told["cases_moved"] == told["moved"] == BILLING
    assert told["same"] == UNCLASSIFIED and told["retold"] == told["unchecked"] == 0
    assert told["contacts"] == [BILLING, 0]
    move, = told["moves"]
    assert move["outcomes"] == BILLING
    assert (move["was"]["action"], move["was"]["channel"]) == ("HANDOFF", "commercial")
    assert (move["becomes"]["action"], move["becomes"]["code"]) == ("HELD", "POLICY")
    example = next(r.said for r in decided.outcomes() if r.said["chain"] == move["example"]["chain"]
                   and r.said["seq"] == move["example"]["seq"])
    assert example["case_id"] == move["example"]["case_id"] and example["rule"] == move["was"]["rule"]
    mine = {c["name"]: c for c in told["customers"]}
    assert len(mine) == CUSTOMERS
    for n in range(CUSTOMERS):
        expected = len(range(n, BILLING, CUSTOMERS))
        assert mine[f"litware/c{n:04d}"]["moved"] == expected, n
        assert mine[f"litware/c{n:04d}"]["contacts"] == [expected, 0], n
    shown = decided.run("policy backtest", str(held)).stdout.decode()
    assert f"{BILLING}  HANDOFF to commercial -> HELD/POLICY" in shown, shown
    assert f"{BILLING} of {BILLING + UNCLASSIFIED} cases move, limit 100 %" in shown, shown


def test_other_words_for_the_same_answer_are_no_move(decided):
    said = candidate(decided, "said", "billing goes to", "bills go to")
    told = backtest(decided, said, "--limit", "0")
    assert (told["moved"], told["retold"], told["same"]) == (0, BILLING, UNCLASSIFIED)


def activations(egw):
    return [json.loads(line) for line in egw.run("policy history", "-o", "json").stdout.splitlines()]


def test_activate_refuses_over_the_limit_and_records_who_accepts_it(decided):
    egw = decided
    folder = candidate(egw, "held", HANDED, HELD)
    limited = (f"policy.dir={folder}", "policy.backtest_limit=5")
    refused = egw.run("policy activate", expect=EXIT_NO, settings=limited)
    assert (f"{BILLING} of {BILLING + UNCLASSIFIED} cases move, limit 5 %: not activated; "
            "--accept NAME does so all the same").encode() in refused.stderr
    assert len(activations(egw)) == 1
    egw.run("policy activate", "--by", "anna", "--accept", "carla", settings=limited)
    past = activations(egw)
    assert len(past) == 2 and past[1]["by"] == "anna" and past[1]["accepted_by"] == "carla"
    assert past[1]["backtest"] == f"{BILLING} of {BILLING + UNCLASSIFIED} cases move, limit 5 %"
    assert b"accepted by carla" in egw.run("policy history").stdout
    egw.wait_outcomes(lambda said: sum(r.said["action"] == "POLICY_ACTIVATED" for r in said)
                      == 2 * egw.partitions, timeout=30)
    # What the log holds was decided by the old rules; nobody has to accept what stays within.
    egw.run("policy activate", "--limit", "90", settings=(f"policy.dir={folder}",))
    assert activations(egw)[2].get("accepted_by") is None and "limit 90 %" in activations(egw)[2]["backtest"]


def test_what_is_past_retention_cannot_be_checked_and_is_not_activated_under_a_limit(decided):
    egw = decided
    admin = KafkaAdminClient(bootstrap_servers=egw.bootstrap)
    admin.delete_records({TopicPartition(egw.topic("events"), p): -1 for p in range(egw.partitions)})
    admin.close()
    shipped = ROOT / "config" / "policy"
    told = backtest(egw, shipped, expect=EXIT_UNAVAILABLE)
    assert told["cases"] == told["same"] == 0 and told["unchecked"] == BILLING + UNCLASSIFIED
    assert told["unchecked_because"][0] == {"outcomes": BILLING + UNCLASSIFIED,
                                            "why": "its input is no longer kept"}
    refused = egw.run("policy activate", "--limit", "100", expect=EXIT_UNAVAILABLE)
    assert b"no decision could be checked" in refused.stderr and len(activations(egw)) == 1


def test_nothing_since_then_is_nothing_checked_and_bad_words_are_usage(egw):
    shipped = str(ROOT / "config" / "policy")
    egw.run("policy backtest", shipped, "--since", world.at(days=-1), expect=EXIT_UNAVAILABLE)
    for args, why in ((("--limit", "120"), b"--limit is a whole number of percent, 0 to 100, not 120"),
                      (("--since", "soon"), b"--since needs a date or time")):
        assert why in egw.run("policy backtest", shipped, *args, expect=EXIT_USAGE).stderr
    lone = egw.run("policy activate", "--accept", "carla", expect=EXIT_USAGE)
    assert b"--accept goes with --backtest, --limit or policy.backtest_limit" in lone.stderr
    broken = candidate(egw, "broken", HANDED, 'then = "NOWHERE"')
    fault = egw.run("policy backtest", str(broken), expect=EXIT_CONFIG)
    assert b"channel.cfg:" in fault.stderr
