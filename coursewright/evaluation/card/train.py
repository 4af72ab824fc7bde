"""`python -m coursewright.evaluation.card.train --to FILE`: one schedule for every price.

It is trained by reward alone (see `training`); `python -m coursewright.evaluation.card --agent FILE` shows it
beside the others.
"""

import argparse
import sys
import time
from dataclasses import fields
from pathlib import Path

from coursewright.errors import InputError, reject
from coursewright.evaluation.card.training import CardPpo


def main() -> int:
    """Train and save; the exit code is 2 for wrong input."""
    default = {field.name: field.default for field in fields(CardPpo)}
    words = argparse.ArgumentParser(prog="python -m coursewright.evaluation.card.train", description=__doc__)
    words.add_argument("--to", type=Path, required=True, help="the file of the trained schedule, .npz")
    words.add_argument("--seed", type=int, default=0)
    words.add_argument("--steps", type=int, default=default["steps"], help="reviews over all cards")
    words.add_argument("--days", type=int, default=default["days"], help="the horizon")
    words.add_argument(
        "--published", type=float, default=default["published"], help="share of cards with published weights"
    )
    words.add_argument("--layers", type=int, nargs="*", default=default["layers"], help="their widths")
    given = words.parse_args()
    try:
        if given.to.exists():
            raise reject("--to", given.to, "a new file; name another, or remove that one")
        agent = CardPpo(given.days, given.published, given.steps, layers=given.layers)
        begun = time.process_time()
        agent(given.seed).save(given.to)
        print(f"{given.to}: {time.process_time() - begun:.0f} s of CPU")
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
