"""The contrastive objective with several positives a row."""

from __future__ import annotations

import torch
from torch import Tensor


def multi_positive_loss(logits: Tensor, positive: Tensor) -> Tensor:
    """Mean over both directions of -log p(positive against all negatives), averaged over the positives.

    logits, positive : (pictures, captions) float and bool. Each positive competes with the negatives of its
    row only, not with the other positives, so that a picture may agree fully with all its captions at once.
    (This is Khosla et al. 2020, eq. 2, with the other positives taken out of the denominator.) Rows without
    positives or without negatives count nothing. Returns a scalar >= 0.
    """
    return 0.5 * (_one_way(logits, positive) + _one_way(logits.T, positive.T))


def _one_way(logits: Tensor, positive: Tensor) -> Tensor:
    rivals = logits.masked_fill(positive, float("-inf"))
    useful = positive.any(1) & ~positive.all(1)
    if not bool(useful.any()):
        return logits.sum() * 0.0
    logits, positive = logits[useful], positive[useful]
    negatives = torch.logsumexp(rivals[useful], dim=1, keepdim=True)
    # -log(e^p / (e^p + sum e^n)) = softplus(log sum e^n - p)
    losses = torch.nn.functional.softplus(negatives - logits)
    weight = positive.float() / positive.sum(1, keepdim=True)
    return (losses * weight).sum(1).mean()
