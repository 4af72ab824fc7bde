"""The visible history of a batch of learners, kept as the observation itself.

Row i of `memory [batch, columns]` is what a tutor of learner i sees.  A step touches the columns of
the practised skills only; `Layout` says which column is what.
"""

import numpy as np
import numpy.typing as npt

from coursewright.envs.layout import PER_SKILL, SHARED
from coursewright.simulators.bkt import after_answer, after_practice, after_wrong
from coursewright.simulators.kernel import kernel
from coursewright.simulators.protocol import Bools, Floats, Ints

Memory = npt.NDArray[np.float32]

_NAMES = PER_SKILL + SHARED
ATTEMPTS = _NAMES.index("attempts")
SUCCESSES = _NAMES.index("successes")
LOG_ATTEMPTS = _NAMES.index("log_attempts")
LOG_SUCCESSES = _NAMES.index("log_successes")
LOG_FAILURES = _NAMES.index("log_failures")
STREAK = _NAMES.index("streak")
BELIEF = _NAMES.index("belief")
GOAL = _NAMES.index("goal")
WARMUP_RIGHT = _NAMES.index("warmup_right")
WARMUP_WRONG = _NAMES.index("warmup_wrong")
LOG_WARMUP_RIGHT = _NAMES.index("log_warmup_right")
LOG_WARMUP_WRONG = _NAMES.index("log_warmup_wrong")
DAYS_SINCE = _NAMES.index("days_since")
LAST_ITEM = _NAMES.index("last_item")
LAST_CORRECT = _NAMES.index("last_correct")
BUDGET_LEFT = _NAMES.index("budget_left")
STRIDE = len(_NAMES)  # the entry of `offsets` that holds the number of columns a skill has

# Columns of the tutor's table [skills, 5]
PRIOR, LEARN, GUESS, SLIP, FORGET = range(5)


@kernel
def believe(
    memory: Memory,
    i: int,
    item: int,
    correct: int,
    taught: bool,
    offsets: Ints,
    tutor: Floats,
    start: Ints,
    needed: Ints,
) -> None:
    """Update the tutor's belief in every skill that `item` needs.

    A row that was not taught takes the answer but no learning.
    """
    stride = offsets[STRIDE]
    first = offsets[BELIEF]
    p_item = 1.0
    if correct == 0 and start[item + 1] - start[item] > 1:
        for j in range(start[item], start[item + 1]):
            k = needed[j]
            b = memory[i, k * stride + first]
            p_item *= b * (1.0 - tutor[k, SLIP]) + (1.0 - b) * tutor[k, GUESS]
    for j in range(start[item], start[item + 1]):
        k = needed[j]
        column = k * stride + first
        b = float(memory[i, column])
        if correct == 0 and start[item + 1] - start[item] > 1:
            alone = b * (1.0 - tutor[k, SLIP]) + (1.0 - b) * tutor[k, GUESS]
            b = after_wrong(b, alone, p_item, tutor[k, SLIP])
        elif correct >= 0:
            b = after_answer(b, correct == 1, tutor[k, GUESS], tutor[k, SLIP])
        if taught:
            b = after_practice(b, tutor[k, LEARN], tutor[k, FORGET])
        memory[i, column] = min(max(b, 0.0), 1.0)


