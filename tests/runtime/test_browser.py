"""The page of a learner in headless Chromium, its server gone; and the JavaScript runtime in a browser."""

import functools
import http.server
import json
import threading
from contextlib import contextmanager

import pytest

from coursewright.data.read import LogFile
from coursewright_runtime import Tutor
from packages import ask, build, chromium, lacking, opened
from tutor_files import QUICK, made

# A browser compiles 14 MB of onnxruntime on each page.
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("browser")]
PLACE = "`coursewright ${location.pathname}`"
BROKEN = f"Object.keys(localStorage).filter((key) => key.startsWith({PLACE} + ' damaged '))"
PLACED = "document.querySelector('#count').textContent === 'Exercise {}'"


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@contextmanager
def served(folder):
    handler = functools.partial(Quiet, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A page whose tutor knows delays and the end of a lesson, in a folder with a space in its name."""
    if why := lacking(browser=True):
        pytest.skip(why)
    place = tmp_path_factory.mktemp("my page") / "page"
    content = place.parent / "content.json"
    content.write_text(json.dumps({"a1": "<p id=own>Two and two?</p>"}))
    done = build(made("a schedule").path, place, "--title=Sums & <more>", f"--content={content}")
    assert done.returncode == 0, done.stderr
    return place


@pytest.fixture(scope="module")
def browser(folder):
    with chromium() as browser:
        yield browser


@pytest.fixture
def context(browser):
    context = browser.new_context(viewport={"width": 400, "height": 800})
    yield context
    context.close()


@pytest.fixture(scope="module")
def still(folder, browser):
    """A page that nobody answers on, opened as a file with no network."""
    context = browser.new_context()
    page = context.new_page()
    context.set_offline(True)
    opened(page, (folder / "index.html").as_uri())
    yield page
    context.close()


def answer(page, button, n):
    """Press a button with the keyboard alone, and wait for the exercise after the n-th answer."""
    go_on(page)
    page.wait_for_selector(f"{button}:enabled")
    page.focus(button)
    page.keyboard.press("Enter")
    at_rest(page, n)


def go_on(page):
    """Do not wait for the day that the tutor planned."""
    if page.is_visible("#go"):
        page.wait_for_selector("#go:enabled")
        page.focus("#go")
        page.keyboard.press("Enter")
    page.wait_for_selector("#answers:not([hidden])")


def at_rest(page, n):
    """Wait until n answers are kept, and nothing is being done."""
    page.wait_for_function(f"JSON.parse(localStorage.getItem({PLACE})).responses.length === {n}")
    page.wait_for_function("!document.querySelector('#forget').disabled")


def kept(page):
    return page.evaluate(f"JSON.parse(localStorage.getItem({PLACE}))")


def test_a_learner_is_taught_with_no_network(folder, context, tmp_path):
    tutor, page = Tutor(made("a schedule").path), context.new_page()
    with served(folder) as server:
        where = f"http://localhost:{server.server_port}/"
        opened(page, where)
        page.evaluate("navigator.serviceWorker.ready.then(() => 1)")
    context.set_offline(True)
    for n, button in enumerate(("#right", "#wrong", "#shown", "#right"), 1):
        answer(page, button, n)
    told = kept(page)
    assert [r["correct"] for r in told["responses"]] == [1, 0, None, 1]
    history = [
        {"item": r["item"], "correct": r["correct"], "minutes": r["minutes"], "at": r["time"]}
        for r in told["responses"]
    ]
    for n, event in enumerate(history):  # Python, told the same, chooses what the page showed
        assert tutor.replay(history[:n], key=told["learner"]).next(at=event["at"]).item == event["item"]
    here, there = json.loads(tutor.replay(history, key=told["learner"]).save()), json.loads(told["state"])
    assert there.pop("state") == pytest.approx(here.pop("state"), abs=1e-6)
    assert there == here
    opened(page, where)  # the server is gone, and the browser is offline
    assert kept(page) == told
    go_on(page)
    page.wait_for_function(PLACED.format(5))
    with page.expect_download() as saved:
        page.click("#export")
    saved.value.save_as(tmp_path / "answers.csv")
    log = LogFile(tmp_path / "answers.csv", licence="ours")().table.to_pylist()
    assert [row["item"] for row in log] == [event["item"] for event in history]
    assert [row["correct"] for row in log] == [1, 0, -1, 1]
    assert [row["time"] for row in log] == [event["at"] for event in history]
    assert {row["learner"] for row in log} == {told["learner"]}
    page.click("#undo")
    at_rest(page, 3)
    assert kept(page)["responses"] == told["responses"][:3]
    back, there = json.loads(tutor.replay(history[:3], key=told["learner"]).save()), kept(page)["state"]
    assert json.loads(there)["state"] == pytest.approx(back["state"], abs=1e-6)
    page.click("#forget")
    page.keyboard.press("Enter")  # the button that keeps everything has the focus
    assert len(kept(page)["responses"]) == 3
    page.click("#forget")
    page.click("#erase")
    page.wait_for_function(PLACED.format(1))
    assert kept(page)["responses"] == []
    assert kept(page)["learner"] != told["learner"]


def test_the_page_opens_as_a_file_and_shows_the_schools_own_content(folder, context):
    page, errors = context.new_page(), []
    page.on("pageerror", lambda error: errors.append(str(error)))
    context.set_offline(True)
    opened(page, (folder / "index.html").as_uri())
    assert page.title() == "Sums & <more>"
    assert page.text_content("#item") == "a1"
    assert page.text_content("#own") == "Two and two?"
    page.evaluate("window.coursewright.answer(1)")  # as an exercise that marks itself would
    answered = kept(page)
    assert [r["correct"] for r in answered["responses"]] == [1]
    page.reload()
    page.wait_for_selector("#main:not([hidden])", timeout=120_000)
    assert kept(page) == answered
    second = context.new_page()  # another tab goes on; this one notices
    opened(second, page.url)
    answer(second, "#wrong", 2)
    answer(page, "#right", 3)
    at_rest(second, 3)
    assert [r["correct"] for r in kept(second)["responses"]] == [1, 0, 1]
    assert errors == []


def test_one_click_is_one_answer(folder, context):
    page = context.new_page()
    page.goto((folder / "index.html").as_uri())
    assert page.is_visible("#loading") or page.is_visible("#main")
    assert page.text_content("#loading") == "The lesson is loading …"
    opened(page, page.url)
    assert not page.is_visible("#loading")
    page.dblclick("#right")
    at_rest(page, 1)
    go_on(page)
    page.wait_for_selector("#right:enabled")
    page.evaluate("for (let n = 0; n < 3; n++) document.querySelector('#right').click()")
    at_rest(page, 2)
    go_on(page)
    page.wait_for_selector("#right:enabled")
    page.evaluate("Promise.all([1, 1, 1].map(window.coursewright.answer))")  # an exercise that marks itself
    at_rest(page, 3)
    page.focus("#undo")
    page.keyboard.down("Enter")
    for _ in range(5):  # held down
        page.keyboard.down("Enter")
    page.keyboard.up("Enter")
    at_rest(page, 2)


def test_damaged_answers_are_kept_and_told(folder, context, tmp_path):
    page = context.new_page()
    context.set_offline(True)
    opened(page, (folder / "index.html").as_uri())
    for n in (1, 2):
        page.evaluate("window.coursewright.answer(1)")
        at_rest(page, n)
        go_on(page)
    told = kept(page)
    text = json.dumps(told, separators=(",", ":"))
    spoiled = [*told["responses"], {"item": "a1", "correct": "yes"}]
    damages = [(text[:-30], 2), ("[]", 0), (json.dumps(told | {"responses": spoiled, "state": "?"}), 2)]
    for already, (damage, left) in enumerate(damages):
        page.evaluate(f"(text) => localStorage.setItem({PLACE}, text)", damage)
        opened(page, page.url)
        assert page.evaluate(f"{BROKEN}.map((key) => localStorage.getItem(key))").count(damage) == 1
        assert len(page.evaluate(BROKEN)) == already + 1
        assert kept(page)["responses"] == told["responses"][:left]
        assert (kept(page)["learner"] == told["learner"]) == (left > 0)
        assert page.text_content("#told").startswith(f"Your saved answers were damaged: {left} of them")
        answer(page, "#wrong", left + 1)  # no button is dead
        assert page.is_visible("#rescue")
    with page.expect_download() as saved:
        page.click("#rescue")
    saved.value.save_as(tmp_path / "damaged.txt")
    assert sorted((tmp_path / "damaged.txt").read_text().split("\n\n")) == sorted(d for d, _ in damages)
    for width in (400, 1300):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert page.evaluate(CONTRAST, "#told") >= 4.5
    page.click("#dismiss")
    assert page.evaluate(BROKEN) == []
    assert not page.is_visible("#damaged")
    there = kept(page)["responses"]
    page.evaluate(f"localStorage.setItem({PLACE}, '[]')")  # while the page is open
    answer(page, "#right", len(there) + 1)
    assert kept(page)["responses"][:-1] == there
    assert len(page.evaluate(BROKEN)) == 1
    page.click("#forget")
    page.click("#erase")
    at_rest(page, 0)
    assert page.evaluate("localStorage.length") == 1


@pytest.mark.parametrize("width", [400, 1300])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_fits_and_is_readable(still, width, scheme):
    still.set_viewport_size({"width": width, "height": 800})
    still.emulate_media(color_scheme=scheme)
    assert still.evaluate("document.documentElement.scrollWidth <= innerWidth")
    for name in ("#item", "#of", "#summary", "#right", "#shown", "#forget"):
        assert still.evaluate(CONTRAST, name) >= 4.5, name


# The contrast by WCAG of a text to the first background behind it that is not transparent.
CONTRAST = """(name) => {
  const light = (colour) => colour.match(/[\\d.]+/g).slice(0, 3)
    .map((v) => v / 255).map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const element = document.querySelector(name);
  let behind = element;
  while (getComputedStyle(behind).backgroundColor === "rgba(0, 0, 0, 0)") behind = behind.parentElement;
  const [a, b] = [getComputedStyle(element).color, getComputedStyle(behind).backgroundColor].map(light);
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
}"""


def test_chromium_follows_the_originals(still):
    found = {name: ask(still, made(name), 5) for name in QUICK}
    assert found == {name: [None, None] for name in QUICK}


def test_a_page_that_cannot_be_built_is_refused_in_a_line(folder, tmp_path):
    place, strange = tmp_path / "page", tmp_path / "strange.json"
    strange.write_text('{"zz": "?"}')
    tutor = made("a schedule").path
    for given, says in (
        (["nope.onnx"], "nope.json: no such file"),
        ([tutor, f"--content={strange}"], f"{strange}: 'zz' is not one of the tutor's items"),
        ([tutor, "--texts=nope.json"], "nope.json: no such file"),
    ):
        done = build(given[0], place, *given[1:])
        assert (done.returncode, done.stderr) == (2, f"{says}\n")
    assert not place.exists()
