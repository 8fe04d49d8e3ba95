"""Accuracy on demand on nested boxes: the error asked for, an estimate that holds, and no blind spot."""

from itertools import chain, pairwise

import exact
import grids
import numpy as np
import pytest
from scipy.linalg import eigh

from exciton.units import HBAR2_2M0
from meshes import Cuboid, Structure
from solvers import enriched, hp, sectors, separable
from solvers.adapt import Problem
from solvers.enriched import Element
from solvers.errors import NotAffordable, OutOfReach
from solvers.line import Line, graded
from solvers.tensor import nested

PLANES = [-3.0, -2.0, 2.0, 3.0]


def problem(a, v, count=6):
    a = np.asarray(a, float)
    return Problem(np.repeat(a[:, None], 3, axis=1), np.asarray(v, float), count)


@pytest.mark.parametrize("edges", [(1.0, 1.0, 1.0), (2.0, 3.0, 4.0)])
@pytest.mark.parametrize("tolerance", [1e-1, 1e-3, 1e-6])
def test_hard_boxes(edges, tolerance):
    """Exact levels. Half a sine in half a cube is even: one degree more adds nothing, and must not pass for exact."""
    solved = hp.adapt(Structure(Cuboid(edges)), [problem([1.0], [0.0], 7)], tolerance)
    off = solved.pairs[0].values - exact.hard_box(edges, 1.0, 7)
    assert np.all(off > -1e-9)
    assert off.max() <= tolerance
    assert np.all(solved.errors[0] >= off - 1e-9)
    assert solved.errors[0].max() <= tolerance


@pytest.mark.parametrize(
    ("structure", "a", "v"),
    [
        (grids.nested((4.0, 4.0, 4.0), (1.0,)), (1.0, 0.1), (0.0, 3.0)),
        (grids.nested((4.0, 3.0, 5.0), (1.0,), (0.3, 0.0, -0.5)), (0.3, 1.0), (0.0, 2.0)),
        (grids.nested((4.0, 4.0, 4.0), (1.0,)), (1.0, 0.8), (0.0, -4.0)),
    ],
    ids=["strong contrast", "shifted", "in the shell"],
)
def test_estimate_against_a_finer_solution(structure, a, v):
    """Both problems on one space; from above, within the tolerance; the estimate is the error, or little more."""
    problems = [problem(a, v), problem(a[::-1], np.abs(v))]
    rough, fine = (hp.adapt(structure, problems, t) for t in (4e-3, 1e-5))
    assert rough.space.size < fine.space.size
    for one, other, error in zip(rough.pairs, fine.pairs, rough.errors):
        off = one.values - other.values
        assert np.all(off > -1e-5)
        assert off.max() <= error.max() <= 4e-3
        assert np.all(error >= off)
        assert np.all(error <= 3 * off + 1e-5)
    assert rough.other_space.size > rough.space.size
    assert all(np.all(better.values < p.values) for better, p in zip(rough.other, rough.pairs))


def test_what_cannot_be_afforded(monkeypatch):
    monkeypatch.setattr(hp, "LIMIT", 60_000)
    with pytest.raises(NotAffordable, match=r"1\.0e-07 was asked for; \d\.\de-\d+ was reached with \d+ unknowns"):
        hp.adapt(grids.nested((4.0, 4.0, 4.0), (1.0,)), [problem((1.0, 0.1), (0.0, 3.0))], 1e-7)


def test_interfaces_are_exact_mirror_images():
    structure = grids.nested((0.1, 0.2, 0.3), (0.7, 1.1), (0.0, 0.1, 0.0))
    assert hp.interfaces(structure, 0) == [-x for x in hp.interfaces(structure, 0)[::-1]]
    assert hp.interfaces(structure, 1) == pytest.approx([-1.9, -0.8, 0.0, 0.2, 0.8, 1.9])


def richer(line):
    return enriched.line_of([*chain(*enriched.richer(line, PLANES))])


