"""What the giving side sends, and when. Runs on both Pythons."""

from painlessmesh.ota import Offer, Sender
from painlessmesh.protocol import decode, encode

GATEWAY, NODE = 1111111111, 2222222222
MD5 = "e0ccfdbafdd6de45dd1c93de26f389fe"
SECOND = 1_000_000


def sender(size=5120, forced=False, stock=True, window=0):
    made = Sender(GATEWAY)
    offer = Offer("sensor", "ESP32", MD5, size, forced)
    assert made.offer(offer)
    made.add_target(offer, NODE, stock, window)
    return made


def request(part, **keys):
    package = {
        "from": NODE,
        "routing": 1,
        "type": 11,
        "md5": MD5,
        "hardware": "ESP32",
        "role": "sensor",
        "noPart": 5,
        "broadcasted": False,
        "dest": GATEWAY,
        "partNo": part,
    }
    package.update(keys)
    return package


def wire(pairs):
    return decode(encode(pairs)[:-1])


def due(made, now):
    """The parts that are due now."""
    parts = []
    while True:
        found = made.due(now)
        if found is None:
            return parts
        parts.append(found.part)


def raises(call, *arguments):
    try:
        call(*arguments)
    except ValueError:
        return True
    return False


def test_announcement_and_data_have_the_bytes_of_the_specification():
    made = sender()
    offer = made.offer_of("sensor", "ESP32")
    head = b'"md5":"e0ccfdbafdd6de45dd1c93de26f389fe","hardware":"ESP32","role":"sensor",'
    assert encode(made.broadcast_announcement(offer)) == (
        b'{"from":1111111111,"routing":2,"type":10,' + head + b'"noPart":5,"broadcasted":false}\0'
    )
    assert encode(made.announcement(NODE)) == (
        b'{"from":1111111111,"routing":1,"type":10,'
        + head
        + b'"noPart":5,"broadcasted":false,"dest":2222222222}\0'
    )
    found = made.on_request(request(0))
    assert encode(made.data_package(found, b"\xe9" * 1024)).startswith(
        b'{"from":1111111111,"routing":1,"type":12,'
        + head
        + b'"noPart":5,"broadcasted":false,"dest":2222222222,"partNo":0,"data":"6enp'
    )


def test_base64_is_padded_and_without_a_line_end():
    made = sender(1025)
    made.on_request(request(0))
    found = made.due(0)
    assert found.part == 1
    assert wire(made.data_package(found, b"x"))["data"] == "eA=="


def test_a_frame_made_in_place_is_the_encoded_package():
    made = sender(1024 + 100)
    for found in (made.on_request(request(0)), made.due(0)):
        payload = bytes([index * 7 & 255 for index in range(1024)])[
            : 1024 if found.part == 0 else 100
        ]
        package = encode(made.data_package(found, payload))
        assert bytes(made.data_frame(found, memoryview(payload))) == package


def test_a_frame_made_in_place_has_room_for_a_long_role():
    role = "r" * 900
    made = Sender(GATEWAY)
    made.offer(Offer(role, "ESP32", MD5, 1024))
    made.add_target(made.offer_of(role, "ESP32"), NODE)
    found = made.on_request(request(0, role=role))
    assert bytes(made.data_frame(found, bytes(1024))) == encode(
        made.data_package(found, bytes(1024))
    )


def test_a_part_of_the_wrong_length_is_never_sent():
    made = sender(1025)
    found = made.on_request(request(0))
    for payload in (b"", b"x" * 1023, b"x" * 1025):
        assert raises(made.data_package, found, payload)
        assert raises(made.data_frame, found, payload)


def test_an_image_of_no_bytes_or_too_many_cannot_be_offered():
    assert raises(Offer, "r", "h", MD5, 0)
    assert raises(Offer, "r", "h", MD5, 16384 * 1024 + 1)
    assert Offer("r", "h", MD5, 16384 * 1024).parts == 16384


def test_optional_keys_are_echoed_as_the_node_sent_them():
    """Nodes up to 1.5.3 know no `broadcasted`; `compressed` is Alteriom's."""
    old = request(0)
    del old["broadcasted"]
    made = sender()
    data = wire(made.data_package(made.on_request(old), bytes(1024)))
    assert "broadcasted" not in data and "compressed" not in data
    made = sender()
    data = wire(
        made.data_package(
            made.on_request(request(0, compressed=True, broadcasted=False)), bytes(1024)
        )
    )
    assert data["broadcasted"] is False and data["compressed"] is True


