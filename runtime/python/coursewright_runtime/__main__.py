"""`python -m coursewright_runtime tutor.onnx`: check a file by its golden trace."""

import argparse
import sys

from coursewright_runtime import Tutor, TutorError, differs


def main() -> int:
    """The exit code: 1 where the file does not follow its golden trace, 2 where it is no tutor."""
    reads = argparse.ArgumentParser(prog="python -m coursewright_runtime", description=__doc__)
    reads.add_argument("tutor", help="an ONNX file, with its words (JSON) beside it")
    path = reads.parse_args().tutor
    try:
        difference = differs(Tutor(path))
    except TutorError as error:
        print(error, file=sys.stderr)
        return 2
    print(f"{path}: {difference or 'follows its golden trace'}")
    return int(difference is not None)


sys.exit(main())
