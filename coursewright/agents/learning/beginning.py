"""The start of a training: an untrained model and its learners, or saved weights put into them."""

import warnings

import torch
from stable_baselines3.common.base_class import BaseAlgorithm

from coursewright.agents.learning.algorithm import Trainable
from coursewright.agents.learning.vec_env import LearnersVecEnv
from coursewright.envs.task import Task


def begun(agent: Trainable, task: Task, seed: int) -> tuple[BaseAlgorithm, LearnersVecEnv]:
    """An untrained model and the batch of training learners that it is to meet.

    Two warnings of Stable-Baselines3 are held back, for neither thing is a fault: a last mini-batch may be
    smaller than the others, and a small network may be trained on a card.
    """
    env = LearnersVecEnv(task, agent.learners, seed, agent.algorithm.beside)
    torch.set_num_threads(agent.threads)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="You have specified a mini-batch size")
        warnings.filterwarnings("ignore", message="You are trying to run")
        return agent.untrained(env, seed), env
