"""What the mesh room refuses."""


class MeshError(ValueError):
    """A geometry that cannot be, or a mesh that must not be used; the message gives the reason."""


class MesherMissing(RuntimeError):
    """A mesh generator that is needed here and not installed, or not able to start; the message says how to get it."""
