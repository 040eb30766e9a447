"""The first minute of a newcomer: `egw demo` needs nothing but the binary and tells the story."""
import subprocess

import program


def test_the_demo_tells_the_story_and_ends_well(binary, tmp_path):
    done = subprocess.run([str(binary), "demo"], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=60, cwd=program.ROOT, env={"PATH": "", "HOME": str(tmp_path)})
    assert done.returncode == 0, done.stderr[-2000:]
    for number, word in (("CW-1001", "EX700101"), ("CW-1002", "BASELINE/REMEDY"), ("CW-1003", "commercial"),
                         ("CW-1004", "advanced"), ("CW-1005", "2026-01-03")):
        assert number in done.stdout and word.lower() in done.stdout.lower(), done.stdout


def test_the_demo_leaves_nothing_behind(binary, tmp_path):
    before = set(tmp_path.iterdir())
    subprocess.run([str(binary), "demo"], stdin=subprocess.DEVNULL, capture_output=True, timeout=60,
                   cwd=program.ROOT, env={"PATH": "", "HOME": str(tmp_path), "TMPDIR": str(tmp_path)})
    assert set(tmp_path.iterdir()) == before
