"""`python -m coursewright_runtime tutor.onnx`: check a file by its golden trace; `--ask`: teach by hand."""

import argparse
import sys
from datetime import UTC, datetime

from coursewright_runtime import TutorError, Tutor, differs

ANSWERS = {"y": 1, "n": 0, "-": None}


def main() -> int:
    """The exit code: 1 where the file does not follow its golden trace, 2 where it is no tutor."""
    reads = argparse.ArgumentParser(prog="python -m coursewright_runtime", description=__doc__)
    reads.add_argument("tutor", help="an ONNX file, with its words (JSON) beside it")
    reads.add_argument("--ask", action="store_true", help="teach by hand in the terminal")
    given = reads.parse_args()
    try:
        tutor = Tutor(given.tutor)
    except TutorError as error:
        print(error, file=sys.stderr)
        return 2
    if given.ask:
        return ask(tutor)
    difference = differs(tutor)
    count = len(tutor.words["golden"]["responses"])
    print(f"{given.tutor}: {difference or f'follows its golden trace of {count} responses'}")
    return int(difference is not None)


def ask(tutor: Tutor) -> int:
    """Teach one learner by hand, until there is nothing to teach or the input ends."""
    lesson = tutor.begin()
    while (choice := lesson.next(at=datetime.now(UTC))) and choice.item is not None:
        try:
            told = input(f"{choice.item}: right? y, n, - (nothing asked), or an empty line to end: ").strip()
        except EOFError:
            return 0
        if not told:
            return 0
        if told in ANSWERS:
            lesson.observe(choice.item, ANSWERS[told], at=datetime.now(UTC))
    print("nothing is left to teach")
    return 0


if __name__ == "__main__":
    sys.exit(main())
