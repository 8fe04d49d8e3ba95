"""Lagrange elements: what interpolation, quadrature and the lattice of nodes must satisfy whatever the degree."""

from itertools import product
from math import factorial

import numpy as np
import pytest

from solvers.element import CELLS, Element, element, orientations, quadrature

every = pytest.mark.parametrize(("cell", "degree"), list(product(CELLS, (1, 2, 3, 4, 6))))


def inside(cell, rng, count=40):
    """Random points of the reference cell."""
    points = rng.random((count, 3))
    if cell == "tetrahedron":
        points = np.sort(points, axis=1)
        points = np.diff(points, axis=1, prepend=0.0)
    return points


def monomials(cell, degree):
    """Exponents of the polynomials that the element holds."""
    powers = product(range(degree + 1), repeat=3)
    return [p for p in powers if cell == "hexahedron" or sum(p) <= degree]


@every
def test_each_basis_function_belongs_to_its_node(cell, degree):
    e = element(cell, degree)
    assert e.size == len(monomials(cell, degree))
    np.testing.assert_allclose(e.values(e.nodes), np.eye(e.size), atol=1e-11)


@every
def test_reproduces_every_polynomial_of_its_degree_and_the_gradient(cell, degree, rng):
    e, points = element(cell, degree), inside(cell, rng)
    values, gradients = e.tabulate(points)
    np.testing.assert_allclose(values, e.values(points), atol=1e-13)
    for power in monomials(cell, degree):
        nodal = np.prod(e.nodes**power, axis=1)
        np.testing.assert_allclose(values @ nodal, np.prod(points**power, axis=1), atol=1e-11)
        for d in range(3):
            lower = np.array(power) - (np.arange(3) == d)
            slope = power[d] * np.prod(points ** np.maximum(lower, 0), axis=1)
            np.testing.assert_allclose(gradients[d] @ nodal, slope, atol=1e-9)


@every
def test_lattice_numbers_the_nodes_where_they_are(cell, degree):
    """Warping moves nodes by less than a step, and keeps those on the surface of the cell there."""
    e = element(cell, degree)
    assert len(np.unique(e.lattice, axis=0)) == e.size
    assert np.abs(e.lattice / degree - e.nodes).max() < 1 / degree
    for d in range(3):
        np.testing.assert_array_equal(e.lattice[:, d] == 0, np.abs(e.nodes[:, d]) < 1e-12)


@every
def test_subcells_fill_the_cell_without_overlap(cell, degree):
    """degree^3 cells of equal volume and right orientation, whose inner facets all belong to two of them."""
    e = element(cell, degree)
    corners = e.lattice[e.subcells] / degree
    frame = corners[:, [1, 2, 4 if cell == "hexahedron" else 3]] - corners[:, :1]
    share = 1.0 if cell == "hexahedron" else 1 / 6
    np.testing.assert_allclose(np.linalg.det(frame) * share, share / degree**3, rtol=1e-12)
    assert len(e.subcells) == degree**3
    faces = np.sort(e.subcells[:, e.corners[1]].reshape(-1, e.corners[1].shape[1]), axis=1)
    count = np.unique(faces, axis=0, return_counts=True)[1]
    assert count.max() <= 2
    outside = (6 if cell == "hexahedron" else 4) * degree**2
    assert np.sum(count == 1) == outside


@every
def test_flips_move_the_nodes_of_a_face_as_its_corners_move(cell, degree):
    """The map of the face that sends its ordered corners to the places of the first ones carries nodes to nodes."""
    e = element(cell, degree)
    edge_flips, face_flips = e.flips
    inner = e.nodes[e.entities[2][0]]
    corners = e.nodes[e.entities[0][e.corners[1][0], 0]]
    orders = orientations(cell)
    assert len(orders) == (8 if cell == "hexahedron" else 6)
    for order, row in zip(orders, face_flips):
        assert sorted(row.tolist()) == list(range(len(inner)))
        if len(inner):
            here = corners[order]
            sides = np.stack([here[1] - here[0], here[2] - here[0]])
            seen = (inner - here[0]) @ np.linalg.pinv(sides)  # coordinates of each node in the face so seen
            plain = np.stack([corners[1] - corners[0], corners[2] - corners[0]])
            there = corners[0] + seen @ plain
            np.testing.assert_allclose(inner[row], there, atol=1e-12)
    np.testing.assert_array_equal(edge_flips[1], edge_flips[0][::-1])


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("degree", [1, 4, 9])
def test_quadrature_is_exact_up_to_its_degree(cell, degree):
    points, weights = quadrature(cell, degree)
    assert np.all(weights > 0)
    for power in monomials("tetrahedron", degree):
        if cell == "hexahedron":
            exact = np.prod([1 / (p + 1) for p in power])
        else:
            exact = np.prod([factorial(p) for p in power]) / factorial(sum(power) + 3)
        assert weights @ np.prod(points**power, axis=1) == pytest.approx(exact, rel=1e-11)


@pytest.mark.parametrize(("cell", "degree"), [("hexahedron", 0), ("prism", 2), ("tetrahedron", -1)])
def test_refuses_what_there_is_not(cell, degree):
    with pytest.raises(ValueError, match=f"degree {degree} on a '{cell}'"):
        Element(cell, degree)
