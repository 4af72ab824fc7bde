"""A whole tutor as a torch graph: from raw responses to the next item.

One call takes what happened since the last one (an answer, then days that passed) and gives the next choice
and the next state.  A call in which nothing happened is a look: it changes nothing, however often it is
made.
"""

from typing import Any

import torch
from torch import Tensor, nn

from coursewright.agents.bandits.linear_policy import LinearPolicy
from coursewright.agents.export.choosers import chooser
from coursewright.agents.export.drawing import PIECES, key_of
from coursewright.agents.export.memoryless import Chance
from coursewright.agents.export.remembering import HEAD, KEY, STAMP, Event, Remembered, Remembering
from coursewright.agents.export.sight import Sight
from coursewright.agents.learning.trained import TrainedPolicy
from coursewright.agents.on_course import on_course
from coursewright.agents.rule import RulePolicy
from coursewright.agents.sampling import DISALLOWED
from coursewright.envs.policy import Policy
from coursewright.envs.task import Task
from coursewright.errors import InputError

FORMAT = 3
NOTHING_ALLOWED, FOREIGN = -1, -2  # actions that are none
INPUTS = ("state", *Event._fields, "goal", "mask")
OUTPUTS = ("next_state", "observation", "scores", "action")
TOLD = ("belief", "chance")  # where the tutor has a table
PLACES = ("next_item", "wait", "stop")  # where an action is more than an item


