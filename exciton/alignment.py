"""How the bands of two materials line up: the core's gap, the barriers of everything else, the name of the result.

Energies in eV, masses in free-electron masses. A barrier is positive where it keeps its carrier out of the other
material and negative where it draws it in. Pure functions of numbers: nothing here reads files or the database.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

from exciton.errors import JobError
from exciton.units import RYDBERG

Mass = float | Sequence[float]  # one number, or the three principal masses

NEAR = 0.1  # eV: a barrier no larger than this is neither a barrier nor a trap
CONFINED = 0.9  # a ground state with this much of itself in the core counts as confined there
ROUNDING = 1e-9  # eV: differences of decimal inputs are not exact

_GIVEN, _RULE, _CONVENTION = "given", "affinity rule", "convention"


def optical_mass(mass: Mass) -> float:
    """The mass itself, or the harmonic mean ``3 / (1/m_x + 1/m_y + 1/m_z)`` of three principal masses.

    The harmonic mean is what enters the spherically averaged kinetic energy of an anisotropic carrier.

    Raises
    ------
    JobError
        A mass is not positive, or there are neither one nor three of them.
    """
    axes = [mass] if isinstance(mass, (int, float)) else list(mass)
    if len(axes) not in (1, 3) or not all(m > 0 and isfinite(m) for m in axes):
        raise JobError(f"mass {mass}: must be one positive number or three of them")
    return len(axes) / sum(1 / m for m in axes)


def reduced_mass(electron_mass: Mass, hole_mass: Mass) -> float:
    """``1 / (1/m_e + 1/m_h)`` of the two optical masses."""
    return 1 / (1 / optical_mass(electron_mass) + 1 / optical_mass(hole_mass))


def bulk_rydberg(electron_mass: Mass, hole_mass: Mass, permittivity: float) -> float:
    """Binding energy of the bulk exciton in eV, ``(mu / m0) Ry / eps^2`` (hydrogen-like, Wannier).

    Anisotropic masses enter by their harmonic means (`optical_mass`): exact to first order in the anisotropy.

    Raises
    ------
    JobError
        A mass is not positive, or the permittivity is below 1.
    """
    if not (permittivity >= 1 and isfinite(permittivity)):
        raise JobError(f"permittivity {permittivity:g}: must be 1 or more")
    return RYDBERG * reduced_mass(electron_mass, hole_mass) / permittivity**2


def gap_from_exciton_line(line: float, electron_mass: Mass, hole_mass: Mass, permittivity: float) -> float:
    """Gap in eV such that the bulk exciton of these masses and this permittivity lies at `line`.

    Whatever mass or permittivity a job chooses, the bulk line stays where it was measured.
    """
    return line + bulk_rydberg(electron_mass, hole_mass, permittivity)


@dataclass(frozen=True, slots=True)
class Gap:
    """A band gap in eV, and in words where it comes from."""

    value: float
    origin: str


def band_gap(values: Mapping[str, Any]) -> Gap | None:
    """Gap of a material from its job-file keys, or None where they do not determine one.

    A ``gap_eV`` wins; otherwise ``exciton_line_eV`` and the bulk Rydberg of ``electron_mass``, ``hole_mass`` and
    ``permittivity`` (``electron_mass_xyz`` and ``hole_mass_xyz`` count before the scalar masses).
    """
    if values.get("gap_eV") is not None:
        return Gap(float(values["gap_eV"]), "gap_eV as given")
    line, permittivity = values.get("exciton_line_eV"), values.get("permittivity")
    electron = _first(values, "electron_mass_xyz", "electron_mass")
    hole = _first(values, "hole_mass_xyz", "hole_mass")
    if line is None or electron is None or hole is None or permittivity is None:
        return None
    rydberg = bulk_rydberg(electron, hole, permittivity)
    origin = (
        f"bulk exciton line {line:g} eV + Rydberg {1e3 * rydberg:.2f} meV "
        f"(reduced mass {reduced_mass(electron, hole):.4g}, permittivity {permittivity:g})"
    )
    if not all(isinstance(mass, (int, float)) for mass in (electron, hole)):
        origin += "; harmonic means of the anisotropic masses"
    return Gap(float(line) + rydberg, origin)


@dataclass(frozen=True, slots=True, kw_only=True)
class BandEdges:
    """What an alignment needs to know about one material; None where it is not known."""

    name: str
    gap: float | None = None
    affinity: float | None = None
    affinity_spread: tuple[float, float] | None = None  # lowest and highest in the literature
    electron_barrier: float | None = None  # conventional, against any core
    hole_barrier: float | None = None

    @classmethod
    def of(
        cls, name: str, values: Mapping[str, Any], *, affinity_spread: tuple[float, float] | None = None
    ) -> "BandEdges":
        """From the keys of a (resolved) job-file table; pass the spread only with the database's own affinity."""
        gap = band_gap(values)
        return cls(
            name=name,
            gap=None if gap is None else gap.value,
            affinity=values.get("electron_affinity_eV"),
            affinity_spread=affinity_spread,
            electron_barrier=values.get("electron_barrier_eV"),
            hole_barrier=values.get("hole_barrier_eV"),
        )


