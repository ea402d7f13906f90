"""Nodes and gateways that go away, stop or say no, on a virtual clock."""

from gateway_in_house import image_of
from virtual_gateway import GATEWAY

A, B, C, D = 2222222222, 3333333333, 3444444444, 1234567890
OTHER_KEY = bytes(32)
TOKEN = "4f1d2c3b5a697887"


def test_a_node_that_is_away_is_offered_the_image_when_it_is_back(gateway):
    node = gateway.add(A)
    gateway.run(1)
    gateway.leave(A)
    gateway.job(image_of(5_000), [A])
    gateway.run(3600)
    assert gateway.state(A) == ""
    gateway.rejoin(A)
    gateway.run_to_restart(A, 10)
    assert len(node.images) == 1


def test_a_node_that_restarts_in_the_middle_starts_again_by_itself(gateway):
    node = gateway.add(A, delay=20_000)
    gateway.run(1)
    image = image_of(300_000)
    gateway.job(image, [A])
    assert gateway.run(20, lambda: len(node.parts) > 50)
    gateway.restart_node(A)
    gateway.run_to_restart(A, 60)
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
    gateway.run_to_restart(A, 60)
    assert node.images == [image]
    assert sorted(node.parts) == list(range(293))


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
    gateway.run_to_restart(A, 8)
    assert node.images == [image]
    assert sorted(node.parts) == list(range(293))


def test_a_gateway_that_restarts_during_a_trial_does_not_offer_again(gateway):
    node = gateway.add(A)
    gateway.run(1)
    gateway.job(image_of(5_000), [A], force=True)
    gateway.run_to_restart(A)
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
    gateway.run_to_restart(B, 20)
    assert gateway.state(A) == "failed"


def test_the_error_of_an_earlier_attempt_does_not_end_the_next_one(gateway):
    node = gateway.add(A)
    found = gateway.job(image_of(5_000), [])
    node.error = {"md5": found["md5"], "code": "flash", "reason": "Writing failed."}
    gateway.run(1)
    gateway.job(image_of(5_000), [(A, 2)])
    gateway.run_to_restart(A, 10)
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
    gateway.run_to_restart(A, 30)
    assert node.commits == [f"{TOKEN}-2"]
