// The item among the language's states: what the server does, and what can be done about it.

import * as vscode from "vscode";
import type { Condition, Session } from "./session";

const ORIGINS = {
  setting: "from the setting tenuto.path",
  python: "from the selected Python environment",
  workspace: "from the workspace's .venv",
  path: "from PATH",
} as const;

export function statusItem(session: Session): vscode.Disposable {
  const item = vscode.languages.createLanguageStatusItem("tenuto.server", [
    { language: "tenuto" },
    { scheme: "file", pattern: "**/tenuto.toml" },
  ]);
  item.name = "Tenuto";
  const show = (condition: Condition): void => {
    const { text, detail, severity } = words(condition);
    item.text = text;
    item.detail = detail;
    item.severity = severity;
    item.busy = condition.kind === "starting";
    item.command =
      condition.kind === "missing"
        ? { command: "tenuto.install", title: "Install" }
        : condition.kind === "wrong-setting"
          ? { command: "workbench.action.openSettings", title: "Settings", arguments: ["tenuto.path"] }
          : condition.kind === "failed"
            ? { command: "tenuto.showOutput", title: "Output" }
            : { command: "tenuto.restart", title: "Restart" };
  };
  show(session.condition);
  return vscode.Disposable.from(item, session.onDidChange(show));
}

interface Words {
  readonly text: string;
  readonly detail: string;
  readonly severity: vscode.LanguageStatusSeverity;
}

function words(condition: Condition): Words {
  const { Error, Information, Warning } = vscode.LanguageStatusSeverity;
  switch (condition.kind) {
    case "starting":
      return { text: "Tenuto starts", detail: condition.found.command, severity: Information };
    case "ready":
      return {
        text: `Tenuto ${condition.version}`.trim(),
        detail: ORIGINS[condition.found.origin],
        severity: Information,
      };
    case "failed":
      return { text: "Tenuto does not run", detail: condition.reason, severity: Error };
    case "missing":
      return { text: "Tenuto is not installed", detail: "", severity: Error };
    case "wrong-setting":
      return { text: "Tenuto is not there", detail: `tenuto.path is ${condition.setting}`, severity: Error };
    case "stopped":
      return { text: "Tenuto is stopped", detail: "", severity: Warning };
  }
}
