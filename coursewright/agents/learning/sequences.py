"""PPO with a memory: an LSTM each for policy and values, trained on whole sequences, with masks or without.

sb3-contrib's `RecurrentPPO` runs a sequence step by step, in Python, wherever an episode begins in one, and
so in every update.  Here a rollout is cut where episodes begin, the memory there is zero, and a batch
of sequences is one call of the LSTM.  Masks are columns of the observation that no network reads; disallowed
actions get `DISALLOWED` as their logit, so the entropy is that of the allowed ones.
"""

from collections.abc import Generator
from typing import Any

import numpy as np
import torch
from sb3_contrib import RecurrentPPO
from sb3_contrib.common.recurrent.buffers import RecurrentRolloutBuffer
from sb3_contrib.common.recurrent.policies import RecurrentActorCriticPolicy
from sb3_contrib.common.recurrent.type_aliases import RecurrentRolloutBufferSamples, RNNStates
from stable_baselines3.common.buffers import RolloutBuffer
from stable_baselines3.common.distributions import Distribution
from torch import nn

from coursewright.agents.sampling import DISALLOWED
from coursewright.simulators.arrays import Bools, Ints, Observation

Pair = Any  # hidden and cell state, two tensors [layers, sequences, units]; sb3-contrib types them loosely


def padded(begin: Ints, length: Ints) -> tuple[Ints, torch.Tensor]:
    """Rows of sequences that begin somewhere, `[sequences * longest]`, and True where one is of its sequence.

    Behind a sequence's end stands its first row.
    """
    step = np.arange(length.max())
    inside = step < length[:, None]
    return np.where(inside, begin[:, None] + step, begin[:, None]).ravel(), torch.as_tensor(inside.ravel())


def empty(policy: Any, sequences: int) -> RNNStates:
    """The memory of a `SequencePolicy` before so many sequences."""
    lstm = policy.lstm_actor
    zeros = torch.zeros(lstm.num_layers, sequences, lstm.hidden_size, device=policy.device)
    return RNNStates((zeros, zeros), (zeros, zeros))


