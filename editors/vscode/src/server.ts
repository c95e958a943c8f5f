// Where the command `tenuto` is. Everything that is looked at is given, so that this needs neither an editor nor a disk.

import * as posix from "node:path/posix";
import * as win32 from "node:path/win32";

/** What may say where the server is, and what of it may be believed. */
export interface Places {
  /** The setting `tenuto.path`; empty where it is not set. */
  readonly setting: string;
  /** The interpreter that is selected in the Python extension. */
  readonly python: string | undefined;
  /** The folders of the workspace. */
  readonly folders: readonly string[];
  /** Whether the user trusts the workspace. Where not, nothing that it brings is run. */
  readonly trusted: boolean;
  /** The variable PATH. */
  readonly path: string;
  readonly home: string;
  readonly windows: boolean;
  readonly isFile: (path: string) => boolean;
}

export type Origin = "setting" | "python" | "workspace" | "path";

export type Search =
  | { readonly kind: "found"; readonly command: string; readonly origin: Origin }
  | { readonly kind: "wrong-setting"; readonly setting: string }
  | { readonly kind: "missing" };

/** The server to run: what the setting says, else the first that is found. A setting that leads nowhere is a mistake. */
export function findServer(places: Places): Search {
  if (places.setting.trim() !== "") {
    const command = setCommand(places, places.setting.trim());
    return command === undefined
      ? { kind: "wrong-setting", setting: places.setting.trim() }
      : { kind: "found", command, origin: "setting" };
  }
  const candidates: readonly [Origin, string | undefined][] = [
    ["python", places.trusted ? besidePython(places) : undefined],
    ["workspace", places.trusted ? inWorkspace(places) : undefined],
    ["path", onPath(places, "tenuto")],
  ];
  for (const [origin, command] of candidates) {
    if (command !== undefined) {
      return { kind: "found", command, origin };
    }
  }
  return { kind: "missing" };
}

/** The interpreter of the workspace's own environment, if there is one. */
export function workspacePython(places: Places): string | undefined {
  const { join } = pathsOf(places);
  const parts = places.windows ? ["Scripts", "python.exe"] : ["bin", "python"];
  return places.folders.map((folder) => join(folder, ".venv", ...parts)).find(places.isFile);
}

function setCommand(places: Places, setting: string): string | undefined {
  const { join, isAbsolute } = pathsOf(places);
  const [folder] = places.folders;
  let path = setting;
  if (folder !== undefined) {
    path = path.replaceAll("${workspaceFolder}", folder);
  }
  if (path === "~" || path.startsWith("~/") || path.startsWith("~\\")) {
    path = places.home + path.slice(1);
  }
  if (!/[/\\]/.test(path)) {
    return onPath(places, path);
  }
  if (!isAbsolute(path)) {
    if (folder === undefined || !places.trusted) {
      return undefined;
    }
    path = join(folder, path);
  }
  return executable(places, path);
}

function besidePython(places: Places): string | undefined {
  const { dirname, isAbsolute, join } = pathsOf(places);
  if (places.python === undefined || !isAbsolute(places.python)) {
    return undefined;
  }
  const folder = dirname(places.python);
  // On Windows an interpreter stands above its scripts, that of a virtual environment among them.
  const folders = places.windows ? [folder, join(folder, "Scripts")] : [folder];
  return first(folders, (beside) => executable(places, join(beside, "tenuto")));
}

function inWorkspace(places: Places): string | undefined {
  const { join } = pathsOf(places);
  const scripts = places.windows ? "Scripts" : "bin";
  return first(places.folders, (folder) => executable(places, join(folder, ".venv", scripts, "tenuto")));
}

/** A relative entry of PATH would lead into the workspace, and is left out, as the empty one is. */
function onPath(places: Places, name: string): string | undefined {
  const { delimiter, isAbsolute, join } = pathsOf(places);
  const folders = places.path.split(delimiter).filter(isAbsolute);
  return first(folders, (folder) => executable(places, join(folder, name)));
}

function executable(places: Places, path: string): string | undefined {
  const names = places.windows && !/\.exe$/i.test(path) ? [`${path}.exe`] : [path];
  return names.find(places.isFile);
}

function first<T>(items: readonly T[], found: (item: T) => string | undefined): string | undefined {
  for (const item of items) {
    const result = found(item);
    if (result !== undefined) {
      return result;
    }
  }
  return undefined;
}

function pathsOf(places: Places): typeof posix {
  return places.windows ? win32 : posix;
}