class Network(nn.Module):
    """A trained network as a chooser; the memory of one that remembers is hidden and cell state."""

    def __init__(self, policy: TrainedPolicy, task: Task) -> None:
        super().__init__()
        self.network, self.units = policy.network, policy.label.memory
        reads = policy.label.reads
        self.parts = on_course(task, reads)._asdict() if reads else {}  # of a network that serves any course
        for name, values in self.parts.items():
            self.register_buffer(name, torch.tensor(values), persistent=False)
        self.start: Tensor
        self.register_buffer("start", torch.zeros(2 * self.units), persistent=False)

    def forward(self, seen: Sight, memory: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Scores `[batch, actions]`, the best action `[batch]`, and the memory after this decision."""
        if self.units:
            cells = [part.contiguous() for part in torch.split(memory, self.units, 1)]
            scores, _, *after = self.network(seen.observation, seen.actions, *cells)
            memory = torch.cat(after, 1)
        else:
            course = [self.get_buffer(name) for name in self.parts]
            scores, _ = self.network(seen.observation, seen.actions, *course)
        scores = scores.masked_fill(~seen.actions, DISALLOWED)
        return scores, scores.argmax(1), memory


class Rule(nn.Module):
    """A rule as a chooser: a score of 1 for its choice, and 0 for other actions that are allowed."""

    def __init__(self, graph: nn.Module) -> None:
        super().__init__()
        self.graph, self.remembers = graph, hasattr(graph, "start")
        self.start: Tensor
        start = graph.get_buffer("start") if self.remembers else torch.zeros(0)
        self.register_buffer("start", start, persistent=False)

    def forward(self, seen: Sight, memory: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """As `Network.forward`."""
        if self.remembers:
            action, memory = self.graph(seen, memory)
        else:
            action = self.graph(seen)
        best = torch.arange(seen.actions.shape[1]) == action[:, None]
        return best.float().masked_fill(~seen.actions, DISALLOWED), action, memory


class Tutor(nn.Module):
    """The tutor that a policy makes on its task.

    Its state is that of `Remembering`, then the policy's own memory twice: before its last decision, and
    after it.  An event makes the second the first; a look decides anew from the first, and moves nothing.

    Raises `InputError` for a policy or a task that has no graph.
    """

    def __init__(self, policy: Policy, task: Task) -> None:
        super().__init__()
        self.records = Remembering(task.terms)
        self.items, self.delays, self.stops = task.course.n_items, max(1, len(task.delays)), task.stop
        self.chooser: Network | Rule
        if isinstance(policy, TrainedPolicy):
            self.chooser = Network(policy, task)
        elif (rule := rule_of(policy)) is not None:
            self.chooser = Rule(chooser(rule, task))
        else:
            raise InputError(f"policy = {type(policy).__name__}: neither a trained network nor a rule")
        self.chance = Chance(task) if "belief" in self.records.kept else None
        self.own = len(self.chooser.start)
        self.width = self.records.width + 2 * self.own
        self.wait: Tensor
        delays = torch.tensor([float(days) for days in task.delays or (0.0,)])
        self.register_buffer("wait", delays, persistent=False)

    @property
    def columns(self) -> list[str]:
        """A name for each column of the state."""
        head = ["stamp", "step", "spent", "last item + 1", "last choice + 1", "last answer"]
        keys = [f"key, bits {16 * place} to {16 * place + 15}" for place in range(PIECES)]
        kept = [f"{name}[{at}]" for name, size in self.records.places for at in range(size)]
        own = [f"{when}[{at}]" for when in ("memory", "memory after") for at in range(self.own)]
        return [*head, *keys, *kept, *own]

    @property
    def memory(self) -> list[dict[str, Any]]:
        """The parts of a rule's own memory that have a name, by the first of their columns in it.

        A part has `size` numbers; each is the sum of `parts`, which stand `size` columns apart.
        """
        told, first = [], 0
        for name, size, parts in getattr(getattr(self.chooser, "graph", None), "memory", ()):
            told.append({"name": name, "first": first, "size": size, "parts": parts})
            first += size * parts
        return told

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
        kept, before, after = torch.split(state, [self.records.width, self.own, self.own], 1)
        met = state[:, STAMP] == self.records.stamp
        foreign = (state[:, STAMP] != 0) & ~met
        happened = (event.item >= 0) & (event.item < self.items) & ~event.past
        key = key_of(kept[:, KEY:HEAD])
        before = torch.where(met[:, None], before, self.chooser.start)
        if self.own:
            after = torch.where(met[:, None], after, self._first_memory(kept, event, goal, mask))
        memory = torch.where(happened[:, None], after, before)
        record = self.records(kept, event, goal)
        seen = self._sight(record, goal, mask, key)
        scores, action, then = self.chooser(seen, memory)
        ended = action == self.items * self.delays  # a stop
        action = torch.where(seen.allowed.any(1) | ended, action, NOTHING_ALLOWED)
        action = torch.where(foreign, FOREIGN, action)
        next_state = torch.cat([record.state, memory, then], 1)
        next_state = torch.where(foreign[:, None], state, next_state)
        return (next_state, record.observation, scores, action, *self._told(record), *self._places(action))

    def _first_memory(self, kept: Tensor, event: Event, goal: Tensor, mask: Tensor) -> Tensor:
        """The memory after the first decision, which a host that begins with an event has not asked for."""
        nothing, nobody = torch.full_like(event.item, -1), torch.zeros_like(event.taught)
        none = torch.zeros_like(event.days)
        new = torch.cat(
            [torch.zeros_like(kept[:, :KEY]), kept[:, KEY:HEAD], torch.zeros_like(kept[:, HEAD:])], 1
        )
        record = self.records(new, Event(nothing, nothing, nobody, nobody, none, none), goal)
        sight = self._sight(record, goal, mask, key_of(kept[:, KEY:HEAD]))
        after: Tensor = self.chooser(sight, torch.zeros_like(kept[:, :1]) + self.chooser.start)[2]
        return after

    def _sight(self, record: Remembered, goal: Tensor, mask: Tensor, key: Tensor) -> Sight:
        items = self.records.open(record.values, mask)
        actions = [items] * self.delays + [torch.ones_like(items[:, :1])] * self.stops
        chosen = record.choice >= 0
        return Sight(
            observation=record.observation,
            values=record.values,
            goal=goal,
            allowed=items,
            actions=torch.cat(actions, 1) if len(actions) > 1 else items,
            chosen=record.choice,
            asked=chosen & (record.answer != 0.0),
            right=chosen & (record.answer > 0.0),
            key=key,
            turn=record.step,
        )

    def _told(self, record: Remembered) -> tuple[Tensor, ...]:
        """The beliefs, and the chances of a right answer."""
        if self.chance is None:
            return ()
        belief = record.values["belief"]
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


def rule_of(policy: Policy) -> Any:
    """The rule of a policy that has one; None otherwise."""
    policy = policy.policy if isinstance(policy, LinearPolicy) else policy
    return policy.rule if isinstance(policy, RulePolicy) else None
