"""The recorded figures: a change of structure must leave them as they are, to the bit.

    export PYTHONPATH=.:tests/support
    python tests/figures.py > before.json            # at the one commit
    python tests/figures.py --against before.json    # at the other, on the same machine

Answers and states of every configured simulator, every configured agent on small tasks, three short
trainings, one comparison, and a fit of each model to the synthetic log.  A figure is a number in full
precision or the hash of an array or a file; another processor may train to other last digits, so both
sides are made on one machine.
"""

import hashlib
import json
import logging
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from hydra import compose, initialize_config_module
from hydra.utils import instantiate

from contract import CONFIGS, names, short_walk
from coursewright.agents.tracker import SilentTracker
from coursewright.agents.tutor import TaskRecipe
from coursewright.data.synthetic import synthetic_log
from coursewright.envs.rollout import rollout
from coursewright.envs.task import Task
from coursewright.errors import InputError
from coursewright.evaluation.comparison.compare import compare
from coursewright.evaluation.comparison.settings import Comparing
from coursewright.fitting.folder import Trials, fit_model

GROUPS = CONFIGS.parent
LEARNERS = 200
# Small tasks of every kind: knowledge, behind a mask, memory, content, several skills an item.
TASKS = {
    "kss": ["experiment=kss_t10"],
    "bkt-masked": ["experiment=bkt_v0", "task.steps=40"],
    "ednet": ["experiment=bkt_ednet", "task.steps=20"],
    "kt6kc": ["simulator=kt6kc", "task=mastery", "task.steps=30"],
    "tms": ["simulator=tms", "task=mastery", "task.steps=20", "agent=random"],
    "efc": ["simulator=efc", "task=recall", "task.steps=40", "agent=random"],
    "fsrs-spacing": ["simulator=fsrs", "task=spacing", "task.steps=15", "agent=random"],
    "act_r-retention": ["simulator=act_r", "task=retention", "task.steps=15", "agent=random"],
    "rich": ["experiment=rich"],
    "strata": ["simulator=strata", "task=post_test", "agent=random"],
}
TRAININGS = {
    "maskable_ppo": ["agent.steps=5120", "agent.learners=32", "agent.batch_size=64"],
    "ppo": ["agent.steps=5120", "agent.learners=32", "agent.batch_size=64"],
    "recurrent_ppo": ["agent.steps=5120", "agent.learners=32", "agent.batch_size=64"],
    "maskable_recurrent_ppo": ["agent.steps=5120", "agent.learners=32", "agent.batch_size=64"],
    "a2c": ["agent.steps=5120", "agent.learners=32"],
    "trpo": ["agent.steps=5120", "agent.learners=32", "agent.batch_size=64"],
    "dqn": ["agent.steps=4096", "agent.learners=16", "agent.learning_starts=1000", "agent.buffer_size=5000"],
    "qr_dqn": [
        "agent.steps=4096",
        "agent.learners=16",
        "agent.learning_starts=1000",
        "agent.buffer_size=5000",
    ],
    "ars": ["agent.steps=4096", "agent.learners=8", "agent.directions=4"],
}
TRAINED = set(TRAININGS)
RENAMED = {  # since the figures were recorded
    "simulator/dash": "simulator/deeptutor_dash",
    "simulator/hlr_deeptutor": "simulator/deeptutor_hlr",
}


def digest(*arrays: Any) -> str:
    """A hash of arrays, their types and shapes."""
    total = hashlib.sha256()
    for array in map(np.ascontiguousarray, arrays):
        total.update(f"{array.dtype} {array.shape}".encode() + array.tobytes())
    return total.hexdigest()[:16]


def simulators() -> Iterator[tuple[str, Any]]:
    """Six learners, twenty-five steps each."""
    for name in names():
        yield f"simulator/{name}", digest(*short_walk(name).values())


def environments() -> Iterator[tuple[str, Any]]:
    """Random steps in the registered environments, single and vectorised."""
    for name, options in (("BKT-v0", {}), ("BKT-v0", {"mask": True}), ("KSS-v0", {})):
        env = gym.make_vec(f"coursewright/{name}", num_envs=33, **options)
        seen, _ = env.reset(seed=5)
        total = hashlib.sha256(np.ascontiguousarray(seen).tobytes())
        actions = np.random.default_rng(1).integers(0, env.single_action_space.n, (230, 33))
        for action in actions:
            seen, reward, over, _, info = env.step(action)
            for array in (seen, reward, over, info["action_mask"], info["allowed"]):
                total.update(np.ascontiguousarray(array).tobytes())
        yield f"env/{name}{'-masked' if options else ''}", total.hexdigest()[:16]


def task_of(overrides: list[str], agent: list[str] = []) -> tuple[Task, Any]:  # noqa: B006
    """The task and the agent of a command line."""
    with initialize_config_module("coursewright.configs", version_base="1.3"):
        config = compose("train", [*overrides, *agent], return_hydra_config=True)
    recipe = TaskRecipe(
        instantiate(config.simulator), instantiate(config.task, seeds=instantiate(config.seeds))
    )
    table = recipe.tutor(None, config.hydra.runtime.choices["simulator"])
    return recipe.with_tutor(table), instantiate(config.agent)


