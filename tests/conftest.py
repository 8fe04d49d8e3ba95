"""Fixtures for all rooms: every eigensolver backend, seeded random numbers, and the optional mesh generator."""

import os
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from meshes import Mesh, MesherMissing, Structure, tetrahedra
from solvers.eigen import contract
from solvers.errors import BackendMissing


def missing(reason: object) -> None:
    """A component that is not here: its tests are skipped at a desk, and fail in CI, where it was promised."""
    if os.environ.get("CI"):
        pytest.fail(f"promised in CI, but missing: {reason}")
    pytest.skip(str(reason))


@pytest.fixture(params=contract.BACKENDS)
def backend(request: pytest.FixtureRequest) -> str:
    """The name of each eigensolver backend in turn; one that joins the list is tested without further ado."""
    try:
        contract._backend(request.param)
    except BackendMissing as error:
        missing(error)
    return str(request.param)


@pytest.fixture
def rng() -> np.random.Generator:
    """Random numbers, the same in every run."""
    return np.random.default_rng(20251)


@pytest.fixture(scope="session")
def meshed() -> Callable[..., Mesh]:
    """`meshes.tetrahedra`, each mesh made once; needs gmsh."""
    made: dict[Any, Mesh] = {}

    def mesh(structure: Structure, size: float, **options: Any) -> Mesh:
        key = (structure, size, tuple(sorted(options.items())))
        if key not in made:
            try:
                made[key] = tetrahedra(structure, size, **options)
            except MesherMissing as error:
                missing(error)
        return made[key]

    return mesh
