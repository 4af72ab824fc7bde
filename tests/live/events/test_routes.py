"""The service as a store of xAPI statements and a Caliper endpoint: idempotent, and voids are honoured."""

import base64
from datetime import UTC, datetime

import pytest
from starlette.testclient import TestClient

from coursewright.live.events import caliper, xapi
from coursewright.live.events.event import Event, Names
from coursewright.live.guard import Limits
from coursewright.live.service import guarded
from load import TOKEN

NAMES = Names(str.upper)


@pytest.fixture
def client(tutor):
    app = guarded(tutor, TOKEN, Limits())
    with TestClient(app._app) as inner:  # the app's own life
        inner.app = app
        inner.headers["authorization"] = f"Bearer {TOKEN}"
        yield TestClient(app, headers=inner.headers)


def answer(n, learner="anna", item="0", correct=1, day=1):
    time = datetime(2026, 1, day, 10, n, tzinfo=UTC)
    return Event(f"00000000-0000-4000-8000-{n:012d}", learner, item, correct, time, 0.5)


def sent(*events):
    return [xapi.statement_of(event, NAMES) for event in events]


def test_statements_teach_and_count_once(client, tutor):
    told = sent(answer(1), answer(2, correct=0), answer(3, "bert", "1"))
    done = client.post("/xapi/statements", json=told)
    assert done.status_code == 200
    assert done.json() == [one["id"] for one in told]
    assert done.headers["X-Experience-API-Version"] == "1.0.3"
    assert done.headers["X-Coursewright-Passed-Over"] == "0"
    before = tutor.state("anna")
    assert (before.responses, before.skills[0].answers, before.skills[0].right) == (2, 2, 1)
    assert client.post("/xapi/statements", json=told[0]).status_code == 200
    url = f"/xapi/statements?statementId={told[1]['id']}"
    assert client.put(url, json=told[1]).status_code == 204
    assert tutor.state("anna") == before


def test_a_voided_statement_is_taken_back_and_never_comes_in_again(client, tutor):
    first, second = sent(answer(1), answer(2, correct=0))
    client.post("/xapi/statements", json=[first])
    wanted = tutor.state("anna")
    choice = tutor.next("anna")
    client.post("/xapi/statements", json=[second])
    admin = {"account": {"homePage": "https://school.example", "name": "head"}}
    void = xapi.voiding_of(second["id"].upper(), admin)
    assert client.post("/xapi/statements", json=void).status_code == 200
    assert tutor.state("anna") == wanted
    assert tutor.next("anna")[0].item == choice[0].item
    client.post("/xapi/statements", json=[second])
    assert tutor.state("anna") == wanted
    third = sent(answer(3))[0]
    client.post("/xapi/statements", json=[xapi.voiding_of(third["id"], admin)])  # before it comes
    over = client.post("/xapi/statements", json=[third]).headers["X-Coursewright-Passed-Over"]
    assert (tutor.state("anna"), over) == (wanted, "1")
    assert tutor.state("anna").last == answer(1).time.timestamp() / 86_400


def test_all_of_a_learner_can_be_void(client, tutor):
    client.post("/xapi/statements", json=sent(answer(1)))
    client.post("/xapi/statements", json=xapi.voiding_of(answer(1).id, {"mbox": "mailto:x@y.example"}))
    state = tutor.state("anna")
    assert (state.responses, state.last) == (0, None)
    assert tutor.next("anna")[0].item is not None


def test_what_the_course_lacks_is_passed_over(client, tutor):
    told = sent(answer(1, item="https://elsewhere.example/video"), answer(2))
    done = client.post("/xapi/statements", json=told)
    assert (done.status_code, done.headers["X-Coursewright-Passed-Over"]) == (200, "1")
    assert tutor.state("anna").responses == 1


def test_an_address_is_nowhere_in_the_store(client, tutor, tmp_path):
    told = sent(answer(1))[0] | {"actor": {"mbox": "mailto:zebra@school.example"}}
    client.post("/xapi/statements", json=told)
    [learner] = tutor.learners()
    assert "zebra" not in learner
    for path in tmp_path.glob("live.sqlite*"):
        assert b"zebra" not in path.read_bytes()


