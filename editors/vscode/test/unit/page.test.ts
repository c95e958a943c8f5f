import assert from "node:assert/strict";
import { test } from "node:test";
import { deploysIn } from "../../src/deploys";
import { editorOffset, guarded } from "../../src/page";

const PAGE = `<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>a</title><style>p {}</style></head>
<body><p>&lt;script&gt;</p><script>let a;</script></body></html>`;

test("a page gets a policy, and only its own style and script carry the number that it asks for", () => {
  const found = guarded(PAGE, "abc", false);
  const policy = /<head><meta http-equiv="Content-Security-Policy" content="([^"]*)">/.exec(found)?.[1] ?? "";
  assert.equal(policy.split("; ")[0], "default-src 'none'");
  assert.ok(!policy.includes("unsafe") && !policy.includes("http"));
  assert.equal(found.match(/'nonce-abc'/g)?.length, 2);
  assert.equal(found.match(/<(style|script) nonce="abc">/g)?.length, 4);
  assert.equal(found.match(/<(style|script)>/g), null);
});

test("a page has the colours of the editor's theme", () => {
  const page = "<style>:root { color-scheme: light dark; } @media (prefers-color-scheme: dark) { p {} }</style>";
  assert.equal(guarded(page, "a", true), '<style nonce="a">:root { color-scheme: dark; } @media all { p {} }</style>');
  assert.equal(guarded(page, "a", false), '<style nonce="a">:root { color-scheme: light; } @media not all { p {} }</style>');
});

test("characters that an editor counts twice are counted twice", () => {
  const text = "a𝔹c\nd";
  assert.deepEqual(
    [0, 1, 2, 3, 4, 5, 9].map((characters) => editorOffset(text, characters)),
    [0, 1, 3, 4, 5, 6, 6],
  );
});

test("a deploy is a declaration at the start of a line", () => {
  const text = "# deploy no = A\ndeploy one = A {}\r\n  deploy neither = A\ndeploy  two: B = A {}\ndeployed = 1\n";
  assert.deepEqual(deploysIn(text), [
    { name: "one", line: 1 },
    { name: "two", line: 3 },
  ]);
});
