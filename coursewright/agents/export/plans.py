"""The plans by which answers set due days, as torch graphs; each for all items at once."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from coursewright.agents import fsrs_grid
from coursewright.agents.schedulers import anki, cost_adr
from coursewright.agents.schedulers.anki import AnkiPlan
from coursewright.agents.schedulers.by_memory import LOWEST, RecallPlan
from coursewright.agents.schedulers.calendar import MOMENT
from coursewright.agents.schedulers.cost_adr import Adaptive
from coursewright.agents.schedulers.fsrs import Steady
from coursewright.agents.schedulers.memorize import MemorizePlan
from coursewright.agents.schedulers.memrise import Ladder
from coursewright.agents.schedulers.sm2 import EASE, FIRST, LOWEST_EASE, PASSED, RIGHT, SECOND, WRONG, Sm2Plan
from coursewright.agents.schedulers.ssp_mmc import ByShortestPath
from coursewright.errors import InputError
from coursewright.simulators.memory import fsrs
from coursewright.simulators.memory.answered import NEAR, Memory
from coursewright.simulators.memory.answered import FsrsMemory as Answered

STEPS = 16  # of Halley's method, which ends long before
Parts = tuple[Tensor, ...]


class Rungs(nn.Module):
    """`memrise.Ladder`: the rung of each item."""

    start = (-1.0,)

    def __init__(self, plan: Ladder) -> None:
        super().__init__()
        self.days: Tensor
        self.register_buffer("days", torch.tensor(plan.days, dtype=torch.float64), persistent=False)

    def forward(
        self, kept: Parts, asked: Tensor, right: Tensor, now: Tensor, draw: Tensor
    ) -> tuple[Parts, Tensor]:
        """An item's memory after an answer now, and the days until it is due, `[batch, items]`.

        `draw [batch, 1]` is the learner's own, in [0, 1).
        """
        rung = kept[0]
        moved = torch.where(right, (rung + 1.0).clamp(max=len(self.days) - 1.0), 0.0)
        rung = torch.where(asked, moved, rung)
        return (rung,), self.days[rung.clamp(min=0.0).long()]


class Sm2(nn.Module):
    """`sm2.Sm2Plan`: right answers in a row, interval and ease."""

    start = (0.0, FIRST, EASE)

    def forward(
        self, kept: Parts, asked: Tensor, right: Tensor, now: Tensor, draw: Tensor
    ) -> tuple[Parts, Tensor]:
        """As `Rungs.forward`."""
        done, interval, ease = kept
        grade = torch.where(right, float(RIGHT), float(WRONG)).double()
        passed = grade >= PASSED
        grown = torch.where(done == 1.0, SECOND, interval * ease)
        after = torch.where(~passed | (done == 0.0), FIRST, grown)
        short = 5.0 - grade
        easier = (ease + 0.1 - short * (0.08 + short * 0.02)).clamp(min=LOWEST_EASE)
        interval = torch.where(asked, after, interval)
        ease = torch.where(asked, easier, ease)
        done = torch.where(asked, torch.where(passed, done + 1.0, 0.0), done)
        return (done, interval, ease), interval


class Anki(nn.Module):
    """`anki.AnkiPlan`: interval, ease, lapses and the day of the last review."""

    start = (0.0, anki.EASE, 0.0, 0.0)

    def __init__(self, plan: AnkiPlan) -> None:
        super().__init__()
        self.share, self.suspend, self.fuzz = plan.options.new_share, plan.options.suspend, plan.fuzz

    def forward(
        self, kept: Parts, asked: Tensor, right: Tensor, now: Tensor, draw: Tensor
    ) -> tuple[Parts, Tensor]:
        """As `Rungs.forward`."""
        known, ease, lapses, reviewed = kept
        elapsed = torch.floor(now - reviewed + MOMENT)
        late = elapsed - known
        early = _rounded(torch.maximum(elapsed * ease, known), 1.0)
        hard = _rounded(anki.HARD_FACTOR * known, known + 1.0)
        after = torch.where(late < 0.0, early, _rounded((known + 0.5 * late) * ease, hard + 1.0))
        if self.fuzz:
            after = torch.where(late >= 0.0, _fuzzed(after, draw), after)
        lapse = torch.floor(known * self.share).clamp(min=1.0)
        met = known > 0.0
        interval = torch.where(met, torch.where(right, after, lapse), anki.FIRST)
        eased = torch.where(met, torch.where(right, ease, ease - 0.2).clamp(min=anki.LOWEST_EASE), ease)
        wrong = asked & met & ~right
        interval, ease = torch.where(asked, interval, known), torch.where(asked, eased, ease)
        lapses = torch.where(wrong, lapses + 1.0, lapses)
        wait = interval.clamp(min=anki.FIRST)
        if self.suspend:
            wait = torch.where(lapses >= anki.LEECH, torch.inf, wait)
        return (interval, ease, lapses, torch.where(asked, now, reviewed)), wait


class FsrsMemory(nn.Module):
    """FSRS at one table of weights: stability, difficulty and day of the last review."""

    def __init__(self, memory: Memory) -> None:
        super().__init__()
        if not isinstance(memory, Answered) or memory.model.spread != 0.0 or len(memory.model.table) != 1:
            raise _refusal(memory)
        self.w = [float(weight) for weight in np.clip(memory.model.table[0], fsrs.LOWEST, fsrs.HIGHEST)]
        self.factor = 0.9 ** (-1.0 / self.w[20]) - 1.0

    def forward(self, kept: Parts, asked: Tensor, right: Tensor, now: Tensor) -> Parts:
        """The memory after an answer now; an item that was shown and not asked counts as answered right."""
        stability, difficulty, last = kept
        w, good = self.w, right | ~asked
        known = stability > 0.0
        days = torch.floor(now - last + fsrs.ROUNDING)
        safe = torch.where(known, stability, 1.0)
        recalled = (1.0 + self.factor * days / safe) ** -w[20]
        missed = 1.0 - recalled
        surprise = torch.exp(missed * w[10]) - 1.0
        hard = torch.where(known, difficulty, 1.0)
        growth = np.exp(w[8]) * (11.0 - hard) * safe ** -w[9] * surprise
        lapsed = w[11] * hard ** -w[12] * ((safe + 1.0) ** w[13] - 1.0) * torch.exp(missed * w[14])
        lapsed = torch.minimum(lapsed, safe / np.exp(w[17] * w[18]))
        apart = torch.where(good, safe * (1.0 + growth), lapsed)
        mark = torch.where(good, float(fsrs.GOOD), float(fsrs.AGAIN)).double()
        same = torch.exp(w[17] * (mark - 3.0 + w[18])) * safe ** -w[19]
        within = safe * torch.where(good, same.clamp(min=1.0), same)
        later = torch.where(days < 1.0, within, apart).clamp(min=fsrs.LEAST_STABILITY)
        new = torch.where(good, w[fsrs.GOOD - 1], w[fsrs.AGAIN - 1])
        stability = torch.where(known, later, new.double())
        eased = w[7] * self._first(float(fsrs.EASY)) + (1.0 - w[7]) * (
            hard + (10.0 - hard) / 9.0 * (-w[6] * (mark - 3.0))
        )
        first = torch.where(good, self._first(float(fsrs.GOOD)), self._first(float(fsrs.AGAIN)))
        difficulty = torch.where(known, eased, first.double()).clamp(1.0, 10.0)
        return stability, difficulty, now + torch.zeros_like(last)

    def _first(self, mark: float) -> float:
        return float(self.w[4] - np.exp(self.w[5] * (mark - 1.0)) + 1.0)


class Fsrs(nn.Module):
    """`by_memory.RecallPlan` with FSRS: its memory, and the recall at which an item is due."""

    start = (0.0, 0.0, 0.0, 1.0)

    def __init__(self, plan: RecallPlan) -> None:
        super().__init__()
        self.memory = FsrsMemory(plan.memory)
        make = AIMS.get(type(plan.aim))
        if make is None:
            raise _refusal(plan.aim)
        self.aim = make(plan.aim)

    def forward(
        self, kept: Parts, asked: Tensor, right: Tensor, now: Tensor, draw: Tensor
    ) -> tuple[Parts, Tensor]:
        """As `Rungs.forward`."""
        after = self.memory(kept[:3], asked, right, now)
        target = self.aim(after[0], after[1])
        far = target.clamp(min=LOWEST) ** (-1.0 / self.memory.w[20]) - 1.0
        wait = torch.round(after[0] / self.memory.factor * far).clamp(1.0, fsrs.LONGEST_INTERVAL)
        return (*after, target), torch.where(target > 0.0, wait, torch.inf)

    def recalls(self, kept: Parts, now: Tensor) -> Tensor:
        """Believed recall of every item now, `[batch, items]`; 0 of one that was never met."""
        stability, _, last, _ = kept
        days = torch.floor(now - last + fsrs.ROUNDING)
        base = 1.0 + self.memory.factor * days / stability.clamp(min=fsrs.LEAST_STABILITY)
        return torch.where(stability > 0.0, base ** -self.memory.w[20], 0.0)


class Memorize(nn.Module):
    """`memorize.MemorizePlan` with FSRS: the day is the root of what will have been forgotten by then."""

    start = (0.0, 0.0, 0.0)

    def __init__(self, plan: MemorizePlan) -> None:
        super().__init__()
        self.memory, self.scale = FsrsMemory(plan.memory), float(np.sqrt(plan.q))

    def forward(
        self, kept: Parts, asked: Tensor, right: Tensor, now: Tensor, draw: Tensor
    ) -> tuple[Parts, Tensor]:
        """As `Rungs.forward`; Halley's method as in `simulators.memory.answered`."""
        after = self.memory(kept, asked, right, now)
        c, lost = self.memory.w[20], -torch.log(1.0 - draw) * self.scale
        rate = self.memory.factor / after[0].clamp(min=fsrs.LEAST_STABILITY)
        t = torch.maximum(lost, torch.sqrt(2.0 * lost / (c * rate)))
        done = t < 0.0
        for _ in range(STEPS):
            base = 1.0 + rate * t
            held = base**-c
            done = done | (held >= 1.0)
            step = (t - (base * held - 1.0) / (rate * (1.0 - c)) - lost) / (1.0 - held)
            step = step / (1.0 - 0.5 * step * c * rate * held / (base * (1.0 - held)))
            t = torch.where(done, t, t - step)
            done = done | (step.abs() <= NEAR * t)
        return after, t.clamp(max=float(fsrs.LONGEST_INTERVAL))


