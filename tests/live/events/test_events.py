"""xAPI statements and Caliper events, as clients of other makers send them, and round trips of our own."""

import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha1
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coursewright.errors import InputError
from coursewright.live.events import caliper, xapi
from coursewright.live.events.event import Event, Names, minutes_of
from coursewright.live.events.logs import read_caliper, read_xapi

NAMES = Names(lambda told: f"hidden {sha1(told.encode()).hexdigest()[:8]}")
SCHOOL = "https://school.example"
ANSWERED = "http://adlnet.gov/expapi/verbs/answered"


def statement(**more):
    """A statement with the fields that the specification asks for, and those of `more`."""
    return {
        "id": "6f3a1d8e-0b7c-4c61-9f0e-0c2f2a1b3c4d",
        "actor": {"account": {"homePage": SCHOOL, "name": "4711"}},
        "verb": {"id": ANSWERED, "display": {"de": "antwortete"}},
        "object": {"id": f"{SCHOOL}/quiz/fractions/3"},
        "result": {"success": True, "duration": "PT1M30.5S"},
        "timestamp": "2026-02-03T10:15:00+02:00",
        **more,
    }


def read(*statements, **more):
    return xapi.read_statements(statements, NAMES, **more)


def test_an_answer_is_read_by_the_tables_of_the_specification():
    told = {"contextActivities": {"grouping": [{"id": f"{SCHOOL}/skills/halves"}]}}
    [event] = read(statement(context=told)).events
    assert event.learner == f"4711@{SCHOOL}"
    assert event.item == f"{SCHOOL}/quiz/fractions/3"
    assert event.correct == 1
    assert event.time == datetime(2026, 2, 3, 8, 15, tzinfo=UTC)
    assert event.minutes == pytest.approx(90.5 / 60)
    assert event.skills == (f"{SCHOOL}/skills/halves",)


@pytest.mark.parametrize(
    ("result", "correct"),
    [
        ({"success": False}, 0),
        ({}, None),
        (None, None),
        ({"success": "true"}, None),
        ({"success": 1}, None),
        ({"response": "b", "score": {"scaled": 1.0}, "completion": True}, None),
    ],
)
def test_only_success_says_right_or_wrong(result, correct):
    pattern = {"definition": {"interactionType": "choice", "correctResponsesPattern": ["b"]}}
    [event] = read(statement(result=result, object={"id": "urn:x", **pattern})).events
    assert event.correct is correct


def test_an_address_is_hidden_in_each_of_its_forms():
    mail = "mailto:zebra@school.example"
    hashed = sha1(mail.encode()).hexdigest()
    found = read(
        statement(actor={"mbox": mail}, id="a"),
        statement(actor={"mbox_sha1sum": hashed.upper()}, id="b"),
        statement(actor={"openid": "https://zebra.example"}, id="c"),
    ).events
    assert found[0].learner == found[1].learner != found[2].learner
    assert not any("zebra" in one.learner or hashed in one.learner for one in found)


def test_voided_statements_are_left_out_in_any_order():
    void = statement(
        id="v",
        verb={"id": "http://adlnet.gov/expapi/verbs/voided"},
        object={"objectType": "StatementRef", "id": "A"},
    )
    for order in ([statement(id="a"), void, statement(id="b")], [void, statement(id="b"), statement(id="a")]):
        found = read(*order)
        assert [one.id for one in found.events] == ["b"]
        assert found.dropped == Counter({"voided": 1})
        assert found.voided == {"a"}


def test_the_same_id_counts_once():
    found = read(statement(), statement(), statement(id="6F3A1D8E-0B7C-4C61-9F0E-0C2F2A1B3C4D"))
    assert len(found.events) == 1
    assert found.dropped == Counter({"sent before, by its id": 2})


def test_parts_of_an_attempt_with_a_verdict_are_one_response():
    attempt = {"registration": "11111111-2222-4333-8444-555555555555"}
    verbs = ["attempted", "answered", "completed"]
    parts = [
        statement(
            id=verb,
            verb={"id": xapi.VERB + verb},
            context=attempt,
            result={"success": True} if verb == "answered" else {},
        )
        for verb in verbs
    ]
    assert [one.id for one in read(*parts).events] == ["answered"]
    assert [one.id for one in read(parts[0], parts[2]).events] == ["attempted", "completed"]
    assert len(read(*(one | {"context": {}} for one in parts)).events) == 3


