"""Writes the exchanges in this folder again, with signatures computed from docs/gateway-api.md alone.

Neither end's code is used here: both ends are tested against these files. Run it after a change of the contract.
"""

import hashlib
import hmac
import json
import pathlib

GATEWAY_KEY = bytes(range(32))
GATEWAY_ID = "1111111111"
CLIENT_NONCE = "00112233445566778899aabbccddeeff"
SERVER_NONCE = "ffeeddccbbaa99887766554433221100"
SESSION = "0123456789abcdef"
BASE = "/api/mesh_ota/v1/gateway/"
SESSION_KEY = hmac.new(
    GATEWAY_KEY, f"mesh-ota session 1\n{CLIENT_NONCE}\n{SERVER_NONCE}".encode(), "sha256"
).digest()
IMAGE = bytes((i * 7 + i // 256) % 256 for i in range(10_000))
TOKEN = "4f1d2c3b5a697887"
JOB = {
    "id": 3,
    "token": TOKEN,
    "firmware_id": 2,
    "kind": "app-bundle",
    "runtime": "micropython",
    "role": "pir",
    "hardware": "ESP32-MPY",
    "version": "1.1.0",
    "md5": hashlib.md5(IMAGE).hexdigest(),
    "sha256": hashlib.sha256(IMAGE).hexdigest(),
    "proof": "ab" * 32,
    "size": len(IMAGE),
    "num_parts": 10,
    "force": False,
    "mode": "single",
    "targets": [{"node_id": "2222222222", "attempt": 1}],
    "counter": 0,
    "sig": "",
}


def sign(key: bytes, *lines: str) -> str:
    return hmac.new(key, "\n".join(lines).encode(), "sha256").hexdigest()


def digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def exchange(counter, method, path, body, status, answer, ask_range="", content_range=""):
    target = BASE + path
    sent = b"" if body is None else json.dumps(body).encode()
    received = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    headers = {
        "X-Mesh-Session": SESSION,
        "X-Mesh-Counter": str(counter),
        "X-Mesh-Signature": sign(
            SESSION_KEY, "request", str(counter), method, target, ask_range, digest(sent)
        ),
    }
    answer_headers = {
        "X-Mesh-Signature": sign(
            SESSION_KEY, "response", str(counter), str(status), content_range, digest(received)
        )
    }
    if ask_range:
        headers["Range"] = ask_range
    if content_range:
        answer_headers["Content-Range"] = content_range
    return written(method, target, headers, sent, status, answer_headers, received)


def written(method, target, headers, sent, status, answer_headers, received):
    return {
        "request": {"method": method, "target": target, "headers": headers, "body": sent.hex()},
        "answer": {"status": status, "headers": answer_headers, "body": received.hex()},
    }


def opening():
    target = BASE + "session"
    sent = json.dumps({"protocol": 1, "client_nonce": CLIENT_NONCE}).encode()
    answer = {"session": SESSION, "server_nonce": SERVER_NONCE, "poll_interval": 60, "wait": 50}
    received = json.dumps(answer).encode()
    asked = ("request", CLIENT_NONCE, "POST", target, "", digest(sent), GATEWAY_ID)
    answered = ("response", CLIENT_NONCE, "200", "", digest(received))
    return written(
        "POST",
        target,
        {"X-Mesh-Gateway": GATEWAY_ID, "X-Mesh-Signature": sign(GATEWAY_KEY, *asked)},
        sent,
        200,
        {"X-Mesh-Signature": sign(GATEWAY_KEY, *answered)},
        received,
    )


def progress(status, part):
    return {
        "id": 3,
        "token": TOKEN,
        "node_id": "2222222222",
        "attempt": 1,
        "status": status,
        "current_part": part,
        "total_parts": 10,
    }


NODE_STATUS = {
    "protocol": 1,
    "type": "pir",
    "name": "hall",
    "hardware": "ESP32-MPY",
    "chip": "esp32",
    "kind": "app-bundle",
    "version": "1.0.0",
    "proof": "cd" * 32,
    "slot": "a",
    "boot": 7,
    "reset": "power_on",
    "nonce": "aabbccddeeff0011",
    "heard": 3,
    "phase": "idle",
    "heap": 81234,
    "flash": 1843200,
    "rssi": -61,
    "up": 3605,
    "mpy": "1.26.1",
    "signing": False,
}
GATEWAY = {
    "type": "gateway",
    "version": "0.1.0",
    "proof": "ef" * 32,
    "boot": 4,
    "heap": 61000,
    "flash": 1500000,
    "up": 3600,
    "reset": "power_on",
    "chip": "esp32",
    "mpy": "1.26.1",
    "slot": "a",
    "highest_revision": 11,
}
FIRST_REPORT = {
    "gateway": GATEWAY,
    "tree": [["2222222222", GATEWAY_ID], ["3333333333", "2222222222"]],
    "nodes": [
        {"node_id": "2222222222", "heard": 2, "status": NODE_STATUS},
        {
            "node_id": "3333333333",
            "heard": 0,
            "asks_for": {"role": "dht", "hardware": "ESP32"},
        },
    ],
    "progress": [],
}
EXCHANGES = {
    "01_opening": opening(),
    "02_first_report": exchange(
        1, "POST", "report", FIRST_REPORT, 200, {"revision": 11, "dropped": []}
    ),
    "03_nothing_pending": exchange(
        2, "GET", "ota/updates/pending?wait=0", None, 200, {"revision": 11, "jobs": []}
    ),
    "04_one_job_pending": exchange(
        3,
        "GET",
        "ota/updates/pending?wait=50&have=11",
        None,
        200,
        {"revision": 12, "jobs": [JOB]},
    ),
    "05_first_block": exchange(
        4,
        "GET",
        "firmware/2/download",
        None,
        206,
        IMAGE[:4096],
        "bytes=0-4095",
        "bytes 0-4095/10000",
    ),
    "06_last_block_clipped": exchange(
        5,
        "GET",
        "firmware/2/download",
        None,
        206,
        IMAGE[8192:],
        "bytes=8192-12287",
        "bytes 8192-9999/10000",
    ),
    "07_progress": exchange(
        6,
        "POST",
        "report",
        {"progress": [progress("downloading", 4)]},
        200,
        {"revision": 12, "dropped": []},
    ),
    "08_job_has_gone": exchange(
        7,
        "POST",
        "report",
        {"progress": [progress("downloading", 9)]},
        200,
        {"revision": 13, "dropped": [[3, TOKEN]]},
    ),
    "09_image_not_needed": exchange(
        8,
        "GET",
        "firmware/9/download",
        None,
        404,
        {"message": "No job of this gateway needs that image."},
        "bytes=0-4095",
    ),
}

if __name__ == "__main__":
    folder = pathlib.Path(__file__).parent
    for name, recorded in EXCHANGES.items():
        (folder / f"{name}.json").write_text(json.dumps(recorded, indent=1) + "\n")
    (folder / "keys.json").write_text(
        json.dumps(
            {
                "gateway_key": GATEWAY_KEY.hex(),
                "gateway_id": GATEWAY_ID,
                "client_nonce": CLIENT_NONCE,
                "server_nonce": SERVER_NONCE,
                "session_key": SESSION_KEY.hex(),
                "image": IMAGE.hex(),
            },
            indent=1,
        )
        + "\n"
    )
