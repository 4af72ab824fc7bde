"""Learner models by the names of their files in configs/model."""

from collections.abc import Iterable

from hydra import compose
from hydra.utils import instantiate
from omegaconf import OmegaConf

from coursewright.errors import reject
from coursewright.fitting.model import LearnerModel


def learner_models(names: str | Iterable[str], first: str) -> dict[str, LearnerModel]:
    """The models called `first` and `names`, each once, in that order; only inside a Hydra app.

    A file's `fit.model` is the learner model, or its `model`, where `fit` does more than that.
    """
    every = dict.fromkeys([first, *([names] if isinstance(names, str) else names)])
    entries = {name: compose(overrides=[f"+model={name}"]).model for name in every}
    for name, entry in entries.items():
        if OmegaConf.select(entry, "fit.model") is None and "model" not in entry:
            raise reject("models", name, "a file in configs/model with fit.model, which follows LearnerModel")
    return {name: instantiate(entry.get("model") or entry.fit.model) for name, entry in entries.items()}
