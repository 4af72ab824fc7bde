/** The page of one learner: the responses are kept in the browser, and nothing leaves it. */

import { Tutor, TutorError } from "coursewright-runtime";
import * as ort from "onnxruntime-web/wasm";

const DAY = 86_400_000; // milliseconds
const PLACE = `coursewright ${location.pathname}`; // in the browser's storage; pages of one host do not mix
const TEXTS = {
  count: "Exercise {n}",
  right: "✓ Right",
  wrong: "✗ Wrong",
  shown: "Only looked",
  content: "The exercise itself stands here: see “Content” in the page's README.",
  progress: "Your progress",
  summary: "{answers} answers, {right} of them right.",
  belief: "The bars tell how likely it is that you know each skill.",
  tried: "{right} of {answers} right",
  done: "You have reached the end.",
  nothing: "There is nothing to do now.",
  pause: "Well done. Come back on {date}.",
  go: "Go on now",
  undo: "Take back the last answer",
  export: "Save my answers as a file",
  forget: "Forget me",
  ask: "All your answers in this browser will be erased. This cannot be undone.",
  keep: "Keep them",
  erase: "Erase everything",
  unsaved: "This browser does not let the page keep your answers: save them as a file before you close it.",
};

const NOBODY = { learner: "", responses: [], state: "" };

const $ = (id) => document.getElementById(id);
const say = (name, values = {}) => TEXTS[name].replace(/\{(\w+)\}/g, (_, key) => values[key]);

let tutor, lesson, choice, content;
let kept = NOBODY;
let unsaved = false; // where the browser keeps nothing, it is kept in memory
let skipsPause = false;
let seconds = 0; // that this exercise has been in sight

/** Open the tutor and what this browser knows of the learner, and show the next exercise. */
export async function start() {
  Object.assign(TEXTS, json("texts"));
  content = json("items");
  ort.env.wasm.wasmBinary = await packed("wasm");
  tutor = await Tutor.open(await packed("tutor"), json("words"));
  for (const name of ["right", "wrong", "shown", "progress", "go", "undo", "export", "forget", "ask", "keep", "erase"]) {
    $(name).textContent = say(name);
  }
  $("right").onclick = () => answer(1);
  $("wrong").onclick = () => answer(0);
  $("shown").onclick = () => answer(null);
  $("go").onclick = () => doing(async () => { skipsPause = true; });
  $("undo").onclick = () => doing(takeBack);
  $("export").onclick = save;
  $("forget").onclick = () => $("sure").showModal();
  $("keep").onclick = () => $("sure").close();
  $("erase").onclick = () => { $("sure").close(); doing(forget); };
  setInterval(() => { seconds += document.hidden ? 0 : 1; }, 1000);
  window.addEventListener("storage", (event) => { if (event.key === PLACE || event.key === null) doing(recall); });
  window.coursewright = { answer, get item() { return choice?.item ?? null; } };
  await doing(recall);
  $("main").hidden = $("footer").hidden = false;
  if ("serviceWorker" in navigator && location.protocol.startsWith("http")) {
    await navigator.serviceWorker.register("sw.js").catch(() => {}); // without one, only the first load needs the host
  }
}

/** Note an answer to the exercise in sight (1, 0, null: nothing asked) and show the next one. */
export function answer(correct) {
  return doing(async () => {
    const { item, wait } = choice ?? {};
    if (!item || $("answers").hidden) return;
    await recall(); // another tab may have gone on
    const response = { item, correct, minutes: Math.round(seconds / 0.6) / 100, time: Date.now() / DAY };
    await lesson.observe(item, correct, { minutes: response.minutes, at: response.time });
    kept.responses.push(wait > 0 ? { ...response, wait } : response);
    keep();
  });
}

async function takeBack() {
  await recall();
  kept.responses.pop();
  kept.state = "";
  keep();
  await recall();
}

async function forget() {
  kept = NOBODY;
  lesson = null;
  if (!unsaved) localStorage.removeItem(PLACE);
  await recall();
}

/** The lesson of the responses in the browser's storage; the stored state spares the replay where it fits. */
async function recall() {
  const found = stored() ?? NOBODY;
  if (lesson && found.state && found.state === kept.state) return;
  kept = { learner: found.learner || anyone(), responses: [...found.responses], state: found.state };
  try {
    lesson = tutor.load(kept.state);
  } catch (error) {
    if (!(error instanceof TutorError)) throw error;
    const known = kept.responses.filter(({ item }) => tutor.place.has(item)); // another course may have stood here
    const history = known.map(({ item, correct, minutes, time }) => ({ item, correct, minutes, at: time }));
    lesson = await tutor.replay(history, { key: kept.learner });
  }
  keep();
}

function stored() {
  if (unsaved) return kept;
  try {
    return JSON.parse(localStorage.getItem(PLACE));
  } catch {
    return null;
  }
}

