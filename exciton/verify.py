"""The images' attraction once more, by finite elements on a mesh: nothing in common with the grid's but the densities.

``-int int rho_e W_image rho_h`` of the bare carriers: with interfaces as wide as the job has them, and with a
permittivity that jumps, the limit of thin ones; there also its derivative by each permittivity.
"""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exciton.carriers import Carriers
from exciton.dielectric import Dielectric
from exciton.images import INTERACTION
from exciton.pair.meeting import meeting_grid
from exciton.pair.mismatch import Mismatch
from exciton.resolve import MeshFile, Resolved
from exciton.voxels import Voxels
from meshes.files import read_mesh
from meshes.generate import tetrahedra
from meshes.mesh import Mesh
from meshes.shapes import Cuboid
from meshes.surrounded import surrounded
from solvers.poisson_mesh import MeshPoisson

Array = NDArray[np.float64]

CELLS = 6.0  # across the particle, about
BALL = 1.3  # radius of the ball over that of the particle
COARSER = 1.5  # on its surface
DEGREE = 3
OUTSIDE = "outside the mesh"


def verified(resolved: Resolved, carriers: Carriers, mismatch: Mismatch) -> dict[str, Any]:
    """An entry of the result, energies in meV, each error what one degree more has changed.

    Raises
    ------
    MesherMissing
        gmsh is not installed or cannot be loaded.
    MeshError
        A mesh from a file that cannot be surrounded: hexahedra, or a surface that leaves no room for good cells.
    """
    dielectric, grid = Dielectric.of(resolved), meeting_grid(resolved, carriers.space)
    mesh = _mesh(resolved)
    middle = (mesh.points.min(axis=0) + mesh.points.max(axis=0)) / 2
    x, y, z = (row - centre for row, centre in zip(grid.points, middle))
    psi = [carriers.space.on_grid(each.psi[:, :1], *grid.points)[0] for each in (carriers.electron, carriers.hole)]
    strengths = np.stack(psi) ** 2 * grid.volumes
    ball = _ball(replace(mesh, points=mesh.points - middle))
    values = np.array(dielectric.permittivities)
    jumps = np.zeros(len(mesh.regions))  # with one region more where there is a layer of the medium
    jumps[: len(values) - 1] = values[:-1] - values[-1]
    smooth_part = Voxels.of(mesh, dielectric.spread).smooth(tuple(jumps.tolist()), dielectric.spread)

    def eps(points: Array) -> Array:
        return values[-1] + smooth_part((points + middle).T)

    def images(degree: int) -> tuple[float, float, Array]:
        """Energies, smooth and sharp, and derivatives of the latter; meV."""
        uniform = MeshPoisson(ball, degree, np.full_like(values, dielectric.core))
        load = uniform.charges((x, y, z), strengths)
        core = uniform.solve(load[:, 1:]).nodal[:, 0]
        sharp, smooth = MeshPoisson(ball, degree, values), MeshPoisson(ball, degree, values, smooth=eps)
        electron, hole = sharp.solve(load).nodal.T
        energies = [float(load[:, 0] @ (u - core)) for u in (smooth.solve(load[:, 1:]).nodal[:, 0], hole)]
        unit = -1e3 * INTERACTION
        slopes = sharp.derivatives(electron, hole)
        slopes[dielectric.names.index(resolved.core_region)] += float(load[:, 0] @ core) / dielectric.core
        return unit * energies[0], unit * energies[1], unit * slopes

    less_smooth, less_sharp, _ = images(DEGREE - 1)
    smooth, sharp, slopes = images(DEGREE)
    return {
        "grid_meV": 1e3 * mismatch.attraction,
        "mesh_meV": smooth,
        "mesh_error_meV": abs(smooth - less_smooth),
        "sharp_meV": sharp,
        "sharp_error_meV": abs(sharp - less_sharp),
        "sharp_by_permittivity_meV": dict(zip(dielectric.names, slopes.tolist())),
    }


def _mesh(resolved: Resolved) -> Mesh:
    geometry = resolved.geometry
    if isinstance(geometry, MeshFile):
        return read_mesh(geometry.path)
    size = float(np.max(geometry.extent)) / CELLS
    if not isinstance(geometry.core, Cuboid):  # the outer surface of the mesh gives way a little where it is curved
        geometry = replace(geometry, layers=(*geometry.layers, (OUTSIDE, size)))
    return tetrahedra(geometry, size, order=2)


def _ball(mesh: Mesh) -> Mesh:
    """The mesh, centred, in the middle of a ball."""
    radius = BALL * float(np.linalg.norm(mesh.points, axis=1).max())
    return surrounded(mesh, OUTSIDE, radius, COARSER * float(np.median(mesh.sizes())))
