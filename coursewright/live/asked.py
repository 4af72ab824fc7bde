"""The bodies of requests, as the OpenAPI page shows them; `words` has the checks that count."""

from pydantic import BaseModel, ConfigDict, Field

LEARNER = Field(description="the host's id of the learner; it is stored as a pseudonym", examples=["anna"])
TIME = Field(default=None, description="ISO 8601 with its zone, or days since 1970 UTC; null: now")


class Asked(BaseModel):
    """A body: fields that are not there are refused, and no value is bent to fit."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Learner(Asked):
    """One learner."""

    learner: str = LEARNER


class Observe(Learner):
    """One response."""

    item: str = Field(description="the item's name", examples=["0"])
    correct: int | bool | None = Field(
        description="1, 0, or null: nothing was asked, or the answer was helped"
    )
    time: str | float | None = TIME
    minutes: float = Field(default=0.0, description="spent on the item")
    id: str | None = Field(
        default=None, description="the host's id of this response alone; sent again, it counts once"
    )
    past: bool = Field(default=False, description="it happened before the lessons began")
    taught: bool = Field(default=True, description="false: answered and not worked through, as in a test")


class Next(Learner):
    """A question for what comes next."""

    k: int = Field(default=1, description="choices, the best first")
    only: list[str] | None = Field(default=None, description="the items that can be shown now; null: all")
    exclude: list[str] = Field(default_factory=list, description="items that cannot be shown now")
    time: str | float | None = TIME


class Override(Learner):
    """A teacher's choice."""

    item: str = Field(description="the item that is to come next")
    by: str = Field(description="the teacher")
    reason: str = Field(description="for the log")


class Enrol(Learner):
    """Goal and group of a learner."""

    goal: list[str] | None = Field(default=None, description="skills to learn; null: as it is, at first all")
    group: str | None = Field(default=None, description="such as a class; null: as it is")
    name: str | None = Field(
        default=None, description="shown to teachers in place of the id, and kept sealed; null: as it is"
    )
    luck: int | None = Field(
        default=None, description="it decides a tutor's random choices; before the first response"
    )


class Lesson(Learner):
    """The beginning of a new lesson."""

    time: str | float | None = TIME


class Overviews(Asked):
    """A question for all learners."""

    group: str | None = Field(default=None, description="of this group alone")
    recent: int = Field(default=20, ge=0, le=200, description="responses of each")
