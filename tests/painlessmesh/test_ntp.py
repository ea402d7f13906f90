"""The arithmetic of mesh time. Runs on both Pythons."""

from painlessmesh import ntp


def test_the_offset_is_exact_for_a_symmetrical_trip():
    # asked at 1000 of ours, 700 on the way, theirs is 5000 ahead, 40 to answer
    assert ntp.offset(1000, 6700, 6740, 2440) == 5000
    assert ntp.offset(6000, 1700, 1740, 7440) == -5000


def test_the_offset_is_right_across_the_wrap():
    t0 = 0xFFFFFF00
    assert (
        ntp.offset(
            t0,
            (t0 + 100 + 10000) & 0xFFFFFFFF,
            (t0 + 100 + 10000) & 0xFFFFFFFF,
            (t0 + 200) & 0xFFFFFFFF,
        )
        == 10000
    )


def test_a_small_offset_is_taken_in_quarters():
    assert [ntp.offset(0, found, found, 0) for found in (4, 8, 400, 600)] == [4, 2, 100, 600]


def test_a_fast_answer_still_counts():
    # 8 us to answer, 60 ms on the way: the library's outlier filter would give 0 and ask again for ever
    assert ntp.offset(0, 130000, 130008, 60008) == 100000


def test_stamps_lie_around_the_true_time_and_far_enough_apart():
    for round_trip in (0, 1500, 85000, 400000, 3000000):
        t1, t2 = ntp.stamps(1000000, round_trip, 0)
        assert t2 - t1 >= max(1000, round_trip // 80)
        assert t1 + t2 == 2000000


def test_stamps_move_apart_for_a_peer_that_keeps_asking():
    widths = [t2 - t1 for t1, t2 in [ntp.stamps(1 << 30, 1000, repeats) for repeats in range(9)]]
    assert widths[0] == 2000 and widths[3] == 16000 and widths[6] == widths[8] == 128000


def test_stamps_are_uint32():
    assert ntp.stamps(500, 0, 0) == (0xFFFFFE0C, 1500)


def test_the_larger_side_keeps_its_time_then_the_larger_id():
    assert ntp.adopts(1, 2, 9, 1) and not ntp.adopts(2, 1, 1, 9)
    assert ntp.adopts(2, 2, 1, 9) and not ntp.adopts(2, 2, 9, 1)


def test_the_dialling_side_asks_first():
    dialled, accepted = ntp.TimeSync(), ntp.TimeSync()
    dialled.start(5, True)
    accepted.start(5, False)
    assert dialled.due == 5 and accepted.due == 10000005


def test_an_answer_to_another_question_is_ignored():
    sync = ntp.TimeSync()
    sync.start(0, True)
    assert sync.answered(0, 1, 1, 0, 0) == 0
    sync.ask(77)
    assert sync.answered(78, 5000000, 5000000, 100, 0) == 0
    sync.forget()
    assert sync.answered(77, 5000000, 5000000, 100, 0) == 0


def test_a_round_ends_when_the_offset_is_small_and_then_rests_a_minute():
    sync = ntp.TimeSync()
    sync.start(0, True)
    sync.ask(0)
    assert sync.answered(0, 90000, 90000, 0, 1000) == 90000
    assert sync.due == 201000 and not sync.settled()
    sync.ask(300000)
    assert sync.answered(300000, 300900, 300900, 300000, 301000) == 900
    assert sync.due == 60301000
    assert sync.settled() and not sync.settled()


def test_a_peer_that_never_gets_close_is_not_asked_five_times_a_second():
    sync = ntp.TimeSync()
    sync.start(0, True)
    for _ in range(10):
        sync.ask(0)
        sync.answered(0, 90000, 90000, 0, 0)
    assert sync.due == 10000000


def test_repeated_questions_of_a_peer_are_counted():
    sync = ntp.TimeSync()
    for now, repeats in ((0, 0), (200000, 1), (400000, 2), (10000000, 0)):
        sync.peer_asks(now)
        assert sync.repeats == repeats and sync.due == now + 60000000
