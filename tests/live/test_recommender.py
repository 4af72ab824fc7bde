"""A Recommender: what it is told is the truth, what it answers is a function of that."""

import json
import sqlite3
import threading
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import func, select, update

from coursewright.data.read import read_log
from coursewright.errors import InputError
from coursewright.live import tables
from coursewright.live.logs import read_store
from coursewright.live.mind import packed, unpacked
from coursewright.live.recommender import Recommender
from coursewright.live.words import Choice, ConflictError, Response, choice_of, now
from coursewright_runtime import Tutor
from live_tutor import TUTOR

DAY = 20_000.0  # in 2024


def taught(tutor: Recommender, learner: str, answers: str, start: float = DAY) -> list[Choice]:
    """The choices for a learner who follows them, and answers 1 or 0 in turn."""
    found = tutor.next(learner, time=start)
    for n, letter in enumerate(answers):
        assert found[-1].item is not None
        found.append(
            tutor.observe(learner, found[-1].item, int(letter), start + n / 100, 0.5, f"{learner} {n}")
        )
    return found


def test_it_chooses_as_the_file_does_by_itself(tutor):
    """The runtime, alone, with the same responses: the same items."""
    answers = "0110111001"
    found = taught(tutor, "anna", answers)
    lesson = Tutor(TUTOR).begin()
    for choice, letter in zip(found, answers, strict=False):
        assert lesson.next().item == choice.item
        lesson.observe(choice.item, int(letter), minutes=0.5)
    assert len({choice.item for choice in found}) > 1
    assert all(choice.propensity == 1.0 for choice in found)


def test_a_response_counts_once_and_gets_its_first_answer(tutor):
    first = tutor.observe("anna", "0", 1, DAY, id="a")
    then = tutor.observe("anna", "0", 1, DAY, id="b")
    assert first.item == "0"
    assert then.item != first.item
    assert tutor.observe("anna", "0", 1, DAY + 1, id="a") == first
    assert tutor.observe("anna", "0", True, DAY, 0.0004, id="a") == first  # a platform rounds durations
    assert tutor.state("anna").responses == 2
    twice = tutor.observe_many([Response("carl", "1", 1, DAY, id="x")] * 3)
    assert len(set(twice)) == 1
    assert tutor.state("carl").responses == 1


@pytest.mark.parametrize(
    "change",
    [
        {"learner": "bert"},
        {"item": "1"},
        {"correct": 0},
        {"correct": None},
        {"minutes": 0.5},
        {"past": True},
        {"taught": False},
    ],
)
def test_another_response_under_the_same_id_is_a_conflict_and_leaves_nothing(tutor, change):
    told = {"learner": "anna", "item": "0", "correct": 1, "time": DAY, "id": "a"}
    first, before = tutor.observe(**told), tutor.overview()
    other = told | change
    with pytest.raises(ConflictError, match=r"^id: was sent before with another content") as raised:
        tutor.observe(**other)
    assert "\n" not in str(raised.value)
    assert tutor.observe(**told) == first
    assert tutor.overview() == before
    pair = [Response(**(one | {"id": "b"})) for one in (told, other, told)]  # in one transaction
    good, wrong, again = tutor.observe_many(pair)
    assert isinstance(wrong, ConflictError)
    assert good == again
    assert tutor.learners() == ["anna"]
    assert tutor.state("anna").responses == 2


def test_several_responses_of_one_learner_in_one_transaction_go_in_order(tutor):
    rows = [Response("anna", "0", 1, DAY + n, id=str(n)) for n in range(4)]
    wrong = Response("anna", "nowhere", 1)
    together = tutor.observe_many([*rows[:2], wrong, *rows[2:]])
    assert isinstance(together.pop(2), InputError)
    apart = [tutor.observe("bert", "0", 1, DAY + n) for n in range(4)]
    assert together == apart


def test_choices_are_best_first_and_keep_to_what_the_host_can_show(tutor):
    choices = tutor.next("anna", k=3)
    assert len({choice.item for choice in choices}) == 3
    assert choices[0].why_not == ""
    assert "2" in choices[1].why_not
    [only] = tutor.next("anna", only=["7"])
    assert only.item == "7"
    [other] = tutor.next("anna", exclude=[choices[0].item])
    assert other.item == choices[1].item
    [nothing] = tutor.next("anna", only=[])
    assert (nothing.item, nothing.why_not) == (None, "nothing is allowed")
    assert tutor.next("anna") == choices[:1]


