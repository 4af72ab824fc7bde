"""Rich learners: neutral they are the learner inside; each effect has its closed form."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

import contract
from coursewright.agents.bandits.ucb import Ucb
from coursewright.agents.bandits.zpdes import Zpdes
from coursewright.agents.logs import log_of
from coursewright.agents.rules.baselines import RandomLegal
from coursewright.agents.tracker import SilentTracker
from coursewright.agents.tutor import unaided
from coursewright.envs.rollout import rollout
from coursewright.envs.task import Task
from coursewright.errors import InputError
from coursewright.fitting.coded import Coded
from coursewright.simulators.capabilities import restricts
from coursewright.simulators.course import Course
from coursewright.simulators.knowledge.bkt import Bkt
from coursewright.simulators.knowledge.parameters import BktParameters
from coursewright.simulators.knowledge.tables import read_bkt
from coursewright.simulators.kss.learners import Kss
from coursewright.simulators.luck import Seeds, Split, identify
from coursewright.simulators.platform.content import KINDS, Content, Help
from coursewright.simulators.platform.delivery import Engagement, Formats, Pace
from coursewright.simulators.platform.learners import RichLearner
from coursewright.simulators.platform.offer import Form
from coursewright.simulators.protocol import clone, empty_response
from coursewright.simulators.strata import Strata
from plain_simulator import Levels
from small_tasks import begun, small_bkt

N = 20_000
EDGES = [["a", "b"], ["b", "c"], ["a", "d"], ["c", "e"], ["d", "e"]]  # of `small_course`


def one_skill(prior=0.0, learn=0.3, guess=0.2, slip=0.1) -> Bkt:
    return Bkt(Course.of(1), BktParameters([prior], [learn], [guess], [slip]))


def every_kind(learner, **changes) -> RichLearner:
    """All kinds of content, in the order of `KINDS`."""
    return RichLearner(learner, offers=[Form(kind) for kind in KINDS], **changes)


class Class:
    """Learners 0, ..., n - 1 of a simulator, and their last answers."""

    def __init__(self, simulator, learners):
        self.simulator = simulator
        self.luck = identify(Seeds(), np.arange(learners), Split.EVALUATE, np.zeros(learners, np.int64))
        self.state = simulator.empty(learners)
        self.past = simulator.enrol(self.state, np.arange(learners), self.luck)
        self.out = empty_response(learners)

    def take(self, item, taught=True):
        n = len(self.luck.step)
        item = np.broadcast_to(np.asarray(item, np.int64), n).copy()
        self.simulator.practise(self.state, item, np.broadcast_to(taught, n).copy(), self.luck, self.out)
        self.luck.step[:] += item >= 0
        return clone(self.out)

    def mastery(self):
        out = np.empty((len(self.luck.step), self.simulator.course.n_skills), np.float32)
        self.simulator.mastery(self.state, out)
        return out


def assert_rate(values, expected) -> None:
    """A share agrees with `expected` within three of its standard errors."""
    se = np.sqrt(expected * (1 - expected) / len(values))
    assert abs(np.mean(values) - expected) <= 3 * se + 1e-12, (np.mean(values), expected, se)


def kind(name):
    return KINDS.index(name)


@pytest.mark.parametrize("learner", [small_bkt(), Kss(), Levels(Course.of(6), fading=0.1)], ids=type)
def test_neutral_it_is_the_learner_inside(learner):
    plain, rich = Class(learner, 50), Class(RichLearner(learner), 50)
    assert rich.simulator.course is learner.course
    assert restricts(rich.simulator) == restricts(learner)
    if plain.past is not None:
        for mine, theirs in zip(rich.past, plain.past, strict=True):
            assert np.array_equal(mine, theirs)
    rng = np.random.default_rng(1)
    for _ in range(30):
        item = rng.integers(-1, learner.course.n_items, 50)
        taught = rng.random(50) < 0.9
        for mine, theirs in zip(rich.take(item, taught), plain.take(item, taught), strict=True):
            assert np.array_equal(mine, theirs)
        days = np.where(item >= 0, rng.exponential(1.0, 50), 0.0)
        for room in (plain, rich):
            room.simulator.elapse(room.state, days, room.luck)
        for mine, theirs in zip(rich.state.inside, plain.state, strict=True):
            assert np.array_equal(mine, theirs)
        assert np.array_equal(rich.mastery(), plain.mastery())
        if restricts(learner):
            allowed = np.zeros((2, 50, learner.course.n_items), bool)
            rich.simulator.allowed(rich.state, allowed[0])
            learner.allowed(plain.state, allowed[1])
            assert np.array_equal(*allowed)
    assert (rich.state.engagement == 1.0).all()


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in contract.names() if name != "rich"])
def test_any_configured_learner_can_be_the_one_inside(name):
    learner = contract.made(name)
    plain, neutral, rich = (
        contract.Walk(simulator, np.arange(30))
        for simulator in (
            learner,
            RichLearner(learner),
            every_kind(learner, content=Content(dose={"video": 1.7}, reversal={"video": 0.5})),
        )
    )
    for t in range(25):
        for walk in (plain, neutral, rich):
            walk.step(t, 30)
        for mine, theirs in zip(neutral.response, plain.response, strict=True):
            assert np.array_equal(mine, theirs)
    for mine, theirs in zip(*map(contract.flat, (neutral.state.inside, plain.state)), strict=True):
        assert np.array_equal(mine, theirs, equal_nan=mine.dtype.kind == "f")
    assert np.array_equal(neutral.mastery(), plain.mastery())
    assert ((rich.mastery() >= 0.0) & (rich.mastery() <= 1.0)).all()


@pytest.mark.parametrize("dose", [0.0, 0.4, 1.0, 1.5, 2.0])
@pytest.mark.parametrize("name", ["practice", "explanation"])
def test_a_dose_counts_in_practice_opportunities(dose, name):
    # d <= 1: P(learned) = d T.  Above 1 the second lesson, with chance d - 1, finds 1 - T unlearned.
    rich = Class(every_kind(one_skill(), content=Content(dose={name: dose})), N)
    rich.take(kind(name))
    expected = min(dose, 1.0) * 0.3 + max(dose - 1.0, 0.0) * 0.3 * 0.7
    assert_rate(rich.mastery()[:, 0], expected)


def test_a_dose_means_the_same_for_a_learner_that_is_not_binary():
    # Levels: one lesson adds speed s to level 0, speed ~ U(.1, .5); two add s + s (1 - s).
    rich = Class(every_kind(Levels(Course.of(1)), content=Content(dose={"video": 1.5})), N)
    rich.take(kind("video"))
    level = rich.mastery()[:, 0].astype(float)
    s = rich.state.inside.speed
    twice = np.isclose(level, s + s * (1 - s), atol=1e-6)
    assert np.isclose(level[~twice], s[~twice], atol=1e-6).all()
    assert_rate(twice, 0.5)


def test_second_lessons_have_luck_of_their_own():
    # Were the draws of both lessons the same, the second would teach nobody.
    rich = Class(every_kind(one_skill(), content=Content(dose={"reading": 2.0})), N)
    rich.take(kind("reading"))
    assert_rate(rich.mastery()[:, 0], 1 - 0.7**2)


def test_the_advanced_learn_less_from_worked_examples_and_more_from_practice():
    # d_example = 1 + .6 (1 - 2m), d_practice = 1 - .4 (1 - 2m): equal at m = 1/2.  m is the mean over the
    # skill and the two before it, of which `known` are known: m = known / 3.
    course = Course.of(3, prerequisites=[[0, 2], [1, 2]])
    content = Content(reversal={"worked_example": 0.6, "practice": -0.4})
    gains = {}
    for known in (0, 1, 2):
        prior = [float(known > 0), float(known > 1), 0.0]
        learner = Bkt(course, BktParameters(prior, [0.3] * 3, [0.2] * 3, [0.1] * 3), rho=1.0)
        for name, reversal in content.reversal.items():
            rich = Class(every_kind(learner, content=content), N)
            rich.take(2 * len(KINDS) + kind(name))
            dose = 1 + reversal * (1 - 2 * known / 3)
            learned = rich.mastery()[:, 2]
            assert_rate(learned, min(dose, 1.0) * 0.3 + max(dose - 1.0, 0.0) * 0.3 * 0.7)
            gains[known, name] = learned.mean()
    assert gains[0, "worked_example"] > gains[0, "practice"]
    assert gains[2, "worked_example"] < gains[2, "practice"]


def test_the_two_kinds_cross_at_half():
    # The dose is 1 + (1 - 2m): exactly one lesson at m = 1/2, on either side of it more and fewer
    rich = Class(every_kind(Levels(Course.of(1)), content=Content(reversal={"worked_example": 1.0})), 200)
    rich.state.inside.level[:] = 0.5
    rich.take(kind("worked_example"))
    np.testing.assert_allclose(rich.mastery()[:, 0], 0.5 + 0.5 * rich.state.inside.speed, atol=1e-6)
    for level, lessons, share in ((0.25, 2, 0.5), (0.75, 0, 0.5), (1.0, 0, 1.0), (0.0, 2, 1.0)):
        rich = Class(rich.simulator, N)
        rich.state.inside.level[:] = level
        rich.state.inside.speed[:] = 0.5
        rich.take(kind("worked_example"))
        assert_rate(np.isclose(rich.mastery()[:, 0], 1 - (1 - level) * 0.5**lessons), share)


@pytest.mark.parametrize("name", KINDS)
def test_what_each_kind_asks_and_teaches(name):
    rich = Class(every_kind(one_skill(learn=1.0)), 500)
    out = rich.take(kind(name))
    asks = name in ("practice", "hint", "test")
    assert set(out.correct) == ({0, 1} if asks else {-1})
    assert np.array_equal(out.grade, out.correct)
    assert out.assisted.all() == out.assisted.any() == (name == "hint")
    assert (rich.mastery()[:, 0] == (name != "test")).all()
    rich = Class(rich.simulator, 500)
    rich.take(kind(name), taught=False)
    assert not rich.mastery().any()


def test_feedback_repetition_and_a_preference_scale_the_dose():
    late = Content(feedback="delayed", delayed=0.5, withheld=0.1)
    for content, expected in ((late, 0.5), (replace(late, feedback="none"), 0.1)):
        rich = Class(every_kind(one_skill(learn=1.0), content=content), N)
        rich.take(kind("practice"))
        assert_rate(rich.mastery()[:, 0], expected)
        rich.take(kind("video"))
        assert rich.mastery().all()  # nothing to hear back about
    rich = Class(every_kind(one_skill(learn=0.4), content=Content(repeated=0.5)), N)
    rich.take(kind("video"), taught=False)  # which is not to have seen it
    rich.take(kind("video"))
    rich.take(kind("video"))
    assert_rate(rich.mastery()[:, 0], 1 - 0.6 * 0.8)
    offers = [Form("video", "video"), Form("reading", "text")]
    meshing = Content(dose={"video": 0.5}, counterfactual_meshing=0.6)
    rich = Class(RichLearner(one_skill(learn=1.0), offers, meshing), N)
    rich.take(0)
    likes = rich.state.preferred == 0
    assert_rate(likes, 0.5)
    assert_rate(rich.mastery()[likes, 0], 0.8)
    assert_rate(rich.mastery()[~likes, 0], 0.5)


def test_help_raises_the_chance_of_a_right_answer():
    content = Content(help=Help(raises=0.5))
    out = Class(every_kind(one_skill(guess=0.2), content=content), N).take(kind("hint"))
    assert_rate(out.correct, 0.2 + 0.8 * 0.5)
    plain = Class(one_skill(guess=0.2), N).take(0)
    assert (out.correct >= plain.correct).all()  # a learner who was right without help is right with it


def test_weak_learners_ask_for_help_unbidden_and_learn_less():
    content = Content(help=Help(abuse=0.5, abused=0.4))
    rich = Class(every_kind(one_skill(prior=0.5, learn=1.0), content=content), 2 * N)
    weak = rich.mastery()[:, 0] == 0
    out = rich.take(kind("practice"))
    assert_rate(out.assisted[weak], 0.5 * (1 - 0.2))
    assert_rate(out.assisted[~weak], 0.5 * (1 - 0.9))
    assert_rate(rich.mastery()[weak, 0], 0.6 + 0.4 * 0.4)
    assert not rich.take(kind("test")).assisted.any()


def test_helped_answers_are_no_evidence():
    tutor = BktParameters([0.3], [0.0], [0.2], [0.1])  # learn 0: only answers move the belief
    simulator = every_kind(one_skill(prior=0.5), content=Content(help=Help(raises=0.5)))
    episodes = begun(Task(simulator, tutor, steps=4), 40)
    assert simulator.assists
    features = ("belief", "attempts", "successes", "streak")
    columns = [episodes.task.layout.columns(name).start for name in features]
    for name in ("hint", "video"):
        episodes.step(np.full(40, kind(name)))
        belief, *counts = episodes.observation[:, columns].T
        np.testing.assert_allclose(belief, 0.3, atol=1e-7)
        assert not np.array(counts).any()
    episodes.step(np.full(40, kind("test")))
    assert (np.abs(episodes.observation[:, columns[0]] - 0.3) > 0.1).all()


def test_a_tutor_does_not_learn_from_helped_answers():
    # Nobody knows anything and nobody learns: right answers are guesses, in every fifth answer without help
    learner = one_skill(learn=0.0, guess=0.2)
    simulator = RichLearner(learner, [Form(), Form("hint")], Content(help=Help(raises=0.75)))
    task = Task(simulator, steps=10, features=["attempts"])
    rolled = rollout(task, RandomLegal()(task, 0, SilentTracker()), 400, Split.TRAIN)
    assert np.array_equal(rolled.assisted, rolled.item == 1)
    log = Coded.of(log_of(task, rolled, Split.TRAIN, "rich learners"))
    correct, evidence, helped = log.correct, unaided(log).correct, log.assisted
    assert_rate(correct[helped], 0.2 + 0.8 * 0.75)
    assert_rate(correct[~helped], 0.2)
    assert (evidence[helped] == -1).all()
    assert np.array_equal(evidence[~helped], correct[~helped])


def test_learners_fitted_with_doubt_stay_so_on_a_platform():
    inside = read_bkt("bkt_ednet")
    rich = RichLearner(inside, [Form(), Form("video", "video")], pace=Pace(sd=0.2))
    drawn = rich.resampled()
    assert drawn.learner.parameters is inside.draws
    assert (drawn.offers, drawn.pace) == (rich.offers, rich.pace)
    assert RichLearner(small_bkt()).resampled() is None


def test_the_last_accepted_item_reaches_the_learner_inside():
    rich = Class(RichLearner(Kss(), [Form(), Form("video", "video")]), 3)
    before = rich.state.inside.last.copy()
    rich.simulator.accept(rich.state, np.array([9, -1, 4]))
    assert rich.state.inside.last.tolist() == [4, before[1], 2]
    steady = Class(RichLearner(small_bkt()), 3)
    steady.simulator.accept(steady.state, np.array([1, -1, 0]))


def barred_to_some() -> RichLearner:
    offers = [Form("practice", "text"), Form("video", "video"), Form("practice", "simulation")]
    return RichLearner(small_bkt(), offers, formats=Formats(barred={"video": 0.3, "simulation": 0.6}))


def test_formats_that_a_learner_cannot_use_are_masked():
    simulator = barred_to_some()
    assert simulator.restricts
    episodes = begun(Task(simulator, steps=5, features=["attempts"]), N)
    allowed = episodes.mask.reshape(N, -1, 3)
    assert allowed[:, :, 0].all()
    for place, share in ((1, 0.7), (2, 0.4)):
        assert (allowed[:, :, place] == allowed[:, :1, place]).all()  # a learner's, not an item's
        assert_rate(allowed[:, 0, place], share)
    before = episodes.after.copy()
    episodes.step(np.full(N, 1))
    assert np.array_equal(episodes.refused, ~allowed[:, 0, 1])
    assert np.array_equal(episodes.after[episodes.refused], before[episodes.refused])
    assert (episodes.after > before).any()


def test_a_learner_who_restricts_keeps_doing_so():
    simulator = RichLearner(Kss(), [Form(), Form("video", "video")], formats=Formats(barred={"video": 0.5}))
    rich, plain = Class(simulator, 60), Class(Kss(), 60)
    mine, theirs = np.zeros((60, 20), bool), np.zeros((60, 10), bool)
    simulator.allowed(rich.state, mine)
    plain.simulator.allowed(plain.state, theirs)
    assert np.array_equal(mine[:, ::2], theirs)
    assert np.array_equal(mine[:, 1::2], theirs & rich.state.usable[:, 1:])
    assert np.array_equal(rich.past.item, 2 * plain.past.item)  # the past was practice, in text


def test_minutes_are_log_normal():
    # ln T ~ N(ln 3 + ln 2 - tau + .5 (1 - p), .4^2), tau ~ N(0, .3^2); mean = exp(mu + var / 2)
    learner = one_skill(guess=0.2)
    simulator = RichLearner(
        learner,
        [Form("practice", "video", 3.0), Form("reading", "video", 3.0)],
        formats=Formats(minutes={"video": 2.0}),
        pace=Pace(learner_sd=0.3, sd=0.4, slope=0.5),
    )
    for item, slope in ((0, 0.5 * 0.8), (1, 0.0)):
        logs = np.log(Class(simulator, N).take(item).minutes)
        mu, variance = np.log(6.0) + slope, 0.3**2 + 0.4**2
        assert abs(logs.mean() - mu) < 3 * np.sqrt(variance / N)
        assert abs(logs.var() - variance) < 3 * variance * np.sqrt(2 / N)
        assert stats.kstest((logs - mu) / np.sqrt(variance), "norm").pvalue > 1e-3
        mean = np.exp(mu + variance / 2)
        assert abs(np.exp(logs).mean() - mean) < 3 * mean * np.sqrt(np.expm1(variance) / N)
    rich = Class(simulator, N)
    logs = [np.log(rich.take(1).minutes) for _ in range(2)]
    assert abs(np.cov(*logs)[0, 1] - 0.3**2) < 0.01  # two items share the learner's speed


def test_learners_leave_with_the_hazard_of_their_engagement():
    # e stays 1/2: hazard .02 + (.1 - .02)/2 = .06, times 1.5 in a video
    feels = Engagement(start=0.5, leaves=0.02, leaves_disengaged=0.1)
    simulator = RichLearner(
        one_skill(),
        [Form(), Form("video", "video")],
        formats=Formats(leaving={"video": 1.5}),
        engagement=feels,
    )
    for item, hazard in ((0, 0.06), (1, 0.09)):
        episodes = begun(Task(simulator, steps=10, features=["attempts"]), N)
        for t in range(1, 10):
            episodes.step(np.full(N, item))
            assert_rate(~episodes.over, (1 - hazard) ** t)
    gone = episodes.response.ended.copy()
    end = episodes.after.copy()
    episodes.step(np.zeros(N, np.int64))
    assert gone.any()
    assert np.array_equal(episodes.after[gone], end[gone])  # they count at their last state


def test_engagement_falls_with_boredom_and_frustration_and_comes_back():
    feels = Engagement(
        start=0.8, too_easy=0.85, too_hard=0.3, boredom=0.25, frustration=0.5, flow=0.1, recovery=0.7
    )
    rich = Class(every_kind(one_skill(prior=0.5, learn=0.0), engagement=feels), 400)
    knows = rich.mastery()[:, 0] == 1
    right = rich.take(kind("practice")).correct == 1
    expected = np.where(knows, 0.8 * 0.75, np.where(right, 0.8 + 0.1 * 0.2, 0.8 * 0.5))
    np.testing.assert_allclose(rich.state.engagement, expected)
    rich.simulator.elapse(rich.state, np.full(400, 2.0), rich.luck)
    expected = 1 - (1 - expected) * np.exp(-1.4)
    np.testing.assert_allclose(rich.state.engagement, expected)
    rich.take(kind("video"))  # bores only those who know it all
    expected = np.where(knows, expected * 0.75, expected)
    np.testing.assert_allclose(rich.state.engagement, expected)
    rich.take(kind("video"))  # and now everybody
    np.testing.assert_allclose(rich.state.engagement, expected * 0.75)


def test_items_find_their_own_in_the_learner_inside():
    course = Course.of(["a", "b"], items={"a1": "a", "a2": "a", "ab": ["a", "b"], "b1": "b"})
    learner = Bkt(course, BktParameters([0.2] * 2, [0.3] * 2, [0.2] * 2, [0.1] * 2))
    offers = Course.of(
        ["a", "b"],
        items={"film": "b", "a2": "a", "both": ["b", "a"], "b1": "a"},
        kind=["video", "practice", "explanation", "hint"],
    )
    assert RichLearner(learner, offers).what[:, 2].tolist() == [3, 1, 2, 0]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"offers": []}, r"rich.offers = \[\]: must be at least one form"),
        ({"offers": [Form("lecture")]}, "rich.offers.kind = 'lecture': no such name"),
        ({"offers": Course.of(3)}, "rich.offers = other skills or prerequisites"),
        (
            {"offers": Course.of(list("abcde"), items={"x": list("abc")}, prerequisites=[])},
            "rich.offers = other skills or prerequisites",
        ),
        (
            {"offers": Course.of(list("abcde"), items={"x": ["a", "c"]}, prerequisites=EDGES)},
            r"rich.offers\[x\] = without an own item",
        ),
        ({"formats": Formats(barred={"audio": 0.1})}, "rich.formats.barred = 'audio': no such name"),
        ({"formats": Formats(barred={"text": 0.1})}, "rich.offers for a1 = no form that all can use"),
        ({"formats": Formats(minutes={"text": 0.0})}, r"rich.formats.minutes\[text\] = 0.0"),
        ({"learner": RichLearner(small_bkt())}, "rich.learner = a RichLearner"),
        ({"learner": Strata({"a": RichLearner(small_bkt())}, {"a": 1.0})}, "rich.learner = a RichLearner"),
    ],
)
def test_what_is_refused(changes, message):
    with pytest.raises(InputError, match=message):
        replace(RichLearner(small_bkt()), **changes)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: Content(dose={"practise": 1.0}),
            "rich.content.dose = 'practise': .*did you mean 'practice'",
        ),
        (
            lambda: Content(dose={"video": 2.5}),
            r"rich.content.dose\[video\] = 2.5: must be a number in \[0, 2\]",
        ),
        (lambda: Content(reversal={"video": float("nan")}), r"rich.content.reversal\[video\] = nan"),
        (lambda: Content(feedback="late"), "rich.content.feedback = 'late'"),
        (lambda: Content(repeated=-0.1), "rich.content.repeated = -0.1"),
        (lambda: Content(counterfactual_meshing=2.0), "rich.content.counterfactual_meshing = 2.0"),
        (lambda: Help(raises=1.1), "rich.help.raises = 1.1"),
        (lambda: Pace(sd=-1.0), "rich.pace.sd = -1.0"),
        (lambda: Engagement(boredom=2.0), "rich.engagement.boredom = 2.0"),
        (lambda: Engagement(leaves=0.2), "rich.engagement.leaves_disengaged = 0.0: must be in"),
        (lambda: Engagement(recovery=float("inf")), "rich.engagement.recovery = inf"),
    ],
)
def test_knobs_out_of_range_are_refused(make, message):
    with pytest.raises(InputError, match=message):
        make()


def test_a_mask_does_not_tell_which_lessons_took():
    rich = RichLearner(Kss(), content=Content(dose={"practice": 0.5}))
    someone = Class(rich, 200)
    for _ in range(5):
        allowed = np.zeros((200, rich.course.n_items), bool)
        rich.allowed(someone.state, allowed)
        item = allowed.argmax(axis=1)
        someone.take(item)
        assert (someone.state.inside.last == item).all()


def test_quick_learners_have_the_time_that_they_save():
    for pace, formats in (
        (Pace(learner_sd=0.5, sd=0.2), Formats()),
        (Pace(), Formats(minutes={"text": 0.25})),
    ):
        rich = RichLearner(small_bkt(), pace=pace, formats=formats)
        task = Task(rich, minutes=30, features=["attempts"], goal="learner")
        rolled = rollout(task, RandomLegal()(replace(task), 0, SilentTracker()), 300)
        assert (rolled.minutes >= 30 - 1e-9).mean() > 0.99
        assert rolled.took.sum(axis=1) == pytest.approx(rolled.minutes, rel=1e-5)
        minutes = log_of(task, rolled, Split.EVALUATE, "").table["minutes"].to_numpy()
        assert minutes.sum() == pytest.approx(rolled.minutes.sum(), rel=1e-5)


def test_bandits_take_nothing_from_what_asks_nothing():
    task = Task(every_kind(one_skill(learn=0.5)), steps=8, features=["attempts", "goal", "last_correct"])
    for agent in (Ucb(c=1.0), Zpdes()):
        policy = agent(task, 0, SilentTracker())
        episodes = begun(task, 20)
        state = policy.begin(episodes.luck)
        for _ in range(4):
            _, state = policy.predict(episodes.observation, state, None, True, episodes.mask)
            episodes.step(np.full(20, KINDS.index("video")))
            assert (episodes.observation[:, task.layout.columns("last_correct").start] == 0.0).all()
        _, state = policy.predict(episodes.observation, state, None, True, episodes.mask)
        assert (getattr(state.memory, "pulls" if isinstance(agent, Ucb) else "tries") == 0).all()
