"""The face of the package, and the things of a session as a notebook shows them."""

import subprocess
import sys

import pytest

import coursewright as cw
from coursewright.agents.learning.ppo import Ppo
from coursewright.errors import InputError
from coursewright.simulators.luck import Split


def test_the_face_lists_public_names_alone() -> None:
    """In a process of its own: other tests import rooms."""
    code = "import coursewright as cw; print(*(name for name in dir(cw) if name[0] != '_'))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    names = set(done.stdout.split())
    assert {"kss", "Ppo", "compare", "show", "Comparing"} <= names
    assert not {"Any", "FACE", "import_module", "register", "os", "ModuleType"} & names


def test_a_session_is_shown_in_single_lines() -> None:
    task = cw.kss(steps=4)
    policies = {"random": cw.UniformRandom()(task), "mine": cw.MasteryThreshold()(task)}
    found = cw.compare(task, policies, cw.Comparing(learners=20, reference="random"))
    trained = Ppo(steps=64, learners=8, n_steps=8, batch_size=32, imitate=None)(task)
    from coursewright.envs.gym import TeachingEnv, TeachingVectorEnv

    envs = [TeachingEnv(task), TeachingVectorEnv(task, 2, Split.TUNE)]
    for thing in (task, found, trained, cw.OracleGreedy()(task), *policies.values(), *envs):
        assert len(repr(thing)) < 200, type(thing)
        assert "\n" not in repr(thing)
        assert " at 0x" not in repr(thing)
    assert repr(task) == "<Task: 4 steps, Kss learners, 10 skills, 10 items>"
    assert "2 policies on task, 20 learners: mine" in repr(found)
    assert "seed 0, 64 steps" in repr(trained)
    assert "<th>random</th>" in found._repr_html_()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"learners": None}, "learners = None: must be a whole number >= 2"),
        ({"learners": 20.5}, "learners = 20.5: must be a whole number >= 2"),
        ({"workers": "2"}, "workers = '2': must be a whole number >= 1"),
        ({"seed": -1}, "seed = -1: must be a whole number >= 0"),
        ({"example": 2000}, "example = 2000: must be a whole number in"),
        ({"reference": None}, "reference = None: must be the name of a policy"),
        ({"columns": "gain/mean"}, "columns = 'gain/mean': must be a tuple"),
        ({"outcomes": None}, "outcomes = None: must be a mapping"),
    ],
)
def test_wrong_settings_of_a_comparison_are_one_line(wrong, said) -> None:
    with pytest.raises(InputError, match=said):
        cw.Comparing(**wrong)


def test_a_setting_that_does_not_exist_is_one_line() -> None:
    with pytest.raises(InputError, match=r"step: no such setting .did you mean 'steps'"):
        cw.kss(step=3)
    with pytest.raises(InputError, match=r"task.steps = \[3\]: must be a positive"):
        cw.kss(steps=[3])
