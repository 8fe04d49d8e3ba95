"""The house rules, read off the source: arrows between rooms, light imports, heavy libraries behind functions."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ALLOWED = {"exciton": {"exciton", "solvers", "meshes"}, "solvers": {"solvers", "meshes"}, "meshes": {"meshes"}}
# never at the top of a module
HEAVY = {"basix", "gmsh", "h5py", "matplotlib", "meshio", "mpi4py", "pandas", "pyamg", "pyvista", "vtk"}
HEAVY |= {"petsc4py", "slepc4py"}
ONE_FILE = {"gmsh": {"meshes/generate.py"}, "pyamg": {"solvers/eigen/multigrid.py"}}
FILES = sorted(path for room in ALLOWED for path in (ROOT / room).rglob("*.py"))


def imports(tree, path):
    """(line, top-level name, whether it runs when the module is imported) of every import."""
    lazy = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) or _typing_only(node):
            body = node.body if isinstance(node.body, list) else []
            lazy.update(id(inner) for statement in body for inner in ast.walk(statement))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name.split(".")[0] for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module.split(".")[0] if node.level == 0 and node.module else _home(path, node.level)]
        else:
            continue
        for name in names:
            yield node.lineno, name, id(node) not in lazy


def _typing_only(node):
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def _home(path, level):
    """The room that a relative import of this level ends in; out of all rooms it is a name that is nowhere allowed."""
    parts = path.relative_to(ROOT).parts
    return parts[0] if level < len(parts) else "(outside)"


@pytest.fixture(scope="module")
def found():
    trees = {path: ast.parse(path.read_text(encoding="utf-8")) for path in FILES}
    return {path.relative_to(ROOT).as_posix(): list(imports(tree, path)) for path, tree in trees.items()}


def test_there_is_something_to_read():
    assert len(FILES) > 20
    assert {path.relative_to(ROOT).parts[0] for path in FILES} == set(ALLOWED)


def test_arrows_point_one_way(found):
    """exciton -> solvers -> meshes, and nothing imports the tests."""
    wrong = [
        f"{file}:{line} imports {name}"
        for file, names in found.items()
        for line, name, _ in names
        if name in {*ALLOWED, "tests", "(outside)"} - ALLOWED[file.split("/")[0]]
    ]
    assert not wrong, wrong


def test_heavy_libraries_wait_until_they_are_needed(found):
    wrong = [
        f"{file}:{line} imports {name} when it is imported"
        for file, names in found.items()
        for line, name, at_once in names
        if at_once and name in HEAVY
    ]
    assert not wrong, wrong


@pytest.mark.parametrize("library", list(ONE_FILE))
def test_a_library_is_imported_in_one_place(found, library):
    where = {file for file, names in found.items() for _, name, _ in names if name == library}
    doctors = {file for file in where if "doctor" in file}  # may look whether it is there
    assert where - doctors <= ONE_FILE[library]


def test_the_reader_sees_what_it_should():
    """Imports at the top, in functions, under TYPE_CHECKING, relative ones and those that leave the house."""
    source = (
        "import gmsh\nfrom exciton.units import KB\nif TYPE_CHECKING:\n    import vtk\n"
        "def f():\n    import pyvista\nclass C:\n    import h5py\nfrom .. import mesh\nfrom ... import beyond\n"
    )
    path = ROOT / "solvers" / "eigen" / "imaginary.py"
    seen = {name: at_once for _, name, at_once in imports(ast.parse(source), path)}
    at_once = {"gmsh", "exciton", "h5py", "solvers", "(outside)"}
    assert seen == {name: name in at_once for name in at_once | {"vtk", "pyvista"}}


def modules_after(statement):
    code = f"import sys; {statement}; print(*{{name.split('.')[0] for name in sys.modules}})"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(run.stdout.split())


def test_importing_the_package_loads_nothing_heavy():
    loaded = modules_after("import exciton")
    assert not loaded & (HEAVY | {"numpy", "scipy", "pydantic", "rich", "solvers", "meshes"})


@pytest.mark.parametrize("room", ["meshes", "solvers.space", "solvers.tensor"])
def test_importing_a_room_loads_no_optional_library(room):
    assert not modules_after(f"import {room}") & HEAVY