class Sequences(RecurrentRolloutBuffer):
    """A rollout in sequences that are cut where an episode begins: there alone memory is known without it.

    Advantages have mean 0 and deviation 1 over the rollout, for a batch may hold a single step.
    """

    def reset(self) -> None:
        """Forget all; the memory of each step is not kept, only the one before the first step."""
        RolloutBuffer.reset(self)

    def add(  # type: ignore[override]
        self,
        obs: Observation,
        action: Ints,
        reward: Observation,
        episode_start: Bools,
        value: torch.Tensor,
        log_prob: torch.Tensor,
        lstm_states: RNNStates,
    ) -> None:
        """One step of all learners, and the memory before it."""
        if self.pos == 0:
            self.before = lstm_states
        RolloutBuffer.add(self, obs, action, reward, episode_start, value, log_prob)

    def compute_returns_and_advantage(self, last_values: torch.Tensor, dones: Any) -> None:
        """By generalised advantage estimation."""
        super().compute_returns_and_advantage(last_values, dones)
        centred = self.advantages - self.advantages.mean()
        self.advantages = centred / (centred.std() + 1e-8)

    def get(  # type: ignore[override]
        self, batch_size: int | None = None
    ) -> Generator[RecurrentRolloutBufferSamples, None, None]:
        """Batches of about so many steps, in whole sequences and in random order."""
        started = self.episode_starts.T.astype(bool)  # [learners, steps]
        cut = started.copy()
        cut[:, 0] = True
        begin = np.flatnonzero(cut)
        length = np.diff(begin, append=cut.size)
        order = np.random.permutation(len(begin))  # noqa: NPY002 - as Stable-Baselines3 shuffles
        batches = max(1, cut.size // (batch_size or cut.size))
        batch = (np.cumsum(length[order]) - 1) * batches // cut.size
        columns = [self._flat(name) for name in ("observations", "actions", "values", "log_probs")]
        columns += [self._flat(name) for name in ("advantages", "returns")]
        for chosen in np.split(order, np.flatnonzero(np.diff(batch)) + 1):
            rows, inside = padded(begin[chosen], length[chosen])
            learner = begin[chosen] // self.buffer_size
            known = torch.as_tensor(~started.ravel()[begin[chosen]], device=self.device)[None, :, None]
            pi, vf = (tuple(part[:, learner] * known for part in pair) for pair in self.before)
            nowhere = torch.zeros(len(rows), device=self.device)
            seen, action, value, likely, advantage, returned = (column[rows] for column in columns)
            yield RecurrentRolloutBufferSamples(
                seen,
                action,
                value,
                likely,
                advantage,
                returned,
                RNNStates(pi, vf),
                episode_starts=nowhere,
                mask=inside.to(self.device),
            )

    def _flat(self, name: str) -> torch.Tensor:
        """One learner's steps after another's, `[learners * steps, ...]`; numbers `[learners * steps]`."""
        array = self.swap_and_flatten(getattr(self, name))
        flat = array if name in ("observations", "actions") else array.ravel()
        return self.to_torch(flat, copy=False)


class SequencePolicy(RecurrentActorCriticPolicy):
    """Policy and values with an LSTM each.

    Attributes
    ----------
    mask_from : the first of the observation's columns that hold the mask; None: there are none.
    forgets : True where every step begins with a memory of zeros, which then is carried nowhere.
    """

    mask_from: int | None = None
    forgets: bool = False

    def forward(  # type: ignore[override]
        self,
        obs: torch.Tensor,
        lstm_states: RNNStates,
        episode_starts: torch.Tensor,
        deterministic: bool = False,
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, RNNStates]:
        """Actions, values, log-probabilities and the next memory, of one step of all learners."""
        distribution, pi = self.get_distribution(obs, lstm_states.pi, episode_starts)
        values, vf = self._values(obs, lstm_states.vf, episode_starts)
        actions = distribution.get_actions(deterministic=deterministic)
        return actions, values, distribution.log_prob(actions), RNNStates(pi, vf)

    def get_distribution(  # type: ignore[override]
        self, obs: torch.Tensor, lstm_states: Pair, episode_starts: torch.Tensor
    ) -> tuple[Distribution, Pair]:
        """Over the allowed actions, and the next memory."""
        features = self.pi_features_extractor(obs)
        latent, states = self._lived(features, lstm_states, episode_starts, self.lstm_actor)
        logits = self.action_net(self.mlp_extractor.forward_actor(latent))
        if self.mask_from is not None:
            mask = obs[:, self.mask_from : self.mask_from + logits.shape[1]]
            logits = logits.masked_fill(mask == 0.0, DISALLOWED)
        return self.action_dist.proba_distribution(action_logits=logits), states

    def predict_values(  # type: ignore[override]
        self, obs: torch.Tensor, lstm_states: Pair, episode_starts: torch.Tensor
    ) -> torch.Tensor:
        """Values `[rows, 1]`."""
        return self._values(obs, lstm_states, episode_starts)[0]

    def evaluate_actions(  # type: ignore[override]
        self, obs: torch.Tensor, actions: torch.Tensor, lstm_states: RNNStates, episode_starts: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Values, log-probabilities and entropy, of the steps of whole sequences."""
        distribution, _ = self.get_distribution(obs, lstm_states.pi, episode_starts)
        values = self.predict_values(obs, lstm_states.vf, episode_starts)
        entropy: Any = distribution.entropy()  # a categorical distribution has one
        return values, distribution.log_prob(actions), entropy

    def _lived(
        self, features: torch.Tensor, states: Pair, episode_starts: torch.Tensor, lstm: Any
    ) -> tuple[torch.Tensor, Pair]:
        """The LSTM's output for each step, and the memory after it."""
        if self.forgets:
            return lstm(features[None])[0][0], states
        return self._process_sequence(features, states, episode_starts, lstm)

    def _values(
        self, obs: torch.Tensor, lstm_states: Pair, episode_starts: torch.Tensor
    ) -> tuple[torch.Tensor, Pair]:
        features = self.vf_features_extractor(obs)
        lstm: Any = self.lstm_critic
        latent, states = self._lived(features, lstm_states, episode_starts, lstm)
        return self.value_net(self.mlp_extractor.forward_critic(latent)), states


class SequencePpo(RecurrentPPO):
    """`RecurrentPPO` that is trained on `Sequences`."""

    def _setup_model(self) -> None:
        super()._setup_model()
        lstm: Any = self.policy.lstm_actor
        self.rollout_buffer = Sequences(
            self.n_steps,
            self.observation_space,
            self.action_space,
            (self.n_steps, lstm.num_layers, self.n_envs, lstm.hidden_size),
            self.device,
            gae_lambda=self.gae_lambda,
            gamma=self.gamma,
            n_envs=self.n_envs,
        )


class Remembering(nn.Module):
    """The layers that choose: features and memory `[batch, units]` to scores and the next memory."""

    def __init__(self, policy: SequencePolicy) -> None:
        super().__init__()
        self.read = policy.pi_features_extractor
        self.lstm = policy.lstm_actor
        self.head = nn.Sequential(policy.mlp_extractor.policy_net, policy.action_net)

    def forward(
        self, features: torch.Tensor, hidden: torch.Tensor, cell: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Scores `[batch, actions]`, and the next hidden and cell state."""
        latent, (hidden, cell) = self.lstm(self.read(features)[None], (hidden[None], cell[None]))
        return self.head(latent[0]), hidden[0], cell[0]


class Forgetting(nn.Module):
    """The layers that choose where the memory is cleared before every step: features alone to scores."""

    def __init__(self, policy: SequencePolicy) -> None:
        super().__init__()
        self.read = policy.pi_features_extractor
        self.lstm = policy.lstm_actor
        self.head = nn.Sequential(policy.mlp_extractor.policy_net, policy.action_net)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Scores `[batch, actions]`."""
        scores: torch.Tensor = self.head(self.lstm(self.read(features)[None])[0][0])
        return scores
