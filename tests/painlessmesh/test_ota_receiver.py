"""What the taking side does with each package, and what it does not fall for. Runs on both Pythons."""

import binascii

from painlessmesh.ota import Receiver
from painlessmesh.protocol import decode, encode

GATEWAY, NODE, STRANGER = 1111111111, 2222222222, 3333333333
MD5 = "e0ccfdbafdd6de45dd1c93de26f389fe"
SECOND = 1_000_000


def announcement(**keys):
    package = {
        "from": GATEWAY,
        "routing": 1,
        "type": 10,
        "md5": MD5,
        "hardware": "ESP32-MPY",
        "role": "pir",
        "noPart": 5,
        "broadcasted": False,
        "dest": NODE,
    }
    package.update(keys)
    return package


def data(part, payload=None, **keys):
    payload = bytes([part]) * 1024 if payload is None else payload
    package = announcement(
        type=12, partNo=part, data=str(binascii.b2a_base64(payload), "utf-8").rstrip()
    )
    package.update(keys)
    return package


def receiver():
    return Receiver(NODE, "pir", "ESP32-MPY")


def taking(**keys):
    made = receiver()
    events = made.announce(announcement(**keys), 0, 0)
    assert names(events) == ["begin", "request"]
    return made


def names(events):
    return [event[0] for event in events]


def wire(pairs):
    return decode(encode(pairs)[:-1])


def asked(events):
    """The part that a single request asks for."""
    assert names(events) == ["request"]
    return wire(events[0][1])["partNo"]


def test_the_request_has_the_bytes_of_the_specification():
    made = Receiver(NODE, "sensor", "ESP32")
    events = made.announce(announcement(role="sensor", hardware="ESP32"), 0, 0)
    assert encode(events[1][1]) == (
        b'{"from":2222222222,"routing":1,"type":11,"md5":"e0ccfdbafdd6de45dd1c93de26f389fe","hardware":"ESP32",'
        b'"role":"sensor","noPart":5,"broadcasted":false,"dest":1111111111,"partNo":0}\0'
    )


def test_optional_keys_are_echoed_in_their_places():
    events = receiver().announce(announcement(forced=True, compressed=True), 0, 0)
    assert (
        b'"role":"pir","forced":true,"noPart":5,"broadcasted":false,"compressed":true,"dest"'
        in encode(events[1][1])
    )
    old = announcement()
    del old["broadcasted"]
    assert b'"noPart":5,"dest"' in encode(receiver().announce(old, 0, 0)[1][1])


def test_a_whole_image_comes_in_order():
    made = taking()
    for part in range(4):
        events = made.data(data(part), part)
        assert names(events) == ["part", "request"]
        assert events[0][1:] == (part, bytes([part]) * 1024)
        assert wire(events[1][1])["partNo"] == part + 1
    assert names(made.data(data(4, b"end"), 5)) == ["part", "complete"]
    assert not made.busy and made.tick(60 * SECOND) == []


def test_a_transfer_can_go_on_at_any_part():
    made = receiver()
    assert names(made.announce(announcement(), 0)) == ["begin"]
    assert asked(made.start(3, 0)) == 3
    made = receiver()
    assert wire(made.announce(announcement(), 0, 3)[1][1])["partNo"] == 3
    assert names(receiver().announce(announcement(), 0, 5)) == ["begin", "complete"]


def test_whoever_says_nothing_starts_at_the_first_part():
    made = receiver()
    made.announce(announcement(), 0)
    assert asked(made.tick(1)) == 0


def test_silence_is_asked_ten_times_every_three_seconds_and_then_given_up():
    made = taking()
    asked_at, last = [], None
    for tenth in range(1, 600):
        for event in made.tick(tenth * 100_000):
            asked_at.append(tenth)
            last = event[0]
    assert asked_at == [30, 60, 90, 120, 150, 180, 210, 240, 270, 300] and last == "gave_up"
    assert made.md5 == MD5 and not made.busy


def test_the_next_announcement_resumes_what_was_given_up():
    made = taking()
    made.data(data(0), 0)
    for second in range(1, 60):
        made.tick(second * SECOND)
    assert made.part == 1
    assert names(made.announce(announcement(), 61 * SECOND, made.part)) == ["begin", "request"]


def test_a_part_starts_the_count_again():
    made = taking()
    for second in range(1, 25):
        made.tick(second * SECOND)
    made.data(data(0), 25 * SECOND)
    for second in range(26, 50):
        assert "gave_up" not in names(made.tick(second * SECOND))


def test_announcements_for_others_are_ignored():
    for keys in (
        {"role": "led"},
        {"role": "PIR"},
        {"role": None},
        {"hardware": "ESP32"},
        {"hardware": None},
        {"md5": ""},
        {"md5": MD5[:31]},
        {"md5": MD5 + "0"},
        {"md5": MD5.upper()},
        {"md5": None},
        {"md5": 5},
        {"noPart": 0},
        {"noPart": None},
        {"noPart": 16385},
        {"noPart": -1},
        {"from": 0},
        {"from": None},
    ):
        assert receiver().announce(announcement(**keys), 0, 0) == []


def test_numbers_may_be_floats_or_in_quotes():
    made = taking(noPart="5", **{"from": float(1 << 20)})
    assert names(made.data(data(0, noPart=5.0, partNo="0", **{"from": 1 << 20}), 0)) == [
        "part",
        "request",
    ]


def test_the_image_that_runs_is_taken_again_only_by_force():
    made = receiver()
    made.installed = MD5
    assert made.announce(announcement(), 0, 0) == []
    assert names(made.announce(announcement(forced=True), 0, 0)) == ["begin", "request"]


def test_data_without_an_announcement_is_ignored():
    assert receiver().data(data(0), 0) == []
    assert receiver().data(data(0, md5=""), 0) == []