def test_richer_lines_contain_the_poorer_ones():
    """Whatever the poorer line holds, the richer one holds: its energies are never above."""
    line = hp.graded(PLANES, 0, 3)
    for _ in range(3):
        more = richer(line)
        assert set(line.breaks) <= set(more.breaks)
        probe = np.sort(np.concatenate([np.linspace(a, b, 7) for a, b in pairwise(more.nodes)]))
        held = more.tabulate(probe) @ line.tabulate(more.nodes)[1:-1]
        np.testing.assert_allclose(held, line.tabulate(probe), atol=1e-11)
        line = more


def test_elements_at_interfaces_are_cut_and_others_left_whole():
    """A thin element of the same degree at each interface, a higher degree in the rest and in all others."""
    thin = enriched.FACTOR
    line = Line(np.array([-3.0, -2.0, 0.0, 1.5, 2.0, 3.0]), (4, 3, 5, 2, 2))
    assert enriched.richer(line, PLANES) == [
        [Element(-3.0, -2.0 - thin, 5), Element(-2.0 - thin, -2.0, 4)],
        [Element(-2.0, -2.0 + 2 * thin, 3), Element(-2.0 + 2 * thin, 0.0, 4)],
        [Element(0.0, 1.5, 6)],
        [Element(1.5, 2.0 - 0.5 * thin, 3), Element(2.0 - 0.5 * thin, 2.0, 2)],
        [Element(2.0, 2.0 + thin, 2), Element(2.0 + thin, 3.0, 3)],
    ]
    assert enriched.richer(Line(np.array([-3.0, 0.0, 3.0]), (3, 3)), [-3.0, 3.0])[0] == [Element(-3.0, 0.0, 5)]


def test_refinement_goes_where_the_error_is():
    """Light matter that fills the shell but for a heavy core: the elements beside the interfaces are the ones cut."""
    structure = grids.nested((4.0, 4.0, 4.0), (1.0,))
    solved = hp.adapt(structure, [problem((1.0, 0.1), (0.0, 3.0), 1)], 1e-5)
    line = solved.space.lines[0]
    width = np.diff(line.breaks)
    beside = [i for i, (a, b) in enumerate(pairwise(line.breaks)) if {a, b} & {-2.0, 2.0}]
    assert max(width[beside]) < 0.2 * max(width)
    assert max(np.array(line.degrees)[beside]) <= min(np.array(line.degrees)[np.argmax(width)], 4)


def test_axes_that_are_alike_stay_alike():
    """Whatever the states of a threefold level, cut in two by the count, say."""
    solved = hp.adapt(grids.nested((4.0, 4.0, 4.0), (1.0,)), [problem((1.0, 0.2), (0.0, 3.0), 3)], 1e-3)
    lines = solved.space.lines
    assert all(np.array_equal(line.breaks, lines[0].breaks) and line.degrees == lines[0].degrees for line in lines)
    assert lines[0].degrees == lines[0].degrees[::-1]
    assert np.array_equal(lines[0].breaks, -lines[0].breaks[::-1])


def test_what_axes_lack_that_are_alike_is_found_once(monkeypatch):
    """A square rod, of other masses along than across: two axes share their lacks, and the space is the same."""
    structure, rod = grids.nested((4.0, 4.0, 4.0), (1.0,)), np.array([[1.0, 1.0, 0.7], [0.2, 0.2, 0.1]])
    once, each = [], []
    honest = hp.lacks
    counted = lambda calls: lambda *args: calls.append(args[2]) or honest(*args)  # noqa: E731
    monkeypatch.setattr(hp, "lacks", counted(once))
    solved = hp.adapt(structure, [Problem(rod, np.array([0.0, 3.0]), 6)], 1e-4)
    monkeypatch.setattr(hp, "lacks", counted(each))
    monkeypatch.setattr(hp, "_kind", lambda *args: args[1])
    alone = hp.adapt(structure, [Problem(rod, np.array([0.0, 3.0]), 6)], 1e-4)
    assert once == [0, 2] * (solved.steps - 1)
    assert each == [0, 1, 2] * (alone.steps - 1)
    assert solved.steps > 1
    for one, other in zip(solved.space.lines, alone.space.lines):
        assert enriched.same(one, other)


def test_union_of_lines():
    one, other = Line(np.array([0.0, 1.0, 2.0]), (3, 2)), Line(np.array([0.0, 0.5, 2.0]), (2, 4))
    union = enriched._union([one, other])
    assert union.breaks.tolist() == [0.0, 0.5, 1.0, 2.0]
    assert union.degrees == (3, 4, 4)


