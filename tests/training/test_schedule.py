import math

import numpy as np
import pytest
import torch

from spm_bench.training.ema import MovingAverage
from spm_bench.training.schedule import chance, crosses, learning_rate, norms_frozen


def test_the_rate_rises_in_a_line_and_falls_in_half_a_cosine():
    rates = [learning_rate(s, 1000, highest=2.0, warmup=100, final=0.1) for s in range(1000)]
    assert rates[0] == pytest.approx(0.02)
    assert np.diff(rates[:100]) == pytest.approx(0.02)
    assert rates[99] == rates[100] == max(rates) == 2.0
    assert rates[550] == pytest.approx(2.0 * (0.1 + 0.9 * 0.5))  # half-way along the cosine
    assert (np.diff(rates[100:]) < 0).all()
    assert rates[-1] == pytest.approx(0.2, abs=1e-4)


@pytest.mark.parametrize(("steps", "rise"), [(1, 0), (2, 1), (10, 5), (1000, 150)])
def test_the_rise_never_takes_more_than_half(steps, rise):
    rates = [learning_rate(s, steps, highest=1.0, warmup=150, final=0.0) for s in range(steps)]
    assert all(0 < rate <= 1 for rate in rates)
    assert rates.index(1.0) == max(rise - 1, 0)


@pytest.mark.parametrize(("share", "first"), [(0.0, 200), (0.15, 170), (1.0, 0)])
def test_norms_freeze_for_the_last_share(share, first):
    frozen = [norms_frozen(s, 200, share) for s in range(200)]
    assert frozen == [s >= first for s in range(200)]


@pytest.mark.parametrize(("batch", "every"), [(4, 10), (16, 16), (32, 5), (7, 100)])
def test_multiples_of_a_number_of_pairs_are_crossed_once(batch, every):
    crossings = sum(crosses(step, batch, every) for step in range(100))
    assert crossings == (100 * batch // every if batch <= every else 100)


def test_never_means_never():
    assert not any(crosses(step, 4, 0) for step in range(10))


def test_chances_differ_by_seed_step_part_and_purpose():
    seeds = {chance(*key) for key in np.ndindex(4, 5, 3, 2)}
    assert len(seeds) == 4 * 5 * 3 * 2
    assert all(0 <= seed < 2**63 for seed in seeds)
    assert chance(1, 2, 3, 1) == chance(1, 2, 3, 1)


def test_the_average_is_the_sum_written_out():
    net = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.BatchNorm1d(2))
    average = MovingAverage(net, decay=0.6)
    expected = {name: value.clone().double() for name, value in net.state_dict().items()}
    for step in range(12):
        with torch.no_grad():
            for parameter in net.parameters():
                parameter.add_(torch.randn_like(parameter))
        net.train()(torch.randn(8, 2))  # moves the batch statistics
        average.update(step)
        decay = min(0.6, (1 + step) / (10 + step))
        for name, value in net.state_dict().items():
            if value.is_floating_point():
                expected[name] = decay * expected[name] + (1 - decay) * value.double()
            else:
                expected[name] = value
    assert average.state["1.num_batches_tracked"] == 12
    for name, value in average.state.items():
        assert torch.allclose(value.double(), expected[name].double(), atol=1e-6), name
    assert not math.isclose(float(average.state["0.weight"][0, 0]), float(net[0].weight.detach()[0, 0]))


def test_a_loaded_average_goes_on_apart_from_what_was_loaded():
    net = torch.nn.Linear(2, 2)
    average = MovingAverage(net, decay=0.9)
    stored = {name: torch.ones_like(value) for name, value in average.state.items()}
    average.load(stored)
    average.update(1000)
    assert (stored["weight"] == 1).all()
    assert torch.allclose(average.state["weight"], 0.9 + 0.1 * net.weight)
