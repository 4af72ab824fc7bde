"""The command line: `coursewright <verb> [overrides]`, or `python -m coursewright`.

Nothing heavy is imported here, so that help and typing errors answer at once.
"""

import os
import sys
from difflib import get_close_matches

VERBS = {
    "train": "train one policy, or a sweep of them, on simulated learners",
    "evaluate": "compare trained policies with random, tuned mastery rules and oracles",
    "import": "write a learner log of any size as a folder that fits in little memory",
    "fit": "fit learner parameters to a log",
    "validate": "how well learner models predict a log, and whether they behave like its learners",
    "export": "write a trained policy to a file that runs elsewhere",
    "demo": "the whole path on two tasks: train, compare, report (about four minutes)",
}

HELP = """Coursewright: learn what to teach next.

usage: coursewright <verb> [name=value ...]

{verbs}

  coursewright <verb> --help       what can be set, and the present values
  coursewright <verb> --cfg job    the composed configuration, without running

examples
  coursewright train experiment=kss
  coursewright train -m agent=maskable_ppo,ppo seed=0,1,2 hydra.sweep.dir=outputs/my-sweep
  coursewright train resume=outputs/train/...
  coursewright evaluate runs=outputs/my-sweep
  coursewright import log=datashop log.path=export.txt to=my-log
  coursewright fit log=stream log.path=my-log
  coursewright validate log=file log.path=my-log.parquet models=[bkt,item_difficulty]
  coursewright export run=outputs/train/... to=policy.onnx"""


def main() -> int:
    """Run a verb; the exit code is 0, 1 for a failure, 2 for wrong input, 130 when interrupted."""
    verb, *rest = sys.argv[1:] or ["--help"]
    if verb in ("-h", "--help", "help"):
        print(HELP.format(verbs="\n".join(f"  {name:<10} {what}" for name, what in VERBS.items())))
        return 0
    if verb == "--version":
        from coursewright import __version__

        print(__version__)
        return 0
    if verb not in VERBS:
        near = get_close_matches(verb, VERBS, n=1)
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        print(f"error: verb = {verb!r}: must be one of {', '.join(VERBS)}{hint}", file=sys.stderr)
        return 2
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    sys.path.insert(0, os.getcwd())  # modules of your own, named by _target_
    from coursewright.scripts.app import run

    return run(verb, rest)


if __name__ == "__main__":
    sys.exit(main())
