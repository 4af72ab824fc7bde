"""The workers of a comparison: their jobs, one that is killed, and a machine that can have none."""

import os
import subprocess
import sys

import joblib
import pytest

import agent_contract
from coursewright.evaluation.comparison.jobs import Entry, Job, run_all
from coursewright.evaluation.comparison.settings import Comparing

SCRIPT = """
import os, signal, sys
import coursewright as cw

class Deadly:
    def __init__(self, policy):
        self.policy = policy

    def __getattr__(self, name):
        if name == "predict":
            os.kill(os.getpid(), signal.SIGKILL)
        return getattr(object.__getattribute__(self, "__dict__")["policy"], name)

task = cw.kss(steps=3)
policies = {"random": cw.UniformRandom()(task), "tuned_mastery": cw.MasteryThreshold()(task)}
if "deadly" in sys.argv:
    policies["random"] = Deadly(policies["random"])
print(cw.compare(task, policies, cw.Comparing(learners=5, workers=2)).policies)
"""


def script(*arguments, **variables):
    command = [sys.executable, "-c", SCRIPT, *arguments]
    return subprocess.run(command, env=os.environ | variables, capture_output=True, text=True, check=False)


NAMES = agent_contract.names()


@pytest.mark.parametrize(
    "names", [NAMES[::8], pytest.param(NAMES, marks=pytest.mark.slow)], ids=["some", "all"]
)
def test_any_policy_may_write_into_what_a_worker_is_handed(names):
    jobs = [
        Job(name, task, Entry(f"{name} oracle", 0, policy))
        for name in names
        for task, policy in agent_contract.policies(name)
    ]
    with joblib.parallel_config(max_nbytes=1):  # joblib shares larger arrays, and nobody can write there
        found = list(run_all(jobs, Comparing(learners=2, workers=2), None))
    assert len(found) == len(jobs)


def test_a_machine_without_workers_does_the_work_itself():
    done = script(JOBLIB_MULTIPROCESSING="0")
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="nobody is killed there")
def test_a_killed_worker_is_one_line():
    done = script("deadly")
    assert done.returncode == 1
    assert "InputError: workers = 2: must be fewer: a worker was killed" in done.stderr
