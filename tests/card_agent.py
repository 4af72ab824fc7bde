"""The card's trained agent beside fixed retention and the exact optimum, for weights that it never met too.

    python tests/card_agent.py                              # five trainings, all figures
    python tests/card_agent.py --seeds 1 --vectors 8        # less of it
    python tests/card_agent.py --agents a.npz b.npz         # trained before, by card.train

A row is a training: CPU seconds, and the leads of time and of worth (see `evaluation/card/lead.py`), with the
coverage of the former, on the published weights and as means over people whose weights are drawn.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from coursewright.evaluation.card.card import Card
from coursewright.evaluation.card.lead import Ends, Lead, ends_of, lead_of
from coursewright.evaluation.card.lives import held_out
from coursewright.evaluation.card.priced import Priced
from coursewright.evaluation.card.training import CardPpo
from coursewright.evaluation.statistics import FEWEST_SEEDS, over_seeds

DRAWN_PRICES = (8, 64, 256)  # the optimum takes a second and a half for each
HEAD = """| training | CPU s | published: time | coverage | worth | drawn: time | coverage | worth | lowest |
|---|---|---|---|---|---|---|---|---|"""


def lead(policy: Priced, ends: Ends) -> Lead:
    """The lead of one policy at every price."""
    return lead_of(ends, {price: policy.at(price, ends.card) for price in ends.best})


def shares_of(published: Lead, drawn: list[Lead]) -> tuple[float, ...]:
    """The shares of a line of the table; the last one is the lowest lead of worth over people."""
    mean = np.mean(drawn, axis=0) if drawn else np.full(3, np.nan)
    lowest = min((found.worth for found in drawn), default=float("nan"))
    told = (published.time, published.coverage, published.worth, mean[0], mean[2], mean[1], lowest)
    return tuple(map(float, told))


def around(shares: Sequence[float]) -> str:
    """The mean of trainings, with its 95 % t interval where there are five or more."""
    if len(shares) < FEWEST_SEEDS:
        return f"{np.mean(shares):.1%}"
    found = over_seeds(np.array(shares))
    return f"{found.value:.1%} [{found.low:.1%}, {found.high:.1%}]"


def main() -> None:
    """Print the rows as they come, and then their means."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--seeds", type=int, default=5, help="how many trainings")
    asked.add_argument("--agents", type=Path, nargs="*", help="files of trained schedules, in their place")
    asked.add_argument("--vectors", type=int, default=32, help="how many weight vectors are drawn")
    asked.add_argument("--cards", type=int, default=5000, help="simulated cards of the published weights")
    asked.add_argument("--drawn-cards", type=int, default=1000, help="and of each drawn vector")
    given = asked.parse_args()
    policies: dict[str, tuple[float, Priced]] = {}
    for path in given.agents or ():
        policies[str(path)] = (float("nan"), Priced.load(path))
    for seed in range(0 if given.agents else given.seeds):
        begun = time.process_time()
        policy = CardPpo()(seed)
        policies[f"seed {seed}"] = (time.process_time() - begun, policy)
    published = ends_of(Card(), cards=given.cards)
    drawn: dict[str, list[Lead]] = {name: [] for name in policies}
    for weights in held_out(given.vectors, Card().weights):
        ends = ends_of(Card(weights=weights), DRAWN_PRICES, given.drawn_cards)
        for name, (_, policy) in policies.items():
            drawn[name].append(lead(policy, ends))
            print(f"# person {len(drawn[name])}, {name}: {drawn[name][-1]}", file=sys.stderr, flush=True)
    print(HEAD)
    rows = []
    for name, (seconds, policy) in policies.items():
        rows.append(shares_of(lead(policy, published), drawn[name]))
        print(
            f"| {name} | {seconds:.0f} | " + " | ".join(f"{share:.1%}" for share in rows[-1]) + " |",
            flush=True,
        )
    print("| mean | | " + " | ".join(map(around, zip(*rows, strict=True))) + " |")


if __name__ == "__main__":
    main()
