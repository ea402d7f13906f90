"""Reports: what goes into one, when the next is due, and that nothing is said twice or never."""

import json

import pytest
from virtual_gateway import VirtualGateway

from gateway.blocks import Blocks
from gateway.reporter import ROOM, Reporter

A = 2222222222
S = 1_000_000
FACTS = {"type": "gateway", "version": "0.1.0"}


class Talk:
    """A reporter whose reports are kept, and signed for unless the test says otherwise."""

    def __init__(self):
        self.gateway = VirtualGateway()
        self.reporter = Reporter(
            self.gateway.mesh,
            self.gateway.contact,
            self.gateway.distributor,
            lambda: FACTS,
            Blocks().claim,
        )
        self.said = []

    @property
    def now(self):
        return self.gateway.now

    def say(self):
        body = bytes(self.reporter.compose(self.now))
        assert len(body) <= 16384
        self.said.append(json.loads(body))
        self.reporter.told(self.now)
        return self.said[-1]

    def say_all(self):
        """Every report that is due now, and soon because of news."""
        while self.reporter.due_in(self.now) <= S:
            self.say()
            self.gateway.run(0.25)


@pytest.fixture
def talk():
    return Talk()


def nodes_in(reports):
    return [entry["node_id"] for report in reports for entry in report["nodes"]]


def test_the_first_report_says_what_the_gateway_is_and_its_tree(talk):
    talk.gateway.add(A)
    talk.gateway.run(1)
    first = talk.say()
    assert first["gateway"] == FACTS
    assert first["tree"] == [[str(A), "1111111111"]]
    assert nodes_in([first]) == [str(A)]
    assert first["progress"] == []


def test_a_tree_that_did_not_change_is_not_said_again(talk):
    talk.gateway.add(A)
    talk.gateway.run(1)
    talk.say()
    assert "tree" not in talk.say()
    talk.gateway.leave(A)
    talk.gateway.run(1)
    assert talk.say()["tree"] == []


def test_twenty_nodes_go_into_reports_of_four(talk):
    for number in range(20):
        talk.gateway.add(A + number, delay=1000 + number)
    talk.gateway.run(3)
    talk.say_all()
    assert max(len(report["nodes"]) for report in talk.said) <= 4
    assert sorted(set(nodes_in(talk.said))) == sorted(str(A + number) for number in range(20))


def test_an_idle_gateway_reports_every_minute(talk):
    talk.gateway.add(A)
    talk.gateway.run(1)
    talk.say_all()
    left = talk.reporter.due_in(talk.now)
    assert 58 * S <= left <= 60 * S
    assert talk.reporter.due_in(talk.now, between_polls=True) <= 45 * S


def test_the_regular_report_brings_what_was_not_worth_one_of_its_own(talk):
    talk.gateway.add(A)
    talk.gateway.run(1)
    talk.say_all()
    talk.said.clear()
    talk.gateway.run(61)
    assert talk.reporter.due_in(talk.now) == 0
    talk.say_all()
    assert nodes_in(talk.said) == [str(A)]


def test_the_regular_report_tells_of_more_nodes_than_find_room_at_once(talk):
    for number in range(20):
        talk.gateway.add(A + number, delay=1000 + number)
    talk.gateway.run(30)
    talk.say_all()
    for _ in range(2):
        talk.said.clear()
        talk.gateway.run(61)
        for _ in range(10):
            talk.say_all()
            talk.gateway.run(1)
        assert len(set(nodes_in(talk.said))) == 20


def test_a_change_is_reported_at_once(talk):
    node = talk.gateway.add(A)
    talk.gateway.run(1)
    talk.say_all()
    node.extra = {"version": "2.0.0"}
    node.say()
    talk.gateway.run(0.3)
    assert talk.reporter.due_in(talk.now) == 0


