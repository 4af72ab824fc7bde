"""The visible history of a batch of learners, kept as the observation itself.

Row i of `memory [batch, columns]` is what a tutor of learner i sees.  A step touches the columns of
the practised skills only; `Layout` says which column is what.
"""

from coursewright.envs.layout import PER_SKILL, SHARED
from coursewright.simulators.arrays import Bools, Floats, Ints, Observation
from coursewright.simulators.kernel import inlined, kernel
from coursewright.simulators.knowledge.bkt import after_answer, after_practice, after_wrong

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
SHARED_BLAME = STRIDE + 1  # the entry that says how a wrong answer to a multi-skill item is explained

# The largest belief: at 1 exactly, where float32 ends up, no wrong answer could ever lower it again.
CERTAIN = 0.9999999

# Columns of the tutor's table [skills, 7]: what an answer says is looked up at IF_... + correct
PRIOR, LEARN, FORGET, IF_KNOWN, _, IF_UNKNOWN, _ = range(7)


@kernel
def _blame(
    memory: Observation, i: int, stride: int, first: int, tutor: Floats, needed: Ints, begin: int, end: int
) -> None:
    """Share the blame for a wrong answer among the several skills of its item."""
    p_item = 1.0
    for j in range(begin, end):
        k = needed[j]
        belief = float(memory[i, k * stride + first])
        p_item *= belief * tutor[k, IF_KNOWN + 1] + (1.0 - belief) * tutor[k, IF_UNKNOWN + 1]
    for j in range(begin, end):
        k = needed[j]
        belief = float(memory[i, k * stride + first])
        p_skill = belief * tutor[k, IF_KNOWN + 1] + (1.0 - belief) * tutor[k, IF_UNKNOWN + 1]
        memory[i, k * stride + first] = after_wrong(belief, tutor[k, IF_KNOWN + 1], p_skill, p_item)


@inlined
def _believe_skill(
    memory: Observation, i: int, k: int, correct: int, taught: bool, stride: int, first: int, tutor: Floats
) -> None:
    column = k * stride + first
    belief = float(memory[i, column])
    if correct >= 0:
        belief = after_answer(belief, tutor[k, IF_KNOWN + correct], tutor[k, IF_UNKNOWN + correct])
    if taught:
        belief = after_practice(belief, tutor[k, LEARN], tutor[k, FORGET])
    memory[i, column] = min(belief, CERTAIN)


@inlined
def believe(
    memory: Observation,
    i: int,
    item: int,
    correct: int,
    taught: bool,
    stride: int,
    first: int,
    tutor: Floats,
    shared: bool,
    start: Ints,
    needed: Ints,
) -> None:
    """Update the tutor's belief in every skill that `item` needs.

    With `shared` blame a wrong answer is explained by the item's skills together, otherwise by each
    as if it had been asked alone.

    A row that was not taught takes the answer but no learning; where nothing was asked (`correct`
    -1) it is the other way round.
    """
    begin, end = start[item], start[item + 1]
    if shared and end - begin > 1 and correct == 0:
        _blame(memory, i, stride, first, tutor, needed, begin, end)
        correct = -1  # the answer has been taken
    for j in range(begin, end):
        _believe_skill(memory, i, needed[j], correct, taught, stride, first, tutor)


@inlined
def _count(
    memory: Observation,
    i: int,
    base: int,
    right: float,
    logs: Observation,
    attempts: int,
    successes: int,
    log_attempts: int,
    log_successes: int,
    log_failures: int,
    streak: int,
) -> None:
    """Count one answer in the columns of a skill, which begin at `base`; -1 marks an absent feature."""
    if attempts >= 0:
        tried = memory[i, base + attempts] + 1.0
        memory[i, base + attempts] = tried
        if log_attempts >= 0:
            memory[i, base + log_attempts] = logs[int(tried)]
    if successes >= 0:
        done = memory[i, base + successes] + right
        memory[i, base + successes] = done
        if log_successes >= 0:
            memory[i, base + log_successes] = logs[int(done)]
        if log_failures >= 0:
            memory[i, base + log_failures] = logs[int(memory[i, base + attempts] - done)]
    if streak >= 0:
        memory[i, base + streak] = right * (memory[i, base + streak] + 1.0)


