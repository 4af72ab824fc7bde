"""The teacher's page: who needs help first, the foreseen effect, and a browser without a mouse."""

import shutil
from collections import Counter

import numpy as np
import pytest
from starlette.testclient import TestClient

from coursewright.live.attention import help_of
from coursewright.live.foresight import foresee, next_step
from coursewright.live.guard import Limits
from coursewright.live.recommender import Recommender
from coursewright.live.service import guarded
from coursewright.live.teacher import class_of
from coursewright.live.words import Overview, Recent, Skill, now
from live_tutor import TUTOR
from load import TOKEN

CHROMIUM = shutil.which("chromium")
FOCUSED = "document.activeElement.name || document.activeElement.textContent"
SKILLS_OF = {"a1": ["A"], "b1": ["B"], "ab": ["A", "B"]}


def learner(answers="", mastery=0.3, answered=5, last=100.0):
    """A learner by (item, answer) such as "a1+ b1- a1?", a day apart, the last on day `last`."""
    told = answers.split()
    recent = [
        Recent(one[:-1], {"+": 1, "-": 0, "?": None}[one[-1]], last - len(told) + 1 + n, False)
        for n, one in enumerate(told)
    ]
    skills = [Skill("A", mastery, 0.1, answered, 2, True), Skill("B", 0.6, 0.1, answered, 2, True)]
    return Overview("x", None, len(told), last if told else None, skills, recent, None)


@pytest.mark.parametrize(
    ("one", "wanted"),
    [
        (learner("a1- a1- a1-"), ("stuck", "A", 98.0)),
        (learner("a1- a1- a1- a1+"), ("on course", "", 100.0)),
        (learner("a1- a1- b1+ a1-"), ("stuck", "A", 97.0)),  # another skill between is no end of it
        (learner("a1- a1? a1- a1-"), ("stuck", "A", 97.0)),  # nor is an item without a question
        (learner("a1- ab- ab- b1+"), ("stuck", "A", 97.0)),
        (learner("a1- a1-"), ("on course", "", 100.0)),
        (learner("a1+ a1-", answered=8), ("slow", "A", 99.0)),
        (learner("a1? a1+ a1-", answered=8), ("slow", "A", 99.0)),  # a video is no answer
        (learner("a1+ a1-", mastery=0.5, answered=8), ("on course", "", 100.0)),
        (learner("a1+", last=90.0), ("away", "", 90.0)),
        (learner(), ("new", "", None)),
    ],
)
def test_a_need_has_a_skill_and_a_beginning(one, wanted):
    found = help_of(one, SKILLS_OF, 100.5)
    assert (found.level, found.skill, found.since) == wanted


@pytest.fixture
def client(tutor):
    with TestClient(guarded(tutor, TOKEN, Limits()), headers={"authorization": f"Bearer {TOKEN}"}) as made:
        yield made


def taught(tutor, name, answers, start):
    for n, letter in enumerate(answers):
        tutor.observe(name, "0", int(letter), start + n / 100, 0.5)


def test_the_class_is_in_the_order_of_need(client, tutor):
    start = now() - 0.5
    for name, answers in {"well": "11", "stuck": "000", "longer": "00000"}.items():
        taught(tutor, name, answers, start)
    taught(tutor, "gone", "1", start - 20)
    tutor.enrol("new")
    tutor.next("probe")
    tutor.enrol("well", group="5 b")
    told = client.post("/class", json={"group": None}).json()
    assert [one["learner"] for one in told["learners"]] == ["longer", "stuck", "gone", "new", "well"]
    first = told["learners"][0]
    assert first["reason"].startswith("5 wrong in a row on 0, mastery ")
    assert first["since"] == pytest.approx(start)
    assert all(one["next"]["item"] is not None for one in told["learners"])
    assert [one["learner"] for one in client.post("/class", json={"group": "5 b"}).json()["learners"]] == [
        "well"
    ]
    assert told["groups"] == ["5 b"]
    assert Counter(one["level"] for one in told["learners"])["stuck"] == 2


def test_the_list_tells_the_choice_that_whoever_asks_will_get(tmp_path):
    """Of those who have not been asked about as well, and where the tutor explores."""
    tutor = Recommender(TUTOR, tmp_path / "live.sqlite", tmp_path / "key", explore=0.9)
    for n in range(12):
        tutor.enrol(f"l{n}")
    told = {one["learner"]: one["next"]["item"] for one in class_of(tutor, tutor.bridge(), None)["learners"]}
    assert told == {name: tutor.next(name)[0].item for name in told}
    assert len(set(told.values())) > 1
    tutor.close()


