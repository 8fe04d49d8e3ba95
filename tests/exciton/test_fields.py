"""What is written of the wavefunctions: VTU files that meshio reads, profiles with both sides of every interface."""

import csv

import jobs
import meshio
import numpy as np
import pytest

from exciton.carriers import bound_states
from exciton.cubes import cube, write_cubes
from exciton.fields import write_fields, write_profile, write_text
from exciton.units import BOHR

COARSE = {"energy_meV": 5.0}
CELLS = {
    "electron_band_edge_eV",
    "hole_band_edge_eV",
    "electron_mass",
    "hole_mass",
    "permittivity",
    "material",
    "region",
}

CASES = {
    "boxes": jobs.tables(4.0, (("B", 0.0), ("C", 0.7)), 1.0, (0.2, 0.0, 0.0), accuracy=COARSE, carriers={"states": 2}),
    "hexahedra": jobs.tables(
        4.0, (("B", 1.0),), accuracy={"element": "hexahedron", "degree": 4, "size_nm": 1.5}, carriers={"states": 2}
    ),
    "tetrahedra": jobs.tables(
        4.0, (("B", 1.0),), accuracy={"element": "tetrahedron", "degree": 3, "size_nm": 1.2}, carriers={"states": 2}
    ),
}


@pytest.fixture(scope="module", params=list(CASES))
def solved(request, tmp_path_factory):
    resolved = jobs.points(jobs.exciton.Job(**CASES[request.param]))[0].resolved
    carriers = bound_states(resolved)
    folder = tmp_path_factory.mktemp(request.param)
    write_fields(folder / "p.vtu", resolved, carriers)
    write_profile(folder / "p.csv", resolved, carriers)
    return resolved, carriers, folder


def volumes(block, points):
    """Of straight cells, by their first corners."""
    x = points[block.data]
    if block.type.startswith("tetra"):
        return np.abs(np.linalg.det(x[:, 1:4] - x[:, :1])) / 6
    return np.ptp(x, axis=1).prod(axis=1)  # boxes along the axes


def test_vtu_is_readable_and_holds_what_was_promised(solved):
    resolved, carriers, folder = solved
    mesh = meshio.read(folder / "p.vtu")
    names = {f"{carrier}_{i}" for carrier in ("electron", "hole") for i in range(2)}
    assert names <= set(mesh.point_data)
    assert set(mesh.cell_data) >= CELLS
    (block,) = mesh.cells
    sizes = volumes(block, mesh.points)
    assert sizes.sum() == pytest.approx(np.prod(resolved.geometry.extent), rel=1e-6)
    for name in names:
        psi = mesh.point_data[name]
        norm = sizes @ (psi[block.data] ** 2).mean(axis=1)
        assert norm == pytest.approx(1, abs=0.05)
    # the densities of the regions are those of the result
    region = mesh.cell_data["region"][0]
    inside = sizes * (mesh.point_data["electron_0"][block.data] ** 2).mean(axis=1)
    core = carriers.electron.probability[0]["core"]
    assert inside[region == carriers.space.regions.index("core")].sum() == pytest.approx(core, abs=0.05)


def test_cell_data_are_those_of_the_materials(solved):
    resolved, carriers, folder = solved
    mesh = meshio.read(folder / "p.vtu")
    region = mesh.cell_data["region"][0]
    for number, name in enumerate(carriers.space.regions):
        (expected,) = (r for r in resolved.regions if r.name == name)
        here = region == number
        assert here.any()
        for key, value in (
            ("electron_band_edge_eV", expected.electron_barrier),
            ("hole_mass", expected.hole_mass[0]),
            ("permittivity", expected.permittivity),
        ):
            assert mesh.cell_data[key][0][here] == pytest.approx(value)


