"""A run is read on other learners where its policy serves any course; others are refused in a line."""

import pytest

from compared import only
from coursewright.envs.rollout import rollout
from coursewright.scripts.app import run
from coursewright.scripts.elsewhere import beyond
from coursewright.scripts.recorded import read_run
from coursewright.scripts.studies import read_studies

TASK = ["task=mastery", "task.steps=7", "tracker=none"]
TINY = ["agent.steps=60", "agent.learners=4", "agent.n_steps=5", "agent.batch_size=10", "learners=20"]
FEW = [*only("random", "round_robin"), "~figures.path", "~figures.teaching"]
ELSEWHERE = [
    "simulator=bkt_ednet",
    *TASK,
    *FEW,
    "baseline=random",
    "reference=random",
    "learners=20",
    "workers=1",
]


TRAINED = "its training had prices of 0.01 to 0.1:"


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("elsewhere")
    for agent, price in (("graph_ppo", "null"), ("ppo", "[0.01,0.1]")):
        words = [
            "simulator=bkt_v0",
            *TASK,
            *TINY,
            "agent.imitate=null",
            f"agent={agent}",
            f"task.price={price}",
        ]
        assert run("train", [*words, f"hydra.run.dir={folder / agent}"]) == 0
    return folder


def refused(capsys, words):
    capsys.readouterr()
    assert run("evaluate", words) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    return line


@pytest.mark.slow
def test_a_run_is_read_on_another_course(runs, tmp_path):
    words = [f"runs={runs / 'graph_ppo'}", *ELSEWHERE, f"hydra.run.dir={tmp_path}"]
    assert run("evaluate", words) == 0
    (table,) = tmp_path.glob("*/policies.csv")
    assert table.parent.name == "bkt_ednet-mastery"
    assert "graph_ppo" in table.read_text()


def test_without_another_task_it_is_read_on_its_own(runs, tmp_path):
    words = [f"runs={runs / 'graph_ppo'}", *FEW, "baseline=random", "reference=random", "learners=20"]
    assert run("evaluate", [*words, "workers=1", "tracker=none", f"hydra.run.dir={tmp_path}"]) == 0
    assert [path.parent.name for path in tmp_path.glob("*/policies.csv")] == ["bkt_v0-mastery"]


def test_a_network_of_one_course_is_refused_on_another(runs, capsys):
    line = refused(capsys, [f"runs={runs / 'ppo'}", *ELSEWHERE])
    assert "ppo/policy.onnx: was made for another course" in line


def test_a_task_without_a_feature_that_is_read_is_refused(runs, capsys):
    words = [f"runs={runs / 'graph_ppo'}", *ELSEWHERE, "task.features=[goal,belief,successes]"]
    assert refused(capsys, words).startswith("error: task.features = ")


@pytest.mark.parametrize(
    ("words", "other"),
    [
        (["task=mastery"], "simulator"),
        (["task.steps=9"], "simulator"),
        (["simulator=bkt_ednet", "task.steps=9"], "task"),
    ],
)
def test_half_of_another_task_is_refused(runs, capsys, words, other):
    line = refused(capsys, [f"runs={runs / 'graph_ppo'}", *words])
    assert line.startswith(f"error: {other} = ")
    assert "name simulator= and task=" in line


def test_other_learners_of_another_course_want_a_task(runs, capsys):
    line = refused(capsys, [f"runs={runs / 'graph_ppo'}", "simulator=bkt_ednet"])
    assert line.startswith("error: simulator = bkt_ednet: must be one with the 20 skills of runs = ")
    assert line.endswith("one that serves any is read with task= named too")


@pytest.mark.parametrize("word", ["seeds.luck=5", "tutor=pfa"])
def test_seeds_and_tutors_are_those_of_the_runs(runs, word, capsys):
    line = refused(capsys, [f"runs={runs / 'ppo'}", word])
    assert line.startswith(f"error: {word.replace('=', ' = ')}: must be left out beside runs")


@pytest.mark.parametrize(("price", "named"), [(0.02, "0.02"), ([0.05, 0.5], "0.05-0.5")])
def test_a_run_is_read_at_another_price(runs, price, named):
    (study,) = read_studies([runs / "ppo"], (), {}, price=price)
    assert study.name == f"bkt_v0-mastery, price {named}"
    taught = rollout(study.task, next(iter(study.trained["ppo"].values())), 20)
    paid = (taught.end - taught.start - taught.returned) / taught.minutes
    if named == "0.02":
        assert paid == pytest.approx(0.02, abs=1e-6)
    else:
        assert 0.05 < paid.min() < 0.1 < paid.max() < 0.5
    doubt = beyond(read_run(runs / "ppo", ()), price)
    assert doubt == (None if named == "0.02" else f"{TRAINED} what it does at others it did not learn")


@pytest.mark.parametrize(
    ("name", "price", "told"),
    [
        ("graph_ppo", "1", "1: must be left out: the policy of runs = "),
        ("ppo", "null", "None: must be a price, where runs are to be read at another one than theirs"),
        ("ppo", "-1", "-1: must be null, a number in [0, "),
    ],
)
def test_another_price_is_refused_where_it_means_nothing(runs, capsys, name, price, told):
    line = refused(capsys, [f"runs={runs / name}", f"task.price={price}"])
    assert line.startswith(f"error: task.price = {told}")
