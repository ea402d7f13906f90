"""Jobs on their way to nodes: real meshes and real receivers on a virtual clock."""

import hashlib
import sys

import pytest
from gateway_in_house import image_of

A, B, C = 2222222222, 3333333333, 3444444444
TOKEN = "4f1d2c3b5a697887"


# ---- the way of one image to one node


def test_an_update_runs_from_offer_to_restart(gateway):
    node = gateway.add(A)
    gateway.run(1)
    image = image_of(50_000)
    gateway.job(image, [A])
    gateway.run_to_restart(A)
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
    gateway.run_to_restart(A)
    gateway.restart_node(A)
    offers = len(node.announcements)
    gateway.run(120)
    assert node.phase == "idle"
    assert node.proof == hashlib.sha256(b"proof" + image).hexdigest()
    assert len(node.announcements) == offers
    assert gateway.state(A) == "restarting"


def test_what_only_transfers_need_is_let_go_with_the_last_one(gateway):
    gateway.add(A)
    gateway.add(B, delay=100_000)
    gateway.run(1)
    gateway.job(image_of(50_000), [A, B])
    gateway.run_to_restart(A)
    assert "painlessmesh.ota_ahead" in sys.modules
    gateway.run_to_restart(B)
    gateway.run(0.5)
    assert "painlessmesh.ota_ahead" not in sys.modules


def test_an_offer_is_not_made_before_its_link_is_free(gateway):
    """Signed, it takes 1 KB, and a list may want one for every node at once."""
    gateway.add(A)
    gateway.run(1)
    link = gateway.mesh.link_to(A)
    link.wake = None  # it takes nothing
    gateway.job(image_of(5000), [A])
    gateway.run(0.1)
    assert [callable(frame) for frame in link._ordinary] == [True]
    make = link._ordinary[0]
    gateway.list()
    assert make() is None  # by now nobody wants it


def test_a_node_deep_in_the_tree_is_served(gateway):
    gateway.add(A)
    gateway.add(B, parent=A, delay=10_000)
    gateway.add(C, parent=B, delay=10_000)
    gateway.run(3)
    image = image_of(30_000)
    gateway.job(image, [C])
    gateway.run_to_restart(C)
    assert gateway.nodes[C].images == [image]
    assert gateway.nodes[A].images == gateway.nodes[B].images == []


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
    gateway.run_to_restart(A, 4)


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


# ---- force


def test_a_forced_image_is_announced_as_forced_and_flashed_once(gateway):
    node = gateway.add(A)
    gateway.run(1)
    image = image_of(5_000)
    node.receiver.installed = hashlib.md5(image).hexdigest()
    gateway.job(image, [A], force=True)
    gateway.run_to_restart(A)
    gateway.restart_node(A)
    gateway.run(120)
    assert [bool(package.get("forced")) for package in node.announcements] == [True]
    assert len(node.images) == 1


# ---- one offer for a type


def test_a_new_job_for_a_type_waits_for_nobody_once_the_old_one_has_left_the_list(gateway):
    first, second = gateway.add(A, delay=20_000), gateway.add(B)
    gateway.run(1)
    gateway.job(image_of(300_000), [A])
    assert gateway.run(20, lambda: len(first.parts) > 50)
    image = image_of(5_000, 9)
    gateway.list()
    gateway.job(image, [B], id=4, token="bb", firmware_id=9)
    gateway.run_to_restart(B, 10)
    assert second.images == [image]


def test_an_image_that_cannot_be_offered_does_not_stop_the_list(gateway):
    node = gateway.add(A)
    gateway.run(1)
    too_long = {"size": 17_000_000, "num_parts": 16602}
    gateway.job(bytes(10), [A], id=2, token="cc", firmware_id=8, role="led", **too_long)
    image = image_of(5_000)
    gateway.job(image, [A])
    gateway.run_to_restart(A)
    assert node.images == [image]


def test_a_node_that_two_jobs_name_gets_one_image_after_the_other(gateway):
    node = gateway.add(A)
    gateway.run(1)
    one, other = image_of(50_000, 1), image_of(50_000, 2)
    first = gateway.job(one, [A], id=3, token="aa", firmware_id=2)
    gateway.job(other, [A], id=4, token="bb", firmware_id=5)
    gateway.run_to_restart(A)
    gateway.restart_node(A)
    gateway.run(5)
    gateway.list(*[found for found in gateway.jobs if found is not first])
    gateway.run_to_restart(A)
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
    gateway.run_to_restart(A, 120)
    assert node.images == [image]
