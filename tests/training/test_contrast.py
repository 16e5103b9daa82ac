"""Claims about the contrastive objective."""

from __future__ import annotations

import math

import pytest
import torch

from training.contrast import multi_positive_loss


def test_one_positive_a_row_is_the_usual_cross_entropy() -> None:
    logits = torch.tensor([[2.0, 0.5, -1.0], [0.0, 1.0, 0.3], [-0.2, 0.1, 3.0]])
    positive = torch.eye(3, dtype=torch.bool)
    target = torch.arange(3)
    usual = (
        torch.nn.functional.cross_entropy(logits, target)
        + torch.nn.functional.cross_entropy(logits.T, target)
    ) / 2
    assert float(multi_positive_loss(logits, positive)) == pytest.approx(float(usual), rel=1e-6)


def test_a_known_case_with_two_positives() -> None:
    # row 0 has two positives at 1 and a negative at 0, row 1 one positive at 1 and two negatives at 0
    logits = torch.tensor([[1.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    positive = torch.tensor([[True, True, False], [False, False, True]])
    pictures = (math.log1p(math.exp(-1)) + math.log1p(2 * math.exp(-1))) / 2
    sentences = math.log1p(math.exp(-1))
    assert float(multi_positive_loss(logits, positive)) == pytest.approx((pictures + sentences) / 2, rel=1e-6)


def test_a_second_positive_is_no_rival_of_the_first() -> None:
    positive = torch.tensor([[True, True, False], [False, False, True]])
    logits = torch.tensor([[30.0, 30.0, -30.0], [-30.0, -30.0, 30.0]])
    assert float(multi_positive_loss(logits, positive)) < 1e-6


def test_a_row_without_negatives_counts_nothing() -> None:
    logits = torch.zeros(2, 2, requires_grad=True)
    loss = multi_positive_loss(logits, torch.ones(2, 2, dtype=torch.bool))
    assert loss.item() == 0.0
    loss.backward()
