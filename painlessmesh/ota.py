"""Over-the-air update, level 0: the names of both sides in one place."""

from painlessmesh.ota_receiver import Receiver
from painlessmesh.ota_sender import Offer, Request, Sender

__all__ = ("Offer", "Receiver", "Request", "Sender")
