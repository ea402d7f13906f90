"""The node tree. Runs on both Pythons."""

from painlessmesh import layout
from painlessmesh.protocol import decode

CHAIN = b'{"nodeId":2,"root":true,"subs":[{"nodeId":3,"subs":[{"nodeId":4}]},{"nodeId":5}],"type":6,"dest":1,"from":2}'
ROWS = [(0, 2, True), (1, 3, False), (2, 4, False), (1, 5, False)]
TREE = layout.parse(decode(CHAIN))
NINE = layout.parse({"nodeId": 9})


def parsed(frame):
    """Rows of the tree; None when it is refused."""
    tree = layout.parse(decode(frame))
    return None if tree is None else list(layout.rows(tree))


def test_a_node_sync_is_read_in_its_own_order():
    assert parsed(CHAIN) == ROWS


def test_a_tree_is_written_as_it_was_read():
    assert b'{"subs":' + layout.subs_json([TREE]) + b"}" == (
        b'{"subs":[{"nodeId":2,"root":true,"subs":[{"nodeId":3,"subs":[{"nodeId":4}]},{"nodeId":5}]}]}'
    )
    assert parsed(b'{"nodeId":1,"subs":' + layout.subs_json([TREE, NINE]) + b"}") == [
        (0, 1, False),
        (1, 2, True),
        (2, 3, False),
        (3, 4, False),
        (2, 5, False),
        (1, 9, False),
    ]


def test_no_neighbours_means_no_subs_key():
    assert layout.subs_json([]) is None


def test_the_id_falls_back_to_from():
    for frame in (
        b'{"from":7}',
        b'{"nodeId":0,"from":7}',
        b'{"nodeId":4294967296,"from":7}',
        b'{"nodeId":"x","from":7}',
    ):
        assert parsed(frame) == [(0, 7, False)]
    assert parsed(b'{"nodeId":8}') == [(0, 8, False)]
    assert parsed(b'{"type":5}') is None


def test_ids_in_quotes_or_as_floats_are_read():
    assert parsed(b'{"nodeId":"7","subs":[{"nodeId":8.0},{"nodeId":"9"}]}') == [
        (0, 7, False),
        (1, 8, False),
        (1, 9, False),
    ]


def test_empty_and_wrong_subs_count_as_none():
    for subs in (
        b"[]",
        b"null",
        b"5",
        b'"x"',
        b"{}",
        b"[1,null,[]]",
        b"[{}]",
        b'[{"nodeId":0,"subs":[{"nodeId":4}]}]',
    ):
        assert parsed(b'{"nodeId":7,"subs":' + subs + b"}") == [(0, 7, False)]


def test_root_is_read_as_flag():
    assert parsed(b'{"nodeId":7,"root":false}') == [(0, 7, False)]
    assert parsed(b'{"nodeId":7,"root":1}') == [(0, 7, True)]


def test_questions_about_a_tree():
    assert layout.ids(TREE) == [2, 3, 4, 5] and layout.top(TREE) == 2 and layout.size(TREE) == 4
    assert layout.contains(TREE, 4) and not layout.contains(TREE, 6)
    assert layout.has_root(TREE) and not layout.has_root(NINE)
    assert [layout.depth_of(TREE, node_id) for node_id in (2, 3, 4, 6)] == [-1, 1, 2, -1]
    assert layout.parents(TREE, 1) == [(2, 1), (3, 2), (4, 3), (5, 2)]


def test_a_child_can_be_left_out_with_what_hangs_below_it():
    assert list(layout.rows(layout.without(TREE, 3))) == [(0, 2, True), (1, 5, False)]
    assert layout.without(TREE, 4) == TREE
    assert layout.without(TREE, 2) == TREE


def test_a_node_is_found_as_a_row_and_nowhere_between_two():
    """The bytes of an id may lie across the end of one row and the beginning of the next."""
    across = layout.parse(
        {"nodeId": 0x01020304, "subs": [{"nodeId": 0x05060708}, {"nodeId": 0x06070802}]}
    )
    assert across.find(bytes((6, 7, 8, 2))) == 6
    assert layout.contains(across, 0x06070802) and layout.depth_of(across, 0x06070802) == 1
    assert across.find(bytes((7, 8, 2, 6))) > 0 and not layout.contains(across, 0x07080206)
    for nobody in (0, -1, 1 << 32, (1 << 32) + 0x01020304):
        assert not layout.contains(across, nobody)


def test_a_tree_of_too_many_nodes_is_refused():
    def wide(count):
        return (
            b'{"nodeId":1,"subs":['
            + b",".join([b'{"nodeId":%d}' % n for n in range(2, count + 2)])
            + b"]}"
        )

    assert len(parsed(wide(layout.TREE_LIMIT - 1))) == layout.TREE_LIMIT
    assert parsed(wide(layout.TREE_LIMIT)) is None


def test_a_deep_chain_is_read_without_recursion():
    frame = (
        b'{"nodeId":1'
        + b"".join([b',"subs":[{"nodeId":%d' % n for n in range(2, 81)])
        + b"}]" * 79
        + b"}"
    )
    assert parsed(frame)[-1] == (79, 80, False)
