import assert from "node:assert/strict";
import { test } from "node:test";
import { findServer, type Places, workspacePython } from "../../src/server";

const NOTHING: Places = {
  setting: "",
  python: undefined,
  folders: [],
  trusted: true,
  path: "",
  home: "/home/ada",
  windows: false,
  isFile: () => false,
};

/** A machine with these files. */
function machine(files: readonly string[], what: Partial<Places> = {}): Places {
  return { ...NOTHING, path: "/usr/local/bin:/usr/bin", ...what, isFile: (path) => files.includes(path) };
}

const EVERYWHERE = [
  "/opt/own/tenuto",
  "/envs/ml/bin/tenuto",
  "/home/ada/work/a/.venv/bin/tenuto",
  "/home/ada/work/a/.venv/bin/python",
  "/usr/bin/tenuto",
];
const ALL = { python: "/envs/ml/bin/python", folders: ["/home/ada/work/a"] };

test("the setting is the first to say where the server is, then Python's environment, then .venv, then PATH", () => {
  assert.deepEqual(findServer(machine(EVERYWHERE, { ...ALL, setting: "/opt/own/tenuto" })), {
    kind: "found",
    command: "/opt/own/tenuto",
    origin: "setting",
  });
  const origins = EVERYWHERE.slice(1).map((_, count) => findServer(machine(EVERYWHERE.slice(1 + count), ALL)));
  assert.deepEqual(
    origins.map((found) => (found.kind === "found" ? found.origin : found.kind)),
    ["python", "workspace", "path", "path"],
  );
  assert.deepEqual(findServer(machine([], ALL)), { kind: "missing" });
});

test("a setting that names no file is a mistake, not a reason to take another server", () => {
  const wrong = { kind: "wrong-setting", setting: "/no/such/tenuto" };
  assert.deepEqual(findServer(machine(EVERYWHERE, { ...ALL, setting: " /no/such/tenuto " })), wrong);
  assert.equal(findServer(machine(EVERYWHERE, { ...ALL, setting: "  " })).kind, "found");
});

test("a setting may use the home, the folder and a name on PATH", () => {
  const files = ["/home/ada/tenuto/bin/tenuto", "/home/ada/work/a/tools/tenuto", "/usr/bin/tenuto-next"];
  const cases = {
    "~/tenuto/bin/tenuto": files[0],
    "${workspaceFolder}/tools/tenuto": files[1],
    "tools/tenuto": files[1],
    "./tools/tenuto": files[1],
    "tenuto-next": files[2],
  };
  for (const [setting, command] of Object.entries(cases)) {
    const found = findServer(machine(files, { folders: ["/home/ada/work/a"], setting }));
    assert.deepEqual(found, { kind: "found", command, origin: "setting" }, setting);
  }
});

test("a workspace that is not trusted brings nothing that is run", () => {
  const untrusted = { ...ALL, trusted: false };
  assert.equal(findServer(machine(["/home/ada/work/a/.venv/bin/tenuto"], untrusted)).kind, "missing");
  assert.equal(findServer(machine(["/envs/ml/bin/tenuto"], untrusted)).kind, "missing");
  assert.equal(findServer(machine(["/home/ada/work/a/tenuto"], { ...untrusted, setting: "./tenuto" })).kind, "wrong-setting");
  const onPath = findServer(machine(EVERYWHERE, untrusted));
  assert.deepEqual(onPath, { kind: "found", command: "/usr/bin/tenuto", origin: "path" });
});

test("an entry of PATH that is relative is left out: it would lead into the workspace", () => {
  const files = ["tenuto", "./tenuto", "bin/tenuto"];
  assert.equal(findServer(machine(files, { path: ".::bin" })).kind, "missing");
});

test("the second folder's environment is found, too", () => {
  const found = findServer(machine(["/home/ada/work/b/.venv/bin/tenuto"], { folders: ["/home/ada/work/a", "/home/ada/work/b"] }));
  assert.equal(found.kind === "found" && found.command, "/home/ada/work/b/.venv/bin/tenuto");
});

test("on Windows the scripts have a folder and an ending of their own", () => {
  const files = ["C:\\work\\.venv\\Scripts\\tenuto.exe", "C:\\work\\.venv\\Scripts\\python.exe"];
  const places = { ...machine(files, { folders: ["C:\\work"], path: "C:\\Windows;." }), windows: true };
  const found = findServer(places);
  assert.equal(found.kind === "found" && found.command, files[0]);
  assert.equal(workspacePython(places), files[1]);
  const beside = { ...places, folders: [], python: "C:\\Python\\python.exe", isFile: (path: string) => path === "C:\\Python\\Scripts\\tenuto.exe" };
  assert.equal(findServer(beside).kind, "found");
});
