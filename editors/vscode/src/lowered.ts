// What a definition becomes, as the server writes it, in a document that nobody can change; its lines lead to the source.

import * as vscode from "vscode";
import { lineLinks, type Lowered } from "./lines";
import type { Session } from "./session";

const SCHEME = "tenuto-lowered";
const NOTHING: Lowered = { text: "There is no definition here, or no server.", origins: [] };

/** The forms that the server knows, and how the names of their documents end. */
const ENDINGS = { onnx: ".onnx.txt", mlir: ".mlir" };
type Form = keyof typeof ENDINGS;

interface Query {
  source: string;
  line: number;
  character: number;
  form: Form;
}

/** Answers for the documents that `showLowered` opens: the query says of which file, place and form. */
export function loweredTexts(session: Session): vscode.Disposable {
  const shown = new Map<string, Lowered>();
  const texts = vscode.workspace.registerTextDocumentContentProvider(SCHEME, {
    provideTextDocumentContent: async (uri) => {
      const { source, line, character, form } = JSON.parse(uri.query) as Query;
      const found = await session.ask<Lowered | null>("tenuto.showLowered", source, { line, character }, form);
      shown.set(uri.toString(), found ?? NOTHING);
      return (found ?? NOTHING).text;
    },
  });
  const links = vscode.languages.registerDocumentLinkProvider(
    { scheme: SCHEME },
    {
      provideDocumentLinks: (document) =>
        lineLinks(shown.get(document.uri.toString()) ?? NOTHING).map(
          ({ line, start, end, uri, fragment }) =>
            new vscode.DocumentLink(
              new vscode.Range(line, start, line, end),
              vscode.Uri.parse(uri).with({ fragment }),
            ),
        ),
    },
  );
  const closed = vscode.workspace.onDidCloseTextDocument((document) => shown.delete(document.uri.toString()));
  return vscode.Disposable.from(texts, links, closed);
}

/** Shows beside the source what the definition at the cursor becomes. */
export async function showLowered(form: Form): Promise<void> {
  const editor = vscode.window.activeTextEditor;
  if (editor?.document.languageId !== "tenuto") {
    return;
  }
  const { line, character } = editor.selection.active;
  const query = JSON.stringify({ source: editor.document.uri.toString(), line, character, form });
  const name = editor.document.uri.path.split("/").at(-1)?.replace(/\.ten$/, "") ?? "definition";
  const document = await vscode.workspace.openTextDocument(
    vscode.Uri.from({ scheme: SCHEME, path: `/${name}${ENDINGS[form]}`, query }),
  );
  await vscode.window.showTextDocument(document, { viewColumn: vscode.ViewColumn.Beside, preserveFocus: true });
}