function keep() {
  kept.state = lesson.save();
  try {
    localStorage.setItem(PLACE, JSON.stringify(kept));
    unsaved = false;
  } catch {
    unsaved = true;
  }
  $("message").textContent = unsaved ? say("unsaved") : "";
}

/** A name for a learner that says nothing of who it is. */
function anyone() {
  return Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Do something with the buttons off, then show where the learner stands. */
let busy = Promise.resolve();
function doing(job) {
  busy = busy.then(async () => {
    const buttons = [...document.querySelectorAll(".card button, footer button")];
    for (const button of buttons) button.disabled = true;
    try {
      await job();
      await show();
    } catch (error) {
      $("message").textContent = error.message;
    }
    for (const button of buttons) button.disabled = false;
    $("undo").disabled = $("export").disabled = kept.responses.length === 0;
  });
  return busy;
}

async function show() {
  const last = kept.responses.at(-1);
  const back = last?.wait ? (last.time + last.wait) * DAY : 0;
  const pauses = back > Date.now() && !skipsPause;
  choice = await lesson.next({ at: Date.now() / DAY });
  const item = choice?.item ?? null;
  const title = pauses
    ? say("pause", { date: new Date(back).toLocaleString([], { dateStyle: "full", timeStyle: "short" }) })
    : item ?? say(choice ? "done" : "nothing");
  $("go").hidden = !pauses;
  $("answers").hidden = $("content").hidden = $("of").hidden = pauses || item === null;
  $("count").textContent = item && !pauses ? say("count", { n: kept.responses.length + 1 }) : "";
  $("item").textContent = title;
  $("item").focus({ preventScroll: true });
  const of = item === null ? [] : tutor.words.items[tutor.place.get(item)].skills;
  $("of").textContent = of.length === 1 && of[0] === item ? "" : of.join(", ");
  if (content[item] === undefined) $("content").textContent = say("content");
  else $("content").innerHTML = content[item];
  progress();
  skipsPause = false;
  seconds = 0;
  document.dispatchEvent(new CustomEvent("coursewright-item", { detail: { item, skills: of } }));
}

/** Each skill with the chance that it is known, or, where the tutor does not reckon one, its right answers. */
function progress() {
  const asked = kept.responses.filter(({ correct }) => correct !== null);
  const right = asked.filter(({ correct }) => correct === 1).length;
  const means = choice?.belief ? [say("belief")] : [];
  $("summary").textContent = [say("summary", { answers: asked.length, right }), ...means].join(" ");
  const tally = new Map(tutor.skills.map((skill) => [skill, { answers: 0, right: 0 }]));
  for (const { item, correct } of asked) {
    for (const skill of tutor.words.items[tutor.place.get(item)]?.skills ?? []) {
      tally.get(skill).answers += 1;
      tally.get(skill).right += correct;
    }
  }
  $("skills").replaceChildren(...tutor.skills.flatMap((skill, index) => {
    if (!lesson.goal[index]) return [];
    const { answers, right } = tally.get(skill);
    const share = choice?.belief ? choice.belief[index] : answers ? right / answers : 0;
    const told = choice?.belief ? `${Math.round(100 * share)} %` : say("tried", { right, answers });
    return [row(skill, told, share)];
  }));
  $("skills").tabIndex = $("skills").scrollHeight > $("skills").clientHeight ? 0 : -1; // a long list scrolls by keyboard
}

function row(skill, told, share) {
  const line = document.createElement("li");
  const [name, value, bar, fill] = ["span", "span", "div", "i"].map((kind) => document.createElement(kind));
  name.textContent = skill;
  value.textContent = told;
  bar.className = "bar";
  bar.setAttribute("aria-hidden", "true");
  fill.style.width = `${100 * share}%`;
  bar.append(fill);
  line.append(name, value, bar);
  return line;
}

/** The answers as a file: the columns of a learner log. */
function save() {
  const cell = (value) => (/[",;\n\r]/.test(value) ? `"${String(value).replaceAll('"', '""')}"` : String(value));
  const rows = kept.responses.filter(({ item }) => tutor.place.has(item)).map(({ item, correct, minutes, time }) => [
    kept.learner, item, tutor.words.items[tutor.place.get(item)].skills.join(";"), time, correct ?? -1, minutes,
  ]);
  const table = [["learner", "item", "skills", "time", "correct", "minutes"], ...rows];
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([table.map((line) => `${line.map(cell).join(",")}\n`).join("")], { type: "text/csv" }));
  link.download = "answers.csv";
  link.click();
  URL.revokeObjectURL(link.href);
}

function json(id) {
  return JSON.parse($(id).textContent);
}

async function packed(id) {
  const bytes = Uint8Array.from(atob($(id).textContent), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
