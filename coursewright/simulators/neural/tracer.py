"""A trained knowledge tracer: its folder, and the engine that computes it.

A folder holds `items.csv` (the columns of `simulators/folders.py`, and unit), `weights.npz`, and perhaps
`sessions.npz`.  A network is computed by compiled loops (see `recurrent`) or by torch, imported only then.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from coursewright.errors import InputError, reject
from coursewright.simulators.arrays import Floats, Ints
from coursewright.simulators.course import Course
from coursewright.simulators.folders import (
    ITEMS,
    course_files,
    open_folder,
    read_course,
    read_numbers,
    write_facts,
    write_texts,
)
from coursewright.simulators.neural.network import FIELDS, Network, Weights
from coursewright.simulators.neural.sessions import Sessions

KIND = "neural"
WEIGHTS, SESSIONS = "weights.npz", "sessions.npz"


class Engine(Protocol):
    """The engine that computes the network: compiled loops (`Network`) or torch (`OnDevice`)."""

    def p(self, memory: Weights, unit: Ints, out: Floats) -> None:
        """P(correct) `[batch]` on `unit [batch]`; where that is -1, `out` is left as it is."""
        ...

    def p_all(self, memory: Weights, out: Weights) -> None:
        """P(correct) on every unit, float32 `[batch, units]`."""
        ...

    def advance(self, memory: Weights, unit: Ints, answer: Floats) -> None:
        """Take in `answer [batch]` on `unit [batch]`; rows with unit -1 stay as they are."""
        ...


class OnDevice:
    """A network as torch operations: for a GPU, or for hidden states so large that BLAS pays.

    Memory stays numpy on the host and travels at each call.  Rows equal those of another batch to 1e-5.
    Torch is set to one thread.  Raises `InputError` where torch knows no such device.
    """

    def __init__(self, network: Network, device: str) -> None:
        import torch

        torch.set_num_threads(1)
        self.network = network
        try:
            self.device = torch.device(device)
            self.weights: dict[str, Any] = {
                name: torch.from_numpy(getattr(network, name)).to(self.device) for name in FIELDS
            }
        except (RuntimeError, AssertionError) as error:
            raise InputError(f"kes.device = {device}: {str(error).splitlines()[0]}") from error

    def _hidden(self, memory: Weights) -> Any:
        import torch

        return torch.from_numpy(memory[:, : self.network.hidden]).to(self.device)

    def p(self, memory: Weights, unit: Ints, out: Floats) -> None:
        """See `Network.p`."""
        import torch

        rows = np.flatnonzero(unit >= 0)
        at = torch.from_numpy(unit[rows]).to(self.device)
        with torch.no_grad():
            products = self._hidden(memory[rows]) * self.weights["output"][at]
            chance = torch.sigmoid(products.sum(1) + self.weights["bias"][at])
        out[rows] = chance.cpu().numpy()

    def p_all(self, memory: Weights, out: Weights) -> None:
        """See `Network.p_all`."""
        import torch

        with torch.no_grad():
            logits = torch.addmm(self.weights["bias"], self._hidden(memory), self.weights["output"].T)
            out[:] = torch.sigmoid(logits).cpu().numpy()

    def advance(self, memory: Weights, unit: Ints, answer: Floats) -> None:
        """See `Network.advance`."""
        import torch

        rows = np.flatnonzero(unit >= 0)
        at = torch.from_numpy(unit[rows]).to(self.device)
        right = torch.from_numpy(answer[rows].astype(np.float32)[:, None]).to(self.device)
        with torch.no_grad():
            fed = (1.0 - right) * self.weights["inputs"][at, 0] + right * self.weights["inputs"][at, 1]
            old = torch.from_numpy(memory[rows]).to(self.device)
            step = self._lstm if self.network.is_lstm else self._gru
            memory[rows] = step(old, fed).cpu().numpy()

    def _recur(self, hidden: Any) -> Any:
        import torch

        return torch.addmm(self.weights["recurrent_bias"], hidden, self.weights["recurrent"])

    def _gru(self, hidden: Any, fed: Any) -> Any:
        size = self.network.hidden
        gates = self._recur(hidden)
        both = (fed[:, : 2 * size] + gates[:, : 2 * size]).sigmoid()
        new = (fed[:, 2 * size :] + both[:, :size] * gates[:, 2 * size :]).tanh()
        return new + both[:, size:] * (hidden - new)

    def _lstm(self, memory: Any, fed: Any) -> Any:
        import torch

        size = self.network.hidden
        i, f, g, o = (self._recur(memory[:, :size]) + fed).split(size, dim=1)
        cell = f.sigmoid() * memory[:, size:] + i.sigmoid() * g.tanh()
        return torch.cat([o.sigmoid() * cell.tanh(), cell], dim=1)


@dataclass(frozen=True, eq=False)
class Tracer:
    """A network over a course.

    Attributes
    ----------
    unit : `[items]`, the unit of the network that an item is: its own, or its skill's.
    sessions : recorded sequences of this course's items; None where they are not to be had.
    """

    course: Course
    network: Network
    unit: Ints
    sessions: Sessions | None = None

    def __post_init__(self) -> None:
        if self.unit.shape != (self.course.n_items,):
            raise reject("tracer.unit", f"array of shape {self.unit.shape}", f"[{self.course.n_items}]")
        if self.unit.min() < 0 or self.unit.max() >= self.network.units:
            raise reject("tracer.unit", "a unit out of range", f"in [0, {self.network.units})")
        idle = np.flatnonzero(np.diff(self.course.items_of.start) == 0)
        if len(idle):
            raise reject("tracer.course", f"skill {self.course.skills[idle[0]]} without an item", "with one")
        items = None if self.sessions is None else self.sessions.item
        if items is not None and (items.min() < 0 or items.max() >= self.course.n_items):
            raise reject("tracer.sessions", "an item out of range", f"in [0, {self.course.n_items})")

    def engine(self, device: str | None) -> Engine:
        """Compiled loops, or torch on a device."""
        return self.network if device is None else OnDevice(self.network, device)

    def write(self, folder: str | Path) -> None:
        """Write the files of `read_neural` into `folder`; an older `sessions.npz` there does not survive."""
        folder = Path(folder)
        write_texts(folder, course_files(self.course, ("unit",), self.unit[:, None].astype(np.float64)))
        write_facts(folder, KIND, self.course)
        self.network.write(folder / WEIGHTS)
        (folder / SESSIONS).unlink(missing_ok=True)
        if self.sessions is not None:
            self.sessions.write(folder / SESSIONS)


def read_neural(folder: str | Path, each_item_a_skill: bool = False) -> Tracer:
    """The tracer in a shipped folder (by name) or in a folder of your own (by path).

    With `each_item_a_skill` the log's skills are left aside, and targets and mastery go by items.  Raises
    `InputError` where there is no such folder or a file in it is broken.
    """
    path = open_folder(folder, KIND, WEIGHTS, field="tracer.folder").path
    course = read_course(path)
    unit = read_numbers(path / ITEMS, course.items, ("unit",))[:, 0]
    sessions = path / SESSIONS
    return Tracer(
        course=course.by_item if each_item_a_skill else course,
        network=Network.read(path / WEIGHTS),
        unit=unit.astype(np.int64),
        sessions=Sessions.read(sessions) if sessions.is_file() else None,
    )
