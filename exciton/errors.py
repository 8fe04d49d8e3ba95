"""What goes wrong on the user's side of the program; the solvers and the meshes have errors of their own."""


class JobError(ValueError):
    """Bad input: the message names the file or key, what was found and what is allowed (exit status 2)."""


class ComponentMissing(RuntimeError):
    """A library or program that was asked for is not here; the message says how to get it (exit status 2)."""
