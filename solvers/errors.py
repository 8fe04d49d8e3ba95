"""What a solver may answer instead of a solution."""

from typing import Any


class SolverError(RuntimeError):
    """A solve that failed; the message says what was asked, what was reached and what to change."""


class NotConverged(SolverError):
    """Fewer solutions than asked for reached the tolerance; those that did are in ``found``."""

    def __init__(self, message: str, found: Any = None) -> None:
        super().__init__(message)
        self.found = found


class TooCoarse(SolverError):
    """States are too far from eigenfunctions for what is to be made of them."""


class NotAffordable(SolverError):
    """The accuracy asked for would take more memory or digits than there are."""


class OutOfReach(NotAffordable):
    """Refinement came to its end before all errors were as small as asked for, both in the unit of the energies."""

    def __init__(self, asked: float, reached: float, unknowns: int) -> None:
        super().__init__(
            f"an accuracy of {asked:.1e} was asked for; {reached:.1e} was reached with {unknowns} unknowns: "
            "ask for less, or for fewer states"
        )
        self.asked, self.reached, self.unknowns = asked, reached, unknowns

    def __reduce__(self) -> tuple[type["OutOfReach"], tuple[float, float, int]]:
        return OutOfReach, (self.asked, self.reached, self.unknowns)  # it travels between ranks


class BackendMissing(RuntimeError):
    """The linear-algebra backend asked for is not installed; the message says how to get it."""
