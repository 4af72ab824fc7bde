"""Runs' folders: the settings that each agent took, and the refusal of old and of later folders."""

import json
import shutil
from dataclasses import replace

import pandas as pd
import pytest
from omegaconf import OmegaConf

from compared import only
from coursewright.agents.rules.baselines import RoundRobin
from coursewright.agents.tuning import Tuned
from coursewright.envs.rollout import rollout
from coursewright.envs.shipped import kss
from coursewright.evaluation.standing import FIRST
from coursewright.scripts.app import run
from coursewright.scripts.recorded import FORMAT
from coursewright.scripts.studies import Study, read_studies, reference_of
from coursewright.simulators.folders import SHIPPED
from coursewright.simulators.luck import Split
from places import SUPPORT

TINY = ["learners=30", "tracker=none"]


@pytest.fixture
def verb(tmp_path, monkeypatch, capsys):
    """Run a verb in an empty folder: its exit code and its lines on stderr."""
    monkeypatch.chdir(tmp_path)

    def call(name, *arguments):
        code = run(name, list(arguments))
        return code, [line for line in capsys.readouterr().err.splitlines() if line.strip()]

    return call


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A finished run of a rule, which takes no time."""
    folder = tmp_path_factory.mktemp("finished") / "run"
    assert run("train", ["agent=random", *TINY, f"hydra.run.dir={folder}"]) == 0
    return folder


def test_an_experiment_for_two_kinds_of_agents(verb, tmp_path):
    code, lines = verb(
        "train",
        "-m",
        "experiment=kss_t10",
        "agent=maskable_ppo,tuned_mastery",
        "agents.maskable_ppo.steps=1_280",
        "agents.maskable_ppo.learners=64",
        "agents.tuned_mastery.learners=20",
        f"hydra.sweep.dir={tmp_path / 'runs'}",  # workers that an earlier test left have another folder
        *TINY,
    )
    assert (code, lines) == (0, [])
    config = {run.name: OmegaConf.load(run / "config.yaml") for run in (tmp_path / "runs").glob("*/")}
    made = {kept.name: kept.agent for kept in config.values()}
    assert (made["maskable_ppo"].steps, made["maskable_ppo"].learners) == (1280, 64)
    assert made["tuned_mastery"].learners == 20
    assert "steps" not in made["tuned_mastery"]


def test_the_command_line_wins_and_a_resumed_run_keeps_that(verb, tmp_path):
    arguments = ["experiment=kss_t10", "agent.steps=1_280", "agent.learners=64", *TINY]
    assert verb("train", *arguments, "hydra.run.dir=run")[0] == 0
    before = (tmp_path / "run" / "config.yaml").read_text()
    assert OmegaConf.create(before).agent.steps == 1280
    (tmp_path / "run" / "summary.json").unlink()
    assert verb("train", "resume=run") == (0, [])
    assert (tmp_path / "run" / "config.yaml").read_text() == before
    assert (tmp_path / "run" / "summary.json").is_file()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["experiment=kss", "agents.maskable_ppo.stepz=3"], ["agents.maskable_ppo.stepz", "'steps'"]),
        (["experiment=kss", "+agents.maskable_ppo.stepz=3"], ["agents.maskable_ppo.stepz", "'steps'"]),
        (["experiment=kss", "+agents.maskable_pp.steps=3"], ["agents.maskable_pp", "'maskable_ppo'"]),
        (["experiment=kss", "agents.maskable_ppo.steps=many"], ["agent.steps = 'many'", "whole number"]),
        (["+agent.stepz=3"], ["agent.stepz", "did you mean 'steps'"]),
        (["agent.gamma=nan"], ["agent.gamma = nan", "finite number"]),
        (["agent.steps=null"], ["agent.steps = null", "whole number"]),
        (["agent.device=cuda:77"], ["agent.device = cuda:77", "cpu"]),
        (["+agent._partial_=true"], ["agent._partial_", "left out"]),
        (["tutor=kss_csael18"], ["tutor = 'kss_csael18'", "did you mean 'kss_cseal18'"]),
        (["tutor=nowhere.csv"], ["tutor = 'nowhere.csv'", "fitted"]),
        (["tutor=bkt_ednet"], ["tutor = bkt_ednet", "10 skills"]),
        (["tutor=best_lrr"], ["tutor = 'best_lrr'", "did you mean 'best_lr'"]),
        (
            [f"tutor={SHIPPED / 'pfa'}"],
            [
                f"tutor = {SHIPPED / 'pfa'}: must be one of the course's items",
                f"; simulator.folder={SHIPPED / 'pfa'} t",
            ],
        ),
        (["tutor=."], ["tutor (population.json) = without a kind", "a folder that fit wrote"]),
        (["task.features=[goal,chance]"], ["tutor = a table", "task.features holds 'chance'"]),
        (["agent=sm2"], ["task.days = 0: must be above 0", "no days pass in this task"]),
        (["agent=fsrs", "task=recall", "tutor=pfa"], ["tutor = pfa: must be null, fsrs, hlr, act_r"]),
        (["agent=ssp_mmc", "task=recall", "tutor=bkt"], ["tutor = bkt: must be null, fsrs"]),
    ],
)
def test_wrong_input_is_one_line(verb, arguments, words):
    code, lines = verb("train", *arguments, "tracker=none")
    assert code == 2
    assert len(lines) == 1
    assert lines[0].startswith("error: ")
    for word in words:
        assert word in lines[0]


@pytest.mark.parametrize("words", [["agent=sm2"], ["agent=leitner", "task.features=[goal]"]])
def test_an_agent_that_refuses_its_task_leaves_nothing(verb, tmp_path, words):
    code, lines = verb("train", *words)  # with the default tracker
    assert code == 2
    assert lines[-1].startswith("error: task.")
    assert not list(tmp_path.iterdir())


def test_a_tutor_that_does_not_exist_is_refused_by_evaluate_too(verb):
    code, lines = verb("evaluate", "tutor=kss_csael18", "tracker=none")
    assert code == 2
    assert "did you mean 'kss_cseal18'" in lines[-1]


def test_a_tutor_that_thinks_by_a_model_is_the_same_when_its_run_is_read(verb, tmp_path):
    line = ["simulator=pfa", "task=mastery", "task.steps=3", "tutor=pfa", "agent=expected_gain", *TINY]
    assert verb("train", *line, "hydra.run.dir=run") == (0, [])
    study = read_studies([tmp_path / "run"], [], {})[0]
    (policy,) = study.trained["expected_gain"].values()
    assert "gain" in policy.reads
    again = rollout(study.task, policy, 30, Split.TUNE, first=FIRST).returned.mean()
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert again == pytest.approx(summary["eval/return"], abs=1e-12)


@pytest.mark.slow
def test_a_comparison_shows_the_rules_of_the_tasks_kind(verb, tmp_path):
    few = ["learners=20", "tracker=csv", "workers=1", "hydra.run.dir=out"]
    memory = ["simulator=fsrs", "simulator.course.skills=3", "task=recall", "task.steps=3"]
    assert verb("evaluate", *memory, *few)[0] == 0
    table = pd.read_csv(tmp_path / "out" / "comparison.csv")
    schedulers = {"leitner", "sm2", "anki_sm2", "memrise", "fixed_interval", "fsrs", "cost_adr", "ssp_mmc"}
    assert {"tuned_rule", "memorize", "recall_threshold", *schedulers} <= set(table.policy)
    assert not {"ucb", "n_in_a_row", "topological"} & set(table.policy)
    by_bkt = {"expected_gain", "target_success", "tuned_mastery", "mastery_threshold", "index"}
    assert not by_bkt & set(table.policy), "BKT is no mind for memories"
    paired = table[table.statistic == "difference"]
    assert (paired[paired.policy == "tuned_rule"].value == 0.0).all(), "differences are measured from it"
    assert (paired[paired.policy == "leitner"].value != 0.0).any()
    few[-1] = "hydra.run.dir=other"
    named = ["kinds.ucb=[memory]", "kinds.leitner=[knowledge]", "reference=ucb"]
    assert verb("evaluate", *memory, *few, *named)[0] == 0
    table = pd.read_csv(tmp_path / "other" / "comparison.csv")
    assert "ucb" in set(table.policy)
    assert "leitner" not in set(table.policy)


@pytest.mark.slow
def test_a_knowledge_task_shows_the_rules_of_a_specialist_and_the_optimum(verb, tmp_path):
    few = ["learners=20", "tracker=csv", "workers=1", "hydra.run.dir=out"]
    assert verb("evaluate", "simulator=kt6kc", "task=mastery", "task.steps=3", *few)[0] == 0
    shown = set(pd.read_csv(tmp_path / "out" / "comparison.csv").policy)
    assert {"outer_fringe", "adaptive_testing", "riarit", "tuned_rule", "tuned_mastery"} <= shown
    assert {"oracle_greedy", "oracle_exact"} <= shown
    assert not {"oracle_beam", "sm2"} & shown


@pytest.mark.parametrize(
    ("setting", "name"), [("fixed order: RoundRobin()", "tuned_rule"), ("mastery: n=3", "tuned_mastery")]
)
def test_differences_are_measured_from_the_rule_that_is_the_best(setting, name):
    study = Study("s", "kss", kss(3))
    rule = replace(RoundRobin()(study.task), tuned=Tuned(setting, 0.5, 0.1, ()))
    others = {"random": rule, "tuned_mastery": RoundRobin()(study.task)}
    assert reference_of({**others, "tuned_rule": rule}, study, "random") == name
    assert reference_of(others, study, "random") == "tuned_mastery"
    assert reference_of({"random": rule}, study, "random") == "random"


@pytest.mark.slow
def test_a_sweep_of_comparisons_ends_with_all_its_reports(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    few = ["learners=20", "tracker=none", "workers=1", "hydra.sweep.dir=all", "reference=random"]
    kept = only("random", "round_robin")
    words = ["-m", "simulator=kt6kc,bkt_v0", "task=mastery", "task.steps=2", *few, *kept]
    assert run("evaluate", words) == 0
    end = capsys.readouterr().out.rpartition("2 of 2 jobs are finished:\n")[2].splitlines()
    reports = ["all/simulator-kt6kc/report.html", "all/simulator-bkt_v0/report.html"]
    assert [line.strip() for line in end] == [*reports, "all states: coursewright status sweep=all"]


@pytest.mark.slow
def test_rules_that_think_by_a_model_are_compared_where_the_tutor_has_one(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    memory = ["simulator=fsrs", "simulator.course.skills=3", "task=recall", "task.steps=3", "tutor=fsrs"]
    kept = only("random", "expected_gain", "target_success", "tuned_mastery", "round_robin")
    few = ["learners=20", "tracker=csv", "workers=1", "hydra.run.dir=out", "reference=random"]
    assert run("evaluate", [*memory, *few, *kept]) == 0
    table = pd.read_csv(tmp_path / "out" / "comparison.csv")
    assert {"random", "expected_gain", "target_success", "round_robin"} == set(table.policy)
    told = "not for tasks of the kind memory: tuned_mastery (kinds.tuned_mastery=[memory] shows it)"
    assert told in capsys.readouterr().out.replace("\n", " ")


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ("kinds.ucb=[memories]", "kinds.ucb = 'memories': no such name (did you mean 'memory'?)"),
        ("reference=nope", "reference = 'nope': no such name"),
        ("kinds.ucb=null", "kinds.ucb"),
    ],
)
def test_kinds_are_checked(verb, given, line):
    code, lines = verb("evaluate", given, "tracker=none")
    assert code == 2
    assert len(lines) == 1
    assert line in lines[0]


@pytest.mark.parametrize("name", ["agent/ppo", "train", "experiment/kss"])
def test_a_file_of_ones_own_with_a_name_of_ours_is_not_passed_over(verb, tmp_path, name):
    (tmp_path / "mine" / name).parent.mkdir(parents=True)
    (tmp_path / "mine" / f"{name}.yaml").write_text("seed: 3\n")
    code, lines = verb("train", f"--config-dir={tmp_path}/mine", *TINY)
    assert (code, len(lines)) == (2, 1)
    assert f"coursewright's own {name}.yaml would be read instead; give the file another name" in lines[0]


@pytest.mark.slow
def test_an_experiment_and_an_agent_of_ones_own(verb, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(SUPPORT))
    (tmp_path / "mine" / "agent").mkdir(parents=True)
    (tmp_path / "mine" / "experiment").mkdir()
    shutil.copy(SUPPORT / "outside_agent.yaml", tmp_path / "mine" / "agent" / "theirs.yaml")
    (tmp_path / "mine" / "experiment" / "short.yaml").write_text(
        "# @package _global_\nagents:\n  theirs: {steps: 640, learners: 16, layers: [8]}\n"
    )
    own = [f"--config-dir={tmp_path}/mine"]
    assert verb("train", *own, "experiment=short", "agent=theirs", *TINY, "hydra.run.dir=runs/theirs") == (
        0,
        [],
    )
    assert OmegaConf.load(tmp_path / "runs" / "theirs" / "config.yaml").agent.layers == [8]
    assert (tmp_path / "runs" / "theirs" / "policy.onnx").is_file()
    assert verb("export", "run=runs/theirs", "to=mine.onnx", "trust=outside_agent") == (0, [])
    few = only("random", "random_legal", "round_robin", "topological", "expected_gain", "oracle_greedy")
    compared = [
        "runs=runs",
        "trust=outside_agent",
        "learners=40",
        "tracker=none",
        "reference=random_legal",
        "workers=1",
        *few,
    ]
    assert verb("evaluate", *compared, "hydra.run.dir=report")[0] == 0
    assert "theirs" in (tmp_path / "report" / "report.html").read_text()


def called(verb, folder):
    """The answer of each verb to a run's folder."""
    yield verb("evaluate", f"runs={folder}", "tracker=none")
    yield verb("export", f"run={folder}")
    yield verb("train", f"resume={folder}")


