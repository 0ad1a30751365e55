"""The four losses against torch's own cross entropy and plain loops."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from pydantic import ValidationError

from spm_bench.training.losses import LossWeights, box_loss, class_loss, mean_where, negative_loss


def example(B: int = 5, N: int = 40) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Logits, positives and negatives; pair 1 has no positives, pair 2 no negatives."""
    g = torch.Generator().manual_seed(0)
    draw = torch.rand((B, N), generator=g)
    positive, negative = draw < 0.2, draw > 0.6
    positive[1], negative[2] = False, False
    return torch.randn((B, N, 2), generator=g) * 3, positive, negative


@pytest.mark.parametrize("share", [0.5, 0.25])
def test_class_loss_is_a_mean_of_means_of_cross_entropies(share: float) -> None:
    pairs, positive, negative = example()
    sides = []
    for label, chosen in ((1, positive), (0, negative)):
        means = [
            F.cross_entropy(pairs[b, chosen[b]], torch.full((int(chosen[b].sum()),), label))
            for b in range(len(pairs))
            if chosen[b].any()
        ]
        assert len(means) == 4
        sides.append(torch.stack(means).mean())
    expected = share * sides[0] + (1 - share) * sides[1]
    torch.testing.assert_close(class_loss(pairs, positive, negative, share), expected)


def test_more_samples_of_the_same_kind_change_nothing() -> None:
    pairs, positive, negative = example()
    pairs[:] = torch.tensor((0.3, -0.4))
    fewer = positive & (positive.cumsum(1) <= 1)
    full, thin = (class_loss(pairs, chosen, negative, 0.5) for chosen in (positive, fewer))
    torch.testing.assert_close(full, thin)


def test_without_samples_the_losses_are_zero_and_so_are_their_gradients() -> None:
    pairs, positive, _ = example()
    none = torch.zeros_like(positive)
    deltas = torch.randn((*positive.shape, 4), requires_grad=True)
    pairs.requires_grad_()
    total = class_loss(pairs, none, none, 0.5) + box_loss(deltas, torch.zeros_like(deltas), none, 1.0)
    assert float(total.detach()) == 0.0
    total.backward()
    assert pairs.grad is not None
    assert deltas.grad is not None
    assert not pairs.grad.any()
    assert not deltas.grad.any()


def test_gradients_reach_chosen_entries_only() -> None:
    pairs, positive, negative = example()
    deltas = torch.randn((*positive.shape, 4), requires_grad=True)
    pairs.requires_grad_()
    (class_loss(pairs, positive, negative, 0.5) + box_loss(deltas, torch.zeros_like(deltas), positive, 1.0)).backward()
    assert pairs.grad is not None
    assert deltas.grad is not None
    assert torch.equal(pairs.grad.any(-1), positive | negative)
    assert torch.equal(deltas.grad.any(-1), positive)
    assert (pairs.grad[positive][:, 1] < 0).all()
    assert (pairs.grad[negative][:, 1] > 0).all()


@pytest.mark.parametrize("beta", [1.0, 1 / 9])
def test_box_loss_is_smooth_l1_per_chosen_box(beta: float) -> None:
    _, positive, _ = example()
    g = torch.Generator().manual_seed(1)
    deltas, targets = (torch.randn((*positive.shape, 4), generator=g) for _ in range(2))
    total, count = 0.0, 0
    for b, n in torch.nonzero(positive).tolist():
        count += 1
        for d in range(4):
            difference = abs(float(deltas[b, n, d]) - float(targets[b, n, d]))
            total += difference**2 / (2 * beta) if difference < beta else difference - beta / 2
    assert float(box_loss(deltas, targets, positive, beta)) == pytest.approx(total / count, rel=1e-5)


def test_losses_are_float32_whatever_the_network_computes_in() -> None:
    pairs, positive, negative = example()
    half = pairs.to(torch.bfloat16)
    assert class_loss(half, positive, negative, 0.5).dtype == torch.float32
    assert negative_loss(half).dtype == torch.float32
    targets = torch.zeros((*positive.shape, 4))
    assert box_loss(targets.to(torch.bfloat16), targets, positive, 1.0).dtype == torch.float32
    torch.testing.assert_close(negative_loss(pairs), -pairs.log_softmax(-1)[..., 0])


def test_a_broken_output_is_seen_in_the_loss() -> None:
    pairs, positive, negative = example()
    pairs[positive.nonzero(as_tuple=True)] = float("nan")
    assert class_loss(pairs, positive, negative, 0.5).isnan()


def test_mean_where_leaves_out_what_is_not_chosen() -> None:
    values = torch.tensor((1.0, float("nan"), 3.0))
    assert float(mean_where(values, torch.tensor((True, False, True)))) == 2.0
    assert float(mean_where(values, torch.zeros(3, dtype=torch.bool))) == 0.0


@pytest.mark.parametrize(
    "changes", [{"coarse_box": -1.0}, {"positive_share": 0.0}, {"fine_beta": 0.0}, {"fine": 1.0}, {"fine_box": "1"}]
)
def test_weights_that_make_no_sense_are_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        LossWeights.model_validate(changes)


def test_released_weights_are_the_defaults() -> None:
    weights = LossWeights()
    assert (weights.coarse_class, weights.coarse_box, weights.fine_class, weights.fine_box) == (1.0, 2.0, 1.0, 1.0)
