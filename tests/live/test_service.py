"""The service, within this process: its door, its answers to wrong requests, and what its log says."""

import json
import logging
import pickle
import random
import re
import shutil
import subprocess
import sys

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import create_engine

from coursewright.errors import InputError
from coursewright.live import service as live_service
from coursewright.live.guard import Limits
from coursewright.live.keys import tokens_of
from coursewright.live.mind import Mind
from coursewright.live.service import Service, guarded
from coursewright.live.serving import worker_of
from live_tutor import TUTOR
from load import TOKEN

HEADERS = {"Authorization": f"Bearer {TOKEN}"}
PATHS = ("/observe", "/next", "/why", "/state", "/override", "/enrol", "/lesson", "/forget", "/overview")
WRONG = [None, True, -1, 2, 1e400, "", "\0", "x" * 10_000, [], {}, [[]], {"a": 1}, float("nan"), 10**400]


@pytest.fixture
def client(tutor):
    with TestClient(
        guarded(tutor, TOKEN, Limits()), headers=HEADERS, raise_server_exceptions=False
    ) as opened:
        yield opened


def test_a_lesson_over_http(client):
    [first] = client.post("/next", json={"learner": "anna"}).json()
    body = {"learner": "anna", "item": first["item"], "correct": 1, "id": "a", "time": "2024-03-01T09:30:00Z"}
    then = client.post("/observe", json=body)
    assert then.status_code == 200
    assert client.post("/observe", json=body).json() == then.json()
    for change in ({"correct": 0}, {"learner": "bert"}):
        told = client.post("/observe", json=body | change)
        line = "id: was sent before with another content; each response has an id of its own"
        assert (told.status_code, told.json()) == (409, {"error": line})
    assert client.post("/next", json={"learner": "anna"}).json() == [then.json()]
    assert client.post("/state", json={"learner": "anna"}).json()["responses"] == 1
    assert client.post("/why", json={"learner": "anna"}).json()["choice"] == then.json()
    assert client.post("/enrol", json={"learner": "anna", "group": "7b"}).status_code == 200
    by = {"learner": "anna", "item": "8", "by": "Mrs Doe", "reason": "asked"}
    assert client.post("/override", json=by).json()["item"] == "8"
    [seen] = client.post("/overview", json={"group": "7b"}).json()
    assert (seen["learner"], seen["next"]["item"]) == ("anna", "8")
    assert client.post("/lesson", json={"learner": "anna"}).json()["overruled"]
    assert client.get("/learners").json() == ["anna"]
    assert client.get("/log?form=csv").text.startswith(chr(34) + "learner")
    assert client.post("/forget", json={"learner": "anna"}).json()["responses"] == 1
    assert client.get("/learners").json() == []


def test_without_the_token_nothing_is_told(client):
    client.post("/observe", json={"learner": "anna", "item": "0", "correct": 1})
    for headers in (
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": TOKEN},
        {"Cookie": "coursewright=x"},
    ):
        plain = TestClient(client.app, headers=headers)
        for path in (*PATHS, "/learners", "/log", "/course", "/docs", "/openapi.json", "/nowhere", "/"):
            for told in (plain.get(path), plain.post(path, json={"learner": "anna"})):
                assert told.status_code == 401
                assert told.json() == {"error": "a token is needed: Authorization: Bearer TOKEN"}
        assert plain.get("/health").json() == {"status": "ok"}
        assert plain.head("/health").status_code == 200


def test_a_browser_signs_in_once(tutor):
    with TestClient(guarded(tutor, TOKEN, Limits()), headers={"Accept": "text/html"}) as browser:
        asked = browser.get("/docs", follow_redirects=False)
        assert (asked.status_code, asked.headers["location"]) == (303, "/sign-in")
        assert browser.post("/sign-in", data={"token": "wrong"}).status_code == 401
        entered = browser.post("/sign-in", data={"token": TOKEN}, follow_redirects=False)
        assert "HttpOnly" in entered.headers["set-cookie"]
        assert "SameSite=strict" in entered.headers["set-cookie"]
        assert TOKEN not in entered.headers["set-cookie"]
        assert browser.get("/learners").json() == []
        form = browser.post("/forget", data={"learner": "anna"})  # as a page on another site could send it
        assert form.status_code == 415


