"""The later published forms of KSS, and our own: each states only its differences.

EduSim's code of 2019, 2020 and 2021 keeps the dynamics and changes arrivals and answers.  A learner learns
first and then answers, right whenever P(correct) >= .5; any item may be tried that may follow the
last accepted one, whether or not it leads to a target; the same holds in the warm-up, which has twenty
records at most and whose learning is kept.

Figures of one variant say nothing about another.
"""

from dataclasses import replace

from coursewright.simulators.kss.learners import Kss, Variant


def edusim19() -> Kss:
    """EduSim of 2019, but with a fresh learner in every episode; difficulties are those of its seed 10.

    Its own code hands learners on from episode to episode with the abilities they have gained, so that its
    figures depend on the number of episodes run: a defect, which is not repeated here.  Its reward is
    the change in the share of targets mastered, over the episode: `rewards.mastered_gain`.
    """
    return Kss(
        Variant(
            difficulty=(0, 1, 2, 3, 3, 0, 3, 3, 4, 4),
            certain=True,
            learns_first=True,
            towards_targets=False,
            warm_up_by_table=True,
            warm_up_kept=True,
            warm_up_records=20,
        )
    )


def edusim20() -> Kss:
    """EduSim of 2020: without that defect it has the same learners as `edusim19`.

    It differs in the reward alone: targets newly mastered in a step, and E_p of the episode
    (`rewards.normalised_gain`).
    """
    return edusim19()


def edusim21() -> Kss:
    """EduSim of 2021: weaker learners, fewer targets, and a warm-up that looks at ability alone.

    Upstream draws difficulties anew and without a seed in every process, sorted, in the order in which
    its graph lists the skills (0, 1, 2, 3, 4, 8, 5, 9, 6, 7).  Ours are fixed, our own choice: 0, 0, 1, 1, 2,
    2, 3, 3, 4, 4 in that order.  Learners with all targets mastered, whose E_p is 0/0 upstream, are
    drawn again, as in every variant.
    """
    return Kss(
        replace(
            edusim20().variant,
            difficulty=(0, 0, 1, 1, 2, 3, 4, 4, 2, 3),
            highest_start=-1,
            most_targets=9,
            with_replacement=True,
            ready_ability=0.6,
        )
    )


def v3() -> Kss:
    """Ours, the corrected one: nothing but prerequisites stands in the way, and they by slow learning.

    No table limits the next item; a learner who skips prerequisites learns next to nothing.
    Difficulties rise in prerequisite order: 0, 0, 1, 1, 2, 2, 3, 3, 4, 4 for the skills 0, 5, 6, 1, 2, 7, 3,
    4, 8, 9.  The effect of the warm-up is kept.  The rest is `cseal18`: answers are drawn, from the ability
    before practice, and abilities start alike.
    """
    return Kss(
        Variant(
            difficulty=(0, 1, 2, 3, 3, 0, 1, 2, 4, 4),
            by_table=False,
            towards_targets=False,
            warm_up_kept=True,
        )
    )
