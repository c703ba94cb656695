// Makes a page out of source/ and the packages of package-lock.json: one script, one style sheet, the licences of every package that
// has a byte in them, all zipped, and the page itself. The same packages give the same bytes.

import { mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { gzipSync } from "node:zlib";

const MIT = `Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
documentation files (the "Software"), to deal in the Software without restriction, including without limitation the
rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit
persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the
Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE
WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR
OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.`;

const KNOWN = ["MIT", "ISC", "BSD-2-Clause", "BSD-3-Clause", "0BSD", "Apache-2.0", "Unlicense"];

// Browsers have fonts, and the page may load nothing but its own files.
const withoutFonts = {
  name: "without-fonts",
  setup(build) {
    build.onLoad({ filter: /node_modules.*\.css$/ }, async ({ path }) => ({
      contents: (await readFile(path, "utf8")).replace(/@font-face\s*\{[^}]*\}/g, ""),
      loader: "css",
    }));
  },
};

// `holders`: who has the rights to packages that do not say so; `chosen`: which of several licences; `apache`: a file with the text of
// Apache-2.0, for packages that do not bring it.
export async function bundle({ build, here, target, path, script, options = {}, holders = {}, chosen = {}, apache }) {
  const { plugins = [], ...others } = options;
  const { metafile, outputFiles } = await build({
    absWorkingDir: here,
    entryPoints: { page: script, style: "source/page.css" },
    bundle: true,
    minify: true,
    format: "iife",
    target: ["chrome111", "firefox111", "safari16.4"],
    define: { "process.env.NODE_ENV": '"production"' },
    legalComments: "none",
    metafile: true,
    write: false,
    outdir: "out",
    plugins: [withoutFonts, ...plugins],
    logLevel: "warning",
    ...others,
  });

  // Every package that has a byte in the result, with its licence.
  const folders = new Set();
  for (const output of Object.values(metafile.outputs)) {
    for (const [input, { bytesInOutput }] of Object.entries(output.inputs)) {
      const found = input.replace(/^[a-z-]+:/, "").match(/^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//);
      if (found && bytesInOutput > 0) folders.add(found[1]);
    }
  }

  async function notice(folder) {
    const told = JSON.parse(await readFile(join(here, folder, "package.json"), "utf8"));
    const { name, version, author } = told;
    // Old packages say it in a list.
    const said = told.license ?? told.licenses?.[0]?.type;
    const license = chosen[said] ?? said;
    const entries = (await readdir(join(here, folder), { withFileTypes: true })).filter((entry) => entry.isFile());
    const files = entries.map(({ name }) => name).filter((name) => /^(licen[cs]e|copying|notice)/i.test(name)).sort();
    const texts = await Promise.all(files.map((file) => readFile(join(here, folder, file), "utf8")));
    const by = typeof author === "string" ? author : author?.name;
    let text = texts.map((text) => text.trim()).join("\n\n");
    // Some packages name their licence and bring no text of it.
    const holder = holders[name] ?? by;
    if (!text && license === "MIT" && holder) text = `Copyright (c) ${holder}\n\n${MIT}`;
    if (!text && license === "Apache-2.0" && apache) text = (await readFile(join(here, apache), "utf8")).trim();
    if (!text) missing.push(`${name} ${version} (${license})`);
    return { title: `${name} ${version} (${license})`, license, text };
  }

  const missing = [];
  const notices = await Promise.all([...folders].map(notice));
  notices.sort((a, b) => (a.title < b.title ? -1 : 1));
  if (missing.length > 0) throw new Error(`no texts of licences: ${missing.join(", ")}`);
  const foreign = notices.filter(({ license }) => !KNOWN.includes(license));
  if (foreign.length > 0) throw new Error(`licences to look at: ${foreign.map(({ title }) => title).join(", ")}`);
  // A text that several packages share is written once, below all of their names.
  const byText = new Map();
  for (const one of notices) byText.set(one.text, [...(byText.get(one.text) ?? []), one]);
  const parts = [...byText].map(([text, those]) => {
    return `${"-".repeat(80)}\n${those.map(({ title }) => title).join("\n")}\n\n${text}\n`;
  });
  const head = `The page at ${path} holds code of these packages.\n\n`;

  await rm(target, { recursive: true, force: true });
  await mkdir(target, { recursive: true });
  const licenses = head + parts.join("\n");
  await writeFile(join(target, "LICENSES"), licenses);
  await writeFile(join(target, "LICENSES.gz"), gzipSync(licenses, { level: 9 }));
  for (const { path, contents } of outputFiles) {
    const name = relative(join(here, "out"), path);
    // Node writes no time and no name into the head, so that equal input stays equal.
    await writeFile(join(target, `${name}.gz`), gzipSync(contents, { level: 9 }));
  }
  await writeFile(join(target, "page.html"), await readFile(join(here, "source/page.html")));
}
