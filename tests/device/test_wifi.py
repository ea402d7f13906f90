"""Which access point a node joins: strongest, never itself, never its own tree. Runs on both Pythons."""

from device.wifi import AVOID_US, Choice, may_look_elsewhere

S = 1_000_000
ROWS = [(2, -70, 1, b"b"), (3, -50, 1, b"c"), (4, -90, 1, b"d")]


def test_the_strongest_access_point_is_joined():
    assert Choice(1).best(ROWS, [], 0)[0] == 3


def test_a_node_of_the_own_tree_is_never_joined():
    assert Choice(1).best(ROWS, [3], 0)[0] == 2
    assert Choice(1).best(ROWS, [2, 3, 4], 0) is None


def test_a_node_never_joins_itself():
    assert Choice(3).best(ROWS, [], 0)[0] == 2


def test_a_row_without_signal_or_id_is_no_candidate():
    assert Choice(1).best([(0, -50, 1, b"x"), (5, 0, 1, b"y")], [], 0) is None


def test_an_access_point_that_failed_waits_behind_all_others():
    choice = Choice(1)
    choice.failed(3, 0)
    assert choice.best(ROWS, [], S)[0] == 2
    choice.failed(2, 0)
    assert choice.best(ROWS, [], S)[0] == 4
    assert choice.best(ROWS, [], AVOID_US + S)[0] == 3


def test_the_only_access_point_in_reach_is_tried_again_though_it_failed():
    choice = Choice(1)
    choice.failed(3, 0)
    assert choice.best([ROWS[1]], [], S)[0] == 3


def test_one_that_was_joined_is_not_held_against_it():
    choice = Choice(1)
    choice.failed(3, 0)
    choice.joined(3)
    assert choice.best(ROWS, [], S)[0] == 3


def test_access_points_made_up_by_a_jammer_do_not_fill_the_memory():
    choice = Choice(1)
    for node_id in range(10, 1000):
        choice.failed(node_id, node_id)
    assert len(choice._failed) == 16


def test_fruitless_scans_become_rarer_up_to_fifteen_seconds():
    choice = Choice(1)
    assert [choice.pause(128) for _ in range(7)] == [1, 2, 4, 8, 15, 15, 15]
    choice.joined(3)
    assert choice.pause(128) == 1


def test_boards_that_start_together_do_not_scan_together():
    assert Choice(1).pause(0) < Choice(1).pause(255)


def test_a_node_in_a_tree_with_a_root_never_looks_elsewhere():
    assert not may_look_elsewhere(True, 0, 3600 * S, 0)


def test_a_node_without_a_root_looks_elsewhere_after_fifteen_seconds_and_by_chance():
    assert not may_look_elsewhere(False, 0, 14 * S, 0)
    assert may_look_elsewhere(False, 0, 16 * S, 0)
    assert may_look_elsewhere(False, 0, 16 * S, 63)
    assert not may_look_elsewhere(False, 0, 16 * S, 64)


def test_a_mesh_whose_root_stays_away_is_not_kept_busy_with_looking_for_it():
    assert may_look_elsewhere(False, 0, 301 * S, 7)
    assert not may_look_elsewhere(False, 0, 301 * S, 8)
