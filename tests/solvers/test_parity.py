"""Functions of one parity by their coefficients on one side: an orthonormal change of basis, and there and back."""

from itertools import product

import numpy as np
import pytest

from solvers.parity import ANY, EVEN, ODD, fold, folded, folded_size, label, parities_of, unfolded

SHAPE = (5, 4, 3)  # with and without a node in the middle


@pytest.mark.parametrize("n", [1, 4, 5])
def test_a_fold_is_orthonormal_and_of_one_parity(n):
    sides = [fold(n, parity) for parity in (EVEN, ODD)]
    both = np.hstack(sides)
    np.testing.assert_allclose(both.T @ both, np.eye(n), atol=1e-15)
    for sign, side in zip((1, -1), sides):
        np.testing.assert_array_equal(side[::-1], sign * side)
    assert [side.shape[1] for side in sides] == [folded_size(n, parity) for parity in (EVEN, ODD)]


@pytest.mark.parametrize("parities", [*product((EVEN, ODD, ANY), repeat=3)])
def test_there_and_back(rng, parities):
    """The coefficients are those of the fold along each axis; what is unfolded is what the fold makes of them."""
    u = rng.standard_normal((2, *SHAPE))
    sides = [fold(n, parity) for n, parity in zip(SHAPE, parities)]
    c = folded(u, parities)
    np.testing.assert_allclose(c, np.einsum("bxyz,xi,yj,zk->bijk", u, *sides), atol=1e-14)
    back = unfolded(c, parities, SHAPE)
    np.testing.assert_allclose(back, np.einsum("bijk,xi,yj,zk->bxyz", c, *sides), atol=1e-14)
    np.testing.assert_allclose(folded(back, parities), c, atol=1e-14)
    assert parities_of(label(parities)) == parities
