"""The course: its refusals, the order it derives, and the packed lists that kernels read."""

from dataclasses import fields, replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coursewright.errors import InputError
from coursewright.simulators.course import Course, read_edges
from coursewright.simulators.lists import any_of, cells_of, pack, table


def lists(packed) -> list[list[int]]:
    start, values = packed
    return [values[a:b].tolist() for a, b in pairwise(start)]


@st.composite
def graphs(draw) -> tuple[int, list[tuple[int, int]]]:
    """A random acyclic graph whose nodes are not listed in order."""
    n = draw(st.integers(1, 9))
    place = draw(st.permutations(range(n)))
    pairs = [(place[a], place[b]) for a in range(n) for b in range(a + 1, n)]
    return n, draw(st.lists(st.sampled_from(pairs), unique=True) if pairs else st.just([]))


def reachable(n: int, edges: list[tuple[int, int]], end: int) -> set[int]:
    """The nodes that lead to `end`, found by walking backwards."""
    found, waiting = {end}, [end]
    while waiting:
        here = waiting.pop()
        new = {a for a, b in edges if b == here} - found
        found |= new
        waiting += new
    return found


@settings(max_examples=150, deadline=None)
@given(graphs())
def test_order_and_ancestors_on_random_graphs(graph) -> None:
    n, edges = graph
    course = Course.of(n, prerequisites=edges)
    rank = {int(skill): place for place, skill in enumerate(course.order)}
    assert sorted(rank) == list(range(n))
    assert all(rank[a] < rank[b] for a, b in edges)
    for k in range(n):
        assert set(np.flatnonzero(course.ancestors[:, k])) == reachable(n, edges, k)
        assert lists(course.parents)[k] == sorted(a for a, b in edges if b == k)


@settings(max_examples=60, deadline=None)
@given(graphs(), st.data())
def test_needed_skills_come_before_their_prerequisites(graph, data) -> None:
    n, edges = graph
    sets = st.lists(st.sets(st.integers(0, n - 1), min_size=1), min_size=1, max_size=4)
    needs = data.draw(sets)
    items = {f"item {i}": [str(k) for k in need] for i, need in enumerate(needs)}
    course = Course.of(n, items=items, prerequisites=edges)
    for i, row in enumerate(lists(course.needed)):
        assert set(row) == needs[i]
        assert all(row.index(b) < row.index(a) for a, b in edges if a in row and b in row)
    for k, row in enumerate(lists(course.items_of)):
        assert row == [i for i, need in enumerate(needs) if k in need]


def test_kahns_order_is_first_come_first_served() -> None:
    # The order that the published KSS task states for its graph.
    edges = [[0, 1], [0, 2], [1, 3], [2, 4], [2, 8], [3, 4], [4, 8], [5, 4], [5, 9], [6, 7], [7, 8], [8, 9]]
    assert Course.of(10, prerequisites=edges).order.tolist() == [0, 5, 6, 1, 2, 7, 3, 4, 8, 9]


@pytest.mark.parametrize(
    ("edges", "shown"),
    [
        ([["a", "a"]], {"a -> a"}),
        ([["a", "b"], ["b", "a"]], {"a -> b -> a", "b -> a -> b"}),
        (
            [["d", "a"], ["a", "b"], ["b", "c"], ["c", "a"], ["c", "e"]],
            {"a -> b -> c -> a", "b -> c -> a -> b", "c -> a -> b -> c"},
        ),
    ],
)
def test_a_cycle_is_named(edges, shown) -> None:
    with pytest.raises(InputError, match=r"course.prerequisites = .*free of cycles") as error:
        Course.of(["a", "b", "c", "d", "e"], prerequisites=edges)
    assert any(f"= {cycle}:" in str(error.value) for cycle in shown)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"skills": []}, r"course.skills = \(\)"),
        ({"skills": ["a", "b", "a"]}, "course.skills = 'a'"),
        ({"skills": ["a"], "items": {}}, r"course.items = \(\)"),
        ({"skills": ["a"], "items": {1: "a", "1": "a"}}, "course.items = '1'"),
        ({"skills": ["a"], "items": {"x": []}}, r"course.items\[x\] = no skill"),
        ({"skills": ["alpha", "beta"], "items": {"x": ["alpah"]}}, r"items\[x\] = 'alpah'.*mean 'alpha'"),
        ({"skills": ["alpha", "beta"], "prerequisites": [["beta", "alhpa"]]}, "prerequisites.*mean 'alpha'"),
        ({"skills": 3, "prerequisites": [[0, 3]]}, "course.prerequisites = 3"),
        ({"skills": 2, "minutes": 0.0}, r"course.minutes\[0\] = 0.0: must be a positive"),
        ({"skills": 2, "minutes": {"1": -2}}, r"course.minutes\[1\] = -2.0"),
        ({"skills": 2, "minutes": {"1": float("nan")}}, r"course.minutes\[1\] = nan"),
        ({"skills": 2, "minutes": {"1": float("inf")}}, r"course.minutes\[1\] = inf"),
        ({"skills": 2, "minutes": {"2": 1}}, "course.minutes = '2'"),
        ({"skills": 2, "difficulty": [1.0]}, r"course.difficulty = array of shape \(1,\): .* \(2,\)"),
        ({"skills": 2, "kind": ["practice"]}, "course.kind = 1 names"),
        ({"skills": 2, "format": ["text"] * 3}, "course.format = 3 names"),
    ],
)
def test_what_is_refused(arguments, message) -> None:
    with pytest.raises(InputError, match=message) as error:
        Course.of(**arguments)
    assert "\n" not in str(error.value)


