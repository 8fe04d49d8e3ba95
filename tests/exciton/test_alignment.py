"""Gaps, barriers and names of alignments: numbers by hand, then what must hold for any input."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exciton import materials
from exciton.alignment import (
    BandEdges,
    alignment_type,
    band_gap,
    barriers,
    bulk_rydberg,
    gap_from_exciton_line,
    optical_mass,
    reduced_mass,
    type_by_states,
)
from exciton.errors import JobError

masses = st.floats(0.02, 5)
permittivities = st.floats(1, 30)
energies = st.floats(-3, 3)

CORE = BandEdges(name="core", gap=2.43, affinity=4.15)
SHELL = BandEdges(name="shell", gap=3.68, affinity=3.90)
LIGANDS = BandEdges(name="ligands", electron_barrier=3.0, hole_barrier=2.5)


def of(name):
    material = materials.lookup(name)
    affinity = material.quantities.get("electron_affinity_eV")
    spread = None if affinity is None else (affinity.low, affinity.high)
    return BandEdges.of(name, material.values, affinity_spread=spread)


# Rydberg and gap


def test_rydberg_by_hand():
    """Hydrogen and positronium; CsPbBr3: 13605.693 meV * 0.126 / 7.3^2 = 32.170 meV."""
    assert bulk_rydberg(1, 1e12, 1) == pytest.approx(13.605693, abs=1e-6)
    assert bulk_rydberg(1, 1, 1) == pytest.approx(13.605693 / 2, abs=1e-6)
    assert bulk_rydberg(0.252, 0.252, 7.3) == pytest.approx(13.605693 * 0.126 / 53.29, rel=1e-7)
    assert 1e3 * bulk_rydberg(0.252, 0.252, 7.3) == pytest.approx(32.17, abs=0.005)


def test_anisotropic_masses_by_hand():
    assert optical_mass((0.1, 0.2, 0.4)) == pytest.approx(3 / (10 + 5 + 2.5))
    assert optical_mass([0.3, 0.3, 0.3]) == pytest.approx(0.3)
    assert optical_mass(0.3) == 0.3
    assert reduced_mass((0.2, 0.2, 0.2), 0.2) == pytest.approx(0.1)


@given(masses, masses, permittivities)
def test_rydberg_is_symmetric_and_scales(electron, hole, permittivity):
    rydberg = bulk_rydberg(electron, hole, permittivity)
    assert rydberg == pytest.approx(bulk_rydberg(hole, electron, permittivity))
    assert bulk_rydberg(2 * electron, 2 * hole, permittivity) == pytest.approx(2 * rydberg)
    assert bulk_rydberg(electron, hole, 2 * permittivity) == pytest.approx(rydberg / 4)
    assert rydberg < bulk_rydberg(electron, 1.1 * hole, permittivity)


@given(st.permutations([0.1, 0.5, 2.0]), masses)
def test_the_optical_mass_does_not_know_the_axes(axes, other):
    assert reduced_mass(axes, other) == pytest.approx(reduced_mass((0.1, 0.5, 2.0), other))
    assert 0.1 <= optical_mass(axes) <= sum(axes) / 3


@given(masses, masses, permittivities)
def test_a_scan_of_the_mass_does_not_move_the_exciton_line(electron, hole, permittivity):
    gap = gap_from_exciton_line(2.398, electron, hole, permittivity)
    assert gap - bulk_rydberg(electron, hole, permittivity) == pytest.approx(2.398, abs=1e-12)
    job = materials.lookup("CsPbBr3").overridden(
        {"electron_mass": electron, "hole_mass": hole, "permittivity": permittivity}
    )
    assert band_gap(job).value == pytest.approx(gap)


def test_a_given_gap_wins():
    job = materials.lookup("CsPbBr3").overridden({"gap_eV": 2.36})
    gap = band_gap(job)
    assert gap.value == 2.36
    assert "given" in gap.origin


def test_the_origin_of_a_gap_says_what_went_in():
    gap = band_gap(materials.lookup("CsPbBr3").values)
    assert "2.398" in gap.origin
    assert "32.17 meV" in gap.origin
    job = materials.lookup("CsPbBr3").overridden({"hole_mass_xyz": (0.2, 0.252, 0.3)})
    assert "harmonic" in band_gap(job).origin
    assert "harmonic" not in gap.origin


@pytest.mark.parametrize("lost", ["exciton_line_eV", "electron_mass", "hole_mass", "permittivity"])
def test_no_gap_without_its_parts(lost):
    values = materials.lookup("CsPbBr3").values
    del values[lost]
    assert band_gap(values) is None


@pytest.mark.parametrize(
    "arguments", [(0, 1, 5), (-0.1, 1, 5), (1, (1, 1), 5), (1, (1, 0, 1), 5), (1, 1, 0.9), (float("nan"), 1, 5)]
)
def test_impossible_input_is_refused(arguments):
    with pytest.raises(JobError):
        bulk_rydberg(*arguments)


# barriers


def test_affinity_rule_by_hand():
    found = barriers(CORE, SHELL)
    assert found.electron == pytest.approx(0.25)
    assert found.hole == pytest.approx(1.00)
    assert found.origin == "affinity rule"


def test_the_database_gives_the_agreed_barriers():
    """4.15 - 3.9 = 0.25 eV, and 3.68 - 2.4302 - 0.25 = 0.9998 eV; the sign of the first is not known."""
    found = barriers(of("CsPbBr3"), of("ZnS"))
    assert found.electron == pytest.approx(0.25)
    assert found.hole == pytest.approx(0.9998, abs=1e-4)
    assert alignment_type(found.electron, found.hole) == "I"
    (note,) = found.notes
    assert "between -0.80 and 0.60 eV" in note
    assert "sign is not known" in note


def test_one_given_the_other_follows_from_the_gaps():
    assert barriers(CORE, SHELL, given_electron=-0.1).hole == pytest.approx(1.35)
    assert barriers(CORE, SHELL, given_hole=0.9).electron == pytest.approx(0.35)
    unknown = BandEdges(name="shell", gap=3.68)  # no affinity is needed
    assert barriers(CORE, unknown, given_electron=-0.1).hole == pytest.approx(1.35)


def test_both_given_win_and_a_mismatch_is_noted():
    exact = barriers(CORE, SHELL, given_electron=0.25, given_hole=1.0)
    assert (exact.electron, exact.hole, exact.notes) == (0.25, 1.0, ())
    more = barriers(CORE, SHELL, given_electron=0.5, given_hole=1.0)
    assert (more.electron, more.hole) == (0.5, 1.0)
    (note,) = more.notes
    assert "0.250 eV more" in note
    assert "1.250 eV" in note
    (note,) = barriers(CORE, SHELL, given_electron=0.2, given_hole=1.0).notes
    assert "0.050 eV less" in note
    bare = BandEdges(name="x")
    assert barriers(bare, BandEdges(name="y"), given_electron=0.5, given_hole=1.0).notes == ()


def test_a_matrix_has_its_conventional_barriers():
    found = barriers(CORE, LIGANDS)
    assert (found.electron, found.hole, found.origin) == (3.0, 2.5, "convention")
    assert len(found.notes) == 2
    assert all("convention" in note for note in found.notes)
    assert barriers(BandEdges(name="core"), LIGANDS).hole == 2.5  # whatever the core


def test_one_barrier_of_a_matrix_given():
    found = barriers(CORE, LIGANDS, given_electron=1.5)
    assert (found.electron, found.hole) == (1.5, 2.5)
    assert "electron: given" in found.origin
    assert len(found.notes) == 1


def test_vacuum_takes_the_affinity_of_the_core():
    found = barriers(of("CsPbBr3"), of("vacuum"))
    assert (found.electron, found.hole) == (4.15, 3.0)
    assert found.origin == "electron: affinity rule, hole: convention"


def test_affinities_and_gaps_come_before_a_convention():
    told = BandEdges(name="ligands", gap=7.0, affinity=1.0, electron_barrier=3.0, hole_barrier=3.0)
    found = barriers(CORE, told)
    assert (found.electron, found.hole) == pytest.approx((3.15, 1.42))
    assert found.origin == "affinity rule"


def test_the_core_material_itself_has_no_barriers():
    bare = BandEdges(name="core")
    assert barriers(bare, bare).electron == 0
    assert barriers(bare, bare).hole == 0
    assert barriers(bare, bare, given_electron=0.2).hole == -0.2


@given(st.floats(0.5, 5), st.floats(0.5, 5), st.floats(0, 5), st.floats(0, 5), energies)
def test_barriers_add_up_to_the_difference_of_the_gaps(core_gap, gap, core_affinity, affinity, told):
    core = BandEdges(name="a", gap=core_gap, affinity=core_affinity)
    other = BandEdges(name="b", gap=gap, affinity=affinity)
    for found in (
        barriers(core, other),
        barriers(core, other, given_electron=told),
        barriers(core, other, given_hole=told),
    ):
        assert found.electron + found.hole == pytest.approx(gap - core_gap, abs=1e-9)
    there, back = barriers(core, other), barriers(other, core)
    assert (there.electron, there.hole) == pytest.approx((-back.electron, -back.hole), abs=1e-9)


@pytest.mark.parametrize(
    ("core", "other", "told", "wanted", "unwanted"),
    [
        (CORE, BandEdges(name="X"), {}, "[materials.X] gap_eV and electron_affinity_eV", "[materials.core]"),
        (CORE, BandEdges(name="X", gap=3.0), {}, "[materials.X] electron_affinity_eV", "gap_eV and"),
        (BandEdges(name="core", gap=2.0), SHELL, {}, "[materials.core] electron_affinity_eV", "[materials.shell]"),
        (CORE, BandEdges(name="X"), {"given_electron": 0.1}, "hole_barrier_eV, or [materials.X] gap_eV", "affinity"),
        (CORE, BandEdges(name="X"), {"given_hole": 0.1}, "electron_barrier_eV, or [materials.X] gap_eV", "affinity"),
    ],
)
def test_too_little_is_an_error_that_says_what_to_give(core, other, told, wanted, unwanted):
    with pytest.raises(JobError) as caught:
        barriers(core, other, **told)
    assert f"[alignment.{other.name}]" in str(caught.value)
    assert wanted in str(caught.value)
    assert unwanted not in str(caught.value)


def test_the_error_with_nothing_known():
    with pytest.raises(JobError) as caught:
        barriers(CORE, BandEdges(name="X"))
    assert str(caught.value) == (
        "the barriers of X against core are not known; give [alignment.X] electron_barrier_eV and hole_barrier_eV, "
        "or [materials.X] gap_eV and electron_affinity_eV"
    )


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_barrier_must_be_finite(value):
    with pytest.raises(JobError, match="finite"):
        barriers(CORE, SHELL, given_electron=value)
    with pytest.raises(JobError, match="finite"):
        barriers(CORE, SHELL, given_hole=value)


@pytest.mark.parametrize("name", [n for n in materials.names() if n != "CsPbBr3"])
def test_every_material_lines_up_with_the_default_core(name):
    found = barriers(of("CsPbBr3"), of(name))
    assert -2 < found.electron < 5
    assert -2 < found.hole < 5


# names


@pytest.mark.parametrize(
    ("electron", "hole", "name"),
    [
        (0.25, 1.0, "I"),
        (0.11, 0.11, "I"),
        (0.1, 1.0, "quasi-II"),  # the limit itself is within
        (0.05, 1.0, "quasi-II"),
        (-0.1, 1.0, "quasi-II"),
        (-0.11, 1.0, "II"),
        (1.0, -0.3, "II"),
        (0.0, 0.0, "quasi-II"),
        (-0.3, 0.05, "quasi-II"),  # one held in the shell, the other nowhere
        (-0.11, -0.11, "inverted"),
        (4.0 - 3.9, 1.0, "quasi-II"),  # 0.10000000000000009
    ],
)
def test_alignment_types(electron, hole, name):
    assert alignment_type(electron, hole) == name
    assert alignment_type(hole, electron) == name


@given(energies, energies)
def test_seen_from_the_shell_only_I_and_inverted_change_places(electron, hole):
    turned = {"I": "inverted", "inverted": "I"}
    name = alignment_type(electron, hole)
    assert alignment_type(-electron, -hole) == turned.get(name, name)


@pytest.mark.parametrize(
    ("electron", "hole", "name"),
    [
        (0.99, 0.95, "I"),
        (0.9, 1.0, "I"),
        (0.89, 1.0, "quasi-I"),
        (0.51, 0.51, "quasi-I"),
        (0.5, 0.99, "II"),  # half is not the larger part
        (0.2, 0.99, "II"),
        (0.2, 0.6, "II"),
        (0.2, 0.5, "inverted"),
        (0.0, 0.0, "inverted"),
    ],
)
def test_types_by_states(electron, hole, name):
    assert type_by_states(electron, hole) == name
    assert type_by_states(hole, electron) == name
