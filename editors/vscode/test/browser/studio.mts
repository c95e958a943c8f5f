// A VS Code in a browser, driven as a person would. The machine may be slow and keys may be lost while the focus moves:
// everything is looked for until it is there, and what did not help is done again.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type BrowserContext, chromium, type Locator, type Page } from "playwright-core";

/** How long anything may take. A busy machine is slow, which is no mistake. */
export const PATIENCE = 120_000;

const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export interface Browser {
  readonly page: Page;
  /** Hosts that something asked for. They are refused: the editor has to do without. */
  readonly refused: Set<string>;
  close(): Promise<void>;
}

export async function browser(executablePath: string): Promise<Browser> {
  const profile = mkdtempSync(join(tmpdir(), "tenuto-chromium-"));
  const context: BrowserContext = await chromium.launchPersistentContext(profile, {
    executablePath,
    headless: true,
    viewport: { width: 1280, height: 800 },
    args: FLAGS,
  });
  const refused = new Set<string>();
  await context.route(
    (url) => url.protocol.startsWith("http") && !isHere(url.hostname),
    (route) => {
      refused.add(new URL(route.request().url()).hostname);
      return route.abort();
    },
  );
  context.setDefaultTimeout(PATIENCE);
  return {
    page: context.pages()[0] ?? (await context.newPage()),
    refused,
    close: async () => {
      await context.close();
      rmSync(profile, { recursive: true, force: true });
    },
  };
}

/** The editor with one folder open. */
export class Studio {
  readonly page: Page;
  private readonly pictures: string;
  readonly onDisk: () => string;

  /** `onDisk` gives what the open file holds on the disk. */
  constructor(page: Page, pictures: string, onDisk: () => string) {
    this.page = page;
    this.pictures = pictures;
    this.onDisk = onDisk;
  }

  async open(base: string, folder: string, file: string): Promise<void> {
    const payload = encodeURIComponent(
      JSON.stringify([["openFile", `vscode-remote://${new URL(base).host}${folder}/${file}`]]),
    );
    await this.page.goto(`${base}/?folder=${folder}&payload=${payload}`, { waitUntil: "domcontentloaded" });
    await this.page.waitForSelector(".monaco-editor .view-lines .view-line", { timeout: PATIENCE });
  }

  /** Waits until something holds, told by what it is called. */
  async until(what: string, holds: () => Promise<boolean>, patience = PATIENCE): Promise<void> {
    const end = Date.now() + patience;
    while (!(await holds().catch(() => false))) {
      if (Date.now() > end) {
        throw new Error(`never so: ${what}`);
      }
      await this.page.waitForTimeout(200);
    }
  }

  /** Does something until what it should bring is there. */
  async insist(what: string, act: () => Promise<void>, there: () => Promise<boolean>): Promise<void> {
    const end = Date.now() + PATIENCE;
    for (let tries = 0; ; tries++) {
      await act();
      try {
        await this.until(what, there, 3000 + 1000 * tries);
        return;
      } catch (error) {
        if (Date.now() > end) {
          throw error;
        }
        await this.page.keyboard.press("Escape");
      }
    }
  }

  async press(...keys: string[]): Promise<void> {
    for (const key of keys) {
      await this.page.keyboard.press(key);
    }
  }

  /** Runs a command by its title, through the palette. */
  async command(title: string): Promise<void> {
    const row = this.page.locator(".quick-input-widget .monaco-list-row", { hasText: title }).first();
    await this.insist(
      `the command ${title}`,
      async () => {
        await this.focusEditor();
        await this.press("F1");
        await this.page.waitForSelector(".quick-input-widget input", { state: "visible", timeout: 5000 }).catch(() => {});
        await this.page.locator(".quick-input-widget input").first().fill(`>${title}`, { timeout: 5000 });
      },
      () => row.isVisible(),
    );
    await row.click();
  }

  async focusEditor(): Promise<void> {
    await this.press("Control+1");
  }

  /** Puts the cursor before the nth occurrence of a text in the saved document, and `skip` characters further. */
  async goTo(text: string, skip = 0, nth = 0): Promise<void> {
    const [line, column] = placeOf(this.onDisk(), text, nth);
    const wanted = `Ln ${line}, Col ${column + skip}`;
    await this.insist(
      wanted,
      async () => {
        await this.focusEditor();
        await this.press("Control+g");
        await this.page.waitForSelector(".quick-input-widget input", { state: "visible", timeout: 3000 }).catch(() => {});
        await this.page.keyboard.type(`${line}:${column + skip}`);
        await this.press("Enter");
      },
      async () => (await this.status()).includes(wanted),
    );
  }

