"""The smooth permittivity: shares that add up, volumes that stay, and a step of the width that is asked for."""

from dataclasses import replace

import jobs
import numpy as np
import pytest
from scipy.stats import ncx2

from exciton.dielectric import Dielectric
from exciton.errors import JobError
from exciton.images import Images
from exciton.smeared import smeared
from exciton.voxels import Voxels
from meshes.boxes import box_mesh
from meshes.shapes import Cuboid, RoundedCube, Sphere, Structure
from solvers.grid import Grid

SHAPES = {
    "cube": {"shape": "cube", "core": {"material": "A", "edge_nm": 6.0}},
    "sphere": {"shape": "sphere", "core": {"material": "A", "diameter_nm": 6.0}},
    "rounded": {"shape": "rounded-cube", "core": {"material": "A", "edge_nm": 6.0, "radius_nm": 1.0}},
}


def of(name="cube", width=0.6, **more):
    return Dielectric.of(
        jobs.resolved(
            structure={**SHAPES[name], **more}, shells=(("B", 1.0),), around=1.0, exciton={"interface_width_nm": width}
        )
    )


@pytest.mark.parametrize("name", SHAPES)
def test_shares_add_up_and_keep_their_volume(name):
    dielectric = of(name)
    x, step = np.linspace(-7, 7, 57, retstep=True)
    shares = dielectric.shares(x, x, x)
    assert np.abs(shares.sum(axis=0) - 1).max() < 1e-12
    assert shares.min() > -1e-9
    mean = np.einsum("r,rabc->abc", dielectric.permittivities, shares)
    assert dielectric(x, x, x) == pytest.approx(mean, abs=1e-12)
    found = shares[:-1].sum(axis=(1, 2, 3)) * step**3
    # smearing moves no volume; the profile of a flat interface, laid across curved edges, would: 1 % of the core's here
    assert found == pytest.approx(list(dielectric.geometry.volumes.values()), rel=1e-5)


@pytest.mark.parametrize("name", ["cube", "rounded"])
def test_a_face_rises_from_10_to_90_per_cent_over_the_width(name):
    dielectric = of(name, width=0.4)
    share = dielectric.shares(np.array([2.8, 3.0, 3.2]), np.zeros(1), np.zeros(1))[0].ravel()
    assert share == pytest.approx([0.9, 0.5, 0.1], abs=1e-9)


def test_a_sphere_is_smeared_in_three_dimensions():
    """The share at a point is the probability that a Gaussian step from there ends in the sphere: noncentral chi^2."""
    dielectric = of("sphere", width=0.9)
    x = np.array([0.0, 1.0, 2.9, 3.3, 4.0])
    exact = ncx2.cdf(9.0 / dielectric.spread**2, 3, (x / dielectric.spread) ** 2)
    assert dielectric.shares(x, np.zeros(1), np.zeros(1))[0].ravel() == pytest.approx(exact, abs=1e-8)


def test_a_rounded_cube_without_flat_faces_is_a_sphere():
    x = np.linspace(-4, 4, 9)
    found, exact = (smeared(shape, 0.3, x, x, x) for shape in (RoundedCube(6.0, 3.0), Sphere(6.0)))
    assert found == pytest.approx(exact, abs=1e-8)


def test_a_rounded_cube_is_smeared_across_its_edges_and_corners(rng):
    """The share at a point is the probability that a Gaussian step from there ends in the shape, by many steps."""
    shape, spread = RoundedCube(4.0, 0.8), 0.5
    steps = spread * rng.standard_normal((400_000, 3))
    for point in ([1.2, 1.9, 0.3], [1.7, 1.7, 0.0], [1.6, 1.6, 1.6], [2.0, -2.1, 1.5]):
        counted = shape.contains(point + steps).mean()
        assert smeared(shape, spread, *np.array(point)[:, None]).item() == pytest.approx(counted, abs=3e-3)


def test_shifted_core():
    dielectric = of("cube", core_shift_nm=[0.5, 0.0, 0.0])
    x = np.array([3.5, -2.5])
    assert dielectric.shares(x, np.zeros(1), np.zeros(1))[0].ravel() == pytest.approx([0.5, 0.5])


def test_every_material_wants_a_permittivity():
    resolved = jobs.resolved(4.0, (("B", 1.0),), 1.0)
    core, shell, around = resolved.regions
    with pytest.raises(JobError, match=r"materials.B.permittivity: is missing"):
        Dielectric.of(replace(resolved, regions=(core, replace(shell, permittivity=None), around)))
    with pytest.raises(JobError, match=r"materials.L.permittivity: is missing"):
        Dielectric.of(replace(resolved, medium_permittivity=None))


def test_a_mesh_is_smeared_like_the_shape_that_it_fills():
    """Sampled and smeared on a uniform grid: to what dealing cells to the grid costs; and its image potential."""
    structure = Structure(Cuboid((4.0, 4.0, 4.0)), (("shell", 1.0),))
    exact = Dielectric(("core", "shell", "medium"), (7.0, 5.0, 2.0), 7.0, structure, 0.6)
    mesh = box_mesh(structure, 2.0)
    sampled = replace(exact, geometry=Voxels.of(mesh, exact.spread))
    assert mesh.regions == ("core", "shell")
    x = np.linspace(-4, 4, 33)
    gap = np.abs(sampled.shares(x, x, x) - exact.shares(x, x, x))
    assert gap.max() < 3e-3
    assert gap.mean() < 3e-4
    node, weight = np.polynomial.legendre.leggauss(12)
    grid = Grid((3 * node,) * 3, (3 * weight,) * 3)
    density = np.einsum("a,b,c->abc", *(np.cos(np.pi * c / 6) ** 2 / 3 for c in grid.points))
    one, other = (grid.integral(density * Images(d, grid).potential(density[None])[0]) for d in (sampled, exact))
    assert one == pytest.approx(other, rel=2e-3)