@pytest.mark.parametrize(
    ("odd", "why"),
    [
        (statement(verb={"id": "https://school.example/verbs/yawned"}), "another verb"),
        (
            statement(actor={"objectType": "Group", "mbox": "mailto:all@x"}),
            "a group in the place of a learner",
        ),
        (statement(object={"objectType": "SubStatement"}), "about something other than an activity"),
        (statement(object={}), "no activity"),
        (statement(actor=None), "no learner"),
        (statement(timestamp=None), "no time"),
        (statement(timestamp="yesterday"), "a time that is not ISO 8601"),
        ("a text", "no statement"),
        (None, "no statement"),
        ([], "no statement"),
        (statement(verb={"id": 7}), "no statement"),
    ],
)
def test_what_is_no_response_is_counted_by_reason(odd, why):
    found = read(odd, statement(id="good"))
    assert [one.id for one in found.events] == ["good"]
    assert found.dropped == Counter({why: 1})


def test_the_time_of_arrival_stands_in():
    told = statement(stored="2026-02-03T10:15:00.123Z")
    del told["timestamp"]
    assert read(told).events[0].time == datetime(2026, 2, 3, 10, 15, 0, 123_000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("PT0S", 0.0),
        ("PT16559.14S", 16559.14 / 60),
        ("P1DT2H", 26 * 60),
        ("P2W", 14 * 24 * 60),
        ("P3Y1M", 0.0),
        ("-PT5M", 0.0),
        ("five", 0.0),
        (5, 0.0),
        (None, 0.0),
    ],
)
def test_durations(text, minutes):
    assert minutes_of(text) == pytest.approx(minutes)


TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=20)
PLAIN = TEXTS.filter(lambda text: "://" not in text and not text.startswith("urn:"))
EVENTS = st.builds(
    Event,
    id=st.uuids().map(str),
    learner=PLAIN.filter(lambda text: "@" not in text),
    item=PLAIN,
    correct=st.sampled_from([1, 0, None]),
    time=st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC)).map(
        lambda time: time.replace(microsecond=time.microsecond // 1000 * 1000)
    ),
    minutes=st.integers(0, 10**7).map(lambda hundredths: hundredths / 6000),
    skills=st.lists(PLAIN, max_size=3).map(tuple),
    grade=st.none(),
    allowed=st.none() | st.lists(PLAIN, max_size=3).map(tuple),
    propensity=st.none() | st.floats(1e-6, 1.0),
    policy=st.none() | TEXTS,
)


def close(found, event):
    assert abs(found.minutes - event.minutes) < 1e-4
    assert replace(found, minutes=event.minutes) == event


@settings(max_examples=150, deadline=None)
@given(EVENTS, st.sampled_from([None, 0.0, 0.25, 1.0]))
def test_statements_go_round(event, grade):
    event = replace(event, grade=grade)
    sent = json.loads(json.dumps(xapi.statement_of(event, NAMES)))
    UUID(sent["id"])
    [found] = read(sent).events
    close(found, event)


@settings(max_examples=150, deadline=None)
@given(st.lists(EVENTS, max_size=4, unique_by=lambda event: event.id))
def test_caliper_events_go_round(events):
    envelope = caliper.envelope_of(events, NAMES, datetime(2026, 1, 1, tzinfo=UTC))
    found = caliper.read_events([json.loads(json.dumps(envelope))], NAMES).events
    assert len(found) == len(events)
    for one, event in zip(found, events, strict=True):
        close(one, replace(event, grade=None if event.correct is None else float(event.correct)))


JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["id", "actor", "verb", "object", "result", "type", "action", "data", "generated"]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(st.lists(JSON, max_size=4))
def test_nothing_that_is_sent_breaks_a_reader(sent):
    read(*sent)
    caliper.read_events(sent, NAMES)


def item_event(n=1, **more):
    """A completed item, as the specification's tables have it."""
    return {
        "@context": "http://purl.imsglobal.org/ctx/caliper/v1p1",
        "id": f"urn:uuid:0000000{n}-0000-4000-8000-000000000000",
        "type": "AssessmentItemEvent",
        "actor": {"id": f"{SCHOOL}/users/17", "type": "Person"},
        "action": "Completed",
        "object": {"id": f"{SCHOOL}/items/{n}", "type": "AssessmentItem", "isTimeDependent": False},
        "generated": {
            "id": f"{SCHOOL}/responses/{n}",
            "type": "FillinBlankResponse",
            "attempt": f"{SCHOOL}/attempts/{n}",
            "startedAtTime": "2026-05-01T10:00:00.000Z",
            "endedAtTime": "2026-05-01T10:00:45.000Z",
        },
        "eventTime": "2026-05-01T10:00:45.000Z",
        **more,
    }


def grade_event(n=1, given=1, most=1, created="2026-05-01T11:00:00.000Z"):
    return {
        "id": f"urn:uuid:{given}{most}-{created}",
        "type": "GradeEvent",
        "actor": f"{SCHOOL}/autograder",
        "action": "Graded",
        "object": {"id": f"{SCHOOL}/attempts/{n}", "type": "Attempt"},
        "generated": {"type": "Score", "scoreGiven": given, "maxScore": most, "dateCreated": created},
        "eventTime": created,
    }


