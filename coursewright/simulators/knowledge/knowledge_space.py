"""A learner of Knowledge Space Theory, on the ordinal space of a prerequisite graph.

Doignon & Falmagne, "Spaces for the assessment of knowledge", International Journal of Man-Machine
Studies 23 (1985), and "Knowledge Spaces", Springer 1999.  A knowledge state is the items mastered:
a set of items that holds, with each item, all its prerequisites (in an ordinal space every such set
is a state).  Items that can be added to a state K are its outer fringe, and only they can be learned:

    practise q:  K -> K + {q} with T_q if q is in the outer fringe of K; otherwise nothing changes

Answers follow the basic local independence model, BLIM (Falmagne, Koppen, Villano, Doignon &
Johannesen, "Introduction to knowledge spaces", Psychological Review 97, 1990):

    P(correct) = 1 - beta_q if q is in K (beta: careless error), else eta_q (lucky guess)

Answers come from the old state.  ALEKS teaches item by item along the outer fringe.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from coursewright.errors import reject
from coursewright.simulators.arrays import Bools, Floats, Ints, Mastery
from coursewright.simulators.asking import Answers, respond, told
from coursewright.simulators.chances import check_answers, probabilities
from coursewright.simulators.course import Course
from coursewright.simulators.kernel import inlined, kernel
from coursewright.simulators.lists import Lists
from coursewright.simulators.luck import ENROL, LEARN, Keys, Luck, uniform
from coursewright.simulators.protocol import Prologue, Response

UNKNOWN, KNOWN, LEARNS = range(3)  # rows of `KnowledgeSpace.chances`

# The prerequisites of each of twelve topics of school algebra: ours, as an example.
TOPICS = {
    "counting": (),
    "adding": ("counting",),
    "subtracting": ("counting",),
    "multiplying": ("adding",),
    "dividing": ("subtracting", "multiplying"),
    "negatives": ("subtracting",),
    "fractions": ("dividing",),
    "powers": ("multiplying",),
    "variables": ("adding", "subtracting"),
    "linear equations": ("variables", "negatives", "dividing"),
    "roots": ("powers", "fractions"),
    "quadratic equations": ("linear equations", "roots"),
}


def topics_course() -> Course:
    """Twelve topics with seventeen prerequisites, one item each."""
    edges = [[before, topic] for topic, needed in TOPICS.items() for before in needed]
    return Course.of(list(TOPICS), prerequisites=edges)


class KnowledgeSpaceState(NamedTuple):
    """A batch of learners: the knowledge state of each, `known [batch, skills]`."""

    known: Bools


@inlined
def _prepared(known: Bools, i: int, k: int, parents: Lists) -> bool:
    """True where row i masters every prerequisite of k."""
    ready = True
    for j in range(parents.start[k], parents.start[k + 1]):
        ready = ready and known[i, parents.values[j]]
    return ready


@kernel
def _enrol(known: Bools, rows: Ints, learner: Keys, order: Ints, prior: Floats, parents: Lists) -> None:
    for j in range(rows.shape[0]):
        i = rows[j]
        for m in range(order.shape[0]):
            k = order[m]
            luck = uniform(learner[i], 0, ENROL + k) < prior[k]
            known[i, k] = luck and _prepared(known, i, k, parents)


@kernel
def _p_correct(known: Bools, chances: Floats, item: Ints, out: Floats) -> None:
    for i in range(item.shape[0]):
        if item[i] >= 0:
            out[i] = chances[KNOWN if known[i, item[i]] else UNKNOWN, item[i]]


@kernel
def _practise(
    known: Bools,
    start: Ints,
    chances: Floats,
    parents: Ints,
    taken: Floats,
    item: Ints,
    taught: Bools,
    bare: tuple[Any, ...],
) -> None:
    out = Answers(*bare)
    for i in range(item.shape[0]):
        k = item[i]
        if k < 0:
            continue
        respond(i, chances[KNOWN if known[i, k] else UNKNOWN, k], taken[k], out)
        if (
            taught[i]
            and not known[i, k]
            and uniform(out.fate[i], out.step[i], LEARN + k) < chances[LEARNS, k]
        ):
            known[i, k] = _prepared(known, i, k, Lists(start, parents))


@kernel
def _outer_fringe(known: Bools, parents: Lists, out: Bools) -> None:
    for i in range(out.shape[0]):
        for k in range(out.shape[1]):
            out[i, k] = not known[i, k] and _prepared(known, i, k, parents)


@dataclass(frozen=True, eq=False)
class KnowledgeSpace:
    """A population of learners in the ordinal knowledge space of the course's prerequisites.

    The course has one item a skill: here the items themselves are mastered.

    Attributes
    ----------
    learn : T, the chance that one practice in the outer fringe masters the item.
    careless, lucky : beta and eta.
    prior : the chance that a new learner masters an item, given all its prerequisites; the states of
        new learners are drawn item after item in prerequisite order.  0: all start with nothing.

    Each is one number or `[skills]`.
    """

    course: Course = field(default_factory=topics_course)
    learn: float | Sequence[float] = 0.3
    careless: float | Sequence[float] = 0.1
    lucky: float | Sequence[float] = 0.15
    prior: float | Sequence[float] = 0.4

    def __post_init__(self) -> None:
        if not self.course.one_to_one:
            raise reject("knowledge_space.course", "items with other skills", "of one item a skill")
        _ = self.chances, self.priors

    def _each(self, name: str, values: float | Sequence[float]) -> Floats:
        return probabilities(f"knowledge_space.{name}", values, (self.course.n_skills,), "[skills]")

    @cached_property
    def chances(self) -> Floats:
        """`[3, skills]`: P(correct) of an item that is not mastered and of one that is; T."""
        careless, lucky = self._each("careless", self.careless), self._each("lucky", self.lucky)
        check_answers("knowledge_space", lucky, careless, "careless + lucky")
        return np.stack([lucky, 1.0 - careless, self._each("learn", self.learn)])

    @cached_property
    def priors(self) -> Floats:
        """P(mastered by a new learner | all prerequisites are), `[skills]`."""
        return self._each("prior", self.prior)

    def empty(self, batch: int) -> KnowledgeSpaceState:
        """Learners who master nothing."""
        return KnowledgeSpaceState(np.zeros((batch, self.course.n_skills), bool))

    def enrol(self, state: KnowledgeSpaceState, rows: Ints, luck: Luck) -> Prologue | None:
        """New learners in a random state; they bring neither a goal nor a past."""
        _enrol(*state, rows, luck.learner, self.course.order, self.priors, self.course.parents)
        return None

    def p_correct(self, state: KnowledgeSpaceState, item: Ints, out: Floats) -> None:
        """P(correct) `[batch]` if `item [batch]` were asked now."""
        _p_correct(*state, self.chances, item, out)

    def practise(
        self, state: KnowledgeSpaceState, item: Ints, taught: Bools, luck: Luck, out: Response
    ) -> None:
        """Answer from the old state, then learn; a row that is not taught only answers."""
        (start, parents), taken = self.course.parents, self.course.minutes
        _practise(state.known, start, self.chances, parents, taken, item, taught, told(luck, out))

    def elapse(self, state: KnowledgeSpaceState, days: Floats, luck: Luck) -> None:
        """Nothing: these learners do not forget."""

    def mastery(self, state: KnowledgeSpaceState, out: Mastery) -> None:
        """The knowledge state as 0 and 1, `[batch, skills]`."""
        out[:] = state.known

    def outer_fringe(self, state: KnowledgeSpaceState, out: Bools) -> None:
        """The skills that each learner could learn next, `[batch, skills]`: latent, like the state itself."""
        _outer_fringe(*state, self.course.parents, out)
