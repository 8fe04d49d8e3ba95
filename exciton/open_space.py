"""The Poisson problem of a permittivity, in all space: which elements, and how fine."""

from dataclasses import dataclass

from exciton.dielectric import Dielectric
from exciton.voxels import Voxels
from meshes.shapes import Cuboid
from solvers.hp import interfaces
from solvers.poisson import Halves, Poisson, outward

REACH = 25.0  # of the outer boundary, in half widths of the particle


@dataclass(frozen=True, slots=True)
class Resolution:
    """How fine the elements are."""

    degree: int
    finest: float  # length of those at an interface, in interface widths
    growth: float  # from one to the next away from it
    largest: float  # in the particle where interfaces are curved, in interface widths
    far: int = 0  # added to the degree of elements that lie wholly outside


def planes_of(dielectric: Dielectric, axis: int) -> list[float]:
    """Where an axis through the particle crosses interfaces, nm, ascending."""
    geometry = dielectric.geometry
    if isinstance(geometry, Voxels):
        return sorted(geometry.extent[:, axis].tolist())
    return interfaces(geometry, axis)


def problem(
    dielectric: Dielectric, resolution: Resolution, *, tolerance: float = 1e-5, width: float | None = None
) -> Poisson:
    """``-div(eps grad u) = f`` with the permittivity of a structure.

    Parameters
    ----------
    width
        In which the elements are measured, nm; None: that of the interfaces.
    """
    geometry = dielectric.geometry
    width = dielectric.width if width is None else width
    boxes = not isinstance(geometry, Voxels) and isinstance(geometry.core, Cuboid)
    mirror = (False, False, False) if isinstance(geometry, Voxels) else geometry.mirror
    planes = [planes_of(dielectric, axis) for axis in range(3)]
    reach = REACH * max((p[-1] - p[0]) / 2 for p in planes)
    axes = []
    for row, mirrored in zip(planes, mirror):
        breaks = outward(
            row if boxes else [row[0], row[-1]],
            resolution.finest * width,
            reach,
            largest=float("inf") if boxes else resolution.largest * width,
            growth=resolution.growth,
        )
        outside = (breaks[1:] <= row[0]) | (breaks[:-1] >= row[-1])
        axes.append(Halves.of(breaks, (resolution.degree + resolution.far * outside).tolist(), mirrored))
    return Poisson((axes[0], axes[1], axes[2]), dielectric, tolerance=tolerance)
