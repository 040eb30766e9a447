"""The checkers are believed only because each planted fault below is caught, and a clean log is not
accused. Nothing here needs a broker or egw."""
import copy
import json

import fastavro
import pytest

import checkers
import murmur2
from checkers import Read, Record
from records import SCHEMAS, SINGLE, decode, event, key_of

ZERO = bytes(32)


def outcome(said):
    base = {"chain": "triage/0", "seq": 0, "prev": ZERO, "decided_at": 1, "recorded_at": 1,
            "action": "NOTED", "stage": "CASE"}
    return {**base, **said}


def encoded(said, offset, headers=()):
    value = SCHEMAS["Outcome"].single(said)
    return Read(Record("out", 0, offset, 0, b"litware/fabrikam", value, headers), decode(value))


def build(changes=None, count=6):
    """A small right log: inputs with a gap (a commit marker), outcomes chained, a command each third."""
    inputs, says, escalations = [], [], []
    last = -1
    for n in range(count):
        offset = n + (n > 2)
        value = SCHEMAS["SupportEvent"].single(event(event_id=f"e{n}", case_id="c"))
        inputs.append(Record("in", 0, offset, 0, b"litware/fabrikam", value))
        said = outcome({"trigger": {"kind": "EVENT", "topic": "in", "partition": 0, "offset": offset,
                                    "prev_offset": last, "digest": checkers.sha256(value)}})
        if n % 3 == 0:
            said["action"], said["command_id"] = "HANDOFF", bytes([n]) * 32
            escalations.append(Read(None, {"command_id": said["command_id"]}))
        says.append(said)
        last = offset
    if changes:
        changes(says)
    return inputs, chain(says), escalations


def chain(says):
    reads, head = [], ZERO
    for n, said in enumerate(says):
        said["seq"], said["prev"] = n, head
        reads.append(encoded(said, n))
        head = checkers.head(head, reads[-1].record)
    return reads


def test_a_right_log_has_no_findings():
    assert checkers.everything(*build()) == []


def test_followups_of_facts_and_timers_are_not_counted_as_answers():
    inputs, outcomes, escalations = build()
    says = [copy.deepcopy(r.said) for r in outcomes]
    says.insert(3, outcome({"trigger": {"kind": "FACT", "topic": "ref", "partition": 0, "offset": 9,
                                        "prev_offset": -1, "digest": None}}))
    assert checkers.everything(inputs, chain(says), escalations) == []


@pytest.mark.parametrize("at", [0, 2, 5])
def test_a_lost_outcome_is_found(at):
    inputs, outcomes, escalations = build()
    del outcomes[at]
    assert any("no outcome" in f for f in checkers.once(inputs, outcomes))
    if at < 5:  # at the very end only the inputs can tell
        assert checkers.chains(outcomes)


def test_an_outcome_lost_before_chaining_is_found_by_its_input():
    inputs, outcomes, _ = build(lambda says: says.pop(2))
    assert checkers.chains(outcomes) == []
    assert any("no outcome" in f for f in checkers.once(inputs, outcomes))
    assert any("handled before it" in f for f in checkers.order(inputs, outcomes))


def test_a_doubled_outcome_is_found_though_rightly_chained():
    inputs, outcomes, _ = build(lambda says: says.insert(2, copy.deepcopy(says[1])))
    assert checkers.chains(outcomes) == []
    assert any("2 outcomes" in f for f in checkers.once(inputs, outcomes))
    assert any("was handled after" in f for f in checkers.order(inputs, outcomes))


def test_a_doubled_record_is_found():
    _, outcomes, _ = build()
    outcomes.append(Read(outcomes[-1].record._replace(offset=99), outcomes[-1].said))
    assert any("expected 6" in f for f in checkers.chains(outcomes))


def test_swapped_decisions_are_found():
    def swap(says):
        says[3], says[4] = says[4], says[3]
    inputs, outcomes, _ = build(swap)
    assert checkers.chains(outcomes) == []
    assert any("was handled after" in f for f in checkers.order(inputs, outcomes))


def test_an_outcome_of_no_input_is_found():
    inputs, outcomes, _ = build()
    assert any("not there" in f for f in checkers.once(inputs[1:], outcomes))


def test_other_input_bytes_are_found():
    inputs, outcomes, _ = build()
    inputs[1] = inputs[1]._replace(value=inputs[1].value + b"x")
    assert any("another digest" in f for f in checkers.once(inputs, outcomes))


