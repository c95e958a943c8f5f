// Which deploys a text declares. A declaration begins a line, as the formatter puts it.

export interface Deploy {
  readonly name: string;
  readonly line: number;
}

export function deploysIn(text: string): readonly Deploy[] {
  return text.split(/\r\n|\r|\n/).flatMap((content, line) => {
    const name = /^deploy\s+([A-Za-z_]\w*)/.exec(content)?.[1];
    return name === undefined ? [] : [{ name, line }];
  });
}