def test_looks_change_nothing(tutor):
    """A learner who is asked about all the time, and one who is not."""
    other = taught(tutor, "bert", "01101")
    found = tutor.next("anna", time=DAY)
    for n, letter in enumerate("01101"):
        for _ in range(2):
            tutor.next("anna", k=2, only=["3", "4"])
            if n:
                tutor.why("anna")
                tutor.state("anna")
        found += [tutor.observe("anna", found[-1].item, int(letter), DAY + n)]
    assert [choice.item for choice in found] == [choice.item for choice in other]


def listed(tutor: Recommender) -> list[int]:
    """The rows of all tables but those of the store itself, counted."""
    names = ("learner", "event", "override", "question")
    with tutor._store.read() as connection:
        return [
            connection.scalar(select(func.count()).select_from(tables.METADATA.tables[one])) for one in names
        ]


def test_a_look_at_a_stranger_makes_no_learner(tutor, tmp_path):
    """The question is kept until the first response, whose row tells of it, and a week at the most."""
    asked = tutor.next("anna", k=2, only=["3", "4"])
    assert tutor.next("anna", k=2, only=["3", "4"]) == asked
    tutor.next("bert")
    assert (tutor.learners(), tutor.overview(), listed(tutor)) == ([], [], [0, 0, 0, 2])
    for call in (tutor.why, tutor.state, tutor.lesson):
        with pytest.raises(InputError, match="nobody of this id has been met; a first response begins one"):
            call("anna")
    other = Recommender(TUTOR, tmp_path / "live.sqlite", tmp_path / "secret" / "key")
    assert other.next("anna", k=2, only=["3", "4"]) == asked
    other.observe_many([Response("anna", asked[0].item, 1, DAY), Response("carl", "0", 1, DAY)])
    assert other.next("anna")[0].item != asked[0].item
    other.close()
    assert (tutor.learners(), listed(tutor)) == (["anna", "carl"], [2, 2, 0, 1])
    tutor.log(tmp_path / "log.parquet")
    rows = read_log(tmp_path / "log.parquet").table.to_pylist()
    by_item = {row["item"]: (row["allowed"], row["propensity"]) for row in rows}
    assert by_item == {asked[0].item: (["3", "4"], 1.0), "0": (None, None)}
    assert tutor.forget("bert").responses == 0  # the question is no more
    assert listed(tutor) == [2, 2, 0, 0]
    tutor.next("dora")
    with tutor._store.write() as connection:
        connection.execute(update(tables.question).values(time=now() - 8.0))
    tutor.next("emil")
    assert listed(tutor) == [2, 2, 0, 1]


def test_luck_and_draws_are_of_the_learner_and_not_of_the_looks(tmp_path):
    one, two = (Recommender(TUTOR, tmp_path / f"{n}.sqlite", tmp_path / "key", explore=0.5) for n in range(2))
    names = [f"l{n}" for n in range(40)]
    first = [one.next(name)[0] for name in names]
    for _ in range(2):
        two.next("l0", only=["5"])
        assert [two.next(name)[0] for name in names] == first
    for tutor in (one, two):
        told = tutor.observe_many([Response(n, c.item, 1, DAY) for n, c in zip(names, first, strict=True)])
        tutor.log(tmp_path / "log.parquet")
        rows = read_log(tmp_path / "log.parquet").table.to_pylist()
        assert sorted(row["propensity"] for row in rows) == sorted(choice.propensity for choice in first)
        if tutor is one:
            wanted = told
        tutor.close()
    assert told == wanted


def test_two_recommenders_on_one_store_name_the_same_item(tutor, tmp_path):
    other = Recommender(TUTOR, tmp_path / "live.sqlite", tmp_path / "secret" / "key")
    for n in range(12):
        one, two = (tutor, other) if n % 2 else (other, tutor)
        told = one.observe("anna", str(n % 10), n % 3 == 0, DAY + n)
        assert two.next("anna") == one.next("anna") == [told]
    other.close()


def test_threads_lose_nothing(tutor):
    def work(name: str) -> None:
        for n in range(10):
            tutor.observe("anna", str(n), 1, DAY, id=f"{name}{n}")

    threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert tutor.state("anna").responses == 40