def test_an_altered_outcome_breaks_the_link_of_the_next():
    _, outcomes, _ = build()
    said = {**outcomes[2].said, "code": "FORGED"}
    outcomes[2] = encoded(said, 2)
    assert checkers.chains(outcomes) == [
        "chain triage/0: number 3 does not link to its predecessor"]


def test_an_altered_key_breaks_the_link():
    _, outcomes, _ = build()
    outcomes[0] = Read(outcomes[0].record._replace(key=b"litware/adatum"), outcomes[0].said)
    assert checkers.chains(outcomes)


def test_a_header_is_a_finding():
    _, outcomes, _ = build()
    outcomes[1] = Read(outcomes[1].record._replace(headers=(("a", b"b"),)), outcomes[1].said)
    assert any("has headers" in f for f in checkers.chains(outcomes))


def test_a_chain_in_two_partitions_is_found():
    _, outcomes, _ = build()
    outcomes[5] = Read(outcomes[5].record._replace(partition=1), outcomes[5].said)
    assert any("several partitions" in f for f in checkers.chains(outcomes))


def test_a_chain_started_anew_is_found():
    _, outcomes, _ = build()
    _, second, _ = build(count=2)
    again = [Read(r.record._replace(offset=r.record.offset + 6), r.said) for r in second]
    assert any("expected 6" in f for f in checkers.chains(outcomes + again))


def test_an_outcome_without_its_command_is_found():
    _, outcomes, escalations = build()
    assert any("in no channel" in f for f in checkers.commands(outcomes, escalations[1:]))


def test_a_command_without_outcome_is_found():
    _, outcomes, escalations = build()
    escalations.append(Read(None, {"command_id": b"z" * 32}))
    assert any("has no outcome" in f for f in checkers.commands(outcomes, escalations))


def test_a_command_written_twice_is_found():
    _, outcomes, escalations = build()
    assert any("2 times" in f for f in checkers.commands(outcomes, escalations + escalations[:1]))


def test_a_command_issued_twice_is_found():
    def same(says):
        says[3]["command_id"] = says[0]["command_id"]
    _, outcomes, escalations = build(same)
    assert any("issued by 2" in f for f in checkers.commands(outcomes, escalations))


def test_personal_text_in_an_outcome_is_found():
    _, outcomes, _ = build(lambda says: says[0].update(because="Le client hésite"))
    assert checkers.personal(outcomes, ["hésite"])
    assert not checkers.personal(outcomes, ["Hésite"])


@pytest.mark.parametrize("key, expected", [
    # Kafka's own UtilsTest.testMurmur2
    (b"21", -973932308), (b"foobar", -790332482), (b"a-little-bit-long-string", -985981536),
    (b"a-little-bit-longer-string", -1486304829),
    (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971), (b"abc", 479470107)])
def test_murmur2_is_kafkas(key, expected):
    assert murmur2.murmur2(key) == expected & 0xFFFFFFFF


def test_a_record_in_another_keys_partition_is_found():
    right = Record("in", murmur2.partition_of(b"a/b", 6), 0, 0, b"a/b", b"")
    assert checkers.keys([right], 6) == []
    assert checkers.keys([right._replace(partition=(right.partition + 1) % 6)], 6)


def test_every_schema_reads_back_what_it_wrote_and_refuses_a_byte_more():
    record = event(event_id="e", case_id="c", title="é", diagnosis=[{"kind": "check", "step": "s"}])
    value = SCHEMAS["SupportEvent"].single(record)
    assert decode(value, "SupportEvent")["title"] == "é"
    assert key_of(record) == b"litware/northwind"
    with pytest.raises(ValueError, match="after the record"):
        decode(value + b"\0", "SupportEvent")
    with pytest.raises(ValueError, match="expected"):
        decode(value, "Outcome")


def test_the_fingerprint_is_the_one_of_the_avro_specification():
    # CRC-64-AVRO of the canonical form, computed bit by bit as the specification writes it.
    def crc64(data):
        empty = 0xC15D213AA4D7A795
        crc = empty
        for byte in data:
            crc ^= byte
            for _ in range(8):
                crc = (crc >> 1) ^ (empty if crc & 1 else 0)
        return crc
    for schema in SCHEMAS.values():
        assert crc64(schema.canonical.encode()) == schema.fingerprint, schema.name
        assert SCHEMAS["SupportEvent"].single(event(event_id="e"))[:2] == SINGLE
        assert "doc" not in json.loads(schema.canonical)
        assert fastavro.schema.fullname(fastavro.parse_schema(json.loads(schema.text))) == \
            f"egw.{schema.name}"
