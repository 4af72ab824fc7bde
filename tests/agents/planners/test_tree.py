"""The search tree on paper: UCB1's choices, nodes by answer, and what the root has found."""

import numpy as np
import pytest

from coursewright.agents.planners.tree import Tree

ONE, ROOT = np.zeros(1, np.int64), np.zeros(1, np.int64)
ALL = np.ones((1, 3), bool)


def tried(tree, branch, returned):
    """One simulation that takes this branch at the root."""
    tree.back_up([(ONE, ROOT, np.array([branch]))], np.array([returned]))


def test_a_branch_that_was_never_tried_comes_first():
    tree = Tree.of(1, 3, 5)
    for branch in (0, 1):
        assert tree.select(ONE, ROOT, ALL, 1.0)[0] == branch
        tried(tree, branch, 1.0)
    assert tree.select(ONE, ROOT, np.array([[True, True, False]]), 1.0)[0] == 0


def test_ucb1():
    """Means .5 and .7 after 4 and 1 trials of 5, in a range of 1: .5 + c 0.634 and .7 + c 1.269."""
    tree = Tree.of(1, 2, 5)
    for returned in (0.0, 1.0, 0.5, 0.5):
        tried(tree, 0, returned)
    tried(tree, 1, 0.4)
    both = np.ones((1, 2), bool)
    assert tree.select(ONE, ROOT, both, 0.0)[0] == 0
    assert tree.select(ONE, ROOT, both, 0.15)[0] == 0  # .595 and .590
    assert tree.select(ONE, ROOT, both, 0.2)[0] == 1  # .627 and .654


def test_a_node_is_a_history_of_choices_and_answers():
    tree = Tree.of(1, 2, 5)
    nodes = [tree.descend(ONE, ROOT, ONE, np.array([answer])) for answer in (1, 0, 1, -1)]
    assert [int(node[0]) for node, _ in nodes] == [1, 2, 1, 3]
    assert [bool(new[0]) for _, new in nodes] == [True, True, False, True]


def test_the_root_knows_means_and_errors():
    tree = Tree.of(1, 2, 5)
    for returned in (1.0, 2.0, 3.0):
        tried(tree, 0, returned)
    tried(tree, 1, 7.0)
    mean, doubt = tree.root()
    assert mean[0].tolist() == [2.0, 7.0]
    assert doubt[0, 0] == pytest.approx(1.0 / 3.0**0.5)
    assert doubt[0, 1] == np.inf
