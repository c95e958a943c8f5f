// Runs inside the editor, beside the extension, and asks the editor itself: what the tour cannot see.

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import * as vscode from "vscode";

const PATIENCE = 120_000;

/** Waits until something holds, and gives what it is. */
async function until<T>(what: string, found: () => T | undefined | false | Thenable<T | undefined | false>): Promise<T> {
  const end = Date.now() + PATIENCE;
  for (;;) {
    const result = await found();
    if (result !== undefined && result !== false) {
      return result;
    }
    assert.ok(Date.now() < end, `never so: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

function findings(uri: vscode.Uri, owner: string): vscode.Diagnostic[] {
  return vscode.languages.getDiagnostics(uri).filter((found) => found.source === owner);
}

function codeOf(diagnostic: vscode.Diagnostic): string {
  return String(typeof diagnostic.code === "object" ? diagnostic.code.value : diagnostic.code);
}

/** Runs a task to its end and gives its exit code. */
async function ended(task: vscode.Task): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const subscription = vscode.tasks.onDidEndTaskProcess((event) => {
      if (event.execution.task.name === task.name) {
        subscription.dispose();
        resolve(event.exitCode);
      }
    });
    vscode.tasks.executeTask(task).then(undefined, reject);
  });
}

const TESTS: Record<string, (folder: vscode.WorkspaceFolder, uri: vscode.Uri) => Promise<void>> = {
  "a finding's rule leads to its page": async (_, uri) => {
    const found = await until("two findings", () => {
      const all = findings(uri, "tenuto");
      return all.length === 2 && all;
    });
    const [first] = found;
    assert.ok(first !== undefined && typeof first.code === "object");
    assert.equal(codeOf(first), "shape-mismatch");
    const page = await vscode.workspace.openTextDocument(vscode.Uri.parse("tenuto-rule:/shape-mismatch.md"));
    assert.match(page.getText(), /^# shape-mismatch\n/);
    assert.equal(first.code.target.scheme, "command");
  },

  "every command of the manifest is there": async () => {
    const extension = vscode.extensions.getExtension("tenuto.tenuto");
    assert.ok(extension?.isActive);
    const { commands } = (extension.packageJSON as { contributes: { commands: { command: string }[] } }).contributes;
    const known = new Set(await vscode.commands.getCommands(true));
    assert.deepEqual(commands.filter(({ command }) => !known.has(command)), []);
  },

  "a task checks the folder, and its findings are listed": async (folder) => {
    const tasks = await vscode.tasks.fetchTasks({ type: "tenuto" });
    const [task] = tasks;
    assert.ok(task !== undefined);
    assert.equal(await ended(task), 1);
    const closed = vscode.Uri.joinPath(folder.uri, "closed.ten");
    const listed = await until("a finding of a file that is not open", () => {
      const [found] = vscode.languages.getDiagnostics(closed);
      return found;
    });
    assert.equal(codeOf(listed), "unknown-name");
    assert.deepEqual([listed.range.start.line, listed.range.start.character], [0, 38]);
  },

  "a server that is started again finds the same": async (_, uri) => {
    const before = findings(uri, "tenuto").map(codeOf);
    await vscode.commands.executeCommand("tenuto.restart");
    await until("the same findings", () => findings(uri, "tenuto").map(codeOf).join() === before.join());
  },

  "a setting that names no command ends the server, and a good one starts it": async (_, uri) => {
    const settings = vscode.workspace.getConfiguration("tenuto");
    const right = settings.get<string>("path");
    await settings.update("path", "/no/such/tenuto", vscode.ConfigurationTarget.Global);
    await until("no findings", () => findings(uri, "tenuto").length === 0);
    await settings.update("path", right, vscode.ConfigurationTarget.Global);
    await until("two findings", () => findings(uri, "tenuto").length === 2);
  },

  "a doc comment goes on in the next line, and what opens is closed": async () => {
    const document = await vscode.workspace.openTextDocument({ language: "tenuto", content: "## What it does." });
    const editor = await vscode.window.showTextDocument(document);
    editor.selection = new vscode.Selection(0, 16, 0, 16);
    for (const text of ["\n", "It ends", "\n"]) {
      await vscode.commands.executeCommand("type", { text });
    }
    assert.equal(document.getText(), "## What it does.\n## It ends\n## ");
    await editor.edit((edit) => edit.replace(new vscode.Range(0, 0, 3, 0), ""));
    for (const text of ["f", "n", " ", "f", "(", ")", " ", "{", "\n", "r"]) {
      await vscode.commands.executeCommand("type", { text });
    }
    assert.equal(document.getText(), "fn f() {\n  r\n}");
    await vscode.commands.executeCommand("workbench.action.revertAndCloseActiveEditor");
  },

  "a deploy is built in the terminal": async (_, uri) => {
    const edit = new vscode.WorkspaceEdit();
    const document = await vscode.workspace.openTextDocument(uri);
    const good = document
      .getText()
      .replace("where S >= 1 {", "where S >= 1, c.width % c.heads == 0 {")
      .replace("sofmax", "softmax");
    edit.replace(uri, new vscode.Range(0, 0, document.lineCount, 0), good);
    assert.ok(await vscode.workspace.applyEdit(edit));
    await until("no findings", () => findings(uri, "tenuto").length === 0);
    await vscode.commands.executeCommand("tenuto.build");
    const made = vscode.Uri.joinPath(vscode.Uri.joinPath(uri, ".."), "block.onnx").fsPath;
    await until("the model", () => existsSync(made));
    assert.ok(!document.isDirty, "a deploy is built from what was saved");
  },
};

export async function run(): Promise<void> {
  const [folder] = vscode.workspace.workspaceFolders ?? [];
  assert.ok(folder !== undefined);
  const uri = vscode.Uri.joinPath(folder.uri, "attention.ten");
  await vscode.window.showTextDocument(await vscode.workspace.openTextDocument(uri));
  for (const [name, test] of Object.entries(TESTS)) {
    const start = Date.now();
    await test(folder, uri);
    console.log(`${((Date.now() - start) / 1000).toFixed(1).padStart(6)} s  ${name}`);
  }
}
