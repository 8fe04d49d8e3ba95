"""The geometry of a nanocrystal: a core inside concentric layers, exact and frozen. Lengths in nm.

Every family of shapes is closed under `grown`: the outer surface of a layer is the parallel surface of the
one below it, a cuboid with sharp edges staying a cuboid. Regions have names; what fills them is not known here.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import inf, isfinite, pi
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from meshes.errors import MeshError

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]

THINNEST = 1e-6  # nm; thinner layers and gaps are refused: no mesh resolves them, and rounding makes them by accident


@dataclass(frozen=True)
class Cuboid:
    """A box with edges along the axes, centred at the origin."""

    edges: tuple[float, float, float]  # nm, full lengths

    def __post_init__(self) -> None:
        edges = _floats(self.edges, "the edges of a cuboid")
        if len(edges) != 3 or not all(0 < edge < inf for edge in edges):
            raise MeshError(f"the edges of a cuboid must be three positive lengths in nm, not {self.edges}")
        object.__setattr__(self, "edges", edges)

    @property
    def volume(self) -> float:
        """nm^3."""
        x, y, z = self.edges
        return x * y * z

    @property
    def extent(self) -> Floats:
        """Full widths along the axes in nm, shape (3,)."""
        return np.array(self.edges)

    def grown(self, thickness: float) -> Cuboid:
        """The cuboid whose faces lie `thickness` nm further out."""
        x, y, z = (edge + 2 * thickness for edge in self.edges)
        return Cuboid((x, y, z))

    def contains(self, points: ArrayLike) -> NDArray[np.bool_]:
        """Which of the points, shape (n, 3), lie inside or on the surface; shape (n,)."""
        inside: NDArray[np.bool_] = np.all(np.abs(np.asarray(points, float)) <= self.extent / 2, axis=-1)
        return inside

    def onto(self, points: ArrayLike) -> Floats:
        """The points, shape (n, 3), of which each lies near the surface, moved onto it exactly."""
        points, half = np.asarray(points, float), self.extent / 2
        near = np.abs(np.abs(points) - half) <= 1e-6 * half
        return np.where(near, np.copysign(half, points), points)

    def outset(self, points: Floats, thickness: float) -> Floats:
        """Points on the surface, shape (n, 3), carried to that of ``grown(thickness)``, face to face, edge to edge."""
        scale = self.grown(thickness).extent / self.extent
        on_face = np.abs(points) == self.extent / 2
        return np.where(on_face, np.copysign(self.grown(thickness).extent / 2, points), points * scale)


@dataclass(frozen=True)
class Sphere:
    """A ball centred at the origin."""

    diameter: float  # nm

    def __post_init__(self) -> None:
        object.__setattr__(self, "diameter", _positive(self.diameter, "the diameter of a sphere"))

    @property
    def radius(self) -> float:
        """nm."""
        return self.diameter / 2

    @property
    def volume(self) -> float:
        """nm^3."""
        return pi / 6 * self.diameter**3

    @property
    def extent(self) -> Floats:
        """Full widths along the axes in nm, shape (3,)."""
        return np.full(3, self.diameter)

    def grown(self, thickness: float) -> Sphere:
        """The concentric sphere whose radius is larger by `thickness` nm."""
        return Sphere(self.diameter + 2 * thickness)

    def contains(self, points: ArrayLike) -> NDArray[np.bool_]:
        """Which of the points, shape (n, 3), lie inside or on the surface; shape (n,)."""
        inside: NDArray[np.bool_] = np.linalg.norm(np.asarray(points, float), axis=-1) <= self.radius
        return inside

    def onto(self, points: ArrayLike) -> Floats:
        """The points, shape (n, 3), of which each lies near the surface, moved onto it exactly."""
        points = np.asarray(points, float)
        moved: Floats = points * (self.radius / np.linalg.norm(points, axis=-1, keepdims=True))
        return moved

    def outset(self, points: Floats, thickness: float) -> Floats:
        """Points on the surface, shape (n, 3), carried along the normal to that of ``grown(thickness)``."""
        return points * ((self.radius + thickness) / self.radius)


@dataclass(frozen=True)
class RoundedCube:
    """A cube whose edges and corners are rounded: all points within `radius` of a cube of edge ``edge - 2 radius``."""

    edge: float  # nm, from face to face
    radius: float  # nm, of edges and corners; edge / 2 makes a sphere

    def __post_init__(self) -> None:
        object.__setattr__(self, "edge", _positive(self.edge, "the edge of a rounded cube"))
        object.__setattr__(self, "radius", _positive(self.radius, "the radius of a rounded cube"))
        if self.radius > self.edge / 2:
            raise MeshError(
                f"the radius of a rounded cube ({self.radius:g} nm) is more than half its edge ({self.edge:g} nm)"
            )

    @property
    def flat(self) -> float:
        """Edge of the flat part of each face in nm."""
        return self.edge - 2 * self.radius

    @property
    def volume(self) -> float:
        """nm^3, by Steiner's formula: a cube of edge `flat`, its faces, edges and corners grown by `radius`."""
        s, r = self.flat, self.radius
        return s**3 + 6 * s**2 * r + 3 * pi * s * r**2 + 4 / 3 * pi * r**3

    @property
    def extent(self) -> Floats:
        """Full widths along the axes in nm, shape (3,)."""
        return np.full(3, self.edge)

    def grown(self, thickness: float) -> RoundedCube:
        """The parallel surface at `thickness` nm: faces further out, radius larger, flat parts the same."""
        return RoundedCube(self.edge + 2 * thickness, self.radius + thickness)

    def contains(self, points: ArrayLike) -> NDArray[np.bool_]:
        """Which of the points, shape (n, 3), lie inside or on the surface; shape (n,)."""
        beyond = np.maximum(np.abs(np.asarray(points, float)) - self.flat / 2, 0.0)
        inside: NDArray[np.bool_] = np.linalg.norm(beyond, axis=-1) <= self.radius
        return inside

    def onto(self, points: ArrayLike) -> Floats:
        """The points, shape (n, 3), of which each lies near the surface, moved onto it exactly."""
        return self.outset(np.asarray(points, float), 0.0)

    def outset(self, points: Floats, thickness: float) -> Floats:
        """Points near the surface, shape (n, 3), carried along the normal to that of ``grown(thickness)``."""
        inner = np.clip(points, -self.flat / 2, self.flat / 2)
        normals = (points - inner) / np.linalg.norm(points - inner, axis=-1, keepdims=True)
        moved: Floats = inner + (self.radius + thickness) * normals
        return moved


