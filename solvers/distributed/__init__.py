"""Finite elements over many ranks: every rank has its own cells, and a contiguous range of the unknowns.

`DistributedSpace` has the names of `Space`: functions are arrays of this rank's rows, integrals and energies come out
the same on every rank.
"""

from .space import DistributedSpace

__all__ = ["DistributedSpace"]
