"""The settings at the top of each verb's configuration: names, kinds and ranges, in one place.

The groups (`simulator`, `task`, ...) are checked by the signatures of the things that they make; see `check`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from coursewright.errors import absent, reject, unknown, unsettable
from coursewright.scripts.products import refuse_anything
from coursewright.scripts.ranges import given, named, several, some, there, whole, writable
from coursewright.scripts.trust import trusted_of

Node = Mapping[str, Any]
MOST = 10_000_000  # learners, resamples: beyond it no machine has the memory or the time
SEEDS = 2**32 - 1
FEWEST = 5  # trainings for an interval about a recipe
KINDS = ("knowledge", "memory", "content", "model")  # of tasks (see `Task.kind`); model: the tutor has one
LIMITS = {"body": 256, "rate": 1, "k": 1}  # of `serve`: the least of each


@dataclass(frozen=True, kw_only=True)
class Train:
    """`coursewright train`."""

    simulator: Node
    task: Node
    agent: Node
    tracker: Node
    seeds: Node
    choices: Node
    agents: Mapping[str, Node]
    seed: int
    tutor: str | None
    learners: int
    name: str
    study: str
    tags: Sequence[str]

    def __post_init__(self) -> None:
        whole(0, SEEDS, seed=self.seed)
        whole(1, MOST, learners=self.learners)
        named(name=self.name, study=self.study)
        given(tutor=self.tutor)


@dataclass(frozen=True, kw_only=True)
class Tune:
    """`coursewright tune`."""

    simulator: Node
    task: Node
    agent: Node
    tracker: Node
    seeds: Node
    choices: Node
    agents: Mapping[str, Node]
    space: Mapping[str, Node]
    policies: Mapping[str, Node]
    trials: int
    learners: int
    retrain: int
    evaluated: int
    together: int
    part: int | None
    workers: int
    seed: int
    tutor: str | None
    name: str
    study: str
    tags: Sequence[str]

    def __post_init__(self) -> None:
        whole(1, 100_000, trials=self.trials)
        whole(2, MOST, learners=self.learners, evaluated=self.evaluated)
        whole(FEWEST, 1000, retrain=self.retrain)
        whole(1, 1024, together=self.together, workers=self.workers)
        whole(0, SEEDS - self.retrain, seed=self.seed)
        whole(0, 1023, part=self.part or 0)
        named(name=self.name, study=self.study)
        given(tutor=self.tutor)


@dataclass(frozen=True, kw_only=True)
class Evaluate:
    """`coursewright evaluate`."""

    simulator: Node
    task: Node
    tracker: Node
    seeds: Node
    choices: Node
    policies: Mapping[str, Node]
    outcomes: Mapping[str, Node]
    statistics: Mapping[str, Node]
    figures: Mapping[str, Node]
    runs: str | Sequence[str] | None
    policy: str | Sequence[str] | None
    learners_folder: str | None
    trust: str | Sequence[str]
    kinds: Mapping[str, Sequence[str]]
    learners: int
    reference: str | None
    baseline: str
    aims: Sequence[str]
    columns: Sequence[str]
    example: int | None
    seed: int
    tutor: str | None
    workers: int
    name: str
    study: str
    tags: Sequence[str]

    def __post_init__(self) -> None:
        whole(0, SEEDS, seed=self.seed)
        whole(2, MOST, learners=self.learners)
        if self.example is not None:
            whole(0, self.learners - 1, example=self.example)
        whole(1, 1024, workers=self.workers)
        trusted_of(self.trust)
        named(name=self.name, study=self.study)
        given(baseline=self.baseline)
        given(reference=self.reference)
        for name, kinds in self.kinds.items():
            for kind in kinds:
                if kind not in KINDS:
                    raise unknown(f"kinds.{name}", kind, KINDS)
        some(policies=self.policies, outcomes=self.outcomes, statistics=self.statistics, aims=self.aims)
        given(tutor=self.tutor, policy=self.policy)
        if self.learners_folder is not None:
            if self.runs is None:
                raise reject("learners_folder", self.learners_folder, "given with runs only")
            there(learners_folder=self.learners_folder, wanted="a folder that fit wrote")
        for place in self.places:
            there(runs=place, wanted="a run's folder, a sweep's, or a list of them")

    @property
    def places(self) -> Sequence[str]:
        """The folders of `runs`."""
        if isinstance(self.runs, str):
            return [self.runs]
        if self.runs is not None and not self.runs:
            raise reject("runs", "[]", "a run's folder, a sweep's, or a list of them")
        return self.runs or []


@dataclass(frozen=True, kw_only=True)
class Import:
    """`coursewright import`."""

    log: Node
    to: str
    parts: int
    study: str
    tags: Sequence[str]

    def __post_init__(self) -> None:
        whole(1, 1000, parts=self.parts)
        named(study=self.study)
        writable("to", self.to, folder=True)
        refuse_anything(self.to)


@dataclass(frozen=True, kw_only=True)
class Fit:
    """`coursewright fit`."""

    log: Node
    model: Node
    tracker: Node
    draws: int
    folds: int
    min_rows: int
    worlds: int
    min_group: int
    seed: int
    out: str
    name: str
    study: str
    tags: Sequence[str]

    def __post_init__(self) -> None:
        whole(0, MOST, draws=self.draws, worlds=self.worlds)
        several(self.worlds)
        whole(2, MOST, folds=self.folds)
        whole(1, MOST, min_rows=self.min_rows, min_group=self.min_group)
        whole(0, SEEDS, seed=self.seed)
        named(name=self.name, study=self.study)
        writable("out", self.out, folder=True)


@dataclass(frozen=True, kw_only=True)
class Validate:
    """`coursewright validate`."""

    log: Node
    tracker: Node
    settings: Node
    models: str | Sequence[str]
    reference: str
    min_group: int
    folds: int
    min_rows: int
    replicates: int
    draws: int
    worlds: int
    seed: int
    name: str
    study: str
    tags: Sequence[str]

    def __post_init__(self) -> None:
        whole(0, SEEDS, seed=self.seed)
        whole(0, MOST, draws=self.draws, worlds=self.worlds)
        several(self.worlds)
        whole(1, MOST, min_group=self.min_group, min_rows=self.min_rows)
        whole(2, MOST, folds=self.folds, replicates=self.replicates)
        named(name=self.name, study=self.study)
        given(reference=self.reference)
        some(models=self.models)


@dataclass(frozen=True, kw_only=True)
class Replay:
    """`coursewright replay`."""

    log: Node
    tracker: Node
    settings: Node
    policy: str
    min_group: int
    tables: Literal["parquet", "csv"]
    seed: int
    name: str
    study: str
    tags: Sequence[str]

    def __post_init__(self) -> None:
        given(policy=self.policy)
        whole(1, MOST, min_group=self.min_group)
        whole(0, SEEDS, seed=self.seed)
        named(name=self.name, study=self.study)


@dataclass(frozen=True, kw_only=True)
class Export:
    """`coursewright export`."""

    simulator: Node
    task: Node
    seeds: Node
    choices: Node
    run: str | None
    learners_folder: str | None
    to: str
    whole: bool
    trust: str | Sequence[str]
    seed: int
    tutor: str | None

    def __post_init__(self) -> None:
        given(run=self.run)
        trusted_of(self.trust)
        if self.run is not None:
            there(run=self.run, wanted="the folder of a finished training run")
        whole(0, SEEDS, seed=self.seed)
        given(tutor=self.tutor)
        if self.learners_folder is not None:
            there(learners_folder=self.learners_folder, wanted="a folder that fit wrote")
        writable("to", self.to)


@dataclass(frozen=True, kw_only=True)
class Simulate:
    """`coursewright simulate`."""

    simulator: Node
    task: Node
    seeds: Node
    choices: Node
    policy: str
    learners: int
    deterministic: bool
    to: str
    split: Literal["train", "tune", "evaluate"]
    seed: int
    tutor: str | None

    def __post_init__(self) -> None:
        given(policy=self.policy)
        whole(1, MOST, learners=self.learners)
        whole(0, SEEDS, seed=self.seed)
        writable("to", self.to)
        if Path(self.to).suffix != ".parquet":
            raise reject("to", self.to, "a Parquet file, whose name ends in .parquet (log=file reads it)")
        given(tutor=self.tutor)


@dataclass(frozen=True, kw_only=True)
class Serve:
    """`coursewright serve`."""

    policy: str
    store: str
    key: str | None
    token: str | None
    teachers: str | None
    host: str
    port: int
    workers: int
    min_group: int
    explore: float
    renew: bool
    access: bool
    limits: Mapping[str, Any]

    def __post_init__(self) -> None:
        given(policy=self.policy, store=self.store, key=self.key, host=self.host)
        given(token=self.token, teachers=self.teachers)
        if not Path(self.policy).is_file():
            raise absent("policy", self.policy, "a tutor file (coursewright export run=RUN to=tutor.onnx)")
        whole(0, 65_535, port=self.port)
        whole(1, 64, workers=self.workers)
        whole(2, MOST, min_group=self.min_group)
        if not 0.0 <= self.explore <= 1.0:
            raise reject("explore", self.explore, "a chance from 0 to 1")
        for name, value in self.limits.items():
            if name not in LIMITS:
                raise unsettable(f"limits.{name}", tuple(LIMITS))
            if isinstance(value, bool) or not isinstance(value, int) or not LIMITS[name] <= value <= MOST:
                raise reject(f"limits.{name}", value, f"a whole number >= {LIMITS[name]}")
        if "://" not in self.store:
            writable("store", self.store)


SETTINGS = {
    "train": Train,
    "tune": Tune,
    "evaluate": Evaluate,
    "import": Import,
    "fit": Fit,
    "validate": Validate,
    "replay": Replay,
    "export": Export,
    "simulate": Simulate,
    "serve": Serve,
}
