/**
 * `npm run page -- tutor.onnx [--to=FOLDER] [--title=TEXT] [--content=FILE] [--texts=FILE]`: a learner's page.
 *
 * The folder holds `index.html`, which has everything in it and opens from a USB stick, and `sw.js`, by which
 * it stays in the browser where a host serves it.  `content` maps items to HTML, `texts` the page's words.
 */

import { createHash } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { gzipSync } from "node:zlib";

import { Tutor } from "../index.js";

const HERE = dirname(fileURLToPath(import.meta.url));
const FROM = process.env.INIT_CWD ?? process.cwd(); // npm runs this in the package's folder
const USAGE = "npm run page -- tutor.onnx [--to=FOLDER] [--title=TEXT] [--content=FILE] [--texts=FILE]";

function inline(id, text, type = "text/plain") {
  return `<script type="${type}" id="${id}">${text}</script>`;
}

const modules = (text) => text.replaceAll("</script", "<\\/script");
const data = (value) => JSON.stringify(value).replaceAll("<", "\\u003c");
const packed = (bytes) => gzipSync(bytes, { level: 9 }).toString("base64");
const escaped = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");

async function json(path) {
  if (!path) return {};
  try {
    return JSON.parse((await readFile(resolve(FROM, path), "utf8")).replace(/^\uFEFF/, ""));
  } catch (error) {
    throw new Error(`${path}: ${error.code === "ENOENT" ? "no such file" : `not JSON (${error.message})`}`);
  }
}

async function build(tutor, { to, title, content, texts }) {
  const words = await json(tutor.replace(/\.[^./\\]*$/, ".json"));
  await Tutor.open(await readFile(resolve(FROM, tutor)), words); // before a page is built that would not start
  const [items, said] = [await json(content), await json(texts)];
  const strange = Object.keys(items).find((name) => !words.items.some((item) => item.name === name));
  if (strange !== undefined) throw new Error(`${content}: '${strange}' is not one of the tutor's items`);
  const dist = dirname(createRequire(import.meta.url).resolve("onnxruntime-web/ort-wasm-simd-threaded.wasm"));
  const read = (name) => readFile(join(HERE, name), "utf8");
  const parts = [
    inline("wasm", packed(await readFile(join(dist, "ort-wasm-simd-threaded.wasm")))),
    inline("tutor", packed(await readFile(resolve(FROM, tutor)))),
    inline("words", data(words), "application/json"),
    inline("items", data(items), "application/json"),
    inline("texts", data(said), "application/json"),
    inline("ort", modules(await readFile(join(dist, "ort.wasm.bundle.min.mjs"), "utf8"))),
    inline("runtime", modules(await read("../index.js"))),
    inline("kept", modules(await read("kept.js"))),
    inline("page", modules(await read("page.js"))),
  ].join("\n");
  const loading = escaped(String(said.loading ?? "The lesson is loading …"));
  const named = (await read("page.html")).replaceAll("%TITLE%", () => escaped(title)).replace("%LOADING%", () => loading);
  const page = named.replace("%PARTS%", () => parts);
  const version = createHash("sha256").update(page).digest("hex").slice(0, 16);
  const folder = resolve(FROM, to);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "index.html"), page);
  await writeFile(join(folder, "sw.js"), (await read("sw.js")).replace("%VERSION%", version));
  console.log(`${join(to, "index.html")}: ${(page.length / 1e6).toFixed(1)} MB; copy the folder ${to} where it is needed`);
}

try {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      to: { type: "string", default: "learner-page" },
      title: { type: "string", default: "What to do next" },
      content: { type: "string" },
      texts: { type: "string" },
    },
  });
  if (positionals.length !== 1) throw new Error(`one tutor file is needed: ${USAGE}`);
  await build(positionals[0], values);
} catch (error) {
  console.error(error.code === "ENOENT" ? `${error.path}: no such file` : error.message);
  process.exitCode = 2;
}
