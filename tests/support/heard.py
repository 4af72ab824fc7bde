"""Records that tell a graph of them each event as raw responses."""

import numpy as np
import torch

from coursewright.agents.export.remembering import HEAD, KEY, STAMP, Event, Remembering
from coursewright.envs.record import Records

MARK = 4321


class Heard(Records):
    """Records that tell each event on as raw responses."""

    def __init__(self, terms, *options):
        super().__init__(terms, *options)
        self.graph = Remembering(terms, MARK)
        self.state = torch.zeros(self.batch, self.graph.width)
        self.state[:, KEY:HEAD] = torch.arange(4)  # it travels along
        self.seen = None

    def tell(self, item, correct, taught, past, days, minutes):
        goal = torch.as_tensor(self.goal)
        given = [torch.tensor(np.broadcast_to(each, self.batch)) for each in (item, correct, taught, past)]
        passed = [
            torch.tensor(np.broadcast_to(each, self.batch).astype(np.float32)) for each in (days, minutes)
        ]
        with torch.no_grad():
            self.seen = self.graph(self.state, Event(*given, *passed), goal)
        self.state = self.seen.state

    def open(self, rows, goal=None, past=None, key=None, price=None):
        super().open(rows, goal, past, key, price)
        assert len(rows) == self.batch
        self.state[:, STAMP] = 0.0
        self.state[:, 1:KEY] = 7.0  # of a learner whom nobody has met nothing but the key is read
        self.tell(-1, -1, False, False, 0.0, 0.0)
        for t in range(0 if past is None else past.item.shape[1]):
            there = t < past.length
            item = np.where(there, past.item[:, t], -1)
            self.tell(item, past.correct[:, t], there & past.taught[:, t], True, 0.0, 0.0)

    def write(self, item, correct, minutes, days, taught, ended):
        super().write(item, correct, minutes, days, taught, ended)
        self.tell(item, correct, taught & (item >= 0), False, days, minutes)