def test_data_never_carries_forced():
    """1.5.5 built with ArduinoJson 6 would lose partNo in its next request."""
    made = sender(forced=True)
    assert "forced" not in wire(
        made.data_package(made.on_request(request(0, forced=True)), bytes(1024))
    )


def test_forced_is_announced_until_the_node_asks_and_never_to_everybody():
    made = sender(forced=True)
    assert wire(made.announcement(NODE))["forced"] is True
    assert "forced" not in wire(made.broadcast_announcement(made.offer_of("sensor", "ESP32")))
    made.on_request(request(0))
    assert "forced" not in wire(made.announcement(NODE))


def test_a_first_request_that_lost_its_part_number_means_the_first_part():
    lost = request(0, forced=True)
    del lost["partNo"]
    assert sender(forced=True).on_request(lost).part == 0
    assert sender().on_request(lost) is None


def test_only_targets_are_answered():
    assert sender().on_request(request(0, **{"from": 3333333333})) is None


def test_requests_with_wrong_fields_are_ignored():
    for keys in (
        {"md5": "f" * 32},
        {"md5": None},
        {"role": "Sensor"},
        {"hardware": "ESP8266"},
        {"partNo": 5},
        {"partNo": -1},
        {"partNo": None},
        {"type": 12},
        {"from": None},
    ):
        assert sender().on_request(request(0, **keys)) is None


def test_numbers_may_be_floats_or_in_quotes():
    assert sender().on_request(request("3")).part == 3
    assert sender().on_request(request(3.0, type="11", **{"from": "2222222222"})).part == 3


def test_one_part_per_request_when_the_window_is_one():
    made = sender(window=1)
    for part in range(5):
        assert made.on_request(request(part), part).part == part
        assert due(made, part) == []
    assert made.on_request(request(4), 6).part == 4


def test_parts_are_pushed_ahead_of_their_requests():
    made = sender(20480, stock=False)
    assert made.on_request(request(0), 0).part == 0
    assert due(made, 0) == [1]
    assert made.on_request(request(1), 100).part == 2
    assert made.on_request(request(2), 200).part == 3
    assert due(made, 200) == [4]


def test_the_window_grows_to_its_limit_and_no_further():
    for stock, limit in ((True, 8), (False, 16)):
        made = sender(16 * 1024 * 1024, stock=stock)
        made.on_request(request(0), 0)
        flying = 1 + len(due(made, 0))
        for part in range(1, 500):
            found = made.on_request(request(part), part * 100)
            flying += (found is not None) + len(due(made, part * 100)) - 1
            assert flying <= limit
        assert flying == limit and made.target(NODE).window == limit


