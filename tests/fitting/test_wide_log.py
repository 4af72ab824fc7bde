"""A log in which every item is a skill of its own, as in decks of words or cards."""

import subprocess
import sys

import pytest

FIT = """
import resource, sys
from dataclasses import replace
import numpy as np, pyarrow as pa
from hydra import compose, initialize_config_module
from hydra.utils import instantiate
from coursewright.data.log import learner_log
from coursewright.fitting.folder import Trials, fit_model

items, learners, answers = int(sys.argv[2]), 1000, 400
rng = np.random.default_rng(0)
item = np.array([f"w{i}" for i in range(items)])[np.arange(learners * answers) // 2 % items]
learner = np.repeat(np.arange(learners), answers).astype(str)
columns = {"learner": learner, "item": item, "skills": pa.array([[name] for name in item]),
           "time": np.tile(np.arange(answers) * 0.3, learners),
           "correct": rng.integers(0, 2, len(item)).astype(np.int8)}
log = replace(learner_log(pa.table(columns), "made up", "none"), min_group=int(sys.argv[3]))
with initialize_config_module("coursewright.configs", version_base="1.3"):
    model = instantiate(compose("fit", [f"model={sys.argv[1]}"]).model)
fit_model(log, "fitted", model, draws=0, trials=Trials(2, 1, worlds=2))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


@pytest.mark.slow
@pytest.mark.parametrize(("model", "min_group"), [("pfa", 1), ("irt", 1), ("act_r", 1), ("irt", 10)])
def test_two_hundred_thousand_items_fit_into_little_memory(model, min_group, tmp_path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FIT, model, "200000", str(min_group)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert float(done.stdout.split()[-1]) < 2000, "megabytes at the peak"
