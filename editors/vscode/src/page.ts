// The page of a panel: what the server wrote, with a policy that lets only the page's own style and script run.

// A node that tells where it comes from can be clicked.
const STYLE = `
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

/**
 * The page with a content policy; `nonce` is new for each page. What is drawn is escaped, so only ours carry it.
 * The colours are those of the editor's theme, whatever the system prefers.
 */
export function guarded(html: string, nonce: string, dark: boolean): string {
  const policy = `default-src 'none'; style-src 'nonce-${nonce}'; script-src 'nonce-${nonce}'; base-uri 'none'; form-action 'none'`;
  const meta = `<meta http-equiv="Content-Security-Policy" content="${policy}">`;
  return html
    .replace("<head>", `<head>${meta}`)
    .replaceAll("@media (prefers-color-scheme: dark)", dark ? "@media all" : "@media not all")
    .replace("color-scheme: light dark;", `color-scheme: ${dark ? "dark" : "light"};`)
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
