"""A linear head on features of answers, learned from preferences or labels, and what it says of rows it has not seen.
[H] numpy

Ridge-regularised logistic regression by Newton's method (iteratively reweighted least squares; Hastie, Tibshirani and
Friedman, The Elements of Statistical Learning, 4.4.1 and 18.3.5), in the coordinates of the rows' own span, so that
many more features than rows cost little. On differences of features, all of target 1 and without an intercept, it is
the model of Bradley and Terry with strengths that are linear in the features.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FOLDS = 5
RIDGE = 1.0  # for features whose blocks have a variance of about 1; times half the squared length of the weights
STEPS, CLOSE = 25, 1e-6

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Head:
    """Weights, one a feature, and the intercept: the log-odds of a row are weights · row + intercept."""

    weights: Floats
    intercept: float = 0.0

    def log_odds(self, rows: Floats) -> Floats:
        """Of rows, shape (n, features): shape (n,)."""
        odds: Floats = rows @ self.weights + self.intercept
        return odds


def fit(rows: Floats, targets: Floats, *, intercept: bool, ridge: float = RIDGE) -> Head:
    """The head for rows of shape (n, features) and targets of 0 or 1, shape (n,)."""
    if not len(rows):
        return Head(np.zeros(rows.shape[1]))
    _, sizes, directions = np.linalg.svd(rows, full_matrices=False)
    directions = directions[sizes > sizes.max(initial=0.0) * 1e-9]
    inside = rows @ directions.T
    if intercept:
        inside = np.column_stack([inside, np.ones(len(rows))])
    penalty = np.full(inside.shape[1], ridge)
    if intercept:
        penalty[-1] = 1e-6  # practically free
    weights = np.zeros(inside.shape[1])
    for _ in range(STEPS):
        chance = 1 / (1 + np.exp(-np.clip(inside @ weights, -30, 30)))
        slope = inside.T @ (chance - targets) + penalty * weights
        curve = (inside * (chance * (1 - chance))[:, None]).T @ inside + np.diag(penalty)
        step = np.linalg.solve(curve, slope)
        weights -= step
        if np.abs(step).max(initial=0.0) < CLOSE:
            break
    if intercept:
        return Head(weights[:-1] @ directions, float(weights[-1]))
    return Head(weights @ directions)


def held_out_log_odds(
    rows: Floats, targets: Floats, groups: Sequence[int], *, intercept: bool, seed: int = 0
) -> Floats:
    """The log-odds of each row by a head that has seen no row of its group, shape (n,): five folds of whole groups."""
    names = np.unique(np.asarray(groups))
    fold_of = {group: place % FOLDS for place, group in enumerate(np.random.default_rng(seed).permutation(names))}
    folds, found = np.array([fold_of[group] for group in groups]), np.zeros(len(rows))
    for fold in range(FOLDS):
        out = folds == fold
        if out.any():
            found[out] = fit(rows[~out], targets[~out], intercept=intercept).log_odds(rows[out])
    return found
