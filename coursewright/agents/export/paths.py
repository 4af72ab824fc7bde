"""A course as torch graphs read it, and the picks among its items that rules share."""

import numpy as np
import torch
from torch import Tensor, nn

from coursewright.agents.export.remembering import padded
from coursewright.simulators.course import Course


class Paths(nn.Module):
    """A course as graphs read it: padded lists, whose filler is one place past the end."""

    def __init__(self, course: Course) -> None:
        super().__init__()
        self.items, self.skills = course.n_items, course.n_skills
        self.depth = _depth(course)
        self.needed: Tensor
        self.parents: Tensor
        self.after: Tensor
        self.items_of: Tensor
        for name, lists, filler in (
            ("needed", course.needed, self.skills),
            ("parents", course.parents, self.skills),
            ("after", course.children, self.skills),
            ("items_of", course.items_of, self.items),
        ):
            self.register_buffer(name, torch.from_numpy(padded(lists, filler)), persistent=False)

    def toward(self, goal: Tensor) -> Tensor:
        """Skills that bear on the goal, `[batch, skills]`."""
        bearing = goal
        for _ in range(self.depth):
            bearing = goal | among(bearing, self.after, False).any(2)
        return bearing

    def open(self, bearing: Tensor, allowed: Tensor) -> Tensor:
        """Allowed items with a skill that bears on the goal; all allowed where there is none."""
        some = allowed & among(bearing, self.needed, False).any(2)
        none = ~some.any(1, keepdim=True)
        return some | (none & allowed)

    def offered(self, allowed: Tensor) -> Tensor:
        """Skills of which an item is allowed, `[batch, skills]`."""
        return among(allowed, self.items_of, False).any(2)

    def of_skill(self, skill: Tensor) -> Tensor:
        """Items that need `skill [batch]`, `[batch, items]`."""
        return (self.needed == skill[:, None, None]).any(2)

    def believed(self, belief: Tensor) -> Tensor:
        """The product of an item's beliefs, float64 `[batch, items]`."""
        return product(among(belief.double(), self.needed, 1.0))


def among(values: Tensor, lists: Tensor, filler: float | bool) -> Tensor:
    """`values [batch, n]` of the entries of each list, `[batch, lists, most]`."""
    end = torch.full_like(values[:, :1], filler)
    return torch.cat([values, end], 1)[:, lists]


def product(factors: Tensor) -> Tensor:
    """The product over the last axis, from left to right."""
    out = factors[..., 0]
    for place in range(1, factors.shape[-1]):
        out = out * factors[..., place]
    return out


def lowest(score: Tensor, among: Tensor) -> Tensor:
    """`choosing.lowest`: the item `[batch]` of `among` with the lowest score."""
    return torch.where(among, score, torch.inf).argmin(1)


def following(last: Tensor, among: Tensor) -> Tensor:
    """`choosing.next_items`: the item of `among` that comes after `last`, cyclically."""
    n = among.shape[1]
    ahead = (torch.arange(n) - last[:, None] - 1) % n
    return torch.where(among, ahead, n).argmin(1)


def only(item: Tensor, items: int) -> Tensor:
    """True at the item of each row, `[batch, items]`."""
    return torch.arange(items) == item[:, None]


def _depth(course: Course) -> int:
    """The longest path of prerequisites."""
    depth = np.zeros(course.n_skills, np.int64)
    for skill in course.order:
        before = course.parents.row(int(skill))
        depth[skill] = max((depth[p] + 1 for p in before), default=0)
    return int(depth.max())
