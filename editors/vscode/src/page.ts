// The page of a panel: what the server wrote, with a policy that lets only the page's own style and script run.

// The colours follow the editor's theme and not the system's; a node that tells where it comes from can be clicked.
const STYLE = `
  body.vscode-light, body.vscode-high-contrast-light { color-scheme: light; }
  body.vscode-dark, body.vscode-high-contrast:not(.vscode-high-contrast-light) { color-scheme: dark; }
  body { padding: 0; margin: 1rem; }
  [data-file] { cursor: pointer; }
  [data-file]:hover rect { stroke-width: 2.5px; }
`;

const SCRIPT = `
  const editor = acquireVsCodeApi();
  document.addEventListener("click", event => {
    const node = event.target.closest("[data-file]");
    if (node) {
      const { file, start, end } = node.dataset;
      editor.postMessage({ file, start: Number(start), end: Number(end) });
    }
  });
`;

/** The page with a content policy; `nonce` is new for each page. What is drawn is escaped, so only ours carry it. */
export function guarded(html: string, nonce: string): string {
  const policy = `default-src 'none'; style-src 'nonce-${nonce}'; script-src 'nonce-${nonce}'; base-uri 'none'; form-action 'none'`;
  const meta = `<meta http-equiv="Content-Security-Policy" content="${policy}">`;
  return html
    .replace("<head>", `<head>${meta}`)
    .replace("</head>", `<style>${STYLE}</style></head>`)
    .replace("</body>", `<script>${SCRIPT}</script></body>`)
    .replaceAll("<style>", `<style nonce="${nonce}">`)
    .replaceAll("<script>", `<script nonce="${nonce}">`);
}

/** A place in a text as editors count it: the server counts characters, an editor the halves of the rare ones twice. */
export function editorOffset(text: string, characters: number): number {
  let offset = 0;
  for (const character of text) {
    if (characters-- <= 0) {
      break;
    }
    offset += character.length;
  }
  return offset;
}
