"""What sets the boards of one house on this computer apart from those of all others: a number in their addresses.

Lives here: the claim of a number. Not here: which boards there are.
"""

import socket

MESH_PORT = 5555


class HouseNumber:
    """A number 1 to 254 that no other house on this computer has: the second byte of all its addresses."""

    def __init__(self) -> None:
        for number in range(10, 255):
            self._claim = socket.socket()
            try:
                self._claim.bind((f"127.{number}.0.1", MESH_PORT))
            except OSError as error:
                self._claim.close()
                missing = error
                continue
            self.number = number
            return
        raise OSError(
            f"No loopback address for a house is free ({missing}). On macOS, make them first: for each board "
            "'sudo ifconfig lo0 alias 127.10.N.1' with N from 0 to 17."
        )

    def mac(self, board: int) -> bytes:
        """Of board 1 to 127 of this house; its access point's is one higher, as on a chip."""
        return bytes([0x24, 0x6F, 0x28, 0xAE, self.number, 2 * board])

    def release(self) -> None:
        self._claim.close()
