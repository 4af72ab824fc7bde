"""Logistic regression whose learners may have an intercept each, by penalised marginal likelihood.

    logit P(y = 1) = x w + theta_learner,   theta_learner ~ N(0, spread²)

The intercepts of learners are integrated out by adaptive Gauss-Hermite quadrature around each learner's
mode (Pinheiro & Bates, J. Comput. Graph. Stat. 1995), so that the spread does not shrink as it does when
they are estimated one by one; w_j has the prior N(0, 1 / penalty_j), which is an L2 penalty.  A learner who
is new is predicted with the posterior of theta given their earlier answers, on a grid.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import Bounds, minimize
from scipy.sparse import csr_matrix

from coursewright.simulators.arrays import Floats, Ints
from coursewright.simulators.branch_free import sigmoid
from coursewright.simulators.kernel import inlined, kernel

SETTINGS: Any = {"maxiter": 500, "maxfun": 1000, "ftol": 1e-9, "gtol": 1e-4, "maxcor": 20}  # of L-BFGS
SCORES, SHARES = np.polynomial.hermite.hermgauss(7)  # the quadrature's nodes and weights
LOG_SHARES = np.log(SHARES) + SCORES**2
STEPS = 12  # of Newton's method, at most
NEAR = 1e-2  # standard deviations of theta; a shorter step was the last: nodes need only be near the mode
LEAST = 1e-3  # spread below which learners count as alike
GRID = np.linspace(-5.0, 5.0, 61)  # standard normal scores at which a new learner's theta may lie


@dataclass(frozen=True, eq=False)
class Solution:
    """A solution: `weights [columns]`, the learners' `spread`, and True where the climb settled."""

    weights: Floats
    spread: float
    converged: bool


def solve(x: csr_matrix, y: Floats, start: Ints, penalty: Floats, individual: bool) -> Solution:
    """Fit to rows x `[rows, columns]` and answers y `[rows]` (0 or 1); learner l has rows start[l:l+1].

    `penalty [columns]`; `individual` gives learners an intercept each.  Deterministic.
    """
    climb = _Climb(x, y, start, penalty, individual)
    scale = climb.scale
    lowest = np.append(np.full(x.shape[1], -np.inf), np.log(0.5 * LEAST) / scale[-1])

    def objective(z: Floats) -> tuple[float, Floats]:
        value, slope = climb.value(z * scale)
        return value, slope * scale

    found = minimize(
        objective, np.zeros(len(scale)), jac=True, method="L-BFGS-B", bounds=Bounds(lowest), options=SETTINGS
    )
    at = np.asarray(found.x * scale)  # weights, ln spread
    spread = float(np.exp(at[-1])) if individual else 0.0
    return Solution(at[:-1], spread if spread >= LEAST else 0.0, bool(found.success))


class _Climb:
    """The objective, and a scale of its arguments `[columns + 1]` that gives it about unit curvature."""

    def __init__(self, x: csr_matrix, y: Floats, start: Ints, penalty: Floats, individual: bool) -> None:
        self.x, self.across, self.y, self.start, self.penalty = x, x.T.tocsr(), y, start, penalty
        self.individual = individual
        curvature = 0.25 * np.asarray(x.multiply(x).sum(axis=0)).ravel() + penalty
        learners = len(start) - 1
        self.scale = 1.0 / np.sqrt(np.append(np.maximum(curvature, 1e-3), learners))
        self.mode = np.zeros(learners)  # of each learner's theta, from where the next search begins
        self.p = np.empty((len(SCORES) if individual else 1, len(y)))
        self.posterior, self.residual = np.empty(len(SCORES)), np.empty(len(y))

    def value(self, at: Floats) -> tuple[float, Floats]:
        """The penalised negative marginal log likelihood at `at` (weights, ln spread), and its slope."""
        eta, given = np.asarray(self.x @ at[:-1]), (self.y, self.start)
        if self.individual:
            spread = float(np.exp(at[-1]))
            total, wide = _marginal(eta, *given, spread, self.mode, self.p, self.posterior, self.residual)
        else:
            total, wide = _likelihood(eta, *given, self.p[0], self.residual), 0.0
        slope = np.concatenate([self.across @ self.residual - self.penalty * at[:-1], [wide]])
        return 0.5 * float(self.penalty @ at[:-1] ** 2) - total, -slope


