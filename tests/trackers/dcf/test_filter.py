"""The filter's algebra against ridge regression over all circular shifts, written out as a matrix."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from spm_bench.trackers.dcf.filter import blend, cosine_window, desired_response, find_peak, learn, respond

M, C = 5, 2


@pytest.fixture
def sample():
    return torch.from_numpy(np.random.default_rng(0).normal(size=(C, M, M)))


def gaussian(deviation):
    """The desired response as a picture, its top at shift (0, 0), distances around the corner."""
    wanted = np.zeros((M, M))
    for y in range(M):
        for x in range(M):
            dy, dx = min(y, M - y), min(x, M - x)
            wanted[y, x] = np.exp(-(dx**2 + dy**2) / (2 * deviation**2))
    return wanted


def by_matrix(sample, wanted, weight):
    """The regression's own response to its sample: one row per shift, one column per channel and cell."""
    rows = []
    for y in range(M):
        for x in range(M):
            rows.append(np.roll(sample.numpy(), (-y, -x), axis=(1, 2)).ravel())
    shifts = np.array(rows)
    solved = np.linalg.solve(shifts.T @ shifts + weight * np.eye(shifts.shape[1]), shifts.T @ wanted.ravel())
    return (shifts @ solved).reshape(M, M)


def test_the_desired_response_is_a_gaussian_around_shift_zero():
    found = torch.fft.ifft2(desired_response(M, 0.8, torch.device("cpu")))
    assert found.imag.abs().max() < 1e-6
    np.testing.assert_allclose(found.real, gaussian(0.8), atol=1e-6)


@pytest.mark.parametrize("share", [1e-3, 0.1, 1.0])
def test_closed_form_is_ridge_regression_over_all_shifts(sample, share):
    found = learn(sample, desired_response(M, 0.8, torch.device("cpu")).to(torch.complex128))
    weight = share * float(found.energy.mean())  # in the Fourier domain, where a cell's share is M * M times as much
    expected = by_matrix(sample, gaussian(0.8), weight)
    np.testing.assert_allclose(respond(found, sample[None], share, 1)[0], expected, atol=1e-6)


def test_a_shifted_sample_is_found_where_it_went(sample):
    found = learn(sample, desired_response(M, 0.5, torch.device("cpu")).to(torch.complex128))
    moved = torch.roll(sample, (2, -1), dims=(1, 2))
    peak = find_peak(respond(found, torch.stack([sample * 0.5, moved]), 1e-6, 1), torch.ones(2), 1)
    assert (peak.sample, peak.shift) == (1, (-1.0, 2.0))
    assert peak.height == pytest.approx(1.0, abs=1e-3)


def test_parts_of_a_cell_are_read_between_the_cells(sample):
    """Shifted by a quarter of a cell in the Fourier domain: what a band-limited picture does when it moves."""
    found = learn(sample, desired_response(M, 0.9, torch.device("cpu")).to(torch.complex128))
    frequency = torch.fft.fftfreq(M, dtype=torch.float64)
    turn = torch.exp(-2j * torch.pi * (0.25 * frequency[None] - 0.5 * frequency[:, None]))
    moved = torch.fft.ifft2(torch.fft.fft2(sample) * turn).real
    peak = find_peak(respond(found, moved[None], 1e-3, 8), torch.ones(1), 8)
    assert peak.shift == (0.25, -0.5)


def test_the_fine_response_goes_through_the_coarse_one(sample):
    found = learn(sample, desired_response(M, 0.8, torch.device("cpu")).to(torch.complex128))
    coarse, fine = (respond(found, sample[None], 0.1, n)[0] for n in (1, 4))
    np.testing.assert_allclose(fine[::4, ::4], coarse, atol=1e-12)


def test_averages_run(sample):
    desired = desired_response(M, 0.8, torch.device("cpu")).to(torch.complex128)
    old, new = learn(sample, desired), learn(2 * sample, desired)
    mixed = blend(old, new, 0.25)
    np.testing.assert_allclose(mixed.numerator, 0.75 * old.numerator + 0.25 * new.numerator)
    np.testing.assert_allclose(mixed.energy, (0.75 + 0.25 * 4) * old.energy)


def test_the_first_of_equal_peaks_counts_and_nothing_is_no_number():
    assert find_peak(torch.zeros(3, 5, 5), torch.ones(3), 1) == (0, (0.0, 0.0), 0.0)
    assert find_peak(torch.full((1, 5, 5), torch.nan), torch.ones(1), 1).height == 0.0


def test_weights_penalise_samples_but_not_the_height_told():
    responses = torch.zeros(2, 5, 5)
    responses[0, 0, 1], responses[1, 2, 0] = 1.0, 0.99
    peak = find_peak(responses, torch.tensor([0.9, 1.0]), 1)
    assert (peak.sample, peak.shift, round(peak.height, 2)) == (1, (0.0, 2.0), 0.99)


def test_the_window_is_even_and_one_in_the_middle():
    window = cosine_window(9, torch.device("cpu"))
    assert window[4, 4] == 1
    torch.testing.assert_close(window, window.flip(0))
    torch.testing.assert_close(window, window.T)
    assert 0 < window[0, 0] < 0.02
