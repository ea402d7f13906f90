"""Jobs on their way to nodes: real meshes and real receivers on a virtual clock."""

import hashlib

import pytest
from gateway_in_house import image_of
from virtual_gateway import GATEWAY, VirtualGateway

A, B, C, D = 2222222222, 3333333333, 3444444444, 1234567890
OTHER_KEY = bytes(32)
TOKEN = "4f1d2c3b5a697887"


@pytest.fixture
def gateway():
    return VirtualGateway()


def proof(image):
    return hashlib.sha256(b"proof" + image).hexdigest()


def run_to_restart(gateway, node_id, seconds=30):
    assert gateway.run(seconds, lambda: gateway.nodes[node_id].phase == "restarting")


# ---- the way of one image to one node


def test_an_update_runs_from_offer_to_restart(gateway):
    node = gateway.add(A)
    gateway.run(1)
    image = image_of(50_000)
    gateway.job(image, [A])
    run_to_restart(gateway, A)
    gateway.run(0.2)
    assert node.images == [image]
    assert node.commits == [f"{TOKEN}-1"]
    assert gateway.entry(A) == {
        "id": 3,
        "token": TOKEN,
        "node_id": str(A),
        "attempt": 1,
        "status": "restarting",
        "current_part": 49,
        "total_parts": 49,
        "boot": 7,
    }


def test_every_state_is_seen_on_the_way_in_order(gateway):
    gateway.add(A, delay=30_000)
    gateway.run(1)
    seen = []

    def look():
        state = gateway.state(A)
        if not seen or seen[-1] != state:
            seen.append(state)
        return state == "restarting"

    gateway.job(image_of(50_000), [A])
    assert gateway.run(30, look)
    assert [state for state in seen if state] == [
        "offered",
        "downloading",
        "verifying",
        "restarting",
    ]


def test_parts_are_told_as_they_go(gateway):
    gateway.add(A, delay=30_000)
    gateway.run(1)
    gateway.job(image_of(200_000), [A])
    parts = []
    gateway.run(
        20,
        lambda: parts.append(gateway.entry(A)["current_part"]) or gateway.state(A) == "verifying",
    )
    assert parts == sorted(parts)
    assert len(set(parts)) > 5


def test_after_the_restart_the_node_is_left_alone(gateway):
    node = gateway.add(A)
    gateway.run(1)
    image = image_of(5_000)
    gateway.job(image, [A])
    run_to_restart(gateway, A)
    gateway.restart_node(A)
    offers = len(node.announcements)
    gateway.run(120)
    assert node.phase == "idle"
    assert node.proof == proof(image)
    assert len(node.announcements) == offers
    assert gateway.state(A) == "restarting"


def test_a_node_deep_in_the_tree_is_served(gateway):
    gateway.add(A)
    gateway.add(B, parent=A, delay=10_000)
    gateway.add(C, parent=B, delay=10_000)
    gateway.run(3)
    image = image_of(30_000)
    gateway.job(image, [C])
    run_to_restart(gateway, C)
    assert gateway.nodes[C].images == [image]
    assert gateway.nodes[A].images == gateway.nodes[B].images == []


# ---- who gets what


def test_only_targets_get_the_image(gateway):
    gateway.add(A)
    other = gateway.add(B)
    gateway.run(1)
    gateway.job(image_of(5_000), [A])
    run_to_restart(gateway, A)
    gateway.run(60)
    assert other.announcements == []
    assert other.images == []


def test_a_node_that_asks_unbidden_gets_nothing(gateway):
    gateway.add(A)
    stock = gateway.add_stock(B, role="pir", hardware="ESP32-MPY")
    gateway.run(1)
    image = image_of(5_000)
    found = gateway.job(image, [A])
    request = (
        ("from", B), ("routing", 1), ("type", 11), ("md5", found["md5"]), ("hardware", "ESP32-MPY"),
        ("role", "pir"), ("noPart", 5), ("broadcasted", False), ("dest", GATEWAY), ("partNo", 0),
    )  # fmt: skip
    stock.mesh.send(request)
    gateway.run(10)
    assert stock.parts == []


