"""Viewers on python-socketio, with and without asyncio, behind the same few methods."""

import asyncio
import threading

import socketio

from support import DEADLINE, eventually

OPTIONS = {"reconnection_delay": 0.05, "reconnection_delay_max": 0.2, "randomization_factor": 0}


class Heard:
    """What a viewer went through."""

    def __init__(self):
        self.events = []
        self.refusals = []
        self.disconnects = []
        self.connects = 0

    def event(self, name, *args):
        # Said to every client at its connect, and of no interest to viewers of captions.
        if name != "connection_status":
            self.events.append((name, *args))

    def connect(self):
        self.connects += 1

    def connect_error(self, error):
        self.refusals.append(error.get("message") if isinstance(error, dict) else error)

    def disconnect(self, reason):
        self.disconnects.append(reason)

    def all(self, name):
        return [event[1] if len(event) > 1 else None for event in self.events if event[0] == name]

    def until(self, name, count=1):
        """Waits for `count` events of this name, and returns their first arguments."""
        eventually(f"{count} × {name}", lambda: len(self.all(name)) >= count, self.state)
        return self.all(name)

    def state(self):
        return vars(self) | {"events": self.events[-5:], "count": len(self.events)}


class SyncViewer(Heard):
    """The threaded client."""

    keeps_order = False
    """It takes each packet in a thread of its own, so that its handlers may overtake each other."""

    def __init__(self):
        super().__init__()
        self.client = socketio.Client(**OPTIONS)
        self.client.on("*", self.event)
        for handler in (self.connect, self.connect_error, self.disconnect):
            self.client.on(handler.__name__, handler)

    def open(self, url, **options):
        self.client.connect(url, wait_timeout=DEADLINE, **options)

    def ask(self, name, argument):
        return self.client.call(name, argument, timeout=DEADLINE)

    def tell(self, name, argument):
        self.client.emit(name, argument)

    @property
    def transport(self):
        return self.client.transport()

    def close(self):
        self.client.shutdown()


class AsyncViewer(Heard):
    """The asyncio client, in a loop of its own."""

    keeps_order = True

    def __init__(self):
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self._do(self._start())

    async def _start(self):
        self.client = socketio.AsyncClient(**OPTIONS)
        self.client.on("*", self._later(self.event))
        for handler in (self.connect, self.connect_error, self.disconnect):
            self.client.on(handler.__name__, self._later(handler))

    @staticmethod
    def _later(handler):
        async def call(*args):
            handler(*args)

        return call

    def _do(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(2 * DEADLINE)

    def open(self, url, **options):
        self._do(self.client.connect(url, wait_timeout=DEADLINE, **options))

    def ask(self, name, argument):
        return self._do(self.client.call(name, argument, timeout=DEADLINE))

    def tell(self, name, argument):
        self._do(self.client.emit(name, argument))

    @property
    def transport(self):
        return self.client.transport()

    def close(self):
        self._do(self.client.shutdown())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(DEADLINE)
        self.loop.close()
