// The teacher's page: who needs help first, on what, since when, why, what comes next, and a teacher's own choice.
"use strict";
const FIRST = 50; // learners at once
const EVERY = 60_000; // milliseconds between two looks
const SIGNS = { stuck: "▲", slow: "◆", away: "○", new: "□", "on course": "·" };
const SVG = "http://www.w3.org/2000/svg";
const $ = (id) => document.getElementById(id);
let seen = null; // the class as the service told it
let shown = FIRST;

const percent = (x) => `${Math.round(100 * x)} %`;

// What a teacher calls a learner: the host's name for them, else the id, the start of a long one.
function called(one) {
  if (one.name !== null) return one.name;
  if (/^[0-9a-f]{32}$/.test(one.learner)) return `${one.learner.slice(0, 8)} …`; // a pseudonym, where the platform told an address
  return one.learner.length > 40 ? `${one.learner.slice(0, 39)}…` : one.learner;
}

function make(name, attributes = {}, ...inside) {
  const drawn = ["svg", "rect", "line", "circle", "path", "title"].includes(name);
  const made = drawn ? document.createElementNS(SVG, name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) if (value !== null) made.setAttribute(key, value);
  made.append(...inside);
  return made;
}

function ago(days) {
  if (days === null) return "–";
  const gone = Math.max(0, seen.now - days);
  const told = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
  if (gone < 1 / 24) return told.format(-Math.round(gone * 1440), "minute");
  return gone < 1 ? told.format(-Math.round(gone * 24), "hour") : told.format(-Math.round(gone), "day");
}

async function ask(path, body) {
  const answer = await fetch(path, {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
  });
  if (answer.status === 401) location.href = "/sign-in";
  const told = await answer.json();
  if (!answer.ok) throw new Error(told.error);
  return told;
}

async function look() {
  try {
    seen = await ask("/class", { group: $("group").value || null });
    const chosen = $("group").value;
    $("group").replaceChildren(make("option", { value: "" }, "everybody"), ...seen.groups.map((name) => make("option", { value: name }, name)));
    $("group").value = chosen;
    list();
  } catch (error) {
    fail($("summary"), error);
  }
}

function fail(place, error) {
  place.replaceChildren(make("span", { class: "error", role: "alert" }, String(error.message || error)));
}

function list() {
  const counts = seen.levels.map((level) => [level, seen.learners.filter((one) => one.level === level).length]);
  const told = counts.filter(([, n]) => n).map(([level, n]) => `${n} ${level}`).join(", ");
  $("summary").textContent = seen.learners.length ? `${seen.learners.length} learners: ${told}.` : "Nobody has begun yet.";
  const name = $("name").value.trim().toLowerCase();
  const wanted = seen.learners.filter((one) =>
    (name ? `${called(one)} ${one.learner}`.toLowerCase().includes(name) : $("all").checked || one.level !== "on course"));
  if (!wanted.length && seen.learners.length) $("summary").textContent += name ? " Nobody has such a name." : " Nobody needs help now.";
  $("list").tBodies[0].replaceChildren(...wanted.slice(0, shown).map(row));
  $("more").hidden = wanted.length <= shown;
  $("more").textContent = `Show ${Math.min(FIRST, wanted.length - shown)} more of ${wanted.length}`;
}

function row(one) {
  const open = make("button", { type: "button", "data-learner": one.learner, title: called(one) === one.learner ? null : one.learner }, called(one));
  open.addEventListener("click", () => detail(one));
  const next = one.next === null ? "–" : one.next.item ?? (one.next.stop ? "the end" : "nothing allowed");
  const cell = (kind, label, ...inside) => make("td", { class: kind, "data-label": label }, ...inside);
  return make("tr", { class: one.level },
    make("td", {}, open),
    cell("why", null, make("span", { class: "level" }, `${SIGNS[one.level]} ${one.level}`), make("br"), one.reason),
    cell("since", "Since", ago(one.since)),
    cell("next", "Next item", next, one.next?.overruled ? " (a teacher's choice)" : "",
      one.next?.chance == null ? "" : make("span", { class: "soft" }, ` chance ${percent(one.next.chance)}`)),
    cell("step", "Mastery of its skill", ...(one.step === null ? ["–"] : [
      make("span", { class: "now" }, `${percent(one.step.before)} → ${percent(one.step.after)} `),
      make("span", { class: "soft now" }, `[${percent(one.step.low)}, ${percent(one.step.high)}]`)])),
    cell("bars", "All skills", bars(one)));
}