class Same(nn.Module):
    """`fsrs.Steady`."""

    def __init__(self, aim: Steady) -> None:
        super().__init__()
        self.recall = aim.recall

    def forward(self, stability: Tensor, difficulty: Tensor) -> Tensor:
        """The recall at which an item is due, `[batch, items]`."""
        return torch.full_like(stability, self.recall)


class ByPrice(nn.Module):
    """`cost_adr.Adaptive`."""

    def __init__(self, aim: Adaptive) -> None:
        super().__init__()
        self.heads = [[float(x) for x in head] for head in aim.heads]
        self.z = float(np.log(1.0 + aim.price) / np.log(1.0 + cost_adr.MOST_PRICE))

    def forward(self, stability: Tensor, difficulty: Tensor) -> Tensor:
        """As `Same.forward`."""
        least = cost_adr.LEAST_S
        x = torch.log(stability.clamp(min=least) / least) / float(np.log(fsrs.LONGEST_INTERVAL / least))
        y = (difficulty - 1.0) / 9.0
        phi = (torch.ones_like(x), x, y, x * y, x * x)
        a, b, c = (sum((w * part for w, part in zip(head, phi, strict=True)), 0.0 * x) for head in self.heads)
        raised = a - _softplus(b) * self.z - _softplus(c) * self.z * self.z
        return cost_adr.LOWEST_RETENTION + cost_adr.RANGE / (1.0 + torch.exp(-raised))


