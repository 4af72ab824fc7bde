"""Training one schedule for every price of a minute: PPO on cards whose price is drawn and shown.

It begins as the tuned rule, the fixed retention that is best at the price on simulated cards, and goes on by
reward.  It is never shown an optimum, its values or its choices.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.utils import LinearSchedule
from stable_baselines3.common.vec_env.base_vec_env import VecEnvStepReturn
from torch import nn
from torch.nn.functional import mse_loss

from coursewright.agents.learning.training import unchecked
from coursewright.agents.learning.vec_env import Batch
from coursewright.agents.options import at_least, not_negative, positive, shares, switches, widths
from coursewright.evaluation.card.card import DAYS, Card, score
from coursewright.evaluation.card.exact import RETENTIONS
from coursewright.evaluation.card.lives import Lives
from coursewright.evaluation.card.priced import Priced
from coursewright.evaluation.card.schedules import FixedRetention
from coursewright.evaluation.card.shown import HIGHEST_PRICE, WIDTH
from coursewright.progress import Progress
from coursewright.simulators.arrays import Bools, Floats, Ints, Observation

TUNING, TUNING_SEED = 1000, 1  # cards that choose the fixed retention, and their luck
STEPS, LIVES, PASSES, LESSON = (
    120,
    512,
    6,
    1024,
)  # steps, cards at most, passes over them, and lessons a batch
GRID = 141  # prices for which the rule is tuned
RATE, WORTH = 2e-3, 0.5  # of the imitation: of its optimiser, and the weight of the value network's loss
SPREAD = 1.0  # of the imitated choices around the rule's, in actions, so that there is something left to try


@dataclass(frozen=True)
class CardPpo:
    """PPO of one card for every price in [0, 1024].

    Attributes
    ----------
    days : the horizon.
    published : the share of cards with the published weights; those of the others are drawn around them.
    steps : reviews over all cards.
    cards, n_steps : the cards at once, and reviews of each in a rollout.
    batch_size, epochs : transitions an update, and passes over a rollout.
    gae_lambda : bias against variance of the advantage; nothing is discounted.
    entropy, learning_rate : both fall to 0 over the training.
    layers : widths of the hidden layers of policy and value network.
    imitate : True where it begins as the tuned fixed retention.
    without_luck : True where the luck of answers is taken out of rewards (see `lives`).

    Raises `InputError` for an option out of range.
    """

    days: int = DAYS
    published: float = 1.0
    steps: int = 1_000_000
    cards: int = 1024
    n_steps: int = 32
    batch_size: int = 2048
    epochs: int = 4
    gae_lambda: float = 0.95
    entropy: float = 0.005
    learning_rate: float = 1e-3
    layers: Sequence[int] = (64, 64)
    imitate: bool = True
    without_luck: bool = True

    def __post_init__(self) -> None:
        at_least(1, days=self.days, steps=self.steps, cards=self.cards, n_steps=self.n_steps)
        at_least(1, epochs=self.epochs)
        at_least(2, batch_size=self.batch_size)
        shares(published=self.published, gae_lambda=self.gae_lambda)
        not_negative(entropy=self.entropy)
        positive(learning_rate=self.learning_rate)
        switches(imitate=self.imitate, without_luck=self.without_luck)
        object.__setattr__(self, "layers", widths(self.layers))

    def __call__(self, seed: int = 0) -> Priced:
        """Train; one seed makes one set of weights."""
        torch.set_num_threads(1)
        env = CardVecEnv(Lives(Card(self.days), self.cards, seed, self.published))
        model = self._untrained(env, seed)
        if self.without_luck:
            env.critic = Values(model)
        with unchecked():
            if self.imitate:
                imitate(model, Lives(Card(self.days), min(LIVES, self.cards), seed, self.published))
            model.learn(self.steps, callback=Falling(self))
        told = {"seed": seed, **asdict(self)}
        return Priced(layers_of(model), self.days, told)

    def _untrained(self, env: "CardVecEnv", seed: int) -> PPO:
        return PPO(
            "MlpPolicy",
            env,
            n_steps=self.n_steps,
            batch_size=self.batch_size,
            n_epochs=self.epochs,
            gamma=1.0,
            gae_lambda=self.gae_lambda,
            ent_coef=self.entropy,
            learning_rate=LinearSchedule(self.learning_rate, 0.0, 1.0),
            policy_kwargs={"net_arch": list(self.layers), "activation_fn": nn.ReLU},
            stats_window_size=self.cards,
            seed=seed,
            device="cpu",
        )


class Values:
    """The value network of a model as a critic of what follows."""

    def __init__(self, model: PPO) -> None:
        self.model = model

    def __call__(self, seen: Observation) -> Floats:
        """`[rows, WIDTH]` to values `[rows]`."""
        with torch.no_grad():
            values = self.model.policy.predict_values(torch.as_tensor(seen))
        return values.flatten().numpy().astype(np.float64)


class Falling(BaseCallback):
    """Lets the weight of the entropy bonus fall to 0, and shows progress."""

    def __init__(self, agent: CardPpo) -> None:
        super().__init__()
        self.agent, self.progress = agent, Progress("card", agent.steps, "steps")

    def _on_rollout_start(self) -> None:
        model: Any = self.model
        model.ent_coef = self.agent.entropy * max(0.0, 1.0 - self.num_timesteps / self.agent.steps)
        self.progress.show(self.num_timesteps)

    def _on_step(self) -> bool:
        return True

    def _on_training_end(self) -> None:
        self.progress.close()


class CardVecEnv(Batch):
    """Cards as Stable-Baselines3 steps them; an action is one of the exact optimum's retentions."""

    def __init__(self, lives: Lives) -> None:
        self.lives = lives
        self.critic: Values | None = None
        seen = gym.spaces.Box(-np.inf, np.inf, (WIDTH,), np.float32)
        super().__init__(len(lives.price), seen, gym.spaces.Discrete(len(RETENTIONS)))

    def reset(self) -> Observation:
        """Let other cards be learned in every row."""
        self.lives.begin(np.arange(self.num_envs))
        return self.lives.seen()

    def step_wait(self) -> VecEnvStepReturn:
        """One interval of every card."""
        seen, reward, over = self.lives.step(np.array(RETENTIONS)[self._action], self.critic)
        return seen, reward.astype(np.float32), over, [{} for _ in range(self.num_envs)]