def envelope(*data):
    return {
        "sensor": f"{SCHOOL}/sensors/1",
        "sendTime": "2026-05-01T12:00:00.000Z",
        "dataVersion": "http://purl.imsglobal.org/ctx/caliper/v1p1",
        "data": list(data),
    }


def test_an_item_is_joined_to_the_latest_grade_of_its_attempt():
    late, early = (
        grade_event(given=3, most=4),
        grade_event(given=4, most=4, created="2026-05-01T10:30:00.000Z"),
    )
    for order in ([item_event(), late, early], [early, late, item_event()]):
        [event] = caliper.read_events([envelope(*order)], NAMES).events
        assert (event.correct, event.grade) == (0, 0.75)
        assert event.minutes == pytest.approx(0.75)
        assert event.learner == f"{SCHOOL}/users/17"
    assert caliper.read_events([envelope(*order)], NAMES, full=0.75).events[0].correct == 1


def test_grades_may_come_in_a_later_envelope_and_things_may_be_bare():
    bare = item_event(2, actor=f"{SCHOOL}/users/18", object=f"{SCHOOL}/items/2")
    grade = grade_event(2) | {"object": f"{SCHOOL}/attempts/2"}
    found = caliper.read_events([envelope(f"{SCHOOL}/users/18", bare), envelope(grade)], NAMES)
    assert [(one.learner, one.item, one.correct) for one in found.events] == [
        (f"{SCHOOL}/users/18", f"{SCHOOL}/items/2", 1)
    ]
    assert found.dropped == Counter({"a bare IRI in the place of an event": 1})


def test_items_without_a_grade_and_items_that_were_not_finished():
    found = caliper.read_events(
        [envelope(item_event(), item_event(2, action="Skipped"), item_event(3, action="Started"))], NAMES
    )
    assert [one.correct for one in found.events] == [None]
    assert found.dropped == Counter({"an item skipped": 1, "an item started": 1})


def test_a_person_by_address_is_hidden():
    [event] = caliper.read_events([item_event(actor={"id": "mailto:zebra@school.example"})], NAMES).events
    assert "zebra" not in event.learner


def test_files_are_logs(tmp_path):
    start = datetime(2026, 1, 1, tzinfo=UTC)
    events = [
        Event(
            f"00000000-0000-4000-8000-{n:012d}",
            f"{n % 3}",
            f"i{n % 4}",
            n % 2,
            start + timedelta(hours=n),
            1.5,
            (f"s{n % 2}",),
            propensity=0.5,
            allowed=("i0", "i1"),
        )
        for n in range(24)
    ]
    lines = "\n".join(json.dumps(xapi.statement_of(one, NAMES)) for one in events)
    (tmp_path / "lines.jsonl").write_text(lines)
    (tmp_path / "answer.json").write_text(f'{{"statements": [{",".join(lines.splitlines())}], "more": ""}}')
    whole = caliper.envelope_of(events, NAMES, start)
    (tmp_path / "envelope.json").write_text(json.dumps(whole))
    logs = [read_xapi(tmp_path / "lines.jsonl"), read_xapi(tmp_path / "answer.json")]
    logs.append(read_caliper(tmp_path / "envelope.json"))
    for log in logs:
        assert log.table.num_rows == 24
        assert log.table["propensity"].to_pylist() == [0.5] * 24
        assert log.table["skills"].to_pylist()[0] == ["s0"]
        assert log.timed
    assert logs[0].table.equals(logs[1].table)
    same = [name for name in logs[0].table.column_names if name != "grade"]
    assert logs[2].table.select(same).equals(logs[0].table.select(same))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "log.path = {path}: is neither JSON"),
        ("3", "log.path: must be an object or a list of them"),
        ("[]", "log = 0 rows"),
        ('[{"verb": {"id": "x"}}]', "log = 0 rows (1 dropped: another verb)"),
    ],
)
def test_a_file_of_something_else_is_refused_in_a_line(text, said, tmp_path):
    path = tmp_path / "f.json"
    path.write_text(text)
    with pytest.raises(InputError) as refused:
        read_xapi(path)
    assert str(refused.value).startswith(said.replace("{path}", str(path)))
    assert "\n" not in str(refused.value)


def test_addresses_are_pseudonyms_under_a_key_or_under_none(tmp_path):
    path = tmp_path / "f.json"
    path.write_text(json.dumps([statement(actor={"mbox": "mailto:zebra@x.example"})]))
    key = tmp_path / "key"
    with_key = [read_xapi(path, key=str(key)).table["learner"][0].as_py() for _ in range(2)]
    without = [read_xapi(path).table["learner"][0].as_py() for _ in range(2)]
    assert with_key[0] == with_key[1]
    assert len({*with_key, *without}) == 3
    assert Path(key).stat().st_mode & 0o077 == 0