def test_the_teachers_token_opens_their_page_alone(tutor):
    tutor.next("anna")
    app = guarded(tutor, TOKEN, Limits(), "a-token-of-teachers")
    with TestClient(app, headers={"Authorization": "Bearer a-token-of-teachers"}) as teacher:
        by = {"learner": "anna", "item": "8", "by": "Mrs Doe", "reason": "asked"}
        assert teacher.post("/override", json=by).json()["item"] == "8"
        for path in ("/class", "/why", "/state", "/effect"):
            body = {"group": None} if path == "/class" else {"learner": "anna"}
            more = {"item": "8"} if path == "/effect" else {}
            assert teacher.post(path, json=body | more).status_code == 200, path
        assert teacher.get("/teacher/").status_code == 200
        for path in ("/observe", "/next", "/forget", "/log", "/xapi/statements", "/docs", "/nowhere"):
            for told in (teacher.get(path), teacher.post(path, json={"learner": "anna"})):
                assert told.status_code == 403, path
                assert told.json() == {
                    "error": "the teachers' token opens the teacher's page (/teacher) alone"
                }
        platform = TestClient(app, headers=HEADERS)
        assert platform.get("/learners").json() == ["anna"]
        assert platform.get("/teacher").status_code == 200
    for token, wanted in ((TOKEN, 200), ("a-token-of-teachers", 403)):
        with TestClient(app, headers={"Accept": "text/html"}) as browser:
            assert browser.post("/sign-in", data={"token": token}).url.path == "/teacher"
            assert browser.get("/learners").status_code == wanted


def test_the_teachers_token_is_made_and_is_another(tmp_path):
    tokens = tokens_of(tmp_path / "token", tmp_path / "teachers")
    assert tokens_of(tmp_path / "token", tmp_path / "teachers") == tokens
    assert tokens.platform != tokens.teachers
    assert (tmp_path / "teachers").stat().st_mode & 0o077 == 0
    with pytest.raises(InputError, match=r"teachers = .*token: must be another token"):
        tokens_of(tmp_path / "token", tmp_path / "token")
    (tmp_path / "teachers").write_text("short")
    with pytest.raises(InputError, match=r"teachers: .*teachers must hold at least 16"):
        tokens_of(tmp_path / "token", tmp_path / "teachers")


def test_the_pages_load_nothing_from_elsewhere(client):
    for path in ("/docs", "/sign-in"):
        page = client.get(path).text
        assert not re.findall(r"(?:src|href|url\()\W*(?:https?:)?//", page)
    docs = client.get("/docs").text
    assert all(path in docs for path in client.get("/openapi.json").json()["paths"])
    assert "<p>Its address takes: <code>group</code>.</p>" in docs


def wrong_requests(number: int) -> list[tuple[str, bytes]]:
    """Bodies that no endpoint can take: fields gone, of another kind, unknown, or no JSON at all."""
    rng, found = random.Random(20261128), []
    good = {
        "/observe": {"learner": "anna", "item": "0", "correct": 1, "minutes": 1.0, "id": "a", "past": False},
        "/next": {"learner": "anna", "k": 2, "only": ["0"], "exclude": ["1"]},
        "/override": {"learner": "anna", "item": "0", "by": "me", "reason": "so"},
        "/enrol": {"learner": "anna", "goal": ["0"], "group": "7b"},
    }
    fine = [*((name, None) for name in ("correct", "id", "only", "goal", "group")), ("correct", True)]
    fine += [("past", True), ("only", []), ("exclude", []), ("k", 2)]
    while len(found) < number:
        path = rng.choice(list(good))
        body: dict[str, object] = dict(good[path])
        name, kind = rng.choice(list(body)), rng.randrange(4)
        value = rng.choice(WRONG)
        if kind == 0:
            if name not in ("learner", "item", "by", "reason", "correct"):
                continue
            del body[name]
        elif kind == 1:
            body["lerner"] = value
        elif kind == 2:
            text = json.dumps(body)
            cut = rng.randrange(1, len(text))
            found.append((path, text[:cut].encode()))
            continue
        elif not any(name == field and value == ok for field, ok in fine):
            body[name] = value
        else:
            continue
        found.append((path, json.dumps(body).encode()))
    return found


