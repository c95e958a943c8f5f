// Prints the tokens of files as [line, column, innermost scope], by the engine of VS Code.
// node textmate.mjs NODE_MODULES GRAMMAR < names of files
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const [modules, grammarFile] = process.argv.slice(2);
const require = createRequire(`${modules}/`);
const oniguruma = require("vscode-oniguruma");
const textmate = require("vscode-textmate");

await oniguruma.loadWASM(readFileSync(require.resolve("vscode-oniguruma/release/onig.wasm")));
const registry = new textmate.Registry({
  onigLib: Promise.resolve({
    createOnigScanner: (patterns) => new oniguruma.OnigScanner(patterns),
    createOnigString: (text) => new oniguruma.OnigString(text),
  }),
  loadGrammar: async () => textmate.parseRawGrammar(readFileSync(grammarFile, "utf8"), grammarFile),
});
const grammar = await registry.loadGrammar("source.tenuto");

const all = {};
for (const file of readFileSync(0, "utf8").trim().split("\n")) {
  const runs = (all[file] = []);
  let stack = textmate.INITIAL;
  readFileSync(file, "utf8").split("\n").forEach((line, number) => {
    const result = grammar.tokenizeLine(line, stack);
    stack = result.ruleStack;
    for (const token of result.tokens) {
      runs.push([number, token.startIndex, token.scopes.at(-1)]);
    }
  });
}
console.log(JSON.stringify(all));
