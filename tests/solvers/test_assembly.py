"""Assembled matrices against integrals known by hand, on straight and curved cells, in one piece and in chunks."""

import grids
import numpy as np
import pytest
from scipy.linalg import eigh
from scipy.sparse import csr_array

from meshes import Mesh
from solvers import assembly
from solvers.space import Space

CELLS = ("hexahedron", "tetrahedron")


def whole(mesh, degree):
    return Space(mesh, degree, np.zeros(Space(mesh, degree).node_count, bool))


def two_regions(mesh):
    return grids.painted(mesh, ("core", "shell_1"), lambda c: (c[:, 0] > 0.5).astype(int))


def bent(mesh):
    def move(points):
        x, y, z = points.T
        return np.stack([x + 0.1 * y * y, y + 0.08 * x * z, z - 0.07 * x * y], axis=1)

    return grids.curved(mesh, move)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("degree", [2, 3])
def test_energy_of_a_polynomial(cell, degree):
    """u = x^2 + 3 y z on the unit cube, a = (1, 2, 4) and V = 5 on the left half, (3, 1, 2) and 7 on the right."""
    space = whole(two_regions(grids.cube(cell, 2)), degree)
    x, y, z = space.coordinates.T
    u = x**2 + 3 * y * z
    stiff = assembly.stiffness(space, np.array([[1.0, 2.0, 4.0], [3.0, 1.0, 2.0]]), np.zeros(2))
    # u_x = 2 x, u_y = 3 z, u_z = 3 y: squares integrate to 1/6 and 7/6, and to 3/2 each over either half
    assert u @ stiff @ u == pytest.approx(1 / 6 + 3 * 7 / 6 + (2 + 1 + 4 + 2) * 3 / 2, rel=1e-12)
    left = 1 / 160 + 3 / 48 + 1 / 2  # x^4 + 6 x^2 y z + 9 y^2 z^2 over the left half, and over both
    both = 1 / 5 + 1 / 2 + 1
    shifted = assembly.stiffness(space, np.array([[1.0, 2.0, 4.0], [3.0, 1.0, 2.0]]), np.array([5.0, 7.0]))
    assert u @ (shifted - stiff) @ u == pytest.approx(5 * left + 7 * (both - left), rel=1e-11)
    mass = assembly.mass(space, np.array([5.0, 7.0]))
    np.testing.assert_allclose((shifted - stiff - mass).toarray(), 0, atol=1e-12)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("curve", [False, True])
def test_constants_cost_nothing_and_weigh_the_volume(cell, curve):
    mesh = two_regions(grids.cube(cell, 2))
    mesh = bent(mesh) if curve else mesh
    space = whole(mesh, 3)
    ones = np.ones(space.size)
    stiff = assembly.stiffness(space, np.array([1.0, 9.0]), np.zeros(2))
    assert np.abs(stiff @ ones).max() < 1e-12 * np.abs(stiff.data).max() * 100
    assert np.abs((stiff - stiff.T).data).max(initial=0) < 1e-12
    volumes = np.array(list(mesh.volumes().values()))
    assert ones @ assembly.mass(space) @ ones == pytest.approx(volumes.sum(), rel=1e-12)
    assert ones @ assembly.mass(space, np.array([2.0, 5.0])) @ ones == pytest.approx(volumes @ [2, 5], rel=1e-12)


@pytest.mark.parametrize("cell", CELLS)
def test_coordinates_have_the_energy_of_the_volume_on_curved_cells(cell):
    """u = x lies in every isoparametric space: grad u . a grad u = a_x, integrated over the true (bent) volume."""
    mesh = bent(grids.cube(cell, 2))
    space = whole(mesh, 2)
    x = space.coordinates
    energy = x.T @ assembly.stiffness(space, np.array([[2.0, 3.0, 5.0]]), np.zeros(1)) @ x
    np.testing.assert_allclose(energy, np.diag([2.0, 3.0, 5.0]) * sum(mesh.volumes().values()), atol=1e-9)


@pytest.mark.parametrize("cell", CELLS)
def test_straight_cells_described_as_curved_ones_give_the_same(cell):
    mesh = two_regions(grids.cube(cell, 2))
    curved = grids.curved(mesh, lambda points: points)
    a, v = np.array([[1.0, 2.0, 4.0], [3.0, 1.0, 2.0]]), np.array([1.0, -2.0])
    for matrix in (lambda s: assembly.stiffness(s, a, v), assembly.mass):
        left, right = matrix(Space(mesh, 3)), matrix(Space(curved, 3))
        np.testing.assert_allclose(left.toarray(), right.toarray(), atol=1e-12)


@pytest.mark.parametrize("corner", range(8))
def test_one_moved_corner_makes_a_hexahedron_curved(corner, rng):
    """However little a brick is bent, it is not taken for an affine one: volume and the energy of x stay right."""
    points = grids.cube("hexahedron", 1).points.copy()
    points[corner] += 0.2 * rng.uniform(-1, 1, 3)
    straight = np.array([0, 4, 2, 6, 1, 5, 3, 7])  # bricks() numbers x slowest
    mesh = Mesh(points, straight[None], "hexahedron", 1, ("core",), np.zeros(1, int))
    space = whole(mesh, 2)
    ones, volume = np.ones(space.size), mesh.volumes()["core"]
    assert ones @ assembly.mass(space) @ ones == pytest.approx(volume, rel=1e-12)
    x = space.coordinates
    energy = x.T @ assembly.stiffness(space, np.ones(1), np.zeros(1)) @ x
    np.testing.assert_allclose(energy, np.eye(3) * volume, atol=1e-6)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("curve", [False, True])
