"""The visible history of a batch of learners, kept as the observation itself.

Row i of `memory [batch, columns]` is the observation of learner i's tutor.  A step touches the columns of
the practised skills and of the given item only; `Layout` names the columns.
"""

from typing import Any, NamedTuple

from coursewright.envs.belief import PRIOR, Beliefs, believe
from coursewright.envs.features import NAMES
from coursewright.simulators.arrays import Bools, Floats, Ints, Observation
from coursewright.simulators.kernel import inlined, kernel

# Places in `Rules.first`
ATTEMPTS = NAMES.index("attempts")
SUCCESSES = NAMES.index("successes")
LOG_ATTEMPTS = NAMES.index("log_attempts")
LOG_SUCCESSES = NAMES.index("log_successes")
LOG_FAILURES = NAMES.index("log_failures")
STREAK = NAMES.index("streak")
BELIEF = NAMES.index("belief")
GOAL = NAMES.index("goal")
WARMUP_RIGHT = NAMES.index("warmup_right")
WARMUP_WRONG = NAMES.index("warmup_wrong")
LOG_WARMUP_RIGHT = NAMES.index("log_warmup_right")
LOG_WARMUP_WRONG = NAMES.index("log_warmup_wrong")
DAYS_SINCE = NAMES.index("days_since")
LAST_ITEM = NAMES.index("last_item")
ITEM_ATTEMPTS = NAMES.index("item_attempts")
ITEM_DAYS_SINCE = NAMES.index("item_days_since")
LAST_CORRECT = NAMES.index("last_correct")
BUDGET_LEFT = NAMES.index("budget_left")


class Rules(NamedTuple):
    """The constants of a history.

    `first [features]` is the first column of each of `features.FEATURES` (-1: absent); a skill has
    `stride` columns, which lie together, and an item's follow that of the item before.  `logs [n]` is
    ln(1 + n).  `tutor`, `shared_blame`, `start`, `needed` and `one_to_one` are those of `Beliefs`.  The
    budget is counted in minutes where `by_minutes` says so, otherwise in steps, of which there are
    `horizon` at most.
    """

    first: Ints
    stride: int
    logs: Observation
    tutor: Floats
    shared_blame: bool
    start: Ints
    needed: Ints
    one_to_one: bool
    budget: float
    by_minutes: bool
    horizon: int


class Past(NamedTuple):
    """The visible past of new learners, `[rows, width]`, of which the first `length [rows]` entries count."""

    item: Ints
    correct: Ints
    length: Ints
    taught: Bools


class _Counts(NamedTuple):
    """The places of a skill's counts within its columns; -1: absent."""

    attempts: int
    successes: int
    log_attempts: int
    log_successes: int
    log_failures: int
    streak: int


@inlined
def _beliefs(rules: Rules) -> Beliefs:
    return Beliefs(
        rules.first[BELIEF],
        rules.stride,
        rules.shared_blame,
        rules.tutor,
        rules.start,
        rules.needed,
        rules.one_to_one,
    )


@inlined
def _count(memory: Observation, i: int, base: int, right: float, logs: Observation, at: _Counts) -> None:
    """Count one answer in the columns of a skill, which begin at `base`."""
    if at.attempts >= 0:
        tried = memory[i, base + at.attempts] + 1.0
        memory[i, base + at.attempts] = tried
        if at.log_attempts >= 0:
            memory[i, base + at.log_attempts] = logs[int(tried)]
    if at.successes >= 0:
        done = memory[i, base + at.successes] + right
        memory[i, base + at.successes] = done
        if at.log_successes >= 0:
            memory[i, base + at.log_successes] = logs[int(done)]
        if at.log_failures >= 0:
            memory[i, base + at.log_failures] = logs[int(memory[i, base + at.attempts] - done)]
    if at.streak >= 0:
        memory[i, base + at.streak] = right * (memory[i, base + at.streak] + 1.0)