def test_a_state_is_a_cache(tutor, tmp_path):
    """Lost, or of another tutor file, it comes back to the bit by a replay."""
    taught(tutor, "anna", "0110111001")
    taught(tutor, "bert", "0000")
    tutor.lesson("anna", DAY + 1)

    def cached() -> dict[bytes, tuple]:
        with sqlite3.connect(tmp_path / "live.sqlite") as raw:
            return {row[0]: row[1:] for row in raw.execute("SELECT pseudonym, state, pending FROM learner")}

    before = cached()
    with sqlite3.connect(tmp_path / "live.sqlite") as raw:
        raw.execute("UPDATE learner SET state = NULL WHERE turn = 4")
        raw.execute("UPDATE learner SET tutor = 'another', state = x'00' WHERE turn > 4")
    wanted = {name: tutor.next(name)[0].item for name in ("anna", "bert")}
    after = cached()
    assert {code: row[0] for code, row in after.items()} == {code: row[0] for code, row in before.items()}
    assert wanted == {name: choice_of(before[tutor._keys.learner(name)][1]).item for name in ("anna", "bert")}


@pytest.mark.parametrize("lacks", [False, True])
def test_a_teachers_item_outlives_the_tutor_where_the_new_course_has_it(tutor, tmp_path, lacks):
    taught(tutor, "anna", "01")
    other = next(item for item in tutor._mind.items if item != tutor.next("anna")[0].item)
    assert tutor.override("anna", other, "her teacher", "she asked").overruled
    gone = json.dumps({"item": "not here", "chance": 0.5, "overruled": True})
    with sqlite3.connect(tmp_path / "live.sqlite") as raw:
        raw.execute("UPDATE learner SET tutor = 'another'")
        if lacks:
            raw.execute("UPDATE learner SET forced = 'not here', pending = ?", [gone])
    [choice] = tutor.next("anna")
    assert choice.overruled is not lacks
    assert (choice.item == other) or (lacks and choice.item in tutor._mind.place)
    assert tutor.observe("anna", choice.item, 1).item in tutor._mind.place


def test_a_new_lesson_makes_the_budget_whole_and_forgets_nothing(tutor):
    taught(tutor, "anna", "011")
    with tutor._store.read() as connection:
        before = tutor._met(connection, "anna")
    tutor.lesson("anna")
    with tutor._store.read() as connection:
        after = tutor._met(connection, "anna")
    spent = tutor._mind.spent
    assert (before.state[spent], after.state[spent]) == (3.0, 0.0)
    changed = np.flatnonzero(before.state != after.state)
    assert changed.tolist() == [spent]
    assert tutor.state("anna").responses == 3
    [seen] = tutor.overview()
    assert (seen.responses, seen.last) == (3, DAY + 0.02)
    with pytest.raises(InputError, match="nobody of this id"):
        tutor.lesson("bert")
    assert (tutor.learners(), tutor.forget("anna").responses) == (["anna"], 3)


def test_a_spent_budget_begins_anew_unless_told_otherwise(tutor, tmp_path):
    lasting = Recommender(TUTOR, tmp_path / "lasting.sqlite", tmp_path / "k", renew=False)
    for one, wanted in ((tutor, 2.0), (lasting, 12.0)):
        taught(one, "anna", "011011011011")
        with one._store.read() as connection:
            assert one._met(connection, "anna").state[one._mind.spent] == wanted
    lasting.close()


def test_a_teacher_overrules_until_the_next_response(tutor):
    plain = tutor.next("anna")[0]  # she has not begun, and begins with the teacher's item
    forced = tutor.override("anna", "8", "Mrs Doe", "she asked for it")
    assert (forced.item, forced.overruled, forced.propensity) == ("8", True, None)
    assert tutor.next("anna", exclude=["8"])[0] == plain  # the host cannot show it now
    assert tutor.next("anna", only=["2", "3"])[0].item in ("2", "3")
    assert [one.item for one in tutor.next("anna", only=["2"], k=3)] == ["2"]
    first, *others = tutor.next("anna", k=3)
    assert (first, len({"8", *(one.item for one in others)})) == (forced, 3)
    assert "teacher" in tutor.why("anna").text
    after = tutor.observe("anna", "8", 1, DAY)
    assert not after.overruled
    [seen] = tutor.overview()
    assert seen.recent[0].overruled
    with tutor._store.read() as connection:
        row = connection.execute(select(tables.override)).one()
    assert (row.item, row.instead) == ("8", plain.item)
    assert tutor._keys.unseal(row.reason) == "she asked for it"