  /** Selects the first occurrence of a text in the saved document. */
  async select(text: string): Promise<void> {
    const wanted = `(${text.length} selected)`;
    await this.insist(
      wanted,
      async () => {
        await this.goTo(text);
        for (let i = 0; i < text.length; i++) {
          await this.press("Shift+ArrowRight");
        }
      },
      async () => (await this.status()).includes(wanted),
    );
  }

  /** Saves until the file on the disk is as it should be. */
  async saved(what: string, holds: (text: string) => boolean): Promise<void> {
    await this.insist(what, () => this.press("Control+s"), async () => holds(this.onDisk()));
  }

  /** The words of the status bar. */
  status(): Promise<string> {
    return this.page.locator(".statusbar").innerText();
  }

  /** A line on the screen, with the hints that stand in it. */
  async line(beginning: string): Promise<string> {
    const lines = await this.page.locator(".monaco-editor .view-line").allInnerTexts();
    const plain = lines.map((line) => line.replaceAll("\u00a0", " ").trim());
    return plain.find((line) => line.startsWith(beginning)) ?? "";
  }

  /** A notification with these words. It soon goes away by itself, but the list of notifications keeps it. */
  async notification(words: string): Promise<Locator> {
    const found = this.page.locator(".notifications-center .notification-list-item", { hasText: words });
    await this.insist(words, () => this.command("Notifications: Show Notifications"), () => found.isVisible());
    return found;
  }

  /** Closes what was opened beside the file. */
  async closeOthers(): Promise<void> {
    await this.command("View: Close Editors in Other Groups");
    await this.until("one group of editors", async () => (await this.page.locator(".editor-group-container").count()) === 1);
  }

  /** The middle of a word that is on the screen, in a line that begins so. */
  async wordAt(lineStart: string, word: string): Promise<{ x: number; y: number }> {
    const found = await this.page.evaluate(
      ([start, wanted]) => {
        for (const line of document.querySelectorAll(".monaco-editor .view-line")) {
          const content = (line.textContent ?? "").replaceAll("\u00a0", " ");
          if (!content.trimStart().startsWith(start ?? "")) {
            continue;
          }
          const walker = document.createTreeWalker(line, NodeFilter.SHOW_TEXT);
          for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
            const at = (node.textContent ?? "").indexOf(wanted ?? "");
            if (at >= 0) {
              const range = document.createRange();
              range.setStart(node, at);
              range.setEnd(node, at + (wanted ?? "").length);
              const { x, y, width, height } = range.getBoundingClientRect();
              return { x: x + width / 2, y: y + height / 2 };
            }
          }
        }
        return null;
      },
      [lineStart, word],
    );
    if (found === null) {
      throw new Error(`not on the screen: ${word} in ${lineStart}`);
    }
    return found;
  }

  /** Hovers over a word until something is shown that holds the given text; returns all that is shown. */
  async hover(lineStart: string, word: string, holds: string): Promise<string> {
    const shown = this.page.locator(".monaco-hover:not(.hidden)", { hasText: holds }).first();
    await this.insist(
      `a hover with ${holds}`,
      async () => {
        await this.page.mouse.move(5, 400);
        const { x, y } = await this.wordAt(lineStart, word);
        await this.page.mouse.move(x - 4, y);
        await this.page.mouse.move(x, y, { steps: 4 });
      },
      () => shown.isVisible(),
    );
    return shown.innerText();
  }

  async picture(name: string): Promise<void> {
    await this.page.waitForTimeout(500);
    await this.page.screenshot({ path: join(this.pictures, `${name}.png`) });
  }

  get squiggles(): Locator {
    return this.page.locator(".squiggly-error");
  }
}

/** Line and column, from 1, of the nth occurrence of a text. */
export function placeOf(document: string, text: string, nth: number): [number, number] {
  let at = document.indexOf(text);
  for (let i = 0; i < nth && at >= 0; i++) {
    at = document.indexOf(text, at + 1);
  }
  if (at < 0) {
    throw new Error(`the document does not hold: ${text}`);
  }
  const before = document.slice(0, at).split("\n");
  return [before.length, (before.at(-1) ?? "").length + 1];
}

function isHere(host: string): boolean {
  return host === "127.0.0.1" || host === "localhost" || host.endsWith(".localhost");
}