THIN = (
    grids.nested((8.0, 8.0, 8.0), (1e-6, 2 - 1e-6)),
    problem(HBAR2_2M0 / np.array([0.134, 1.0, 0.28]), (0.0, -1.0, 0.6)),
)


def test_a_layer_of_a_millionth_of_the_rest():
    """It moves no level by more than what it holds of it; the same mesh of elements finds them, as accurately."""
    structure, case = THIN
    a, v = case.diffusion[[0, 2], 0], case.potential[[0, 2]]
    with_layer = hp.adapt(structure, [case], 1e-5)
    without = hp.adapt(grids.nested((8.0, 8.0, 8.0), (2.0,)), [problem(a, v)], 1e-5)
    assert np.all(with_layer.errors[0] > 1e-7)
    assert with_layer.errors[0].max() <= 1e-5
    np.testing.assert_allclose(with_layer.pairs[0].values, without.pairs[0].values, atol=1e-5)


def test_lost_digits_are_no_accuracy(monkeypatch):
    """Eigenvalues of a box's stiffness itself: a level comes out 140 meV off, and no lower on the richer space."""

    def lossy(vectors, side, gradients, mass):
        k, m = side.T @ gradients.T @ gradients @ side, side.T @ mass @ side
        rows = np.flatnonzero(m.any(axis=0))
        here = np.ix_(rows, rows)
        values, own = eigh(k[here], m[here])
        return separable.Side(own.T @ m[here] @ vectors[rows], values)

    monkeypatch.setattr(separable, "_side", lossy)
    structure, case = THIN
    with pytest.raises(OutOfReach):
        hp.adapt(structure, [case], 1e-5)


def test_states_that_change_their_order_are_not_lost():
    """The sixth level comes down to 111.4 meV from beyond the six of the coarse space; the seventh is at 122.7 meV.

    Found at random: a hole in nested boxes without mirror planes along x and y, from degree 2. The level is that of
    two searches from degrees 3 and 4, and of a fixed space.
    """
    layers = (("shell_1", 0.205), ("shell_2", 2.376), ("surroundings", 2.058))
    structure = Structure(Cuboid((12.49, 13.433, 8.31)), layers, (-0.064, -0.119, 0.0))
    hole = problem(HBAR2_2M0 / np.array([0.1529, 1.8786, 0.2163, 0.7684]), (0.0, 0.79, 0.593, 1.74))
    found = hp.adapt(structure, [hole], 5e-3, degree=2).pairs[0].values
    assert found[5] == pytest.approx(0.1114, abs=3e-4)


def test_what_is_the_same_is_not_solved_again(monkeypatch):
    """Barriers of one carrier up and down: the other's states are recalled, and every number is what it is alone."""
    structure = grids.nested((4.0, 4.0, 4.0), (1.0,))
    solved = []
    honest = hp.lowest
    monkeypatch.setattr(hp, "lowest", lambda *args: solved.append(args[1]) or honest(*args))
    same, memory = problem((1.0, 0.5), (0.0, 2.0)), hp.Memory()
    for barrier in (3.0, 3.1, 3.0):
        problems = [problem((1.0, 0.4), (0.0, barrier)), same]
        solved.clear()
        alone = hp.adapt(structure, problems, 1e-4)
        fresh = len(solved)
        solved.clear()
        found = hp.adapt(structure, problems, 1e-4, memory=memory)
        for one, other in zip(found.pairs, alone.pairs):
            np.testing.assert_array_equal(one.values, other.values)
    assert found.steps > 1
    assert fresh == 2 * found.steps
    assert len(solved) == found.steps


def test_only_states_that_are_followed_say_what_is_refined():
    """The reference electron's six levels lack most in the shell; the eighth and ninth, seen at first, in the core."""
    a, structure = HBAR2_2M0 / np.array([0.134, 0.28]), grids.nested((14.2, 14.2, 14.2), (2.15,))
    solved = hp.adapt(structure, [problem(a, (0.0, 0.6))], 1e-5)
    assert solved.space.lines[0].degrees == (5, 4, 4, 4, 4, 5)


