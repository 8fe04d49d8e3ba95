"""Small jobs with round numbers: a core A, shells of B and C, surroundings L; and what runs them."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import tomli_w

import exciton
from exciton.resolve import Resolved
from exciton.sweep import points

ROOT = Path(__file__).parent.parent

MATERIALS = {
    "A": {"gap_eV": 2.4, "electron_mass": 0.13, "hole_mass": 0.2, "permittivity": 5.0},
    "B": {"electron_mass": 0.3, "hole_mass": 0.6, "permittivity": 5.0},
    "C": {"electron_mass": 0.1, "hole_mass": 0.4, "permittivity": 5.0},
    "L": {"electron_mass": 1.0, "hole_mass": 1.0, "permittivity": 2.0},
}
ALIGNMENT = {
    "B": {"electron_barrier_eV": 0.4, "hole_barrier_eV": 0.8},
    "C": {"electron_barrier_eV": -0.2, "hole_barrier_eV": 0.3},
    "L": {"electron_barrier_eV": 2.5, "hole_barrier_eV": 2.5},
}
QUICK = {"element": "hexahedron", "degree": 2, "size_nm": 2.0}  # a discretisation of a few hundred unknowns
NO_FILES = {"fields": False, "figures": False}


def tables(
    edge: float | tuple[float, float, float] = 4.0,
    shells: tuple[tuple[str, float], ...] = (),
    around: float = 0.0,
    shift: tuple[float, float, float] | None = None,
    *,
    structure: dict[str, Any] | None = None,
    materials: dict[str, dict[str, Any]] | None = None,
    alignment: dict[str, dict[str, float]] | None = None,
    **more: Any,
) -> dict[str, Any]:
    """A job as the TOML file would give it: a cube or cuboid, or what `structure` says of it."""
    if structure is None:
        cube = isinstance(edge, int | float)
        size = {"edge_nm": float(edge)} if isinstance(edge, int | float) else {"edges_nm": list(edge)}
        structure = {"shape": "cube" if cube else "cuboid", "core": {"material": "A", **size}}
    structure = dict(structure)
    if shells:
        structure["shells"] = [{"material": name, "thickness_nm": float(t)} for name, t in shells]
    if around:
        structure["surroundings"] = {"material": "L", "thickness_nm": float(around)}
    if shift:
        structure["core_shift_nm"] = list(shift)
    used = {"A", *(name for name, _ in shells), *(("L",) if around else ())} | set(materials or {})
    used |= set((structure.get("regions") or {}).values())
    chosen = {name: {**MATERIALS.get(name, {}), **(materials or {}).get(name, {})} for name in sorted(used)}
    lined_up = {
        name: {**ALIGNMENT.get(name, {}), **(alignment or {}).get(name, {})} for name in sorted(used) if name != "A"
    }
    more.setdefault("exciton", {"level": "first-order", "polarisation": False})
    return {"schema": 1, "structure": structure, "materials": chosen, "alignment": lined_up, **more}


def job(*args: Any, **kwargs: Any) -> exciton.Job:
    """`tables` as a job."""
    return exciton.Job(**tables(*args, **kwargs))


def resolved(*args: Any, **kwargs: Any) -> Resolved:
    """The first point of `tables`."""
    return points(job(*args, **kwargs))[0].resolved


def solve(*args: Any, **kwargs: Any) -> dict[str, Any]:
    """The first entry of the result of `tables`."""
    return exciton.solve(job(*args, **kwargs)).points[0]


def write(path: Path, content: dict[str, Any]) -> Path:
    """A job file."""
    path.write_text(tomli_w.dumps(content), encoding="utf-8")
    return path


def read(folder: Path) -> dict[str, Any]:
    """The result file of a folder."""
    content: dict[str, Any] = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    return content


def program(*arguments: Any, **options: Any) -> "subprocess.CompletedProcess[str]":
    """``python -m exciton`` in a process of its own, its output in pipes."""
    return subprocess.run(
        [sys.executable, "-m", "exciton", *map(str, arguments)],
        capture_output=True,
        text=True,
        env=environment(),
        check=False,
        **options,
    )


def environment() -> dict[str, str]:
    """Of a process that shall find this checkout."""
    return {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


def stalling(done: int, *arguments: Any) -> tuple[str, str]:
    """Words for Python: the command line, whose process solves so many points and then hangs."""
    code = f"""
import sys, time
import exciton.workflow
from exciton import cli
honest, begun = exciton.workflow.solve_point, []
def stalls(point, *how):
    begun.append(point)
    if len(begun) > {done}: time.sleep(3600)
    return honest(point, *how)
exciton.workflow.solve_point = stalls
sys.exit(cli.main({[str(argument) for argument in arguments]!r}))
"""
    return "-c", code
