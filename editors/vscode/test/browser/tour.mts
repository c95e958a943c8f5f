// The tour: one file with a mistake, from the first squiggle to the graph. Each step says what it saw.
// Called as `node tour.mts BASE FOLDER PICTURES CHROMIUM`.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { browser, Studio } from "./studio.mts";

const [base = "", folder = "", pictures = "", chromium = ""] = process.argv.slice(2);
const file = join(folder, "attention.ten");
const start = Date.now();

function saw(what: string): void {
  console.log(`${((Date.now() - start) / 1000).toFixed(1).padStart(6)} s  ${what}`);
}

const { page, refused, close } = await browser(chromium);
const studio = new Studio(page, pictures);
studio.text = () => Promise.resolve(readFileSync(file, "utf8"));
page.on("pageerror", (error) => saw(`an error in the page: ${String(error).slice(0, 200)}`));
try {
  await studio.open(base, folder, "attention.ten");
  saw("the text");
  await studio.until("a squiggle", async () => (await studio.squiggles.count()) > 0);
  saw("a squiggle");
  const hover = await studio.hover("let q =", "rearrange", "c.width % c.heads");
  saw(`a hover: ${hover.replace(/\s+/g, " ")}`);
  await studio.picture("hover");
} catch (error) {
  await studio.picture("failure");
  throw error;
} finally {
  await close();
  saw(`asked for and refused: ${[...refused].join(", ") || "nothing"}`);
}
