// What runs in a terminal: checking the workspace, and building and running deploys.

import * as vscode from "vscode";
import { deploysIn } from "./deploys";
import type { Session } from "./session";

const TYPE = "tenuto";

interface Definition extends vscode.TaskDefinition {
  readonly command: string;
  readonly arguments?: readonly string[];
}

/** Offers the check of each folder as a task, and completes those that tasks.json names. */
export function taskProvider(session: Session): vscode.Disposable {
  return vscode.tasks.registerTaskProvider(TYPE, {
    provideTasks: () =>
      (vscode.workspace.workspaceFolders ?? []).flatMap(
        (folder) =>
          task(session, folder, { type: TYPE, command: "check", arguments: ["--format", "concise", "."] }) ?? [],
      ),
    resolveTask: (given) => {
      const folder = typeof given.scope === "object" ? given.scope : vscode.workspace.workspaceFolders?.[0];
      return folder && task(session, folder, given.definition as Definition);
    },
  });
}

/** Builds or runs a deploy of the file in the active editor; asks which, where it is not said and there are several. */
export async function runDeploy(session: Session, command: "build" | "run", target: Target | undefined): Promise<void> {
  const chosen = target ?? (await chooseDeploy());
  if (chosen === undefined) {
    return;
  }
  const document = await vscode.workspace.openTextDocument(chosen.uri);
  if (document.isDirty && !(await document.save())) {
    return;
  }
  const folder = vscode.workspace.getWorkspaceFolder(chosen.uri);
  const definition = { type: TYPE, command, arguments: [`${chosen.uri.fsPath}:${chosen.deploy}`] };
  const made = task(session, folder, definition);
  if (made === undefined) {
    void vscode.window.showWarningMessage("Tenuto is not installed, so there is nothing to run the deploy with.");
    return;
  }
  await vscode.tasks.executeTask(made);
}

export interface Target {
  readonly uri: vscode.Uri;
  readonly deploy: string;
}

/** A deploy of the file in the active editor: the only one, that at the cursor, or the one that is picked. */
export async function chooseDeploy(): Promise<Target | undefined> {
  const editor = vscode.window.activeTextEditor;
  if (editor?.document.languageId !== "tenuto") {
    void vscode.window.showInformationMessage("Open the file whose deploy you mean.");
    return undefined;
  }
  const uri = editor.document.uri;
  const deploys = deploysIn(editor.document.getText());
  const [only] = deploys;
  if (only === undefined) {
    void vscode.window.showInformationMessage("This file has no deploy.");
    return undefined;
  }
  const cursor = editor.selection.active.line;
  const here = deploys.find((deploy) => deploy.line === cursor);
  if (deploys.length === 1 || here !== undefined) {
    return { uri, deploy: (here ?? only).name };
  }
  const picked = await vscode.window.showQuickPick(
    deploys.map((deploy) => ({ label: deploy.name, description: `line ${deploy.line + 1}` })),
    { placeHolder: "Which deploy?" },
  );
  return picked && { uri, deploy: picked.label };
}

function task(
  session: Session,
  folder: vscode.WorkspaceFolder | undefined,
  definition: Definition,
): vscode.Task | undefined {
  const server = session.command;
  // What a workspace's tasks.json asks for, VS Code runs only after the workspace is trusted.
  if (server === undefined || !vscode.workspace.isTrusted) {
    return undefined;
  }
  const parameters = [definition.command, ...(definition.arguments ?? [])];
  const options = folder === undefined ? {} : { cwd: folder.uri.fsPath };
  const made = new vscode.Task(
    definition,
    folder ?? vscode.TaskScope.Workspace,
    definition.command,
    "tenuto",
    new vscode.ProcessExecution(server, parameters, options),
    definition.command === "check" ? ["$tenuto"] : [],
  );
  made.presentationOptions = { clear: true };
  return made;
}
