"""What a trial needs and what each failure means. Runs on both Pythons."""

from device.trial import GATEWAY_NEEDS, Trial

SECOND = 1000000


def trial(*seen):
    found = Trial(5 * SECOND)
    for need in seen:
        found.saw(need)
    return found


def test_all_four_in_any_order_confirm():
    assert trial("joined", "hello", "self_test").saw("steady") == "confirmed"
    assert trial("steady", "self_test", "hello").saw("joined") == "confirmed"


def test_what_has_not_run_steadily_is_not_confirmed_yet():
    assert trial("joined", "hello").saw("self_test") is None


def test_the_same_thing_three_times_does_not_confirm():
    assert trial("hello", "hello", "hello").verdict is None


def test_nothing_is_decided_before_the_deadline():
    assert trial("joined").tick(124 * SECOND) is None


def test_no_mesh_or_no_gateway_is_nobodys_fault():
    for seen, word in (((), "mesh"), (("joined",), "gateway"), (("self_test",), "mesh")):
        found = trial(*seen)
        assert found.tick(125 * SECOND) == "retry"
        assert word in found.reason


def test_a_self_test_without_an_end_is_the_images_fault():
    found = trial("joined", "hello")
    assert found.tick(125 * SECOND) == "refused"
    assert "self-test" in found.reason


def test_a_failed_self_test_refuses_at_once():
    found = trial("joined")
    assert found.failed("The sensor does not answer.") == "refused"
    assert found.reason == "The sensor does not answer."


def test_a_verdict_never_changes():
    found = trial("joined", "hello", "self_test", "steady")
    assert found.failed("too late") == "confirmed"
    assert found.tick(1000 * SECOND) == "confirmed"
    late = trial()
    late.tick(200 * SECOND)
    for need in ("joined", "hello", "self_test", "steady"):
        assert late.saw(need) == "retry"


def test_a_gateway_needs_its_router_and_home_assistant():
    found = Trial(0, GATEWAY_NEEDS)
    found.saw("router")
    assert found.tick(120 * SECOND) == "retry"
    assert "Home Assistant" in found.reason
