"""Shapes and structures: exact volumes, parallel surfaces, and what cannot be."""

from dataclasses import FrozenInstanceError
from math import inf, nan, pi

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from meshes.errors import MeshError
from meshes.shapes import Cuboid, RoundedCube, Sphere, Structure

LENGTHS = st.floats(0.5, 20)
SHAPES = st.one_of(
    st.tuples(LENGTHS, LENGTHS, LENGTHS).map(Cuboid),
    LENGTHS.map(Sphere),
    st.tuples(LENGTHS, st.floats(0.01, 0.5)).map(lambda pair: RoundedCube(pair[0], pair[0] * pair[1])),
)
THICKNESSES = st.lists(st.one_of(st.just(0.0), st.floats(0.01, 5)), max_size=4)


def layered(core, thicknesses, shift=(0, 0, 0)):
    return Structure(core, tuple((f"shell_{i}", t) for i, t in enumerate(thicknesses, 1)), shift)


def test_volumes_by_hand():
    assert Cuboid((2, 3, 4)).volume == 24
    assert Sphere(2).volume == pytest.approx(4 * pi / 3, rel=1e-15)
    assert RoundedCube(4, 2).volume == pytest.approx(Sphere(4).volume, rel=1e-15)
    assert RoundedCube(4, 1e-9).volume == pytest.approx(64, rel=1e-12)
    assert RoundedCube(4, 1).volume == pytest.approx(8 + 24 + 6 * pi + 4 * pi / 3, rel=1e-15)


@settings(deadline=None)
@given(SHAPES)
def test_volume_is_what_contains_says(shape):
    """Midpoint sum over one octant; the error is at most the cells that the surface cuts."""
    n = 40
    axes = [edge / 2 * (np.arange(n) + 0.5) / n for edge in shape.extent]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    assert shape.contains(points).mean() * shape.extent.prod() == pytest.approx(shape.volume, rel=0.02)


@given(SHAPES, st.floats(0.01, 5))
def test_layers_are_parallel_surfaces(shape, thickness):
    """Points of the surface move by the thickness, onto the new surface, and two steps are one."""
    grown = shape.grown(thickness)
    assert grown.extent == pytest.approx(shape.extent + 2 * thickness)
    assert shape.grown(thickness).grown(1.0).volume == pytest.approx(shape.grown(thickness + 1.0).volume)
    on = shape.onto(shape.extent / 2 if isinstance(shape, Cuboid) else shape.extent * [0.51, 0.48, 0.53])
    out = shape.outset(on[None], thickness)[0]
    if isinstance(shape, Cuboid):
        assert np.abs(out - on).max() == pytest.approx(thickness)
    else:
        assert np.linalg.norm(out - on) == pytest.approx(thickness)
    assert grown.contains(out * (1 - 1e-9))
    assert not grown.contains(out * (1 + 1e-9))


@given(SHAPES, THICKNESSES)
def test_volumes_add_up_to_the_particle(core, thicknesses):
    structure = layered(core, thicknesses)
    assert structure.regions == ("core", *(f"shell_{i}" for i, t in enumerate(thicknesses, 1) if t > 0))
    assert len(structure.boundaries) == len(structure.regions) == len(structure.centres)
    assert min(structure.volumes.values()) > 0
    assert sum(structure.volumes.values()) == pytest.approx(core.grown(sum(thicknesses)).volume)
    assert structure.extent == pytest.approx(core.extent + 2 * sum(thicknesses))
    assert structure.mirror == (True, True, True)


