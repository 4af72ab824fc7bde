"""Whole classes: over HTTP they learn as in a rollout, and no acknowledged response is lost by a kill."""

import asyncio
import os
import random
import signal

import httpx
import numpy as np
import pytest

from coursewright.agents.rules.mastery import NInARow
from coursewright.agents.tracker import SilentTracker
from coursewright.envs.episodes import Episodes
from coursewright.envs.record import Records
from coursewright.envs.rollout import rollout
from coursewright.envs.shipped import kss
from coursewright.live.guard import Limits
from coursewright.live.recommender import Recommender
from coursewright.live.service import guarded
from coursewright.live.words import Choice
from coursewright.simulators.luck import Split
from live_tutor import TUTOR
from load import TOKEN, Line, service, waited


class Remembered(Records):
    """Records that keep the past that they were opened with."""

    def open(self, rows, goal=None, past=None, key=None, price=None) -> None:
        super().open(rows, goal, past, key, price)
        self.past = past


class OverHttp:
    """A policy that asks a service, as a platform would; it never sees more than answers."""

    name, respects_mask = "over HTTP", True

    def __init__(self, client: httpx.Client, task) -> None:
        self.client, self.task, self.asked = client, task, None

    def ask(self, path: str, **body):
        told = self.client.post(path, json=body)
        assert told.status_code == 200, told.text
        return told.json()

    def watch(self, episodes) -> None:
        """The platform's own knowledge: goals, answers before the lessons, and what it can show."""
        self.episodes, items, skills = episodes, self.task.course.items, self.task.course.skills
        twin = Episodes(self.task, episodes.batch, records=Remembered)
        twin.begin(
            np.arange(episodes.batch), episodes.number, np.zeros(episodes.batch, np.int64), Split.EVALUATE
        )
        past = twin.records.past
        for row in range(episodes.batch):
            goal = [skills[k] for k in np.flatnonzero(episodes.goal[row])]
            luck = int(episodes.luck.fate[row])  # of the tutor's own random choices
            self.ask("/enrol", learner=f"learner {row}", goal=goal, luck=luck)
            for t in range(0 if past is None else past.length[row]):
                event = {
                    "item": items[past.item[row, t]],
                    "correct": answer(past.correct[row, t]),
                    "past": True,
                }
                self.ask("/observe", learner=f"learner {row}", taught=bool(past.taught[row, t]), **event)

    def begin(self, luck):
        return None

    def predict(self, observation, state, started, deterministic, mask):
        items = self.task.course.items
        if self.asked is not None:
            response = self.episodes.response
            for row, item in enumerate(self.asked):
                event = {"item": items[item], "correct": answer(response.correct[row])}
                self.ask("/observe", learner=f"learner {row}", minutes=float(response.minutes[row]), **event)
        self.asked = []
        for row in range(len(mask)):
            only = [items[a] for a in np.flatnonzero(mask[row])]
            [choice] = self.ask("/next", learner=f"learner {row}", only=only)
            self.asked.append(items.index(choice["item"]))
        return np.array(self.asked), None


def answer(correct) -> int | None:
    return int(correct) if correct >= 0 else None


def same_gains(path, policy, task, learners, folder) -> None:
    from fastapi.testclient import TestClient

    tutor = Recommender(path, folder / "live.sqlite", folder / "key")
    headers = {"Authorization": f"Bearer {TOKEN}"}
    with TestClient(guarded(tutor, TOKEN, Limits(rate=10**6)), headers=headers) as client:
        found = rollout(task, OverHttp(client, task), learners)
    wanted = rollout(task, policy, learners)
    np.testing.assert_array_equal(found.item, wanted.item)
    np.testing.assert_array_equal(found.returned, wanted.returned)
    np.testing.assert_array_equal(found.end - found.start, wanted.end - wanted.start)
    assert len(np.unique(wanted.returned)) > 1


def test_a_class_over_http_learns_as_in_a_rollout(tmp_path):
    task = kss(10)
    same_gains(TUTOR, NInARow(2)(task, 0, SilentTracker()), task, 4, tmp_path)


@pytest.mark.slow
def test_a_larger_class_and_a_network_do_so_too(tmp_path):
    from coursewright.agents.export.whole import write
    from coursewright.agents.learning.ppo import Ppo

    task = kss(10)
    same_gains(TUTOR, NInARow(2)(task, 0, SilentTracker()), task, 60, tmp_path)
    few = {"steps": 2_048, "learners": 16, "layers": (16,), "batch_size": 128, "imitate": None}
    policy = Ppo(**few, masked=True)(task, 0, SilentTracker())
    (tmp_path / "network").mkdir()
    write(policy, task, tmp_path / "network" / "tutor.onnx")
    same_gains(tmp_path / "network" / "tutor.onnx", policy, task, 60, tmp_path / "network")
    tutor = Recommender(
        tmp_path / "network" / "tutor.onnx",
        tmp_path / "network" / "live.sqlite",
        tmp_path / "network" / "key",
    )
    found = [tutor.why(f"learner {n}") for n in range(60)]  # of a network, scores have differences
    assert all(why.margin is not None and why.margin > 0 for why in found)
    assert all(why.compared == "the median of 60 learners" for why in found)
    assert any(why.reasons for why in found)
    for why in found:
        for reason in why.reasons:
            assert reason.instead != why.choice.item
    tutor.close()


