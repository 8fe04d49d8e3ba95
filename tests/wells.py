"""Results to draw pictures of: a separable core/shell/ligand well, the 1-D one solved by finite differences.

The products of its states put charge where a cube does.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh_tridiagonal

from exciton.pictures import style
from exciton.units import HBAR2_2M0, HC

GAP = 2.430
CORE = 14.2
LIGANDS = 2.0
BARRIER = 3.0
MATERIALS = {"core": "CsPbBr3", "shell_1": "ZnS", "surroundings": "ligands"}
THICKNESS = "structure.shells[0].thickness_nm"
OFFSET = "alignment.ZnS.electron_barrier_eV"


@dataclass
class Well:
    """States of one carrier in the 1-D well: `psi` (points, states) on `x`, and per state the share in each part."""

    x: NDArray[np.float64]
    energy: NDArray[np.float64]
    psi: NDArray[np.float64]
    ends: list[float]

    @classmethod
    def solve(cls, shell: float, barrier: float, mass: float, count: int = 3, n: int = 1401) -> Well:
        ends = [CORE / 2, CORE / 2 + shell, CORE / 2 + shell + LIGANDS]
        x = np.linspace(-ends[-1], ends[-1], n)
        inner = x[1:-1]
        edge = np.where(abs(inner) < ends[0], 0.0, np.where(abs(inner) < ends[1], barrier, BARRIER))
        t = HBAR2_2M0 / mass / (x[1] - x[0]) ** 2
        energy, psi = eigh_tridiagonal(2 * t + edge, np.full(n - 3, -t), select="i", select_range=(0, count - 1))
        psi = np.vstack([np.zeros(count), psi, np.zeros(count)]) / np.sqrt(x[1] - x[0])
        return cls(x, energy, psi, ends)

    def inside(self, end: float, state: int = 0) -> float:
        return float((self.psi[abs(self.x) < end, state] ** 2).sum() * (self.x[1] - self.x[0]))

    def levels(self) -> list[tuple[float, tuple[int, int, int]]]:
        return sorted(
            ((sum(self.energy[i] for i in s), s) for s in product(range(self.energy.size), repeat=3)),  # type: ignore[misc]
            key=lambda level: round(level[0], 9),
        )[:4]

    def shares(self, states: tuple[int, int, int]) -> dict[str, float]:
        core, dot = (float(np.prod([self.inside(end, s) for s in states])) for end in self.ends[:2])
        return {"core": core, "shell_1": dot - core, "surroundings": 1 - dot}


def wells(shell: float, electron_barrier: float, hole_barrier: float = 1.0) -> dict[str, Well]:
    return {"electron": Well.solve(shell, electron_barrier, 0.134), "hole": Well.solve(shell, hole_barrier, 0.128)}


def point(shell: float = 2.15, barrier: float = 0.25, **parameters: Any) -> dict[str, Any]:
    """One point of a result, as the program writes it at the level first-order."""
    well = wells(shell, barrier)
    out: dict[str, Any] = {"parameters": parameters, "gap_eV": GAP}
    for name, w in well.items():
        out[name] = {
            "energies_meV": [1000 * e for e, _ in w.levels()],
            "error_meV": [0.05] * 4,
            "probability": [w.shares(s) for _, s in w.levels()],
        }
    core = [out[name]["probability"][0]["core"] for name in well]
    kind = "I" if min(core) > 0.5 else "II" if max(core) > 0.5 else "inverted"
    kind = f"quasi-{kind}" if 0.5 < min(core) < 0.9 else kind
    materials = {
        "ZnS": {"electron_barrier_eV": barrier, "hole_barrier_eV": 1.0},
        "ligands": {"electron_barrier_eV": BARRIER, "hole_barrier_eV": BARRIER},
    }
    pair = sum(out[name]["energies_meV"][0] for name in well) - 62.0 * min(core)
    return out | {
        "alignment": {"type": "I", "type_by_states": kind, "materials": materials},
        "exciton": {"level": "first-order", "energy_meV": pair, "error_meV": 0.3, "terms_meV": {}},
        "emission_eV": GAP + pair / 1000,
        "emission_nm": HC / (GAP + pair / 1000),
    }


def write_axis(path: Path, shell: float = 2.15, barrier: float = 0.25, hole_barrier: float = 1.0) -> Path:
    """The profile along x through the centre, interfaces given from both sides."""
    well = wells(shell, barrier, hole_barrier)
    ends = well["electron"].ends
    sides = [-ends[2], -ends[1], -ends[0], ends[0], ends[1], ends[2]]
    names = ["surroundings", "shell_1", "core", "shell_1", "surroundings"]
    heights = {"core": (0.0, 0.0), "shell_1": (barrier, hole_barrier), "surroundings": (BARRIER, BARRIER)}
    middle = {name: w.psi[w.x.size // 2] for name, w in well.items()}
    with path.open("w", newline="") as stream:
        out = csv.writer(stream)
        out.writerow(
            ["x_nm", "region", "electron_band_edge_eV", "hole_band_edge_eV"]
            + [f"{name}_{i}_nm-3" for name in well for i in range(4)]
        )
        for name, (a, b) in zip(names, pairwise(sides)):
            for x in np.linspace(a, b, 41) if b > a else ():
                densities = [
                    (np.interp(x, w.x, w.psi[:, s[0]]) * middle[carrier][s[1]] * middle[carrier][s[2]]) ** 2
                    for carrier, w in well.items()
                    for _, s in w.levels()
                ]
                out.writerow([x, name, *heights[name], *densities])
    return path


def write_vtu(path: Path, shell: float = 2.15, barrier: float = 0.25, *, tetrahedra: bool = False) -> Path:
    """Both ground states on a graded grid of the whole particle."""
    import pyvista

    well = wells(shell, barrier)
    ends = well["electron"].ends
    half = [np.linspace(a, b, n + 1)[1:] for (a, b), n in zip(pairwise([0.0, *ends]), (11, 5, 3)) if b > a]
    right = np.concatenate(half)
    axis = np.concatenate([-right[::-1], [0.0], right])
    grid = pyvista.StructuredGrid(*np.meshgrid(axis, axis, axis, indexing="ij")).cast_to_unstructured_grid()
    for name, w in well.items():
        factors = [np.interp(grid.points[:, k], w.x, w.psi[:, 0]) for k in range(3)]
        grid.point_data[f"{name}_0"] = np.prod(factors, axis=0)
    reach = abs(grid.cell_centers().points).max(axis=1)
    borders = ends[:2] if shell else ends[:1]
    grid.cell_data["region"] = np.searchsorted(borders, reach).astype(np.int32)
    grid.cell_data["material"] = grid.cell_data["region"]
    if tetrahedra:
        grid = grid.triangulate()
    grid.save(path)
    return path


def sweep(*thicknesses: float) -> list[dict[str, Any]]:
    return [point(t, **{THICKNESS: t}) for t in thicknesses]


def pixels(path: Path) -> NDArray[np.int64]:
    """A PNG as ``(rows, columns, 3)``, 0 to 255."""
    from matplotlib.image import imread

    return (imread(path)[..., :3] * 255).round().astype(np.int64)


def shows(image: NDArray[np.int64], colour: str, near: int = 12) -> int:
    """How many pixels have nearly this colour."""
    wanted = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)])
    return int((abs(image - wanted).max(axis=2) < near).sum())


def assert_picture(files: tuple[Path, ...]) -> None:
    """Two files, the bitmap neither blank nor without electron or hole, nothing else left in the folder."""
    assert [f.suffix for f in files] == [".png", ".pdf"]
    image = pixels(files[0])
    assert image.std() > 10
    for colour in style.CARRIERS.values():
        assert shows(image, colour) > 200
    assert files[1].read_bytes().startswith(b"%PDF")
    assert not [f for f in files[0].parent.iterdir() if f.name.startswith(".")]
