/** The JavaScript runtime against the original; runs in node (asked through stdin) and in a browser. */

/** Teach learners as `episodes` tell; gives the first difference in words, or null. */
export async function follow(tutor, { episodes, loose }) {
  for (const [row, episode] of episodes.entries()) {
    let lesson = tutor.begin({ goal: episode.goal, key: BigInt(episode.key), at: 0 });
    for (const { item, correct, taught } of episode.past) await lesson.observe(item, correct, { taught, past: true });
    let now = 0;
    for (const [step, { offered, observation, choices, event }] of episode.steps.entries()) {
      if (step % 2) lesson = tutor.load(lesson.save());
      const choice = await lesson.next({ at: now, only: offered });
      const again = row < 5 ? await lesson.next({ at: now, only: offered }) : choice;
      const where = `learner ${row}, step ${step}`;
      if (String(again.scores) !== String(choice.scores)) return `${where}: looking twice changes the scores`;
      const wanted = new Float32Array(Uint8Array.from(atob(observation), (letter) => letter.charCodeAt(0)).buffer);
      const apart = choice.observation.findIndex(
        (value, at) => Math.abs(value - wanted[at]) > (loose.includes(at) ? 1e-6 * Math.max(1, Math.abs(wanted[at])) : 0),
      );
      if (apart >= 0) return `${where}: column ${apart} is ${choice.observation[apart]}, not ${wanted[apart]}`;
      const chosen = JSON.stringify([choice.item, choice.wait, choice.stop]);
      if (!choices.some((right) => JSON.stringify(right) === chosen)) return `${where}: ${chosen}, not ${choices}`;
      const { item, correct, taught, minutes, days } = event;
      if (item !== null) await lesson.observe(item, correct, { taught, minutes, at: now, offered });
      now += days;
    }
  }
  return null;
}

/** The milliseconds of one decision, the median of many. */
export async function milliseconds(tutor, times = 300) {
  const lesson = tutor.begin();
  const taken = [];
  for (let i = 0; i < times; i++) {
    const from = performance.now();
    await lesson.next();
    taken.push(performance.now() - from);
  }
  return taken.sort((a, b) => a - b)[times >> 1];
}

/** The messages of what is refused, and of nothing else. */
export async function refusals({ Tutor, TutorError, keyOf }, bytes, words) {
  const tutor = await Tutor.open(bytes, words);
  const [item] = tutor.items;
  const tries = {
    item: () => tutor.begin().observe("zz", 1),
    correct: () => tutor.begin().observe(item, 2),
    "correct, missing": () => tutor.begin().observe(item),
    minutes: () => tutor.begin().observe(item, 1, { minutes: NaN }),
    "minutes, negative": () => tutor.begin().observe(item, 1, { minutes: -1 }),
    "minutes, text": () => tutor.begin().observe(item, 1, { minutes: "2" }),
    at: () => tutor.begin().observe(item, 1, { at: new Date("nonsense") }),
    "at, in seconds": () => tutor.begin().observe(item, 1, { at: 1_790_000_000 }),
    offered: () => tutor.begin().observe(item, 1, { offered: ["q"] }),
    only: () => tutor.begin().next({ only: ["q"] }),
    exclude: () => tutor.begin().next({ exclude: ["q"] }),
    goal: () => tutor.begin({ goal: ["q"] }),
    key: () => keyOf(1.5),
    state: () => tutor.load("{}"),
    "state, NaN": () => tutor.load(JSON.stringify({ ...JSON.parse(tutor.begin().save()), state: [null] })),
    stamp: () => tutor.load(JSON.stringify({ ...JSON.parse(tutor.begin().save()), stamp: 5 })),
    words: () => Tutor.open(bytes, { ...words, stamp: 5 }),
    "words, missing": () => Tutor.open(bytes),
    file: () => Tutor.open(new TextEncoder().encode("nothing"), words),
    history: () => tutor.replay([{ item, correct: 1 }, { item, correct: 7 }]),
  };
  const found = {};
  for (const [name, tried] of Object.entries(tries)) {
    try {
      await tried();
      found[name] = "nothing was refused";
    } catch (error) {
      found[name] = error instanceof TutorError ? error.message : `another error: ${error.stack}`;
    }
  }
  return found;
}

/** A lesson that waits for nothing in between, its replay, and its state; all must agree with Python. */
export async function lesson(tutor, history) {
  const begun = tutor.begin({ key: "ann", at: 0 });
  await Promise.all(history.flatMap(({ item, correct, ...rest }) => [begun.observe(item, correct, rest), begun.next()]));
  const again = await tutor.replay(history, { key: "ann", at: 0 });
  return { saved: begun.save(), again: again.save(), choice: (await begun.next()).item };
}
