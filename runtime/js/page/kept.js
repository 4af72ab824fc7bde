/** The learner's answers as the page keeps them: a text in the browser's storage, which may be damaged. */

export const NOBODY = { learner: "", responses: [], state: "" };
const LATEST = 1e6; // days; see index.js

/**
 * What a stored text holds (null: nothing), and `damaged`, true where it is not what the page wrote: what can be
 * read of it is then given, without the state, which a replay makes anew.
 */
export function read(text) {
  if (text === null) return { ...NOBODY, responses: [], damaged: false };
  let found;
  try {
    found = JSON.parse(text);
  } catch {
    return { ...salvaged(text), damaged: true };
  }
  if (!Array.isArray(found?.responses)) {
    return { learner: named(found?.learner), responses: [], state: "", damaged: true };
  }
  const responses = found.responses.filter(usable);
  const damaged = responses.length < found.responses.length || (found.learner !== "" && !named(found.learner));
  const state = damaged || typeof found.state !== "string" ? "" : found.state;
  return { learner: named(found.learner), responses, state, damaged };
}

/** The whole responses of a text that broke off or has lost a part. */
function salvaged(text) {
  const learner = /"learner":"([^"\\]+)"/.exec(text)?.[1] ?? "";
  const responses = [];
  for (const [one] of text.matchAll(/\{"item":"(?:[^"\\]|\\.)*",[^{}]*\}/g)) {
    try {
      const response = JSON.parse(one);
      if (usable(response)) responses.push(response);
    } catch {
      // the next one may be whole
    }
  }
  return { learner, responses, state: "" };
}

const named = (learner) => (typeof learner === "string" ? learner : "");
const number = (value, most) => typeof value === "number" && value >= 0 && value <= most;

function usable(response) {
  const { item, correct, minutes, time, wait = 0 } = response ?? {};
  const answered = typeof item === "string" && [1, 0, null].includes(correct);
  return answered && number(minutes, 3e38) && number(time, LATEST) && number(wait, LATEST);
}