def test_while_it_distributes_there_is_at_most_one_report_a_second(talk):
    talk.gateway.add(A, delay=20_000)
    talk.gateway.run(1)
    talk.say_all()
    talk.gateway.job(bytes(300_000), [A])
    talk.gateway.run(2, lambda: talk.gateway.state(A) == "downloading")
    talk.say()
    for _ in range(10):
        talk.gateway.run(0.05)
        assert talk.reporter.due_in(talk.now) > 0.3 * S
    talk.gateway.run(0.5)
    assert talk.reporter.due_in(talk.now) == 0
    assert talk.say()["progress"][0]["status"] == "downloading"


def test_while_it_distributes_it_is_never_silent_for_more_than_two_seconds(talk):
    node = talk.gateway.add(A)
    talk.gateway.run(1)
    node.announced = None
    node.receiver.announce = lambda *_: []
    talk.gateway.job(bytes(5000), [A])
    talk.gateway.run(1)
    talk.say_all()
    assert talk.reporter.due_in(talk.now) <= 1.5 * S


def test_eight_nodes_progress_goes_into_one_report(talk):
    ids = [A + number for number in range(8)]
    for node_id in ids:
        talk.gateway.add(node_id)
    talk.gateway.run(2)
    talk.say_all()
    talk.gateway.job(bytes(100_000), ids)
    talk.gateway.run(0.5)
    assert len(talk.say()["progress"]) == 8


def test_what_may_have_been_lost_is_said_again(talk):
    talk.gateway.add(A)
    talk.gateway.run(1)
    talk.gateway.job(bytes(5000), [A])
    talk.gateway.run(0.3)
    lost = json.loads(bytes(talk.reporter.compose(talk.now)))
    talk.reporter.lost()
    again = talk.say()
    assert [entry["node_id"] for entry in again["nodes"]] == nodes_in([lost])
    assert again["progress"] == lost["progress"]
    assert again["tree"] == lost["tree"]
    assert "gateway" in again


def test_a_new_session_is_told_everything(talk):
    talk.gateway.add(A, delay=200_000)
    talk.gateway.run(3)
    talk.gateway.job(bytes(300_000), [A])
    talk.gateway.run(3)
    talk.say()
    talk.said.clear()
    talk.reporter.everything()
    assert talk.reporter.due_in(talk.now) == 0
    first = talk.say()
    assert first["gateway"] == FACTS
    assert first["tree"] == [[str(A), "1111111111"]]
    assert first["progress"][0]["status"] == "downloading"
    talk.gateway.run(1)
    talk.say_all()
    assert str(A) in nodes_in(talk.said)


def test_a_failure_is_told_with_code_and_sentence(talk):
    node = talk.gateway.add(A)
    node.refuses = ("space", 'No "room" \\ for it.')
    talk.gateway.run(1)
    talk.gateway.job(bytes(5000), [A])
    talk.gateway.run(1)
    (entry,) = talk.say()["progress"]
    assert (entry["status"], entry["reason"], entry["error_message"]) == ("failed", *node.refuses)


def test_the_longest_words_fit_into_a_report(talk):
    for number in range(8):
        node = talk.gateway.add(A + number)
        node.extra = {"name": "x" * 1000}
        node.refuses = ("bundle", "y" * 500)
    talk.gateway.run(3)
    talk.gateway.job(bytes(5000), [A + number for number in range(8)])
    talk.gateway.run(3)
    talk.say_all()
    failed = [entry for report in talk.said for entry in report["progress"]]
    assert {len(entry["error_message"]) for entry in failed if entry["status"] == "failed"} == {200}


def test_what_finds_no_room_in_a_report_is_in_the_next_one(talk):
    """A torn heap has no larger piece for it than what was taken at the start."""
    ids = [A + number for number in range(12)]
    for node_id in ids:
        talk.gateway.add(node_id).refuses = ("bundle", "y" * 200)
    talk.gateway.run(3)
    talk.gateway.job(bytes(5000), ids)
    talk.gateway.run(3)
    talk.say_all()
    talk.gateway.distributor.tell_everything()
    told = []
    while talk.gateway.distributor.has_news():
        body = json.dumps(talk.say())
        assert len(body) <= ROOM
        told += [entry["node_id"] for entry in talk.said[-1]["progress"]]
    assert sorted(told) == sorted(map(str, ids))