def test_data_that_is_not_ours_is_ignored():
    for keys in (
        {"from": STRANGER},
        {"from": None},
        {"md5": ""},
        {"md5": "0" * 32},
        {"md5": None},
        {"role": "led"},
        {"role": None},
        {"hardware": "ESP32"},
        {"noPart": 4},
        {"noPart": None},
        {"partNo": None},
        {"data": ""},
        {"data": None},
        {"data": 5},
        {"data": "====" * 100},
        {"data": "A"},
        {"data": "A" * 1401},
        {"data": "ä" * 100},
    ):
        made = taking()
        assert made.data(data(0, **keys), 1) == [], keys
        assert made.part == 0


def test_a_part_in_the_wrong_length_is_ignored():
    made = taking()
    for length in (0, 1, 1023, 1025, 1026):
        assert made.data(data(0, bytes(length)), 1) == []
    for part in range(4):
        made.data(data(part), 1)
    assert made.data(data(4, bytes(1025)), 1) == []
    assert names(made.data(data(4, bytes(1024)), 1)) == ["part", "complete"]


def test_the_last_part_has_the_length_that_the_announced_size_says():
    made = taking(size=4 * 1024 + 7)
    for part in range(4):
        made.data(data(part), 1)
    for length in (6, 8, 1024):
        assert made.data(data(4, bytes(length)), 1) == []
    assert names(made.data(data(4, bytes(7)), 1)) == ["part", "complete"]


def test_line_ends_missing_padding_and_the_url_alphabet_are_tolerated():
    made = taking(noPart=2)
    payload = b"\xfb\xef\xff" * 341 + b"\xfe"
    encoded = data(0, payload)["data"]
    url = encoded.replace("+", "-").replace("/", "_")
    assert url != encoded
    assert made.data(data(0, data=url.rstrip("=") + "\n", noPart=2), 1)[0] == ("part", 0, payload)


def test_parts_already_taken_are_ignored():
    made = taking()
    made.data(data(0), 1)
    made.data(data(1), 1)
    assert made.data(data(0), 1) == [] and made.data(data(1), 1) == []


def test_parts_pushed_ahead_of_the_request_are_taken_in_order():
    made = taking()
    assert [names(made.data(data(part), 1)) for part in (0, 1, 2)] == [["part", "request"]] * 3


def test_a_gap_is_reported_at_once_and_not_for_each_part():
    made = taking()
    assert asked(made.data(data(1), 1)) == 0
    assert made.data(data(2), 2) == []
    assert asked(made.data(data(1), SECOND // 5)) == 0
    assert names(made.data(data(0), SECOND // 5)) == ["part", "request"]
    assert asked(made.data(data(3), SECOND // 5)) == 1


def test_the_same_announcement_again_changes_nothing_that_has_arrived():
    made = taking()
    made.data(data(0), 0)
    assert made.announce(announcement(), 100, 0) == []
    assert asked(made.announce(announcement(), SECOND, 0)) == 1
    assert made.part == 1


def test_a_new_image_of_the_same_announcer_starts_from_the_beginning():
    made = taking()
    made.data(data(0), 0)
    events = made.announce(announcement(md5="0" * 32, noPart=9), 1, 0)
    assert names(events) == ["begin", "request"]
    assert wire(events[1][1])["partNo"] == 0
    assert made.data(data(1), 1) == []


def test_another_announcer_cannot_take_over_a_transfer_that_moves():
    made = taking()
    made.data(data(0), 0)
    for keys in ({"from": STRANGER}, {"from": STRANGER, "md5": "0" * 32}):
        assert made.announce(announcement(**keys), 1, 0) == []
    assert names(made.data(data(1), 2)) == ["part", "request"]


def test_another_announcer_may_go_on_when_the_first_is_silent():
    made = taking()
    made.data(data(0), 0)
    made.tick(3 * SECOND)
    events = made.announce(announcement(**{"from": STRANGER}), 4 * SECOND, 0)
    assert asked(events) == 1 and wire(events[0][1])["dest"] == STRANGER
    assert made.data(data(1), 5 * SECOND) == []
    assert names(made.data(data(1, **{"from": STRANGER}), 5 * SECOND)) == ["part", "request"]


def test_a_cancelled_transfer_takes_nothing_more_and_can_start_again():
    made = taking()
    made.data(data(0), 0)
    made.cancel()
    assert made.data(data(1), 1) == [] and made.tick(60 * SECOND) == [] and not made.busy
    assert names(made.announce(announcement(), 61 * SECOND, 0)) == ["begin", "request"]


def test_in_broadcast_mode_only_the_root_asks_and_the_others_listen():
    made = receiver()
    assert names(made.announce(announcement(broadcasted=True), 0, 0)) == ["begin"]
    for part in range(3):
        assert names(made.data(data(part, broadcasted=True, routing=2, dest=STRANGER), 1)) == [
            "part"
        ]
    root = receiver()
    root.root = True
    events = root.announce(announcement(broadcasted=True), 0, 0)
    assert wire(events[1][1])["broadcasted"] is True


def test_a_listener_that_misses_a_part_asks_for_it_alone():
    made = receiver()
    made.announce(announcement(broadcasted=True), 0, 0)
    events = made.data(data(1, broadcasted=True), 1)
    assert asked(events) == 0
    request = wire(events[0][1])
    assert (
        request["broadcasted"] is False and request["from"] == NODE and request["dest"] == GATEWAY
    )


def test_a_listener_that_hears_nothing_asks():
    made = receiver()
    made.announce(announcement(broadcasted=True), 0, 0)
    assert made.tick(2 * SECOND) == []
    assert asked(made.tick(3 * SECOND)) == 0