def test_chunks_do_not_matter(cell, curve, monkeypatch):
    mesh = two_regions(grids.cube(cell, 2))
    space = Space(bent(mesh) if curve else mesh, 2)
    a, v = np.array([1.0, 3.0]), np.array([0.0, 2.0])
    once = assembly.stiffness(space, a, v), assembly.mass(space)
    monkeypatch.setattr(assembly, "ENTRIES", 40 * space.element.size)
    monkeypatch.setattr(assembly, "BYTES", 1.0)
    for matrix, again in zip(once, (assembly.stiffness(space, a, v), assembly.mass(space))):
        np.testing.assert_allclose(again.toarray(), matrix.toarray(), atol=1e-12)


@pytest.mark.parametrize("cell", CELLS)
def test_numbering_of_cells_does_not_change_the_spectrum(cell, rng):
    """Matrices of a mesh seen from random sides are those of the plain one up to a renumbering."""
    spectra = []
    for mesh in (grids.cube(cell, 2), grids.turned(grids.cube(cell, 2), rng)):
        space = Space(mesh, 4)
        spectra.append(
            eigh(
                *(m.toarray() for m in (assembly.stiffness(space, np.ones(1), np.zeros(1)), assembly.mass(space))),
                eigvals_only=True,
            )
        )
    # Kuhn's tetrahedra are not symmetric, but the mesh is the same one
    np.testing.assert_allclose(spectra[0], spectra[1], rtol=1e-9)


@pytest.mark.parametrize("cell", CELLS)
def test_low_order_matrix_is_spectrally_equivalent(cell):
    """The eigenvalues of K_low^-1 K stay between bounds.

    Refinement does not move them. On hexahedra they are bounded for every degree: the factors of one dimension tend to
    pi^2/4 for the stiffness and to 3 for the mass, so that none exceeds 9 pi^2/4. On tetrahedra the upper one grows
    with the degree; it is still 8 at degree 6.
    """
    for n, degree in ((2, 2), (4, 2), (2, 3), (3, 3), (2, 4), (1, 6)):
        space = Space(grids.cube(cell, n), degree)
        a, v = np.ones(1), np.zeros(1)
        values = eigh(
            assembly.stiffness(space, a, v).toarray(), assembly.low_order(space, a, v).toarray(), eigvals_only=True
        )
        assert values[0] > 0.45
        assert values[-1] < (5.5 if degree < 4 else 8.5)


def test_low_order_matrix_has_the_same_unknowns():
    """Ordered alike, fixed alike; of degree 1 it is the matrix itself."""
    space = Space(two_regions(grids.cube("tetrahedron", 3)), 1)
    a, v = np.array([1.0, 4.0]), np.array([0.0, 3.0])
    same = assembly.low_order(space, a, v) - assembly.stiffness(space, a, v)
    np.testing.assert_allclose(same.toarray(), 0, atol=1e-12)
    high = Space(bent(two_regions(grids.cube("hexahedron", 2))), 3)
    assert assembly.low_order(high, a, v).shape == (high.size, high.size)
    x = high.full(np.eye(high.size))  # one hat per unknown, at its own node
    assert np.array_equal(np.flatnonzero(x.any(axis=1)), high.free)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("curve", [False, True])
def test_rows_of_the_sum_are_those_of_a_loop_over_cells(cell, curve, rng, monkeypatch):
    """Some rows, columns under other numbers, something added, both matrices at once: as one cell after the other."""
    monkeypatch.setattr(assembly, "ENTRIES", 500)
    mesh = two_regions(grids.cube(cell, 2))
    space = Space(bent(mesh) if curve else mesh, 3)
    a, v = np.array([[1.0, 2.0, 4.0], [3.0, 1.0, 2.0]]), np.array([0.5, 2.0])
    elements = assembly.Elements.of(space, a, v + 1j)
    renumbered = np.append(rng.permutation(space.size), -1).astype(np.int32)
    row, column = space.unknowns.astype(np.int32), renumbered[space.unknowns]
    dense, k = np.zeros((space.size, space.size), dtype=complex), np.arange(space.element.size)
    for cell_number, (rows, columns) in enumerate(zip(row, column)):
        matrix = elements.rows(np.full(len(k), cell_number), k)
        dense[np.ix_(rows[rows >= 0], columns[columns >= 0])] += matrix[np.ix_(rows >= 0, columns >= 0)]
    some = slice(space.size // 3, space.size - 2)
    more = csr_array(np.where(rng.random(dense[some].shape) < 0.1, 1.0 + 2.0j, 0.0))
    parts = assembly.summed(elements, row, column, some.start, more.shape, more)
    np.testing.assert_allclose(parts[0].toarray() + 1j * parts[1].toarray(), dense[some] + more.toarray(), atol=1e-13)
    assert np.shares_memory(parts[0].indices, parts[1].indices)
    assert all(np.all(np.diff(parts[0].indices[a:b]) > 0) for a, b in zip(parts[0].indptr, parts[0].indptr[1:]))
    for part, matrix in ((dense.real, assembly.stiffness(space, a, v)), (dense.imag, assembly.mass(space))):
        np.testing.assert_allclose(part[:, renumbered[:-1]], matrix.toarray(), atol=1e-13)
