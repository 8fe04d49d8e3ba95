"""Points and results from Python: what the contract promises of every entry, and the physics that ties it together."""

import json
from importlib.metadata import version
from importlib.util import find_spec

import jobs
import pytest

import exciton
from exciton.units import HC
from exciton.workflow import solve_point
from solvers import hp
from solvers.errors import NotAffordable, SolverError

COARSE = {"energy_meV": 5.0}
ENTRY = {
    "key",
    "parameters",
    "alignment",
    "electron",
    "hole",
    "overlap_squared",
    "gap_eV",
    "gap_origin",
    "exciton",
    "emission_eV",
    "emission_nm",
    "cost",
}
COST = {"dofs", "seconds", "ranks", "peak_memory_MiB"}


@pytest.fixture(scope="module")
def point():
    return jobs.solve(4.0, (("C", 0.0), ("B", 0.8)), 1.0, accuracy=COARSE, carriers={"states": 3})


def test_every_promised_key_and_no_other(point):
    assert set(point) == ENTRY
    assert set(point["alignment"]) == {"type", "type_by_states", "materials"}
    assert set(point["alignment"]["materials"]) == {"B", "C", "L"}
    assert point["alignment"]["materials"]["B"] == {"electron_barrier_eV": 0.4, "hole_barrier_eV": 0.8}
    assert set(point["cost"]) >= COST
    assert point["cost"]["ranks"] == 1
    assert point["cost"]["seconds"] > 0
    for carrier in ("electron", "hole"):
        block = point[carrier]
        for key in ("energies_meV", "error_meV", "residuals", "probability", "probability_error", "participation_nm3"):
            assert len(block[key]) == 3, key
        assert block["energies_meV"] == sorted(block["energies_meV"])
        for shares in block["probability"]:
            assert list(shares) == ["core", "shell_1", "shell_2", "surroundings"]
            assert shares["shell_1"] == 0
            assert sum(shares.values()) == pytest.approx(1, abs=1e-6)
    json.dumps(point, allow_nan=False)  # plain numbers and words


def test_emission_is_gap_plus_pair(point):
    pair = point["exciton"]
    assert sum(pair["terms_meV"].values()) == pytest.approx(pair["energy_meV"], abs=1e-9)
    assert set(pair["terms_meV"]) == {"electron", "hole", "attraction"}
    assert pair["terms_meV"]["electron"] == pytest.approx(point["electron"]["energies_meV"][0])
    assert point["emission_eV"] == pytest.approx(point["gap_eV"] + 1e-3 * pair["energy_meV"], abs=1e-12)
    assert point["emission_nm"] == pytest.approx(HC / point["emission_eV"])
    assert pair["enhancement"] == pytest.approx(point["overlap_squared"])


def test_without_a_pair_its_keys_are_absent():
    point = jobs.solve(4.0, (("B", 0.8),), accuracy=COARSE, exciton={"level": "none"})
    assert set(point) == ENTRY - {"exciton"}
    levels = point["electron"]["energies_meV"][0] + point["hole"]["energies_meV"][0]
    assert point["emission_eV"] == pytest.approx(point["gap_eV"] + 1e-3 * levels, abs=1e-12)
    assert not {"radiative_lifetime_ns", "mean_field_lifetime_ns"} & set(point)


def test_a_scan_of_the_mass_does_not_move_the_bulk_line():
    """gap - Rydberg = the measured exciton line, whatever the mass."""
    job = jobs.job(
        8.0,
        materials={"A": {"exciton_line_eV": 2.3}},
        accuracy=COARSE,
        sweep=[{"parameter": "materials.A.electron_mass", "values": [0.08, 0.13, 0.3]}],
    )
    tables = job.raw
    del tables["materials"]["A"]["gap_eV"]
    found = exciton.solve(exciton.Job(**tables)).points
    for point, electron in zip(found, (0.08, 0.13, 0.3)):
        reduced = electron * 0.2 / (electron + 0.2)
        assert point["gap_eV"] - 13.605693 * reduced / 5.0**2 == pytest.approx(2.3, abs=1e-6)
    assert len({point["gap_eV"] for point in found}) == 3


