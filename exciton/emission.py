"""From the pair to the colour."""

from exciton.units import HC


def wavelength(energy: float) -> float:
    """Vacuum wavelength in nm of a photon of `energy` eV.

    Raises
    ------
    ValueError
        The energy is not positive: there is no such photon.
    """
    if energy <= 0:
        raise ValueError(f"a photon energy must be positive; found {energy:g} eV")
    return HC / energy
