"""Hundreds of command lines that are wrong, each answered in one line, and odd ones that are right."""

import subprocess
import sys

import pytest
from omegaconf import OmegaConf

import bad_lines
from coursewright.scripts.compose import compose, loader_of
from coursewright.scripts.line import read_line
from coursewright.scripts.words import read_word

COMMAND = [sys.executable, "-m", "coursewright"]


def faults(lines):
    bad_lines.import_everything()
    told = [(verb, words, bad_lines.told(verb, words)) for verb, words in lines]
    return [(verb, words, answer.fault, answer.said[-400:]) for verb, words, answer in told if answer.fault]


def test_a_bad_line_gets_one_line_and_leaves_nothing_behind():
    assert faults(bad_lines.bad_lines(150)) == []


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
    bad_lines.import_everything()
    assert bad_lines.told("train", ["--cfg=job"]).fault == "exit code 0"


def composed(verb, words):
    line = read_line(verb, words)
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

    assert composed(verb, words(odd)) == composed(verb, words(plain))


def test_a_folder_is_no_sweep(tmp_path, monkeypatch):
    """A comma separates jobs, but in a path of Hydra's own, or in one that is there."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here,too").mkdir()
    for word in ("hydra.sweep.dir=my,sweep", "simulator.folder=here,too"):
        assert read_word("train", word, several=True).value() == word.partition("=")[2]
    assert read_word("train", "tutor=one,other", several=True).is_sweep_override()


def test_a_refusal_needs_no_torch():
    line = "from coursewright.scripts.app import run; import sys; code = run('train', ['agent.steps=-1'])"
    done = subprocess.run([sys.executable, "-c", f"{line}; print(code, 'torch' in sys.modules)"],
                          capture_output=True, text=True, check=False)  # fmt: skip
    assert done.stdout.split() == ["2", "False"]
