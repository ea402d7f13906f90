"""A port for a process that listens on it only seconds later stays its own until then."""

import socket

from simulator.free_port import free_port


def test_no_port_is_given_twice_or_to_anybody_who_asks_the_system_for_one():
    given = [free_port() for _ in range(300)]
    assert len(set(given)) == len(given)
    # The systems hand out ports from 32768 up.
    assert all(1024 < port < 32768 for port in given)


def test_a_port_somebody_listens_on_is_not_given():
    with socket.socket() as taken:
        taken.bind(("0.0.0.0", 0))
        taken.listen()
        wanted = taken.getsockname()[1]
        assert free_port(wanted) != wanted


def test_the_port_that_is_wanted_is_given_once_when_it_is_free():
    with socket.socket() as probe:
        probe.bind(("0.0.0.0", 0))
        wanted = probe.getsockname()[1]
    assert free_port(wanted) == wanted
    assert free_port(wanted) != wanted