def test_a_look_ends_when_a_step_adds_little():
    """Masses that differ thirtyfold: more than the two steps that others take, and most of what the space holds."""
    structure, case = grids.nested((5.5, 5.5, 5.5), (1.9,)), problem((0.022, 0.59), (0.0, 0.31))
    line = graded(hp.interfaces(structure, 0), 0, 4)
    finer = enriched.line_of([*chain(*enriched.richer(line, hp.interfaces(structure, 0)))])
    poor, rich = (nested(structure, (each,) * 3).problem(case.diffusion, case.potential) for each in (line, finer))
    levels = sectors.lowest(poor, 6)
    look, whole = sectors.improved(rich, levels), sectors.lowest(rich, 6)
    assert min(sector.iterations for sector in look.sectors) > 3
    share = (levels.values - look.values) / (levels.values - whole.values)
    assert np.all(share > 0.75)
    assert np.all(share <= 1)


def test_what_is_rounding_adds_little():
    """Near zero, too, where the potential is not."""
    falls = [[0.0], [-1e-15], [-2e-15]]
    assert sectors._settled(-30.0, 1, np.array(falls))
    assert not sectors._settled(0.0, 1, np.array(falls))
    assert not sectors._settled(-30.0, 1, np.array([[0.0], [-1.0], [-2.0]]))


def test_a_look_does_not_wait_for_what_is_told_roughly():
    falls = np.array([[0.0, 1.0], [-1.0, 0.0], [-1.1, -1.0]])
    assert sectors._settled(-30.0, 1, falls)
    assert not sectors._settled(-30.0, 2, falls)


# a shell thirty times heavier than the core: a dense spectrum above the barrier
HEAVY = (
    grids.nested((3.2, 3.2, 3.2), (2.05,), (-0.37, 0.0, 0.0)),
    problem(HBAR2_2M0 / np.array([0.0666, 1.99]), (0.0, 1.386)),
)


@pytest.mark.parametrize("sharp", [None, 6])
def test_states_in_a_dense_spectrum(sharp):
    """Those above the barrier come with a wider block, or roughly; none is missing, and those asked for are sharp."""
    structure, case = HEAVY
    x, y = (graded(hp.interfaces(structure, axis), 0, 4) for axis in range(2))
    task = nested(structure, (x, y, y)).problem(case.diffusion, case.potential, tolerance=1e-4)
    found = sectors.lowest(task, 9, sharp=sharp)
    every = []
    for parities in task.sectors:
        operator = separable.Operator(task, parities)
        every.append(np.linalg.eigvalsh(operator.apply(np.eye(operator.separable.size))))
    truth = np.sort(np.concatenate(every))[:9]
    np.testing.assert_allclose(found.values[:sharp], truth[:sharp], rtol=1e-6)
    np.testing.assert_allclose(found.values, truth, rtol=1e-2)
    assert max(sector.iterations for sector in found.sectors) <= sectors.PATIENCE


def test_what_is_told_roughly_is_told_sharply_where_it_is_wanted(monkeypatch):
    """The separable operator may expect no wanted state where the lowest is: it is found rough, and then solved for."""
    structure, case = HEAVY
    x, y = (graded(hp.interfaces(structure, axis), 0, 4) for axis in range(2))
    task = nested(structure, (x, y, y)).problem(case.diffusion, case.potential, tolerance=1e-4)
    truth = sectors.lowest(task, 6)
    honest = sectors._expected
    last = task.sectors[-1]
    wrong = lambda task, n: {p: n * (p == last) for p in task.sectors} if n == 4 else honest(task, n)  # noqa: E731
    monkeypatch.setattr(sectors, "_expected", wrong)
    found = sectors.lowest(task, 6, sharp=4)
    np.testing.assert_allclose(found.values[:4], truth.values[:4], rtol=1e-7)
    assert all(sector.residuals[i] <= 1e-4 for sector, i in found.chosen[:4])


def test_levels_below_a_dense_spectrum():
    structure, case = HEAVY
    solved = hp.adapt(structure, [case], 1e-4)
    assert solved.errors[0].max() <= 1e-4
    assert solved.pairs[0].values[[0, 1, 5]] == pytest.approx([0.25, 0.81, 1.29], abs=0.02)