def test_an_old_run_is_told_the_new_addresses(verb, finished, tmp_path):
    shutil.copytree(finished, tmp_path / "old")
    config = OmegaConf.load(tmp_path / "old" / "config.yaml")
    config.agent = {"_target_": "coursewright.agents.sb3.maskable_ppo", "_partial_": True, "steps": 500_000}
    OmegaConf.save(config, tmp_path / "old" / "config.yaml")
    for code, lines in called(verb, "old"):
        assert code == 2
        assert len(lines) == 1
        assert "agent._target_ = coursewright.agents.sb3.maskable_ppo has moved" in lines[0]
        assert lines[0].endswith("it is now coursewright.agents.learning.ppo.Ppo (with masked: true)")


@pytest.mark.parametrize(("found", "word"), [(None, "format 1"), (FORMAT + 1, "a later coursewright")])
def test_a_run_of_another_format_is_one_line(verb, finished, tmp_path, found, word):
    shutil.copytree(finished, tmp_path / "other")
    code = json.loads((tmp_path / "other" / "code.json").read_text())
    assert code.pop("format") == FORMAT
    code |= {} if found is None else {"format": found}
    (tmp_path / "other" / "code.json").write_text(json.dumps(code))
    for exit_code, lines in called(verb, "other"):
        assert exit_code == 2
        assert len(lines) == 1
        assert word in lines[0]
        assert f"must be of format {FORMAT}" in lines[0]


