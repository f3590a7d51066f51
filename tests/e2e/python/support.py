"""The program under test, a transcriber and tokens, for the tests of the Python client."""

import atexit
import base64
import hashlib
import hmac
import json
import os
import re
import signal
import subprocess
import tempfile
import threading
import time
import urllib.request

import paho.mqtt.client as paho

BINARY = os.environ.get("E2E_BINARY", "target/debug/switchboard")
SECRET = "a key for end-to-end tests only, 32+ bytes"
DEADLINE = 20.0
"""Seconds that anything may take before its test fails."""


def eventually(what, probe, state=None):
    """Polls `probe` until it returns something true, and returns that."""
    end = time.monotonic() + DEADLINE
    while True:
        value = probe()
        if value:
            return value
        if time.monotonic() > end:
            last = (state or probe)()
            raise AssertionError(f"waited {DEADLINE} s in vain for {what}; last state: {last!r}")
        threading.Event().wait(0.015)


def mint(**claims):
    """A token (HS256) good for an hour."""

    def encode(value):
        return base64.urlsafe_b64encode(value).rstrip(b"=").decode()

    claims = {"exp": int(time.time()) + 3600, **claims}
    parts = [json.dumps(part).encode() for part in ({"alg": "HS256", "typ": "JWT"}, claims)]
    body = ".".join(map(encode, parts))
    signature = hmac.new(SECRET.encode(), body.encode(), hashlib.sha256).digest()
    return f"{body}.{encode(signature)}"


class Server:
    """A switchboard on free ports with a database of its own, which it keeps over a restart."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="switchboard-e2e-")
        self.listen = self.mqtt = "127.0.0.1:0"
        self.process = None
        self.sessions = 0
        atexit.register(self.stop)
        self.run()

    def run(self):
        environment = {
            "SWITCHBOARD_LISTEN": self.listen,
            "SWITCHBOARD_MQTT_LISTEN": self.mqtt,
            "SWITCHBOARD_DATABASE_URL": f"sqlite://{self.folder.name}/switchboard.db",
            "SWITCHBOARD_JWT_SECRET": SECRET,
        }
        self.process = subprocess.Popen(
            [BINARY, "serve"], env=environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )
        self.listen = self._says(r"listening on http://(\S+)")
        self.mqtt = self._says(r"mqtt on (\S+)")
        self.url = f"http://{self.listen}"

    def _says(self, pattern):
        line = self.process.stdout.readline()
        match = re.fullmatch(pattern, line.strip())
        assert match, f"the server said {line!r} and not {pattern}"
        return match[1]

    def create_session(self, **fields):
        """Creates a session and returns its id."""
        self.sessions += 1
        name = f"session-{self.sessions}"
        self._rest("PUT", "/organizations/acme", {"name": "Acme"})
        channels = [{"index": 1, "name": "Floor", "language": "en"}]
        self._rest("POST", "/sessions", {
            "id": name, "name": name, "organizationId": "acme", "visibility": "public",
            "channels": channels, **fields,
        })
        return name

    def add_member(self, organization, user):
        """Creates the organization, if need be, with this member."""
        self._rest("PUT", f"/organizations/{organization}", {"name": organization})
        self._rest("PUT", f"/organizations/{organization}/members/{user}", {"role": "member"})

    def _rest(self, method, path, body):
        headers = {
            "Authorization": f"Bearer {mint(sub='root', role='admin')}",
            "Content-Type": "application/json",
        }
        request = urllib.request.Request(
            f"{self.url}/api/v1{path}", json.dumps(body).encode(), headers, method=method)
        with urllib.request.urlopen(request, timeout=DEADLINE):
            pass

    def terminate(self):
        """Stops it as a service manager does, and returns its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self._reap()

    def _reap(self):
        code = self.process.wait(DEADLINE)
        self.process.stdout.close()
        return code

    def stop(self):
        atexit.unregister(self.stop)
        if self.process.poll() is None:
            self.process.kill()
            self._reap()
        self.folder.cleanup()


class Publisher:
    """A transcriber."""

    def __init__(self, address):
        host, port = address.split(":")
        self.client = paho.Client(paho.CallbackAPIVersion.VERSION2)
        self.client.max_inflight_messages_set(1_000)
        self.client.connect(host, int(port))
        self.client.loop_start()

    def say(self, room, kind, payload):
        """Publishes what is said in a room, and waits until the broker has it."""
        self._publish(f"transcriber/out/{room}/{kind}", payload)

    def list_sessions(self, sessions):
        """Publishes the list of all sessions."""
        self._publish("system/out/sessions/statuses", sessions, retain=True)

    def _publish(self, topic, payload, retain=False):
        sent = self.client.publish(topic, json.dumps(payload), qos=1, retain=retain)
        sent.wait_for_publish(DEADLINE)

    def close(self):
        self.client.disconnect()
        self.client.loop_stop()
