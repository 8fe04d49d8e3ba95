"""The images' attraction by two solvers that share the densities alone."""

import jobs
import pytest

from exciton import verify
from exciton.errors import JobError

BALL = {"shape": "sphere", "core": {"material": "A", "diameter_nm": 3.0}, "medium": "toluene"}


def test_grid_and_mesh_agree(monkeypatch):
    """With the same smooth interface to 0.2 %; one that jumps attracts more; both are what each says of itself."""
    monkeypatch.setattr(verify, "CELLS", 4.0)
    found = jobs.solve(
        structure=BALL,
        exciton={"level": "first-order", "verify": True},
        carriers={"states": 1},
        accuracy={"energy_meV": 1.0, "pair_meV": 3.0},
    )["exciton"]
    block = found["verified"]
    assert block["mesh_meV"] == pytest.approx(block["grid_meV"], rel=2e-3)
    assert block["mesh_error_meV"] < 5e-3 * abs(block["mesh_meV"])
    assert 1.005 < block["sharp_meV"] / block["mesh_meV"] < 1.05
    slopes = block["sharp_by_permittivity_meV"]
    assert slopes["medium"] > 0 > slopes["core"]  # they vanish where core and medium are alike
    resolved = jobs.resolved(structure=BALL, exciton={"level": "first-order"})
    scaled = resolved.core.permittivity * slopes["core"] + resolved.medium_permittivity * slopes["medium"]
    assert -scaled == pytest.approx(block["sharp_meV"], rel=1e-6)


def test_nothing_to_verify():
    with pytest.raises(JobError, match=r"exciton.verify: found true, allowed: false"):
        jobs.resolved(structure=BALL, exciton={"level": "first-order", "polarisation": False, "verify": True})