@kernel
def record(
    memory: Memory,
    offsets: Ints,
    logs: Memory,
    tutor: Floats,
    start: Ints,
    needed: Ints,
    last: Ints,
    spent: Floats,
    budget: float,
    by_minutes: bool,
    step: Ints,
    item: Ints,
    taught: Bools,
    correct: Ints,
    minutes: Floats,
    ended: Bools,
    over: Bools,
) -> bool:
    """Write one step into the history, advance the clock, and mark the rows that have ended.

    A row ends when its budget is spent or its learner has dropped out.  Returns whether any row is over.
    """
    stride = offsets[STRIDE]
    some_over = False
    for i in range(item.shape[0]):
        a = item[i]
        if a < 0:
            some_over = True
            continue
        right = correct[i] == 1
        for j in range(start[a], start[a + 1]):
            base = needed[j] * stride
            if offsets[ATTEMPTS] >= 0:
                memory[i, base + offsets[ATTEMPTS]] += 1.0
                if offsets[LOG_ATTEMPTS] >= 0:
                    memory[i, base + offsets[LOG_ATTEMPTS]] = logs[int(memory[i, base + offsets[ATTEMPTS]])]
            if right and offsets[SUCCESSES] >= 0:
                memory[i, base + offsets[SUCCESSES]] += 1.0
                if offsets[LOG_SUCCESSES] >= 0:
                    memory[i, base + offsets[LOG_SUCCESSES]] = logs[int(memory[i, base + offsets[SUCCESSES]])]
            if not right and offsets[LOG_FAILURES] >= 0:
                failures = memory[i, base + offsets[ATTEMPTS]] - memory[i, base + offsets[SUCCESSES]]
                memory[i, base + offsets[LOG_FAILURES]] = logs[int(failures)]
            if offsets[STREAK] >= 0:
                column = base + offsets[STREAK]
                memory[i, column] = memory[i, column] + 1.0 if right else 0.0
        if offsets[BELIEF] >= 0:
            believe(memory, i, a, correct[i], taught[i], offsets, tutor, start, needed)
        if taught[i]:
            if offsets[LAST_ITEM] >= 0:
                if last[i] >= 0:
                    memory[i, offsets[LAST_ITEM] + last[i]] = 0.0
                memory[i, offsets[LAST_ITEM] + a] = 1.0
            last[i] = a
        if offsets[LAST_CORRECT] >= 0 and correct[i] >= 0:
            memory[i, offsets[LAST_CORRECT]] = 1.0 if right else -1.0
        step[i] += 1
        spent[i] += minutes[i] if by_minutes else 1.0
        if offsets[BUDGET_LEFT] >= 0:
            memory[i, offsets[BUDGET_LEFT]] = max(0.0, 1.0 - spent[i] / budget)
        if spent[i] >= budget - 1e-9 or ended[i]:
            over[i] = True
            some_over = True
    return some_over


@kernel
def note_days(memory: Memory, offsets: Ints, item: Ints, start: Ints, needed: Ints, days: Floats) -> None:
    """Age every skill by `days [batch]`; the skills just practised start again at that age."""
    stride = offsets[STRIDE]
    skills = (memory.shape[1] - offsets[DAYS_SINCE]) // stride if stride > 0 else 0
    for i in range(item.shape[0]):
        if item[i] < 0:
            continue
        for j in range(start[item[i]], start[item[i] + 1]):
            memory[i, needed[j] * stride + offsets[DAYS_SINCE]] = 0.0
        for k in range(skills):
            memory[i, k * stride + offsets[DAYS_SINCE]] += days[i]


@kernel
def open_rows(
    memory: Memory,
    offsets: Ints,
    logs: Memory,
    tutor: Floats,
    start: Ints,
    needed: Ints,
    last: Ints,
    rows: Ints,
    goal: Bools,
    past_item: Ints,
    past_correct: Ints,
    past_length: Ints,
) -> None:
    """Begin the history of new learners: priors, goals, and the visible past replayed."""
    stride = offsets[STRIDE]
    skills = tutor.shape[0]
    for r in range(rows.shape[0]):
        i = rows[r]
        memory[i, :] = 0.0
        last[i] = -1
        if offsets[BUDGET_LEFT] >= 0:
            memory[i, offsets[BUDGET_LEFT]] = 1.0
        for k in range(skills):
            if offsets[BELIEF] >= 0:
                memory[i, k * stride + offsets[BELIEF]] = tutor[k, PRIOR]
            if offsets[GOAL] >= 0:
                memory[i, k * stride + offsets[GOAL]] = 1.0 if goal[i, k] else 0.0
        for t in range(past_length[r]):
            a = past_item[r, t]
            right = past_correct[r, t] == 1
            raw = offsets[WARMUP_RIGHT] if right else offsets[WARMUP_WRONG]
            log = offsets[LOG_WARMUP_RIGHT] if right else offsets[LOG_WARMUP_WRONG]
            if raw >= 0:
                for j in range(start[a], start[a + 1]):
                    base = needed[j] * stride
                    memory[i, base + raw] += 1.0
                    if log >= 0:
                        memory[i, base + log] = logs[int(memory[i, base + raw])]
            if offsets[BELIEF] >= 0:
                believe(memory, i, a, past_correct[r, t], True, offsets, tutor, start, needed)
            last[i] = a
        if last[i] >= 0:
            if offsets[LAST_ITEM] >= 0:
                memory[i, offsets[LAST_ITEM] + last[i]] = 1.0
            if offsets[LAST_CORRECT] >= 0:
                answer = past_correct[r, past_length[r] - 1]
                memory[i, offsets[LAST_CORRECT]] = 1.0 if answer == 1 else -1.0
