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
from coursewright.simulators.asking import sigmoid
from coursewright.simulators.kernel import kernel

SETTINGS: Any = {"maxiter": 500, "maxfun": 1000, "ftol": 1e-9, "gtol": 1e-4, "maxcor": 20}  # of L-BFGS
NODES = 7  # of the quadrature
ROUNDS = 8  # of centring the nodes and climbing, at most
SETTLED = 1e-3  # nats; a round that gains less was the last
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
    climb = _Climb(x, y, start, penalty)
    at = np.zeros(x.shape[1] + 1)  # weights, ln spread
    if not individual:
        climb.alike()
        at, _, converged = climb.up(at)
        return climb.solution(at, 0.0, converged)
    before, converged = np.inf, False
    for _ in range(ROUNDS):
        climb.centre(at)
        at, height, converged = climb.up(at)
        if np.exp(at[-1]) < LEAST or before - height < SETTLED:
            break
        before = height
    return climb.solution(at, float(np.exp(at[-1])), converged)


class _Climb:
    """The objective around fixed quadrature nodes, on coordinates of about unit curvature."""

    def __init__(self, x: csr_matrix, y: Floats, start: Ints, penalty: Floats) -> None:
        self.x, self.across, self.y, self.start, self.penalty = x, x.T.tocsr(), y, start, penalty
        curvature = 0.25 * np.asarray(x.multiply(x).sum(axis=0)).ravel() + penalty
        learners = len(start) - 1
        self.scale = 1.0 / np.sqrt(np.append(np.maximum(curvature, 1e-3), learners))
        self.node = np.zeros((learners, NODES))
        self.log_weight = np.zeros((learners, NODES))
        self.individual = True

    def alike(self) -> None:
        """One node at 0: no intercepts of learners."""
        self.node, self.log_weight = self.node[:, :1], self.log_weight[:, :1]
        self.individual = False

    def centre(self, at: Floats) -> None:
        """Put the nodes around each learner's mode, as wide as its curvature says."""
        mode, width = np.zeros(len(self.node)), np.empty(len(self.node))
        _modes(self._eta(at), self.y, self.start, float(np.exp(at[-1])), mode, width)
        score, weight = np.polynomial.hermite.hermgauss(NODES)
        self.node = mode[:, None] + np.sqrt(2.0) * width[:, None] * score
        self.log_weight = np.log(width)[:, None] + (np.log(weight) + score**2)

    def up(self, at: Floats) -> tuple[Floats, float, bool]:
        """Climb from `at` (weights, ln spread) -> where it led, the objective, converged."""
        scale = self.scale
        lowest = np.append(np.full(len(at) - 1, -np.inf), np.log(0.5 * LEAST) / scale[-1])

        def objective(z: Floats) -> tuple[float, Floats]:
            value, slope = self._value(z * scale)
            return value, slope * scale

        found = minimize(
            objective, at / scale, jac=True, method="L-BFGS-B", bounds=Bounds(lowest), options=SETTINGS
        )
        return np.asarray(found.x * scale), float(found.fun), bool(found.success)

    def solution(self, at: Floats, spread: float, converged: bool) -> Solution:
        """The result at `at`."""
        return Solution(at[:-1], spread if spread >= LEAST else 0.0, converged)

    def _eta(self, at: Floats) -> Floats:
        return np.asarray(self.x @ at[:-1])

    def _value(self, at: Floats) -> tuple[float, Floats]:
        """The penalised negative marginal log likelihood, and its slope."""
        spread = np.exp(at[-1])
        score = (self.node / spread) ** 2
        log_prior = self.log_weight - (0.5 * score + at[-1] if self.individual else 0.0)
        residual, posterior = np.empty(len(self.y)), np.empty_like(self.node)
        p = np.empty((len(self.y), self.node.shape[1]))
        total = _marginal(self._eta(at), self.y, self.start, self.node, log_prior, p, posterior, residual)
        wide = np.sum(posterior * (score - 1.0)) if self.individual else 0.0
        slope = np.concatenate([self.across @ residual - self.penalty * at[:-1], [wide]])
        return 0.5 * float(self.penalty @ at[:-1] ** 2) - total, -slope


def forecast(eta: Floats, correct: Floats, start: Ints, spread: float) -> Floats:
    """P(correct) `[rows]`, theta integrated over its posterior given the learner's earlier answers.

    `eta [rows]` is x w; rows with correct = -1 say nothing about theta.
    """
    out = np.empty(len(eta))
    score = GRID if spread > 0.0 else np.zeros(1)
    _forecast(eta, correct, start, spread * score, -0.5 * score**2, np.empty(len(score)), out)
    return out


@kernel
def _modes(eta: Floats, y: Floats, start: Ints, spread: float, mode: Floats, width: Floats) -> None:
    """Newton's method for each learner; the posterior of theta is log-concave."""
    precision = 1.0 / (spread * spread)
    for j in range(mode.shape[0]):
        theta, curvature = 0.0, precision
        for _ in range(12):
            slope, curvature = -theta * precision, precision
            for r in range(start[j], start[j + 1]):
                p = sigmoid(eta[r] + theta)
                slope += y[r] - p
                curvature += p * (1.0 - p)
            theta += min(max(slope / curvature, -2.0), 2.0)
        mode[j], width[j] = theta, 1.0 / np.sqrt(curvature)


@kernel
def _marginal(
    eta: Floats,
    y: Floats,
    start: Ints,
    node: Floats,
    log_prior: Floats,
    p: Floats,
    posterior: Floats,
    residual: Floats,
) -> float:
    total = 0.0
    for j in range(node.shape[0]):
        most = -np.inf
        for q in range(node.shape[1]):
            log_joint, likelihood = log_prior[j, q], 1.0  # one logarithm for as many factors as fit
            for r in range(start[j], start[j + 1]):
                p[r, q] = sigmoid(eta[r] + node[j, q])
                likelihood *= p[r, q] if y[r] > 0.5 else 1.0 - p[r, q]
                if likelihood < 1e-250:
                    log_joint += np.log(likelihood + 1e-300)
                    likelihood = 1.0
            posterior[j, q] = log_joint + np.log(likelihood)
            most = max(most, posterior[j, q])
        mass = 0.0
        for q in range(node.shape[1]):
            posterior[j, q] = np.exp(posterior[j, q] - most)
            mass += posterior[j, q]
        for q in range(node.shape[1]):
            posterior[j, q] /= mass
        for r in range(start[j], start[j + 1]):
            residual[r] = y[r]
            for q in range(node.shape[1]):
                residual[r] -= posterior[j, q] * p[r, q]
        total += most + np.log(mass)
    return total


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
