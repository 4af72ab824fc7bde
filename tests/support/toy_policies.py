"""Small policies for tests of the comparison room; nothing here is trained or good."""

import numpy as np

from coursewright.simulators.luck import POLICY, Luck, uniforms


class Shuffle:
    """A uniform item, or with `legal` a uniform allowed one, drawn from the learner's own luck."""

    def __init__(self, n_items: int, legal: bool = False, purpose: int = 0) -> None:
        self.n_items, self.legal, self.purpose = n_items, legal, purpose

    @property
    def respects_mask(self) -> bool:
        return self.legal

    def begin(self, luck: Luck) -> Luck:
        return Luck(*(array.copy() for array in luck))

    def predict(self, observation, state=None, episode_start=None, deterministic=True, action_masks=None):
        draw = np.empty(len(observation))
        uniforms(state.fate, state.step, POLICY + self.purpose, draw)
        state.step[:] += 1
        allowed = np.ones((len(observation), self.n_items), bool)
        if self.legal and action_masks is not None:
            allowed = action_masks[:, : self.n_items]
        return _nth(allowed, (draw * allowed.sum(axis=1)).astype(np.int64)), state


def _nth(allowed, n):
    """The n-th True of each row."""
    return np.argmax(np.cumsum(allowed, axis=1) == n[:, None] + 1, axis=1)


class FirstLegal:
    """The first allowed goal item without two right answers in a row; without one, the first allowed."""

    respects_mask = True

    def __init__(self, task, streak: int = 2) -> None:
        task.layout.require("first legal", "streak", "goal")
        self.goal, self.run = (task.layout.columns(name) for name in ("goal", "streak"))
        self.streak, self.order, self.n_items = streak, task.course.order, task.course.n_items
        self.leads = task.course.ancestors

    def begin(self, luck):
        return None

    def predict(self, observation, state=None, episode_start=None, deterministic=True, action_masks=None):
        wanted = (observation[:, self.goal] > 0) @ self.leads.T > 0
        wanted &= observation[:, self.run] < self.streak
        allowed = np.ones_like(wanted) if action_masks is None else action_masks[:, : self.n_items]
        both = wanted & allowed
        chosen = np.where(both.any(axis=1, keepdims=True), both, allowed)[:, self.order]
        return self.order[np.argmax(chosen, axis=1)], state


class Always:
    """The same item at all times."""

    respects_mask = False

    def __init__(self, item: int) -> None:
        self.item = item

    def begin(self, luck):
        return None

    def predict(self, observation, state=None, episode_start=None, deterministic=True, action_masks=None):
        return np.full(len(observation), self.item), state


class Peek(FirstLegal):
    """An oracle: the first allowed goal item that is not mastered yet, in prerequisite order."""

    def watch(self, episodes) -> None:
        self.episodes = episodes

    def predict(self, observation, state=None, episode_start=None, deterministic=True, action_masks=None):
        wanted = (self.episodes.goal @ self.leads.T) & (self.episodes.after < 0.999)
        allowed = np.ones_like(wanted) if action_masks is None else action_masks[:, : self.n_items]
        both = wanted & allowed
        chosen = np.where(both.any(axis=1, keepdims=True), both, allowed)[:, self.order]
        return self.order[np.argmax(chosen, axis=1)], state
