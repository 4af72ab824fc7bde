"""Hundreds of command lines that are wrong, each answered in one line, and odd ones that are right."""

import subprocess
import sys
from functools import cache

import pytest
from omegaconf import OmegaConf

import bad_lines
import forked
from coursewright.scripts.compose import compose, loader_of
from coursewright.scripts.line import read_line
from coursewright.scripts.words import read_word

COMMAND = [sys.executable, "-m", "coursewright"]


def faults(lines):
    forked.import_everything()
    told = [(verb, words, bad_lines.told(verb, words)) for verb, words in lines]
    return [(verb, words, answer.fault, answer.said[-400:]) for verb, words, answer in told if answer.fault]


@pytest.mark.parametrize("first", range(0, 150, 30))
def test_a_bad_line_gets_one_line_and_leaves_nothing_behind(first):
    assert faults(bad_lines.bad_lines(150)[first : first + 30]) == []


@pytest.mark.slow
def test_six_hundred_bad_lines():
    assert faults(bad_lines.bad_lines(600)[150:]) == []


@pytest.mark.slow
def test_bad_lines_by_the_real_command(tmp_path):
    for verb, words in bad_lines.bad_lines(630)[600:]:
        done = subprocess.run(
            [*COMMAND, verb, *words], cwd=tmp_path, capture_output=True, text=True, timeout=60
        )
        answer = bad_lines.Told(done.returncode, done.stderr, 0.0, [path.name for path in tmp_path.iterdir()])
        assert not answer.fault, (verb, words, answer)


def test_a_good_line_is_no_fault(monkeypatch):
    """The harness can fail: a line that is right has another exit code."""
    forked.import_everything()
    assert bad_lines.told("train", ["--cfg=job"]).fault == "exit code 0"


@cache
def composed(verb, *words):
    line = read_line(verb, list(words))
    (config,) = compose(line, loader_of(line)).jobs
    return {str(name): OmegaConf.to_yaml(config[name]) if OmegaConf.is_config(config[name]) else config[name]
            for name in config if name != "hydra" and not OmegaConf.is_missing(config, name)
            and not OmegaConf.is_interpolation(config, name)}  # fmt: skip


ODD = [(verb, plain, odd) for verb, plain, odds in bad_lines.HARMLESS for odd in odds]


@pytest.mark.parametrize(("verb", "plain", "odd"), ODD)
def test_an_odd_spelling_means_the_same(verb, plain, odd):
    def words(text):
        first, _, second = text.partition(" ")
        return [first, second] if first == "log=mapped" else [text]

    assert composed(verb, *words(odd)) == composed(verb, *words(plain))