def forecast(eta: Floats, correct: Floats, start: Ints, spread: float) -> Floats:
    """P(correct) `[rows]`, theta integrated over its posterior given the learner's earlier answers.

    `eta [rows]` is x w; rows with correct = -1 say nothing about theta.
    """
    out = np.empty(len(eta))
    score = GRID if spread > 0.0 else np.zeros(1)
    _forecast(eta, correct, start, spread * score, -0.5 * score**2, np.empty(len(score)), out)
    return out


@inlined
def _log_product(p: Floats, y: Floats, begin: int, end: int) -> float:
    """The log likelihood of a learner's answers y from chances p: one logarithm for as many as fit."""
    total, product = 0.0, 1.0
    for r in range(begin, end):
        product *= p[r] if y[r] > 0.5 else 1.0 - p[r]
        if product < 1e-250:
            total += np.log(product + 1e-300)
            product = 1.0
    return float(total + np.log(product))


@kernel
def _likelihood(eta: Floats, y: Floats, start: Ints, p: Floats, residual: Floats) -> float:
    """The log likelihood of learners who are alike, and what is left of their answers, `residual [rows]`."""
    total = 0.0
    for r in range(len(y)):
        p[r] = sigmoid(eta[r])
        residual[r] = y[r] - p[r]
    for j in range(start.shape[0] - 1):
        total += _log_product(p, y, start[j], start[j + 1])
    return total


@kernel
def _marginal(
    eta: Floats,
    y: Floats,
    start: Ints,
    spread: float,
    mode: Floats,
    p: Floats,
    posterior: Floats,
    residual: Floats,
) -> tuple[float, float]:
    """The marginal log likelihood, and its slope by ln spread; `residual [rows]` is its slope by eta.

    `mode [learners]` is where the search for theta's mode begins, and then the mode; `p [nodes, rows]` and
    `posterior [nodes]` are room.  The slopes are those of the integral itself, which the nodes that move
    with it give as exactly.
    """
    nodes, precision, total, wide = p.shape[0], 1.0 / (spread * spread), 0.0, 0.0
    for j in range(mode.shape[0]):
        begin, end = start[j], start[j + 1]
        mode[j], width = _mode(eta, y, begin, end, precision, mode[j], p[0])
        most = -np.inf
        for q in range(nodes):
            theta = mode[j] + np.sqrt(2.0) * width * SCORES[q]
            for r in range(begin, end):
                p[q, r] = sigmoid(eta[r] + theta)
            prior = LOG_SHARES[q] + np.log(width / spread) - 0.5 * precision * theta * theta
            posterior[q] = prior + _log_product(p[q], y, begin, end)
            most = max(most, posterior[q])
        mass = 0.0
        for q in range(nodes):
            posterior[q] = np.exp(posterior[q] - most)
            mass += posterior[q]
        for r in range(begin, end):
            residual[r] = y[r]
        for q in range(nodes):
            posterior[q] /= mass
            theta = mode[j] + np.sqrt(2.0) * width * SCORES[q]
            wide += posterior[q] * (precision * theta * theta - 1.0)
            for r in range(begin, end):
                residual[r] -= posterior[q] * p[q, r]
        total += most + np.log(mass)
    return total, wide


@inlined
def _mode(
    eta: Floats, y: Floats, begin: int, end: int, precision: float, theta: float, p: Floats
) -> tuple[float, float]:
    """The mode of a learner's theta by Newton's method (its posterior is log-concave), and its width."""
    curvature = precision
    for _ in range(STEPS):
        slope, curvature = -theta * precision, precision
        for r in range(begin, end):
            p[r] = sigmoid(eta[r] + theta)
        for r in range(begin, end):
            slope += y[r] - p[r]
            curvature += p[r] * (1.0 - p[r])
        step = min(max(slope / curvature, -2.0), 2.0)
        theta += step
        if step * step * curvature < NEAR * NEAR:
            break
    return theta, 1.0 / np.sqrt(curvature)


@kernel
def _forecast(
    eta: Floats, correct: Floats, start: Ints, node: Floats, log_prior: Floats, belief: Floats, out: Floats
) -> None:
    for j in range(start.shape[0] - 1):
        for q in range(node.shape[0]):
            belief[q] = np.exp(log_prior[q])
        for r in range(start[j], start[j + 1]):
            mass, right = 0.0, 0.0
            for q in range(node.shape[0]):
                mass += belief[q]
                right += belief[q] * sigmoid(eta[r] + node[q])
            out[r] = right / mass
            if correct[r] < 0:
                continue
            for q in range(node.shape[0]):
                p = sigmoid(eta[r] + node[q])
                belief[q] *= (p if correct[r] > 0 else 1.0 - p) / mass
