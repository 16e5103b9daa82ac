"""Logistic regression by Newton's method: scikit-learn's objective to a tight tolerance, quickly.

Multinomial, L2-regularised but for the intercept. Newton's equation is solved by conjugate gradients (Nocedal
and Wright 2006, algorithm 7.1), preconditioned by a Kronecker product that stands for the Hessian: covariance
of the predicted classes x covariance of the rows. Fits of many splits start from one fit to all rows. Where a
fit starts changes how long it takes and, within the tolerance, not where it ends: the objective is convex.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from strata.base.threads import in_order, one_blas_thread

Doubles = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]

TOLERANCE = 1e-8  # of the gradient's largest entry, of the mean loss: scikit-learn's ``tol``
START_TOLERANCE = 1e-4
MAX_STEPS = 100
MAX_PRODUCTS = 60  # with the Hessian, a step
SUFFICIENT = 1e-4  # the part of the promised gain that a step must bring (Armijo)
HALVINGS = 30
FITS_AT_ONCE = 4  # each holds its own copy of its rows


@dataclass(frozen=True)
class Classifier:
    """``weights`` (D, K) and ``intercept`` (K,) float64 of the ``classes`` (K,) it was shown, ascending."""

    weights: Doubles
    intercept: Doubles
    classes: Integers
    converged: bool

    def predict(self, rows: Doubles) -> Integers:
        """The likeliest class of each of the rows (N, D): (N,) int64."""
        places = np.argmax(rows @ self.weights + self.intercept, axis=1)
        return np.asarray(self.classes[places])


@dataclass(frozen=True)
class _Shared:
    """What the fits have in common: rows less their ``mean``, a column of ones behind, and their spread.

    Beside centred rows the intercept hardly meets the other weights in the Hessian.
    """

    design: Doubles
    mean: Doubles
    spread: Doubles
    axes: Singles


@dataclass(frozen=True)
class _Reached:
    theta: Doubles  # (D + 1, K): the intercept last
    chances: Doubles  # (N, K): predicted
    converged: bool


def fit_splits(
    rows: Doubles, classes: Integers, trains: Sequence[Integers], c: float
) -> Iterator[Classifier]:
    """A classifier for each of ``trains`` (places of rows), in their order, fitted on two threads or more.

    rows : (N, D) float64, classes : (N,) int 0..K-1, each with a row; of two classes or more in every part.
    c : inverse regularisation. Same bits on any number of cores.
    """
    with one_blas_thread():
        mean = rows.mean(axis=0)
        design = np.hstack([rows - mean, np.ones((len(rows), 1))])
        evenly = _Shared(design, mean, *_spread(design))
        zero = np.zeros((design.shape[1], int(classes.max()) + 1))
        start = _newton(evenly, np.arange(len(rows)), classes, c, zero, START_TOLERANCE)
        # the Hessian is made by the rows that are not named for sure
        doubt = 1 - np.einsum("nk,nk->n", start.chances, start.chances)
        shared = _Shared(design, mean, *_spread(design, doubt))

        def fit(train: Integers) -> Classifier:
            present, renumbered = np.unique(classes[train], return_inverse=True)
            found = _newton(shared, train, renumbered, c, start.theta[:, present], TOLERANCE)
            weights = found.theta[:-1]
            return Classifier(weights, found.theta[-1] - mean @ weights, present, found.converged)

        yield from in_order(fit, trains, threads=FITS_AT_ONCE)


def _spread(design: Doubles, counts: Doubles | None = None) -> tuple[Doubles, Singles]:
    """Variances and axes (D, D) of the rows' covariance, each row counting as ``counts`` (N,) says."""
    rows = design[:, :-1].astype(np.float32)
    if counts is not None:
        rows *= np.sqrt(counts / max(counts.mean(), np.finfo(float).tiny))[:, None].astype(np.float32)
    variances, axes = np.linalg.eigh((rows.T @ rows).astype(np.float64) / len(rows))
    return np.maximum(variances, 0), axes.astype(np.float32)


