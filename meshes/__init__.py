"""Geometry to mesh: nested shapes, boxes of hexahedra, tetrahedra of any shape, and mesh files.

Points, cells and regions by name; lengths in nm. No physics, no materials, nothing of the solvers.
"""

from meshes.boxes import box_mesh, breakpoints
from meshes.errors import MesherMissing, MeshError
from meshes.files import read_mesh, write_mesh
from meshes.generate import tetrahedra
from meshes.mesh import Mesh, check
from meshes.shapes import Cuboid, RoundedCube, Shape, Sphere, Structure

__all__ = [
    "Cuboid",
    "Mesh",
    "MeshError",
    "MesherMissing",
    "RoundedCube",
    "Shape",
    "Sphere",
    "Structure",
    "box_mesh",
    "breakpoints",
    "check",
    "read_mesh",
    "tetrahedra",
    "write_mesh",
]
