"""What tests of pictures and reports share: a small result of a real job, solved once, and the words of figures."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import browser
import pytest
from conftest import missing

from exciton import cli
from exciton.pictures import rendering, style

JOB = """
schema = 1
title = "Two <points> & a shell"

[structure]
shape = "cube"
core = { material = "CsPbBr3", edge_nm = 8.0 }
shells = [{ material = "ZnS", thickness_nm = 1.0 }]
surroundings = { material = "ligands", thickness_nm = 1.0 }

[carriers]
states = 2

[exciton]
level = "first-order"
polarisation = false

[accuracy]
energy_meV = 3.0
pair_meV = 5.0

[[sweep]]
parameter = "structure.shells[0].thickness_nm"
values = [0.0, 1.0]

[output]
figures = false
"""


@pytest.fixture(scope="session")
def _solved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("solved")
    (folder / "job.toml").write_text(JOB, encoding="utf-8")
    assert cli.main(["solve", str(folder / "job.toml"), "-o", str(folder / "out"), "--quiet"]) == 0
    return folder / "out"


@pytest.fixture
def solved(_solved: Path, tmp_path: Path) -> Path:
    """A result folder with fields and without figures, a copy that the test may spoil."""
    return Path(shutil.copytree(_solved, tmp_path / "out"))


@pytest.fixture(scope="session")
def pyvista() -> Any:
    """The library; skipped where it is not, but not where it was promised."""
    try:
        import pyvista
    except ImportError as error:
        missing(error)
    return pyvista


@pytest.fixture(scope="session")
def rendered() -> None:
    """Tests that render are skipped where that does not work, but not where it was promised."""
    works, sentence = rendering.rendering_works()
    if not works:
        missing(sentence)


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[browser.Browser]:
    """A headless browser; skipped where there is none, but not where it was promised."""
    if browser.find() is None:
        missing("Chromium and its driver (Debian: apt-get install chromium chromium-driver)")
    try:
        import selenium  # noqa: F401
    except ImportError as error:
        missing(error)
    window = browser.Browser(tmp_path_factory.mktemp("browser"))
    yield window
    window.close()


@pytest.fixture
def texts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """All the words of the figures that a test saves."""
    from matplotlib.text import Text

    found: list[str] = []
    save = style.save

    def spying(figure: Any, *arguments: Any) -> tuple[Path, ...]:
        found.extend(t.get_text() for t in figure.findobj(Text))
        return save(figure, *arguments)

    monkeypatch.setattr(style, "save", spying)
    return found


@pytest.fixture(scope="session")
def renderer() -> None:
    """Tests that draw in three dimensions are skipped where that does not work, but not where it was promised."""
    works, sentence = rendering.rendering_works()
    if not works:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(sentence)
