"""Every agent that can be exported, on every kind of task: both runtimes teach 100 learners alike."""

import pytest

from coursewright_runtime import Tutor, differs
from exported import DATED, FADING, NETWORKS, RULES, SEVERAL
from packages import ask, build, chromium, lacking, opened
from tutor_files import episodes_of, follow, made, written

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("every")]
LEARNERS, LOOKS = 100, 5  # `ask` too looks twice at five learners alone
KINDS = ("ppo", "maskable_ppo", "maskable_recurrent_ppo", "graph_ppo", "dqn")  # others are like one of these
PAIRS = [
    *[(name, where) for name in (*RULES, *KINDS) for where in SEVERAL],
    *[(name, where) for name in DATED for where in FADING],
]


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """A page in Chromium without a network; None where there is no Chromium."""
    if lacking(browser=True):
        yield None
        return
    folder = tmp_path_factory.mktemp("every") / "page"
    build(made("a rule").path, folder)
    with chromium() as browser:
        context = browser.new_context()
        page = context.new_page()
        context.set_offline(True)
        opened(page, (folder / "index.html").as_uri())
        yield page


@pytest.mark.parametrize(("name", "where"), PAIRS)
def test_both_runtimes_teach_as_the_original(name, where, page):
    agent, task = ({**RULES, **NETWORKS, **DATED}[name], {**SEVERAL, **FADING}[where]())
    original = written(f"{name} on {where}", agent, task)
    tutor = Tutor(original.path)
    assert differs(tutor) is None
    for row, episode in enumerate(episodes_of(original, LEARNERS)):
        follow(tutor, episode, task, looks=row < LOOKS)
    if page:
        assert ask(page, original, LEARNERS) == [None, None]
