import assert from "node:assert/strict";
import { test } from "node:test";
import { lineLinks } from "../../src/lines";

const position = { line: 5, character: 14 };

test("a comment at the end of a line is a link to the line that it names", () => {
  const text = "// Head(x: f32[B, 4]) -> f32[B, 3]\n  %1 = math.tanh %x : f32  // a.ten:6:15\n  }";
  const links = lineLinks({ text, origins: [{ line: 1, uri: "file:///a.ten", position }] });
  assert.deepEqual(links, [{ line: 1, start: 30, end: 40, uri: "file:///a.ten", fragment: "L6,15" }]);
  assert.equal(text.split("\n")[1]?.slice(30, 40), "a.ten:6:15");
});

test("the type behind the place of a node of ONNX is no part of the link", () => {
  const text = "   [n] y = Relu (x)  # std/nn.ten:6:15  f32[B, 3]";
  const [link] = lineLinks({ text, origins: [{ line: 0, uri: "file:///nn.ten", position }] });
  assert.equal(text.slice(link?.start, link?.end), "std/nn.ten:6:15");
});

test("a line without a comment, or one that there is not, is no link", () => {
  const origins = [0, 7].map((line) => ({ line, uri: "file:///a.ten", position }));
  assert.deepEqual(lineLinks({ text: "  }", origins }), []);
});