@pytest.fixture(scope="module")
def bandit(tmp_path_factory):
    """A finished run of a bandit that learned across a few learners."""
    folder = tmp_path_factory.mktemp("bandit") / "run"
    few = ["agent.learners=40", "agent.batch=20", "task.steps=5"]
    assert run("train", ["agent=lin_ucb", *few, *TINY, f"hydra.run.dir={folder}"]) == 0
    return folder


@pytest.mark.slow
def test_a_linear_bandit_is_kept_as_json_and_read_by_evaluate(verb, tmp_path, bandit):
    assert sorted(p.name for p in bandit.glob("policy.*")) == ["policy.json"]
    few = only("random", "random_legal", "round_robin", "topological", "expected_gain", "oracle_greedy")
    given = [f"runs={bandit}", *few, "reference=random", "workers=1", "hydra.run.dir=out", *TINY]
    code, lines = verb("evaluate", *given)
    assert (code, lines) == (0, [])
    assert "lin_ucb" in next((tmp_path / "out").glob("*/policies.csv")).read_text()
    changed = tmp_path / "changed"
    shutil.copytree(bandit, changed)
    (changed / "policy.json").write_text("{}")
    code, lines = verb("evaluate", f"runs={changed}", *few, "reference=random", *TINY)
    assert code == 2
    assert "policy.json: truncated or broken" in lines[-1]
    (changed / "policy.json").unlink()
    code, lines = verb("evaluate", f"runs={changed}", *few, "reference=random", *TINY)
    assert code == 2
    assert "lacks policy.json" in lines[-1]


