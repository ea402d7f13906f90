"""The messages of the sketches, as recorded: understood when they come, and written to the byte when they go."""

import json

import pytest

from node.shared_state import SharedState

HALL, OTHER = 682494467, 682494469


class Port:
    """What a node sees of the mesh."""

    node_id = HALL

    def __init__(self):
        self.sent = []

    def send_broadcast(self, text):
        self.sent.append(text)

    def send_single(self, _dest, text):
        self.sent.append(text)


@pytest.fixture
def messages(recorded):
    return json.loads((recorded / "shared_state" / "messages.json").read_text())


@pytest.fixture
def port():
    return Port()


@pytest.fixture
def state(port):
    found = SharedState(port, "hall", lambda: (130, 58912, "1.0.0"))
    found.role = "pir"
    return found


def entry(key, value, version):
    content = {"k": key, "v": value, "ver": version, "org": OTHER}
    return json.dumps({"t": 2, "n": "other", "d": content})


def test_a_sketchs_values_are_taken(state, messages):
    state.receive(OTHER, messages["state set"].replace(str(HALL), str(OTHER)))
    state.receive(OTHER, messages["state sync"])
    assert (state.get("motion"), state.get("led")) == ("1", "0")


def test_a_change_and_a_request_are_written_like_a_sketchs(state, port, messages):
    state.receive(OTHER, entry("motion", "0", 2))
    state.set("motion", "1")
    state.joined(OTHER)
    assert port.sent == [messages["state set"], messages["state request"]]


def test_a_sync_is_written_like_a_sketchs(state, port, messages):
    state.receive(OTHER, messages["state sync"].replace("hall", "other"))
    state.tick(40_000_000)
    assert messages["state sync"] in port.sent


def test_a_heartbeat_is_written_like_a_sketchs(state, port, messages):
    for number in range(7):
        state.receive(HALL - 1, entry("key" + str(number), "1", 1))
    state.tick(0)
    assert messages["heartbeat"] in port.sent


def test_telemetry_is_written_like_a_sketchs(state, port, messages):
    state.gateway = HALL - 1
    state.tick(25_000_000)
    for peer in range(6):
        state.receive(HALL - 1 - peer, messages["state sync"])
    state.tick(31_000_000)  # telemetry is due each 30 s, and no peer silent yet
    assert messages["telemetry"] in port.sent
