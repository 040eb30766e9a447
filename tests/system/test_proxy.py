"""The proxy does what it says, seen with plain sockets: no broker and no egw in here."""
import socket
import threading
import time

import pytest

from proxy import Proxy


class Echo(threading.Thread):
    """Answers every byte with itself, and keeps what came."""

    def __init__(self):
        super().__init__(daemon=True)
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.got = b""
        self.start()

    def run(self):
        while True:
            try:
                peer, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.answer, args=(peer,), daemon=True).start()

    def answer(self, peer):
        with peer:
            try:
                while data := peer.recv(4096):
                    self.got += data
                    peer.sendall(data)
            except OSError:
                pass


@pytest.fixture
def echo():
    server = Echo()
    yield server
    server.socket.close()


@pytest.fixture
def proxy(echo):
    running = Proxy().start(echo.port)
    yield running
    running.stop()


def connect(proxy, timeout=5):
    return socket.create_connection(("127.0.0.1", proxy.port), timeout=timeout)


def until(true, seconds=5):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_it_passes_both_ways(proxy):
    with connect(proxy) as client:
        client.sendall(b"hello")
        assert client.recv(5) == b"hello"
    until(lambda: proxy.passed == {"up": 5, "down": 5})  # counted behind the write


def test_slow_takes_its_time_each_way(proxy):
    proxy.slow(0.1)
    with connect(proxy) as client:
        started = time.monotonic()
        client.sendall(b"x")
        assert client.recv(1) == b"x"
        assert time.monotonic() - started >= 0.2


def test_held_bytes_come_when_it_heals(proxy, echo):
    with connect(proxy, timeout=0.2) as client:
        proxy.hold()
        client.sendall(b"later")
        with pytest.raises(TimeoutError):
            client.recv(5)
        assert echo.got == b""
        client.settimeout(5)
        proxy.heal()
        assert client.recv(5) == b"later"


def test_a_held_request_takes_effect_although_its_sender_has_gone(proxy, echo):
    proxy.hold("up")
    with connect(proxy) as client:
        client.sendall(b"commit")
    until(lambda: any("up" in pair.gone for pair in list(proxy.pairs)))
    assert echo.got == b""
    proxy.heal()
    until(lambda: echo.got == b"commit")
    until(lambda: proxy.late == 6)


def test_a_swallowed_answer_was_a_request_that_took_effect(proxy, echo):
    with connect(proxy) as client:
        proxy.swallow("down")
        client.sendall(b"done")
        until(lambda: echo.got == b"done")
        proxy.heal()
        with pytest.raises((ConnectionError, AssertionError)):
            assert client.recv(1) == b"x"  # cut: either a reset or an end, never the answer


def test_cut_resets_and_lets_nobody_in_until_it_heals(proxy):
    with connect(proxy) as client:
        client.sendall(b"a")
        assert client.recv(1) == b"a"
        proxy.cut()
        with pytest.raises((ConnectionError, AssertionError)):
            client.sendall(b"b")
            assert client.recv(1) == b"x"
    with connect(proxy) as client, pytest.raises((ConnectionError, AssertionError)):
        client.sendall(b"c")
        assert client.recv(1) == b"x"
    proxy.heal()
    with connect(proxy) as client:
        client.sendall(b"d")
        assert client.recv(1) == b"d"
