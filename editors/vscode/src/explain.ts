// The pages of rules, as Markdown documents that the installed `tenuto explain` writes.

import { execFile } from "node:child_process";
import { promisify } from "node:util";
import * as vscode from "vscode";
import type { Session } from "./session";

const SCHEME = "tenuto-rule";
const run = promisify(execFile);

/** Answers for the documents `tenuto-rule:/dimension-mismatch.md`. */
export function rulePages(session: Session): vscode.Disposable {
  return vscode.workspace.registerTextDocumentContentProvider(SCHEME, {
    provideTextDocumentContent: (uri) => explained(session, uri.path.slice(1).replace(/\.md$/, "")),
  });
}

/** Where a rule is explained; the editor opens it from the rule's name in a hover and in the list of problems. */
export function explainLink(rule: string): vscode.Uri {
  return vscode.Uri.parse(`command:tenuto.explain?${encodeURIComponent(JSON.stringify([rule]))}`);
}

/** Shows the page of a rule: the one that is given, that of the problem at the cursor, or one that is picked. */
export async function explain(session: Session, given: unknown): Promise<void> {
  if (session.command === undefined) {
    void vscode.window.showWarningMessage("Tenuto is not installed, so its rules are not here either.");
    return;
  }
  const rule = typeof given === "string" ? given : (ruleAtCursor() ?? (await pick(session)));
  if (rule !== undefined) {
    const uri = vscode.Uri.from({ scheme: SCHEME, path: `/${rule}.md` });
    await vscode.commands.executeCommand("markdown.showPreviewToSide", uri);
  }
}

function ruleAtCursor(): string | undefined {
  const editor = vscode.window.activeTextEditor;
  if (editor === undefined) {
    return undefined;
  }
  const here = vscode.languages
    .getDiagnostics(editor.document.uri)
    .find(({ source, range }) => source === "tenuto" && range.contains(editor.selection.active));
  const code = typeof here?.code === "object" ? here.code.value : here?.code;
  return code === undefined ? undefined : String(code);
}

/** Lets the user choose among the rules; a line of the list is a rule and what it is about. */
async function pick(session: Session): Promise<string | undefined> {
  const lines = (await explained(session)).split("\n");
  const items = lines.flatMap((line) => {
    const found = /^([a-z][a-z-]*)(?:\s+(.*))?$/.exec(line);
    return found === null ? [] : [{ label: found[1] ?? "", description: found[2] ?? "" }];
  });
  const picked = await vscode.window.showQuickPick(items, { placeHolder: "Which rule?", matchOnDescription: true });
  return picked?.label;
}

async function explained(session: Session, ...rule: string[]): Promise<string> {
  if (session.command === undefined) {
    return "";
  }
  const { stdout } = await run(session.command, ["explain", "--color", "never", ...rule], { timeout: 30_000 });
  return stdout;
}
