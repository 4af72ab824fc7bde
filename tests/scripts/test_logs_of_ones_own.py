"""One's own log through the verbs: as a file and as a stored folder, every reader in the same way."""

import csv
import inspect
import random

import pytest
from hydra import compose, initialize_config_module
from hydra.utils import get_object

from coursewright.scripts.app import run
from coursewright.scripts.manual import CONFIGS

LOGS = sorted(path.stem for path in (CONFIGS / "log").glob("*.yaml"))


@pytest.fixture
def own(tmp_path, monkeypatch):
    """Forty learners of fifteen answers on twelve items, of which one was met once."""
    monkeypatch.chdir(tmp_path)
    chance = random.Random(0)
    with open("my answers.csv", "w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["learner", "item", "skills", "time", "correct"])
        for learner in range(40):
            for step in range(15):
                item = "rare" if (learner, step) == (0, 3) else f"i{chance.randrange(11)}"
                rows.writerow([f"p{learner}", item, f"s{item}", step * 0.5, int(chance.random() < 0.6)])
    return tmp_path


@pytest.mark.parametrize("model", ["pfa", "best_lr", "irt", "item_difficulty"])
def test_a_stored_log_is_fitted_as_the_file_is(own, model):
    assert run("import", ["log=file", "log.path=my answers.csv", "to=my log"]) == 0
    given = [f"model={model}", "draws=0", "folds=3", "min_rows=1"]
    assert run("fit", [*given, "log=file", "log.path=my answers.csv", "out=from file"]) == 0
    assert run("fit", [*given, "log=stream", "log.path=my log", "out=from folder"]) == 0
    for file in sorted((own / "from file").glob("*.csv")):
        assert (own / "from folder" / file.name).read_text() == file.read_text(), file.name


def test_a_stored_log_can_be_stored_again(own):
    assert run("import", ["log=file", "log.path=my answers.csv", "to=one"]) == 0
    assert run("import", ["log=stream", "log.path=one", "to=two", "parts=3"]) == 0
    assert run("validate", ["log=stream", "log.path=two", "models=[pfa]", "settings.replicates=3"]) == 0


@pytest.mark.parametrize("name", LOGS)
def test_every_reader_may_be_told_where_its_rows_go(name):
    with initialize_config_module("coursewright.configs", version_base="1.3"):
        target = get_object(compose("fit", [f"log={name}"]).log._target_)
    called = target.__call__ if inspect.isclass(target) else target
    assert "into" in inspect.signature(called).parameters