def test_two_nodes_of_a_type_are_served_together_from_one_reading(gateway):
    gateway.add(A, delay=5_000)
    gateway.add(B, delay=9_000)
    gateway.run(2)
    image = image_of(100_000)
    gateway.job(image, [A, B])
    assert gateway.run(30, lambda: gateway.nodes[A].images and gateway.nodes[B].images)
    assert gateway.nodes[A].images == gateway.nodes[B].images == [image]
    assert len(gateway.fetched) <= 1.05 * (len(image) / 4096 + 1)


def test_a_node_that_starts_late_or_stops_holds_nobody_up(gateway):
    quick = gateway.add(A)
    gateway.add(B, delay=5_000)
    gateway.add(C, delay=5_000)
    gateway.run(2)
    image = image_of(400_000)
    gateway.job(image, [A, B, C])
    gateway.nodes[B].receiver.announce = lambda *_: []
    assert gateway.run(5, lambda: len(quick.parts) > 100)
    gateway.leave(C)
    run_to_restart(gateway, A, 5)
    assert quick.images == [image]


@pytest.mark.parametrize("count", [4, 8])
def test_many_nodes_of_a_type_are_served_from_one_reading(gateway, count):
    ids = [A + number for number in range(count)]
    for number, node_id in enumerate(ids):
        gateway.add(node_id, delay=2_000 + 3_000 * number)
    gateway.run(3)
    image = image_of(200_000)
    gateway.job(image, ids)
    assert gateway.run(60, lambda: all(gateway.nodes[node_id].images for node_id in ids))
    assert len(gateway.fetched) <= 1.05 * (len(image) / 4096 + 1)


def test_two_types_get_each_their_own_bytes(gateway):
    gateway.add(A, role="pir")
    gateway.add(B, role="led")
    gateway.run(1)
    one, other = image_of(40_000, 1), image_of(60_000, 2)
    gateway.job(one, [A], id=3, token="aa", firmware_id=2, role="pir")
    gateway.job(other, [B], id=4, token="bb", firmware_id=5, role="led")
    assert gateway.run(30, lambda: gateway.nodes[A].images and gateway.nodes[B].images)
    assert gateway.nodes[A].images == [one]
    assert gateway.nodes[B].images == [other]


def test_job_after_job_runs_in_one_gateway_life(gateway):
    node = gateway.add(A)
    gateway.run(1)
    for number in range(3, 6):
        image = image_of(9_000, number)
        gateway.list()
        gateway.job(image, [A], id=number, token=f"a{number}", firmware_id=number)
        run_to_restart(gateway, A)
        gateway.restart_node(A)
        assert gateway.run(20, lambda: node.phase == "idle")
        assert node.images[-1] == image
    assert len(node.images) == 3


# ---- nodes that are away, that stop, that say no


def test_a_node_that_is_away_is_offered_the_image_when_it_is_back(gateway):
    node = gateway.add(A)
    gateway.run(1)
    gateway.leave(A)
    gateway.job(image_of(5_000), [A])
    gateway.run(3600)
    assert gateway.state(A) == ""
    gateway.rejoin(A)
    run_to_restart(gateway, A, 10)
    assert len(node.images) == 1


def test_a_node_that_restarts_in_the_middle_starts_again_by_itself(gateway):
    node = gateway.add(A, delay=20_000)
    gateway.run(1)
    image = image_of(300_000)
    gateway.job(image, [A])
    assert gateway.run(20, lambda: len(node.parts) > 50)
    gateway.restart_node(A)
    run_to_restart(gateway, A, 60)
    assert node.images == [image]


def test_a_link_that_breaks_and_comes_back_goes_on_where_it_was(gateway):
    node = gateway.add(A, delay=20_000)
    gateway.run(1)
    image = image_of(300_000)
    gateway.job(image, [A])
    assert gateway.run(20, lambda: len(node.parts) > 50)
    gateway.leave(A)
    gateway.run(5)
    gateway.rejoin(A)
    run_to_restart(gateway, A, 60)
    assert node.images == [image]
    assert node.parts == list(range(293))


