// The tour: one file with a mistake, from the first squiggle to the graph. Each step says what it saw.
// Called as `node tour.mts BASE FOLDER PICTURES CHROMIUM`.

import { readFileSync, writeFileSync } from "node:fs";
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

  // No quick fix yet.
  const whole = readFileSync(file, "utf8").replace("where S >= 1", "where S >= 1, c.width % c.heads == 0").replace("sofmax", "softmax");
  writeFileSync(file, whole);
  await studio.until("no squiggle", async () => (await studio.squiggles.count()) === 0);
  saw("nothing more to find");

  await studio.command("Tenuto: Show the Graph of a Deploy");
  const graph = page.frameLocator("iframe.webview").frameLocator("iframe");
  await graph.getByText("x + attention").or(graph.getByText("attention")).first().waitFor();
  saw("a graph");
  await studio.picture("graph");
  const policy = await graph.locator("meta[http-equiv=Content-Security-Policy]").getAttribute("content");
  saw(`the policy of its panel: ${policy}`);
  await graph.locator("g.call[data-file]").first().click();
  await studio.until("the source of a node", async () => !(await page.locator(".statusbar").innerText()).includes("Ln 1, Col 1"));
  saw((await page.locator(".statusbar").innerText()).replace(/\s+/g, " "));
  await studio.picture("clicked");
} catch (error) {
  await studio.picture("failure");
  throw error;
} finally {
  await close();
  saw(`asked for and refused: ${[...refused].join(", ") || "nothing"}`);
}