def test_a_platform_finds_its_learners_and_gives_them_names(client, tutor):
    """An actor's address is kept nowhere, and its platform still asks, enrols and finds them."""
    actors = (
        {"mbox": "mailto:zebra@school.example"},
        {"account": {"homePage": "https://school.example", "name": "17"}},
    )
    found = [client.post("/xapi/learner", json=one).json()["learner"] for one in actors]
    assert found[1] == "17@https://school.example"
    assert client.post("/next", json={"learner": found[0]}).status_code == 200
    for number, actor in enumerate(actors):
        client.post("/xapi/statements", json=sent(answer(number))[0] | {"actor": actor})
    assert sorted(tutor.learners()) == sorted(found)
    client.post("/enrol", json={"learner": found[0], "name": "Zoë K.", "group": "7b"})
    [seen] = client.post("/class", json={"group": "7b"}).json()["learners"]
    assert (seen["learner"], seen["name"], seen["responses"]) == (found[0], "Zoë K.", 1)
    for wrong in ({"objectType": "Group"}, {}, [1], "anna"):
        done = client.post("/xapi/learner", json=wrong)
        assert (done.status_code, done.json()["error"][:27]) == (400, "the body: is no agent with ")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("[1]", "the body: must be a statement, or a list of statements"),
        ("3", "the body: must be an object or a list of them"),
        ("{", "the body is no JSON"),
    ],
)
def test_a_wrong_body_gets_one_line(client, body, said):
    done = client.post("/xapi/statements", content=body, headers={"content-type": "application/json"})
    assert done.status_code == 400
    assert done.json()["error"].startswith(said)


@pytest.mark.parametrize(
    ("given", "status"),
    [(f"me:{TOKEN}", 200), ("me:other", 401), (TOKEN, 401), (None, 401)],
)
def test_clients_of_xapi_sign_in_with_basic(client, given, status):
    basic = "Basic ~" if given is None else f"Basic {base64.b64encode(given.encode()).decode()}"
    done = client.post("/xapi/statements", json=[], headers={"authorization": basic})
    assert done.status_code == status


def test_the_log_goes_out_with_propensity_and_policy_and_comes_in_again(client, tutor):
    [choice] = tutor.next("anna", time="2026-01-01T09:00:00Z")
    client.post("/xapi/statements", json=sent(answer(1, item=choice.item), answer(2, "bert", "2", 0)))
    told = client.get("/xapi/statements").json()["statements"]
    assert "anna" not in str(told)
    found = xapi.read_statements(told, NAMES).events
    assert {(one.item, one.correct) for one in found} == {(choice.item, 1), ("2", 0)}
    [chosen] = [one for one in found if one.item == choice.item]
    assert chosen.propensity == 1.0
    assert choice.item in chosen.allowed
    assert len({one.policy for one in found}) == 1
    assert client.get("/xapi/statements").json()["statements"] == told  # the same ids
    read = caliper.read_events([client.get("/caliper").json()], NAMES).events
    assert [(one.id, one.item, one.correct) for one in read] == [(o.id, o.item, o.correct) for o in found]


def test_the_log_goes_out_in_pages(client, tutor):
    for n in range(7):
        client.post("/xapi/statements", json=sent(answer(n, "anna" if n % 2 else "bert", day=n + 1)))
    whole = client.get("/xapi/statements").json()
    assert (len(whole["statements"]), whole["more"]) == (7, "")
    for size in (1, 3, 7, 8):
        found, sizes, address = [], [], f"/xapi/statements?limit={size}"
        while address:
            page = client.get(address).json()
            found, address = found + page["statements"], page["more"]
            sizes.append(len(page["statements"]))
        assert found == whole["statements"]
        assert max(sizes) == min(size, 7)
        assert len(sizes) == -(-7 // size)
    dates = sorted(one["timestamp"] for one in whole["statements"])
    since = {"since": dates[2], "limit": 1}
    later, page = [], client.get("/xapi/statements", params=since).json()
    while page["statements"]:
        later += [one["timestamp"] for one in page["statements"]]
        page = client.get(page["more"]).json() if page["more"] else {"statements": []}
    assert sorted(later) == dates[3:]  # a moment itself is not later


def test_one_statement_by_the_platforms_id_or_by_ours(client):
    told = sent(answer(1), answer(2, "bert", "1", 0), answer(3))
    client.post("/xapi/statements", json=told)
    whole = client.get("/xapi/statements").json()["statements"]
    assert client.get("/xapi/statements?limit=0").json() == {"statements": whole, "more": ""}
    for number, id in enumerate(one["id"] for one in whole):  # ours
        done = client.get(f"/xapi/statements?statementId={id}")
        assert (done.status_code, done.json()) == (200, whole[number])
        assert "X-Experience-API-Consistent-Through" in done.headers
    for one in told:  # the platform's, in any letters
        found = client.get("/xapi/statements", params={"statementId": one["id"].upper()}).json()
        assert (found["id"], found["object"], found["timestamp"]) == (
            one["id"],
            one["object"],
            one["timestamp"],
        )
        assert found["result"]["success"] == one["result"]["success"]
    client.post("/xapi/statements", json=xapi.voiding_of(told[0]["id"], {"mbox": "mailto:x@y.example"}))
    for query, said in (
        (f"statementId={answer(8).id}", "statementId: no statement of this id is here"),
        (f"statementId={told[0]['id']}", "statementId: no statement of this id is here"),
        (f"voidedStatementId={told[0]['id']}", "voidedStatementId: what was declared void is taken out"),
    ):
        done = client.get(f"/xapi/statements?{query}")
        assert (done.status_code, done.json()["error"].startswith(said)) == (404, True)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("since=yesterday", "since = 'yesterday': must be ISO 8601"),
        ("limit=-1", 'limit = "-1": must be at least 0'),
        ("statementId=5", 'statementId = "5": must be a UUID'),
        (f"statementId={answer(1).id}&limit=5", "statementId: stands alone, and gives one statement"),
        ("limit=many", 'limit = "many": must be a whole number'),
        ("after=5", "after = '5': must be left to the address in `more`"),
        ("agent=anna", "agent: is no parameter of this path, which takes statementId, "),
    ],
)
def test_a_wrong_question_for_the_log_gets_one_line(client, query, said):
    done = client.get(f"/xapi/statements?{query}")
    assert (done.status_code, done.json()["error"][: len(said)]) == (400, said)