function bars(one) {
  const n = one.mastery.length, step = Math.max(2, Math.min(7, 140 / n)), width = n * step;
  const mean = one.mastery.filter((_, k) => one.goal[k]).reduce((a, b, _, all) => a + b / all.length, 0);
  const drawn = make("svg", { width, height: 26, viewBox: `0 0 ${width} 26`, role: "img" }, make("title", {}, `mean mastery ${percent(mean)}`));
  drawn.append(make("rect", { class: "frame", x: 0, y: 0.5, width, height: 25 }));
  one.mastery.forEach((mastery, k) => drawn.append(make("rect", {
    class: one.goal[k] ? "bar" : "pale", x: k * step + 0.5, width: step - 1, y: 25 - 24 * mastery, height: 24 * mastery + 1,
  })));
  return drawn;
}

// A bar from 0 to 1: the value, and a line for its range.
function track(value, low, high, words) {
  const drawn = make("svg", { class: "track", viewBox: "0 0 200 18", preserveAspectRatio: "none", role: "img" }, make("title", {}, words));
  drawn.append(make("rect", { class: "frame", x: 0.5, y: 1, width: 199, height: 16 }), make("rect", { class: "pale", x: 0, y: 4, width: 200 * value, height: 10 }),
    make("line", { class: "mark", x1: 200 * Math.max(0, low), x2: 200 * Math.min(1, high), y1: 9, y2: 9 }),
    make("line", { class: "mark", x1: 200 * value, x2: 200 * value, y1: 2, y2: 16 }));
  return drawn;
}

let opened = null; // the learner in the dialog

async function detail(one) {
  opened = one.learner;
  $("told").replaceChildren(make("h2", { id: "who" }, called(one)), make("p", {}, "Looking …"));
  if (!$("one").open) $("one").showModal();
  try {
    const [why, state] = await Promise.all([ask("/why", { learner: one.learner }), ask("/state", { learner: one.learner })]);
    const effect = make("div", { id: "effect", role: "status" });
    $("told").replaceChildren(
      make("h2", { id: "who" }, called(one)),
      make("p", {}, make("span", { class: "level" }, `${SIGNS[one.level]} ${one.level}`), ` ${one.reason}`, one.since === null ? "" : `, since ${ago(one.since)}`, "."),
      make("h3", { id: "next" }, `Next: ${why.choice.item ?? "nothing"}`), reasons(why), effect,
      make("h3", {}, "Another item instead"), overrule(one, why.choice.item, effect),
      make("h3", {}, "Mastery, as the tutor believes"), skills(state), recent(state));
    if (why.choice.item !== null) await foresee(effect, one.learner, why.choice.item);
  } catch (error) {
    fail($("told"), error);
  }
}

// What the tutor saw of its choice and of the runner-up, and what would change the choice.
function reasons(why) {
  const others = why.reasons.map((one) => one.text);
  if (!why.saw.length) return make("p", {}, why.text);
  if (!others.length) others.push(`No single thing, were it as for ${why.compared}, would change the choice.`);
  const second = why.runner_up === null ? [] : [`The runner-up is ${why.runner_up}.`];
  return make("ul", {}, ...[...second, ...why.saw, ...others].map((line) => make("li", {}, line.replaceAll(" %", "\u00a0%"))));
}

async function foresee(place, learner, item) {
  const found = await ask("/effect", { learner, item });
  if (found === null) {
    place.replaceChildren(make("p", { class: "soft" }, "This tutor has no model of learners, so it foresees no effect."));
    return;
  }
  const line = (words, range) => make("div", {}, make("span", {}, words), track(range.after, range.low, range.high, words),
    make("span", { class: "now" }, `${percent(range.before)} → ${percent(range.after)} [${percent(range.low)}, ${percent(range.high)}]`));
  place.replaceChildren(
    make("p", {}, `Effect of ${item}, simulated: right with a chance of ${percent(found.chance)}.`),
    make("div", { class: "skills" }, line("its skill, after it", found.skills), line(`the goal, after ${found.items} items`, found.goal)),
    make("p", { class: "soft" }, `By the tutor's own model: ${found.futures} futures with answers drawn from its chances, the later items as it would choose them. In brackets, of the skill, after a wrong and after a right answer; of the goal, 90 % of the futures. It is no measurement.`));
}