def _newton(
    shared: _Shared, train: Integers, classes: Integers, c: float, theta: Doubles, tolerance: float
) -> _Reached:
    """Newton's steps from ``theta`` (D + 1, K) until the gradient is below the tolerance."""
    design, n = shared.design[train], len(train)
    single = design.astype(np.float32)
    # scikit-learn has one vector of weights for two classes: half the difference of ours
    penalty = np.full((design.shape[1], 1), (2.0 if theta.shape[1] == 2 else 1.0) / (c * n))
    penalty[-1] = 0
    truth = np.arange(n), classes
    logits, first = design @ theta, None
    loss, chances = _loss(logits, truth)
    value = loss + 0.5 * float((penalty * theta**2).sum())
    for step in range(MAX_STEPS + 1):
        rest = chances.copy()
        rest[truth] -= 1
        gradient = design.T @ rest / n + penalty * theta
        uncentred = gradient[:-1] + np.outer(shared.mean, gradient[-1])
        converged = max(np.abs(uncentred).max(), np.abs(gradient[-1]).max()) <= tolerance
        if converged or step == MAX_STEPS:
            break
        solve = _preconditioner(shared, chances, penalty)
        length = _length(gradient, solve)
        first = first or length
        exactness = min(0.25, max(length / first, 1e-3))  # rough far from the end, exact near it
        step_taken = _direction(_hessian(single, chances, penalty), solve, gradient, exactness)
        ahead, slope = design @ step_taken, float((gradient * step_taken).sum())
        share = 1.0
        for _ in range(HALVINGS):
            there = theta + share * step_taken
            loss, chances = _loss(logits + share * ahead, truth)
            reached = loss + 0.5 * float((penalty * there**2).sum())
            if reached <= value + SUFFICIENT * share * slope + 1e-14:  # what rounding hides
                break
            share /= 2
        theta, value, logits = there, reached, design @ there
    return _Reached(theta, chances, bool(converged))


def _loss(logits: Doubles, truth: tuple[Integers, Integers]) -> tuple[float, Doubles]:
    """Mean loss and the chances (N, K) of every class."""
    chances = logits - logits.max(axis=1, keepdims=True)
    own = chances[truth]
    np.exp(chances, out=chances)
    total = chances.sum(axis=1, keepdims=True)
    chances /= total
    return float((np.log(total[:, 0]) - own).mean()), chances


Linear = Callable[[Singles], Singles]


def _hessian(single: Singles, chances: Doubles, penalty: Doubles) -> Linear:
    """The product of the Hessian with (D + 1, K), in float32: it only steers."""
    weights, fine = chances.astype(np.float32), penalty.astype(np.float32)

    def product(v: Singles) -> Singles:
        moved = single @ v
        moved -= np.einsum("nk,nk->n", weights, moved)[:, None]
        moved *= weights
        result: Singles = single.T @ moved / np.float32(len(single)) + fine * v
        return result

    return product


def _preconditioner(shared: _Shared, chances: Doubles, penalty: Doubles) -> Linear:
    """The inverse of (covariance of the classes x covariance of the rows + penalty)."""
    covariance = np.diag(chances.mean(axis=0)) - chances.T @ chances / len(chances)
    values, turns = np.linalg.eigh(covariance)
    values = np.maximum(values, max(values.max(), np.finfo(np.float32).tiny) * 1e-6)
    spread = np.append(shared.spread, 1.0)[:, None]
    inverse: Singles = (1 / (spread * values + penalty)).astype(np.float32)
    turn = turns.astype(np.float32)

    def solve(v: Singles) -> Singles:
        turned: Singles = v @ turn
        turned[:-1] = shared.axes.T @ turned[:-1]
        turned *= inverse
        turned[:-1] = shared.axes @ turned[:-1]
        return np.asarray(turned @ turn.T)

    return solve


def _length(gradient: Doubles, solve: Linear) -> float:
    """Of the gradient, by the preconditioner's measure."""
    size = np.abs(gradient).max()
    unit = (gradient / size).astype(np.float32)
    return float(size * np.sqrt((unit * solve(unit)).sum()))


def _direction(product: Linear, solve: Linear, gradient: Doubles, exactness: float) -> Doubles:
    """Newton's step (D + 1, K) by preconditioned conjugate gradients, to ``exactness`` of their start."""
    size = np.abs(gradient).max()  # float32 has no room for squares of 1e-8
    residual = (-gradient / size).astype(np.float32)
    ahead = solve(residual)
    found = np.zeros_like(residual)
    conjugate, left = ahead.copy(), float((residual * ahead).sum())
    enough = exactness**2 * left
    for _ in range(MAX_PRODUCTS):
        image = product(conjugate)
        share = np.float32(left / float((conjugate * image).sum()))
        found += share * conjugate
        residual -= share * image
        ahead = solve(residual)
        before, left = left, float((residual * ahead).sum())
        if left <= enough:
            break
        conjugate = ahead + np.float32(left / before) * conjugate
    return np.asarray(size * found.astype(np.float64))
