// The ONNX of a definition, as the server writes it, in a document that nobody can change.

import * as vscode from "vscode";
import type { Session } from "./session";

const SCHEME = "tenuto-onnx";

/** Answers for the documents that `showLowered` opens: the query says of which file and place. */
export function loweredTexts(session: Session): vscode.Disposable {
  return vscode.workspace.registerTextDocumentContentProvider(SCHEME, {
    provideTextDocumentContent: async (uri) => {
      const { source, line, character } = JSON.parse(uri.query) as { source: string; line: number; character: number };
      const text = await session.ask<string | null>("tenuto.showLowered", source, { line, character });
      return text ?? "# There is no definition here, or no server.";
    },
  });
}

/** Shows beside the source what the definition at the cursor becomes. */
export async function showLowered(): Promise<void> {
  const editor = vscode.window.activeTextEditor;
  if (editor?.document.languageId !== "tenuto") {
    return;
  }
  const { line, character } = editor.selection.active;
  const query = JSON.stringify({ source: editor.document.uri.toString(), line, character });
  const name = editor.document.uri.path.split("/").at(-1)?.replace(/\.ten$/, "") ?? "definition";
  const document = await vscode.workspace.openTextDocument(
    vscode.Uri.from({ scheme: SCHEME, path: `/${name}.onnx.txt`, query }),
  );
  await vscode.window.showTextDocument(document, { viewColumn: vscode.ViewColumn.Beside, preserveFocus: true });
}