def test_a_linear_bandit_is_not_exported_as_a_network(verb, bandit):
    code, lines = verb("export", f"run={bandit}", "whole=false", "to=p.onnx")
    assert code == 2
    assert lines == [lines[0]]
    assert "leaves policy.json" in lines[0]


@pytest.mark.slow
def test_runs_teach_other_learners_of_the_same_course(verb, tmp_path):
    task = ["task=mastery", "task.steps=3", "task.features=[streak,successes,attempts,last_item]"]
    net = ["agent=maskable_ppo", "agent.steps=128", "agent.learners=32", "agent.imitate=null", "tracker=none"]
    for name in ("kt6kc", "families"):
        line = [
            f"simulator={name}",
            "learners=30",
            *task,
            *net,
            f"name={name}_net",
            f"hydra.run.dir=runs/{name}",
        ]
        assert verb("train", *line) == (0, [])
    few = [*only("random"), "learners=40", "workers=1", "tracker=none", "reference=random"]
    there = ["evaluate", "runs=runs", "simulator=kt6kc", "simulator.scenario=0", "simulator.guess=0.2"]
    code, lines = verb(*there, *few, "hydra.run.dir=there")
    assert (code, lines) == (0, [])
    table = pd.read_csv(tmp_path / "there" / "kt6kc-mastery" / "policies.csv")  # one study of both runs
    assert set(table["policy"]) == {"kt6kc_net", "families_net", "random"}
    code, lines = verb("evaluate", "runs=runs/kt6kc", "simulator=bkt_v0", *few, "hydra.run.dir=another")
    assert code == 2
    assert len(lines) == 1
    assert "simulator = bkt_v0: must be one with the 6 skills of runs = runs/kt6kc" in lines[0]
    assert not (tmp_path / "another").exists()
