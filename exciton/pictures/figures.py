"""Which figures a result asks for: one place, for the result folder and for the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from exciton.pictures.bands import plot_bands
from exciton.pictures.distances import plot_distances
from exciton.pictures.lifetimes import has_lifetimes, plot_lifetime
from exciton.pictures.maps import plot_map
from exciton.pictures.plots import plot_emission
from exciton.pictures.spectra import plot_spectra
from exciton.pictures.style import caption
from exciton.pictures.sweeps import swept
from exciton.pictures.terms import plot_terms

MANY = 6  # points beyond which pictures of single points are drawn of the first and the last only


@dataclass(frozen=True, slots=True)
class Files:
    """What a finished point has left in the result folder."""

    name: str  # point_000
    axis: Path
    vtu: Path  # or .xdmf
    spectrum: Path
    distance: Path

    @classmethod
    def of(cls, folder: Path, number: int) -> Files:
        """Those of a point by its number in the sweep."""
        name = f"point_{number:03d}"
        fields = folder / "fields"
        xdmf = fields / f"{name}.xdmf"
        grid = xdmf if xdmf.exists() else xdmf.with_suffix(".vtu")
        return cls(
            name, fields / f"{name}_axis.csv", grid, folder / "spectra" / f"{name}.csv", fields / f"{name}_distance.csv"
        )


def few(points: Sequence[Any]) -> list[Any]:
    """All points, or of many the first and the last."""
    return list(points) if len(points) <= MANY else [points[0], points[-1]]


def draw_figures(
    out: Path,
    points: Sequence[Mapping[str, Any]],
    files: Sequence[Files],
    *,
    materials: Mapping[str, str],
    measured: Mapping[str, Any],
) -> None:
    """Draw into `out` what there is to draw of `points`, whose files stand beside them.

    ``emission`` and ``lifetime`` (one swept parameter), ``map`` (two), ``terms`` (unless two), ``spectra``,
    ``distance`` (of the correlated pair), and ``bands_000`` and so on.
    """
    spanned = swept(points)
    if len(spanned) == 2:
        plot_map(points, out / "map", materials=materials)
    elif len(spanned) == 1 and len(points) > 1:
        plot_emission(points, out / "emission", materials=materials, measured=measured)
        if has_lifetimes(points):
            plot_lifetime(points, out / "lifetime", materials=materials, measured=measured)
    if len(spanned) < 2 and any(point.get("exciton", {}).get("terms_meV") for point in points):
        plot_terms(points, out / "terms", materials=materials)
    shown = few(list(zip(points, files)))
    lit = [(point, file) for point, file in shown if file.spectrum.exists()]
    if lit:
        labels = [caption(point["parameters"], materials) for point, _ in lit]
        plot_spectra([file.spectrum for _, file in lit], labels, out / "spectra")
    paired = [(point, file) for point, file in shown if file.distance.exists()]
    if paired:
        labels = [caption(point["parameters"], materials) for point, _ in paired]
        plot_distances([file.distance for _, file in paired], labels, out / "distance")
    for point, file in shown:
        if file.axis.exists():
            plot_bands(file.axis, point, point["gap_eV"], out / f"bands_{file.name[6:]}", materials=materials)