@kernel
def record(
    terms: tuple[Any, ...],
    memory: Observation,
    last: Ints,
    spent: Floats,
    step: Ints,
    item: Ints,
    taught: Bools,
    correct: Ints,
    minutes: Floats,
    ended: Bools,
    over: Bools,
    observation: Observation,
) -> bool:
    """Write one step into the history, advance the clock, and mark the rows that have ended.

    A row ends when its budget is spent, its learner has dropped out, or at the horizon (which a
    budget of minutes reaches first only where learners are quicker than the course says).  Returns
    True where any row is over.  Each row is copied to `observation` while it is still in the cache, unless
    that is empty.

    `terms` are the `Rules` as a bare tuple: to hand over a named one costs numba a microsecond more, a tenth
    of a single learner's step.
    """
    rules = Rules(*terms)
    first, stride, logs = rules.first, rules.stride, rules.logs
    start, needed = rules.start, rules.needed
    counts = _Counts(
        first[ATTEMPTS],
        first[SUCCESSES],
        first[LOG_ATTEMPTS],
        first[LOG_SUCCESSES],
        first[LOG_FAILURES],
        first[STREAK],
    )
    beliefs = _beliefs(rules)
    item_attempts, last_item = first[ITEM_ATTEMPTS], first[LAST_ITEM]
    last_correct, budget_left = first[LAST_CORRECT], first[BUDGET_LEFT]
    copied = observation.shape[0] > 0
    some_over = False
    for i in range(item.shape[0]):
        a = item[i]
        if a < 0:
            some_over = True
            if copied:
                for c in range(memory.shape[1]):
                    observation[i, c] = memory[i, c]
            continue
        # Answers are coin flips: whatever depends on them is computed, not branched on.
        right = float(max(correct[i], 0))
        if correct[i] >= 0:  # where nothing was asked, nothing was attempted: counts and streaks stay
            if rules.one_to_one:  # a tenth faster than a list of one, as in `believe`
                _count(memory, i, a * stride, right, logs, counts)
            else:
                for j in range(start[a], start[a + 1]):
                    _count(memory, i, needed[j] * stride, right, logs, counts)
            if item_attempts >= 0:
                memory[i, item_attempts + a] += 1.0
        if beliefs.first >= 0:
            believe(memory, i, a, correct[i], taught[i], beliefs)
        if taught[i]:
            if last_item >= 0:
                if last[i] >= 0:
                    memory[i, last_item + last[i]] = 0.0
                memory[i, last_item + a] = 1.0
            last[i] = a
        if last_correct >= 0:
            memory[i, last_correct] = 2.0 * right - 1.0 if correct[i] >= 0 else 0.0
        step[i] += 1
        used = spent[i] + (minutes[i] if rules.by_minutes else 1.0)
        spent[i] = used
        if budget_left >= 0:
            memory[i, budget_left] = max(0.0, 1.0 - used / rules.budget)
        if used >= rules.budget - 1e-9 or step[i] >= rules.horizon or ended[i]:
            over[i] = True
            some_over = True
        if copied:
            for c in range(memory.shape[1]):
                observation[i, c] = memory[i, c]
    return some_over


@kernel
def note_days(rules: Rules, memory: Observation, item: Ints, days: Floats) -> None:
    """Age skills and items by `days [batch]`; the given `item` (-1: none) starts again."""
    stride, since = rules.stride, rules.first[DAYS_SINCE]
    item_since = rules.first[ITEM_DAYS_SINCE]
    for i in range(item.shape[0]):
        a = item[i]
        if since >= 0:
            if a >= 0:
                for j in range(rules.start[a], rules.start[a + 1]):
                    memory[i, rules.needed[j] * stride + since] = 0.0
            for k in range(rules.tutor.shape[0]):
                memory[i, k * stride + since] += days[i]
        if item_since >= 0:
            if a >= 0:
                memory[i, item_since + a] = 0.0
            for b in range(rules.start.shape[0] - 1):
                memory[i, item_since + b] += days[i]


@inlined
def _count_past(rules: Rules, memory: Observation, i: int, item: int, right: bool) -> None:
    """Count one entry of the past in the columns of its skills."""
    raw = rules.first[WARMUP_RIGHT] if right else rules.first[WARMUP_WRONG]
    log = rules.first[LOG_WARMUP_RIGHT] if right else rules.first[LOG_WARMUP_WRONG]
    if raw >= 0:
        for j in range(rules.start[item], rules.start[item + 1]):
            base = rules.needed[j] * rules.stride
            memory[i, base + raw] += 1.0
            if log >= 0:
                memory[i, base + log] = rules.logs[int(memory[i, base + raw])]


@kernel
def open_rows(
    terms: tuple[Any, ...], memory: Observation, last: Ints, rows: Ints, goal: Bools, told: tuple[Any, ...]
) -> None:
    """Begin the history of new learners: priors, goals `[batch, skills]`, and the visible past replayed.

    `terms` are the `Rules` and `told` the `Past`, bare as in `record`.
    """
    rules, past = Rules(*terms), Past(*told)
    first, stride, beliefs = rules.first, rules.stride, _beliefs(rules)
    for r in range(rows.shape[0]):
        i = rows[r]
        memory[i, :] = 0.0
        last[i] = -1
        if first[BUDGET_LEFT] >= 0:
            memory[i, first[BUDGET_LEFT]] = 1.0
        for k in range(rules.tutor.shape[0]):
            if beliefs.first >= 0:
                memory[i, k * stride + beliefs.first] = rules.tutor[k, PRIOR]
            if first[GOAL] >= 0:
                memory[i, k * stride + first[GOAL]] = 1.0 if goal[i, k] else 0.0
        for t in range(past.length[r]):
            a = past.item[r, t]
            _count_past(rules, memory, i, a, past.correct[r, t] == 1)
            if beliefs.first >= 0:
                believe(memory, i, a, past.correct[r, t], past.taught[r, t], beliefs)
            if past.taught[r, t]:
                last[i] = a
        if last[i] >= 0 and first[LAST_ITEM] >= 0:
            memory[i, first[LAST_ITEM] + last[i]] = 1.0
        if past.length[r] > 0 and first[LAST_CORRECT] >= 0:
            answer = past.correct[r, past.length[r] - 1]
            memory[i, first[LAST_CORRECT]] = 1.0 if answer == 1 else -1.0