def test_200_wrong_requests_get_one_clear_line(client):
    for path, body in wrong_requests(200):
        told = client.post(path, content=body, headers={"Content-Type": "application/json"})
        assert 400 <= told.status_code < 500, (path, body[:200], told.text)
        line = told.json()["error"]
        assert 8 < len(line) < 300, (path, body[:200], line)
        assert "\n" not in line
        assert "anna" not in line
    assert client.get("/learners").json() == []
    assert client.get("/nowhere").json() == {"error": "there is no such path; /docs names them all"}
    assert client.get("/observe").status_code == 405


@pytest.mark.parametrize(
    ("path", "change", "line"),
    [
        ("/observe", {"item": 0}, 'item = 0: must be a text, such as "0"'),
        ("/observe", {"correct": "yes"}, 'correct = "yes": must be 1, 0 or null'),
        ("/observe", {"learner": 7}, 'learner: must be a text in quotes, such as "0"'),
        ("/observe", {"minutes": "1"}, 'minutes = "1": must be a number'),
        ("/next", {"only": ["0", 1]}, 'only[1] = 1: must be a text, such as "1"'),
        ("/next", {"only": "0"}, 'only = "0": must be a list'),
        ("/next", {"k": 0}, "k = 0: must be a whole number from 1 to 3"),
        ("/next", {"k": 4}, "k = 4: must be a whole number from 1 to 3"),
        ("/override", {"item": "0"}, "by: is missing; see /docs"),
        ("/overview", {"recent": -1}, "recent = -1: must be at least 0"),
    ],
)
def test_a_wrong_kind_is_told_in_our_words(tutor, path, change, line):
    whole = {"/observe": {"item": "0", "correct": 1}}.get(path, {})
    one = {} if path == "/overview" else {"learner": "anna"}
    with TestClient(guarded(tutor, TOKEN, Limits(k=3)), headers=HEADERS) as client:
        assert client.post(path, json=one | whole | change).json() == {"error": line}


def test_a_parameter_that_a_path_does_not_know_is_refused(client, tutor):
    """Each path of the service, by its own list of them."""
    tutor.enrol("anna", group="7b")
    tutor.enrol("bert")
    assert client.get("/learners?group=7b").json() == ["anna"]
    assert client.get("/learners?group=8a").json() == []
    told = client.get("/learners?grup=7b")
    line = "grup: is no parameter of this path, which takes group; see /docs"
    assert (told.status_code, told.json()) == (400, {"error": line})
    kind = {"Content-Type": "application/json"}
    paths = {path: list(ways) for path, ways in client.get("/openapi.json").json()["paths"].items()}
    assert len(paths) > 15
    pages = {path: ["get"] for path in ("/", "/docs", "/sign-in", "/teacher", "/teacher/teacher.js")}
    for path, ways in (paths | pages).items():
        for way in ways:
            done = client.request(way.upper(), f"{path}?nothing=1", content=b"{}", headers=kind)
            assert done.status_code == 400, path
            assert done.json()["error"].startswith("nothing: is no parameter of this path"), path


def test_what_is_no_utf_8_and_what_is_another_form_get_one_line(client):
    kind = {"Content-Type": "application/json"}
    told = client.post("/next", content=b'{"learner": "zo\xeb"}', headers=kind)
    line = "the body cannot be read: it must be JSON in UTF-8, and not compressed"
    assert (told.status_code, told.json()) == (400, {"error": line})
    assert client.get("/log?form=xml").json() == {"error": 'form = "xml": must be parquet or csv'}