class ByPath(nn.Module):
    """`ssp_mmc.ByShortestPath`: the best retention by stability and difficulty, 0 where the goal is met."""

    def __init__(self, aim: ByShortestPath) -> None:
        super().__init__()
        self.goal = aim.path.goal
        self.best: Tensor
        table = torch.tensor(np.array(aim.path.actions)[aim.path.table[1]])
        self.register_buffer("best", table, persistent=False)

    def forward(self, stability: Tensor, difficulty: Tensor) -> Tensor:
        """As `Same.forward`."""
        low, high = fsrs_grid.SHORTEST, fsrs_grid.LONGEST
        x = torch.log(stability.clamp(low, high) / low) / float(np.log(high / low))
        row = torch.round(x * (fsrs_grid.STABILITIES - 1)).long()
        column = torch.round((difficulty.clamp(1.0, 10.0) - 1.0) / 9.0 * (fsrs_grid.DIFFICULTIES - 1)).long()
        found = self.best[row * fsrs_grid.DIFFICULTIES + column]
        return torch.where(stability >= self.goal, 0.0, found)


AIMS: Mapping[type, Callable[[Any], nn.Module]] = {Steady: Same, Adaptive: ByPrice, ByShortestPath: ByPath}
PLANS: Mapping[type, Callable[[Any], nn.Module]] = {
    Ladder: Rungs,
    Sm2Plan: lambda plan: Sm2(),
    AnkiPlan: Anki,
    RecallPlan: Fsrs,
    MemorizePlan: Memorize,
}


def plan_of(plan: object) -> Any:
    """The graph of a plan.  Raises `InputError` for one that has none."""
    make = PLANS.get(type(plan))
    if make is None:
        raise _refusal(plan)
    return make(plan)


def _refusal(part: object) -> InputError:
    return InputError(f"policy = {type(part).__name__}: this schedule cannot be written as a tutor file")


def _rounded(days: Tensor, least: Tensor | float) -> Tensor:
    """`anki._whole`."""
    rounded = torch.floor(days + 0.5 + MOMENT)
    rounded = torch.maximum(rounded, least) if isinstance(least, Tensor) else rounded.clamp(min=least)
    return rounded.clamp(max=float(fsrs.LONGEST_INTERVAL))


def _fuzzed(interval: Tensor, draw: Tensor) -> Tensor:
    """`anki.fuzzed`."""
    wide = 1.0 + 0.15 * (interval - 2.5).clamp(max=4.5)
    wide = wide + (0.1 * (interval - 7.0).clamp(0.0, 13.0) + 0.05 * (interval - 20.0).clamp(min=0.0))
    least, most = _rounded(interval - wide, 2.0), _rounded(interval + wide, 2.0)
    return torch.where(interval < 2.5, interval, least + torch.floor(draw * (most - least + 1.0)))


def _softplus(x: Tensor) -> Tensor:
    return x.clamp(min=0.0) + torch.log(1.0 + torch.exp(-x.abs()))
