#!/usr/bin/env node
/** `npx coursewright-runtime tutor.onnx`: a tutor file against its golden trace, exit code 1 where it differs. */

import { Tutor, TutorError, differs } from "./index.js";

const [path, ...more] = process.argv.slice(2);
if (path === undefined || path.startsWith("-") || more.length) {
  console.error("one tutor file is needed: npx coursewright-runtime tutor.onnx");
  process.exitCode = 2;
} else {
  try {
    const difference = await differs(await Tutor.open(path));
    console.log(`${path}: ${difference ?? "follows its golden trace"}`);
    process.exitCode = Number(difference !== null);
  } catch (error) {
    if (!(error instanceof TutorError)) throw error;
    console.error(error.message);
    process.exitCode = 2;
  }
}