def test_the_foreseen_effect_is_bayes_rule_on_the_tutors_table(tutor):
    """One skill by hand; learning after the answer, on average, whatever the answer was."""
    taught(tutor, "anna", "01", now() - 1)
    bridge = tutor.bridge()
    [seat] = bridge.seats("anna").values()
    mind = bridge.mind
    table = {name: values[3] for name, values in mind.words["tutor"].items()}
    b = float(mind.beliefs(seat.state[None])[0][0, 3])
    chance = b * (1 - table["slip"]) + (1 - b) * table["guess"]
    right = b * (1 - table["slip"]) / chance
    wrong = b * table["slip"] / (1 - chance)
    later = [p * (1 - table["forget"]) + (1 - p) * table["learn"] for p in (wrong, right)]
    [step] = next_step(mind, seat.state[None], seat.goal[None], [mind.place["3"]])
    assert (step.before, step.low, step.high) == pytest.approx((b, *later), abs=1e-5)
    assert step.after == pytest.approx((1 - chance) * later[0] + chance * later[1], abs=1e-5)
    effect = foresee(mind, seat.state, seat.goal, "3", items=1, futures=4000)
    assert effect.chance == pytest.approx(chance, abs=1e-5)
    assert effect.skills == step  # nothing is drawn
    assert effect.goal.before == pytest.approx(float(mind.beliefs(seat.state[None])[0].mean()))
    assert effect == foresee(mind, seat.state, seat.goal, "3", items=1, futures=4000)
    before = seat.state.copy()
    foresee(mind, seat.state, seat.goal, "3")
    assert np.array_equal(before, seat.state)


def test_questions_about_nobody_and_nothing_get_one_line(client, tutor):
    tutor.enrol("anna")
    for body, said in (
        ({"learner": "bert", "item": "0"}, "nobody"),
        ({"learner": "anna", "item": "x"}, "course"),
    ):
        done = client.post("/effect", json=body)
        assert (done.status_code, said in done.json()["error"]) == (400, True)


def test_the_page_loads_nothing_from_elsewhere(client):
    page = client.get("/teacher")
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    for path in ("/teacher", "/teacher/teacher.js", "/teacher/teacher.css"):
        text = client.get(path).text
        assert "http" not in text.replace("http://www.w3.org/2000/svg", "")
    assert client.get("/teacher", headers={"authorization": "", "accept": "text/html"}).url.path == "/sign-in"


@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine")
@pytest.mark.parametrize("width", [400, 1300])
def test_a_teacher_overrules_by_keyboard_alone(address, tutor, width):
    from playwright.sync_api import sync_playwright

    taught(tutor, "anna", "000", now() - 0.5)
    taught(tutor, "bert", "11", now() - 0.5)
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": width, "height": 900})
        elsewhere, errors = [], []
        page.on("request", lambda request: elsewhere.append(request.url))
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(address)
        page.wait_for_selector("input:focus")
        page.keyboard.type(TOKEN)
        page.keyboard.press("Enter")
        page.wait_for_selector("#list tbody tr")
        assert page.locator("#list tbody tr").count() == 1  # bert is on course
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.keyboard.press("ArrowDown")
        assert page.evaluate("document.activeElement.textContent") == "anna"
        page.keyboard.press("Enter")
        page.wait_for_selector("#effect svg")
        assert page.evaluate("document.querySelector('dialog').scrollWidth") <= width
        fields = {"item": "7", "reason": "she asked for it", "by": "Ms Ito", "Give this item next": ""}
        for field, text in fields.items():
            for _ in range(20):
                if (
                    page.evaluate("document.activeElement.name || document.activeElement.textContent")
                    == field
                ):
                    break
                page.keyboard.press("Tab")
            page.keyboard.type(text)
        page.keyboard.press("Enter")
        page.wait_for_selector("text=7 comes next, by Ms Ito.")
        page.wait_for_selector("#effect:has-text('Effect of 7')")
        assert page.inner_text("#next") == "Next: 7"
        page.keyboard.press("Escape")
        page.wait_for_selector("[data-learner='anna']:focus")
        page.wait_for_selector("td.next:has-text('7 (a teacher')")
        page.keyboard.press("/")
        page.keyboard.type("BER")
        page.wait_for_selector("button:has-text('bert')")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        page.wait_for_selector("dialog[open] h2:has-text('bert')")
        browser.close()
    [choice] = tutor.next("anna")
    assert (choice.item, choice.overruled, choice.propensity) == ("7", True, None)
    assert not errors
    assert all(url.startswith((address, "data:")) for url in elsewhere)
