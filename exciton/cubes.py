"""Wavefunctions as Gaussian cube files, which chemists' viewers read: psi in atomic units on a uniform grid.

The format knows lengths in bohr and psi in bohr^-3/2, and wants at least one atom: it gets a hydrogen in the middle of
the core, since number 0, which would be honest, makes VTK's reader crash. Values are sampled from the high-order states
themselves, not from the linear copy in the VTU files; what is too small for readers in single precision is 0.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from exciton.carriers import Carriers
from exciton.fields import extent, write_text
from exciton.resolve import Resolved
from exciton.units import BOHR
from meshes.shapes import Structure
from solvers.parallel import Comm, rank

Array = NDArray[np.float64]

INTERVALS = 60  # along the longest axis: about 3 MB a state
_ROW = 6  # values on a line
_LEAST = 1e-30
_HYDROGEN = 1


def write_cubes(path: Path, resolved: Resolved, carriers: Carriers, comm: Comm = None) -> None:
    """``point_000_electron_0.cube`` and so on, of every state, beside `path` (``.../point_000``).

    Every rank of `comm` calls this, the first one writes.
    """
    low, high = extent(resolved, carriers)
    step = float(np.max(high - low)) / INTERVALS
    axes = [np.linspace(a, b, max(2, int(np.ceil((b - a) / step - 1e-9)) + 1)) for a, b in zip(low, high)]
    geometry = resolved.geometry
    middle = np.asarray(geometry.centres[0] if isinstance(geometry, Structure) else (low + high) / 2, float)
    for carrier, states in (("electron", carriers.electron), ("hole", carriers.hole)):
        for number, values in enumerate(carriers.space.on_grid(states.psi, *axes)):
            if rank(comm) == 0:
                energy = 1e3 * states.energies[number]
                title = f"{carrier}_{number}, {energy:.3f} meV from the band edge of the core; psi in bohr^-3/2"
                write_text(path.with_name(f"{path.name}_{carrier}_{number}.cube"), cube(title, axes, values, middle))


def cube(title: str, axes: list[Array], psi: Array, middle: Array) -> str:
    """The text of a cube file.

    Parameters
    ----------
    axes
        Equally spaced coordinates along x, y and z, nm.
    psi
        nm^-3/2, shape (nx, ny, nz).
    middle
        Where the atom stands, nm, shape (3,).
    """
    head = ["exciton: a wavefunction in the effective-mass approximation", title]
    head.append("{:5d}{:12.6f}{:12.6f}{:12.6f}".format(1, *(axis[0] / BOHR for axis in axes)))
    for place, axis in enumerate(axes):
        step = [0.0, 0.0, 0.0]
        step[place] = (axis[-1] - axis[0]) / (len(axis) - 1) / BOHR
        head.append("{:5d}{:12.6f}{:12.6f}{:12.6f}".format(len(axis), *step))
    head.append("{:5d}{:12.6f}{:12.6f}{:12.6f}{:12.6f}".format(_HYDROGEN, 0.0, *(middle / BOHR)))
    atomic = psi * BOHR**1.5
    return "\n".join((*head, *_lines(np.where(abs(atomic) < _LEAST, 0.0, atomic)))) + "\n"


def _lines(values: Array) -> Iterator[str]:
    """z runs fastest, six values a line, and every run begins a new one."""
    count = values.shape[2]
    pattern = "\n".join("%13.5E" * min(_ROW, count - start) for start in range(0, count, _ROW))
    return (pattern % tuple(run) for plane in values for run in plane)
