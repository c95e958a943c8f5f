// The panels with graphs. The server draws; here the page gets its policy, and a click leads to the source.

import { randomBytes } from "node:crypto";
import * as vscode from "vscode";
import { editorOffset, guarded } from "./page";
import type { Session } from "./session";
import type { Target } from "./tasks";

/** What a click in the page tells: the characters of a file that a node comes from. */
interface Click {
  readonly file: string;
  readonly start: number;
  readonly end: number;
}

export class Graphs implements vscode.Disposable {
  private readonly panels = new Map<string, { readonly panel: vscode.WebviewPanel; readonly target: Target }>();
  private readonly changed: vscode.Disposable;

  private readonly icon: { readonly light: vscode.Uri; readonly dark: vscode.Uri };

  constructor(
    private readonly session: Session,
    extension: vscode.Uri,
  ) {
    const file = (name: string): vscode.Uri => vscode.Uri.joinPath(extension, "images", name);
    this.icon = { light: file("file-light.svg"), dark: file("file-dark.svg") };
    this.changed = vscode.Disposable.from(
      vscode.workspace.onDidSaveTextDocument(({ uri }) => this.redraw((target) => target.uri.toString() === uri.toString())),
      vscode.window.onDidChangeActiveColorTheme(() => this.redraw(() => true)),
    );
  }

  /** Shows the graph of a deploy beside the source, in its own panel. */
  async show(target: Target): Promise<void> {
    const html = await this.draw(target);
    if (html === undefined) {
      return;
    }
    const key = keyOf(target);
    let panel = this.panels.get(key)?.panel;
    if (panel === undefined) {
      panel = this.open(target);
      this.panels.set(key, { panel, target });
      panel.onDidDispose(() => this.panels.delete(key));
    } else {
      panel.reveal(undefined, true);
    }
    panel.webview.html = page(html);
  }

  dispose(): void {
    this.changed.dispose();
    for (const { panel } of [...this.panels.values()]) {
      panel.dispose();
    }
  }

  private open(target: Target): vscode.WebviewPanel {
    const where = { viewColumn: vscode.ViewColumn.Beside, preserveFocus: true };
    const panel = vscode.window.createWebviewPanel("tenuto.graph", target.deploy, where, {
      enableScripts: true,
      enableFindWidget: true,
      localResourceRoots: [],
    });
    panel.iconPath = this.icon;
    panel.webview.onDidReceiveMessage((message: unknown) => {
      if (isClick(message)) {
        void reveal(message);
      }
    });
    return panel;
  }

  /** Draws panels anew; one whose deploy cannot be drawn now keeps the last picture. */
  private async redraw(wanted: (target: Target) => boolean): Promise<void> {
    for (const { panel, target } of [...this.panels.values()].filter((shown) => wanted(shown.target))) {
      try {
        const html = await this.session.ask<string | null>("tenuto.showGraph", target.uri.toString(), target.deploy);
        if (typeof html === "string") {
          panel.webview.html = page(html);
        }
      } catch {
        // The finding that stands in the way is told in the editor.
      }
    }
  }

  private async draw({ uri, deploy }: Target): Promise<string | undefined> {
    try {
      const html = await this.session.ask<string | null>("tenuto.showGraph", uri.toString(), deploy);
      if (typeof html === "string") {
        return html;
      }
      void vscode.window.showWarningMessage("The server does not run, so there is no graph to show.");
    } catch (error) {
      void vscode.window.showErrorMessage(error instanceof Error ? error.message : String(error));
    }
    return undefined;
  }
}

/** Selects the source of a node, beside the panel. */
async function reveal({ file, start, end }: Click): Promise<void> {
  const document = await vscode.workspace.openTextDocument(vscode.Uri.file(file));
  const text = document.getText();
  const range = new vscode.Range(
    document.positionAt(editorOffset(text, start)),
    document.positionAt(editorOffset(text, end)),
  );
  const shown = vscode.window.visibleTextEditors.find((editor) => editor.document === document);
  const viewColumn = shown?.viewColumn ?? vscode.ViewColumn.One;
  await vscode.window.showTextDocument(document, { selection: range, viewColumn, preserveFocus: true });
}

function page(html: string): string {
  const { Dark, HighContrast } = vscode.ColorThemeKind;
  const dark = [Dark, HighContrast].includes(vscode.window.activeColorTheme.kind);
  return guarded(html, randomBytes(16).toString("base64url"), dark);
}

function keyOf({ uri, deploy }: Target): string {
  return `${deploy} ${uri.toString()}`;
}

function isClick(message: unknown): message is Click {
  const { file, start, end } = (message ?? {}) as Partial<Click>;
  return typeof file === "string" && typeof start === "number" && typeof end === "number";
}
