"""The greedy oracle for learners of any kind: copies of the true state try every item out.

They practise under fates of their own, so the oracle knows the learner, and not what will happen to them.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from coursewright.agents.choosing import item_belief, lowest, open_items, toward
from coursewright.agents.planners.copies import goal_means, lucks
from coursewright.agents.portions import bytes_of, parts
from coursewright.agents.rule import Nothing, Seen
from coursewright.envs.episodes import Episodes
from coursewright.simulators.arrays import Bools, Floats, Ints
from coursewright.simulators.capabilities import redraw
from coursewright.simulators.luck import Luck
from coursewright.simulators.protocol import clone, empty_response, take

ALIKE = 1e-7  # means that differ by less are equal: float32 knows no better


@dataclass(frozen=True, eq=False)
class CopiesRule:
    """The allowed item after which mean goal mastery is highest over `copies` fates.

    Mastery is that at the next step, or `ahead` days after it, where a shortest delay stands for a schedule
    without pauses.  Of equals, an item that bears on the goal,
    and of those the item whose skills are mastered least.
    """

    copies: int
    ahead: float
    needs: ClassVar[tuple[str, ...]] = ()

    def begin(self, luck: Luck) -> Nothing:
        """Nothing to remember."""
        return ()

    def choose(self, seen: Seen, memory: Nothing) -> tuple[Ints, Nothing]:
        """Items `[batch]`."""
        return self.among(seen.episodes, seen.allowed), memory

    def among(self, episodes: Episodes, items: Bools) -> Ints:
        """The greedy choice `[batch]` among `items [batch, items]`."""
        course, worth = episodes.task.course, self.worth(episodes, items)
        best = items & (worth >= worth.max(axis=1, keepdims=True) - ALIKE)
        bearing = toward(episodes.goal.astype(np.float32), course)
        among = open_items(bearing, course.needed, best)
        return lowest(item_belief(episodes.after, course.needed), among)

    def worth(self, episodes: Episodes, items: Bools) -> Floats:
        """Mean goal mastery over the copies after each of `items [batch, items]`; -inf elsewhere."""
        out = np.full(items.shape, -np.inf)
        each = 3 * self.copies * max(1, bytes_of(episodes.state) // episodes.batch)
        for rows in parts(np.flatnonzero(~episodes.over), each):
            self._try_out(episodes, rows, items[rows], out)
        return out

    def _try_out(self, episodes: Episodes, rows: Ints, items: Bools, out: Floats) -> None:
        """Write the worth of `items [rows, items]` for some learners into `out [batch, items]`."""
        task, simulator = episodes.task, episodes.task.simulator
        luck = lucks(episodes.luck, rows, self.copies)
        copied = take(episodes.state, np.repeat(rows, self.copies))
        redraw(simulator, copied, luck)
        batch = len(luck.fate)
        mastery = np.empty((batch, task.course.n_skills), np.float32)
        taught, response, value = np.ones(batch, bool), empty_response(batch), np.empty(len(rows))
        pause, later = np.empty(batch), np.full(batch, self.ahead)
        task.schedule.gaps(luck._replace(step=luck.step + 1), pause)
        if self.ahead > 0.0:
            pause[pause == 0.0] = min((days for days in task.delays if days > 0.0), default=0.0)
        for a in np.flatnonzero(items.any(axis=0)):
            tried = clone(copied)
            item = np.where(items[:, a], a, -1)
            simulator.practise(tried, np.repeat(item, self.copies), taught, luck, response)
            for days in (pause, later):  # two pauses: some learners count the first one otherwise
                if days.any():
                    simulator.elapse(tried, days, luck)
            simulator.mastery(tried, mastery)
            goal_means(mastery, episodes.goal, episodes.goal_size, rows, self.copies, value)
            out[rows, a] = np.where(items[:, a], value, -np.inf)
