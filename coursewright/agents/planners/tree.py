"""A search tree for each learner of a batch, over a few choices and their answers: UCB1 in the tree.

Kocsis & Szepesvári, "Bandit based Monte-Carlo planning", ECML 2006; over a belief, Silver & Veness,
"Monte-Carlo planning in large POMDPs", NeurIPS 2010: a node is a history of choices and answers.
"""

from typing import NamedTuple

import numpy as np

from coursewright.simulators.arrays import Bools, Floats, Ints

ANSWERS = 3  # nothing was asked, wrong, right


class Tree(NamedTuple):
    """The trees of a batch of learners; the root is node 0.

    `visits` and `total` `[batch, nodes, branches]` count a node's choices and sum what they returned; `child
    [batch, nodes, branches, 3]` is the node behind a choice and its answer, -1 where there is none yet, and
    `used [batch]` the number of nodes.  `square [batch, branches]` sums the squares of the root's returns,
    `low` and `high` `[batch]` are the least and the largest return so far.
    """

    visits: Ints
    total: Floats
    child: Ints
    used: Ints
    square: Floats
    low: Floats
    high: Floats

    @classmethod
    def of(cls, batch: int, branches: int, nodes: int) -> "Tree":
        """Roots alone, with room for so many nodes each."""
        return cls(
            visits=np.zeros((batch, nodes, branches), np.int64),
            total=np.zeros((batch, nodes, branches)),
            child=np.full((batch, nodes, branches, ANSWERS), -1, np.int64),
            used=np.ones(batch, np.int64),
            square=np.zeros((batch, branches)),
            low=np.full(batch, np.inf),
            high=np.full(batch, -np.inf),
        )

    def select(self, rows: Ints, node: Ints, open_: Bools, c: float) -> Ints:
        """The branch `[rows]` to try at `node [rows]`, among `open_ [rows, branches]`, by UCB1.

        A branch that was never tried comes first; `c` is in units of the range of returns so far.
        """
        visits, total = self.visits[rows, node], self.total[rows, node]
        spread = np.where(self.high > self.low, self.high - self.low, 1.0)[rows]
        tried = np.maximum(visits, 1)
        bonus = np.sqrt(np.log(np.maximum(visits.sum(axis=1), 1))[:, None] / tried)
        score = np.where(visits == 0, np.inf, total / tried + c * spread[:, None] * bonus)
        return np.asarray(np.where(open_, score, -np.inf).argmax(axis=1))

    def descend(self, rows: Ints, node: Ints, branch: Ints, correct: Ints) -> tuple[Ints, Bools]:
        """The nodes `[rows]` behind a choice and its answer (1, 0 or -1: none), and True where one is new."""
        place = (rows, node, branch, correct + 1)
        new = self.child[place] < 0
        fresh = rows[new]
        self.child[tuple(index[new] for index in place)] = self.used[fresh]
        self.used[fresh] += 1
        return self.child[place], new

    def back_up(self, path: list[tuple[Ints, Ints, Ints]], returned: Floats) -> None:
        """Count what a simulation `returned [batch]` at all choices of its `path`: rows, nodes, branches."""
        for depth, (rows, node, branch) in enumerate(path):
            self.visits[rows, node, branch] += 1
            self.total[rows, node, branch] += returned[rows]
            if depth == 0:
                self.square[rows, branch] += returned[rows] ** 2
        np.minimum(self.low, returned, out=self.low)
        np.maximum(self.high, returned, out=self.high)

    def root(self) -> tuple[Floats, Floats]:
        """Mean and standard error of what each choice at the root returned, `[batch, branches]`.

        The error is infinite where a choice was tried less than twice.
        """
        visits = self.visits[:, 0]
        many = np.maximum(visits, 2)
        mean = self.total[:, 0] / np.maximum(visits, 1)
        variance = np.maximum(self.square - visits * mean**2, 0.0) / (many - 1)
        return mean, np.where(visits > 1, np.sqrt(variance / many), np.inf)