def tuned_retention(card: Card, price: Floats) -> Ints:
    """The place in RETENTIONS `[batch]` of the fixed retention that is best at each price `[batch]`."""
    found = [score(card, FixedRetention(r, card.weights), TUNING, TUNING_SEED) for r in RETENTIONS]
    recall, minutes = (np.array([getattr(f, name) for f in found]) for name in ("recall", "minutes"))
    return np.asarray((recall - price[:, None] * minutes).argmax(axis=1))


class Lessons(NamedTuple):
    """Choices about the tuned rule's.

    `seen [rows, WIDTH]`, the `chance [rows, retentions]` of each choice, and `worth [rows]`, the rewards from
    there to the card's end.
    """

    seen: torch.Tensor
    chance: torch.Tensor
    worth: torch.Tensor


def imitate(model: PPO, lives: Lives) -> None:
    """Let the policy choose about as the tuned fixed retention, and the value network expect its returns."""
    policy, given = model.policy, _lessons(lives)
    optimiser = torch.optim.Adam(policy.parameters(), RATE)
    for _ in range(PASSES):
        order = torch.randperm(len(given.seen))
        for begin in range(0, len(order), LESSON):
            seen, chance, worth = (column[order[begin : begin + LESSON]] for column in given)
            chosen, valued = policy.mlp_extractor(seen)
            likely = (chance * policy.action_net(chosen).log_softmax(dim=1)).sum(dim=1)
            loss: Any = WORTH * mse_loss(policy.value_net(valued).flatten(), worth) - likely.mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()


def _lessons(lives: Lives) -> Lessons:
    """Cards under choices that are spread around the rule's."""
    grid = np.linspace(0.0, np.log1p(HIGHEST_PRICE), GRID)
    table = tuned_retention(lives.card, np.expm1(grid))
    lives.begin(np.arange(len(lives.price)))
    seen, steps = lives.seen(), []
    for _ in range(STEPS):
        best = table[np.rint(np.log1p(lives.price) / grid[1]).astype(np.int64)]
        away = (np.arange(len(RETENTIONS)) - best[:, None]) / SPREAD
        chance = torch.softmax(torch.as_tensor(-0.5 * away**2, dtype=torch.float32), dim=1)
        action = torch.multinomial(chance, 1).flatten().numpy()
        after, reward, over = lives.step(np.array(RETENTIONS)[action])
        steps.append((seen, chance.numpy(), reward, over))
        seen = after
    seen, chances, reward, over = (np.array(column) for column in zip(*steps, strict=True))
    worth, known = returns(reward, over)
    columns = (seen[known], chances[known], worth[known].astype(np.float32))
    return Lessons(*map(torch.as_tensor, columns))


def returns(reward: Floats, over: Bools) -> tuple[Floats, Bools]:
    """The rewards from each step to the card's end, both `[steps, cards]`, and where that end is known."""
    worth, known = np.zeros_like(reward), np.zeros(reward.shape, bool)
    total, ended = np.zeros(reward.shape[1]), np.zeros(reward.shape[1], bool)
    for step in range(len(reward) - 1, -1, -1):
        total = np.where(over[step], 0.0, total) + reward[step]
        ended = ended | over[step]
        worth[step], known[step] = total, ended
    return worth, known


def layers_of(model: PPO) -> tuple[tuple[Floats, Floats], ...]:
    """The layers of a model that choose, as arrays."""
    body: Any = model.policy.mlp_extractor.policy_net
    linear = [*(part for part in body if isinstance(part, nn.Linear)), model.policy.action_net]
    return tuple((array(part.weight), array(part.bias)) for part in linear)


def array(parameter: Any) -> Floats:
    """The numbers of a parameter, a copy."""
    return np.array(parameter.detach().numpy())
