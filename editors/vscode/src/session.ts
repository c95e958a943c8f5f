// The server while the editor runs: found, started, watched, started again.

import { homedir } from "node:os";
import { statSync } from "node:fs";
import * as vscode from "vscode";
import {
  LanguageClient,
  type Middleware,
  RevealOutputChannelOn,
  State,
  type StaticFeature,
  TransportKind,
} from "vscode-languageclient/node";
import { onPythonSelected, selectedPython } from "./python";
import { findServer, type Places, type Search } from "./server";

export type Found = Extract<Search, { kind: "found" }>;

/** What the status item tells. */
export type Condition =
  | { readonly kind: "starting"; readonly found: Found }
  | { readonly kind: "ready"; readonly found: Found; readonly version: string }
  | { readonly kind: "failed"; readonly found: Found; readonly reason: string }
  | { readonly kind: "stopped" }
  | Exclude<Search, { kind: "found" }>;

/** Tells the server which of the commands that it may offer run here. */
const ownCommands: StaticFeature = {
  fillClientCapabilities: (capabilities) => {
    capabilities.experimental = { commands: ["tenuto.build", "tenuto.run"] };
  },
  initialize: () => undefined,
  getState: () => ({ kind: "static" }),
  clear: () => undefined,
};

export class Session implements vscode.Disposable {
  condition: Condition = { kind: "stopped" };
  private client: LanguageClient | undefined;
  private work: Promise<void> = Promise.resolve();
  private readonly changed = new vscode.EventEmitter<Condition>();
  private readonly disposables: vscode.Disposable[] = [this.changed];
  readonly onDidChange = this.changed.event;

  constructor(
    private readonly output: vscode.LogOutputChannel,
    private readonly middleware: Middleware,
  ) {}

  /** Starts the server, and again whenever another one is to be used. */
  async open(): Promise<void> {
    this.disposables.push(
      vscode.workspace.onDidGrantWorkspaceTrust(() => this.follow()),
      vscode.workspace.onDidChangeWorkspaceFolders(() => this.follow()),
      vscode.workspace.onDidChangeConfiguration((event) => {
        if (event.affectsConfiguration("tenuto.path")) {
          this.follow();
        }
      }),
    );
    await this.restart();
    if (vscode.workspace.isTrusted) {
      const selection = await onPythonSelected(() => this.follow());
      if (selection !== undefined) {
        this.disposables.push(selection);
      }
    }
  }

  restart(): Promise<void> {
    return this.inOrder(async () => {
      await this.leave();
      await this.enter(findServer(await places()));
    });
  }

  /** The answer of the server to a command, or nothing where no server runs. */
  async ask<T>(command: string, ...parameters: unknown[]): Promise<T | undefined> {
    if (this.condition.kind !== "ready") {
      return undefined;
    }
    return this.client?.sendRequest<T>("workspace/executeCommand", { command, arguments: parameters });
  }

  /** The command that was found, for what runs in a terminal. */
  get command(): string | undefined {
    return "found" in this.condition ? this.condition.found.command : undefined;
  }

  async close(): Promise<void> {
    await this.inOrder(() => this.leave());
  }

  dispose(): void {
    vscode.Disposable.from(...this.disposables).dispose();
  }

  /** Starts the server again if it would be another one. */
  private follow(): void {
    void this.inOrder(async () => {
      const search = findServer(await places());
      if (search.kind === "found" && search.command === this.command && this.client?.isRunning() === true) {
        return;
      }
      await this.leave();
      await this.enter(search);
    });
  }

  private async enter(search: Search): Promise<void> {
    if (search.kind !== "found") {
      this.tell(search);
      return;
    }
    this.tell({ kind: "starting", found: search });
    this.output.info(`The server is ${search.command} (${search.origin}).`);
    const client = new LanguageClient(
      "tenuto",
      "Tenuto",
      { command: search.command, args: ["lsp"], transport: TransportKind.stdio },
      {
        documentSelector: [{ scheme: "file", language: "tenuto" }, { scheme: "untitled", language: "tenuto" }],
        synchronize: { configurationSection: "tenuto" },
        outputChannel: this.output,
        traceOutputChannel: this.output,
        revealOutputChannelOn: RevealOutputChannelOn.Never,
        middleware: this.middleware,
        initializationFailedHandler: () => false,
      },
    );
    client.registerFeature(ownCommands);
    this.client = client;
    client.onDidChangeState(({ newState }) => {
      if (client !== this.client) {
        return;
      }
      if (newState === State.Running) {
        this.tell({ kind: "ready", found: search, version: client.initializeResult?.serverInfo?.version ?? "" });
      } else if (newState === State.Starting) {
        this.tell({ kind: "starting", found: search });
      } else if (this.condition.kind === "ready") {
        this.tell({ kind: "failed", found: search, reason: "the server ended" });
      }
    });
    try {
      await client.start();
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.output.error(reason);
      this.tell({ kind: "failed", found: search, reason });
    }
  }

  private async leave(): Promise<void> {
    const client = this.client;
    this.client = undefined;
    if (client === undefined) {
      return;
    }
    this.tell({ kind: "stopped" });
    try {
      await client.dispose();
    } catch (error) {
      // A server that did not start or already ended cannot be asked to end.
      this.output.debug(String(error));
    }
  }

  /** One start or stop at a time, in the order in which they were asked for. */
  private inOrder(action: () => Promise<void>): Promise<void> {
    this.work = this.work.then(action, action);
    return this.work;
  }

  private tell(condition: Condition): void {
    this.condition = condition;
    this.changed.fire(condition);
  }
}

/** What is known now of where the server may be. */
export async function places(): Promise<Places> {
  const trusted = vscode.workspace.isTrusted;
  return {
    setting: vscode.workspace.getConfiguration("tenuto").get("path", ""),
    python: trusted ? await selectedPython() : undefined,
    folders: (vscode.workspace.workspaceFolders ?? [])
      .filter((folder) => folder.uri.scheme === "file")
      .map((folder) => folder.uri.fsPath),
    trusted,
    path: process.env["PATH"] ?? "",
    home: homedir(),
    windows: process.platform === "win32",
    isFile: (path) => statSync(path, { throwIfNoEntry: false })?.isFile() === true,
  };
}
