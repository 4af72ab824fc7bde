"""A recurrent network in training, and the words that it is trained on.

Over items the input is an embedding of (item, answer); a log has few answers an item, so an item's
embedding and output weights are a part that all items share, a part of its skills, and a part of its own,
which is left out of some training steps at random.  An item never seen before is then
the sum of the parts that all items and that its skills share.
"""

from typing import Literal, NamedTuple, Self

import numpy as np
import torch
from torch import nn

from coursewright.fitting.coded import Coded, places
from coursewright.simulators.arrays import Ints
from coursewright.simulators.neural.network import Network

PRIOR = 8.0  # answers that a first guess at an item's difficulty is held back by


class Vocabulary(NamedTuple):
    """The items of a log and the sets of skills that they need: names, and the set of each item `[items]`.

    The items that pooled ones stand for follow, unnamed: a pooled item itself is met by nobody, and so is its
    skills alone.
    """

    items: tuple[str, ...]
    needs: tuple[tuple[str, ...], ...]
    need: Ints

    @classmethod
    def of(cls, log: Coded) -> Self:
        """Read them off; an item whose skills differ between rows keeps those of its first row."""
        number, lists = log.skill_sets
        first = np.unique(log.item, return_index=True)[1]
        of_item = [log.pooled.get(item, lists[k]) for item, k in zip(log.items, number[first], strict=True)]
        code, names = log.finest
        kept, row = np.unique(code, return_index=True)
        of_item += [lists[k] for k in number[row[kept >= len(log.items)]]]
        needs = tuple(sorted(set(of_item)))
        place = {needed: k for k, needed in enumerate(needs)}
        return cls(names, needs, np.array([place[needed] for needed in of_item], np.int64))

    def look_up(self, log: Coded) -> tuple[Ints, Ints]:
        """The item and the set of skills of each row `[rows]`; one past the last where unknown."""
        number, lists = log.skill_sets
        need = {skills: k for k, skills in enumerate(self.needs)}
        needs = np.array([need.get(skills, len(need)) for skills in lists], np.int64)
        code, names = log.finest
        return places(names, self.items)[code], needs[number]


class Size(NamedTuple):
    """The shape of a network; see `training.NeuralModel`."""

    cell: Literal["gru", "lstm"]
    by_item: bool
    hidden: int
    width: int
    dropout: float
    item_dropout: float


def _table(rows: torch.Tensor, learned: bool = True) -> nn.Embedding:
    """These rows, and one more for the unknown name, which is 0 and stays it."""
    table = nn.Embedding(len(rows) + 1, rows.shape[1], padding_idx=len(rows))
    with torch.no_grad():
        table.weight[: len(rows)] = rows
    table.weight.requires_grad_(learned)
    return table


class Part(nn.Module):
    """The weights for one list of names: inputs of (name, answer), and output weights with the bias last."""

    def __init__(self, first: torch.Tensor, hidden: int, learned: bool = True) -> None:
        super().__init__()
        self.names = len(first) // 2
        self.input = _table(first, learned)
        self.output = _table(torch.zeros(self.names, hidden + 1))

    def told(self, at: torch.Tensor, answer: torch.Tensor) -> torch.Tensor:
        """Inputs `[..., width]` of answers on names; past the last name is the unknown one."""
        return torch.as_tensor(self.input((2 * at + answer).clamp(max=2 * self.names)))


