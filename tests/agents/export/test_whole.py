"""A whole tutor in one file: fed with raw responses, it teaches as the original, whoever calls it."""

import json

import numpy as np
import onnxruntime
import pytest

from coursewright.agents.export.refused import refuse_agent
from coursewright.agents.export.remembering import HEAD, KEY, Remembering
from coursewright.agents.export.whole import SHOWN, WholeTutor, mark_in, pieces, write
from coursewright.agents.export.words import digest_of
from coursewright.agents.planners.belief_rollout import BeliefRollout
from coursewright.agents.planners.oracles import OracleGreedy
from coursewright.agents.rules.baselines import UniformRandom
from coursewright.agents.rules.mastery import MasteryThreshold, NInARow
from coursewright.agents.tracker import SilentTracker
from coursewright.agents.tutor_words import is_tutor, words_of
from coursewright.envs.rollout import rollout
from coursewright.envs.shipped import kss
from coursewright.errors import InputError
from coursewright.scripts.products import mark_of, refuse_other_tutor
from coursewright.simulators.luck import Split
from tutor_files import MADE, QUICK


@pytest.fixture(
    scope="module",
    params=[name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in MADE],
)
def made(request, tmp_path_factory):
    """A tutor file, which `write` has compared with the original, and its task."""
    agent, task = MADE[request.param]
    path = tmp_path_factory.mktemp("tutor") / "tutor.onnx"
    write(agent(task, 0, SilentTracker()), task, path, scored={"return": 0.5})
    return path, task


def arrays(task, batch, **given):
    """One event, by the names of the file's inputs; nothing happened where nothing is given."""
    course = task.course
    plain = {
        "item": np.full(batch, -1),
        "correct": np.full(batch, -1),
        "taught": np.zeros(batch, bool),
        "past": False,
        "days": np.zeros(batch),
        "minutes": np.zeros(batch),
        "goal": np.ones((batch, course.n_skills), bool),
        "mask": np.ones((batch, course.n_items), bool),
    }
    return plain | given


def test_a_client_of_ones_own_follows_the_golden_trace(made):
    """By the words alone, with numpy and onnxruntime, the state through JSON at each step."""
    path, _ = made
    words = json.loads(words_of(path).read_text())
    run = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    names, items, golden = (words["outputs"], [item["name"] for item in words["items"]], words["golden"])
    state = np.zeros((1, words["state"]["width"]), np.float32)
    first = words["state"]["columns"].index("key, bits 0 to 15")
    state[0, first : first + 4] = [(golden["key"] >> (16 * place)) & 0xFFFF for place in range(4)]
    for event in golden["responses"]:
        given = {
            "state": np.array(json.loads(json.dumps(state.tolist())), np.float32),
            "item": np.array([items.index(event["item"])]),
            "correct": np.array([event["correct"]]),
            "taught": np.array([True]),
            "past": np.array([False]),
            "goal": np.ones((1, len(words["skills"])), bool),
            "days": np.array([event["days"]], np.float32),
            "minutes": np.array([event["minutes"]], np.float32),
            "mask": np.ones((1, len(items)), bool),
        }
        found = dict(zip(names, run.run(list(names), given), strict=True))
        assert found["action"][0] == event["action"]
        state = found["next_state"]
    assert state[0].tolist() == pytest.approx(golden["state"], abs=1e-6)
    assert len(golden["responses"]) == 50
    assert words["scored"] == {"return": 0.5}


def test_a_look_changes_nothing_and_odd_values_are_harmless(made):
    path, task = made
    tutor, wide = WholeTutor(path, np.arange(7, dtype=np.uint64)), np.arange(7) % task.course.n_items
    right = np.ones(7)
    first = tutor.tell(**arrays(task, 7, item=wide, correct=right, taught=right > 0)).copy()
    before = tutor.state.copy()
    for odd in ({}, {"days": np.full(7, np.nan), "minutes": -right}, {"item": np.full(7, 10**9)}):
        again = tutor.tell(**arrays(task, 7, **odd))
        np.testing.assert_array_equal(again, first)
        np.testing.assert_array_equal(tutor.state, before)
    tutor.tell(**arrays(task, 7, item=wide, correct=right, taught=right > 0, days=np.full(7, np.nan)))
    assert np.isfinite(tutor.state).all()


def test_rows_do_not_depend_on_the_batch(made):
    path, task = made
    rng, keys = np.random.default_rng(0), np.array([5, 2**63 + 11, 9], np.uint64)
    together, alone = WholeTutor(path, keys), [WholeTutor(path, keys[i : i + 1]) for i in range(3)]
    for _ in range(8):
        item, correct = rng.integers(task.course.n_items, size=3), rng.integers(-1, 2, 3)
        event = arrays(task, 3, item=item, correct=correct, taught=np.ones(3, bool), days=rng.random(3))
        action = together.tell(**event)
        for i, tutor in enumerate(alone):
            one = {name: value if name == "past" else value[i : i + 1] for name, value in event.items()}
            assert tutor.tell(**one)[0] == action[i]
            np.testing.assert_allclose(tutor.state[0], together.state[i], atol=1e-6)


