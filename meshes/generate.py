"""Tetrahedra for every shape: the core by gmsh, the layers around it column by column (`meshes.layers`).

The only file that imports gmsh, which is an optional component; boxes never need it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import combinations, permutations
from math import hypot, inf, pi
from typing import Any

import numpy as np

from meshes.conformity import check
from meshes.errors import MesherMissing, MeshError
from meshes.grading import cuts
from meshes.layers import wrap
from meshes.mesh import Mesh
from meshes.reference import ORDERS, Floats, Ints
from meshes.shapes import Cuboid, RoundedCube, Shape, Sphere, Structure

GROWTH = 0.5  # of the cell size per distance, away from where it has to be small
FOLDED = 0.1  # smallest over largest Jacobian of a cell: where two of its faces follow one smooth surface, it vanishes
ATTEMPTS = 8  # to get a core without such cells, and no folded column, each with finer curved surfaces
TINY = 0.01  # flat faces that small, relative to the edge, are not outlined by edges of cells

_OPTIONS = {
    "General.Terminal": 0,
    "General.NumThreads": 1,
    "Mesh.Algorithm": 6,  # frontal Delaunay for the surface
    "Mesh.Algorithm3D": 1,  # Delaunay
    "Mesh.RandomSeed": 1,
    "Mesh.ElementOrder": 1,
    "Mesh.Optimize": 1,
    "Mesh.MeshSizeMin": 0,
    "Mesh.MeshSizeMax": 1e22,
    "Mesh.MeshSizeFactor": 1,
    "Mesh.MeshSizeFromPoints": 0,
    "Mesh.MeshSizeFromCurvature": 0,
    "Mesh.MeshSizeExtendFromBoundary": 0,
}


def tetrahedra(
    structure: Structure,
    size: float,
    *,
    order: int | None = None,
    interface_size: float = inf,
    layers: int | Sequence[int] = 0,
    factor: float = 0.15,
    turn: int = 8,
    planes: tuple[bool, bool, bool] = (False, False, False),
) -> Mesh:
    """A tetrahedral mesh with faces on every interface, checked before it is handed over.

    Parameters
    ----------
    size
        Of the cells, nm: the edges wanted along the surfaces and in the core, and the most that a sublayer is thick.
    order
        Of the geometry, 1 to 6: 2, with nodes on the true surface, is the default for curved shapes; 1 for cuboids.
    interface_size
        A smaller size for the core's surface, from which cells grow into the core.
    layers, factor
        Layers are cut towards the interfaces as in `meshes.boxes.breakpoints`, each that is there as often as the
        sequence says; the core is not.
    turn
        At least so many cells around a full turn of each curved surface.
    planes
        Cut the particle at x = 0, y = 0 or z = 0, mirror planes of it, and keep the positive side. With all three an
        exchange of axes that turns the shape into itself does so with the cells, but for cuboids.

    Raises
    ------
    MesherMissing
        gmsh is not installed or cannot be loaded.
    MeshError
        Impossible sizes, or a mesh that fails its checks (a size too coarse for the shape).
    """
    thicknesses = [thickness for _, thickness in structure.layers if thickness > 0]
    often = [layers] * len(thicknesses) if isinstance(layers, int) else list(layers)
    if len(often) != len(thicknesses):
        raise MeshError(f"there are {len(thicknesses)} layers, but `layers` has {len(often)} entries")
    if not (0 < size < inf and interface_size > 0 and min(often, default=0) >= 0 and 0 < factor < 1 and turn >= 4):
        raise MeshError("need size > 0, interface_size > 0, layers >= 0, 0 < factor < 1 and turn >= 4")
    if order is None:
        order = 1 if isinstance(structure.core, Cuboid) else 2
    if order not in ORDERS["tetrahedron"]:
        raise MeshError(f"the order of the geometry must be 1 to {ORDERS['tetrahedron'][-1]}, not {order}")
    if any(wanted and not there for wanted, there in zip(planes, structure.mirror)):
        raise MeshError(f"a core shifted by {structure.core_shift} nm has no such mirror planes: {planes}")
    levels = [
        cuts(0.0, 1.0, size / thickness, (True, index < len(thicknesses) - 1), number, factor)
        for index, (thickness, number) in enumerate(zip(thicknesses, often))
    ]
    for attempt in range(ATTEMPTS):
        angle = _angle(structure, size, turn) * 0.85**attempt
        points, cells = _core(structure.core, _size_field(structure, size, interface_size, angle), planes)
        mesh = wrap(structure, points, cells, levels, order, planes)
        distortion = mesh.distortion()
        if distortion[: len(cells)].min() > FOLDED and distortion.min() > 0:
            break
    # a chord over the angle t leaves out the part t^2 / 8 of the radius; a parabola of the order t^4 (both measured)
    tolerance = angle**2 if order == 1 else 0.03 * angle**4
    try:
        share = 0.5 ** sum(planes)
        check(mesh, {name: share * v for name, v in structure.volumes.items()}, tolerance=1e-12 + tolerance)
    except MeshError as error:
        raise MeshError(f"no good mesh at size {size:g} nm ({error}); a smaller size may help") from None
    return mesh


def _angle(structure: Structure, size: float, turn: int) -> float:
    """Angle in radians that one cell spans along the curved surfaces; 0 for cuboids.

    Columns of cells widen on their way outwards: the outermost, of the largest radius, must keep to `size`.
    """
    if isinstance(structure.particle, Cuboid):
        return 0.0
    return min(2 * pi / turn, size / structure.particle.radius)


def _size_field(
    structure: Structure, size: float, interface_size: float, angle: float
) -> Callable[[float, float, float], float]:
    """The size of cells at a point of the core: smaller at its surface and where that is round, growing from there."""
    core = structure.core
    if isinstance(core, Cuboid):
        a, b, c = (edge / 2 for edge in core.edges)
        surface = min(size * float((core.extent / structure.extent).min()), interface_size)

        def in_cuboid(x: float, y: float, z: float) -> float:
            depth = min(a - abs(x), b - abs(y), c - abs(z))
            return min(size, surface + GROWTH * max(depth, 0.0))

        return in_cuboid

    radius = core.radius
    flat = core.flat / 2 if isinstance(core, RoundedCube) else 0.0

    def in_rounded(x: float, y: float, z: float) -> float:
        low, middle, high = sorted((abs(x), abs(y), abs(z)))
        beyond = hypot(max(low - flat, 0.0), max(middle - flat, 0.0), max(high - flat, 0.0))
        depth = max(radius - beyond if beyond else radius + flat - high, 0.0)
        to_round = depth if flat == 0 else hypot(max(flat - middle, 0.0), max(flat - high, 0.0))
        return min(size, interface_size + GROWTH * depth, radius * angle + GROWTH * to_round)

    return in_rounded


def _core(
    shape: Shape, size_at: Callable[[float, float, float], float], planes: tuple[bool, bool, bool]
) -> tuple[Floats, Ints]:
    """Points (n, 3) and linear tetrahedra (c, 4) of one shape, or of the part of it beyond these planes."""
    sixfold = all(planes) and not isinstance(shape, Cuboid)
    with _session() as gmsh:
        occ = gmsh.model.occ
        if isinstance(shape, Sphere) or (isinstance(shape, RoundedCube) and shape.flat < TINY * shape.edge):
            occ.addSphere(0, 0, 0, float(shape.extent[0]) / 2)
        else:
            body = occ.addBox(*(-shape.extent / 2), *shape.extent)
            if isinstance(shape, RoundedCube):
                occ.synchronize()
                occ.fillet([body], [tag for _, tag in gmsh.model.getEntities(1)], [shape.radius])
        if sixfold:
            occ.intersect(occ.getEntities(3), [(3, _wedge(occ, float(shape.extent[0])))])
        elif any(planes):
            low = np.where(planes, 0.0, -shape.extent)
            occ.intersect(occ.getEntities(3), [(3, occ.addBox(*low, *(shape.extent - low)))])
        occ.synchronize()
        gmsh.model.mesh.setSizeCallback(lambda _dim, _tag, x, y, z, _size: size_at(x, y, z))
        numbers, coordinates, nodes = _filled(gmsh, f"mesh {shape}")
    used, cells = np.unique(nodes, return_inverse=True)
    place = np.zeros(int(numbers.max()) + 1, np.int64)
    place[numbers] = np.arange(len(numbers))
    points = coordinates[place[used]]
    near = 1e-9 * float(shape.extent.max())
    points[np.asarray(planes) & (np.abs(points) < near)] = 0.0
    return _six(points, cells.reshape(-1, 4), near) if sixfold else (points, cells.reshape(-1, 4))


def _wedge(occ: Any, reach: float) -> int:
    """The volume 0 < z < y < x < reach."""
    corners = [occ.addPoint(*reach * np.array(corner)) for corner in ((0, 0, 0), (1, 0, 0), (1, 1, 0), (1, 1, 1))]
    line = {(i, j): occ.addLine(corners[i], corners[j]) for i, j in combinations(range(4), 2)}
    loops = [occ.addCurveLoop([line[i, j], line[j, k], -line[i, k]]) for i, j, k in combinations(range(4), 3)]
    return int(occ.addVolume([occ.addSurfaceLoop([occ.addPlaneSurface([loop]) for loop in loops])]))


def _six(points: Floats, cells: Ints, near: float) -> tuple[Floats, Ints]:
    """The tetrahedra of a wedge z <= y <= x and of its five images under an exchange of the axes.

    A point and its images have neighbouring numbers, so whatever goes by the order of numbers goes alike in all six.
    """
    for one, other in ((0, 1), (1, 2), (0, 1)):
        same = np.abs(points[:, one] - points[:, other]) < near
        points[same, one] = points[same, other]
    images = np.stack([points[:, order] for order in permutations(range(3))], axis=1)
    names = np.column_stack([np.repeat(np.arange(float(len(points))), 6), images.reshape(-1, 3)])
    distinct, number = np.unique(names, axis=0, return_inverse=True)
    return distinct[:, 1:].copy(), np.vstack([row[cells] for row in number.reshape(-1, 6).T])


def fill(points: Floats, inner: Ints, outer: Ints) -> tuple[Floats, Ints]:
    """Tetrahedra (c, 4) between two closed surfaces, whose triangles they keep; points are added after those given.

    Parameters
    ----------
    points
        (n, 3) of both surfaces.
    inner, outer
        (t, 3) triangles; the sizes of cells go from those of one surface to those of the other.

    Raises
    ------
    MeshError
        gmsh cannot do it: the surfaces cut each other or themselves.
    """
    with _session() as gmsh:
        gmsh.option.setNumber("Mesh.MeshSizeExtendFromBoundary", 1)
        for tag, triangles in enumerate((inner, outer), start=1):
            gmsh.model.addDiscreteEntity(2, tag)
            used = np.unique(triangles)
            gmsh.model.mesh.addNodes(2, tag, used + 1, points[used].ravel())
            gmsh.model.mesh.addElementsByType(tag, 2, [], (triangles + 1).ravel())
        loops = [gmsh.model.geo.addSurfaceLoop([tag]) for tag in (2, 1)]
        gmsh.model.geo.addVolume(loops)
        gmsh.model.geo.synchronize()
        numbers, coordinates, nodes = _filled(gmsh, "fill the space around the mesh")
    new = np.flatnonzero(numbers > len(points))
    place = np.full(int(numbers.max()) + 1, -1)
    place[1 : len(points) + 1] = np.arange(len(points))
    place[numbers[new]] = len(points) + np.arange(len(new))
    return np.vstack([points, coordinates[new]]), place[nodes]


def _filled(gmsh: Any, what: str) -> tuple[Ints, Floats, Ints]:
    """Fill the volumes of the model; numbers (n,) and coordinates (n, 3) of nodes, nodes (c, 4) of tetrahedra."""
    try:
        gmsh.model.mesh.generate(3)
    except Exception as error:  # gmsh raises nothing more precise
        raise MeshError(f"gmsh could not {what}: {error}") from error
    numbers, coordinates, _ = gmsh.model.mesh.getNodes()
    _, nodes = gmsh.model.mesh.getElementsByType(gmsh.model.mesh.getElementType("tetrahedron", 1))
    if not len(nodes):
        raise MeshError(f"gmsh could not {what}")
    return numbers.astype(np.int64), coordinates.reshape(-1, 3), nodes.astype(np.int64).reshape(-1, 4)


def load_gmsh() -> Any:
    """The module gmsh.

    Raises
    ------
    MesherMissing
        It is not installed, or a system library that it needs is not.
    """
    try:
        import gmsh
    except ImportError:
        raise MesherMissing("tetrahedra need gmsh, which is not installed: pip install 'exciton-fem[gmsh]'") from None
    except OSError as error:
        raise MesherMissing(
            f"gmsh is installed but cannot be loaded ({error}); on Debian and Ubuntu it needs the system packages "
            "libglu1-mesa libxrender1 libxcursor1 libxft2 libxinerama1 libgomp1"
        ) from None
    return gmsh


@contextmanager
def _session() -> Iterator[Any]:
    """gmsh with our options and a model of our own; a session that the caller has open is left as it was."""
    gmsh = load_gmsh()
    guest = bool(gmsh.isInitialized())
    if not guest:
        gmsh.initialize(readConfigFiles=False, interruptible=False)
    before = {name: gmsh.option.getNumber(name) for name in _OPTIONS}
    current = gmsh.model.getCurrent() if guest else None
    for name, value in _OPTIONS.items():
        gmsh.option.setNumber(name, value)
    gmsh.model.add("meshes.generate")
    try:
        yield gmsh
    finally:
        if guest:
            gmsh.model.mesh.removeSizeCallback()
            gmsh.model.remove()
            gmsh.model.setCurrent(current)
            for name, value in before.items():
                gmsh.option.setNumber(name, value)
        else:
            gmsh.finalize()
