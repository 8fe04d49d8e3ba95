"""Error and cost side by side: ours, NGSolve, scikit-fem with SciPy, and a 7-point scheme, on the same Hamiltonians.

    python tests/benchmarks/peers.py                          # the table, as Markdown, and the figure
    python tests/benchmarks/peers.py --methods tensor ngsolve --cases electron
    python tests/benchmarks/peers.py --quick                  # one run of each method: does it work here?

The peers live in an environment of their own, ``.venv-peers``, which the first run makes and fills from PyPI (ngsolve,
scikit-fem). Every run has a process of its own on one thread. The error is the largest of the six lowest levels against
a converged solution on lines that are graded a priori, to 1e-10 eV. CPU seconds are those of assembly and solution;
imports and meshing are left out, everywhere. Memory is the peak of the process above what it holds after the imports.

Methods with "octant" solve an eighth, one parity at a time, twins once, and no more states than the six levels hold.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import peer_runs

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
PEERS = ROOT / ".venv-peers"
REQUIREMENTS = ("ngsolve", "scikit-fem", "scipy")

GRID: dict[str, list[dict[str, Any]]] = {
    "tensor": [{"tolerance": t} for t in (1e-4, 1e-5, 1e-6, 1e-7, 1e-8)],
    "hexahedra, scipy": [{"degree": p, "size": h} for p, h in ((2, 2.5), (3, 4.0), (3, 2.5), (4, 4.0))],
    "hexahedra, petsc": [{"degree": p, "size": h} for p, h in ((2, 2.5), (3, 4.0), (3, 2.5), (4, 4.0))],
    "ngsolve": [
        {"degree": p, "size": h, "solver": s}
        for s, p, h in (
            *(("cholesky", p, 20.0) for p in (4, 5, 6, 7, 8)),
            *(("cholesky", p, 4.0) for p in (5, 6)),
            *(("bddc", p, 20.0) for p in (5, 6, 7)),
        )
    ],
    "scikit-fem": [{"cells": n} for n in (3, 5)],
    "7-point": [{"points": n} for n in (20, 30)],
}
PEER_METHODS = ("ngsolve", "scikit-fem", "7-point")
NAMES = {
    "tensor": "ours: tensor hp, octant, adaptive with error estimate",
    "hexahedra, scipy": "ours: hexahedra, SciPy backend",
    "hexahedra, petsc": "ours: hexahedra, PETSc backend",
    "ngsolve": "NGSolve: aligned tetrahedra, octant",
    "scikit-fem": "scikit-fem Q2, octant, SciPy shift-invert",
    "7-point": "7-point differences, SciPy shift-invert",
}


def peer_python() -> str:
    """The interpreter of the peers' environment, which is made if it is not there."""
    python = PEERS / "bin" / "python"
    if not python.exists():
        print(f"making {PEERS.name} with {', '.join(REQUIREMENTS)}", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", str(PEERS)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", *REQUIREMENTS], check=True)
    return str(python)


def measured(method: str, case: str, settings: dict[str, Any]) -> dict[str, Any] | None:
    """One run in a process of its own; None, with its last word on stderr, where it fails."""
    python = peer_python() if method in PEER_METHODS else sys.executable
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NGS_NUM_THREADS"), "1")
    command = [python, str(HERE / "peer_runs.py"), json.dumps([method, case, settings])]
    env = {**os.environ, **threads, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"{method} {settings}: {done.stderr.strip().splitlines()[-1:]}", file=sys.stderr)
        return None
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return {"method": method, "case": case, "settings": settings, **found}


def table(rows: Sequence[dict[str, Any]], case: str) -> str:
    """Markdown, one line a run."""
    lines = [
        f"| {case}: method | settings | unknowns | error eV | CPU s | MB |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        settings = ", ".join(f"{key} {value:g}" if key != "solver" else value for key, value in row["settings"].items())
        lines.append(
            f"| {NAMES[row['method']]} | {settings} | {row['unknowns']:,} | {row['error']:.1e} | {row['cpu']:.3g} "
            f"| {row['memory']:.0f} |"
        )
    return "\n".join(lines)


def figure(rows: Sequence[dict[str, Any]], path: Path) -> None:
    """Error against CPU seconds, one panel for each case."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    cases = list(dict.fromkeys(row["case"] for row in rows))
    drawing = Figure((4.6 * len(cases), 4.0), layout="constrained")
    FigureCanvasAgg(drawing)
    panels = drawing.subplots(1, len(cases), sharex=True, sharey=True, squeeze=False)[0]
    for panel, case in zip(panels, cases):
        for number, method in enumerate(NAMES):
            here = sorted((r["cpu"], r["error"]) for r in rows if r["method"] == method and r["case"] == case)
            if here:
                style = {"color": f"C{number}", "marker": "osDv^P"[number], "ls": "" if method == "ngsolve" else "-"}
                panel.loglog(*zip(*here), label=NAMES[method], markersize=5, **style)
        panel.set(xlabel="CPU seconds", title=case)
        panel.grid(alpha=0.3)
    panels[0].set_ylabel("largest error of six levels (eV)")
    drawing.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=2, fontsize=8)
    drawing.savefig(path, dpi=120)


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--methods", nargs="+", choices=GRID, default=list(GRID))
    p.add_argument("--cases", nargs="+", choices=peer_runs.CASES, default=list(peer_runs.CASES))
    p.add_argument("--quick", action="store_true", help="the first run of each method only")
    p.add_argument("--figure", type=Path, help="where to draw error against time (PNG)")
    p.add_argument("--json", type=Path, help="where to keep the rows")
    args = p.parse_args()
    rows: list[dict[str, Any]] = []
    for case in args.cases:
        truth = measured("reference", case, {})
        assert truth is not None
        for method in args.methods:
            for settings in GRID[method][: 1 if args.quick else None]:
                row = measured(method, case, settings)
                if row is not None:
                    row["error"] = max(abs(a - b) for a, b in zip(row.pop("values"), truth["values"], strict=True))
                    rows.append(row)
                    if args.json:
                        args.json.write_text(json.dumps(rows, indent=1))
                    print(f"{case} {method} {settings}: {row['error']:.1e} eV, {row['cpu']:.3g} s", file=sys.stderr)
        print(table([row for row in rows if row["case"] == case], case), end="\n\n")
    if args.figure:
        figure(rows, args.figure)


if __name__ == "__main__":
    main()