def test_why_names_what_would_change_the_choice(tutor):
    for n in range(4):
        taught(tutor, f"l{n}", "11111111")
    taught(tutor, "anna", "00")
    why = tutor.why("anna")
    assert why.choice.item == "0"
    assert why.compared == "the median of 5 learners"
    assert any(reason.skill == "0" and reason.instead != "0" for reason in why.reasons), why.text
    assert why.runner_up not in (None, "0")
    assert why.margin is None  # a rule has no scores
    assert len(why.reasons) <= 3


def test_medians_of_few_are_not_shown(tmp_path):
    tutor = Recommender(TUTOR, tmp_path / "live.sqlite", tmp_path / "key", min_group=10)
    for n in range(9):
        taught(tutor, f"l{n}", "11")
    assert tutor.why("l0").compared == "a beginner"
    tutor.close()


def test_state_tells_mastery_with_doubt_over_time(tutor):
    taught(tutor, "anna", "0111")
    state = tutor.state("anna")
    assert state.times == [DAY + n / 100 for n in range(4)]
    assert np.shape(state.mastery) == np.shape(state.doubt) == (4, len(tutor.skills))
    first = state.skills[0]
    assert first.mastery == pytest.approx(state.mastery[-1][0])
    assert first.doubt == pytest.approx(np.sqrt(first.mastery * (1 - first.mastery)), abs=1e-4)
    assert sum(skill.answers for skill in state.skills) == 4


def test_the_overview_has_each_learner(tutor):
    tutor.enrol("zoe", goal=["3"], group="7b", name="Zoë")
    tutor.enrol("zoe", group="7b")  # and the name stays
    taught(tutor, "zoe", "10")
    taught(tutor, "anna", "1")
    assert [one.learner for one in tutor.overview()] == ["anna", "zoe"] == tutor.learners()
    [zoe] = tutor.overview(group="7b", recent=1)
    assert (zoe.group, zoe.responses, len(zoe.recent), zoe.recent[0].correct) == ("7b", 2, 1, 0)
    assert [skill.name for skill in zoe.skills if skill.goal] == ["3"]
    assert [one.name for one in tutor.overview()] == [None, "Zoë"]
    assert tutor.groups() == ["7b"]


def test_exploring_is_even_repeatable_and_told(tmp_path):
    tutor = Recommender(TUTOR, tmp_path / "live.sqlite", tmp_path / "key", explore=0.5)
    first = [tutor.next(f"l{n}")[0] for n in range(200)]
    assert [tutor.next(f"l{n}")[0] for n in range(200)] == first
    best = [choice for choice in first if choice.item == "0"]
    others = [choice for choice in first if choice.item != "0"]
    assert {choice.propensity for choice in best} == {0.55}
    assert {choice.propensity for choice in others} == {0.05}
    assert len(others) == pytest.approx(90, abs=35)  # five standard errors
    tutor.close()


def test_the_log_is_read_by_a_fit(tutor, tmp_path):
    choices = taught(tutor, "anna", "0110")
    tutor.observe("anna", "9", None, DAY + 1)  # the host's own choice
    assert tutor.log(tmp_path / "log.parquet") == 5
    log = read_log(tmp_path / "log.parquet")
    rows = log.table.to_pylist()
    assert [row["item"] for row in rows[:4]] == [choice.item for choice in choices[:4]]
    assert [row["propensity"] for row in rows] == [1.0] * 4 + [None]
    assert rows[0]["allowed"] == tutor.items
    assert rows[4]["allowed"] is None
    assert rows[4]["correct"] == -1
    assert log.table["learner"][0].as_py() == tutor._keys.learner("anna").hex()
    assert read_store(str(tmp_path / "live.sqlite")).table.equals(log.table)


def test_a_log_of_no_store_is_one_line(tmp_path):
    (tmp_path / "text").write_text("no database, but long enough to be told from one")
    for name, said in (("none.sqlite", "must be a store that is there"), ("text", "cannot be opened")):
        with pytest.raises(InputError, match=f"log.path = .*{name}: {said}"):
            read_store(str(tmp_path / name))
    assert not (tmp_path / "none.sqlite").exists()


