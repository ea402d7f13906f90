"""Shared values: two and more nodes joined, each with the shipped code. Runs on both Pythons."""

import json

from node.shared_state import ENTRIES_MAX, SILENT_US, SharedState

S = 1_000_000


class Port:
    """What a node sees of the mesh: sends go to every other port at once."""

    def __init__(self, air, node_id):
        self.air = air
        self.node_id = node_id

    def send_broadcast(self, text):
        self.air.sent.append((self.node_id, 0, text))
        for node_id, state in self.air.nodes.items():
            if node_id != self.node_id:
                state.receive(self.node_id, text)

    def send_single(self, dest, text):
        self.air.sent.append((self.node_id, dest, text))
        return True


class Air:
    def __init__(self):
        self.nodes = {}
        self.sent = []

    def node(self, node_id):
        state = SharedState(Port(self, node_id), f"n{node_id}", lambda: (12, 34567, "1.0.0"))
        self.nodes[node_id] = state
        return state

    def texts(self, kind):
        return [text for _, _, text in self.sent if json.loads(text)["t"] == kind]


def test_a_value_that_one_node_sets_is_seen_by_all():
    air = Air()
    one, two, three = air.node(1), air.node(2), air.node(3)
    one.set("motion", "1")
    assert (two.get("motion"), three.get("motion")) == ("1", "1")


def test_the_messages_are_those_of_the_c_sketches_to_the_byte():
    air = Air()
    one = air.node(7)
    one.role = "pir"
    one.gateway = 99
    one.set("motion", "1")
    one.set("led", 'ä"\n')
    one.tick(40 * S)
    assert air.texts(2)[0] == '{"t":2,"n":"n7","d":{"k":"motion","v":"1","ver":1,"org":7}}'
    assert air.texts(2)[1] == '{"t":2,"n":"n7","d":{"k":"led","v":"ä\\"\\n","ver":1,"org":7}}'
    assert air.texts(1) == ['{"t":1,"n":"n7","d":{"role":"COORD","up":12,"heap":34567,"states":2}}']
    assert air.texts(3) == [
        (
            '{"t":3,"n":"n7","d":{"s":[{"k":"led","v":"ä\\"\\n","ver":1,"org":7},'
            '{"k":"motion","v":"1","ver":1,"org":7}]}}'
        )
    ]
    assert air.texts(6) == [
        (
            '{"t":6,"n":"n7","d":{"name":"n7","uptime":12,"heap_free":34567,"peer_count":0,'
            '"role":"pir","firmware":"1.0.0","state":{"led":"ä\\"\\n","motion":"1"}}}'
        )
    ]


def test_setting_what_is_set_sends_nothing():
    air = Air()
    one = air.node(1)
    assert one.set("led", "1")
    assert not one.set("led", "1")
    assert len(air.texts(2)) == 1


def test_a_change_grows_the_version_and_names_the_setter():
    air = Air()
    one, two = air.node(1), air.node(2)
    one.set("led", "1")
    two.set("led", "0")
    assert json.loads(air.texts(2)[1])["d"] == {"k": "led", "v": "0", "ver": 2, "org": 2}
    assert one.get("led") == "0"


def test_of_equal_versions_the_smaller_origin_wins_everywhere():
    air = Air()
    one, two = air.node(1), air.node(2)
    for state in (one, two):
        state.receive(9, '{"t":2,"n":"x","d":{"k":"led","v":"nine","ver":4,"org":9}}')
        state.receive(8, '{"t":2,"n":"x","d":{"k":"led","v":"eight","ver":4,"org":8}}')
        state.receive(9, '{"t":2,"n":"x","d":{"k":"led","v":"nine","ver":4,"org":9}}')
    assert (one.get("led"), two.get("led")) == ("eight", "eight")


def test_an_older_version_changes_nothing():
    air = Air()
    one = air.node(1)
    one.set("led", "0")
    one.set("led", "1")
    one.receive(2, '{"t":2,"n":"x","d":{"k":"led","v":"late","ver":1,"org":2}}')
    assert one.get("led") == "1"


