"""A class of made-up learners plays against a running tutor, through HTTP and xAPI statements alone.

    coursewright serve policy=tutor.onnx
    python docs/xapi_class.py --words tutor.json --learners 30 --answers 40

A platform would do the same: ask what comes next, show it, and send an `answered` statement.  Networks fail
and people err, so some statements are sent twice, and some are sent by mistake and then declared void.  In
the end the service must know each answer once, and none that is void.  Python's own library is enough.
"""

import argparse
import json
import os
import random
import sys
import urllib.error
import urllib.parse
import urllib.request
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

HOME = "https://coursewright.invalid/learners"  # whose accounts the service knows by their names alone
ITEMS = "https://coursewright.invalid/items/"
VERB = "http://adlnet.gov/expapi/verbs/"
AGAIN = 0.2  # the share of statements that are sent twice
MISTAKEN = 0.05  # the share that is followed by a mistaken one


class Service:
    """The tutor's service."""

    def __init__(self, address: str, token: str) -> None:
        self.address, self.token = address.rstrip("/"), token

    def post(self, path: str, body: object) -> object:
        """The answer to a question; ends with the service's own line where it refuses."""
        headers = {
            "Authorization": f"Bearer {self.token}",
            "Content-Type": "application/json",
            "X-Experience-API-Version": "1.0.3",
        }
        asked = urllib.request.Request(self.address + path, json.dumps(body).encode(), headers)
        try:
            with urllib.request.urlopen(asked, timeout=30) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            sys.exit(f"{path}: {error.code} {error.read().decode()}")
        except OSError as error:
            sys.exit(f"{self.address}: {error}")


class Pupil:
    """A made-up learner: each skill is known or not, and practice teaches by the tutor's table."""

    def __init__(self, name: str, words: dict, chance: random.Random) -> None:
        table = words["tutor"]
        self.name, self.chance = name, chance
        self.table = {skill: {k: table[k][n] for k in table} for n, skill in enumerate(words["skills"])}
        self.needs = {item["name"]: item["skills"] for item in words["items"]}
        self.known = {skill: chance.random() < at["prior"] for skill, at in self.table.items()}
        self.quick = chance.uniform(0.3, 1.5)  # learns so much faster than the table says

    def answer(self, item: str) -> bool:
        """True for a right answer; some of what is practised is learnt."""
        needs = self.needs[item]
        right = all(
            self.chance.random() < (1 - self.table[k]["slip"] if self.known[k] else self.table[k]["guess"])
            for k in needs
        )
        for skill in needs:
            self.known[skill] |= self.chance.random() < self.quick * self.table[skill]["learn"]
        return right


def statement(name: str, item: str, right: bool, when: datetime, seconds: float) -> dict:
    """One `answered` statement."""
    return {
        "id": str(uuid.uuid4()),
        "actor": {"objectType": "Agent", "account": {"homePage": HOME, "name": name}},
        "verb": {"id": VERB + "answered", "display": {"en": "answered"}},
        "object": {"objectType": "Activity", "id": ITEMS + urllib.parse.quote(item, safe="")},
        "result": {"success": right, "duration": f"PT{seconds:.2f}S"},
        "timestamp": when.isoformat().replace("+00:00", "Z"),
    }


def voiding(id: str) -> dict:
    """The statement that declares another void."""
    return {
        "actor": {"objectType": "Agent", "account": {"homePage": HOME, "name": "the platform"}},
        "verb": {"id": VERB + "voided", "display": {"en": "voided"}},
        "object": {"objectType": "StatementRef", "id": id},
    }


def play(
    service: Service, pupil: Pupil, answers: int, begin: datetime, chance: random.Random
) -> dict[str, int]:
    """One learner's lessons: the number of answers, of statements sent again, and of void ones."""
    told = {"answers": 0, "again": 0, "void": 0}
    for turn in range(answers):
        item = service.post("/next", {"learner": pupil.name})[0]["item"]
        if item is None:
            break
        when = begin + timedelta(hours=7 * turn)
        sent = statement(pupil.name, item, pupil.answer(item), when, chance.uniform(5, 90))
        service.post("/xapi/statements", [sent])
        told["answers"] += 1
        if chance.random() < AGAIN:  # the answer was lost on the way
            service.post("/xapi/statements", [sent])
            told["again"] += 1
        if chance.random() < MISTAKEN:
            wrong = statement(pupil.name, item, not sent["result"]["success"], when, 1.0)
            for one in (wrong, voiding(wrong["id"]), wrong):  # void, and so it stays when it is sent again
                service.post("/xapi/statements", [one])
            told["void"] += 1
    return told


def main() -> int:
    """0 where the service knows each answer once and none that is void."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--service", default="http://127.0.0.1:8765", help="its address")
    asked.add_argument(
        "--token", help="its token (else the variable COURSEWRIGHT_TOKEN, else its usual file)"
    )
    asked.add_argument("--words", default="tutor.json", help="the words of the tutor file")
    asked.add_argument("--learners", type=int, default=30)
    asked.add_argument("--answers", type=int, default=40, help="of each learner, at the most")
    asked.add_argument("--seed", type=int, default=0)
    given = asked.parse_args()
    usual = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "coursewright" / "token"
    token = given.token or os.environ.get("COURSEWRIGHT_TOKEN") or usual.read_text().strip()
    words = json.loads(Path(given.words).read_text(encoding="utf-8"))
    service, chance = Service(given.service, token), random.Random(given.seed)
    mark = uuid.uuid4().hex[:4]  # so that each run has a class of its own
    wrong = 0
    total = {"answers": 0, "again": 0, "void": 0}
    before = after = 0
    for n in range(given.learners):
        pupil = Pupil(f"pupil {n + 1} of {mark}", words, random.Random(f"{given.seed} {n}"))
        service.post("/enrol", {"learner": pupil.name, "group": f"class {mark}"})
        begin = datetime.now(UTC) - timedelta(hours=7 * given.answers + chance.uniform(0, 200))
        before += sum(pupil.known.values())
        lessons = play(service, pupil, chance.randint(given.answers // 3, given.answers), begin, chance)
        after += sum(pupil.known.values())
        total = {name: total[name] + lessons[name] for name in total}
        state = service.post("/state", {"learner": pupil.name})
        wrong += state["responses"] != lessons["answers"]
    skills = given.learners * len(words["skills"])
    print(f"class {mark}: {given.learners} learners, {total['answers']} answers")
    print(f"  sent again {total['again']}, sent by mistake and declared void {total['void']}")
    print(f"  skills known {before / skills:.0%} before, {after / skills:.0%} after")
    print(f"  learners of whom the service counts another number of answers: {wrong}")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
