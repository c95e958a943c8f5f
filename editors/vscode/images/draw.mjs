// Draws icon.png from icon.svg, in the size that the marketplace wants: `npm run icon`.

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu"] });
const page = await browser.newPage({ viewport: { width: 128, height: 128 } });
await page.setContent(`<style>body { margin: 0 }</style>${readFileSync(here("icon.svg"), "utf8")}`);
await page.screenshot({ path: here("icon.png"), omitBackground: true });
await browser.close();
