"""A whole tutor as a torch graph: from raw responses to the next item.

One call takes what happened since the last one (an answer, then days that passed) and gives the next choice
and the next state.  A call in which nothing happened is a look: it changes nothing, however often it is
made.
"""

from hashlib import sha256
from typing import NamedTuple

import torch
from torch import Tensor, nn

from coursewright.agents.export.choosers import Chance, Sight, chooser
from coursewright.agents.export.drawing import PIECES, key_of
from coursewright.agents.export.remembering import HEAD, KEY, STAMP, Event, Remembered, Remembering
from coursewright.agents.label import actions_of
from coursewright.agents.learning.trained import TrainedPolicy
from coursewright.agents.rule import RulePolicy
from coursewright.agents.sampling import DISALLOWED
from coursewright.envs.policy import Policy
from coursewright.envs.task import Task
from coursewright.errors import InputError

FORMAT = 1
NOTHING_ALLOWED, FOREIGN = -1, -2  # actions that are none
INPUTS = ("state", *Event._fields, "goal", "mask")
OUTPUTS = ("next_state", "observation", "scores", "action")
TOLD = ("belief", "chance")  # where the tutor has a table
PLACES = ("next_item", "wait", "stop")  # where an action is more than an item


class Network(nn.Module):
    """A trained network as a chooser; `width` columns of memory travel in the state."""

    def __init__(self, policy: TrainedPolicy) -> None:
        super().__init__()
        self.network, self.units = policy.network, policy.label.memory
        self.width = 2 * self.units

    def forward(self, observation: Tensor, mask: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        """Scores `[batch, actions]`, and the memory after this observation."""
        if not self.units:
            return self.network(observation, mask)[0], memory
        cells = [part.contiguous() for part in torch.split(memory, self.units, 1)]
        scores, _, hidden, cell = self.network(observation, mask, *cells)
        return scores, torch.cat([hidden, cell], 1)


class Seen(NamedTuple):
    """A learner's record, and the actions that are allowed: bool `[batch, actions]`."""

    record: Remembered
    allowed: Tensor


class Tutor(nn.Module):
    """The tutor that a policy makes on its task.

    Its state is that of `Remembering`, then the memory of a network that remembers, as it was *before* the
    learner's last event: so a look, which moves nothing, can be made again.

    Raises `InputError` for a policy or a task that has no graph.
    """

    def __init__(self, policy: Policy, task: Task) -> None:
        super().__init__()
        self.stamp = stamp_of(policy, task)
        self.records = Remembering(task.terms, self.stamp)
        self.items, self.delays, self.stops = task.course.n_items, max(1, len(task.delays)), task.stop
        self.network: Network | None = None
        self.rule: nn.Module | None = None
        if isinstance(policy, TrainedPolicy):
            self.network = Network(policy)
        elif isinstance(policy, RulePolicy):
            self.rule = chooser(policy.rule, task)
        else:
            raise InputError(f"policy = {type(policy).__name__}: neither a trained network nor a rule")
        self.chance = Chance(task) if "belief" in self.records.kept else None
        self.width = self.records.width + (self.network.width if self.network is not None else 0)
        self.wait: Tensor
        delays = torch.tensor([float(days) for days in task.delays or (0.0,)])
        self.register_buffer("wait", delays, persistent=False)

    @property
    def columns(self) -> list[str]:
        """A name for each column of the state."""
        head = ["stamp", "step", "spent", "last item + 1", "last choice + 1", "last answer"]
        keys = [f"key, bits {16 * place} to {16 * place + 15}" for place in range(PIECES)]
        kept = [f"{name}[{at}]" for name, size in self.records.places for at in range(size)]
        network = self.network.width if self.network is not None else 0
        return [*head, *keys, *kept, *(f"memory[{at}]" for at in range(network))]

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of what `forward` gives."""
        places = PLACES if self.delays > 1 or self.stops else ()
        return (*OUTPUTS, *(TOLD if self.chance is not None else ()), *places)

    def forward(
        self,
        state: Tensor,
        event: Event,
        goal: Tensor,
        mask: Tensor,
    ) -> tuple[Tensor, ...]:
        """The outputs, after an event of each learner.

        `state [batch, width]` is all zeros (but for the key) for a new learner; `goal [batch, skills]` and
        `mask [batch, items]`, the items that the host allows now, are bool.  `action` is -1 where nothing is
        allowed and -2 where another tutor wrote the state, which then stays as it is.
        """
        kept, memory = state[:, : self.records.width], state[:, self.records.width :]
        met = state[:, STAMP] == self.stamp
        foreign = (state[:, STAMP] != 0) & ~met
        memory = torch.where(met[:, None], memory, 0.0)
        if self.network is not None and self.network.width:
            memory = self._caught_up(kept, event, goal, mask, memory)
        seen = self._seen(kept, event, goal, mask)
        scores, action = self._chosen(seen, goal, mask, memory, kept)
        action = torch.where(seen.allowed.any(1), action, NOTHING_ALLOWED)
        action = torch.where(foreign, FOREIGN, action)
        after = torch.where(foreign[:, None], state, torch.cat([seen.record.state, memory], 1))
        return (after, seen.record.observation, scores, action, *self._told(seen), *self._places(action))

    def _seen(self, kept: Tensor, event: Event, goal: Tensor, mask: Tensor) -> Seen:
        record = self.records(kept, event, goal)
        items = self.records.open(record.values, mask)
        actions = [items] * self.delays + [torch.ones_like(items[:, :1])] * self.stops
        return Seen(record, torch.cat(actions, 1) if len(actions) > 1 else items)

    def _caught_up(self, kept: Tensor, event: Event, goal: Tensor, mask: Tensor, memory: Tensor) -> Tensor:
        """The memory after the decision that the event answers, which was made by the record before it."""
        assert self.network is not None
        nothing = torch.full_like(event.item, -1)
        nobody, none = torch.zeros_like(event.taught), torch.zeros_like(event.days)
        look = Event(nothing, nothing, nobody, nobody, none, none)
        before = self._seen(kept, look, goal, mask)
        _, after = self.network(before.record.observation, before.allowed, memory)
        happened = (event.item >= 0) & (event.item < self.items) & ~event.past
        return torch.where(happened[:, None], after, memory)

    def _chosen(
        self, seen: Seen, goal: Tensor, mask: Tensor, memory: Tensor, kept: Tensor
    ) -> tuple[Tensor, Tensor]:
        """A score for each action, and the best."""
        if self.network is not None:
            scores = self.network(seen.record.observation, seen.allowed, memory)[0]
            scores = scores.masked_fill(~seen.allowed, DISALLOWED)
            return scores, scores.argmax(1)
        assert self.rule is not None
        record, items = seen.record, seen.allowed[:, : self.items]
        key = key_of(kept[:, KEY:HEAD])
        action = self.rule(Sight(record.values, goal, items, record.choice, key, record.step))
        best = torch.arange(seen.allowed.shape[1]) == action[:, None]
        return best.float().masked_fill(~seen.allowed, DISALLOWED), action

    def _told(self, seen: Seen) -> tuple[Tensor, ...]:
        """The beliefs, and the chances of a right answer."""
        if self.chance is None:
            return ()
        belief = seen.record.values["belief"]
        return belief, self.chance(belief).float()

    def _places(self, action: Tensor) -> tuple[Tensor, ...]:
        """Item (-1: none), days to wait after it, and True where the lesson is to end."""
        if self.delays == 1 and not self.stops:
            return ()
        stop = action == self.items * self.delays
        some = (action >= 0) & ~stop
        item = torch.where(some, action % self.items, -1)
        wait = torch.where(some, self.wait[torch.where(some, action // self.items, 0)], 0.0)
        return item, wait, stop


def stamp_of(policy: Policy, task: Task) -> int:
    """The mark of the states that this tutor writes, a whole number from 1 to 2^24 - 1.

    It hangs on all that gives a state its meaning: course, columns, actions, the tutor's table, and the
    weights of a network whose memory is in it.
    """
    digest = sha256(
        "\n".join((str(FORMAT), task.course.hash, *task.layout.names, *actions_of(task))).encode()
    )
    if "belief" in task.features:
        digest.update(task.terms.rules(0).tutor.tobytes())
    if isinstance(policy, TrainedPolicy) and policy.label.memory:
        for weights in policy.network.state_dict().values():
            digest.update(weights.numpy().tobytes())
    return 1 + int.from_bytes(digest.digest()[:3], "big") % (2**24 - 1)