def played(task: Task, policy: Any) -> dict[str, Any]:
    """The result of one policy for 200 learners."""
    run = rollout(task, policy, LEARNERS, chunk=70)
    kept = (run.item, run.correct, run.curve, run.start, run.end, run.minutes, run.refused, run.days)
    return {"return": float(run.returned.mean()), "hash": digest(*kept)}


def chosen(agent: str, overrides: list[str]) -> list[str]:
    """The overrides with another agent; an experiment's own settings for its agent go with it."""
    given = [o for o in overrides if not o.startswith("agent=")]
    return [*given, f"agent={agent}"]


def policies() -> Iterator[tuple[str, Any]]:
    """Every configured agent that needs no training, on every task that it can do."""
    agents = sorted(p.stem for p in (GROUPS / "agent").glob("*.yaml") if p.stem not in TRAINED)
    for place, overrides in TASKS.items():
        plain = [o for o in overrides if not o.startswith("agent=")]
        task = task_of(plain)[0]
        for agent in agents:
            with initialize_config_module("coursewright.configs", version_base="1.3"):
                small = (
                    ["learners=50"] if "learners:" in (GROUPS / "agent" / f"{agent}.yaml").read_text() else []
                )
                config = compose("train", [f"agent={agent}", *(f"agent.{o}" for o in small)])
            try:
                policy = instantiate(config.agent)(task, 0, SilentTracker())
                yield f"policy/{place}/{agent}", played(task, policy)
            except InputError:
                yield f"policy/{place}/{agent}", "refused"


def trainings() -> Iterator[tuple[str, Any]]:
    """Short trainings to the bit."""
    for agent, options in TRAININGS.items():
        task, make = task_of(
            ["simulator=kss_cseal18", "task=kss", "task.steps=10", f"agent={agent}"], options
        )
        yield f"trained/{agent}", played(task, make(task, 3, SilentTracker()))


def comparisons() -> Iterator[tuple[str, Any]]:
    """One comparison with bootstrap draws of the learners."""
    task, _ = task_of(TASKS["ednet"])
    made = {}
    for name in ("random", "random_legal", "expected_gain", "n_in_a_row", "oracle_greedy"):
        with initialize_config_module("coursewright.configs", version_base="1.3"):
            made[name] = instantiate(compose("train", [f"agent={name}"]).agent)(task, 0, SilentTracker())
    found = compare(task, made, Comparing(learners=300, reference="n_in_a_row"))
    names = {  # statistic of the return -> what its value and interval are recorded as
        "mean": ("mean", "low", "high"),
        "difference": ("difference", "diff_low", "diff_high"),
        "p_improvement": ("p_improvement", "p_low", "p_high"),
        "headroom": ("headroom", "headroom_low", "headroom_high"),
    }
    for row in found.rows:
        if row.outcome == "return":
            for key, value in zip(names[row.statistic], (row.value, row.low, row.high), strict=True):
                yield f"comparison/{row.condition}/{row.policy}/{key}", value
    for (condition, policy), table in found.learners.groupby(["condition", "policy"], observed=True):
        means = table[["start", "end", "gain", "steps", "minutes", "over_practice"]].mean()
        for key, value in {**means, "refused": table["refused"].sum() / max(1, table["steps"].sum())}.items():
            yield f"comparison/{condition}/{policy}/{key}", float(value)


def fits() -> Iterator[tuple[str, Any]]:
    """A fit of each model to the synthetic log: the content of its folder, cards apart."""
    log = synthetic_log()
    for path in sorted((GROUPS / "model").glob("*.yaml")):
        neural = path.stem in ("dkt", "gru")
        draws, trials = (0, Trials(2, worlds=0)) if neural else (4, Trials(3, worlds=2))
        options = ["model.epochs=2"] if neural else []
        with initialize_config_module("coursewright.configs", version_base="1.3"):
            config = compose("fit", [f"model={path.stem}", *options])
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "fit"
            fit_model(log, out, instantiate(config.model), draws, trials, command="recorded")
            for file in sorted(out.iterdir()):
                if file.suffix != ".md":
                    yield f"fit/{path.stem}/{file.name}", hashlib.sha256(file.read_bytes()).hexdigest()[:16]


def main() -> int:
    """Print the figures, or their differences from those of a file."""
    logging.disable(logging.WARNING)
    parts = (simulators, environments, policies, trainings, comparisons, fits)
    wanted = sys.argv[sys.argv.index("--only") + 1].split(",") if "--only" in sys.argv else None
    found = {}
    for part in parts:
        if wanted is None or part.__name__ in wanted:
            for name, figure in part():
                found[name] = figure
                print(f"{name}: {figure}", file=sys.stderr)
    if "--against" not in sys.argv:
        print(json.dumps(found, indent=0))
        return 0
    before = json.loads(Path(sys.argv[sys.argv.index("--against") + 1]).read_text(encoding="utf-8"))
    before = {RENAMED.get(name, name): figure for name, figure in before.items()}
    same = json.loads(json.dumps(found))
    changed = [name for name in before if name in same and before[name] != same[name]]
    missing = [name for name in before if name not in same]
    for name in changed:
        print(f"CHANGED {name}: {before[name]} -> {same[name]}")
    print(f"{len(same)} figures, {len(changed)} changed, {len(missing)} of before missing: {missing[:20]}")
    return int(bool(changed or (missing and wanted is None)))


if __name__ == "__main__":
    sys.exit(main())