@dataclass(frozen=True, slots=True)
class Barriers:
    """Barriers in eV that one material puts up against the carriers of the core, and where they come from.

    `notes` are lines for the assumption sheet.
    """

    electron: float
    hole: float
    origin: str
    notes: tuple[str, ...] = ()


def barriers(
    core: BandEdges, other: BandEdges, *, given_electron: float | None = None, given_hole: float | None = None
) -> Barriers:
    """Barriers of `other` against the carriers of `core`.

    In this order: a barrier that is given; the other one from the difference of the gaps,
    ``V_e + V_h = gap_other - gap_core``; the affinity rule [1]_ ``V_e = chi_core - chi_other``; the conventional
    barriers of a matrix. The core's own material has no barriers.

    Raises
    ------
    JobError
        The numbers do not determine both barriers; the message says which keys would.

    References
    ----------
    .. [1] R. L. Anderson, Solid-State Electron. 5, 341 (1962).
    """
    for key, value in (("electron_barrier_eV", given_electron), ("hole_barrier_eV", given_hole)):
        if value is not None and not isfinite(value):
            raise JobError(f"[alignment.{other.name}] {key} = {value:g}: must be finite")
    same = core.name == other.name
    difference = 0.0 if same else _minus(other.gap, core.gap)
    step = 0.0 if same else _minus(core.affinity, other.affinity)

    if given_electron is not None and given_hole is not None:
        return Barriers(given_electron, given_hole, "both given", _sum_note(core, other, given_electron + given_hole))
    if given_electron is not None and difference is not None:
        return Barriers(given_electron, difference - given_electron, "electron given, hole from the gaps")
    if given_hole is not None and difference is not None:
        return Barriers(difference - given_hole, given_hole, "hole given, electron from the gaps")
    if same:
        return Barriers(0.0, 0.0, "the core's own material")

    rest = None if step is None or difference is None else difference - step
    electron, electron_origin = _choose(given_electron, step, other.electron_barrier)
    hole, hole_origin = _choose(given_hole, rest, other.hole_barrier)
    if electron is None or hole is None:
        raise JobError(_what_to_give(core, other, given_electron, given_hole))
    notes: tuple[str, ...] = ()
    if electron_origin == _RULE:
        notes += _spread_note(core, other, electron)
    for carrier, barrier, origin in (("electron", electron, electron_origin), ("hole", hole, hole_origin)):
        if origin == _CONVENTION:
            notes += (f"{other.name}: the {carrier} barrier of {barrier:g} eV is a convention, not a measurement",)
    if electron_origin == hole_origin:
        return Barriers(electron, hole, electron_origin, notes)
    return Barriers(electron, hole, f"electron: {electron_origin}, hole: {hole_origin}", notes)


