"""Training a recurrent knowledge tracer on a log: DKT over skills, or a GRU over items.

Piech et al. (NeurIPS 2015), eq. 1-5: an LSTM takes in one-hot (skill, answer) and predicts the next answer
on every skill.  The network itself is in `network`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import nn

from coursewright.errors import InputError, reject
from coursewright.fitting.coded import Coded
from coursewright.fitting.course import course_of
from coursewright.fitting.model import Estimates, Teaching
from coursewright.fitting.neural.network import Batch, Net, Size, Vocabulary
from coursewright.fitting.neural.windows import Windows, cut, recorded_sessions
from coursewright.simulators.arrays import Floats, Ints
from coursewright.simulators.course import Course
from coursewright.simulators.neural.kes import Kes
from coursewright.simulators.neural.network import Network
from coursewright.simulators.neural.sessions import Sessions
from coursewright.simulators.neural.tracer import Tracer

STARTS, TARGETS = 20, 3  # items at the start and skills to be learned, at most
RARE = 5  # an item with fewer training answers is mentioned


@dataclass(frozen=True)
class NeuralModel:
    """The settings of a training.

    Attributes
    ----------
    cell : "lstm" (four gates, as in DKT) or "gru".
    over : "skills" (one-hot inputs, as in DKT; a set of several skills counts as one) or "items".
    hidden, width : size of the memory and of the embeddings (the latter over items only).
    longest : rows of a training sequence; a longer record is cut.
    batch, epochs, patience : windows a step; at most so many passes; stop after so many without a better
        held-out loss.  The best pass is kept.
    held_out : share of the learners that only decide when to stop.
    dropout, item_dropout : of the memory where it is read, and of the items' own parts.
    decay : weight decay of AdamW.
    sessions : True where the fitted simulator keeps the log's own sequences, for starts from real sessions.
        They are learners' data: mind the log's licence and their privacy before passing the folder on.
    """

    cell: Literal["gru", "lstm"] = "gru"
    over: Literal["items", "skills"] = "items"
    hidden: int = 64
    width: int = 64
    longest: int = 100
    batch: int = 32
    epochs: int = 30
    patience: int = 3
    held_out: float = 0.1
    learning_rate: float = 2e-3
    dropout: float = 0.5
    item_dropout: float = 0.3
    decay: float = 1.0
    seed: int = 0
    sessions: bool = False

    def __post_init__(self) -> None:
        if self.cell not in ("gru", "lstm"):
            raise reject("model.cell", repr(self.cell), "'gru' or 'lstm'")
        if self.over not in ("items", "skills"):
            raise reject("model.over", repr(self.over), "'items' or 'skills'")
        for field in ("hidden", "width", "batch", "epochs", "patience"):
            if getattr(self, field) < 1:
                raise reject(f"model.{field}", getattr(self, field), "a whole number >= 1")
        if self.longest < 2:
            raise reject("model.longest", self.longest, "a whole number >= 2")
        for field in ("held_out", "dropout", "item_dropout"):
            if not 0.0 <= getattr(self, field) < 1.0:
                raise reject(f"model.{field}", getattr(self, field), "a share in [0, 1)")

    @property
    def name(self) -> str:
        """DKT where it is the published network, otherwise the cell and the names that it is over."""
        if (self.cell, self.over) == ("lstm", "skills"):
            return "DKT"
        return f"{self.cell.upper()} over {self.over}"

    def fit(self, log: Coded) -> "NeuralFit":
        """Train; the same log and settings give the same weights (on a CPU, with one thread).

        Raises `InputError` where the log has fewer than two learners with answers.
        """
        if self.sessions and log.min_group > 1:
            raise reject(
                "model.sessions", True, "false: these are single learners' answers (or say min_group=1)"
            )
        words = Vocabulary.of(log)
        windows = cut(log, self.longest)
        people = np.unique(windows.learner)
        if len(people) < 2:
            raise InputError(f"log = {len(people)} learners with answers: two are needed, one to train on")
        held = np.random.default_rng(self.seed).permutation(people)
        held = held[: max(1, round(self.held_out * len(people)))]
        inside = ~np.isin(windows.learner, held)
        batches = [_batches(log, words, windows, part, self.batch) for part in (inside, ~inside)]
        torch.set_num_threads(1)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            net, losses = _train(self, words, *batches)
        sessions = recorded_sessions(log, self.longest) if self.sessions else None
        answers = np.bincount(words.look_up(log)[0][windows.row], minlength=len(words.items))
        course = _course(words, course_of(log))
        return NeuralFit(self, words, course, net, tuple(losses), int((answers < RARE).sum()), sessions)

    @property
    def size(self) -> Size:
        """The shape of the network."""
        by_item = self.over == "items"
        return Size(self.cell, by_item, self.hidden, self.width, self.dropout, self.item_dropout)


def _course(words: Vocabulary, course: Course) -> Course:
    """The items of `course`, and the skills that each needs in its first row, in order of appearance."""
    needed = {item: words.needs[k] for item, k in zip(course.items, words.need.tolist(), strict=False)}
    skills = list(dict.fromkeys(skill for skills in needed.values() for skill in skills))
    made = Course.of(skills, needed, minutes=dict(zip(course.items, course.minutes.tolist(), strict=True)))
    return replace(made, licence=course.licence)


def _batches(log: Coded, words: Vocabulary, windows: Windows, chosen: np.ndarray, size: int) -> list[Batch]:
    """The chosen windows, those of like length together, so that little is padding."""
    item, need = words.look_up(log)
    answer = log.correct.astype(np.int64)
    length = np.diff(windows.start)
    order = np.flatnonzero(chosen)[np.argsort(length[chosen], kind="stable")]
    batches = []
    for first in range(0, len(order), size):
        mine = order[first : first + size]
        place = np.arange(length[mine].max())
        real = place < length[mine, None]
        row = windows.row[np.where(real, windows.start[mine, None] + place, windows.start[mine, None])]
        batches.append(Batch(*map(torch.from_numpy, (item[row], need[row], answer[row], real))))
    return batches


def _train(
    model: NeuralModel, words: Vocabulary, inside: list[Batch], held: list[Batch]
) -> tuple[Net, list[float]]:
    """The net of the best pass, and the held-out loss (nats an answer) of every pass."""
    net = Net(model.size, words)
    net.start_at(words, inside)
    optimiser = torch.optim.AdamW(net.parameters(), model.learning_rate, weight_decay=model.decay)
    losses: list[float] = []
    best = net.state_dict()
    for _ in range(model.epochs):
        net.train()
        for at in torch.randperm(len(inside)).tolist():
            optimiser.zero_grad()
            (_total_loss(net, inside[at]) / inside[at].real.sum()).backward()
            optimiser.step()
        losses.append(_held_out_loss(net, held))
        if losses[-1] == min(losses):
            best = {name: values.clone() for name, values in net.state_dict().items()}
        elif len(losses) - 1 - int(np.argmin(losses)) >= model.patience:
            break
    net.load_state_dict(best)
    return net, losses


def _total_loss(net: Net, batch: Batch) -> torch.Tensor:
    logits = net(batch.item, batch.need, batch.answer)[batch.real]
    right = batch.answer[batch.real].to(logits.dtype)
    return nn.functional.binary_cross_entropy_with_logits(logits, right, reduction="sum")


@torch.no_grad()
def _held_out_loss(net: Net, held: list[Batch]) -> float:
    net.eval()
    total = sum(float(_total_loss(net, batch)) for batch in held)
    return total / sum(int(batch.real.sum()) for batch in held)


@dataclass(frozen=True, eq=False)
class NeuralFit:
    """A trained network; `losses` are the held-out losses of the passes, `rare` counts items hardly seen."""

    model: NeuralModel
    words: Vocabulary
    course: Course
    net: Net
    losses: tuple[float, ...]
    rare: int
    sessions: Sessions | None

    @property
    def teaching(self) -> Teaching:
        """From random items to random skills; see `simulator`."""
        course = self.course
        counts = (
            f"start_count={min(STARTS, course.n_items)}",
            f"target_count={min(TARGETS, course.n_skills)}",
        )
        more = ("start=items", "targets=skills", *counts)
        return Teaching("mastery", "kes", "simulator.tracer.folder", tuple(f"simulator.{o}" for o in more))

    def estimates(self) -> Estimates:
        """Single weights mean nothing: their number, the passes, the held-out loss (nats an answer)."""
        weights = sum(p.numel() for p in self.net.parameters() if p.requires_grad)
        names = ("weights", "passes", "held_out_log_loss")
        return Estimates(names, np.array([weights, len(self.losses), min(self.losses)], np.float64))

    def warnings(self) -> Sequence[str]:
        """Passes that ran out while the loss was falling, and items with few answers."""
        lines = []
        if int(np.argmin(self.losses)) == self.model.epochs - 1:
            lines.append(f"the held-out loss was still falling at the last of {self.model.epochs} passes")
        if self.rare and self.model.over == "items":
            lines.append(
                f"{self.rare} of {len(self.words.items)} items have fewer than {RARE} answers: "
                "their difference from other items of their skills is hardly learned"
            )
        return lines

    def undetermined(self) -> Sequence[str]:
        """Plain sentences on what a network cannot say of itself."""
        return [
            "Single weights mean nothing: many networks give the same answers.  There are no intervals.",
            "All learners are alike but for their answers, by assumption; the network knows no days "
            "between them.",
        ]

    @cached_property
    def known(self) -> Network:
        """Over all that can be met: each item, then each set of skills alone, then nothing known."""
        items, needs = len(self.words.items), len(self.words.needs)
        item = np.append(np.arange(items), np.full(needs + 1, items))
        return self.net.folded(item, np.append(self.words.need, np.arange(needs + 1)))

    def predict(self, log: Coded) -> Floats:
        """P(correct) `[rows]` from the learner's earlier rows; a new item counts as its skills alone."""
        item, need = self.words.look_up(log)
        unit = np.where(item < len(self.words.items), item, len(self.words.items) + need)
        return trace(self.known, log, unit)

    def tracer(self) -> Tracer:
        """The network over the items of the log (over their sets of skills where it knows no more)."""
        items, own = len(self.words.items), self.course.n_items
        if self.model.over == "items":
            network, unit = self.known.only(np.arange(own)), np.arange(own)
        else:
            used, unit = np.unique(self.words.need[:own], return_inverse=True)
            network = self.known.only(items + used)
        return Tracer(self.course, network, unit, self.sessions)

    def simulator(self) -> Kes:
        """These learners, after up to 20 random items, with up to 3 random skills as targets."""
        starts, targets = min(STARTS, self.course.n_items), min(TARGETS, self.course.n_skills)
        return Kes(self.tracer(), start_count=starts, target_count=targets)

    def write(self, folder: Path) -> None:
        """Write the files that `read_neural` reads."""
        self.tracer().write(folder)


def trace(network: Network, log: Coded, unit: Ints) -> Floats:
    """Run through a log: P(correct) of each row `[rows]` before its answer is taken in.

    `unit [rows]` is the row's place in `network`.  Learners go side by side, those with most rows first.
    """
    answer = log.correct.astype(np.float64)
    count = np.diff(log.start)
    longest_first = np.argsort(-count, kind="stable")
    memory = np.zeros((len(count), network.width), np.float32)
    p = np.empty(log.rows)
    for t in range(int(count.max(initial=0))):
        going = longest_first[: int((count > t).sum())]
        row = log.start[going] + t
        chance = np.empty(len(going))
        network.p(memory[: len(going)], unit[row], chance)
        p[row] = chance
        network.advance(memory[: len(going)], np.where(answer[row] >= 0, unit[row], -1), answer[row])
    return p