def test_a_gateway_that_restarts_in_the_middle_goes_on_where_it_was(gateway):
    node = gateway.add(A, delay=20_000)
    gateway.run(1)
    image = image_of(300_000)
    gateway.job(image, [A])
    assert gateway.run(20, lambda: len(node.parts) > 50)
    gateway.net.remove(GATEWAY)
    gateway.run(1)
    gateway.start(nonce="00" * 8)
    gateway.list(*gateway.jobs)
    gateway.rejoin(A)
    run_to_restart(gateway, A, 8)
    assert node.images == [image]
    assert node.parts == list(range(293))


def test_a_gateway_that_restarts_during_a_trial_does_not_offer_again(gateway):
    node = gateway.add(A)
    gateway.run(1)
    gateway.job(image_of(5_000), [A], force=True)
    run_to_restart(gateway, A)
    gateway.leave(A)
    node.restart()
    gateway.net.remove(GATEWAY)
    gateway.start(nonce="00" * 8)
    gateway.list(*gateway.jobs)
    gateway.rejoin(A)
    gateway.run(60)
    assert gateway.entry(A)["status"] == "restarting"
    assert gateway.entry(A)["boot"] == 7
    assert len(node.images) == 1


def test_an_error_of_the_node_ends_its_delivery_with_code_and_sentence(gateway):
    node = gateway.add(A)
    node.refuses = ("space", "The filesystem has no room for it.")
    gateway.run(1)
    gateway.job(image_of(5_000), [A])
    assert gateway.run(2, lambda: gateway.state(A) == "failed")
    entry = gateway.entry(A)
    assert (entry["reason"], entry["error_message"]) == node.refuses
    offers = len(node.announcements)
    gateway.run(60)
    assert len(node.announcements) == offers


def test_one_node_that_fails_does_not_stop_the_others(gateway):
    gateway.add(A).refuses = ("space", "No room.")
    gateway.add(B)
    gateway.add(C, key=OTHER_KEY)
    gateway.run(1)
    gateway.job(image_of(50_000), [A, B, C, D])
    run_to_restart(gateway, B, 20)
    assert gateway.state(A) == "failed"


def test_the_error_of_an_earlier_attempt_does_not_end_the_next_one(gateway):
    node = gateway.add(A)
    found = gateway.job(image_of(5_000), [])
    node.error = {"md5": found["md5"], "code": "flash", "reason": "Writing failed."}
    gateway.run(1)
    gateway.job(image_of(5_000), [(A, 2)])
    run_to_restart(gateway, A, 10)
    assert node.commits == [f"{TOKEN}-2"]


def test_the_same_error_again_does(gateway):
    node = gateway.add(A)
    found = gateway.job(image_of(5_000), [])
    node.error = {"md5": found["md5"], "code": "flash", "reason": "Writing failed."}
    node.refuses = ("flash", "Writing failed.")
    gateway.run(1)
    gateway.job(image_of(5_000), [(A, 2)])
    assert gateway.run(30, lambda: gateway.state(A) == "failed")


def test_a_node_with_another_mesh_key_fails_with_a_sentence_that_says_so(gateway):
    node = gateway.add(A, key=OTHER_KEY)
    gateway.run(1)
    gateway.job(image_of(5_000), [A])
    assert gateway.run(200, lambda: gateway.state(A) == "failed")
    assert gateway.entry(A)["reason"] == "no_answer"
    assert "mesh key" in gateway.entry(A)["error_message"]
    assert node.parts == []


def test_a_node_that_does_not_react_fails_after_three_minutes_and_not_before(gateway):
    node = gateway.add(A)
    node.announced = None
    gateway.run(1)
    node.receiver.announce = lambda *_: []
    gateway.job(image_of(5_000), [A])
    gateway.run(170)
    assert gateway.state(A) == "offered"
    gateway.run(20)
    assert gateway.entry(A)["reason"] == "no_answer"


def test_a_new_attempt_is_served_after_a_failed_one(gateway):
    node = gateway.add(A)
    node.refuses = ("space", "No room.")
    gateway.run(1)
    image = image_of(5_000)
    gateway.job(image, [A])
    assert gateway.run(5, lambda: gateway.state(A) == "failed")
    node.refuses = None
    gateway.job(image, [(A, 2)])
    run_to_restart(gateway, A, 30)
    assert node.commits == [f"{TOKEN}-2"]


# ---- the commit


