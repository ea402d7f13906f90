"""Package 71 and the announcement's mac: who is believed. Runs on both Pythons."""

from painlessmesh import level1
from painlessmesh.level1_gateway import GatewayBoot, GatewaySide
from painlessmesh.level1_node import NodeSide
from painlessmesh.mac import hexmac
from painlessmesh.protocol import decode, encode

KEY = bytes(range(32))
GATEWAY, NODE = 1111111111, 2222222222
GATEWAY_NONCE, NODE_NONCE = "9f86d081884c7d65", "aabbccddeeff0011"
HELLO = '{"gateway":1111111111,"nonce":"9f86d081884c7d65","protocol":1}'
SECOND = 1_000_000


def status(boot=7, heard=0, nonce=NODE_NONCE):
    return '{"boot":%d,"nonce":"%s","heard":%d}' % (boot, nonce, heard)


def over_the_wire(pairs):
    return decode(encode(pairs)[:-1])


def sides():
    return GatewaySide(GatewayBoot(KEY, GATEWAY, GATEWAY_NONCE), NODE), NodeSide(
        KEY, NODE, NODE_NONCE
    )


def met():
    """Both sides after who-are-you, status and the hello that counts."""
    gateway, node = sides()
    asker = node.asked_by(over_the_wire(gateway.build("hello", HELLO)), 0)
    assert gateway.check(over_the_wire(node.build("status", status(), asker))) == status()
    assert node.check(over_the_wire(gateway.build("hello", HELLO))) == HELLO
    return gateway, node


def changed(package, **keys):
    return dict(package, **keys)


def test_the_package_has_the_keys_in_the_order_of_the_documentation():
    frame = encode(level1.package(KEY, "hello", GATEWAY, NODE, 4, "", "{}"))
    mac = hexmac(KEY, "71\nhello\n1111111111\n2222222222\n4\n\n{}")
    assert (
        frame
        == (
            '{"type":71,"routing":1,"from":1111111111,"dest":2222222222,"op":"hello","seq":4,"nonce":"","body":"{}","mac":"%s"}\0'
            % mac
        ).encode()
    )


def test_a_body_of_more_than_2048_bytes_is_refused():
    try:
        level1.package(KEY, "status", 1, 2, 1, "", "ä" * 1025)
    except ValueError:
        return
    raise AssertionError("it was made")


def test_gateway_and_node_meet():
    gateway, node = met()
    assert gateway.node_nonce == NODE_NONCE and gateway.boot == 7
    assert node.gateway == GATEWAY and node.heard == 2
    go = '{"do":"restart"}'
    assert node.check(over_the_wire(gateway.build("go", go))) == go
    assert gateway.check(over_the_wire(node.build("status", status(heard=3)))) == status(heard=3)
    need = '{"parts":"00"}'
    assert gateway.check(over_the_wire(node.build("need", need))) == need


def test_a_node_says_nothing_before_it_knows_its_gateway():
    assert sides()[1].build("status", status()) is None


def test_a_forged_package_is_refused_whatever_was_changed():
    gateway, node = met()
    go = over_the_wire(gateway.build("go", '{"do":"restart"}'))
    answer = over_the_wire(node.build("status", status()))
    for keys in (
        {"body": '{"do":"flip"}'},
        {"seq": 99},
        {"op": "hello"},
        {"from": 3333333333},
        {"mac": "0" * 64},
        {"mac": go["mac"].upper()},
        {"mac": None},
        {"mac": 5},
        {"nonce": ""},
        {"dest": 3333333333},
        {"body": ""},
        {"body": 5},
        {"op": "gone"},
        {"op": None},
    ):
        assert node.check(changed(go, **keys)) is None
        if keys != {"from": 3333333333}:
            assert gateway.check(changed(answer, **keys)) is None
    other = GatewaySide(GatewayBoot(bytes(32), GATEWAY, GATEWAY_NONCE), NODE)
    other.node_nonce = NODE_NONCE
    assert node.check(over_the_wire(other.build("go", "{}"))) is None
    assert node.check(go) == '{"do":"restart"}'
    assert gateway.check(answer) == status()


