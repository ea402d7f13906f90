"""TLS for an https:// address of Home Assistant: the certificate is verified, always.

MicroPython verifies nothing unless told to, and has no store of authorities: the one that signed Home
Assistant's certificate lies on the board as `ca.der` (DER, because not every build reads PEM).
"""

import time

AUTHORITY = "ca.der"
LONG_AGO = 1600000000  # any clock that was set is past 2020


def verifying_context() -> object:
    """A context that refuses every server whose certificate does not verify. Raises ValueError."""
    try:
        import ssl
    except ImportError:
        raise ValueError("this MicroPython has no TLS: use an http:// address")
    _set_clock()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.verify_mode = ssl.CERT_REQUIRED
    try:
        with open(AUTHORITY, "rb") as file:
            context.load_verify_locations(cadata=file.read())
    except OSError:
        if not hasattr(context, "load_default_certs"):
            raise ValueError("https needs the certificate authority's file ca.der on the board")
        context.load_default_certs()
    return context


def _set_clock() -> None:
    """Certificates have dates and a board has no battery: ask the network for the time once."""
    # MicroPython's clock counts from 2000 on an ESP32 and from 1970 elsewhere.
    since_1970 = time.time() + (946684800 if time.gmtime(0)[0] == 2000 else 0)
    if since_1970 > LONG_AGO:
        return
    try:
        import ntptime

        ntptime.settime()
    except (ImportError, OSError):
        pass  # the certificate is refused as not yet valid, and the next connection asks again