def test_wrong_shapes_are_refused() -> None:
    course = Course.of(3)
    with pytest.raises(InputError, match=r"course.minutes = array of shape"):
        replace(course, minutes=course.minutes[:2])
    for field in ("needs", "parents"):
        with pytest.raises(InputError, match=rf"course.{field} = 2 lists: must be 3 lists"):
            replace(course, **{field: pack([[0], [1]])})
        with pytest.raises(InputError, match=rf"course.{field} = 3: must be places in \[0, 3\)"):
            replace(course, **{field: pack([[0], [1], [3]])})


def test_items_named_by_numbers_keep_their_own_minutes() -> None:
    course = Course.of(["a", "b"], items={1: "a", 2: "b"}, minutes={1: 5.0})
    assert course.items == ("1", "2")
    assert course.minutes.tolist() == [5.0, 1.0]


def changed() -> dict[str, Course]:
    base = Course.of(["a", "b"], items={"x": "a", "y": ["a", "b"]}, prerequisites=[["a", "b"]])
    return {
        "": base,
        "skills": replace(base, skills=("a", "c")),
        "items": replace(base, items=("x", "z")),
        "needs": replace(base, needs=pack([[1], [0, 1]])),
        "parents": replace(base, parents=pack([[1], []])),
        "minutes": replace(base, minutes=np.array([1.0, 1.5])),
        "difficulty": replace(base, difficulty=np.array([0.0, 1e-9])),
        "kind": replace(base, kind=("practice", "lecture")),
        "format": replace(base, format=("video", "text")),
    }


def test_the_hash_changes_with_every_field_that_is_taught() -> None:
    courses = changed()
    assert set(courses) - {""} == {field.name for field in fields(Course)} - {"licence"}
    assert len({course.hash for course in courses.values()}) == len(courses)
    assert replace(courses[""], licence="CC BY 4.0").hash == courses[""].hash


def test_the_hash_depends_on_content_alone() -> None:
    assert changed()[""].hash == changed()[""].hash
    assert len(Course.of(2).hash) == 16


def test_contents_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="read-only"):
        Course.of(2).minutes[0] = 3.0


def test_one_item_a_skill_is_recognised() -> None:
    assert Course.of(3).one_to_one
    assert Course.of(["a", "b"]).items == ("a", "b")
    assert not Course.of(["a", "b"], items={"x": "b", "y": "a"}).one_to_one
    assert not Course.of(["a", "b"], items={"x": "a"}).one_to_one


def test_places_by_name_and_by_number() -> None:
    course = Course.of(["first", "second"], items={"x": "first", "y": "second"})
    assert (course.skill("second"), course.skill(1), course.item("y"), course.item(0)) == (1, 1, 1, 0)
    with pytest.raises(InputError, match=r"skill = 'secnod'.*did you mean 'second'\?"):
        course.skill("secnod")
    with pytest.raises(InputError, match="item = -1"):
        course.item(-1)


def test_packing() -> None:
    assert lists(pack([[1, 2], [], [3]])) == [[1, 2], [], [3]]


def test_chosen_lists_as_cells() -> None:
    packed = pack([[1, 2], [], [3]])
    row = np.array([2, 0, -1, 1, 0])
    whole = np.vstack([table(packed, 4), np.zeros((1, 4), bool)])
    assert np.array_equal(cells_of(packed, row, 4), whole[row])


def test_lists_with_a_cell_that_is_true() -> None:
    packed = pack([[1, 2], [], [3], [0, 3], []])
    rng = np.random.default_rng(0)
    cells = rng.random((50, 4)) < 0.4
    assert np.array_equal(any_of(cells, packed), cells.astype(int) @ table(packed, 4).T > 0)


def test_a_wide_course_is_one_line() -> None:
    names = [f"skill {k}" for k in range(10_000)]
    assert repr(Course.of(names, {name: [name] for name in names})) == (
        "<Course of 10,000 skills and 10,000 items>"
    )


def test_edges_are_read_from_csv(tmp_path) -> None:
    path = tmp_path / "prerequisites.csv"
    path.write_text('before,after\n"tens, ones",sums\n\nsums , products\n', encoding="utf-8")
    assert read_edges(path) == [["tens, ones", "sums"], ["sums", "products"]]
    path.write_text("before,after\nsums\n", encoding="utf-8")
    with pytest.raises(InputError, match="= sums: must be before,after"):
        read_edges(path)


def test_a_word_is_no_list_of_skills():
    with pytest.raises(InputError, match=r"course\.skills = 'many': must be a list of names or a number"):
        Course.of("many")
