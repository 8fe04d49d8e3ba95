"""The dielectric mismatch in a mesh from a file: that of the shape which the mesh fills."""

from dataclasses import replace

import jobs
import numpy as np
import pytest

from exciton.dielectric import Dielectric
from exciton.images import Images
from exciton.layered import layered
from exciton.profiles import planar
from exciton.voxels import Voxels
from meshes.boxes import box_mesh
from meshes.files import write_mesh
from meshes.generate import tetrahedra
from meshes.shapes import Cuboid, Sphere, Structure
from solvers.grid import Grid

BALL = Structure(Sphere(5.0), (("surroundings", 0.8),))


def of_mesh(exact, mesh):
    return replace(exact, geometry=Voxels.of(mesh, exact.spread))


def uniform_grid(half, count):
    x = half * ((2 * np.arange(count) + 1) / count - 1)
    return Grid((x,) * 3, (np.full(count, 2 * half / count),) * 3)


def test_rows_of_layers_are_plane_profiles():
    """Each of many rows at once against the wave sum for one, through two soft steps."""
    spread, x = 0.23, np.array([-1.5, -0.4, 0.0, 0.3, 1.1, 3.0])

    def eps(x):
        from scipy.special import ndtr

        return 7.3 - 2.2 * ndtr(x / spread) - 2.97 * ndtr((x - 0.9) / spread)

    along = 0.2 * spread * np.arange(-90, 91)
    found = layered(eps(x[:, None] + along), 0.2 * spread, spread)
    assert np.ptp(found) > 0.2
    assert found == pytest.approx(planar(eps, [0.0, 0.9], spread)(x), abs=4e-4)


@pytest.mark.parametrize(
    ("structure", "permittivities", "size", "share"),
    [(BALL, (7.3, 2.13, 2.26), 1.5, 0.05), (Structure(Sphere(4.4)), (9.5, 1.9), 1.2, 0.05)],
)
def test_self_energy_in_a_meshed_ball(structure, permittivities, size, share):
    """That of spherical waves, in a density like a ground state's, and within the error that is quoted."""
    exact = Dielectric((*structure.regions, "medium"), permittivities, permittivities[0], structure)
    end = structure.core.radius + 0.3
    grid = uniform_grid(end + 0.5, 15)
    x, y, z = np.meshgrid(*grid.points, indexing="ij")
    r = np.sqrt(x**2 + y**2 + z**2)
    density = np.where(r < end, np.sinc(r / end) ** 2, 0.0)
    density /= grid.integral(density)
    one, other = Images(exact, grid), Images(of_mesh(exact, tetrahedra(structure, size)), grid)
    true, found = (grid.integral(density * images.self_energy()) for images in (one, other))
    quoted = grid.integral(density * other.self_energy_change())
    assert abs(found - true) < quoted < share * true
    assert found == pytest.approx(true, rel=2e-2)


def test_the_mismatch_of_a_mesh_file_is_that_of_its_shape(tmp_path):
    """A sphere as a job names it, and the same from a file: image attraction and both self-energies."""
    write_mesh(tmp_path / "dot.msh", tetrahedra(Structure(Sphere(3.6)), 1.0))
    how = {"level": "first-order"}
    shape = {"shape": "sphere", "core": {"material": "A", "diameter_nm": 3.6}, "medium": "toluene"}
    file = {"shape": "mesh", "file": str(tmp_path / "dot.msh"), "core_region": "core", "regions": {"core": "A"},
            "medium": "toluene"}  # fmt: skip
    accuracy = {"energy_meV": 1.0, "pair_meV": 3.0}
    found = [
        jobs.solve(structure=s, exciton=how, accuracy=accuracy, carriers={"states": 1})["exciton"]
        for s in (shape, file)
    ]
    one, other = (each["terms_meV"] for each in found)
    for term in ("polarisation_electron", "polarisation_hole"):
        assert one[term] > 50
        assert other[term] == pytest.approx(one[term], rel=1e-2)
    assert other["attraction"] == pytest.approx(one["attraction"], rel=3e-3)
    gap = found[1]["energy_meV"] - found[0]["energy_meV"]
    assert abs(gap) < found[0]["error_meV"] + found[1]["error_meV"]


def test_a_mesh_of_one_permittivity_has_no_self_energy():
    exact = Dielectric(("core", "medium"), (4.0, 4.0), 4.0, Structure(Cuboid((3.0, 3.0, 3.0))))
    meshed = of_mesh(exact, box_mesh(exact.geometry, 1.5))
    assert np.abs(Images(meshed, uniform_grid(1.4, 4)).self_energy()).max() == 0
