"""What must hold over the topics after any run. Each checker returns a list of findings, empty when
all is well; none of them shares code with egw. They are tested themselves with planted faults.
"""
import collections
import hashlib
import struct

from murmur2 import partition_of

Record = collections.namedtuple("Record", "topic partition offset timestamp key value headers",
                                defaults=[()])
# An outcome as read: the record and what it says.
Read = collections.namedtuple("Read", "record said")

ZERO = bytes(32)
SHOWN = 20


def place(record):
    return record.topic, record.partition, record.offset


def trigger_place(said):
    trigger = said["trigger"]
    return trigger["topic"], trigger["partition"], trigger["offset"]


def sha256(data):
    return hashlib.sha256(data if data is not None else b"").digest()


def once(inputs, outcomes):
    """Every input record triggered exactly one outcome, and that one saw its bytes."""
    findings = []
    wanted = {place(r): r for r in inputs}
    seen = collections.Counter()
    for read in outcomes:
        if read.said["trigger"]["kind"] != "EVENT":
            continue
        at = trigger_place(read.said)
        seen[at] += 1
        if at not in wanted:
            findings.append(f"outcome {place(read.record)} names an input that is not there: {at}")
        elif read.said["trigger"]["digest"] != sha256(wanted[at].value):
            findings.append(f"outcome {place(read.record)} has another digest than input {at}")
    findings += [f"input {at} has no outcome" for at in wanted if not seen[at]]
    findings += [f"input {at} has {n} outcomes" for at, n in seen.items() if n > 1]
    return findings


def head(previous, record):
    leaf = sha256(b"\x00" + struct.pack(">I", len(record.key or b"")) + (record.key or b"") +
                  record.value)
    return sha256(b"\x02" + previous + leaf)


def chains(outcomes):
    """Per chain: numbers dense from 0, each linked to its predecessor, in the chain's partition, in
    the order of the log, without headers."""
    findings = []
    by_chain = collections.defaultdict(list)
    for read in outcomes:
        by_chain[read.said["chain"]].append(read)
        if read.record.headers:
            findings.append(f"outcome {place(read.record)} has headers")
    for chain, reads in sorted(by_chain.items()):
        number = chain.rsplit("/", 1)[-1]
        if len({r.record.partition for r in reads}) != 1:
            findings.append(f"chain {chain} lies in several partitions")
        elif number != str(reads[0].record.partition):
            findings.append(f"chain {chain} lies in partition {reads[0].record.partition}")
        previous, expected = ZERO, 0
        for read in sorted(reads, key=lambda r: (r.record.partition, r.record.offset)):
            if read.said["seq"] != expected:
                findings.append(f"chain {chain}: number {read.said['seq']} at {place(read.record)}, "
                                f"expected {expected}")
            elif read.said["prev"] != previous:
                findings.append(f"chain {chain}: number {expected} does not link to its predecessor")
            expected = read.said["seq"] + 1
            previous = head(read.said["prev"], read.record)
    return findings


def order(inputs, outcomes):
    """Per input partition the triggers rise along the chain and each names its predecessor, so that
    the events of one case were decided in their order."""
    findings = []
    predecessor = {}
    last = {}
    for record in sorted(inputs, key=place):
        predecessor[place(record)] = last.get(place(record)[:2], -1)
        last[place(record)[:2]] = record.offset
    handled = {}
    for read in sorted(outcomes, key=lambda r: (r.said["chain"], r.said["seq"])):
        trigger = read.said["trigger"]
        if trigger["kind"] != "EVENT":
            continue
        at = trigger_place(read.said)
        before = handled.get(at[:2], -1)
        if at[2] <= before:
            findings.append(f"input {at} was handled after offset {before}")
        if at in predecessor and trigger["prev_offset"] != predecessor[at]:
            findings.append(f"input {at} names {trigger['prev_offset']} as handled before it, "
                            f"the log says {predecessor[at]}")
        if trigger["prev_offset"] != before:
            findings.append(f"input {at} names {trigger['prev_offset']} as handled before it, "
                            f"the chain says {before}")
        handled[at[:2]] = max(before, at[2])
    return findings


def commands(outcomes, escalations):
    """Outcome and command name each other, both ways, each command once."""
    findings = []
    issued = collections.Counter()
    for read in outcomes:
        if read.said["action"] in ("ESCALATED", "HANDOFF"):
            if not read.said["command_id"]:
                findings.append(f"outcome {place(read.record)} is {read.said['action']} without command")
            issued[read.said["command_id"]] += 1
    sent = collections.Counter(e.said["command_id"] for e in escalations)
    for name, n in issued.items():
        if name and not sent[name]:
            findings.append(f"command {name.hex()} of an outcome is in no channel")
        if n > 1:
            findings.append(f"command {name.hex() if name else None} was issued by {n} outcomes")
    for name, n in sent.items():
        if not issued[name]:
            findings.append(f"command {name.hex()} has no outcome")
        if n > 1:
            findings.append(f"command {name.hex()} is {n} times in the channels")
    return findings


def keys(records, partitions):
    """Each record lies where its key says."""
    return [f"{place(r)} with key {r.key!r} belongs into partition {partition_of(r.key, partitions)}"
            for r in records if r.key is not None and partition_of(r.key, partitions) != r.partition]


def personal(outcomes, texts):
    """No outcome holds any of these texts."""
    found = []
    for read in outcomes:
        for text in texts:
            if text.encode() in read.record.value:
                found.append(f"outcome {place(read.record)} holds personal text")
    return found


def everything(inputs, outcomes, escalations):
    return (once(inputs, outcomes) + chains(outcomes) + order(inputs, outcomes) +
            commands(outcomes, escalations))


def assert_clean(findings):
    assert not findings, f"{len(findings)} findings:\n" + "\n".join(findings[:SHOWN])
