// The Python extension, as far as it is needed: which interpreter is selected. It need not be installed.

import * as vscode from "vscode";

interface PythonApi {
  readonly environments: {
    getActiveEnvironmentPath(resource?: vscode.Uri): { readonly path: string };
    resolveEnvironment(environment: { readonly path: string }): Promise<Environment | undefined>;
    readonly onDidChangeActiveEnvironmentPath: vscode.Event<unknown>;
  };
}

interface Environment {
  readonly executable: { readonly uri?: vscode.Uri };
}

/** The interpreter that the user selected for the workspace. */
export async function selectedPython(): Promise<string | undefined> {
  const api = await pythonApi();
  if (api === undefined) {
    return undefined;
  }
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri;
  const environment = await api.environments.resolveEnvironment(api.environments.getActiveEnvironmentPath(folder));
  return environment?.executable.uri?.fsPath;
}

/** Calls back whenever another interpreter is selected. */
export async function onPythonSelected(callback: () => void): Promise<vscode.Disposable | undefined> {
  return (await pythonApi())?.environments.onDidChangeActiveEnvironmentPath(callback);
}

async function pythonApi(): Promise<PythonApi | undefined> {
  try {
    const api = await vscode.extensions.getExtension<Partial<PythonApi>>("ms-python.python")?.activate();
    return api?.environments === undefined ? undefined : { environments: api.environments };
  } catch {
    // An extension of somebody else that fails to start is no reason for ours to fail.
    return undefined;
  }
}