def test_a_store_that_does_not_answer_is_a_503(client, tutor, monkeypatch):
    body = {"learner": "anna", "item": "0", "correct": 1}
    client.post("/observe", json=body)
    with monkeypatch.context() as patched:
        patched.setattr(tutor._store, "engine", create_engine("sqlite:////nowhere/at/all"))
        for told in (client.get("/health"), client.post("/observe", json=body)):
            assert told.status_code == 503
            assert told.json()["error"].startswith("the store does not answer; send it again later")
            assert told.headers["retry-after"] == "5"
    assert client.get("/health").json() == {"status": "ok"}
    assert client.post("/state", json={"learner": "anna"}).json()["responses"] == 1


def test_limits_are_kept(tutor):
    limits = Limits(body=1_000, k=3)
    with TestClient(guarded(tutor, TOKEN, limits), headers=HEADERS) as client:
        assert client.post("/next", json={"learner": "anna", "k": 4}).status_code == 400
        assert client.post("/next", json={"learner": "a" * 2_000}).status_code == 413
        streamed = client.post(
            "/next", content=iter([b"x" * 600, b"x" * 600]), headers={"Content-Type": "application/json"}
        )
        assert streamed.status_code == 413


def test_a_rate_is_kept(tutor):
    with TestClient(guarded(tutor, TOKEN, Limits(rate=1)), headers=HEADERS) as client:
        codes = [client.get("/course").status_code for _ in range(20)]
        assert codes[0] == 200
        assert codes.count(429) > 3


def test_no_line_of_a_log_names_a_learner(client, caplog, tutor, monkeypatch):
    caplog.set_level(logging.DEBUG)
    body = {"learner": "Anna Example", "item": "0", "correct": 1, "id": "Anna-1"}
    client.post("/observe", json=body)
    client.post("/next", json={"learner": "Anna Example", "only": ["Anna"]})
    client.post("/state", json={"learner": "Anna Nobody"})
    client.get("/Anna")
    client.get("/learners?name=Anna")

    def fails(*given: object) -> None:
        raise RuntimeError(f"Anna: {given}")

    monkeypatch.setattr(tutor, "why", fails)
    monkeypatch.setattr(tutor, "observe_many", fails)
    for path in ("/why", "/observe"):
        told = client.post(path, json=body if path == "/observe" else {"learner": "Anna Example"})
        assert (told.status_code, told.json()) == (500, {"error": "the service failed; nothing was written"})
    lines = [record.getMessage() for record in caplog.records if record.name.startswith("coursewright")]
    assert any(line.startswith("POST /observe 200") for line in lines)
    assert any("RuntimeError" in line for line in lines)
    for record in caplog.records:
        if not record.name.startswith(("httpx", "asyncio")):  # the client's own
            assert "Anna" not in record.getMessage() + str(record.exc_info)


def test_a_worker_that_begins_later_teaches_with_the_same_file(tmp_path, monkeypatch):
    """One that died is replaced; the file may have been replaced as well, by another tutor or by junk."""
    for end in (".onnx", ".json"):
        shutil.copy(TUTOR.with_suffix(end), tmp_path / f"tutor{end}")
    monkeypatch.setattr(live_service, "obey_parent", lambda: None)
    monkeypatch.setattr(live_service.logging, "basicConfig", lambda **given: None)
    service = Service(str(tmp_path / "tutor.onnx"), str(tmp_path / "s"), str(tmp_path / "k"))
    service.recommender().close()
    (tmp_path / "worker").write_bytes(pickle.dumps(worker_of(service)))  # as it comes to another process
    (tmp_path / "tutor.onnx").write_bytes(b"junk")
    code = "import pickle, sys; pickle.load(open('worker', 'rb')); print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    ).stdout.split()
    assert "coursewright.live.worker" in loaded
    assert not {"coursewright.live.service", "fastapi", "onnxruntime"} & set(loaded)
    app = pickle.loads((tmp_path / "worker").read_bytes())()
    tutor = app._app.state.recommender
    assert tutor._mind.fingerprint == Mind(TUTOR).fingerprint
    assert tutor.next("anna")[0].item == "0"
    tutor.close()


def test_the_file_of_the_tests_is_there():
    assert TUTOR.is_file()
