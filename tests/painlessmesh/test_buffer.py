"""Frames out of a byte stream. Runs on both Pythons."""

from painlessmesh.buffer import FRAME_LIMIT, SKIP_LIMIT, FrameBuffer

FRAMES = [b'{"a":1}', b'{"b":"' + b"x" * 1100 + b'"}', b"[]", b"?"]
STREAM = b"\0".join(FRAMES) + b"\0"


def fed(stream, size):
    buffer = FrameBuffer()
    frames = []
    for start in range(0, len(stream), size):
        frames += buffer.feed(stream[start : start + size])
    return frames


def test_frames_are_the_same_however_the_stream_is_cut():
    for size in list(range(1, 40)) + [1023, 1024, 1025, len(STREAM)]:
        assert fed(STREAM, size) == FRAMES


def test_lengths_around_segment_sizes_survive():
    for length in (1022, 1023, 1024, 1025, 2047, 2048, 4095, 4096, 8191, 8192):
        frame = b"y" * length
        assert fed(frame + b"\0", 1024) == [frame]


def test_empty_messages_are_skipped():
    assert FrameBuffer().feed(b"\0\0a\0\0b\0") == [b"a", b"b"]


def test_only_the_filled_part_of_a_reused_buffer_counts():
    buffer = FrameBuffer()
    chunk = bytearray(b"ab\0cd\0")
    assert buffer.feed(chunk, 4) == [b"ab"]
    assert buffer.feed(bytearray(b"\0"), 1) == [b"c"]


def test_a_frame_longer_than_the_limit_is_skipped_up_to_its_end():
    assert fed(b"z" * (FRAME_LIMIT + 1) + b"\0next\0", 1000) == [b"next"]
    assert fed(b"z" * (FRAME_LIMIT + 1) + b"\0next\0", 9000) == [b"next"]


def test_a_long_frame_within_the_skip_limit_keeps_the_link():
    buffer = FrameBuffer()
    assert buffer.feed(b"z" * SKIP_LIMIT + b"\0ok\0") == [b"ok"]
    assert not buffer.overflowed


def test_a_mebibyte_without_an_end_is_bounded_and_ends_the_link():
    buffer = FrameBuffer()
    for _ in range(1024):
        assert buffer.feed(b"z" * 1024) == []
        assert len(buffer._held) <= FRAME_LIMIT
    assert buffer.overflowed
    assert buffer.feed(b"\0a\0") == []
