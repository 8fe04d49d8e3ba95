"""Wavefunctions in three dimensions: isosurfaces that enclose a chosen share of the charge, in the outlined particle.

A picture is made of panels, one per sweep point and carrier, rendered off-screen with one parallel camera and set
side by side by matplotlib, so that lengths may be compared across it and the lettering is that of the other figures.
`add_particle` and `add_density` put the same actors on any plotter.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exciton.pictures import rendering, style
from exciton.pictures.camera import front, look, screen_axes
from exciton.pictures.charge import iso_levels, sampling
from exciton.pictures.page import Page
from meshes.files import vtk_nodes
from meshes.mesh import Mesh
from meshes.reference import renumbering

Floats = NDArray[np.float64]
Place = tuple[float, float, float]

SHARES = (0.5, 0.9)  # of the charge, innermost surface first
SHELL_INK = "#6E6E6E"  # of the outlines of shells; the core's is darker
BALL = 0.05  # radius of the partner's mark, of half the picture
_BACKGROUND = "white"


@dataclass(frozen=True, eq=False)
class Dot:
    """One sweep point as it is drawn: the grid with its densities, and where the solid ends."""

    grid: Any  # pyvista.UnstructuredGrid with point data `electron_0`, ..., nm^-3/2, and cell data `region`; centred
    regions: tuple[str, ...]  # by the number in `region`; empty when unknown
    origin: Place = (0.0, 0.0, 0.0)  # nm, in the file: what has become the origin
    partner: Place | None = None  # nm: where the other carrier is held, to be marked
    opened: Place | None = None  # nm: corner of the octant that is cut from all surfaces, not from the outermost alone

    @classmethod
    def read(cls, file: Path, regions: Sequence[str] = ()) -> Dot:
        """A field file of a result, moved so that the particle's centre is the origin.

        Raises
        ------
        ComponentMissing
            PyVista is not installed.
        ValueError
            The file has no cell data `region`.
        """
        rendering.require_library()
        import pyvista

        if file.suffix == ".xdmf":  # VTK's own reader wants time steps
            import meshio

            grid = pyvista.from_meshio(meshio.read(file))
        else:
            grid = pyvista.read(file)
        if "region" not in grid.cell_data:
            raise ValueError(f"{file}: a field file has the cell data 'region', this one has {grid.array_names}")
        return cls(grid, tuple(regions))._centred()

    @classmethod
    def of(cls, mesh: Mesh, point_data: Mapping[str, Any], cell_data: Mapping[str, Any], regions: Sequence[str]) -> Dot:
        """The same from what would be in the file; the mesh is linear."""
        rendering.require_library()
        import pyvista

        order = renumbering(vtk_nodes(mesh.cell, mesh.order), mesh.reference.nodes)
        kind = {"tetrahedron": pyvista.CellType.TETRA, "hexahedron": pyvista.CellType.HEXAHEDRON}[mesh.cell]
        grid = pyvista.UnstructuredGrid({kind: mesh.cells[:, order]}, np.asarray(mesh.points))
        grid.point_data.update(point_data)
        grid.cell_data.update(cell_data)
        return cls(grid, tuple(regions))._centred()

    def _centred(self) -> Dot:
        middle = np.reshape(self.body().bounds, (3, 2)).mean(axis=1)
        x, y, z = map(float, middle)
        return replace(self, grid=self.grid.translate(-middle, inplace=False), origin=(x, y, z))

    def solids(self) -> list[int]:
        """Numbers of the regions that are outlined: all but the surroundings, inside out."""
        found = np.unique(self.grid.cell_data["region"])
        return [int(r) for r in found if r >= len(self.regions) or self.regions[r] != "surroundings"]

    def body(self) -> Any:
        """The cells of core and shells."""
        return self.grid.extract_cells(np.isin(self.grid.cell_data["region"], self.solids()))

    def border(self, region: int) -> Any:
        """The outer surface of a region and everything inside it."""
        return self.grid.extract_cells(self.grid.cell_data["region"] <= region).extract_surface(algorithm=None)

    def reach(self, turned: float = 0.0) -> tuple[float, float]:
        """Half width and half height of the outlined particle in the picture, nm, the camera turned by radians."""
        points = np.asarray(self.body().points, float)
        return tuple(float(abs(points @ axis).max()) for axis in screen_axes(turned))  # type: ignore[return-value]

    def density(self, name: str) -> Floats:
        """|psi|^2 of a state such as ``electron_0`` at the points, nm^-3, shape ``(points,)``."""
        return self.psi(name) ** 2

    def psi(self, name: str) -> Floats:
        """A state such as ``electron_0`` at the points, nm^-3/2, shape ``(points,)``.

        Raises
        ------
        ValueError
            The file does not have it.
        """
        if name not in self.grid.point_data:
            raise ValueError(f"no state {name!r} among {', '.join(self.grid.point_data.keys())}")
        return np.asarray(self.grid.point_data[name], float)

    def levels(self, name: str, shares: Sequence[float]) -> list[float]:
        """|psi|^2 (nm^-3) on the surfaces that enclose the shares, of the density linear between the points."""
        density = self.density(name)
        field = np.concatenate([(density[cells] @ shape.T).ravel() for cells, shape, _ in self._sampling])
        volumes = np.concatenate([volume.ravel() for *_, volume in self._sampling])
        return iso_levels(field, volumes, shares)

    @cached_property
    def _sampling(self) -> list[tuple[Any, Floats, Floats]]:
        return sampling(self.grid.points, self.grid.cells_dict)


def lobes(surface: Any, state: str, colour: str) -> list[tuple[Any, str]]:
    """The parts of a surface where psi is positive and where it is negative, each with its colour."""
    if not surface.n_cells:
        return []
    positive = surface.point_data_to_cell_data()[state] > 0
    sides = ((positive, colour), (~positive, style.OPPOSITE[colour]))
    return [
        (surface.extract_cells(cells).extract_surface(algorithm=None), paint) for cells, paint in sides if cells.any()
    ]


def surfaces(dot: Dot, state: str, shares: Sequence[float] = SHARES) -> list[Any]:
    """One isosurface of |psi|^2 (``pyvista.PolyData``, nm) per share of the charge that it encloses."""
    return _surfaces(dot, state, dot.levels(state, shares))


def _surfaces(dot: Dot, state: str, levels: Sequence[float]) -> list[Any]:
    grid = dot.grid.copy(deep=False)
    grid.point_data["density"] = dot.density(state)
    return [grid.contour([level], scalars="density") for level in levels]


def ball(dot: Dot) -> Any:
    """The mark of the partner."""
    import pyvista

    return pyvista.Sphere(radius=BALL * max(dot.reach()), center=dot.partner)


def outline(border: Any) -> Any:
    """The sharp edges of a surface; none for a sphere."""
    return border.extract_feature_edges(
        feature_angle=40, boundary_edges=False, non_manifold_edges=False, manifold_edges=False
    )


def add_particle(plotter: Any, dot: Dot) -> None:
    """Core and shells as thin outlines: their edges, or the silhouette where they have none."""
    solids = dot.solids()
    for region in solids:
        border = dot.border(region)
        outer = region == solids[-1]
        colour, width = (style.INK, 2.5) if region == 0 else (SHELL_INK, 2.0)
        edges = outline(border)
        if edges.n_cells:
            plotter.add_mesh(edges, color=colour, line_width=width, lighting=False)
        else:
            plotter.add_silhouette(border, color=colour, line_width=width)
        if outer or not edges.n_cells:
            plotter.add_mesh(border, color="#9FB6C6", opacity=0.06, lighting=False)


def add_density(plotter: Any, dot: Dot, state: str, colour: str, shares: Sequence[float] = SHARES) -> None:
    """Nested isosurfaces of one state, the inner ones solid; the outermost is translucent, and its front cut away.

    The faces of the cut are painted with |psi|^2, white where it vanishes. Where psi is negative the colour is the
    carrier's other one (`style.OPPOSITE`). A partner that is held somewhere is a ball in its own colour.
    """
    levels = dot.levels(state, sorted(shares))
    *inner, outer = _surfaces(dot, state, levels)
    corner = dot.opened or (0.0, 0.0, 0.0)
    if dot.opened:
        inner = [surface.clip_box(front(corner), invert=True) for surface in inner]
    if dot.partner:
        plotter.add_mesh(ball(dot), color=style.partner(colour), smooth_shading=True, ambient=0.35, specular=0.4)
    for part, paint in (part for surface in inner for part in lobes(surface, state, colour)):
        plotter.add_mesh(
            part, color=paint, smooth_shading=True, ambient=0.3, diffuse=0.75, specular=0.25, specular_power=20
        )
    for skin, paint in lobes(outer.clip_box(front(corner), invert=True), state, colour):
        plotter.add_mesh(
            skin, color=style.mixed(paint, 0.3), opacity=0.3, smooth_shading=True, ambient=0.55, diffuse=0.5
        )
    grid = dot.grid.copy(deep=False)
    grid.point_data["density"] = dot.density(state)
    grid.point_data["signed"] = dot.density(state) * np.sign(dot.psi(state))
    faces = [
        grid.slice(normal=axis, origin=corner)
        .clip_scalar(scalars="density", value=levels[-1], invert=False)
        .clip_box(front(corner), invert=False)
        for axis in "xyz"
    ]
    faces = [face for face in faces if face.n_cells]
    top = max((face["density"].max() for face in faces), default=1.0)
    for face in faces:
        plotter.add_mesh(
            face,
            scalars="signed",
            cmap=style.phases(colour),
            clim=(-top, top),
            lighting=False,
            show_scalar_bar=False,
        )


def draw_wavefunctions(
    vtus: Sequence[Path],
    labels: Sequence[str],
    path: Path,
    *,
    points: Sequence[Mapping[str, Any]] | None = None,
    regions: Sequence[Sequence[str]] | None = None,
    shares: Sequence[float] = SHARES,
    state: int = 0,
    carriers: Sequence[str] = tuple(style.CARRIERS),
    pixels: int = 640,
) -> Path:
    """All sweep points side by side on one scale, the electron above and the hole below, as one PNG.

    Parameters
    ----------
    vtus
        Field files, one per sweep point.
    labels
        A caption for each.
    path
        The PNG to write.
    points
        Their points in the result: adds the share of the charge in the core, and tells the surroundings apart.
    regions
        Names of the regions by number, for each file; default: those of the point that hold charge.
    shares
        Shares of the charge that the surfaces enclose; that of the largest share is drawn translucent and cut open.
    state
        Which state of each carrier, 0 the ground state.
    carriers
        Which of ``electron`` and ``hole``.
    pixels
        Edge of a panel.

    Raises
    ------
    ComponentMissing
        PyVista is missing or rendering does not work here; the message says what to install.
    ValueError
        No files, not as many labels as files, or a file that holds no fields of ours.
    """
    if not vtus or len(labels) != len(vtus) or any(len(x) != len(vtus) for x in (points, regions) if x is not None):
        raise ValueError(f"draw_wavefunctions wants a label and a point for each of {len(vtus)} (1 or more) files")
    rendering.require()
    names = regions or [present(p) for p in points or ()] or [()] * len(vtus)
    dots = [Dot.read(file, region) for file, region in zip(vtus, names)]
    page = Page(tuple(labels), points, tuple(carriers), tuple(shares), state)
    return page.save(*panels(dots, page, pixels), path)


def panels(
    dots: Sequence[Dot], page: Page, pixels: int, reach: tuple[float, float] | None = None
) -> tuple[dict[tuple[str, int], Any], float]:
    """A rendered image per carrier and point, all with the same camera, and the height of their view in nm.

    `reach` (half width and height, nm) is what the view holds; by default the largest of the particles.
    """
    reach = reach or common_reach(dots)
    images, height = {}, 0.0
    for key, plotter in plotters(dots, page, pixels):
        try:
            height = look(plotter, reach)
            plotter.render()
            images[key] = plotter.screenshot(return_img=True)
        finally:
            plotter.close()
    return images, height


def plotters(dots: Sequence[Dot], page: Page, pixels: int) -> Iterator[tuple[tuple[str, int], Any]]:
    """One off-screen plotter after the other, by carrier and point; whoever takes it closes it."""
    for column, dot in enumerate(dots):
        for carrier in page.carriers:
            plotter = _plotter(pixels)
            add_particle(plotter, dot)
            add_density(plotter, dot, f"{carrier}_{page.state}", style.CARRIERS[carrier], page.shares)
            yield (carrier, column), plotter


def common_reach(dots: Sequence[Dot], turned: float = 0.0) -> tuple[float, float]:
    """What the largest of several particles needs of the picture: half width and half height, nm."""
    return max(dot.reach(turned)[0] for dot in dots), max(dot.reach(turned)[1] for dot in dots)


def _plotter(pixels: int) -> Any:
    import pyvista

    plotter = pyvista.Plotter(off_screen=True, window_size=(pixels, pixels), lighting="light kit")
    dress(plotter)
    return plotter


def dress(plotter: Any) -> None:
    """White paper, see-through surfaces in the right order, smooth edges."""
    plotter.set_background(_BACKGROUND)
    plotter.enable_depth_peeling(8)
    plotter.enable_anti_aliasing("ssaa")


def present(point: Mapping[str, Any]) -> list[str]:
    """The regions that exist at a point, inside out: those that hold any charge (a layer of no thickness has none)."""
    found = {r: v for carrier in style.CARRIERS for r, v in point[carrier]["probability"][0].items() if v > 0}
    return [region for region in point["electron"]["probability"][0] if region in found]
