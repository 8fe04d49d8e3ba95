"""Meshes of one side of mirror planes, and the whole ones that their mirror images make up."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product

import numpy as np
from numpy.typing import NDArray

from meshes.errors import MeshError
from meshes.mesh import Mesh
from meshes.reference import Ints
from meshes.refine import bisected


@dataclass(frozen=True, eq=False)
class Folded:
    """The part of a mesh where the coordinates along the normals of its mirror planes are not negative.

    Raises
    ------
    MeshError
        A point lies on the negative side of a mirror plane.
    """

    mesh: Mesh  # points on a mirror plane have the coordinate 0 exactly
    planes: tuple[bool, bool, bool]  # whether x = 0, y = 0 and z = 0 are mirror planes

    def __post_init__(self) -> None:
        if (self.mesh.points[:, list(self.planes)] < 0).any():
            raise MeshError("a folded mesh lies on the positive side of its mirror planes")

    @cached_property
    def images(self) -> NDArray[np.bool_]:
        """(images, 3) along which axes each image is turned over; the first is the part itself."""
        return np.array(list(product(*((False, True) if plane else (False,) for plane in self.planes))))

    def order(self, image: int, mirrored: Ints) -> Ints:
        """(k,) the numbering of a cell's nodes in an image; `mirrored` is that of the reference cell in a mirror."""
        return mirrored if self.images[image].sum() % 2 else np.arange(len(mirrored))

    def bisected(self, marked: NDArray[np.bool_]) -> Folded:
        """The part with marked cells cut, (cells,), see `meshes.refine`; its images are then cut alike."""
        finer = bisected(self.mesh, marked)
        on = np.array(self.planes) & (np.abs(finer.points) < 1e-12 * np.abs(finer.points).max())
        return Folded(replace(finer, points=np.where(on, 0.0, finer.points)), self.planes)

    @cached_property
    def whole(self) -> Mesh:
        """The mesh of all images, one after the other; they share the points on the planes."""
        mesh = self.mesh
        flips = self.images[:, None] & (mesh.points != 0)  # a point on a plane is its own image
        names = np.arange(len(mesh.points)) * 8 + flips @ np.array([1, 2, 4])
        _, first, numbers = np.unique(names, return_index=True, return_inverse=True)
        points = np.where(flips, -mesh.points, mesh.points).reshape(-1, 3)[first]
        cells = [
            row[mesh.cells][:, self.order(image, mesh.reference.mirrored)]
            for image, row in enumerate(numbers.reshape(names.shape))
        ]
        tags = np.tile(mesh.tags, len(cells))
        return Mesh(points, np.concatenate(cells), mesh.cell, mesh.order, mesh.regions, tags)
