"""The same promise on another Kafka: EGW_KAFKA_VERSION says which, the running process whether it is."""
import pathlib
import re

import pytest

from broker import KAFKA_VERSION
from chaos import Run

pytestmark = [pytest.mark.long, pytest.mark.versions]

FAULTS = (["kill"] * 4 + ["freeze", "broker-kill"] + ["kill"] * 4 + ["freeze", "broker-stop"]) * 2


def test_a_mixed_run_on_this_version(make_egw, own_broker, figures):
    runs = pathlib.Path(f"/proc/{own_broker.process.pid}/cmdline").read_text()
    assert re.findall(r"/kafka_2\.13-([0-9.]+)\.jar", runs) == [KAFKA_VERSION]
    figures.tell("kafka", KAFKA_VERSION)
    run = Run(make_egw(own_broker), 1000, 220, seed=13, least=30000).begin()
    for fault in FAULTS:
        run.pause(3, 6)
        if fault == "kill":
            run.kill()
            continue
        run.all_thawed()
        if fault == "freeze":
            run.freeze()
        else:
            run.restart_broker(own_broker, fault.removeprefix("broker-"))
    run.pause(3, 6)
    run.end()
    run.check(figures)
    figures.tell("dials.recreations", run.dials.sum("egw_producer_recreations_total"), ">=", 1)
    figures.judge()
