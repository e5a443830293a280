// SPDX-License-Identifier: MIT
// Bundles the page into one self-contained file: node build.mjs [OUT], default dist/index.html.

import { build } from "esbuild";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const out = process.argv[2] ?? join(here, "dist/index.html");
const options = { bundle: true, minify: true, write: false, target: "es2022", logLevel: "warning" };
const scriptOf = async (name, define = {}) => (await build({
  ...options, entryPoints: [join(here, "src", name)], format: "iife", define,
})).outputFiles[0].text;
const painter = await scriptOf("painter.ts");
const script = await scriptOf("app.ts", { PAINTER: JSON.stringify(painter) });
const style = await build({ ...options, entryPoints: [join(here, "src/style.css")] });
const inline = (text) => () => `<script>${text.replaceAll("</script", "<\\/script")}</script>`;
const page = readFileSync(join(here, "src/index.html"), "utf8")
  .replace("<!-- early -->", inline(await scriptOf("early.ts")))
  .replace("<!-- style -->", () => `<style>${style.outputFiles[0].text}</style>`)
  .replace("<!-- script -->", inline(script));
mkdirSync(dirname(out), { recursive: true });
writeFileSync(out, page);
