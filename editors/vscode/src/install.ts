// The offer to install Tenuto where no server was found. Nothing runs before the user agrees to the very command.

import * as vscode from "vscode";
import { selectedPython } from "./python";
import { workspacePython } from "./server";
import { type Condition, places, type Session } from "./session";

/** Tells once that the server is missing, or that the setting leads nowhere, and offers what helps. */
export function offerWhenMissing(session: Session): vscode.Disposable {
  let told = "";
  return session.onDidChange(async (condition: Condition) => {
    const what = condition.kind === "wrong-setting" ? condition.setting : condition.kind;
    if ((condition.kind !== "missing" && condition.kind !== "wrong-setting") || what === told) {
      return;
    }
    told = what;
    if (condition.kind === "wrong-setting") {
      const answer = await vscode.window.showErrorMessage(
        `The setting tenuto.path names no command: ${condition.setting}`,
        "Open Settings",
      );
      if (answer !== undefined) {
        await vscode.commands.executeCommand("workbench.action.openSettings", "tenuto.path");
      }
      return;
    }
    if (!vscode.workspace.isTrusted) {
      const answer = await vscode.window.showWarningMessage(
        "Tenuto is not on PATH. A Python environment is looked into once you trust this workspace.",
        "Manage Trust",
      );
      if (answer !== undefined) {
        await vscode.commands.executeCommand("workbench.trust.manage");
      }
      return;
    }
    const answer = await vscode.window.showWarningMessage(
      "Tenuto is not installed: no server was found in the selected Python environment, in .venv or on PATH.",
      "Install",
      "Set the Path",
    );
    if (answer === "Install") {
      await install(session);
    } else if (answer === "Set the Path") {
      await vscode.commands.executeCommand("workbench.action.openSettings", "tenuto.path");
    }
  });
}

/** Asks, then installs into the selected environment or the workspace's own, and starts the server. */
export async function install(session: Session): Promise<void> {
  if (!vscode.workspace.isTrusted) {
    void vscode.window.showWarningMessage("Tenuto is installed only for a workspace that you trust.");
    return;
  }
  const python = (await selectedPython()) ?? workspacePython(await places());
  if (python === undefined) {
    const select = vscode.extensions.getExtension("ms-python.python") === undefined ? undefined : "Select Interpreter";
    const answer = await vscode.window.showWarningMessage(
      "No Python environment is selected. Select one in the Python extension, make a .venv in the workspace, or run `pip install tenuto` yourself.",
      ...(select === undefined ? [] : [select]),
    );
    if (answer !== undefined) {
      await vscode.commands.executeCommand("python.setInterpreter");
    }
    return;
  }
  const parameters = ["-m", "pip", "install", "tenuto"];
  const answer = await vscode.window.showInformationMessage(
    "Install Tenuto?",
    { modal: true, detail: `This runs:\n\n${[python, ...parameters].join(" ")}` },
    "Install",
  );
  if (answer !== "Install") {
    return;
  }
  const task = new vscode.Task(
    { type: "process" },
    vscode.TaskScope.Workspace,
    "install",
    "tenuto",
    new vscode.ProcessExecution(python, parameters),
  );
  const execution = await vscode.tasks.executeTask(task);
  const ended = vscode.tasks.onDidEndTaskProcess(async (event) => {
    if (event.execution === execution) {
      ended.dispose();
      if (event.exitCode === 0) {
        await session.restart();
      }
    }
  });
}