Shape: TypeAlias = Cuboid | Sphere | RoundedCube


@dataclass(frozen=True)
class Structure:
    """A core and the layers around it. All layers are concentric with the particle; only the core may be shifted.

    A layer of thickness 0 is allowed and is not there: it has no region, no boundary and no volume.

    Raises
    ------
    MeshError
        A thickness is negative, not finite, or between 0 and 1e-6 nm; a name is used twice; the shifted core
        touches or crosses the outer surface of the first layer, or is shifted although there is no layer.
    """

    core: Shape
    layers: tuple[tuple[str, float], ...] = ()  # (name of the region, thickness in nm), inside out
    core_shift: tuple[float, float, float] = (0.0, 0.0, 0.0)  # nm, of the core's centre from the particle's

    def __post_init__(self) -> None:
        if not isinstance(self.core, Cuboid | Sphere | RoundedCube):
            raise MeshError(f"a core is a Cuboid, a Sphere or a RoundedCube, not {self.core!r}")
        layers = tuple((str(name), _thickness(thickness, name)) for name, thickness in self.layers)
        object.__setattr__(self, "layers", layers)
        names = ["core", *(name for name, _ in layers)]
        if len(set(names)) < len(names) or "" in names:
            raise MeshError(f"the names of the regions must be given and differ from each other, but are {names}")
        shift = _floats(self.core_shift, "the shift of the core")
        if len(shift) != 3 or not all(isfinite(s) for s in shift):
            raise MeshError(f"the shift of the core must be three finite lengths in nm, not {self.core_shift}")
        object.__setattr__(self, "core_shift", shift)
        self._check_shift()

    def _check_shift(self) -> None:
        """Refuse a core that leaves the first layer.

        Exact for all families: a convex body, shifted by d, stays inside its own parallel surface at distance t if
        and only if d lies in the ball of radius t (compare support functions); for cuboids the ball is a cube.
        """
        if not any(self.core_shift):
            return
        there = [(name, thickness) for name, thickness in self.layers if thickness > 0]
        if not there:
            raise MeshError(f"the core is shifted by {self.core_shift} nm, but there is no layer around it to shift in")
        name, room = there[0]
        distance = float(np.linalg.norm(self.core_shift, ord=np.inf if isinstance(self.core, Cuboid) else 2))
        if distance > room - THINNEST:
            raise MeshError(
                f"the core, shifted by {self.core_shift} nm, goes through or touches the outer surface of its first "
                f"layer {name!r}, which is {room:g} nm thick: shift it by less than {room:g} nm"
            )

    @cached_property
    def regions(self) -> tuple[str, ...]:
        """Names of the regions that exist, inside out; the first is ``core``."""
        return ("core", *(name for name, thickness in self.layers if thickness > 0))

    @cached_property
    def boundaries(self) -> tuple[Shape, ...]:
        """Outer shape of each region in `regions`, each about its own centre in `centres`."""
        shapes: list[Shape] = [self.core]
        for _, thickness in self.layers:
            if thickness > 0:
                shapes.append(shapes[-1].grown(thickness))
        return tuple(shapes)

    @property
    def centres(self) -> Floats:
        """Centre of each boundary in nm, shape (regions, 3)."""
        centres = np.zeros((len(self.regions), 3))
        centres[0] = self.core_shift
        return centres

    @property
    def particle(self) -> Shape:
        """The outermost shape, centred at the origin."""
        return self.boundaries[-1]

    @property
    def extent(self) -> Floats:
        """Full widths of the particle along the axes in nm, shape (3,)."""
        return self.particle.extent

    @property
    def volumes(self) -> dict[str, float]:
        """Exact volume of each region in nm^3."""
        outer = [shape.volume for shape in self.boundaries]
        return dict(zip(self.regions, np.diff(outer, prepend=0.0).tolist()))

    @property
    def mirror(self) -> tuple[bool, bool, bool]:
        """Whether the planes x = 0, y = 0 and z = 0 through the particle's centre are mirror planes."""
        x, y, z = (shift == 0 for shift in self.core_shift)
        return (x, y, z)

    def region_at(self, points: ArrayLike) -> Ints:
        """Index into `regions` of each point (n, 3): on an interface the inner region, outside -1; shape (n,)."""
        points = np.asarray(points, float)
        found = np.full(points.shape[:-1], -1)
        for index in reversed(range(len(self.regions))):
            found[self.boundaries[index].contains(points - self.centres[index])] = index
        return found


def _floats(values: object, what: str) -> tuple[float, ...]:
    try:
        return tuple(float(value) for value in values)  # type: ignore[attr-defined]
    except (TypeError, ValueError):
        raise MeshError(f"{what} must be numbers, not {values!r}") from None


def _positive(value: float, what: str) -> float:
    (number,) = _floats((value,), what)
    if not 0 < number < inf:
        raise MeshError(f"{what} must be a positive length in nm, not {value}")
    return number


def _thickness(value: float, name: str) -> float:
    (number,) = _floats((value,), f"the thickness of layer {name!r}")
    if not 0 <= number < inf:
        raise MeshError(f"the thickness of layer {name!r} must be 0 or more and finite, not {value} nm")
    if 0 < number < THINNEST:
        raise MeshError(f"layer {name!r} is only {number:g} nm thick: make it 0 or at least {THINNEST:g} nm")
    return number
