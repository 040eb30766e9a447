#!/usr/bin/env python3
"""schemas/generate.py stops at a field nobody documented or classified: generate_refuses.py SOURCE_DIR"""
import json
import os
import subprocess
import sys
import tempfile

GENERATE = os.path.join(sys.argv[1], "schemas", "generate.py")
FIELD = {"name": "a", "type": "string", "class": "id", "doc": "A."}
CASES = [
    ("as it should be", {}, None),
    ("no class", {"class": None}, "R.avsc: x.R.a has no class: it must be one of id, pii, free"),
    ("unknown class", {"class": "secret"}, "R.avsc: x.R.a has no class: it must be one of id, pii, free"),
    ("no doc", {"doc": None}, "R.avsc: x.R.a has no doc"),
    ("empty doc", {"doc": ""}, "R.avsc: x.R.a has no doc"),
    ("nested, no class", {"type": {"type": "record", "name": "S", "doc": "S.", "fields": [
        {"name": "b", "type": "int", "doc": "B."}]}}, "R.avsc: x.S.b has no class: it must be one of id, pii, free"),
    ("enum without doc", {"type": {"type": "enum", "name": "E", "symbols": ["A"]}}, "R.avsc: x.E has no doc"),
]


def run(folder, field):
    path = os.path.join(folder, "R.avsc")
    with open(path, "w", encoding="utf-8") as f:
        json.dump({"type": "record", "name": "R", "namespace": "x", "doc": "R.", "fields": [field]}, f)
    return subprocess.run([sys.executable, GENERATE, folder, path], stderr=subprocess.PIPE, universal_newlines=True)


with tempfile.TemporaryDirectory() as folder:
    for what, change, sentence in CASES:
        field = {k: v for k, v in dict(FIELD, **change).items() if v is not None}
        done = run(folder, field)
        if (done.returncode == 0) != (sentence is None) or (sentence and done.stderr.strip() != sentence):
            sys.exit("%s: exit %d, said %r, expected %r" % (what, done.returncode, done.stderr, sentence))
print("%d schemas" % len(CASES))
