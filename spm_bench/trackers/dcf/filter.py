"""The filter's algebra: closed-form ridge regression of a desired response, one frequency at a time.

Legend: B samples, C channels, m x m cells, n = fine * m.

A filter h minimises |sum_c h_c * x_c - y|^2 + lambda |h|^2 over all circular shifts of the sample x; with capitals for
Fourier transforms its response to z is

    sum_c conj(X_c) Y Z_c / (sum_c |X_c|^2 + lambda)

(Bolme et al., CVPR 2010; several channels: Galoogahi et al., ICCV 2013, with the sharing of one denominator as in
Danelljan et al., DSST, BMVC 2014). Numerator and denominator are averaged over frames on their own: that is the update.
"""

from __future__ import annotations

import math
from typing import NamedTuple, cast

import torch
from torch import Tensor


class Filter(NamedTuple):
    """One filter, in the Fourier domain.

    Attributes:
        numerator: C x m x m complex, conj(X_c) Y.
        energy: m x m, sum_c |X_c|^2.
    """

    numerator: Tensor
    energy: Tensor


def cosine_window(m: int, device: torch.device) -> Tensor:
    """A Hann window of m x m, one in the middle, zero one cell beyond the border."""
    line = torch.hann_window(m + 2, periodic=False, dtype=torch.float32, device=device)[1:-1]
    return line[:, None] * line[None]


def desired_response(m: int, deviation: float, device: torch.device) -> Tensor:
    """Fourier transform (m x m complex) of a Gaussian with its top, 1, at shift zero.

    Args:
        m: Cells per side.
        deviation: Standard deviation in cells.
        device: Where.
    """
    shifts = torch.fft.fftfreq(m, d=1.0 / m, device=device)
    line = torch.exp(-0.5 * (shifts / deviation) ** 2)
    return cast(Tensor, torch.fft.fft2(line[:, None] * line[None]))


def learn(sample: Tensor, desired: Tensor) -> Filter:
    """The optimal filter for one sample, C x m x m (windowed features)."""
    spectrum = torch.fft.fft2(sample)
    return Filter(spectrum.conj() * desired, spectrum.abs().square().sum(dim=0))


def blend(old: Filter, new: Filter, rate: float) -> Filter:
    """Running averages: `rate` of the new filter, the rest of the old one."""
    return Filter(torch.lerp(old.numerator, new.numerator, rate), torch.lerp(old.energy, new.energy, rate))


def respond(found: Filter, samples: Tensor, regularisation: float, fine: int) -> Tensor:
    """Responses to B samples on a grid `fine` times finer than the cells.

    Args:
        found: The filter.
        samples: B x C x m x m windowed features.
        regularisation: As a share of the mean energy of a frequency.
        fine: Points per cell and direction.

    Returns:
        B x n x n; index 0 is shift zero, as in a Fourier transform.
    """
    denominator = found.energy + regularisation * found.energy.mean()
    spectrum = (found.numerator * torch.fft.fft2(samples)).sum(dim=1) / denominator
    return cast(Tensor, torch.fft.ifft2(_padded(spectrum, fine)).real * fine**2)


def _padded(spectrum: Tensor, fine: int) -> Tensor:
    """B x m x m with zeros for frequencies that are not there: trigonometric interpolation. m is odd."""
    m = spectrum.shape[-1]
    n, half = fine * m, m // 2
    if fine == 1:
        return spectrum
    rows = torch.fft.fftshift(spectrum, dim=(-2, -1))
    low = n // 2 - half
    padded = spectrum.new_zeros((*spectrum.shape[:-2], n, n))
    padded[..., low : low + m, low : low + m] = rows
    return cast(Tensor, torch.fft.ifftshift(padded, dim=(-2, -1)))


class Peak(NamedTuple):
    """Where the best response is.

    Attributes:
        sample: Which of the B samples.
        shift: (x, y) in cells, up to half the filter's side either way.
        height: The response; 1 is what was learned.
    """

    sample: int
    shift: tuple[float, float]
    height: float


def find_peak(responses: Tensor, weights: Tensor, fine: int) -> Peak:
    """The highest of the weighted responses; of equal ones the first sample, row and column.

    Args:
        responses: B x n x n.
        weights: B factors.
        fine: Points per cell.
    """
    n = responses.shape[-1]
    place = int(torch.argmax(responses * weights[:, None, None]))
    sample, rest = divmod(place, n * n)
    y, x = divmod(rest, n)
    shift = tuple((place if place <= n // 2 else place - n) / fine for place in (x, y))
    height = float(responses[sample, y, x])
    return Peak(sample, (shift[0], shift[1]), height if math.isfinite(height) else 0.0)
