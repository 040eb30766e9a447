"""The network between egw and the broker: slow, silent one way or both, answers lost, connections cut.
The publisher and the checks look past the proxy."""
import time

import pytest

from broker import Broker
from chaos import SESSION, Run
from proxy import Proxy

pytestmark = [pytest.mark.long, pytest.mark.proxy]


@pytest.fixture
def proxy():
    running = Proxy()
    yield running
    if running.thread.is_alive():
        running.stop()


@pytest.fixture
def behind(output, proxy):
    broker = Broker(output / "broker-proxy", advertised=proxy.port)
    broker.start()
    proxy.start(broker.outside)
    yield broker
    broker.destroy()


def flap(proxy, _):
    for _ in range(10):
        proxy.cut()
        proxy.heal()
        time.sleep(0.3)


# What is done to the wire, and for how long. Above SESSION the group and the transaction are lost too.
FAULTS = {
    "slow": (lambda proxy, s: proxy.slow(0.3), SESSION),
    "hold": (lambda proxy, s: proxy.hold(), 4),
    "hold-long": (lambda proxy, s: proxy.hold(), 2 * SESSION),
    "hold-requests": (lambda proxy, s: proxy.hold("up"), SESSION + 3),
    "hold-answers": (lambda proxy, s: proxy.hold("down"), SESSION + 3),
    "lose-answers": (lambda proxy, s: proxy.swallow("down"), 4),
    "lose-requests": (lambda proxy, s: proxy.swallow("up"), 4),
    "lose-long": (lambda proxy, s: proxy.swallow(), 2 * SESSION),
    "cut": (lambda proxy, s: proxy.cut(), 4),
    "flap": (flap, 0),
}
ROUNDS = 3


def test_a_hostile_network_loses_and_doubles_nothing(make_egw, behind, proxy, figures):
    egw = make_egw(behind)
    run = Run(egw, 1000, 150, seed=5, settings=[f"kafka.brokers={proxy.address}"]).begin()
    for round_number in range(ROUNDS):
        names = list(FAULTS)
        run.rng.shuffle(names)
        for name in names:
            run.pause(3, 6)
            run.note(name)
            act, seconds = FAULTS[name]
            act(proxy, seconds)
            time.sleep(seconds)
            if round_number == ROUNDS - 1 and seconds:  # its owner dies before it hears of the end
                run.kill_blindly()
            proxy.heal()
    run.pause(3, 6)
    run.end()
    silences = ROUNDS * sum(seconds > SESSION for _, seconds in FAULTS.values())
    # 69: started while the wire was cut or silent for longer
    run.check(figures, codes=(-9, 69, 75), silences=silences)
    recreations = run.dials.sum("egw_producer_recreations_total")
    figures.tell("dials.recreations", recreations, ">=", ROUNDS)
    unknown = run.dials.sum("egw_transactions_total", result="unknown")
    figures.tell("dials.unknown", unknown, ">=", 1)  # answers to a commit were lost
    figures.tell("faults", ROUNDS * len(FAULTS), ">=", 30)
    figures.tell("bytes_through_the_proxy", min(proxy.passed.values()), ">=", 1 << 20)
    figures.tell("bytes_late", proxy.late, ">=", 1)
    figures.judge()