def test_caliper_envelopes_teach(client, tutor):
    envelope = caliper.envelope_of([answer(1), answer(2, correct=0)], NAMES, datetime(2026, 1, 2, tzinfo=UTC))
    for _ in range(2):
        done = client.post("/caliper", json=envelope)
        assert (done.status_code, done.json()) == (200, {"taken": 2})
    skill = tutor.state("anna").skills[0]
    assert (skill.answers, skill.right) == (2, 1)


def test_a_statement_without_a_time_counts_as_now(client, tutor):
    told = sent(answer(1))[0]
    del told["timestamp"]
    for _ in range(2):
        done = client.post("/xapi/statements", json=told)
        assert (done.status_code, done.headers["X-Coursewright-Passed-Over"]) == (200, "0")
    assert tutor.state("anna").responses == 1
    assert tutor.state("anna").last == pytest.approx(datetime.now(UTC).timestamp() / 86_400, abs=0.01)


@pytest.mark.parametrize(
    ("change", "status", "said"),
    [
        ({"actor": None}, 400, "the body[1]: has no actor"),
        ({"verb": {}}, 400, "the body[1].verb: has no id"),
        ({"object": 5}, 400, "the body[1]: has no object"),
        ({"timestamp": "yesterday"}, 400, "the body[1].timestamp = 'yesterday': must be ISO 8601"),
        ({"timestamp": "2126-01-01T10:00:00Z"}, 400, f"time of {answer(2).id} = 2126-01-01T10:00:00+00:00:"),
        ({"id": answer(1).id}, 409, f"{answer(1).id}: was sent before with another content"),
        ({"id": answer(9).id}, 409, f"{answer(9).id}: was sent before with another content"),
    ],
)
def test_junk_and_conflicts_are_refused_as_a_whole(client, tutor, change, status, said):
    client.post("/xapi/statements", json=sent(answer(9, correct=0)))
    first, second = sent(answer(1), answer(2))
    done = client.post("/xapi/statements", json=[first, second | change])
    assert (done.status_code, done.json()["error"].startswith(said)) == (status, True), done.text
    assert tutor.state("anna").responses == 1


def test_an_id_is_of_one_response_whoever_s_and_whatever_tells_it(client, tutor):
    """By statement, event or `/observe`: one id, one response."""
    client.post("/xapi/statements", json=sent(answer(1)))
    same, others = answer(1), (answer(1, "bert"), answer(1, item="1"), answer(1, correct=0))
    day = datetime(2026, 1, 2, tzinfo=UTC)
    done = client.post("/caliper", json=caliper.envelope_of([same], NAMES, day))
    assert (done.status_code, done.json()) == (200, {"taken": 1})
    for other in others:
        body = {"learner": other.learner, "item": other.item, "correct": other.correct, "id": other.id}
        for told in (
            client.post("/xapi/statements", json=sent(answer(2), other)),
            client.post("/caliper", json=caliper.envelope_of([answer(2), other], NAMES, day)),
            client.post("/observe", json=body | {"minutes": 0.5}),
        ):
            assert told.status_code == 409
            assert "was sent before with another content" in told.json()["error"]
    twins = caliper.envelope_of([answer(3), answer(3, correct=0)], NAMES, day)
    assert client.post("/caliper", json=twins).status_code == 409
    assert (tutor.learners(), tutor.state("anna").responses) == (["anna"], 1)


@pytest.mark.parametrize("body", [{}, {"data": 5}, 7, [{"data": []}, {}]])
def test_no_envelope_is_refused(client, body):
    done = client.post("/caliper", json=body)
    assert (done.status_code, done.json()["error"].startswith("the body")) == (400, True)


@pytest.mark.parametrize(("data", "over"), [([5], 1), ([{}, {}], 2), ([], 0)])
def test_an_envelope_of_nothing_takes_nothing(client, data, over):
    done = client.post("/caliper", json={"data": data})
    assert (done.status_code, done.json()) == (200, {"taken": 0})
    assert done.headers["X-Coursewright-Passed-Over"] == str(over)