def test_a_watcher_is_called_only_when_the_value_differs():
    air = Air()
    one, two = air.node(1), air.node(2)
    seen = []
    two.watch("led", lambda key, value: seen.append((key, value)))
    one.set("led", "1")
    two.receive(1, '{"t":2,"n":"x","d":{"k":"led","v":"1","ver":9,"org":1}}')
    one.set("motion", "1")
    assert seen == [("led", "1")]


def test_a_watcher_that_comes_late_hears_what_is_known():
    air = Air()
    one = air.node(1)
    one.set("led", "1")
    seen = []
    one.watch("*", lambda key, value: seen.append((key, value)))
    assert seen == [("led", "1")]


def test_a_node_that_joins_late_gets_all_values():
    air = Air()
    one = air.node(1)
    for number in range(20):
        one.set(f"key{number}", str(number))
    late = air.node(2)
    one.tick(S)
    late.joined(1)
    one.tick(2 * S)
    assert [late.get(f"key{number}") for number in range(20)] == [str(n) for n in range(20)]


def test_many_requests_get_one_answer():
    air = Air()
    one = air.node(1)
    one.set("led", "1")
    one.tick(0)
    for _ in range(50):
        one.receive(2, '{"t":4,"n":"x","d":{"req":1}}')
    for tenth in range(10):
        one.tick(S + tenth * S // 10)
    assert len(air.texts(3)) == 1


def test_the_smallest_id_alive_coordinates():
    air = Air()
    one, two = air.node(1), air.node(2)
    one.tick(0)
    two.tick(0)
    assert (one.is_coordinator(), two.is_coordinator()) == (True, False)
    assert (one.peers(), two.peers()) == (1, 1)
    two.tick(SILENT_US + S)
    assert two.is_coordinator()
    assert two.peers() == 0


def test_telemetry_goes_to_the_gateway_alone_and_only_when_there_is_one():
    air = Air()
    one = air.node(1)
    one.tick(31 * S)
    one.gateway = 99
    one.tick(62 * S)
    assert [dest for _, dest, text in air.sent if '"t":6' in text] == [99]


NONSENSE = (
    "",
    "5",
    "[]",
    '"x"',
    "{}",
    '{"t":2}',
    '{"t":2,"d":null}',
    '{"t":2,"d":[1]}',
    '{"t":2,"d":{"k":"led"}}',
    '{"t":2,"d":{"k":"led","v":1,"ver":1,"org":1}}',
    '{"t":2,"d":{"k":7,"v":"1","ver":1,"org":1}}',
    '{"t":2,"d":{"k":"led","v":"1","ver":-1,"org":1}}',
    '{"t":2,"d":{"k":"led","v":"1","ver":4294967296,"org":1}}',
    '{"t":2,"d":{"k":"led","v":"1","ver":1.5,"org":1}}',
    '{"t":2,"d":{"k":"led","v":"1","ver":true,"org":1}}',
    '{"t":3,"d":{"s":{"k":"led"}}}',
    '{"t":3,"d":{"s":[1,null,"x"]}}',
    '{"t":[],"d":{}}',
    '{"t":5,"d":{}}',
    '{"t":99,"d":{}}',
)


def test_nonsense_changes_nothing():
    air = Air()
    one = air.node(1)
    for text in NONSENSE:
        one.receive(2, text)
        assert one.get("led") is None, text


def test_a_flood_of_keys_and_peers_is_bounded():
    air = Air()
    one = air.node(1)
    one.set("led", "1")
    for number in range(200):
        text = json.dumps({"t": 2, "d": {"k": f"k{number}", "v": "x", "ver": 1, "org": 5}})
        one.receive(1000 + number, text)
    assert len(one._entries) == ENTRIES_MAX
    assert one.peers() == 64
    assert one.get("led") == "1"


def test_too_long_keys_and_values_are_not_kept():
    air = Air()
    one = air.node(1)
    assert not one.set("k" * 33, "1")
    assert not one.set("k", "v" * 65)
    assert air.sent == []
