"""Writing a file anew after every change, unless changes come faster than it can be written."""

from collections.abc import Callable
from threading import RLock, Timer
from time import perf_counter


class Sparing:
    """Calls `write` after changes, for half of the time at most, and never twice at a time.

    A change that comes too early is written with those that follow it, by a thread of its own: as soon as writing has
    rested for as long as it took, however long the program is busy with something else.

    Attributes
    ----------
    lock
        Held while writing; hold it to change what is written.
    """

    def __init__(self, write: Callable[[], None]) -> None:
        self.lock = RLock()
        self._write = write
        self._timer: Timer | None = None
        self._rested = 0.0  # when writing may go on, by the clock of performance

    def now(self) -> None:
        """Write what there is; what waits is written with it."""
        with self.lock:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            start = perf_counter()
            self._write()
            end = perf_counter()
            self._rested = end + (end - start)

    def soon(self) -> None:
        """Write now, or after a rest."""
        with self.lock:
            wait = self._rested - perf_counter()
            if wait <= 0.0:
                self.now()
            elif self._timer is None:
                self._timer = Timer(wait, self._late)
                self._timer.start()

    def flush(self) -> None:
        """Write now if something waits to be written."""
        with self.lock:
            if self._timer is not None:
                self.now()

    def _late(self) -> None:
        with self.lock:
            if self._timer is None:  # it has been written while this waited for the lock
                return
            try:
                self.now()
            except OSError:  # whoever writes next is told
                self._timer = None
