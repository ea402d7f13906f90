"""What the gateway takes from Home Assistant: only what was asked for, only what makes sense."""

import json

import pytest
from home_assistant_side import job

from gateway.home_assistant import HomeAssistant, Refused
from gateway.http import Answer
from gateway.session import Later

IMAGE = bytes(10_000)


class Signed:
    """A session whose answers are all signed and right; what is in them is the test's."""

    def __init__(self, status=200, body=b"", content_range=None):
        self.answer = Answer(status, {"content-range": content_range} if content_range else {})
        self.answer.body = memoryview(
            body if isinstance(body, bytes) else json.dumps(body).encode()
        )
        self.asked = None

    async def call(self, method, path, body=b"", ask_range="", into=None, seconds=10):
        self.asked = (method, path, ask_range)
        return self.answer


async def pending(answer):
    revision, jobs = await HomeAssistant(Signed(body=answer)).pending(0)
    return revision, list(jobs)


async def block(status=206, content_range="bytes 0-4095/10000", body=bytes(4096), start=0):
    home_assistant = HomeAssistant(Signed(status, body, content_range))
    return await home_assistant.block(
        "firmware/2/download", start, len(IMAGE), memoryview(bytearray(4096))
    )


async def test_a_block_is_asked_for_by_range():
    session = Signed(206, bytes(4096), "bytes 4096-8191/10000")
    await HomeAssistant(session).block(
        "firmware/2/download", 4096, 10_000, memoryview(bytearray(4096))
    )
    assert session.asked == ("GET", "firmware/2/download", "bytes=4096-8191")


async def test_the_last_block_may_be_clipped():
    assert await block(content_range="bytes 8192-9999/10000", body=bytes(1808), start=8192) == 1808


@pytest.mark.parametrize(
    "changes",
    [
        {"status": 200},
        {"content_range": None},
        {"content_range": "bytes 4096-8191/10000"},
        {"content_range": "bytes 0-4095/9999"},
        {"content_range": "bytes 0-4094/10000"},
        {"body": bytes(4095)},
        {"content_range": "bytes 8192-12287/10000", "start": 8192},
    ],
)
async def test_a_block_that_is_not_the_one_asked_for_is_refused(changes):
    with pytest.raises(Later):
        await block(**changes)


@pytest.mark.parametrize("status", [400, 404, 409, 410, 413, 416])
async def test_a_signed_error_is_told_with_its_sentence(status):
    with pytest.raises(Refused, match="Not that one") as caught:
        await block(status=status, body=b'{"message": "Not that one."}', content_range=None)
    assert caught.value.status == status


@pytest.mark.parametrize("length", [404, 416, 500])
async def test_a_block_as_long_as_an_error_code_is_a_block(length):
    size = 8192 + length
    session = Signed(206, bytes(length), f"bytes 8192-{size - 1}/{size}")
    buffer = memoryview(bytearray(4096))
    assert await HomeAssistant(session).block("firmware/2/download", 8192, size, buffer) == length


async def test_a_list_is_given_with_its_revision():
    good = job(IMAGE, [(2, 1)])
    assert await pending({"revision": 12, "jobs": [good]}) == (12, [good])


@pytest.mark.parametrize(
    "changes",
    [
        {"id": "3"},
        {"id": True},
        {"token": 7},
        {"token": "x" * 17},
        {"md5": "a" * 33},
        {"role": None},
        {"size": 0},
        {"size": -1},
        {"size": 10_000_000_000},
        {"num_parts": 11},
        {"force": 0},
        {"targets": {}},
        {"targets": [{"node_id": "2"}]},
        {"targets": [{"node_id": 2, "attempt": 1}]},
        {"targets": [{"node_id": "x", "attempt": 1}]},
        {"targets": [{"node_id": "2", "attempt": 1}] * 25},
    ],
)
async def test_a_job_that_makes_no_sense_is_left_out_and_the_others_are_not(changes):
    good = job(IMAGE, [(2, 1)])
    bad = job(IMAGE, [(3, 1)]) | changes
    assert await pending({"revision": 12, "jobs": [bad, good, "x", None]}) == (12, [good])


@pytest.mark.parametrize(
    "answer", [{}, [], 7, {"revision": "1", "jobs": []}, {"revision": 1}, b"\xff"]
)
async def test_an_answer_that_is_no_list_is_no_list(answer):
    with pytest.raises(Later):
        await pending(answer)


async def test_dropped_jobs_are_pairs_and_nothing_else():
    answer = {"revision": 3, "dropped": [[3, "a"], [4], "x", None]}
    assert await HomeAssistant(Signed(body=answer)).report(b"{}") == (3, [[3, "a"]])


@pytest.mark.parametrize("indent", [None, 1])
async def test_what_stands_beside_the_jobs_and_in_their_words_does_not_hide_them(indent):
    good = job(IMAGE, [(2, 1), (3, 1)]) | {"sig": '"jobs": [{"\\', "other": [[{}], "]}"]}
    answer = {
        "more": {"jobs": [1]},
        "jobs ": "jobs",
        "jobs": [good, [good], {}],
        "revision": 12,
        "keys": [{"jobs": []}],
    }
    assert await pending(json.dumps(answer, indent=indent).encode()) == (12, [good])


async def test_the_jobs_of_a_list_can_be_gone_through_twice():
    jobs = [job(IMAGE, [(number, 1)]) for number in (2, 3)]
    session = Signed(body={"jobs": jobs, "revision": 1})
    _revision, found = await HomeAssistant(session).pending(0)
    assert list(found) == list(found) == jobs


@pytest.mark.parametrize(
    "text", [b'{"revision": 1, "jobs": [{"a', b'{"revision": 1, "jobs": 7}', b'"jobs']
)
async def test_a_list_that_breaks_off_is_no_list(text):
    with pytest.raises(Later):
        await pending(text)
