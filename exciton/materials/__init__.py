"""The material database: every number with its spread and its source, one TOML file per material.

Nothing is read when this is imported; `lookup` reads the one file that it needs, once.
"""

from exciton.materials.database import KEYS, Key, Material, Quantity, lookup, names

__all__ = ["KEYS", "Key", "Material", "Quantity", "lookup", "names"]