def trace_of(folder: Path, *codes: bytes) -> list[str]:
    """The files under a folder in which one of the codes stands."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [str(path) for path in files if any(code in path.read_bytes() for code in codes)]


def test_the_forgotten_are_in_no_file(tutor, tmp_path):
    for n in range(60):
        taught(tutor, f"learner {n}", "0110" * 3)
    tutor.enrol("learner 7", group="7b", name="Anna B.")
    tutor.override("learner 7", "8", "Mrs Doe", "asked")
    tutor.observe("learner 7", "8", 1, DAY)
    copy = tutor.backup(tmp_path / "copies" / "monday.sqlite")
    tutor.log(tmp_path / "copies" / "log.csv")
    store = tmp_path / "live.sqlite"
    code, sealed = tutor._keys.learner("learner 7"), tutor._keys.seal("learner 7")
    marks = (b"learner 7", code, code.hex().encode(), sealed, tutor._keys.seal("Anna B."))
    assert set(trace_of(tmp_path, *marks)) > {str(copy)}
    told = tutor.forget("learner 7")
    assert (told.responses, told.overrides) == (13, 1)
    assert [line.split()[0] for line in told.left] == ["backup:", "log:"]
    assert str(copy) in told.left[0]
    assert not [path for path in trace_of(tmp_path, *marks) if "copies" not in path]
    assert "learner 7" not in tutor.learners()
    assert len(read_store(str(store)).table) == 59 * 12
    with pytest.raises(InputError, match="nobody of this id"):
        tutor.forget("learner 7")
    assert store.stat().st_mode & 0o077 == 0 == copy.stat().st_mode & 0o077


def test_no_table_holds_an_id(tutor, tmp_path):
    tutor.enrol("anna-lena", group="class 7b", name="Anna Lena")
    taught(tutor, "anna-lena", "01")
    tutor.override("anna-lena", "3", "Mr Miller", "because anna-lena asked")
    assert not trace_of(tmp_path, b"anna", b"Anna", b"class 7b", b"Miller")


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda t: t.observe("", "0", 1), "learner: must be text"),
        (lambda t: t.observe("a" * 300, "0", 1), "learner: is 300 characters"),
        (lambda t: t.observe(" anna", "0", 1), "learner: begins or ends with a space"),
        (lambda t: t.enrol("anna\nbert"), "learner: breaks a line, or holds a character that shows nothing"),
        (lambda t: t.enrol("anna", group="7\u202eb"), "group: breaks a line, or holds a character"),
        (lambda t: t.observe("anna", "O", 1), "item = 'O': no such name"),
        (lambda t: t.observe("anna", "0", 2), "correct = 2: must be 1, 0 or none"),
        (lambda t: t.observe("anna", "0", 1, minutes=float("nan")), "minutes = nan: must be"),
        (lambda t: t.observe("anna", "0", 1, minutes=-1), "minutes = -1: must be"),
        (lambda t: t.observe("anna", "0", 1, time="yesterday"), "time = 'yesterday': must be ISO"),
        (lambda t: t.observe("anna", "0", 1, time="2024-01-01"), "time = 2024-01-01.*its zone"),
        (lambda t: t.observe("anna", "0", 1, time=1.7e9), "time = .*not to come"),
        (lambda t: t.observe("anna", "0", 1, id=""), "id: must be text"),
        (lambda t: t.next("anna", k=0), "k = 0: must be a whole number"),
        (lambda t: t.next("anna", only=["x"]), "only = 'x': no such name"),
        (lambda t: t.why("nobody"), "learner: nobody of this id"),
        (lambda t: t.override("nobody", "0", "", "so"), "by: must be text"),
        (lambda t: t.enrol("anna", goal=["x"]), "goal = 'x': must be skills"),
        (lambda t: t.enrol("anna", luck=-1), "luck = -1: must be a whole number"),
        (lambda t: t.log("log.parquet"), "log: nobody has answered"),
    ],
)
def test_wrong_input_is_one_line_and_leaves_nothing(tutor, call, said):
    with pytest.raises(InputError, match=said) as raised:
        call(tutor)
    assert "\n" not in str(raised.value)
    assert tutor.learners() == []


def test_a_store_is_its_key_s_its_version_s_and_no_other_file(tmp_path):
    place, key = tmp_path / "live.sqlite", tmp_path / "key"
    Recommender(TUTOR, place, key).close()
    assert key.stat().st_mode & 0o777 == 0o600
    with pytest.raises(InputError, match=r"another: is not there, and the store was begun .* key=FILE"):
        Recommender(TUTOR, place, tmp_path / "another")
    assert not (tmp_path / "another").exists()
    Recommender(TUTOR, tmp_path / "second.sqlite", tmp_path / "another").close()
    with pytest.raises(InputError, match=r"another: is not the key with which .*live.sqlite was .* key=FILE"):
        Recommender(TUTOR, place, tmp_path / "another")
    key.chmod(0o644)
    with pytest.raises(InputError, match="chmod 600"):
        Recommender(TUTOR, place, key)
    key.chmod(0o600)
    with sqlite3.connect(place) as raw:
        raw.execute("UPDATE meta SET value = '99' WHERE name = 'version'")
    with pytest.raises(InputError, match="a later coursewright wrote version 99"):
        Recommender(TUTOR, place, key)
    (tmp_path / "text").write_text("no database, but long enough to be told from one")
    with pytest.raises(InputError, match=r"store = .*text: cannot be opened"):
        Recommender(TUTOR, tmp_path / "text", key)
    with sqlite3.connect(tmp_path / "other.sqlite") as raw:
        raw.execute("CREATE TABLE recipes (name)")
    with pytest.raises(InputError, match="another program's database"):
        Recommender(TUTOR, tmp_path / "other.sqlite", key)
    with pytest.raises(InputError, match=r"policy = .*conftest.py: is no tutor file"):
        Recommender(__file__.replace("test_recommender", "conftest"), tmp_path / "x.sqlite", key)
    assert not (tmp_path / "x.sqlite").exists()


def test_a_moved_store_takes_its_old_key_and_leaves_no_new_one(tmp_path):
    first = Recommender(TUTOR, tmp_path / "live.sqlite")
    first.close()
    moved = (tmp_path / "live.sqlite").rename(tmp_path / "moved.sqlite")
    with pytest.raises(InputError, match=r"key = .*settings.*\.key: is not there"):
        Recommender(TUTOR, moved)
    assert len(list((tmp_path / "settings").rglob("*.key"))) == 1
    Recommender(TUTOR, moved, first.key_place).close()


def test_a_store_of_the_first_version_is_brought_up_to_date(tutor, tmp_path):
    taught(tutor, "anna", "01")
    tutor.backup(tmp_path / "old.sqlite")
    tutor.close()
    with sqlite3.connect(tmp_path / "live.sqlite") as raw:  # the table as that version had it
        raw.execute("ALTER TABLE copy DROP COLUMN newest")
        raw.execute("DROP TABLE question")
        raw.execute("ALTER TABLE learner DROP COLUMN name")
        raw.execute("UPDATE meta SET value = '1' WHERE name = 'version'")
    again = Recommender(TUTOR, tmp_path / "live.sqlite", tmp_path / "secret" / "key")
    with again._store.read() as connection:
        query = select(func.max(tables.meta.c.value)).where(tables.meta.c.name == "version")
        assert connection.scalar(query) == str(tables.VERSION)
    again.observe("bert", "0", 1)
    assert [len(again.forget(name).left) for name in ("anna", "bert")] == [1, 1]  # when, it does not tell
    again.close()


def test_the_forgotten_hear_of_what_went_out_since_they_were_met(tutor, tmp_path):
    taught(tutor, "anna", "01")
    for _ in range(3):
        tutor.log(tmp_path / "log.csv")
    tutor.backup(tmp_path / "copy.sqlite")
    tutor.observe("bert", "0", 1)
    told = tutor.forget("bert")
    assert told.left == []
    assert any(note.startswith("what went out before the learner was met (4 times)") for note in told.notes)
    tutor.observe("zoe", "0", 1)
    tutor.log(tmp_path / "log.csv")
    [line] = tutor.forget("zoe").left
    assert line.startswith("log: ")
    first, second = tutor.forget("anna").left
    assert "log.csv (4 times, the last of 20" in first
    assert "copy.sqlite (of 20" in second


def test_masks_are_packed_without_loss():
    rng = np.random.default_rng(0)
    for items in (1, 7, 8, 1000):
        mask = rng.random(items) < 0.5
        np.testing.assert_array_equal(unpacked(packed(mask), items), mask)


def test_names_of_all_languages_are_names(tutor):
    names = [
        "Zoë 日本 🙂",
        "\u0645\u06cc\u200c\u062e\u0648",
        "👩\u200d👩\u200d👧",
        "O'Brien <b>",
        "אבג",
        "x" * 256,
    ]
    for name in names:
        tutor.enrol(name, name=name)
    assert sorted(names) == tutor.learners()


def test_a_choice_survives_its_text():
    for choice in (Choice(None, stop=True), Choice("0", 1.5, chance=0.25, propensity=None, overruled=True)):
        assert choice_of(choice.text()) == choice
