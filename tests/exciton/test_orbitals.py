"""Orbitals on a grid: halves of mirrored axes, complete levels."""

import hard_cube
import numpy as np
import pytest

from exciton.pair.orbitals import right_half


@pytest.mark.parametrize("count", [6, 7])
def test_half_of_the_points_integrates_what_all_do(count):
    """With a point in the middle and without: it counts once, all others twice."""
    t, w = np.polynomial.legendre.leggauss(count)
    x, half = right_half(3.0 + t, w)
    assert len(x) == (count + 1) // 2
    for power in (0, 2, 4):
        assert half @ (x - 3.0) ** power == pytest.approx(2 / (power + 1), rel=1e-12)


def test_levels_are_not_cut():
    """1, 3, 3, 3, 1, 6 orbitals: what is asked for is cut back to a whole number of levels."""
    orbitals = hard_cube.sampled(8.0, (0.2, 0.2), 14).electron
    assert [orbitals.complete(n) for n in (1, 2, 4, 6, 7, 10, 11, 16, 17)] == [1, 1, 4, 4, 7, 10, 11, 11, 17]