function overrule(one, present, effect) {
  const item = make("input", { name: "item", list: "items", required: "", autocomplete: "off" });
  const by = make("input", { name: "by", required: "", autocomplete: "name" });
  by.value = sessionStorage.getItem("teacher") ?? "";
  const reason = make("input", { name: "reason", required: "", autocomplete: "off", maxlength: 500 });
  const said = make("p", { role: "status" }), preview = make("div", { role: "status" });
  const known = make("datalist", { id: "items" }, ...seen.items.map((one) => make("option", { value: one.name }, one.skills.join(", "))));
  const form = make("form", { class: "overrule" }, make("label", {}, "Item ", item, known), preview, make("label", {}, "Why ", reason), make("label", {}, "Your name ", by),
    make("button", {}, "Give this item next"), said);
  item.addEventListener("change", async () => {
    try {
      if (seen.items.some((one) => one.name === item.value) && item.value !== present) await foresee(preview, one.learner, item.value);
      else preview.replaceChildren();
    } catch (error) { fail(preview, error); }
  });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      const choice = await ask("/override", { learner: one.learner, item: item.value, by: by.value.trim(), reason: reason.value.trim() });
      sessionStorage.setItem("teacher", by.value);
      said.textContent = `${choice.item} comes next, by ${by.value}.`;
      present = choice.item;
      $("next").textContent = `Next: ${choice.item}`;
      preview.replaceChildren();
      await Promise.all([foresee(effect, one.learner, choice.item), look()]);
    } catch (error) { fail(said, error); }
  });
  return form;
}

function skills(state) {
  const order = [...state.skills].sort((a, b) => b.goal - a.goal || a.mastery - b.mastery);
  return make("div", { class: "skills" }, ...order.map((skill) => {
    const words = `${skill.name}: ${percent(skill.mastery)}, ${skill.right} of ${skill.answers} right`;
    return make("div", {}, make("span", {}, skill.name, skill.goal ? "" : make("span", { class: "soft" }, " (no goal)")),
      track(skill.mastery, skill.mastery - skill.doubt, skill.mastery + skill.doubt, words),
      make("span", { class: "now" }, `${percent(skill.mastery)} `, make("span", { class: "soft" }, `${skill.right} of ${skill.answers} right`)));
  }));
}

// The mean mastery of the goal after each response.
function recent(state) {
  if (state.times.length < 2) return make("p", { class: "soft" }, `${state.responses} answers so far.`);
  const goal = state.skills.map((skill) => skill.goal), n = state.mastery.length;
  const means = state.mastery.map((row) => row.filter((_, k) => goal[k]).reduce((a, b, _, all) => a + b / all.length, 0));
  const path = means.map((mean, t) => `${t ? "L" : "M"}${(300 * t) / (n - 1)},${62 - 60 * mean}`).join(" ");
  const words = `Mean mastery of the goal over ${n} answers: from ${percent(means[0])} to ${percent(means[n - 1])}.`;
  return make("figure", {}, make("svg", { viewBox: "0 0 300 64", width: 600, role: "img" }, make("title", {}, words),
    make("rect", { class: "frame", x: 0, y: 1, width: 300, height: 62 }), make("path", { class: "mark", d: path })), make("figcaption", { class: "soft" }, words));
}

function steer(event) {
  const typing = event.target.matches("input, select");
  if (event.key === "/" && !typing && !$("one").open) { event.preventDefault(); $("name").focus(); }
  const down = event.key === "ArrowDown" && event.target === $("name"); // from the search into what it found
  if (!["ArrowDown", "ArrowUp"].includes(event.key) || (typing && !down) || $("one").open) return;
  const buttons = [...$("list").tBodies[0].querySelectorAll("button")];
  const place = buttons.indexOf(document.activeElement) + (event.key === "ArrowDown" ? 1 : -1);
  if (buttons.length) { event.preventDefault(); buttons[Math.min(Math.max(place, 0), buttons.length - 1)].focus(); }
}

// The row may have been drawn anew while the dialog was open.
function back() {
  const rows = [...$("list").querySelectorAll("[data-learner]")];
  (rows.find((row) => row.dataset.learner === opened) ?? $("name")).focus();
}

document.addEventListener("keydown", steer);
$("one").addEventListener("close", back);
$("filter").addEventListener("submit", (event) => event.preventDefault());
$("group").addEventListener("change", look);
$("again").addEventListener("click", look);
$("name").addEventListener("input", () => { shown = FIRST; if (seen) list(); });
$("all").addEventListener("change", () => { if (seen) list(); });
$("more").addEventListener("click", () => { shown += FIRST; list(); });
setInterval(() => { if (!document.hidden && !$("one").open && !$("list").contains(document.activeElement)) look(); }, EVERY);
look();
