"""A contact that settles: a value counts once it has stood still for 50 ms. No I/O, no clock."""

STEADY_US = 50000


class Debounced:
    """Feed it readings; `value` is the last steady one, None before the first."""

    def __init__(self) -> None:
        self.value = None
        self._candidate = None
        self._since = 0

    def read(self, reading: int, now: int) -> bool:
        """One reading at `now` microseconds; answers whether `value` has just changed."""
        if reading != self._candidate:
            self._candidate = reading
            self._since = now
        if reading == self.value or now - self._since < STEADY_US:
            return False
        self.value = reading
        return True
