"""Live captions as the official Python clients see them, over each transport."""

import unittest

import socketio

from support import Publisher, Server, eventually, mint
from viewers import AsyncViewer, SyncViewer

TRANSPORTS = {"websocket": ["websocket"], "polling": ["polling"], "upgraded": None}
VIEWERS = {"threads": SyncViewer, "asyncio": AsyncViewer}


class Captions:
    """The promises; subclasses say which client and which transports."""

    viewer_class = None
    transports = None

    @classmethod
    def setUpClass(cls):
        cls.server = Server()
        cls.addClassCleanup(cls.server.stop)

    def setUp(self):
        self.publisher = Publisher(self.server.mqtt)
        self.addCleanup(lambda: self.publisher.close())

    def new_viewer(self):
        viewer = self.viewer_class()
        self.addCleanup(viewer.close)
        return viewer

    def viewer(self, room=None, **auth):
        viewer = self.new_viewer()
        auth = auth or {"token": mint(sub="ada")}
        viewer.open(self.server.url, auth=auth, transports=self.transports)
        if room is not None:
            self.assertEqual(viewer.ask("join_room", room), {"ok": True})
        return viewer

    def room(self, **fields):
        return f"{self.server.create_session(**fields)}/1"

    def test_captions_arrive_untouched_and_in_order(self):
        room = self.room()
        viewer = self.viewer(room)
        partials = [{"segmentId": 1, "text": text} for text in ("Bon", "Bonsoir à", "Bonsoir à tous 👋")]
        final = {"segmentId": 1, "text": "Bonsoir à tous 👋", "words": [{"word": "Bonsoir", "conf": 0.98}]}
        translation = {"segmentId": 1, "text": "Good evening", "targetLang": "en", "final": True}
        for count, partial in enumerate(partials, 1):
            self.publisher.say(room, "partial", partial)
            viewer.until("partial", count)
        self.publisher.say(room, "final", final)
        self.publisher.say(room, "final/translations", translation)
        self.assertEqual(viewer.all("partial"), partials)
        self.assertEqual(viewer.until("final"), [final])
        self.assertEqual(viewer.until("translation"), [translation])

    def test_a_thousand_finals_arrive_in_order(self):
        room = self.room()
        viewer = self.viewer(room)
        for i in range(1_000):
            self.publisher.say(room, "final", {"segmentId": i})
        numbers = [final["segmentId"] for final in viewer.until("final", 1_000)]
        self.assertEqual(numbers if viewer.keeps_order else sorted(numbers), list(range(1_000)))

    def test_after_leave_the_room_is_silent(self):
        room, other = self.room(), self.room()
        viewer, witness = self.viewer(room), self.viewer(room)
        self.assertEqual(viewer.ask("join_room", other), {"ok": True})
        self.assertEqual(viewer.ask("leave_room", room), {"ok": True})
        self.publisher.say(room, "final", {"text": "not for those who left"})
        witness.until("final")
        self.publisher.say(other, "final", {"text": "fence"})
        self.assertEqual(viewer.until("final"), [{"text": "fence"}])

    def test_without_a_token_or_with_a_bad_one_the_connection_is_refused(self):
        for auth, message in (({"other": 1}, "Authentication required"), ({"token": "x"}, "Invalid token")):
            viewer = self.new_viewer()
            with self.assertRaises(socketio.exceptions.ConnectionError):
                viewer.open(self.server.url, auth=auth, transports=self.transports)
            self.assertEqual(viewer.refusals, [message])

    def test_a_denied_join_hears_unauthorized_and_is_disconnected_for_good(self):
        viewer = self.viewer()
        room = self.room(visibility="organization")
        viewer.tell("join_room", room)
        viewer.until("unauthorized")
        eventually("the disconnect", lambda: viewer.disconnects, viewer.state)
        self.assertEqual(viewer.disconnects, [socketio.Client.reason.SERVER_DISCONNECT])
        self.assertEqual(viewer.connects, 1)

    def test_a_restart_of_the_server_is_outlived(self):
        room = self.room()
        viewer = self.viewer(room)
        self.assertEqual(self.server.terminate(), 0)
        eventually("the loss", lambda: viewer.disconnects, viewer.state)
        self.server.run()
        eventually("the reconnect", lambda: viewer.connects == 2, viewer.state)
        self.assertEqual(viewer.ask("join_room", room), {"ok": True})
        self.publisher.close()
        self.publisher = Publisher(self.server.mqtt)
        self.publisher.say(room, "final", {"text": "again"})
        self.assertEqual(viewer.until("final"), [{"text": "again"}])

    def test_changes_of_an_organizations_sessions_reach_its_members(self):
        self.server.add_member("acme", "ada")
        viewer = self.viewer()
        self.publisher.list_sessions([])
        watched = eventually("an empty picture", lambda: self.watched(viewer, []), viewer.state)
        self.assertEqual(watched, {"ok": True, "sessions": []})
        session = {"id": "s", "organizationId": "acme", "channels": [{"id": 1, "streamStatus": "active"}]}
        self.publisher.list_sessions([session])
        change = {"added": [session], "removed": [], "updated": []}
        self.assertEqual(viewer.until("orga_acme_session_update")[-1], change)
        self.publisher.list_sessions([])

    @staticmethod
    def watched(viewer, sessions):
        answer = viewer.ask("watch_organization_session", "acme")
        return answer if answer.get("sessions") == sessions else None

    def test_the_transport_is_the_wanted_one(self):
        wanted = (self.transports or ["websocket"])[0]
        viewer = self.viewer()
        eventually(f"transport {wanted}", lambda: viewer.transport == wanted, lambda: viewer.transport)


for client, viewer_class in VIEWERS.items():
    for transport, transports in TRANSPORTS.items():
        name = f"CaptionsOver_{transport}_with_{client}"
        globals()[name] = type(
            name, (Captions, unittest.TestCase), {"viewer_class": viewer_class, "transports": transports})
