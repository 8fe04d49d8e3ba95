"""Figures (matplotlib) and 3D scenes (PyVista), drawn from the plain data of a result folder.

No picture computes physics: what it shows is in ``result.json``, the axis profiles and the VTU files, so that
every picture can be drawn again, anywhere. Neither library is imported before something is drawn.
"""

from exciton.pictures.bands import plot_bands, plot_sweep_bands
from exciton.pictures.maps import plot_map
from exciton.pictures.plots import plot_emission
from exciton.pictures.rendering import rendering_works
from exciton.pictures.scene import draw_wavefunctions
from exciton.pictures.style import caption
from exciton.pictures.sweeps import swept

__all__ = [
    "caption",
    "draw_wavefunctions",
    "plot_bands",
    "plot_emission",
    "plot_map",
    "plot_sweep_bands",
    "rendering_works",
    "swept",
]
