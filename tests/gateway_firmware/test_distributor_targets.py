"""Who is served and who is not, on a virtual clock: targets, C++ nodes, jobs that end."""

import pytest
from gateway_in_house import image_of
from virtual_gateway import GATEWAY

from painlessmesh.ota_receiver import Receiver

A, B, C = 2222222222, 3333333333, 3444444444
TOKEN = "4f1d2c3b5a697887"


# ---- who gets what


def test_only_targets_get_the_image(gateway):
    gateway.add(A)
    other = gateway.add(B)
    gateway.run(1)
    gateway.job(image_of(5_000), [A])
    gateway.run_to_restart(A)
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
    gateway.run_to_restart(A, 5)
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
        gateway.run_to_restart(A)
        gateway.restart_node(A)
        assert gateway.run(20, lambda: node.phase == "idle")
        assert node.images[-1] == image
    assert len(node.images) == 3


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


def test_a_stock_node_that_is_back_is_offered_the_image_twice_more_unforced(gateway):
    node = gateway.add_stock(A)
    gateway.run(1)
    stock_job(gateway, image_of(20_000), [A], force=True)
    assert gateway.run(30, lambda: node.images)
    gateway.leave(A)
    gateway.run(4)
    node.announcements.clear()
    gateway.rejoin(A)
    gateway.run(34)
    assert "silent" not in gateway.entry(A)
    assert not gateway.run(36, lambda: gateway.delivery(A).silent > 1)
    assert gateway.run(3, lambda: gateway.delivery(A).silent == 2)
    assert (gateway.entry(A)["status"], gateway.entry(A)["silent"]) == ("restarting", 2)
    gateway.run(100)
    assert [package.get("forced") for package in node.announcements] == [None, None]


def test_a_stock_node_that_is_back_and_asks_for_the_image_gets_it_again(gateway):
    node = gateway.add_stock(A)
    gateway.run(1)
    image = image_of(20_000)
    stock_job(gateway, image, [A])
    assert gateway.run(30, lambda: node.images)
    gateway.leave(A)
    gateway.run(2)
    assert gateway.state(A) == "restarting"
    node.receiver = Receiver(A, "dht", "ESP32")  # what it has written does not start
    gateway.rejoin(A)
    assert gateway.run(20, lambda: gateway.state(A) == "downloading")
    assert gateway.run(20, lambda: node.images == [image, image])


def test_parts_that_go_out_twice_are_counted(gateway):
    node = gateway.add(A, delay=20_000)
    gateway.run(1)
    gateway.job(image_of(100_000), [A])
    assert gateway.run(20, lambda: len(node.parts) > 50)
    gateway.restart_node(A)
    assert gateway.run(60, lambda: node.images)
    again = gateway.entry(A)["resent"]
    assert again >= 50, "this node keeps nothing over a restart"


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
    gateway.run_to_restart(A, 30)
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
    gateway.run_to_restart(A)
    gateway.run(0.2)
    gateway.list()
    gateway.run(5)
    assert node.phase == "restarting"
    assert node.cancelled == []