@pytest.mark.slow
def test_the_kept_file_is_todays(tmp_path):
    """Copy the two new files to tests/live where the format has moved on."""
    from coursewright.agents.export.whole import write

    task = kss(10)
    write(NInARow(2)(task, 0, SilentTracker()), task, tmp_path / "tutor.onnx")
    new, old = (
        Recommender(place, tmp_path / f"{n}.sqlite", tmp_path / "key")
        for n, place in enumerate((tmp_path / "tutor.onnx", TUTOR))
    )
    rng = random.Random(0)
    for _ in range(200):
        item, correct = str(rng.randrange(10)), rng.randrange(2)
        assert new.observe("anna", item, correct, 1.0) == old.observe("anna", item, correct, 1.0)


async def hammered(port: int, process, acknowledged: dict[str, str], sent: list[str], seconds: float) -> None:
    """Post until the service is killed, `seconds` from now; note what was acknowledged."""
    over = asyncio.Event()

    async def one(number: int) -> None:
        line, turn = Line(port), 0
        while not over.is_set():
            learner, name = f"l{number}", f"{len(sent)}-{number}-{turn}"
            sent.append(name)
            try:
                body = {"learner": learner, "item": str(turn % 10), "correct": 1, "id": name}
                status, told = await line.post("/observe", body)
            except ConnectionError:
                return
            assert status == 200, told
            acknowledged[name] = learner
            turn += 1

    async with asyncio.TaskGroup() as group:
        for number in range(8):
            group.create_task(one(number))
        await asyncio.sleep(seconds)
        os.killpg(process.pid, signal.SIGKILL)
        over.set()


def killed(folder, times: int, *words: str) -> None:
    acknowledged, sent, rng = dict[str, str](), list[str](), random.Random(0)
    for _ in range(times):
        with service(folder, TUTOR, *words, lean=not words) as (port, process):
            asyncio.run(hammered(port, process, acknowledged, sent, 0.2 + rng.random()))
            process.wait(20)
    tutor = Recommender(TUTOR, folder / "live.sqlite", folder / "key")
    counts = {learner: tutor.state(learner).responses for learner in tutor.learners()}
    assert len(acknowledged) > 10 * times
    assert len(acknowledged) <= sum(counts.values()) <= len(sent)
    again = tutor.observe_many(
        [response_of(learner, name) for name, learner in acknowledged.items()]
    )  # each is there: sent again, none counts
    assert all(isinstance(one, Choice) for one in again)
    assert {learner: tutor.state(learner).responses for learner in tutor.learners()} == counts
    tutor.close()


def response_of(learner: str, name: str):
    from coursewright.live.words import Response

    return Response(learner, str(int(name.rpartition("-")[2]) % 10), 1, id=name)  # as `hammered` sent it


def test_3_kills_lose_nothing(tmp_path):
    killed(tmp_path, 3)


@pytest.mark.slow
def test_50_kills_lose_nothing(tmp_path):
    killed(tmp_path, 50, "workers=2")


@pytest.mark.slow
def test_two_workers_name_the_same_item_and_end_in_order(tmp_path):
    with service(tmp_path, TUTOR, "workers=2") as (port, process):
        headers = {"Authorization": f"Bearer {TOKEN}"}

        def ask(path: str, **body):
            return httpx.post(f"http://127.0.0.1:{port}{path}", json=body, headers=headers, timeout=30).json()

        for turn in range(20):  # each on a connection of its own
            told = ask("/observe", learner="anna", item=str(turn % 10), correct=turn % 2, id=str(turn))
            assert [ask("/next", learner="anna") for _ in range(6)] == [[told]] * 6
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
        assert "stopped" in process.stdout.read()


def test_it_ends_in_order_and_tells_where_things_are(tmp_path):
    with service(tmp_path, TUTOR, "access=true") as (port, process):
        waited(port)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
        told = process.stdout.read()
    assert "stopped; all that was acknowledged" in told
    assert TOKEN not in told
    assert (tmp_path / "live.sqlite").stat().st_mode & 0o077 == 0
    assert (tmp_path / "key").stat().st_mode & 0o077 == 0
