"""The tutor that a word means, before anything is fitted: enough to check a task with."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.config_loader import ConfigLoader
from hydra.types import RunMode
from omegaconf import OmegaConf

from coursewright.errors import InputError, reject
from coursewright.scripts.compose import options
from coursewright.scripts.making import made
from coursewright.scripts.trust import targets
from coursewright.scripts.words import typed

if TYPE_CHECKING:
    from coursewright.envs.mind import Mind
    from coursewright.envs.task import Task
    from coursewright.simulators.course import Course
    from coursewright.simulators.knowledge.bkt import Bkt

MEMORIES = "coursewright.fitting.memory."  # models whose minds tell stabilities


def even(course: "Course") -> "Bkt":
    """BKT of which nothing is known."""
    from coursewright.simulators.knowledge.bkt import Bkt
    from coursewright.simulators.knowledge.parameters import BktParameters

    even = dict.fromkeys(("prior", "learn", "guess", "slip"), [0.25] * course.n_skills)
    return Bkt(course, BktParameters(**even, skills=course.skills))  # type: ignore[arg-type]


def unfitted_mind(given: str, task: "Task", loader: ConfigLoader) -> "Mind[Any] | None":
    """The mind of a folder's learners, or one that shows what a fitted model would; None: a table."""
    from coursewright.agents.beliefs.bkt import BktBelief
    from coursewright.agents.beliefs.minds import learners_of, mind_of
    from coursewright.agents.tutor import refuse_unfit
    from coursewright.envs import shipped
    from coursewright.simulators.memory.fsrs import Fsrs

    course = task.course
    if Path(given).is_dir():
        model = learners_of(Path(given))
        try:
            return mind_of(model, course)
        except InputError as error:
            _, _, allowed = str(error).partition(": must be ")
            own = f"{typed('simulator.folder', given)} teaches its own learners"
            raise reject("tutor", given, f"{allowed or error}; {own}") from error
    models = options(loader, "model")
    if given not in models:
        shipped.tutor(given, course, models)
        return None
    file = loader.load_configuration(f"model/{given}", [], RunMode.RUN)
    refuse_unfit(task, made(file.model, "tutor"))
    named = targets(OmegaConf.to_container(file, resolve=False))
    fades = any(str(address).startswith(MEMORIES) for _, address in named)
    return mind_of(Fsrs(course), course) if fades else BktBelief(course, even(course))