def test_nothing_is_committed_on_a_list_older_than_a_minute(gateway):
    node = gateway.add(A, delay=20_000)
    gateway.run(1)
    gateway.job(image_of(20_000), [A])
    assert gateway.run(10, lambda: len(gateway.fetched) == 5)
    node.complete_later = node.complete
    held = []
    node.complete = lambda image, now: held.append((image, now))
    assert gateway.run(10, lambda: held)
    gateway.online = False
    gateway.run(61)
    node.complete_later(*held[0])
    gateway.run(30)
    assert node.phase == "ready"
    assert node.commits == []
    gateway.online = True
    gateway.run(5)
    assert node.commits == [f"{TOKEN}-1"]


def test_a_commit_that_got_lost_is_said_again(gateway):
    node = gateway.add(A)
    node.obeys = False
    gateway.run(1)
    gateway.job(image_of(5_000), [A])
    assert gateway.run(10, lambda: node.phase == "ready")
    gateway.run(1)
    node.obeys = True
    run_to_restart(gateway, A, 4)


def test_a_job_that_ended_while_the_node_verified_is_not_committed(gateway):
    node = gateway.add(A)
    node.obeys = False
    gateway.run(1)
    found = gateway.job(image_of(5_000), [A])
    assert gateway.run(10, lambda: node.phase == "ready")
    gateway.list()
    node.obeys = True
    gateway.run(10)
    assert node.commits == []
    assert node.cancelled == [found["md5"]]


# ---- the end of a job


def test_a_cancel_reaches_the_node_and_stops_the_parts_at_once(gateway):
    node = gateway.add(A, delay=20_000)
    gateway.run(1)
    found = gateway.job(image_of(300_000), [A])
    assert gateway.run(20, lambda: len(node.parts) > 50)
    gateway.list()
    gateway.run(0.5)
    assert node.cancelled == [found["md5"]]
    parts = len(node.parts)
    gateway.run(60)
    assert len(node.parts) == parts
    assert node.phase == "idle"
    assert gateway.serving.sender.offer_of("pir", "ESP32-MPY") is None


def test_a_job_dropped_by_a_report_ends_like_one_that_left_the_list(gateway):
    node = gateway.add(A, delay=20_000)
    gateway.run(1)
    gateway.job(image_of(300_000), [A])
    assert gateway.run(20, lambda: len(node.parts) > 50)
    gateway.distributor.drop([[3, TOKEN], [99, "unknown"], [3, []], [{}, {}]])
    gateway.run(1)
    assert node.phase == "idle"
    assert gateway.serving.deliveries == []


def test_the_same_id_with_another_token_is_another_job(gateway):
    node = gateway.add(A, delay=20_000)
    gateway.run(1)
    gateway.job(image_of(300_000), [A])
    assert gateway.run(20, lambda: len(node.parts) > 50)
    image = image_of(5_000, 9)
    gateway.job(image, [A], token="ffff", firmware_id=7)
    run_to_restart(gateway, A, 30)
    assert node.images == [image]
    assert node.commits == ["ffff-1"]


def test_a_node_that_lost_the_cancel_is_told_again_when_it_is_ready(gateway):
    node = gateway.add(A)
    node.obeys = False
    gateway.run(1)
    found = gateway.job(image_of(5_000), [A])
    assert gateway.run(10, lambda: node.phase == "ready")
    gateway.leave(A)
    gateway.run(1)
    gateway.list()
    gateway.run(1)
    gateway.rejoin(A)
    gateway.run(5)
    assert node.cancelled == [found["md5"]]


def test_a_restarting_node_is_not_cancelled(gateway):
    node = gateway.add(A)
    gateway.run(1)
    gateway.job(image_of(5_000), [A])
    run_to_restart(gateway, A)
    gateway.run(0.2)
    gateway.list()
    gateway.run(5)
    assert node.phase == "restarting"
    assert node.cancelled == []


# ---- force


def test_a_forced_image_is_announced_as_forced_and_flashed_once(gateway):
    node = gateway.add(A)
    gateway.run(1)
    image = image_of(5_000)
    node.receiver.installed = hashlib.md5(image).hexdigest()
    gateway.job(image, [A], force=True)
    run_to_restart(gateway, A)
    gateway.restart_node(A)
    gateway.run(120)
    assert [bool(package.get("forced")) for package in node.announcements] == [True]
    assert len(node.images) == 1


