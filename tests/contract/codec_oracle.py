#!/usr/bin/env python3
"""Holds Python's Avro library against our codec: codec_oracle.py CODEC_TOOL SOURCE_DIR

Both ways on random records of every type, and schema resolution from older and later versions.
Exits 77 (skipped) where the library is not installed.
"""
import io
import json
import os
import subprocess
import sys

try:
    import avro.io
    import avro.schema
except ImportError:
    print("skipped: python3-avro is not installed")
    sys.exit(77)

TOOL, SOURCE = sys.argv[1], sys.argv[2]
TYPES = ["test.Forms"] + ["egw." + os.path.basename(f)[:-5] for f in sorted(os.listdir(SOURCE + "/schemas"))
                          if f.endswith(".avsc")]
EACH = 60


def tool(*args, lines=None):
    text = "".join(line + "\n" for line in lines) if lines is not None else None
    done = subprocess.run([TOOL, *args], input=text, stdout=subprocess.PIPE, check=True,
                          universal_newlines=True)
    return done.stdout.splitlines()


def parse(text):
    """Without logical types: to the library a time is a datetime, which ends at the year 9999."""
    def strip(schema):
        if isinstance(schema, list):
            return [strip(s) for s in schema]
        if not isinstance(schema, dict):
            return schema
        return {k: strip(v) if k in ("type", "items", "values", "fields") else v
                for k, v in schema.items() if k != "logicalType"}
    return avro.schema.parse(json.dumps(strip(json.loads(text))))


def read(data, writer, reader):
    stream = io.BytesIO(data)
    value = avro.io.DatumReader(writer, reader).read(avro.io.BinaryDecoder(stream))
    if stream.read():
        raise ValueError("bytes left over")
    return value


def write(value, schema):
    stream = io.BytesIO()
    avro.io.DatumWriter(schema).write(value, avro.io.BinaryEncoder(stream))
    return stream.getvalue()


def check(what, ours, theirs):
    if ours != theirs:
        sys.exit("%s:\n  ours   %s\n  theirs %s" % (what, ours, theirs))


def same_schema(name):
    """They read what we wrote and write the same bytes; we read what they wrote."""
    schema = parse(tool("schema", name)[0])
    ours = tool("random", name, "11", str(EACH))
    theirs = [write(read(bytes.fromhex(line), schema, schema), schema).hex() for line in ours]
    for i, (a, b) in enumerate(zip(ours, theirs)):
        check("%s record %d" % (name, i), a, b)
    for i, (a, b) in enumerate(zip(ours, tool("convert", name, lines=theirs))):
        check("%s record %d, back" % (name, i), a, b)
    return len(ours)


def random_value(schema, number, shape):
    """Values that follow the schema: the shape is the number's bits, so that all branches come."""
    kind = schema.type
    if kind == "null":
        return None
    if kind == "boolean":
        return bool(number & 1)
    if kind in ("int", "long"):
        return (number * 2654435761) % (1 << 31) - (1 << 30)
    if kind in ("float", "double"):
        return float(number % 1000) / 8
    if kind == "string":
        return "s%d \u20ac" % number
    if kind == "bytes":
        return b"b%d\xff" % number
    if kind == "fixed":
        return bytes((number + i) % 256 for i in range(schema.size))
    if kind == "enum":
        return schema.symbols[number % len(schema.symbols)]
    if kind == "array":
        return [random_value(schema.items, number + i, shape + 1) for i in range(number % 4 if shape < 6 else 0)]
    if kind == "map":
        return {"k%d" % i: random_value(schema.values, number + i, shape + 1) for i in range(number % 3)}
    if kind == "union":
        return random_value(schema.schemas[number % len(schema.schemas)], number // 2, shape + 1)
    return {f.name: random_value(f.type, number * 31 + i * 7 + 1, shape + 1) for i, f in enumerate(schema.fields)}


def other_version(name, path):
    """Both resolve a version that is not the present one to it, and agree on every byte."""
    with open(os.path.join(SOURCE, path), encoding="utf-8") as f:
        writer = parse(f.read())
    reader = parse(tool("schema", name)[0])
    written = [write(random_value(writer, n, 0), writer) for n in range(EACH)]
    ours = tool("convert", name, os.path.join(SOURCE, path), lines=[data.hex() for data in written])
    read_both = 0
    for i, data in enumerate(written):
        try:
            theirs = write(read(data, writer, reader), reader).hex()
        except avro.errors.SchemaResolutionException:
            theirs = None
        if theirs is None:
            check("%s record %d" % (path, i), ours[i].partition(":")[0], "refused")
        else:
            check("%s record %d" % (path, i), ours[i], theirs)
            read_both += 1
    if not read_both:
        sys.exit("%s: no record was read at all" % path)
    return len(written)


total = sum(same_schema(name) for name in TYPES)
total += other_version("egw.SupportEvent", "schemas/history/SupportEvent.0.avsc")
for name in ("CaseEntry", "Outcome", "PolicyActivation", "Reference", "Escalation"):
    total += other_version("egw." + name, "schemas/history/%s.0.avsc" % name)
total += other_version("egw.Outcome", "schemas/history/Outcome.1.avsc")
total += other_version("egw.SupportEvent", "tests/data/SupportEvent.next.avsc")
total += other_version("egw.Outcome", "tests/data/Outcome.next.avsc")
print("%d records, both ways" % total)
sys.exit(0 if total >= 500 else "only %d records" % total)