class Net(nn.Module):
    """The network in training: a part for sets of skills (but for DKT, more parts), then a recurrence."""

    def __init__(self, size: Size, words: Vocabulary) -> None:
        super().__init__()
        by_item, hidden = size.by_item, size.hidden
        needs, items, width = 2 * len(words.needs), 2 * len(words.items), size.width
        # Nothing of its own at first: with few answers, random weights at the start stay noise.
        first = torch.zeros(needs, width) if by_item else torch.eye(needs)
        self.need = Part(first, hidden, learned=by_item)
        self.item = Part(torch.zeros(items, width), hidden) if by_item else None
        self.all = Part(torch.randn(2, width), hidden) if by_item else None
        make = nn.LSTM if size.cell == "lstm" else nn.GRU
        self.recurrence = make(first.shape[1], hidden, batch_first=True)
        self.base = nn.Parameter(torch.zeros(1))
        self.drop = nn.Dropout(size.dropout)
        self.item_dropout = size.item_dropout

    def _parts(self, item: torch.Tensor, need: torch.Tensor) -> list[tuple[Part, torch.Tensor]]:
        if self.item is None or self.all is None:
            return [(self.need, need)]
        if self.training:
            item = torch.where(torch.rand(item.shape) < self.item_dropout, self.item.names, item)
        return [(self.all, torch.zeros_like(need)), (self.need, need), (self.item, item)]

    def embed(self, item: torch.Tensor, need: torch.Tensor, answer: torch.Tensor) -> torch.Tensor:
        """The inputs, `[..., width]`: the sum over the parts."""
        return torch.stack([part.told(at, answer) for part, at in self._parts(item, need)]).sum(0)

    def read_out(self, item: torch.Tensor, need: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Output weights `[..., hidden]` and biases `[...]`."""
        rows = torch.stack([part.output(at) for part, at in self._parts(item, need)]).sum(0)
        return rows[..., :-1], self.base + rows[..., -1]

    def forward(self, item: torch.Tensor, need: torch.Tensor, answer: torch.Tensor) -> torch.Tensor:
        """Logits of being right `[batch, time]`, each from the answers before."""
        memory = self.recurrence(self.embed(item, need, answer)[:, :-1])[0]
        memory = self.drop(nn.functional.pad(memory, (0, 0, 1, 0)))
        weights, bias = self.read_out(item, need)
        return torch.as_tensor((memory * weights).sum(-1) + bias)

    @torch.no_grad()
    def start_at(self, words: Vocabulary, batches: "list[Batch]") -> None:
        """Let biases begin at the log odds of the answers: difficulty, which is slow to learn by gradient.

        The odds of an item are held back by those of its skills, and these by the odds of all answers.
        """
        item, need, answer = (torch.cat([batch[k][batch.real] for batch in batches]) for k in range(3))
        overall = (answer.sum() + 0.5) / (len(answer) + 1.0)
        needs = _rates(need, answer, overall.expand(len(words.needs)))
        self.base.fill_(float(overall.logit()))
        self.need.output.weight[:-1, -1] = needs.logit() - overall.logit()
        if self.item is not None:
            of_need = needs[torch.from_numpy(words.need)]
            self.item.output.weight[:-1, -1] = _rates(item, answer, of_need).logit() - of_need.logit()

    @torch.no_grad()
    def folded(self, item: Ints, need: Ints) -> Network:
        """The trained network over units that are these pairs of item and set of skills, `[units]`."""
        self.eval()
        at = torch.from_numpy(item), torch.from_numpy(need)
        told = torch.stack([self.embed(*at, torch.tensor(answer)) for answer in (0, 1)], dim=1)
        gates = dict(self.recurrence.named_parameters())
        weights, bias = self.read_out(*at)
        return Network(
            inputs=(told @ gates["weight_ih_l0"].T + gates["bias_ih_l0"]).numpy(),
            recurrent=gates["weight_hh_l0"].T.numpy(),
            recurrent_bias=gates["bias_hh_l0"].numpy(),
            output=weights.numpy(),
            bias=bias.numpy(),
        )


def _rates(name: torch.Tensor, answer: torch.Tensor, expected: torch.Tensor) -> torch.Tensor:
    """Share of right answers of each name, after `PRIOR` answers as `expected [names]`."""
    right = torch.bincount(name, answer.double(), len(expected))
    return (right + PRIOR * expected) / (torch.bincount(name, minlength=len(expected)) + PRIOR)


class Batch(NamedTuple):
    """Windows side by side, `[windows, time]` each; `real` is False in the padding."""

    item: torch.Tensor
    need: torch.Tensor
    answer: torch.Tensor
    real: torch.Tensor
