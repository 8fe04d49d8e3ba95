"""Constants in the program's units: nm, eV, free-electron masses, elementary charges (CODATA, through SciPy)."""

from scipy import constants as _si

_EV = _si.electron_volt
_NM = 1e-9

HBAR2_2M0: float = _si.hbar**2 / (2 * _si.electron_mass) / (_EV * _NM**2)  # eV nm^2: hbar^2 / 2 m0
COULOMB: float = _si.e**2 / (4 * _si.pi * _si.epsilon_0) / (_EV * _NM)  # eV nm: e^2 / 4 pi eps0
BOHR: float = _si.physical_constants["Bohr radius"][0] / _NM  # nm
HC: float = _si.h * _si.c / (_EV * _NM)  # eV nm: photon energy times vacuum wavelength
KB: float = _si.k / _EV  # eV / K
RYDBERG: float = COULOMB**2 / (4 * HBAR2_2M0)  # eV: e^4 m0 / 2 (4 pi eps0 hbar)^2
HBAR_NS: float = _si.hbar / _EV * 1e9  # eV ns
ELECTRON_REST: float = _si.electron_mass * _si.c**2 / _EV  # eV: m0 c^2
FINE_STRUCTURE: float = _si.fine_structure
