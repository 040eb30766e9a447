"""docker-compose.yml as far as it can be judged without an engine: it is YAML, three workers with
three slots restart always, init runs once before them, every healthcheck is there."""
import re

import pytest
import yaml

from program import ROOT


@pytest.fixture(scope="module")
def services():
    return yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]


def test_three_workers_have_three_slots_and_come_back(services):
    workers = {n: s for n, s in services.items() if n.startswith("triage-")}
    assert {s["environment"]["EGW_SLOT"] for s in workers.values()} == {"0", "1", "2"}
    for name, service in workers.items():
        assert service["restart"] == "always"
        assert service["command"][0] == "triage"
        assert service["environment"]["EGW_SLOT"] == name[-1]
        assert service["depends_on"]["init"]["condition"] == "service_completed_successfully"


def test_init_waits_for_kafka_and_registry_and_runs_once(services):
    init = services["init"]
    assert init["command"][0] == "init" and init["restart"] == "on-failure"
    assert {c["condition"] for c in init["depends_on"].values()} == {"service_healthy"}


def test_every_lasting_service_has_a_healthcheck(services):
    lasting = {n for n, s in services.items() if s.get("restart") == "always"}
    assert lasting == {n for n, s in services.items() if "healthcheck" in s}


def test_versions_are_pinned_and_kafka_is_the_one_tested(services):
    pom = (ROOT / "tests/system/kafka/pom.xml").read_text()
    tested = re.search(r"<kafka.version>(.*)</kafka.version>", pom).group(1)
    assert services["kafka"]["image"] == f"apache/kafka:{tested}"
    assert all(re.search(r":\d", s["image"]) for s in services.values())
