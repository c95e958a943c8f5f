// Wires the parts together: the server, its state, and the commands that the manifest names.

import * as vscode from "vscode";
import type { Middleware } from "vscode-languageclient/node";
import { explain, explainLink, rulePages } from "./explain";
import { Graphs } from "./graph";
import { install, offerWhenMissing } from "./install";
import { loweredTexts, showLowered } from "./lowered";
import { Session } from "./session";
import { statusItem } from "./status";
import { chooseDeploy, runDeploy, type Target, taskProvider } from "./tasks";

let session: Session | undefined;

export async function activate(context: vscode.ExtensionContext): Promise<void> {
  const output = vscode.window.createOutputChannel("Tenuto", { log: true });
  const opened = new Session(output, {
    provideDiagnostics: withLinks,
    // What the server offers above a deploy is shown here; every other command is the server's own.
    executeCommand: async (name, given, next) => {
      const [uri, deploy] = given as unknown[];
      if (name === "tenuto.showGraph" && typeof uri === "string" && typeof deploy === "string") {
        await graphs.show({ uri: vscode.Uri.parse(uri), deploy });
        return undefined;
      }
      return next(name, given) as unknown;
    },
  });
  session = opened;
  const graphs = new Graphs(opened, context.extensionUri);
  const command = (name: string, action: (...given: unknown[]) => unknown): vscode.Disposable =>
    vscode.commands.registerCommand(name, action);
  context.subscriptions.push(
    output,
    opened,
    graphs,
    statusItem(opened),
    offerWhenMissing(opened),
    taskProvider(opened),
    rulePages(opened),
    loweredTexts(opened),
    command("tenuto.restart", () => opened.restart()),
    command("tenuto.showOutput", () => output.show()),
    command("tenuto.install", () => install(opened)),
    command("tenuto.explain", (rule) => explain(opened, rule)),
    command("tenuto.build", (uri, deploy) => runDeploy(opened, "build", named(uri, deploy))),
    command("tenuto.run", (uri, deploy) => runDeploy(opened, "run", named(uri, deploy))),
    command("tenuto.openLowered", () => showLowered("onnx")),
    command("tenuto.openMlir", () => showLowered("mlir")),
    command("tenuto.openGraph", async () => {
      const target = await chooseDeploy();
      if (target !== undefined) {
        await graphs.show(target);
      }
    }),
  );
  await opened.open();
}

export async function deactivate(): Promise<void> {
  await session?.close();
}

/** The deploy that a command was given: above it in the editor, where no other was meant. */
function named(uri: unknown, deploy: unknown): Target | undefined {
  return typeof uri === "string" && typeof deploy === "string" ? { uri: vscode.Uri.parse(uri), deploy } : undefined;
}

/** A rule's name in a hover or in the list of problems leads to its page. */
const withLinks: NonNullable<Middleware["provideDiagnostics"]> = async (document, previousResultId, token, next) => {
  const report = await next(document, previousResultId, token);
  if (report?.kind === "full") {
    for (const diagnostic of report.items) {
      if (typeof diagnostic.code === "string") {
        diagnostic.code = { value: diagnostic.code, target: explainLink(diagnostic.code) };
      }
    }
  }
  return report;
};
