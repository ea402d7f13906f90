"""How a session with Home Assistant is opened: docs/gateway-api.md §2 binds.

Loaded for each opening and forgotten after it. What is said within a session is `session`.
"""

import binascii

from gateway.http import Answer, Connection, HttpError
from gateway.session import BASE, UNAUTHORIZED, Later, believe, parsed, request_text
from painlessmesh.mac import hexmac, hmac_sha256

NONCE_BYTES = 16
LONGEST_WAIT = 50  # s


async def opened(
    connection: Connection, gateway_id: str, gateway_key: bytes, random: object
) -> tuple:
    """(name of the session, its key, seconds that a long poll may last). Raises Later."""
    nonce = binascii.hexlify(random(NONCE_BYTES)).decode()
    body = '{{"protocol": 1, "client_nonce": "{}"}}'.format(nonce).encode()
    target = BASE + "session"
    text = request_text(nonce, "POST", target, "", body) + "\n" + gateway_id
    headers = [
        ("X-Mesh-Gateway", gateway_id),
        ("X-Mesh-Signature", hexmac(gateway_key, text)),
    ]
    try:
        answer = await connection.request("POST", target, headers, body)
    except HttpError as error:
        raise Later(str(error))
    if answer.status == UNAUTHORIZED:
        raise Later("Home Assistant does not know this gateway's setup key yet", True)
    believe(connection, gateway_key, nonce, answer)
    return _taken(gateway_key, nonce, answer)


def _taken(gateway_key: bytes, nonce: str, answer: Answer) -> tuple:
    opening = parsed(answer.body)
    session = opening.get("session")
    server_nonce = opening.get("server_nonce")
    if answer.status != 200 or not isinstance(session, str) or not isinstance(server_nonce, str):
        raise Later("Home Assistant did not open a session", True)
    text = "mesh-ota session 1\n{}\n{}".format(nonce, server_nonce)
    wait = opening.get("wait")
    wait = min(max(wait, 0), LONGEST_WAIT) if isinstance(wait, int) else 0
    return session, hmac_sha256(gateway_key, text.encode()), wait
