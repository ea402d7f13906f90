"""`dht` of the ESP32 port: a sensor on a pin whose reading stands in dht/<pin> as `temperature humidity`."""

import machine
import parts

# What the driver raises when nothing answers on the line.
_ETIMEDOUT = 116


class DHTBase:
    def __init__(self, pin: "machine.Pin") -> None:
        self.pin = pin
        self._temperature = 0.0
        self._humidity = 0.0

    def measure(self) -> None:
        text = parts.read(parts.BOARD + "/dht/" + str(self.pin.id))
        if not text:
            raise OSError(_ETIMEDOUT, "ETIMEDOUT")
        self._temperature, self._humidity = [float(value) for value in text.split()]


class DHT11(DHTBase):
    def temperature(self) -> int:
        return int(self._temperature)

    def humidity(self) -> int:
        return int(self._humidity)


class DHT22(DHTBase):
    def temperature(self) -> float:
        return self._temperature

    def humidity(self) -> float:
        return self._humidity
