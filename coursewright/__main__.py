"""The command line: `coursewright <verb> [overrides]`, or `python -m coursewright`.

Nothing heavy is imported here, so that help and typing errors answer at once.
"""

import os
import sys
from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from coursewright.scripts.output import ended, forgiving

VERBS = {
    "train": "train one policy, or a sweep of them, on simulated learners",
    "tune": "try an agent's settings on tuning learners, then train the best anew with fresh seeds",
    "evaluate": "compare trained policies with random, tuned mastery rules and oracles",
    "import": "write a learner log of any size as a folder that fits in little memory",
    "fit": "fit learner parameters to a log",
    "validate": "check that learner models predict a log, and behave like its learners",
    "simulate": "write the answers of learners whom a policy taught, as a log with grades and propensities",
    "export": "write a trained policy to a file that runs elsewhere",
    "replay": "lead the learners of a log through a tutor's memory, and say what it would have chosen",
    "serve": "teach live learners with a tutor file, over HTTP",
    "status": "the state of runs: queued, running, done, failed, interrupted or died",
    "demo": "the whole path on two tasks: train, compare, report (about four minutes)",
}

HELP = """Coursewright: learn what to teach next.

usage: coursewright <verb> [name=value ...]

{verbs}

  coursewright <verb> --help       the settings, and their present values
  coursewright <verb> --cfg job    the composed configuration, without running
  coursewright list [agents]       the choices, each in a line
  coursewright --completion bash   tab completion: eval "$(coursewright --completion bash)" (or zsh, fish)

A folder that somebody sent is data: evaluate, export and train resume= run none of its code.  A run that
names code of your own package needs trust=PACKAGE.

examples
  coursewright train experiment=kss
  coursewright train -m agent=maskable_ppo,ppo seed=0,1,2 hydra.sweep.dir=outputs/my-sweep
  coursewright train resume=outputs/train/...
  coursewright status sweep=outputs/my-sweep
  coursewright tune agent=ucb simulator=bkt_v0 task=mastery trials=20
  coursewright evaluate runs=outputs/my-sweep
  coursewright import log=datashop log.path=export.txt to=my-log
  coursewright fit log=stream log.path=my-log
  coursewright validate log=file log.path=my-log.parquet models=[bkt,item_difficulty]
  coursewright simulate task=mastery simulator=bkt_v0 policy=random_legal to=log.parquet
  coursewright export run=outputs/train/... to=tutor.onnx
  coursewright replay policy=tutor.onnx log=file log.path=answers.csv
  coursewright serve policy=tutor.onnx"""

OWN_CODE = ("_target_", "trust=", "--config-dir", "-cd", "pkg://")  # words that name code of one's own


def main() -> int:
    """Run a verb; the exit code is 0, 1 for a failure, 2 for wrong input, 130 when interrupted.

    It is 141 where the reader of the output went away, as `head` does.
    """
    sys.stdout, sys.stderr = forgiving(sys.stdout), forgiving(sys.stderr)
    return ended(_answer())


def _answer() -> int:
    verb, *rest = sys.argv[1:] or ["--help"]
    if verb == "help" and rest:
        verb, rest = rest[0], ["--help"]
    if verb == "--version" or "--version" in rest:
        from coursewright import __version__

        print(__version__)
        return 0
    if verb not in VERBS:
        return _beside(verb, rest)
    if not {"-h", "--help"}.isdisjoint(rest):
        from coursewright.scripts.manual import manual

        print(f"coursewright demo [short=true]: {VERBS[verb]}" if verb == "demo" else manual(verb, rest))
        return 0
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    try:
        here = os.getcwd()
    except OSError as error:
        print(f"error: working directory: is gone ({error.strerror})", file=sys.stderr)
        return 2
    _find_own_modules(here, rest)
    from coursewright.scripts.app import run

    return run(verb, rest, last=True)


def _beside(verb: str, rest: Sequence[str]) -> int:
    """Answer a word that is no verb: help, lists, tab completion, or a misspelt verb."""
    if verb in ("-h", "--help", "help"):
        print(HELP.format(verbs="\n".join(f"  {name:<10} {what}" for name, what in VERBS.items())))
        return 0
    from coursewright.scripts.manual import LISTS, SCRIPTS, completions, listed

    given = rest[0] if rest else None
    if verb == "--complete" and len(rest) == 2:
        print("\n".join(completions([*VERBS, "list", "help"], rest[1], whole=given != "bash")))
    elif verb == "--completion" and given in SCRIPTS:
        print(SCRIPTS[given])
    elif verb == "list" and len(rest) > 1:
        return _wrong("list", " ".join(rest), LISTS)
    elif verb == "list" and (given is None or given in LISTS):
        print(listed(given))
    elif verb in ("list", "--completion"):
        return _wrong(verb, str(given), LISTS if verb == "list" else SCRIPTS)
    else:
        return _wrong("verb", verb, VERBS)
    return 0


def _wrong(field: str, value: str, known: Iterable[str]) -> int:
    near = get_close_matches(value, list(known), n=1)
    hint = f" (did you mean {near[0]!r}?)" if near else ""
    print(f"error: {field} = {value!r}: must be one of {', '.join(known)}{hint}", file=sys.stderr)
    return 2


def _find_own_modules(here: str, arguments: list[str]) -> None:
    """Put the working directory last among the places of modules, and only where a line names one's own code.

    Python's -m puts it first, here and in every worker.  There a `queue.py` would stand for Python's own,
    and code in a folder that somebody sent would run for the asking.
    """
    sys.path[:] = [place for place in sys.path if place not in ("", here)]
    if here == os.path.dirname(os.path.dirname(os.path.abspath(__file__))):  # a checkout without installation
        sys.path.append(here)
        return
    os.environ["PYTHONSAFEPATH"] = "1"
    if any(word in argument for argument in arguments for word in OWN_CODE):
        sys.path.append(here)


if __name__ == "__main__":
    sys.exit(main())