def test_a_part_without_progress_is_repeated_after_one_two_and_three_seconds():
    made = sender(20480, stock=False)
    made.on_request(request(3), 0)
    due(made, 0)
    now, times = 0, []
    for tenth in range(1, 150):
        if due(made, tenth * 100_000):
            times.append((tenth * 100_000 - now) // 100_000)
            now = tenth * 100_000
    assert times[:4] == [10, 20, 30, 30]


def test_after_ten_repeats_it_is_the_nodes_turn():
    made = sender(20480, stock=False)
    made.on_request(request(3), 0)
    repeats = 0
    for tenth in range(1, 1000):
        repeats += len(due(made, tenth * 100_000))
    target = made.target(NODE)
    assert target.stalled and 10 <= repeats <= 20
    assert made.on_request(request(3), 200 * SECOND).part == 3
    assert not target.stalled


def test_a_loss_halves_the_window():
    made = sender(102400, stock=False)
    made.on_request(request(0), 0)
    due(made, 0)
    for part in range(1, 50):
        made.on_request(request(part), part * 100)
        due(made, part * 100)
    before = made.target(NODE).window
    assert due(made, 2 * SECOND)[0] == 49
    assert made.target(NODE).window == before // 2


def test_a_request_repeated_at_once_is_not_answered_twice():
    made = sender(102400, stock=False)
    assert made.on_request(request(0), 0)
    due(made, 0)
    assert made.on_request(request(0), 1000) is None


def test_a_request_repeated_after_a_trip_means_a_lost_part():
    made = sender(102400, stock=False)
    made.on_request(request(0), 0)
    due(made, 0)
    assert made.on_request(request(0), 100_000).part == 0
    assert made.target(NODE).sent_again == 1


def test_a_node_that_starts_again_is_followed():
    made = sender(20480, stock=False)
    for part in range(8):
        made.on_request(request(part), part * 1000)
        due(made, part * 1000)
    assert made.on_request(request(0), 9000).part == 0
    assert made.on_request(request(15), 10000).part == 15


def test_the_last_part_is_repeated_to_a_stock_node_only_when_it_cannot_have_taken_it():
    """It restarts two seconds after it took it."""
    made = sender(5120, stock=True)
    for part in range(4):
        made.on_request(request(part), part * 1000)
        due(made, part * 1000)
    made.on_request(request(4), 5000)
    for tenth in range(60):
        assert due(made, tenth * 100_000) == []
    assert due(made, 7 * SECOND) == [4]
    assert made.on_request(request(4), 7 * SECOND + 1) is None
    assert made.on_request(request(4), 9 * SECOND).part == 4


def test_a_stock_node_that_is_told_of_the_offer_again_asks_twice_and_gets_one_answer():
    made = sender(5120, stock=True)
    made.on_request(request(0), 0)
    due(made, 0)
    made.on_request(request(1), 200_000)
    due(made, 200_000)
    assert made.on_request(request(1), 201_000) is None


def test_going_back_does_not_reach_the_last_part_of_a_stock_node():
    made = sender(3072, stock=True)
    made.on_request(request(0), 0)
    due(made, 0)
    made.on_request(request(1), 1000)
    assert due(made, 10_000_000) == [1]


def test_our_own_nodes_may_get_the_last_part_again():
    made = sender(2048, stock=False)
    made.on_request(request(1), 0)
    assert due(made, SECOND) == [1]


def test_an_offer_with_nodes_on_it_is_not_replaced():
    """7.4: a stock node would go on at the same part with the other image."""
    made = sender()
    other = Offer("sensor", "ESP32", "0" * 32, 1024)
    assert made.offer(Offer("sensor", "ESP32", MD5, 5120))
    made.on_request(request(0))
    assert not made.offer(other)
    assert made.offer_of("sensor", "ESP32").md5 == MD5
    made.withdraw("sensor", "ESP32")
    assert made.target(NODE) is None and made.on_request(request(1)) is None
    assert made.offer(other)


def test_an_offer_that_nobody_has_taken_up_can_be_replaced():
    made = sender()
    assert made.offer(Offer("sensor", "ESP32", "0" * 32, 1024))
    assert made.target(NODE) is None
    assert made.on_request(request(0)) is None


def test_offers_for_other_roles_stand_beside_each_other():
    made = sender()
    other = Offer("led", "ESP32", "0" * 32, 1024)
    assert made.offer(other)
    made.add_target(other, 3333333333, True)
    assert made.on_request(request(0)).offer.role == "sensor"
    found = made.on_request(request(0, role="led", md5="0" * 32, **{"from": 3333333333}))
    assert found.offer is other
    made.withdraw("led", "ESP32")
    made.withdraw("led", "ESP32")
    assert made.target(NODE) is not None


def test_targets_take_turns():
    made = sender(102400, stock=False)
    made.add_target(made.offer_of("sensor", "ESP32"), 3333333333)
    made.on_request(request(0), 0)
    made.on_request(request(0, **{"from": 3333333333}), 0)
    for part in range(1, 40):
        made.target(NODE).asked(part, part)
        made.target(3333333333).asked(part, part)
        made.due(part)
    served = [made.due(100).node_id for _ in range(4)]
    assert served in ([NODE, 3333333333] * 2, [3333333333, NODE] * 2)


def test_a_removed_target_gets_nothing_more():
    made = sender()
    made.on_request(request(0))
    made.remove_target(NODE)
    assert due(made, 0) == [] and made.on_request(request(1)) is None


def test_in_broadcast_mode_parts_go_to_everybody():
    made = sender()
    offer = made.offer_of("sensor", "ESP32")
    offer.broadcast = True
    assert wire(made.broadcast_announcement(offer))["broadcasted"] is True
    data = wire(made.data_package(made.on_request(request(0, broadcasted=True)), bytes(1024)))
    assert data["routing"] == 2 and data["broadcasted"] is True
    data = wire(made.data_package(made.on_request(request(1, broadcasted=False)), bytes(1024)))
    assert data["routing"] == 1 and data["broadcasted"] is False


def test_an_offer_made_again_reaches_its_own_targets_alone():
    made = sender()
    other = Offer("led", "ESP32", "0" * 32, 1024)
    made.offer(other)
    made.add_target(other, 3333333333, True)
    again = Offer("sensor", "ESP32", MD5, 5120, forced=True)
    assert made.offer(again)
    assert made.target(NODE).offer is again and made.target(3333333333).offer is other