# ---- C++ nodes


def stock_job(gateway, image, targets, **changes):
    return gateway.job(
        image,
        targets,
        **{"runtime": "arduino", "hardware": "ESP32", "role": "dht", "kind": "esp-image"} | changes,
    )


def test_a_stock_node_gets_its_image_without_a_key_it_does_not_know(gateway):
    node = gateway.add_stock(A, delay=15_000)
    gateway.run(1)
    image = image_of(60_000)
    stock_job(gateway, image, [A])
    assert gateway.run(30, lambda: node.images)
    assert node.images == [image]
    known = ["from", "routing", "type", "md5", "hardware", "role", "noPart", "broadcasted", "dest"]
    assert list(node.announcements[0]) == known
    gateway.leave(A)
    gateway.run(1)
    assert gateway.entry(A)["status"] == "restarting"


def test_a_stock_node_that_was_not_asked_for_is_not_served(gateway):
    gateway.add_stock(A)
    other = gateway.add_stock(B)
    gateway.run(1)
    stock_job(gateway, image_of(5_000), [A])
    gateway.run(120)
    assert gateway.nodes[A].images
    assert other.announcements == []


def test_a_forced_offer_to_a_stock_node_is_made_once(gateway):
    node = gateway.add_stock(A)
    gateway.run(1)
    node.receiver.announce = lambda *_: []
    stock_job(gateway, image_of(5_000), [A], force=True)
    gateway.run(170)
    assert [package.get("forced") for package in node.announcements] == [True]


def test_a_stock_and_one_of_our_nodes_are_served_side_by_side(gateway):
    ours, stock = gateway.add(A), gateway.add_stock(B)
    gateway.run(1)
    one, other = image_of(50_000, 1), image_of(50_000, 2)
    gateway.job(one, [A], id=3, token="aa", firmware_id=2)
    stock_job(gateway, other, [B], id=4, token="bb", firmware_id=5)
    assert gateway.run(30, lambda: ours.images and stock.images)
    assert (ours.images, stock.images) == ([one], [other])


# ---- one offer for a type


def test_a_new_job_for_a_type_waits_for_nobody_once_the_old_one_has_left_the_list(gateway):
    first, second = gateway.add(A, delay=20_000), gateway.add(B)
    gateway.run(1)
    gateway.job(image_of(300_000), [A])
    assert gateway.run(20, lambda: len(first.parts) > 50)
    image = image_of(5_000, 9)
    gateway.list()
    gateway.job(image, [B], id=4, token="bb", firmware_id=9)
    run_to_restart(gateway, B, 10)
    assert second.images == [image]


def test_an_image_that_cannot_be_offered_does_not_stop_the_list(gateway):
    node = gateway.add(A)
    gateway.run(1)
    too_long = {"size": 17_000_000, "num_parts": 16602}
    gateway.job(bytes(10), [A], id=2, token="cc", firmware_id=8, role="led", **too_long)
    image = image_of(5_000)
    gateway.job(image, [A])
    run_to_restart(gateway, A)
    assert node.images == [image]


def test_a_node_that_two_jobs_name_gets_one_image_after_the_other(gateway):
    node = gateway.add(A)
    gateway.run(1)
    one, other = image_of(50_000, 1), image_of(50_000, 2)
    first = gateway.job(one, [A], id=3, token="aa", firmware_id=2)
    gateway.job(other, [A], id=4, token="bb", firmware_id=5)
    run_to_restart(gateway, A)
    gateway.restart_node(A)
    gateway.run(5)
    gateway.list(*[found for found in gateway.jobs if found is not first])
    run_to_restart(gateway, A)
    assert node.images == [one, other]


@pytest.mark.parametrize("loss", [0.01, 0.05])
def test_an_image_arrives_over_links_that_lose_messages(gateway, loss):
    import random

    dice = random.Random(7)
    node = gateway.add(A, delay=10_000)
    gateway.run(2)
    gateway.net.wires[-1].loses = lambda frame: b'"type":1' in frame and dice.random() < loss
    image = image_of(200_000)
    gateway.job(image, [A])
    run_to_restart(gateway, A, 120)
    assert node.images == [image]
