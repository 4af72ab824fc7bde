"""`coursewright demo`: the whole path on two tasks, with the public commands."""

import subprocess
import sys
import time

TRAIN = ["train", "-m", "experiment=kss_quick,bkt_ednet"]
FOLDER = "outputs/demo"


def main() -> None:
    """Train on KSS and on learners fitted to EdNet, side by side, then compare and report.

    `short=true` trains for a moment only and meets few learners: it shows that everything runs, and
    its numbers mean nothing.
    """
    short = _short(sys.argv[1:])
    folder = f"{FOLDER}-short" if short else FOLDER
    begin = time.monotonic()
    train = [*TRAIN, f"hydra.sweep.dir={folder}"]
    evaluate = [
        "evaluate",
        f"runs={folder}",
        f"hydra.run.dir={folder}/report",
        "policies.oracle_beam.kss_width=200",
    ]
    if short:
        train += ["agent.steps=16_000", "learners=200"]
        evaluate += ["learners=100"]
    for command in (train, evaluate):
        print("$ coursewright", " ".join(command), flush=True)
        done = subprocess.run([sys.executable, "-m", "coursewright", *command], check=False)
        if done.returncode:
            sys.exit(done.returncode)
    print(f"{time.monotonic() - begin:.0f} s in all")


def _short(arguments: list[str]) -> bool:
    from coursewright.errors import reject

    if arguments not in ([], ["short=true"], ["short=false"]):
        raise reject("demo", " ".join(arguments), "called alone or with short=true")
    return arguments == ["short=true"]
