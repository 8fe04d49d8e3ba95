"""Numbers as people read them: with their error, and rounded so that they still hold."""

from math import ceil, floor, log10


def with_error(value: float, error: float) -> str:
    """``31.98(3)``: the value, and its error in units of the last digit shown."""
    if not error > 0:
        return f"{value:.4f}"
    digits = min(max(-floor(log10(error)), 0), 5)
    last = ceil(error * 10**digits - 1e-9)
    if last >= 10 and digits > 0:
        digits, last = digits - 1, ceil(last / 10)
    return f"{value:.{digits}f}({last})"


def rounded_up(value: float) -> str:
    """A positive number to two digits, never less than it is."""
    unit = 10.0 ** (floor(log10(value)) - 1)
    return f"{ceil(value / unit) * unit:.2g}"
