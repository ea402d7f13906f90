"""Sessions and signatures, against the exchanges recorded in tests/recorded/gateway_api: byte for byte, both ways."""

import json
from pathlib import Path

import pytest

from gateway.home_assistant import HomeAssistant, Refused
from gateway.http import Answer, HttpError
from gateway.session import Later, Session

RECORDED = Path(__file__).parents[1] / "recorded" / "gateway_api"
KEYS = json.loads((RECORDED / "keys.json").read_text())
IMAGE = bytes.fromhex(KEYS["image"])
NAMES = sorted(path.stem for path in RECORDED.glob("0*.json"))


def exchange(name):
    return json.loads((RECORDED / f"{name}.json").read_text())


class Recording:
    """In place of a connection: gives the recorded answers, keeps what was asked. Made by hand because it must not
    know anything of HTTP."""

    def __init__(self, names):
        self.answers = [exchange(name)["answer"] for name in names]
        self.asked = []
        self.dropped = 0

    async def request(self, method, target, headers, body=b"", into=None, seconds=10):
        self.asked.append(
            {"method": method, "target": target, "headers": dict(headers), "body": body.hex()}
        )
        recorded = self.answers.pop(0)
        if isinstance(recorded, Exception):
            raise recorded
        answer = Answer(recorded["status"], {k.lower(): v for k, v in recorded["headers"].items()})
        content = bytes.fromhex(recorded["body"])
        if into is None:
            answer.body = memoryview(content)
        else:
            into[: len(content)] = content
            answer.body = memoryview(into)[: len(content)]
        return answer

    def drop(self):
        self.dropped += 1


def conversation(names=NAMES):
    connection = Recording(names)
    nonce = bytes.fromhex(KEYS["client_nonce"])
    session = Session(
        connection, KEYS["gateway_id"], bytes.fromhex(KEYS["gateway_key"]), lambda _length: nonce
    )
    return HomeAssistant(session), connection


def body_of(name):
    return bytes.fromhex(exchange(name)["request"]["body"])


async def listed(home_assistant, *wanted):
    revision, jobs = await home_assistant.pending(*wanted or (0,))
    return revision, list(jobs)


async def hold(home_assistant):
    """The recorded conversation, to its end."""
    buffer = bytearray(4096)
    told = [await home_assistant.report(body_of("02_first_report"))]
    told.append(await listed(home_assistant))
    told.append(await listed(home_assistant, 50, 11))
    for start in (0, 8192):
        length = await home_assistant.block(
            "firmware/2/download", start, len(IMAGE), memoryview(buffer)
        )
        assert buffer[:length] == IMAGE[start : start + 4096]
    told.append(await home_assistant.report(body_of("07_progress")))
    told.append(await home_assistant.report(body_of("08_job_has_gone")))
    with pytest.raises(Refused, match="No job of this gateway needs that image"):
        await home_assistant.block("firmware/9/download", 0, 4096, memoryview(buffer))
    return told


async def test_the_recorded_conversation_is_held_byte_for_byte():
    home_assistant, connection = conversation()
    await hold(home_assistant)
    assert connection.asked == [exchange(name)["request"] for name in NAMES]


async def test_the_recorded_answers_are_understood():
    home_assistant, _ = conversation()
    told = await hold(home_assistant)
    assert told[0] == (11, [])
    assert told[1] == (11, [])
    revision, (job,) = told[2]
    assert (revision, job["id"], job["size"], job["role"]) == (12, 3, len(IMAGE), "pir")
    assert told[4] == (13, [[3, "4f1d2c3b5a697887"]])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("how", ["body", "signature", "unsigned", "status", "replayed"])
async def test_an_answer_that_was_tampered_with_is_thrown_away(name, how):
    home_assistant, connection = conversation()
    answer = connection.answers[NAMES.index(name)]
    headers = answer["headers"]
    if how == "body":
        answer["body"] = ("00" if answer["body"][:2] != "00" else "11") + answer["body"][2:]
    elif how == "signature":
        first = headers["X-Mesh-Signature"][0]
        headers["X-Mesh-Signature"] = ("0" if first != "0" else "1") + headers["X-Mesh-Signature"][
            1:
        ]
    elif how == "unsigned":
        del headers["X-Mesh-Signature"]
    elif how == "status":
        answer["status"] = 200 if answer["status"] != 200 else 206
    else:
        other = exchange(NAMES[1] if name != NAMES[1] else NAMES[2])["answer"]
        headers["X-Mesh-Signature"] = other["headers"]["X-Mesh-Signature"]
    with pytest.raises(Later, match="was not signed") as caught:
        await hold(home_assistant)
    # An error without a signature is Home Assistant starting or stopping, and nobody's refusal.
    assert caught.value.refused == (how != "unsigned" or answer["status"] < 400)
    assert len(connection.asked) == NAMES.index(name) + 1
    assert connection.dropped == 1


async def test_a_content_range_that_was_changed_breaks_the_signature():
    home_assistant, connection = conversation()
    answer = connection.answers[NAMES.index("05_first_block")]
    answer["headers"]["Content-Range"] = "bytes 4096-8191/10000"
    with pytest.raises(Later, match="was not signed"):
        await hold(home_assistant)


async def test_a_refused_session_is_opened_anew_and_counts_from_one():
    refused = {"status": 401, "headers": {}, "body": ""}
    home_assistant, connection = conversation(["01_opening", "02_first_report"])
    connection.answers.insert(1, refused)
    connection.answers.insert(2, exchange("01_opening")["answer"])
    with pytest.raises(Later) as caught:
        await home_assistant.report(body_of("02_first_report"))
    assert caught.value.refused
    await home_assistant.report(body_of("02_first_report"))
    assert home_assistant.session.opened == 2
    assert [asked["headers"].get("X-Mesh-Counter") for asked in connection.asked] == [
        None,
        "1",
        None,
        "1",
    ]


async def test_an_unsigned_error_changes_nothing_and_keeps_the_session():
    starting = {"status": 503, "headers": {}, "body": "00"}
    home_assistant, connection = conversation(["01_opening", "02_first_report"])
    connection.answers.insert(1, starting)
    with pytest.raises(Later):
        await home_assistant.report(body_of("02_first_report"))
    connection.answers[0] = exchange("03_nothing_pending")["answer"]  # counter 2
    assert await listed(home_assistant) == (11, [])
    assert home_assistant.session.opened == 1


async def test_a_retry_after_a_closed_connection_takes_a_new_counter():
    home_assistant, connection = conversation(["01_opening", "03_nothing_pending"])
    connection.answers.insert(1, HttpError("closed", stale=True))
    assert await listed(home_assistant) == (11, [])
    assert [asked["headers"].get("X-Mesh-Counter") for asked in connection.asked] == [
        None,
        "1",
        "2",
    ]


async def test_the_key_is_in_nothing_that_is_sent():
    home_assistant, connection = conversation()
    await hold(home_assistant)
    sent = json.dumps(connection.asked) + "".join(
        bytes.fromhex(asked["body"]).decode() for asked in connection.asked
    )
    for key in (KEYS["gateway_key"], KEYS["session_key"]):
        assert key not in sent
