"""How a `Result` shows itself, in files and in notebooks: figures and turning views, drawn by `exciton.pictures`."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from exciton.errors import JobError

if TYPE_CHECKING:
    from exciton.pictures.notebook import Picture, View


class Shows:
    """What a result needs to be shown: its points, their materials, what they are compared with, and its folder."""

    __slots__ = ()
    points: tuple[dict[str, Any], ...]
    materials: Mapping[str, str]
    measured: Mapping[str, Any]
    path: Path | None

    def plot_emission(self, path: str | Path | None = None, *, parameter: str | None = None) -> "Picture":
        """Emission and probabilities against a swept parameter; to a file (PNG and PDF), or for a notebook alone."""
        from exciton.pictures.plots import plot_emission

        def draw(out: Path) -> tuple[Path, ...]:
            return plot_emission(
                self.points, out, parameter=parameter, materials=self.materials, measured=self.measured
            )

        return _picture(draw, path)

    def plot_lifetime(self, path: str | Path | None = None, *, parameter: str | None = None) -> "Picture":
        """Lifetimes against a swept parameter."""
        from exciton.pictures.lifetimes import plot_lifetime

        def draw(out: Path) -> tuple[Path, ...]:
            return plot_lifetime(
                self.points, out, parameter=parameter, materials=self.materials, measured=self.measured
            )

        return _picture(draw, path)

    def plot_terms(self, path: str | Path | None = None, *, parameter: str | None = None) -> "Picture":
        """What the pair's energy is made of."""
        from exciton.pictures.terms import plot_terms

        return _picture(lambda out: plot_terms(self.points, out, parameter=parameter, materials=self.materials), path)

    def plot_map(self, path: str | Path | None = None, *, parameters: tuple[str, str] | None = None) -> "Picture":
        """Emission, types and probabilities over two swept parameters."""
        from exciton.pictures.maps import plot_map

        return _picture(lambda out: plot_map(self.points, out, parameters=parameters, materials=self.materials), path)

    def plot_bands(self, path: str | Path | None = None, *, point: int = 0) -> "Picture":
        """Band edges, levels and densities of a point, which is counted as its files are.

        Raises
        ------
        JobError
            The result has no folder, or the point is not in it.
        """
        from exciton.pictures.bands import plot_bands
        from exciton.saved import Saved

        [one] = Saved.read(self._folder()).chosen([point])
        gap, materials = one.entry["gap_eV"], self.materials
        return _picture(lambda out: plot_bands(one.axis, one.entry, gap, out, materials=materials), path)

    def view(
        self, *, points: Sequence[int] | None = None, state: int = 0, shares: Sequence[float] = (0.5, 0.9)
    ) -> "View":
        """Surfaces that enclose shares of the charge, and turn with the mouse in a notebook or a saved page.

        Raises
        ------
        JobError
            The result has no folder, or one without fields.
        ComponentMissing
            PyVista is not installed.
        """
        from exciton.pictures.notebook import view

        return view(self._folder(), points, state, shares)

    def _folder(self) -> Path:
        if self.path is None:
            raise JobError("this result has no folder that holds its fields: exciton.solve(job, folder=...) makes one")
        return self.path


def _picture(draw: Callable[[Path], tuple[Path, ...]], path: str | Path | None) -> "Picture":
    from exciton.pictures.notebook import Picture

    return Picture.drawn(draw, None if path is None else Path(path))
