/** Reads {tutors: [{path, episodes, loose}], opened: [path]} from stdin, and writes what the JavaScript runtime made of it. */

import { readFile } from "node:fs/promises";
import { text } from "node:stream/consumers";

import * as runtime from "../../runtime/js/index.js";
import { follow, lesson, milliseconds, refusals, same } from "./follow.mjs";

const asked = JSON.parse(await text(process.stdin));
const out = [];
for (const { path, ...told } of asked.tutors) {
  const bytes = await readFile(path);
  const words = JSON.parse(await readFile(path.replace(/\.onnx$/, ".json"), "utf8"));
  const tutor = await runtime.Tutor.open(path);
  const golden = await runtime.differs(tutor);
  const { responses } = tutor.words.golden;
  responses[4].scores[1] += 2e9;
  const other = await runtime.differs(tutor);
  responses[3].action += 1;
  const spoiled = [await runtime.differs(tutor), other];
  const found = { golden, spoiled, followed: await follow(tutor, told), milliseconds: await milliseconds(tutor, 50) };
  if (told.history) {
    found.lesson = await lesson(tutor, told.history);
    found.loaded = tutor.load(told.saved).save();
    found.same = await same(tutor);
    const marked = `\uFEFF${JSON.stringify(words)}`; // as some editors write it
    found.opened = (await runtime.Tutor.open(bytes, marked)).items.join() === tutor.items.join();
    found.refusals = await refusals(runtime, bytes, words);
    found.keys = ["", "a", "foobar", "Ÿ"].map((key) => String(runtime.keyOf(key)));
  }
  out.push(found);
}
out.push([]);
for (const path of asked.opened) {
  const said = await runtime.Tutor.open(path).then(() => "", (error) => (error.name === "TutorError" ? error.message : error.stack));
  out.at(-1).push(said);
}
console.log(JSON.stringify(out));