@given(SHAPES, st.floats(0.01, 5), st.floats(0, 0.99), st.tuples(*[st.floats(-1, 1)] * 3))
def test_a_core_shifted_by_less_than_the_layer_stays_inside(core, thickness, part, direction):
    ball = np.inf if isinstance(core, Cuboid) else 2
    assume(np.linalg.norm(direction, ball) > 0.1)
    unit = np.array(direction) / np.linalg.norm(direction, ball)
    structure = layered(core, [0, thickness, 1], tuple(unit * thickness * part))
    assert structure.mirror == tuple(s == 0 for s in structure.core_shift)
    assert structure.volumes == layered(core, [0, thickness, 1]).volumes
    corners = core.extent / 2 * np.array(np.meshgrid([-1, 1], [-1, 1], [-1, 1])).reshape(3, 8).T
    surface = corners if isinstance(core, Cuboid) else core.onto(corners)
    assert structure.boundaries[1].contains(surface + structure.core_shift).all()
    with pytest.raises(MeshError, match="goes through or touches"):
        layered(core, [0, thickness, 1], tuple(unit * thickness * 1.001))


@pytest.mark.parametrize("core", [Cuboid((4, 4, 4)), Sphere(4), RoundedCube(4, 1)])
def test_a_core_that_touches_its_first_layer_is_refused(core):
    for shift in ((1, 0, 0), (0, -1, 0), (0, 0, 1 - 1e-8)):
        with pytest.raises(MeshError, match="touches"):
            Structure(core, (("s", 1), ("t", 5)), shift)
    with pytest.raises(MeshError, match="no layer"):
        Structure(core, (("s", 0),), (0.1, 0, 0))
    assert Structure(core, (("s", 1),), (0.99, 0, 0)).mirror == (False, True, True)


def test_smooth_cores_may_not_be_shifted_along_the_diagonal_as_far_as_cuboids():
    shift = (0.9, 0.9, 0.9)
    assert Structure(Cuboid((4, 4, 4)), (("s", 1),), shift).core_shift == shift
    for core in (Sphere(4), RoundedCube(4, 1)):
        with pytest.raises(MeshError):
            Structure(core, (("s", 1),), shift)


def test_region_at_goes_from_inside_out():
    structure = Structure(Cuboid((4, 4, 4)), (("a", 1), ("gone", 0), ("b", 1)), (0.5, 0, 0))
    points = [[2.4, 0, 0], [2.5, 0, 0], [2.6, 0, 0], [-1.6, 0, 0], [0, 3.5, 0], [0, 0, 4.1]]
    assert structure.region_at(points).tolist() == [0, 0, 1, 1, 2, -1]


@pytest.mark.parametrize(
    "make",
    [
        lambda: Cuboid((1, 2, 0)),
        lambda: Cuboid((1, 2)),
        lambda: Cuboid((1, nan, 2)),
        lambda: Cuboid((1, "a", 2)),
        lambda: Cuboid(3.0),
        lambda: Sphere(-1),
        lambda: Sphere(inf),
        lambda: Sphere(nan),
        lambda: RoundedCube(4, 2.001),
        lambda: RoundedCube(4, 0),
        lambda: RoundedCube(-4, 1),
        lambda: Structure("sphere"),
        lambda: Structure(Sphere(4), (("s", -1),)),
        lambda: Structure(Sphere(4), (("s", nan),)),
        lambda: Structure(Sphere(4), (("s", inf),)),
        lambda: Structure(Sphere(4), (("s", 1e-7),)),
        lambda: Structure(Sphere(4), (("s", "thick"),)),
        lambda: Structure(Sphere(4), (("s", 1), ("s", 2))),
        lambda: Structure(Sphere(4), (("core", 1),)),
        lambda: Structure(Sphere(4), (("", 1),)),
        lambda: Structure(Sphere(4), (("s", 1),), (0, 0)),
        lambda: Structure(Sphere(4), (("s", 1),), (0, nan, 0)),
    ],
)
def test_what_cannot_be_is_refused(make):
    with pytest.raises(MeshError, match=r"must|differ|only|is a|more than half"):
        make()


def test_frozen_and_comparable():
    one, two = Structure(Sphere(4), (("s", 1),)), Structure(Sphere(4.0), [["s", 1.0]])
    assert one == two
    assert hash(one) == hash(two)
    with pytest.raises(FrozenInstanceError):
        one.core = Sphere(5)