def test_profile_has_units_and_both_sides_of_every_interface(solved):
    resolved, _, folder = solved
    with (folder / "p.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0])[:4] == ["x_nm", "region", "electron_band_edge_eV", "hole_band_edge_eV"]
    assert set(list(rows[0])[4:]) == {f"{c}_{i}_nm-3" for c in ("electron", "hole") for i in range(2)}
    x = np.array([float(row["x_nm"]) for row in rows])
    half = resolved.geometry.extent[0] / 2
    assert np.all(np.diff(x) >= 0)
    assert (x[0], x[-1]) == pytest.approx((-half, half), abs=1e-6)
    names = [row["region"] for row in rows]
    core = resolved.geometry.boundaries[0].extent[0] / 2
    shift = resolved.geometry.centres[0][0]
    inside = np.abs(x - shift) < core - 1e-9
    assert {n for n, i in zip(names, inside) if i} == {"core"}
    assert "core" not in {n for n, i in zip(names, np.abs(x - shift) > core + 1e-6) if i}
    density = np.array([float(row["electron_0_nm-3"]) for row in rows])
    assert density.min() >= 0
    assert density[0] == pytest.approx(0, abs=1e-8)
    assert density[-1] == pytest.approx(0, abs=1e-8)


def test_cubes_are_read_by_others(solved, tmp_path, pyvista):
    """By ASE and by VTK: norm 1, and the values of the states themselves at the places that the file names."""
    ase = pytest.importorskip("ase.io.cube")
    resolved, carriers, _ = solved
    write_cubes(tmp_path / "point_000", resolved, carriers)
    names = {f"point_000_{carrier}_{i}.cube" for carrier in ("electron", "hole") for i in range(2)}
    assert {file.name for file in tmp_path.iterdir()} == names
    file = tmp_path / "point_000_hole_1.cube"
    with file.open() as stream:
        read = ase.read_cube(stream)
    angstrom = 0.1  # nm
    psi = read["data"] / BOHR**1.5
    half = resolved.geometry.extent / 2
    np.testing.assert_allclose(np.array(read["origin"]) * angstrom, -half, atol=1e-5)
    steps = np.diag(read["spacing"]) * angstrom
    np.testing.assert_allclose(steps * (np.array(psi.shape) - 1), 2 * half, atol=1e-4)
    np.testing.assert_allclose(read["atoms"].positions[0] * angstrom, resolved.geometry.centres[0], atol=1e-5)
    exact = carriers.space.on_grid(carriers.hole.psi, *(np.linspace(-h, h, n) for h, n in zip(half, psi.shape)))[1]
    np.testing.assert_allclose(psi, exact, atol=2e-5 * abs(exact).max())
    assert (psi**2).sum() * steps.prod() == pytest.approx(1, abs=5e-3)
    grid = pyvista.GaussianCubeReader(str(file)).read(grid=True)
    np.testing.assert_allclose(np.asarray(grid.active_scalars), read["data"].ravel(order="F"), rtol=1e-6)


def test_a_cube_has_its_lines_as_the_format_wants_them():
    """Six values a line, a new line with every run along z, the atom where it was put."""
    axes = [np.array([0.0, 1.0]), np.array([0.0, 2.0, 4.0]), np.linspace(-1.0, 1.0, 8)]
    psi = np.arange(48.0).reshape(2, 3, 8)
    lines = cube("title", axes, psi, np.array([0.5, 0.0, 0.0])).splitlines()
    assert lines[1] == "title"
    assert [float(word) for word in lines[2].split()] == pytest.approx([1, 0, 0, -1 / BOHR], abs=1e-5)
    assert [float(word) for word in lines[4].split()] == pytest.approx([3, 0, 2 / BOHR, 0], abs=1e-5)
    assert [float(word) for word in lines[6].split()] == pytest.approx([1, 0, 0.5 / BOHR, 0, 0], abs=1e-5)
    values = [[float(word) for word in line.split()] for line in lines[7:]]
    assert [len(row) for row in values] == [6, 2] * 6
    assert [value for row in values for value in row] == pytest.approx((psi * BOHR**1.5).ravel(), rel=1e-5)


def test_text_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    file = tmp_path / "new" / "a.txt"
    write_text(file, "one")
    assert file.read_text() == "one"
    monkeypatch.setattr("os.fsync", lambda _: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        write_text(file, "two")
    assert file.read_text() == "one"
    assert [f.name for f in file.parent.iterdir()] == ["a.txt"]
