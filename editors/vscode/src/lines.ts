// The lines of a lowered definition, and where in the source each comes from. No editor is needed to test this.

/** Counted from 0, as editors count. */
export interface Place {
  line: number;
  character: number;
}

/** Where a line of a text comes from. */
export interface Origin {
  line: number;
  uri: string;
  position: Place;
}

/** What the server gives for a definition. */
export interface Lowered {
  text: string;
  origins: Origin[];
}

/** A stretch of a line that leads to a place in another document; a fragment tells the place, counted from 1. */
export interface LineLink {
  line: number;
  start: number;
  end: number;
  uri: string;
  fragment: string;
}

/** The comments at the ends of lines, each as a link to the line of the source that it names. */
export function lineLinks({ text, origins }: Lowered): LineLink[] {
  const lines = text.split("\n");
  const found: LineLink[] = [];
  for (const { line, uri, position } of origins) {
    const written = lines[line] ?? "";
    const comment = /(?:#|\/\/) (\S.*?:\d+:\d+)(?: {2}|$)/.exec(written);
    if (comment?.[1] !== undefined) {
      const start = comment.index + comment[0].indexOf(comment[1]);
      const fragment = `L${position.line + 1},${position.character + 1}`;
      found.push({ line, start, end: start + comment[1].length, uri, fragment });
    }
  }
  return found;
}