@kernel
def record(
    memory: Observation,
    offsets: Ints,
    logs: Observation,
    tutor: Floats,
    start: Ints,
    needed: Ints,
    last: Ints,
    spent: Floats,
    budget: float,
    by_minutes: bool,
    horizon: int,
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

    A row ends when its budget is spent, its learner has dropped out, or at `horizon` steps (which a
    budget of minutes reaches first only where learners are quicker than the course says).  Returns
    whether any row is over.  Each row is copied to `observation` while it is still in the cache.
    """
    stride = offsets[STRIDE]
    attempts, successes, streak = offsets[ATTEMPTS], offsets[SUCCESSES], offsets[STREAK]
    log_attempts, log_successes, log_failures = (
        offsets[LOG_ATTEMPTS],
        offsets[LOG_SUCCESSES],
        offsets[LOG_FAILURES],
    )
    shared = offsets[SHARED_BLAME] > 0
    belief, last_item, last_correct = offsets[BELIEF], offsets[LAST_ITEM], offsets[LAST_CORRECT]
    budget_left = offsets[BUDGET_LEFT]
    some_over = False
    for i in range(item.shape[0]):
        a = item[i]
        if a < 0:
            some_over = True
            for c in range(memory.shape[1]):
                observation[i, c] = memory[i, c]
            continue
        # Answers are coin flips: whatever depends on them is computed, not branched on.
        right = float(max(correct[i], 0))
        if correct[i] >= 0:  # where nothing was asked, nothing was attempted: counts and streaks stay
            for j in range(start[a], start[a + 1]):
                base = needed[j] * stride
                _count(
                    memory,
                    i,
                    base,
                    right,
                    logs,
                    attempts,
                    successes,
                    log_attempts,
                    log_successes,
                    log_failures,
                    streak,
                )
        if belief >= 0:
            believe(memory, i, a, correct[i], taught[i], stride, belief, tutor, shared, start, needed)
        if taught[i]:
            if last_item >= 0:
                if last[i] >= 0:
                    memory[i, last_item + last[i]] = 0.0
                memory[i, last_item + a] = 1.0
            last[i] = a
        if last_correct >= 0:
            memory[i, last_correct] = 2.0 * right - 1.0 if correct[i] >= 0 else 0.0
        step[i] += 1
        used = spent[i] + (minutes[i] if by_minutes else 1.0)
        spent[i] = used
        if budget_left >= 0:
            memory[i, budget_left] = max(0.0, 1.0 - used / budget)
        if used >= budget - 1e-9 or step[i] >= horizon or ended[i]:
            over[i] = True
            some_over = True
        for c in range(memory.shape[1]):
            observation[i, c] = memory[i, c]
    return some_over


@kernel
def note_days(
    memory: Observation, offsets: Ints, skills: int, item: Ints, start: Ints, needed: Ints, days: Floats
) -> None:
    """Age each of the `skills` by `days [batch]`; those just practised start again at that age."""
    stride = offsets[STRIDE]
    for i in range(item.shape[0]):
        if item[i] < 0:
            continue
        for j in range(start[item[i]], start[item[i] + 1]):
            memory[i, needed[j] * stride + offsets[DAYS_SINCE]] = 0.0
        for k in range(skills):
            memory[i, k * stride + offsets[DAYS_SINCE]] += days[i]


@kernel
def open_rows(
    memory: Observation,
    offsets: Ints,
    logs: Observation,
    tutor: Floats,
    start: Ints,
    needed: Ints,
    last: Ints,
    rows: Ints,
    goal: Bools,
    past_item: Ints,
    past_correct: Ints,
    past_length: Ints,
    past_taught: Bools,
) -> None:
    """Begin the history of new learners: priors, goals, and the visible past replayed."""
    stride = offsets[STRIDE]
    shared = offsets[SHARED_BLAME] > 0
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
                believe(
                    memory,
                    i,
                    a,
                    past_correct[r, t],
                    past_taught[r, t],
                    stride,
                    offsets[BELIEF],
                    tutor,
                    shared,
                    start,
                    needed,
                )
            if past_taught[r, t]:
                last[i] = a
        if last[i] >= 0 and offsets[LAST_ITEM] >= 0:
            memory[i, offsets[LAST_ITEM] + last[i]] = 1.0
        if past_length[r] > 0 and offsets[LAST_CORRECT] >= 0:
            answer = past_correct[r, past_length[r] - 1]
            memory[i, offsets[LAST_CORRECT]] = 1.0 if answer == 1 else -1.0