def test_nothing_allowed_and_a_foreign_state_are_told(made):
    path, task = made
    tutor = WholeTutor(path, np.arange(2, dtype=np.uint64))
    nothing = np.zeros((2, task.course.n_items), bool)
    action = tutor.look(np.ones((2, task.course.n_skills), bool), nothing)
    assert np.isin(action, [-1, task.n_actions - 1] if task.stop else -1).all()
    tutor.state[0, 0] += 1.0
    foreign = tutor.state.copy()
    item = np.zeros(2, np.int64)
    action = tutor.tell(**arrays(task, 2, item=item, correct=item + 1, taught=item == 0))
    assert action[0] == -2
    assert action[1] >= 0
    np.testing.assert_array_equal(tutor.state[0], foreign[0])


def test_words_name_what_is_in_the_file(made):
    path, task = made
    words = json.loads(words_of(path).read_text())
    assert len(words["state"]["columns"]) == words["state"]["width"]
    assert words["columns"] == list(task.layout.names)
    assert set(words["features"]) == set(task.layout.features)
    assert len(words["actions"]) == task.n_actions
    assert mark_in(path) == ""
    assert is_tutor(words_of(path))
    assert is_tutor(path)
    assert words["licence"].startswith("none: no log")
    for step, event in enumerate(words["golden"]["responses"], 1):
        assert ("observation" in event) == (step in SHOWN)
        if step in SHOWN:
            assert len(event["observation"]) == len(words["columns"])
            assert len(event["scores"]) == len(words["actions"])
    assert path.stat().st_size < 300_000


@pytest.fixture(scope="module")
def rules(tmp_path_factory):
    """Words of rules on one task; the agents, and their files."""
    folder, task = tmp_path_factory.mktemp("rules"), kss(10)
    agents = {
        "n": NInARow(2),
        "again": NInARow(2),
        "threshold": MasteryThreshold(0.8),
        "another threshold": MasteryThreshold(0.7),
    }
    for name, agent in agents.items():
        write(agent(task, 0, SilentTracker()), task, folder / f"{name}.onnx")
    return {name: (agent, folder / f"{name}.onnx") for name, agent in agents.items()}


def test_each_tutor_has_a_stamp_of_its_own_and_the_same_tutor_the_same(rules):
    words = {name: json.loads(words_of(path).read_text()) for name, (_, path) in rules.items()}
    assert words["n"] == words["again"]
    assert rules["n"][1].read_bytes() == rules["again"][1].read_bytes()
    for mark in ("stamp", "fingerprint"):
        assert len({one[mark] for one in words.values()}) == 3
    for name, (_, path) in rules.items():
        assert metadata(path)["digest"] == digest_of(words[name])
        assert metadata(path)["stamp"] == str(words[name]["stamp"])
        tutor = WholeTutor(path, np.zeros(1, np.uint64))
        tutor.look(*(np.ones((1, size), bool) for size in (10, 10)))
        assert tutor.state[0, 0] == words[name]["stamp"]


def metadata(path):
    return onnxruntime.InferenceSession(path).get_modelmeta().custom_metadata_map


def test_a_rule_is_scored_by_its_original_on_the_learners_of_the_comparison(rules):
    agent, path = rules["threshold"]
    scored, task = json.loads(words_of(path).read_text())["scored"], kss(10)
    rolled = rollout(task, agent(task), scored["learners"], split=Split.TUNE)
    assert scored["return"] == pytest.approx(rolled.returned.mean())
    assert scored["standard_error"] == pytest.approx(rolled.returned.std(ddof=1) / 10.0)


def test_a_file_that_teaches_otherwise_is_not_left(tmp_path, monkeypatch):
    task, right = kss(10), Remembering._values

    def wrong(self, *given):
        values = right(self, *given)
        return values | {"streak": values["streak"] * 0.5}

    monkeypatch.setattr(Remembering, "_values", wrong)
    with pytest.raises(RuntimeError, match=r"the tutor file sees another streak\["):
        write(NInARow(2)(task), task, tmp_path / "tutor.onnx")
    assert list(tmp_path.iterdir()) == []


def test_what_has_no_graph_is_refused_in_a_line(tmp_path):
    task = kss(10)
    with pytest.raises(InputError, match="it chooses what is not allowed"):
        write(UniformRandom()(task), task, tmp_path / "tutor.onnx")
    with pytest.raises(InputError, match="OraclePolicy: neither a trained network nor a rule"):
        write(OracleGreedy()(task), task, tmp_path / "tutor.onnx")
    with pytest.raises(InputError, match="it reads the learner's true state"):
        refuse_agent(OracleGreedy(), task, "oracle_greedy")
    with pytest.raises(InputError, match="it plans on simulated learners"):
        refuse_agent(BeliefRollout(), task, "belief_rollout")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("to", ["tutor.json", "tutor", "tutor.bin", "tutor.onnx.old"])
def test_a_file_has_a_name_by_which_it_is_known(to):
    with pytest.raises(InputError, match=rf"to = {to}: must be a name that ends in .onnx"):
        refuse_other_tutor(to, "")


def test_a_command_has_one_mark_whether_or_not_it_says_what_is_not_given():
    assert mark_of({"run": "a", "to": "x.onnx"}) == mark_of({"run": "a", "to": "y.onnx", "agent": None})
    assert mark_of({"run": "a"}) != mark_of({"run": "b"})


def test_a_key_travels_in_pieces():
    keys = np.array([0, 1, 2**64 - 1, 2**63 + 12345], np.uint64)
    assert pieces(keys).shape == (4, HEAD - KEY)
    together = sum(int(part) << (16 * place) for place, part in enumerate(pieces(keys)[3]))
    assert together == int(keys[3])