@pytest.mark.parametrize(
    ("electron", "hole", "by_inputs", "by_states"),
    [
        (0.4, 0.8, "I", {"I", "quasi-I"}),
        (0.05, 0.8, "quasi-II", {"I", "quasi-I"}),
        (-1.5, 0.8, "II", {"II"}),
        (-1.0, -1.0, "inverted", {"inverted"}),
    ],
)
def test_types(electron, hole, by_inputs, by_states):
    """By the barriers, and by where the states are; both ground states are looked at."""
    shell = {"B": {"electron_barrier_eV": electron, "hole_barrier_eV": hole}}
    point = jobs.solve(5.0, (("B", 1.5),), alignment=shell, accuracy=COARSE, exciton={"level": "none"})
    assert point["alignment"]["type"] == by_inputs
    assert point["alignment"]["type_by_states"] in by_states
    cores = [point[carrier]["probability"][0]["core"] for carrier in ("electron", "hole")]
    assert [c > 0.5 for c in cores] == [electron > -0.5, hole > -0.5]


def test_a_layer_of_no_thickness_is_in_no_answer():
    """It keeps its number with probability 0, in the pair too, and its barriers name no type."""
    alignment = {"B": {"electron_barrier_eV": 0.4, "hole_barrier_eV": 0.8}}
    alignment["C"] = {"electron_barrier_eV": -1.5, "hole_barrier_eV": 0.8}
    point = jobs.solve(5.0, (("C", 0.0), ("B", 0.8)), alignment=alignment, accuracy=COARSE)
    assert point["alignment"]["type"] == "I"
    for carrier in ("electron", "hole"):
        for shares in (point[carrier]["probability"][0], point["exciton"][f"{carrier}_probability"]):
            assert list(shares) == ["core", "shell_1", "shell_2"]
            assert shares["shell_1"] == 0


def test_states_above_the_surroundings_are_flagged():
    low = {"L": {"electron_barrier_eV": 0.3, "hole_barrier_eV": 5.0}}
    point = jobs.solve(3.0, (), 1.0, alignment=low, accuracy=COARSE, carriers={"states": 2})
    above = [i for i, e in enumerate(point["electron"]["energies_meV"]) if e > 300]
    assert above
    flags = [flag.split(":")[0] for flag in point["flags"]]
    assert flags == [f"electron_{i}" for i in above]
    remedy = f"carriers.states = {above[0]} leaves it out" if above[0] else "correct alignment.L.electron_barrier_eV"
    assert all(flag.endswith(remedy) for flag in point["flags"])
    deep = jobs.solve(6.0, (), 1.0, accuracy=COARSE, carriers={"states": 1})
    assert "flags" not in deep


def test_solve_gives_every_point_in_order_and_says_so():
    seen = []
    job = jobs.job(4.0, accuracy=COARSE, sweep=[{"parameter": "structure.core.edge_nm", "values": [5.0, 4.0]}])
    result = exciton.solve(job, progress=lambda done, of: seen.append((done, of)))
    assert seen == [(1, 2), (2, 2)]
    assert [p["parameters"]["structure.core.edge_nm"] for p in result.points] == [5.0, 4.0]
    assert result.points[0]["electron"]["energies_meV"][0] < result.points[1]["electron"]["energies_meV"][0]
    assert result.versions["exciton-fem"] == exciton.__version__
    for name in ("numpy", "petsc4py", "slepc4py", "mpi4py"):  # those that are here
        there = find_spec(name) is not None
        assert (name in result.versions) == there
        assert not there or result.versions[name] == version(name)
    assert any("2.4" in line for line in result.assumptions)


def test_what_cannot_be_afforded_is_an_error(monkeypatch):
    """It never just returns."""
    monkeypatch.setattr(hp, "LIMIT", 60_000)
    (point,) = jobs.points(jobs.job(4.0, (("B", 0.8),), accuracy={"energy_meV": 1e-3}, exciton={"level": "none"}))
    with pytest.raises(NotAffordable, match=r"levels to 0\.001 meV were asked for; [\d.e-]+ meV was reached"):
        solve_point(point)


def test_a_pair_below_the_valence_band_is_an_error():
    wells = {"B": {"electron_barrier_eV": -1.9, "hole_barrier_eV": -1.9}}
    (point,) = jobs.points(jobs.job(4.0, (("B", 2.0),), alignment=wells, accuracy=COARSE, exciton={"level": "none"}))
    with pytest.raises(SolverError, match="no photon"):
        solve_point(point)


@pytest.mark.parametrize("order", [1, -1], ids=["forwards", "backwards"])
def test_a_sweep_that_remembers_moves_no_number(order):
    """Each point after the one before it, or by itself."""
    sweep = [{"parameter": "alignment.B.electron_barrier_eV", "values": [0.3, 0.4, 0.5]}]
    memory = hp.Memory()
    for each in jobs.points(exciton.Job(**jobs.tables(4.0, (("B", 1.0),), 1.0, sweep=sweep)))[::order]:
        one, other = solve_point(each, memory=memory).entry, solve_point(each).entry
        assert {**one, "cost": 0} == {**other, "cost": 0}
