"""Rich learners: any learner model, taught with content of several kinds by a platform that they may leave.

A wrapper.  The learner inside decides mastery and the answers to practice; around it are kinds of
content and help (`content.py`), formats, response times and engagement (`delivery.py`).  Everything is
off by default, and the wrapper then is the learner inside, bit for bit.

One step of a learner with P(correct) = p and prior knowledge m:

 1. the dose d in [0, 2] of the item for this learner (`content.py`); one draw u
 2. the learner inside practises, and is taught if u < d; its answer counts only if the kind asks
 3. if u < d - 1 it practises once more under another fate, and nobody sees that answer
 4. help turns a wrong answer into a right one with its chance; minutes; engagement; leaving

So an item teaches d opportunities in expectation, under any model inside.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from coursewright.errors import reject
from coursewright.simulators.arrays import Bools, Floats, Ints, Mastery
from coursewright.simulators.capabilities import (
    Sequential,
    Stratified,
    assists,
    enrol_staying,
    learns_first,
    redraw,
    resampled,
    restricts,
    study,
)
from coursewright.simulators.course import Course
from coursewright.simulators.lists import Lists, pack, unpack
from coursewright.simulators.luck import Luck
from coursewright.simulators.platform.content import KINDS, PRACTICE, Content, per_name
from coursewright.simulators.platform.delivery import Engagement, Formats, Pace
from coursewright.simulators.platform.offer import Form, Offer, offer
from coursewright.simulators.platform.step import (
    FORMAT,
    INSIDE,
    KIND,
    MEDIAN,
    Effects,
    Lessons,
    Person,
    Teaching,
    enrol_rows,
    finish,
    plan,
    prior_knowledge,
    rest,
)
from coursewright.simulators.protocol import Prologue, Response, Simulator, empty_response
from coursewright.simulators.strata import Strata


class RichState(NamedTuple):
    """A batch of learners.

    `inside` is the state of the learner inside; `engagement [batch]` in [0, 1]; `tau [batch]` the own
    speed on the log scale; `usable [batch, formats]` the usable formats; `preferred [batch]` the
    format of a `counterfactual_meshing`; `seen [batch, items]` the items given before.
    """

    inside: Any
    engagement: Floats
    tau: Floats
    usable: Bools
    preferred: Ints
    seen: Bools


@dataclass(frozen=True, eq=False)
class RichLearner:
    """A population of rich learners.

    Attributes
    ----------
    learner : the population inside; its items are ordinary practice.
    offers : the platform's items (see `offer.offer`): `Form`s in which each item of the learner's own
        course exists, or a course of your own over the same skills.  None: the learner's own course.
    content, formats, pace, engagement : see there; all neutral by default.
    """

    learner: Simulator[Any]
    offers: Course | Sequence[Form] | None = None
    content: Content = field(default_factory=Content)
    formats: Formats = field(default_factory=Formats)
    pace: Pace = field(default_factory=Pace)
    engagement: Engagement = field(default_factory=Engagement)

    def __post_init__(self) -> None:
        members = self.learner.members.values() if isinstance(self.learner, Strata) else ()
        if any(isinstance(learner, RichLearner) for learner in (self.learner, *members)):
            raise reject(
                "rich.learner", "a RichLearner", "a learner that is not rich yet: they would share luck"
            )
        _ = self.table
        self._check_access()

    def _check_access(self) -> None:
        """Refuse offers that leave nothing allowed to a learner who can use only the formats open to all."""
        open_to_all = self.barred[self.what[:, FORMAT]] == 0.0
        reached = np.zeros(self.learner.course.n_items, bool)
        reached[self.what[open_to_all, INSIDE]] = True
        needed = np.zeros_like(reached)
        needed[self.what[:, INSIDE]] = True
        if restricts(self.learner):  # any item may be the only one it allows
            needed[:] = True
        if (needed & ~reached).any():
            name = self.learner.course.items[int(np.argmax(needed & ~reached))]
            raise reject(
                f"rich.offers for {name}", "no form that all can use", "some format barred to nobody"
            )

    @cached_property
    def offer(self) -> Offer:
        """The platform's course, and the items of the learner inside that carry its items."""
        return offer(self.learner.course, self.offers)

    @property
    def course(self) -> Course:
        """The platform's course."""
        return self.offer.course

    @cached_property
    def format_names(self) -> tuple[str, ...]:
        """The formats of the course, in the order of its items."""
        return tuple(dict.fromkeys(self.course.format))

    @cached_property
    def barred(self) -> Floats:
        """P(a learner cannot use it) of each format, `[formats]`."""
        almost = float(np.nextafter(1.0, 0.0))
        return per_name("rich.formats.barred", self.formats.barred, self.format_names, 0.0, 0.0, almost)

    @cached_property
    def what(self) -> Ints:
        """Kind, format, and item of the learner inside, of each item, `[items, 3]`."""
        kinds = [KINDS.index(name) for name in self.course.kind]
        formats = [self.format_names.index(name) for name in self.course.format]
        return np.stack([kinds, formats, self.offer.inside], axis=1)

    @cached_property
    def outside(self) -> Ints:
        """Our first practice item for each item of the learner inside, -1 where there is none."""
        place = np.full(self.learner.course.n_items, -1, np.int64)
        for i in np.flatnonzero(self.what[:, KIND] == PRACTICE)[::-1]:
            place[self.what[i, INSIDE]] = i
        return place

    @cached_property
    def table(self) -> Floats:
        """Dose at m = 1/2, reversal, median minutes, and factor on leaving, of each item, `[items, 4]`."""
        kind, form = self.what[:, KIND], self.what[:, FORMAT]
        given = self.formats
        slower = per_name("rich.formats.minutes", given.minutes, self.format_names, 1.0, 0.01, 100.0)
        leaving = per_name("rich.formats.leaving", given.leaving, self.format_names, 1.0, 0.0, np.inf)
        minutes = self.course.minutes * slower[form]
        columns = [self.content.doses[kind], self.content.reversals[kind], minutes, leaving[form]]
        return np.ascontiguousarray(np.stack(columns, axis=1))

    @cached_property
    def before(self) -> Lists:
        """The skills of each item and all that come before them, packed."""
        parents = unpack(self.course.parents)
        return pack([sorted(_with_all_before(needs, parents)) for needs in unpack(self.course.needs)])

    @property
    def restricts(self) -> bool:
        """True where the learner inside restricts, or some format is barred to some learners."""
        return restricts(self.learner) or bool((self.barred > 0.0).any())

    @property
    def assists(self) -> bool:
        """True where there are hints, or help for the asking."""
        return assists(self.learner) or "hint" in self.course.kind or self.content.help.abuse > 0.0

    @property
    def learns_first(self) -> bool:
        """True where the learner inside does."""
        return learns_first(self.learner)

    @property
    def skills_apart(self) -> bool:
        """False: what is seen of one skill tells of the learner's pace and zeal."""
        return False

    @property
    def strata(self) -> tuple[str, ...]:
        """The strata of the population inside; none where it has none."""
        return self.learner.strata if isinstance(self.learner, Stratified) else ()

    def stratum(self, state: RichState) -> Ints:
        """Each learner's stratum `[batch]`, -1 where the population inside has none."""
        if isinstance(self.learner, Stratified):
            return self.learner.stratum(state.inside)
        return np.full(len(state.tau), -1, np.int64)

    def empty(self, batch: int) -> RichState:
        """Engaged learners of average speed who can use everything."""
        return RichState(
            inside=self.learner.empty(batch),
            engagement=np.ones(batch),
            tau=np.zeros(batch),
            usable=np.ones((batch, len(self.format_names)), bool),
            preferred=np.zeros(batch, np.int64),
            seen=np.zeros((batch, self.course.n_items), bool),
        )

    def enrol(self, state: RichState, rows: Ints, luck: Luck) -> Prologue | None:
        """New learners, with the goal and the past of the learner inside; all of it was practice."""
        return self._arrive(state, rows, luck, self.learner.enrol(state.inside, rows, luck))

    def enrol_staying(self, state: RichState, rows: Ints, luck: Luck, n_rows: Ints) -> Prologue | None:
        """The same, where the learner inside stays for `n_rows [rows]`."""
        return self._arrive(state, rows, luck, enrol_staying(self.learner, state.inside, rows, luck, n_rows))

    def _arrive(self, state: RichState, rows: Ints, luck: Luck, past: Prologue | None) -> Prologue | None:
        start, learner_sd = float(self.engagement.start), float(self.pace.learner_sd)
        enrol_rows(Person(*state[1:]), self.barred, rows, start, luck.learner, learner_sd)
        if past is None:
            return None
        item = self.outside[past.item]
        counts = np.arange(item.shape[1]) < past.length[:, None]
        if (counts & (item < 0)).any():
            raise reject(
                "rich.offers", "without practice", "a course with practice on every item of the warm-up"
            )
        return past._replace(item=np.where(counts, item, 0))

    def p_correct(self, state: RichState, item: Ints, out: Floats) -> None:
        """P(correct) `[batch]` if the skills of `item [batch]` were asked for now, without help."""
        self.learner.p_correct(state.inside, self._item_inside(item), out)

    def _item_inside(self, item: Ints) -> Ints:
        return np.where(item < 0, -1, self.offer.inside[item])

    def practise(self, state: RichState, item: Ints, taught: Bools, luck: Luck, out: Response) -> None:
        """One item of any kind; a row that is not taught learns nothing from it."""
        batch, person = len(item), tuple(state[1:])
        inside = self._item_inside(item)
        p, prior = np.zeros(batch), np.full(batch, 0.5)
        self.learner.p_correct(state.inside, inside, p)
        if self.content.reversal:
            mastery = np.empty((batch, self.course.n_skills), np.float32)
            self.mastery(state, mastery)
            prior_knowledge(mastery, item, self.before, prior)
        lessons = Lessons(
            learns=np.zeros(batch, bool),
            again=np.empty(batch, np.int64),
            fate_again=luck.fate.copy(),
            helped=np.zeros(batch, bool),
        )
        plan(person, item, self._teaching, p, tuple(luck), taught, tuple(lessons), prior)
        self._teach(state, inside, lessons, luck, out)
        if isinstance(self.learner, Sequential):  # or the mask would tell which lessons took
            self.learner.accept(state.inside, np.where(taught, inside, -1))
        finish(person, item, self._effects, taught, tuple(luck), p, tuple(out), lessons.helped)

    def study(self, state: RichState, item: Ints, luck: Luck) -> None:
        """Show the skills of an item without asking, to the learner inside."""
        study(self.learner, state.inside, self._item_inside(item), luck)

    def _teach(self, state: RichState, inside: Ints, lessons: Lessons, luck: Luck, out: Response) -> None:
        """The learner inside practises, some of them twice; `out` holds their first answers."""
        there = inside >= 0
        out.assisted[there] = out.ended[there] = False  # a learner inside may write only True values
        self.learner.practise(state.inside, inside, lessons.learns, luck, out)
        if (lessons.again >= 0).any():
            luck = luck._replace(fate=lessons.fate_again)
            unseen = empty_response(len(inside))
            self.learner.practise(state.inside, lessons.again, lessons.learns, luck, unseen)

    @cached_property
    def _teaching(self) -> tuple[Any, ...]:
        content = self.content
        factors = (content.repeated, content.help.abuse, content.help.abused, content.counterfactual_meshing)
        return tuple(Teaching(self.table, self.what, *map(float, factors)))

    @cached_property
    def _effects(self) -> tuple[Any, ...]:
        feels, pace = self.engagement, self.pace
        answers = (self.content.help.raises, pace.slope, pace.sd)
        engaged = (feels.too_easy, feels.too_hard, feels.boredom, feels.frustration, feels.flow)
        leaving = (feels.leaves, feels.leaves_disengaged)
        return tuple(Effects(self.table, self.what, *map(float, (*answers, *engaged, *leaving))))

    def accept(self, state: RichState, item: Ints) -> None:
        """Take `item [batch]` (-1: none) for the last accepted one, where that matters inside."""
        if isinstance(self.learner, Sequential):
            self.learner.accept(state.inside, self._item_inside(item))

    def elapse(self, state: RichState, days: Floats, luck: Luck) -> None:
        """The learner inside may forget; engagement comes back."""
        self.learner.elapse(state.inside, days, luck)
        rest(state.engagement, float(self.engagement.recovery), days)

    def redraw(self, state: RichState, luck: Luck) -> None:
        """Draw anew the events to come that the state of the learner inside holds."""
        redraw(self.learner, state.inside, luck)

    @property
    def quickest(self) -> float:
        """Minutes: the shortest item, taken three standard deviations quicker than usual."""
        spread = np.hypot(self.pace.learner_sd, self.pace.sd)
        return float(self.table[:, MEDIAN].min() * np.exp(-3.0 * spread))

    def resampled(self) -> "RichLearner | None":
        """The same platform for the learner inside under its fit's doubt; None where that has no draws."""
        drawn = resampled(self.learner)
        return None if drawn is None else replace(self, learner=drawn)

    def allowed(self, state: RichState, out: Bools) -> None:
        """The items that the learner inside allows, in formats that this learner can use."""
        out[:] = state.usable[:, self.what[:, FORMAT]]
        inside = np.empty((len(out), self.learner.course.n_items), bool)
        if restricts(self.learner):
            self.learner.allowed(state.inside, inside)
            out &= inside[:, self.what[:, INSIDE]]

    def mastery(self, state: RichState, out: Mastery) -> None:
        """Mastery as the learner inside has it, `[batch, skills]`."""
        self.learner.mastery(state.inside, out)


def _with_all_before(skills: Sequence[int], parents: Sequence[Sequence[int]]) -> set[int]:
    """These skills, their prerequisites, and so on."""
    found, ahead = set(skills), list(skills)
    while ahead:
        new = set(parents[ahead.pop()]) - found
        found |= new
        ahead += new
    return found