def alignment_type(electron_barrier: float, hole_barrier: float) -> str:
    """Name of an alignment by its two barriers (eV): ``I``, ``quasi-II``, ``II`` or ``inverted``.

    I: both above `NEAR`. Quasi-II: at least one of them within `NEAR` of zero (`NEAR` itself included), whatever the
    other is, so one carrier is held nowhere. II: one above, the other below minus `NEAR`. Inverted: both below.
    Seen from the other material (both signs turned) I becomes inverted and the other two keep their names.
    """
    sides = [_side(electron_barrier), _side(hole_barrier)]
    if 0 in sides:
        return "quasi-II"
    return {2: "I", 0: "II", -2: "inverted"}[sum(sides)]


def type_by_states(electron_core_probability: float, hole_core_probability: float) -> str:
    """Name of an alignment by where the two ground states really are.

    I where both have their larger part (more than half) in the core, II where one has not, inverted where neither
    has. ``quasi-`` in front where the smaller of the two probabilities lies between one half and `CONFINED`, the
    ends excluded. Both carriers then have their larger part in the core, so the prefix occurs as ``quasi-I`` only.
    """
    in_core = (electron_core_probability > 0.5) + (hole_core_probability > 0.5)
    name = ("inverted", "II", "I")[in_core]
    smaller = min(electron_core_probability, hole_core_probability)
    return f"quasi-{name}" if 0.5 < smaller < CONFINED else name


def _choose(given: float | None, by_rule: float | None, conventional: float | None) -> tuple[float | None, str]:
    for value, origin in ((given, _GIVEN), (by_rule, _RULE), (conventional, _CONVENTION)):
        if value is not None:
            return value, origin
    return None, ""


def _sum_note(core: BandEdges, other: BandEdges, total: float) -> tuple[str, ...]:
    if core.gap is None or other.gap is None:
        return ()
    excess = total - (other.gap - core.gap)
    if abs(excess) < 0.5e-3:  # below the last digit that the line would show
        return ()
    return (
        f"{other.name}: the given barriers add up to {total:.3f} eV, {abs(excess):.3f} eV "
        f"{'more' if excess > 0 else 'less'} than the difference of the gaps, {other.gap - core.gap:.3f} eV; "
        f"the barriers are used as given",
    )


def _spread_note(core: BandEdges, other: BandEdges, barrier: float) -> tuple[str, ...]:
    """What the literature's spread of the two affinities makes of an electron barrier; a missing spread counts 0."""
    if core.affinity is None or other.affinity is None or not (core.affinity_spread or other.affinity_spread):
        return ()
    core_low, core_high = core.affinity_spread or (core.affinity, core.affinity)
    other_low, other_high = other.affinity_spread or (other.affinity, other.affinity)
    low, high = core_low - other_high, core_high - other_low
    sign = "; its sign is not known" if low < 0 < high else ""
    return (
        f"{other.name}: the electron barrier of {barrier:.2f} eV follows from affinities whose spread in the "
        f"database puts it between {low:.2f} and {high:.2f} eV{sign}",
    )


def _what_to_give(core: BandEdges, other: BandEdges, electron: float | None, hole: float | None) -> str:
    keys = {"electron_barrier_eV": electron, "hole_barrier_eV": hole}
    one_given = electron is not None or hole is not None
    wanted = []
    for side in (core, other):
        needed = {"gap_eV": side.gap} if one_given else {"gap_eV": side.gap, "electron_affinity_eV": side.affinity}
        if missing := [key for key, value in needed.items() if value is None]:
            wanted.append(f"[materials.{side.name}] {' and '.join(missing)}")
    return (
        f"the barriers of {other.name} against {core.name} are not known; give [alignment.{other.name}] "
        f"{' and '.join(key for key, value in keys.items() if value is None)}, or {' and '.join(wanted)}"
    )


def _minus(left: float | None, right: float | None) -> float | None:
    return None if left is None or right is None else left - right


def _side(barrier: float) -> int:
    """1 for a barrier, -1 for a trap, 0 where it is too small to be either."""
    if abs(barrier) <= NEAR + ROUNDING:
        return 0
    return 1 if barrier > 0 else -1


def _first(values: Mapping[str, Any], *keys: str) -> Any:
    return next((values[key] for key in keys if values.get(key) is not None), None)