def test_a_replayed_package_is_refused():
    gateway, node = met()
    go = over_the_wire(gateway.build("go", '{"do":"restart"}'))
    later = over_the_wire(gateway.build("go", '{"do":"cancel"}'))
    assert node.check(go) is not None and node.check(go) is None
    assert node.check(later) is not None and node.check(go) is None
    first = over_the_wire(node.build("status", status()))
    second = over_the_wire(node.build("status", status()))
    assert gateway.check(second) is not None
    assert gateway.check(first) is None and gateway.check(second) is None


def test_a_package_of_an_earlier_boot_is_refused():
    gateway, node = met()
    go = over_the_wire(gateway.build("go", '{"do":"restart"}'))
    rebooted = NodeSide(KEY, NODE, "0123456789abcdef")
    assert rebooted.check(go) is None
    said = over_the_wire(node.build("status", status()))
    restarted = GatewaySide(GatewayBoot(KEY, GATEWAY, "fedcba9876543210"), NODE)
    assert restarted.check(said) is None


def test_a_gateway_cannot_play_a_node_nor_a_node_the_gateway():
    gateway, node = met()
    forged = over_the_wire(level1.package(KEY, "go", NODE, GATEWAY, 90, GATEWAY_NONCE, "{}"))
    assert gateway.check(forged) is None
    assert (
        node.check(
            over_the_wire(level1.package(KEY, "status", GATEWAY, NODE, 90, NODE_NONCE, status()))
        )
        is None
    )


def test_a_rebooted_node_counts_from_one_and_is_believed():
    gateway, node = met()
    for _ in range(5):
        assert gateway.check(over_the_wire(node.build("status", status())))
    old = over_the_wire(node.build("status", status()))
    rebooted = NodeSide(KEY, NODE, "0123456789abcdef")
    asker = rebooted.asked_by(over_the_wire(_who(gateway)), 0)
    body = status(boot=8, nonce="0123456789abcdef")
    assert gateway.check(over_the_wire(rebooted.build("status", body, asker))) == body
    assert gateway.node_nonce == "0123456789abcdef"
    assert gateway.check(old) is None
    assert rebooted.check(over_the_wire(gateway.build("hello", HELLO))) == HELLO


def _who(gateway):
    nonce, gateway.node_nonce = gateway.node_nonce, ""
    pairs = gateway.build("hello", HELLO)
    gateway.node_nonce = nonce
    return pairs


def test_a_status_of_an_older_boot_or_another_nonce_of_the_same_boot_is_refused():
    gateway, node = met()
    for body in (
        status(boot=6),
        status(nonce="0123456789abcdef"),
        status(nonce="short"),
        "{}",
        "[]",
        "no json",
    ):
        assert gateway.check(over_the_wire(node.build("status", body))) is None
    assert gateway.check(over_the_wire(node.build("status", status()))) == status()


def test_nothing_but_a_status_counts_before_the_first_one():
    gateway, node = sides()
    need = over_the_wire(node.build("need", "{}", (GATEWAY, GATEWAY_NONCE)))
    assert gateway.check(need) is None


def test_a_restarted_gateway_goes_on_where_the_node_has_heard_it():
    gateway, node = met()
    for _ in range(9):
        assert node.check(over_the_wire(gateway.build("go", "{}")))
    nonce = "fedcba9876543210"
    hello = HELLO.replace(GATEWAY_NONCE, nonce)
    restarted = GatewaySide(GatewayBoot(KEY, GATEWAY, nonce), NODE)
    asker = node.asked_by(over_the_wire(restarted.build("hello", hello)), 60 * SECOND)
    assert restarted.check(over_the_wire(node.build("status", status(heard=node.heard), asker)))
    assert node.check(over_the_wire(restarted.build("hello", hello))) == hello
    assert restarted.check(over_the_wire(node.build("status", status())))


def test_who_are_you_is_answered_once_in_two_seconds_and_proves_nothing():
    gateway, node = sides()
    assert node.asked_by(over_the_wire(gateway.build("hello", HELLO)), 0) == (
        GATEWAY,
        GATEWAY_NONCE,
    )
    assert node.asked_by(over_the_wire(gateway.build("hello", HELLO)), 2 * SECOND - 1) is None
    assert node.asked_by(over_the_wire(gateway.build("hello", HELLO)), 2 * SECOND) == (
        GATEWAY,
        GATEWAY_NONCE,
    )
    assert node.gateway == 0 and node.heard == 0
    assert node.check(over_the_wire(gateway.build("hello", HELLO))) is None


