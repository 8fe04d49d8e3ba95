"""What a solver may answer instead of a solution."""

from typing import Any


class SolverError(RuntimeError):
    """A solve that failed; the message says what was asked, what was reached and what to change."""


class NotConverged(SolverError):
    """Fewer solutions than asked for reached the tolerance; those that did are in ``found``."""

    def __init__(self, message: str, found: Any = None) -> None:
        super().__init__(message)
        self.found = found


class NotAffordable(SolverError):
    """The accuracy asked for would take more memory or digits than there are."""


class BackendMissing(RuntimeError):
    """The linear-algebra backend asked for is not installed; the message says how to get it."""