def test_a_folder_is_no_sweep(tmp_path, monkeypatch):
    """A comma separates jobs, but in a path of Hydra's own, or in one that is there."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here,too").mkdir()
    for word in ("hydra.sweep.dir=my,sweep", "simulator.folder=here,too"):
        assert read_word("train", word, several=True).value() == word.partition("=")[2]
    assert read_word("train", "tutor=one,other", several=True).is_sweep_override()


@pytest.mark.parametrize(
    ("verb", "words", "said"),
    [
        ("train", ["=3"], "arguments: '=3' names no setting; one is written NAME=VALUE"),
        ("train", [""], "arguments: '' names no setting"),
        ("train", ["~agent"], "~agent: train cannot do without it"),
        ("train", ["agent=../ppo"], "agent = '../ppo': no such name (did you mean 'ppo'?)"),
        ("train", ["name=[/x]"], "name = [/x]: must be a plain name"),
        ("train", ["study=x [bold]"], "study = x [bold]: must be a plain name"),
        ("train", ["log=file"], "log: train reads no log; it reads simulator, task, agent, tracker"),
        ("validate", ["model=bkt"], "model: validate reads no model; give models=[NAME, ...]"),
        ("train", ["agents=[]"], "agents = []: must be a mapping"),
        ("train", ["tags={}"], "tags = {}: must be a list"),
        ("train", ["agent.layers.x=1"], "agent.layers.x: no such setting; agent.layers has none below it"),
        ("train", ["agent=[ppo]"], "agent = '[ppo]': no such name (did you mean 'ppo'?)"),
        ("train", ["agent=ppo", "agent.buffer_size=9"], "; agent=dqn, agent=qr_dqn would take it"),
        ("fit", ["log.path=x.csv"], "log=file, "),
        (
            "validate",
            ["models=[bkt,pfa]", "models.bkt.min_learners=2"],
            "models.bkt: no such setting; models has",
        ),
        ("train", ["agent=ppo", "agent=dqn"], "agent = dqn: given twice (also ppo); give one of them"),
        ("train", ["experiment=null", "seed=-1"], "seed = -1: must be"),
        (
            "train",
            ["simulator=afm", "simulator.folder=lerners"],
            "'lerners': there is no such file or folder",
        ),
        ("train", ["tutor=nowhere"], "tutor = 'nowhere': there is no such file or folder"),
        ("train", ["resume=nowhere"], "resume = 'nowhere': there is no such file or folder"),
        ("train", ["--config-dir=nowhere"], "--config-dir = 'nowhere': there is no such file or folder"),
        ("evaluate", ["runs=[nowhere]"], "runs = 'nowhere': there is no such file or folder"),
        ("export", ["run=nowhere"], "run = 'nowhere': there is no such file or folder"),
        ("fit", ["log=file", "log.path=nowhere"], "log.path = 'nowhere': there is no such file or folder"),
        (
            "simulate",
            ["policy=nowhere", "to=x.parquet"],
            "policy = 'nowhere': there is no such file or folder",
        ),
    ],
)
def test_a_line_says_which_word_is_wrong(verb, words, said):
    forked.import_everything()
    told = bad_lines.told(verb, words)
    assert not told.fault, told
    assert told.said.startswith("error: ")
    assert said in told.said


def test_settings_that_a_verb_lacks_are_not_named_as_known():
    told = bad_lines.told("validate", ["workers=2"])
    known = "log, tracker, settings, models, reference, min_group, folds, min_rows, replicates, draws, worlds"
    told_of = f"known: {known}, seed, and 3 more (coursewright validate --help)\n"
    assert told.said.endswith(told_of)  # the first twelve


@pytest.mark.parametrize(
    ("verb", "word", "end"),
    [
        ("train", "agent=nope", "more (coursewright list agents)\n"),
        ("train", "simulator=nope", "more (coursewright list simulators)\n"),
        ("train", "tutor=nope", "more (coursewright list models)\n"),
        ("evaluate", "+agent@policies.x=nope", "more (coursewright list agents)\n"),
        ("fit", "model=nope", "more (coursewright list models)\n"),
    ],
)
def test_a_list_that_is_cut_names_the_command_with_the_rest(verb, word, end):
    told = bad_lines.told(verb, [word])
    assert told.said.endswith(end)
    assert "..." not in told.said


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"a: [1\n", "odd.yaml, line 2: is no YAML"),
        (b"a: 1\na: 2\n", "odd.yaml, line 2: is no YAML (found duplicate key a)"),
        (b"# x\n_target_: \xff\n", "odd.yaml, line 2: is no YAML (byte 0xff is no UTF-8"),
        (b"just text\n", "agent._target_ = nothing: must be the address"),
        (b"", "agent._target_ = nothing: must be the address"),
    ],
)
def test_yaml_of_ones_own_that_cannot_be_read(tmp_path, content, said):
    forked.import_everything()
    (tmp_path / "agent").mkdir()
    (tmp_path / "agent" / "odd.yaml").write_bytes(content)
    for words in (["agent=odd"], ["-m", "agent=ppo,odd"]):
        told = bad_lines.told("train", [f"--config-dir={tmp_path}", *words])
        assert not told.fault, told
        assert said in told.said


def test_a_refusal_needs_no_torch():
    line = "from coursewright.scripts.app import run; import sys; code = run('train', ['agent.steps=-1'])"
    done = subprocess.run([sys.executable, "-c", f"{line}; print(code, 'torch' in sys.modules)"],
                          capture_output=True, text=True, check=False)  # fmt: skip
    assert done.stdout.split() == ["2", "False"]