def test_a_forged_who_are_you_is_not_answered():
    _, node = sides()
    stranger = GatewaySide(GatewayBoot(bytes(32), GATEWAY, GATEWAY_NONCE), NODE)
    assert node.asked_by(over_the_wire(stranger.build("hello", HELLO)), 0) is None
    gateway, _ = sides()
    assert node.asked_by(over_the_wire(gateway.build("go", "{}")), 0) is None
    for body in ("{}", '{"nonce":"UPPERCASE0123456"}', "no json"):
        assert node.asked_by(over_the_wire(gateway.build("hello", body)), 0) is None


def test_a_hello_without_a_nonce_in_its_body_changes_nothing():
    gateway, node = met()
    assert node.check(over_the_wire(gateway.build("hello", '{"gateway":5}'))) is None
    assert node.heard == 2 and node.gateway == GATEWAY


ANNOUNCEMENT = (
    ("from", GATEWAY),
    ("routing", 1),
    ("type", 10),
    ("md5", "5d41402abc4b2a76b9719d911017c592"),
    ("hardware", "ESP32-MPY"),
    ("role", "pir"),
    ("noPart", 41),
    ("broadcasted", False),
    ("dest", NODE),
    ("size", 41472),
    ("sha256", "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"),
    ("kind", "app-bundle"),
    ("version", "1.1.0"),
)


def test_the_announcement_is_signed_over_the_text_of_the_documentation():
    gateway, _ = met()
    text = (
        "announce\n5d41402abc4b2a76b9719d911017c592\n"
        "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824\n41472\npir\nESP32-MPY\napp-bundle\n1.1.0\n0\n41\n"
        "2222222222\naabbccddeeff0011"
    )
    assert gateway.sign(ANNOUNCEMENT) == ANNOUNCEMENT + (("mac", hexmac(KEY, text)),)


def test_a_signed_announcement_is_believed_and_a_changed_one_is_not():
    gateway, node = met()
    package = over_the_wire(gateway.sign(ANNOUNCEMENT))
    assert node.check_announcement(package)
    for keys in (
        {"md5": "0" * 32},
        {"sha256": "0" * 64},
        {"size": 41473},
        {"role": "led"},
        {"hardware": "ESP32"},
        {"kind": "esp-image"},
        {"version": "1.1.1"},
        {"forced": True},
        {"noPart": 42},
        {"dest": 3333333333},
        {"mac": "0" * 64},
        {"mac": None},
    ):
        assert not node.check_announcement(changed(package, **keys))


def test_an_announcement_of_an_earlier_boot_or_for_another_node_is_refused():
    gateway, _ = met()
    package = over_the_wire(gateway.sign(ANNOUNCEMENT))
    assert not NodeSide(KEY, NODE, "0123456789abcdef").check_announcement(package)
    assert not NodeSide(KEY, 3333333333, NODE_NONCE).check_announcement(package)
    forced = ANNOUNCEMENT[:6] + (("forced", True),) + ANNOUNCEMENT[6:]
    assert gateway.sign(forced)[-1] != gateway.sign(ANNOUNCEMENT)[-1]


def test_the_signature_of_a_firmware_is_under_the_mac_as_well():
    gateway, node = met()
    signature = (("counter", 7), ("sig", "c2lnbmF0dXJl"))
    package = over_the_wire(gateway.sign(ANNOUNCEMENT + signature))
    assert node.check_announcement(package)
    for keys in ({"sig": "eA=="}, {"counter": 8}, {"floor": 0}, {"sig": None}, {"sig": 5}):
        assert not node.check_announcement(changed(package, **keys))
    lower = over_the_wire(gateway.sign(ANNOUNCEMENT + signature + (("floor", 3),)))
    assert node.check_announcement(lower)
    assert not node.check_announcement(changed(lower, floor=2))
    assert not node.check_announcement(changed(lower, floor=None))


def test_that_an_image_comes_deflated_is_under_the_mac_as_well():
    gateway, node = met()
    deflated = over_the_wire(gateway.sign(ANNOUNCEMENT + (("deflate", 3000),)))
    assert node.check_announcement(deflated)
    for size in (None, 2999, 0):
        assert not node.check_announcement(changed(deflated, deflate=size))
    plain = over_the_wire(gateway.sign(ANNOUNCEMENT))
    assert not node.check_announcement(changed(plain, deflate=3000))
