"""A TCP proxy between egw and a broker: it delays, holds back, swallows and cuts. The broker's
advertised listener names the proxy's port, so that every connection of a client passes here.

Held bytes are let through when the fault ends, even those of a client that has gone meanwhile: a
request given up long ago then takes effect late, which is what a network may do.
"""
import asyncio
import threading
import time

from broker import free_port

CHUNK = 65536
QUEUED = 64  # chunks under way in one direction, then the sender has to wait


class Proxy:
    def __init__(self):
        self.port = free_port()
        self.upstream = None
        self.delay = 0.0
        self.holding = {"up": False, "down": False}
        self.swallowing = {"up": False, "down": False}
        self.refusing = False
        self.passed = {"up": 0, "down": 0}
        self.late = 0  # bytes that reached the broker although their sender had gone
        self.pairs = set()
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self._run, daemon=True)

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def start(self, upstream):
        """upstream: the port of the broker's listener behind."""
        self.upstream = upstream
        self.thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self.loop).result(10)
        return self

    def stop(self):
        self.cut()
        asyncio.run_coroutine_threadsafe(self._close(), self.loop).result(10)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)

    # ---- faults ----

    def slow(self, seconds):
        """Each chunk takes so long in each direction."""
        self.delay = seconds

    def hold(self, *ways):
        """Nothing passes in these directions ("up" to the broker, "down" to egw), nothing is lost."""
        for way in ways or ("up", "down"):
            self.holding[way] = True

    def swallow(self, *ways):
        """What is sent in these directions is gone; connections it happened to are cut at heal()."""
        for way in ways or ("up", "down"):
            self.swallowing[way] = True

    def cut(self):
        """Every connection is reset now, and no new one gets through until heal()."""
        self.refusing = True
        self._within(lambda: [pair.cut() for pair in list(self.pairs)])

    def heal(self):
        self.delay = 0.0
        self.refusing = False
        for way in ("up", "down"):
            self.holding[way] = self.swallowing[way] = False
        self._within(lambda: [pair.cut() for pair in list(self.pairs) if pair.torn])

    # ---- inside ----

    def _run(self):
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()

    def _within(self, act):
        async def acting():
            act()
        asyncio.run_coroutine_threadsafe(acting(), self.loop).result(10)

    async def _listen(self):
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, limit=CHUNK)

    async def _close(self):
        self.server.close()
        while self.pairs:
            await asyncio.sleep(0.01)

    async def _serve(self, reader, writer):
        if self.refusing:
            writer.transport.abort()
            return
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.upstream)
        except OSError:
            writer.transport.abort()
            return
        pair = Pair(writer, far_writer)
        self.pairs.add(pair)
        try:
            await asyncio.gather(self._pump("up", reader, far_writer, pair),
                                 self._pump("down", far_reader, writer, pair))
        finally:
            self.pairs.discard(pair)
            pair.cut()

    async def _pump(self, way, reader, writer, pair):
        queue = asyncio.Queue(QUEUED)
        sender = asyncio.ensure_future(self._send(way, queue, writer, pair))
        try:
            while data := await reader.read(CHUNK):
                await queue.put((time.monotonic() + self.delay, data))
        except OSError:
            pass
        pair.gone.add(way)
        await queue.put((0, b""))
        await sender

    async def _send(self, way, queue, writer, pair):
        """Hands on what was read, in its order. Goes on reading its queue after the far side has
        gone, so that the reading side never waits for ever."""
        open_ = True
        while True:
            due, data = await queue.get()
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            while self.holding[way] and not pair.was_cut:
                await asyncio.sleep(0.005)
            if not data:
                break
            if self.swallowing[way]:
                pair.torn = True
                continue
            try:
                if open_ and not pair.torn:
                    writer.write(data)
                    await writer.drain()
                    self.passed[way] += len(data)
                    self.late += len(data) if way == "up" and way in pair.gone else 0
            except OSError:
                open_ = False
        if open_ and not writer.is_closing():
            writer.close()


class Pair:
    """Both ends of one client's connection."""

    def __init__(self, near, far):
        self.near, self.far = near, far
        self.torn = False  # bytes of it are missing: it cannot go on
        self.was_cut = False
        self.gone = set()  # directions whose sender has closed

    def cut(self):
        self.was_cut = True
        for writer in (self.near, self.far):
            writer.transport.abort()
