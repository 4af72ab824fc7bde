"""A trained policy as one ONNX file, run with onnxruntime and numpy: neither torch nor a trainer."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime

from coursewright.agents.label import Label
from coursewright.agents.on_course import on_course
from coursewright.agents.sampling import Cells, Chooser, Memory, Scores
from coursewright.envs.task import Task
from coursewright.errors import InputError, reject
from coursewright.files import refuse_pipe
from coursewright.simulators.arrays import Bools, Ints, Observation

INPUTS = ("features", "mask")
OUTPUTS = ("scores", "action")
# A network that remembers takes its memory and gives the next one, which the host keeps: zeros at first.
MEMORY = ("hidden", "cell")
NEXT = ("next_hidden", "next_cell")

Course = dict[str, npt.NDArray[Any]]  # the further inputs of a network that serves any course


def session(path: Path) -> onnxruntime.InferenceSession:
    """The file as onnxruntime runs it, on one thread.  Raises `InputError` for one that is none."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 4  # errors come as exceptions
    refuse_pipe("policy", path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"policy = {path}: cannot be read ({error.strerror or error})") from error
    try:
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the runtime's own errors share no base class with a name
        raise InputError(f"policy = {path}: truncated or not an ONNX file") from error


class OnnxPolicy:
    """The policy in an exported file, to be scored like any other.

    Given a `task`, the file is refused (`InputError`, naming both sides) unless it was made for the
    same course, observation columns and actions; a policy that serves any course, unless the task has the
    features that it reads.  Without a task such a file is for the course of its training, and the policy
    is a host's: a row where nothing is allowed is refused, which in a task is the environment's affair.  A
    missing, truncated or foreign file is an `InputError` as well, and so is another network under a label of
    ours.
    Row i does not depend on the batch, up to float rounding.

    Attributes
    ----------
    label : the file's own description.
    """

    def __init__(self, path: str | Path, task: Task | None = None) -> None:
        self.path = Path(path)
        self._run = session(self.path)
        self.label = Label.read(self._run.get_modelmeta().custom_metadata_map, self.path)
        self._course: Course = {}
        self._refuse_another_network()
        if task is not None:
            self.label.check(task, self.path)
            self.label = self.label.on(task)
            self._course = dict(on_course(task, self.label.reads)._asdict()) if self.label.reads else {}
        self._choose(hosted=task is None)

    def _choose(self, hosted: bool) -> None:
        self._hosted, chooser = hosted, Chooser(self.label, self._judge, hosted)
        self.begin = chooser.begin
        self.scores = chooser.scores
        self.predict = chooser.predict
        self.chances = chooser.chances

    def __repr__(self) -> str:
        """One line: agent, seed and file."""
        return f"<OnnxPolicy: {self.label.agent}, seed {self.label.seed}, {self.path}>"

    def __getstate__(self) -> tuple[Path, Label, Course, bool]:
        """A copy for another process reads the file itself: sessions cannot travel."""
        return self.path.resolve(), self.label, self._course, self._hosted

    def __setstate__(self, state: tuple[Path, Label, Course, bool]) -> None:
        """Read the file again, for the same task."""
        self.path, self.label, self._course, hosted = state
        self._run = session(self.path)
        self._choose(hosted)

    @property
    def respects_mask(self) -> bool:
        """True where the policy only ever chooses allowed actions."""
        return self.label.respects_mask

    def _refuse_another_network(self) -> None:
        """Refuse a label of ours on a network whose output does not match the label."""
        columns, actions = len(self.label.columns), len(self.label.actions)
        takes = [(put.name, put.type, put.shape[1:]) for put in self._run.get_inputs()]
        sizes: list[Any] = ["columns", "items"] if self.label.reads else [columns, actions]
        wanted = [(INPUTS[0], "tensor(float)", sizes[:1]), (INPUTS[1], "tensor(bool)", sizes[1:])]
        wanted += [(name, "tensor(float)", [self.label.memory]) for name in self._remembered(MEMORY)]
        gives = tuple(put.name for put in self._run.get_outputs())
        fits = takes == wanted and gives == OUTPUTS + self._remembered(NEXT)
        if not fits or not self._answers(columns, actions):
            its = f"from {columns} columns to scores and the best of {actions} actions"
            raise reject("policy", self.path, f"the network that its label describes, {its}")

    def _remembered(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """The names of a memory; none where there is none."""
        return names if self.label.memory else ()

    def _answers(self, columns: int, actions: int) -> bool:
        """True where two rows of zeros give finite scores, and one action each."""
        try:
            blank = np.zeros((2, self.label.memory), np.float32)
            memory = Cells(blank, blank) if self.label.memory else ()
            seen, mask = np.zeros((2, columns), np.float32), np.ones((2, actions), bool)
            scores, action, after = self._judge(seen, mask, memory)
        except Exception:  # the runtime's own errors share no base class with a name
            return False
        kinds = scores.dtype == np.float32 and action.dtype == np.int64
        shapes = scores.shape == (2, actions) and action.shape == (2,)
        kept = all(part.dtype == np.float32 and part.shape == blank.shape for part in after)
        return bool(kinds and shapes and kept and all(np.isfinite(part).all() for part in (scores, *after)))

    def _judge(self, observation: Observation, mask: Bools, memory: Memory) -> tuple[Scores, Ints, Memory]:
        names = INPUTS + self._remembered(MEMORY)
        given = dict(zip(names, (observation, mask, *memory), strict=True)) | self._course
        scores, action, *after = self._run.run(OUTPUTS + self._remembered(NEXT), given)
        return scores, action, Cells(*after) if after else ()
