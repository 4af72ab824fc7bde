/** `node check.js tutor.onnx`: a tutor file against its golden trace, exit code 1 where it differs. */

import { readFile } from "node:fs/promises";

import { Tutor, TutorError, differs } from "./index.js";

const [path] = process.argv.slice(2);
try {
  const words = JSON.parse(await readFile(path.replace(/\.[^./]*$/, ".json"), "utf8"));
  const difference = await differs(await Tutor.open(await readFile(path), words));
  console.log(`${path}: ${difference ?? "follows its golden trace"}`);
  process.exitCode = Number(difference !== null);
} catch (error) {
  if (!(error instanceof TutorError) && error.code !== "ENOENT") throw error;
  console.error(`${path}: ${error.message}`);
  process.exitCode = 2;
}
