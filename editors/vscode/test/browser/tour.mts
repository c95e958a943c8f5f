// The tour: one file with mistakes, from the first squiggle to the graph. Each step says what it saw.
// Called as `node tour.mts BASE FOLDER PICTURES CHROMIUM`.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { browser, Studio } from "./studio.mts";

const [base = "", folder = "", pictures = "", chromium = ""] = process.argv.slice(2);
const file = join(folder, "attention.ten");
const start = Date.now();

function saw(what: string): void {
  console.log(`${((Date.now() - start) / 1000).toFixed(1).padStart(6)} s  ${what.replace(/\s+/g, " ")}`);
}

const { page, refused, close } = await browser(chromium);
const studio = new Studio(page, pictures, () => readFileSync(file, "utf8"));
page.on("pageerror", (error) => saw(`an error in the page: ${String(error).slice(0, 200)}`));
try {
  await studio.open(base, folder, "attention.ten");
  saw("the text");
  await studio.until("two squiggles", async () => (await studio.squiggles.count()) >= 2);
  saw("squiggles");

  const status = page.locator(".statusbar [id='status.languageStatus']");
  await studio.insist(
    "the server's state",
    async () => {
      await page.mouse.move(5, 400);
      await status.hover();
    },
    () => page.getByText(/^Tenuto \d+\.\d+/).first().isVisible(),
  );
  saw(`the state: ${await page.getByText(/^Tenuto \d+\.\d+/).first().innerText()}`);

  const finding = await studio.hover("let q =", "rearrange", "is not known to be a multiple");
  saw(`a finding: ${finding}`);
  await studio.picture("finding");

  await studio.goTo("rearrange");
  await studio.command("Tenuto: Explain a Rule");
  const explained = page.frameLocator("iframe.webview").first().frameLocator("iframe");
  await explained.getByRole("heading", { name: "shape-mismatch" }).waitFor();
  saw("the page of a rule");
  await studio.closeOthers();

  const mended = studio.onDisk().replace("S >= 1 {", "S >= 1, c.width % c.heads == 0 {").replace("sofmax", "softmax");
  writeFileSync(file, mended);
  await studio.until("no squiggle", async () => (await studio.squiggles.count()) === 0);
  const type = await studio.hover("let scores", "scores", "float[");
  saw(`a hover: ${type}`);
  await studio.picture("hover");

  await studio.goTo("return x +", 3);
  await studio.command("Tenuto: Show the ONNX of the Definition at the Cursor");
  await page.locator(".view-line", { hasText: "tenuto.Attention" }).first().waitFor();
  saw("the ONNX of a definition");
  await studio.closeOthers();

  await studio.command("View: Toggle Primary Side Bar Visibility");
  await studio.command("Tenuto: Show the Graph of a Deploy");
  const graph = page.frameLocator("iframe.webview").frameLocator("iframe");
  await graph.locator("g.call").first().waitFor();
  const policy = (await graph.locator("meta[http-equiv=Content-Security-Policy]").getAttribute("content")) ?? "";
  if (!policy.startsWith("default-src 'none'; style-src 'nonce-") || /https?:|unsafe/.test(policy)) {
    throw new Error(`the panel's policy is: ${policy}`);
  }
  saw(`a graph, with the policy ${policy}`);
  await graph.locator("g.primitive[data-file]", { hasText: "add" }).first().click();
  // The status bar tells of the selection once the focus is no more in the panel.
  await studio.insist(
    "the source of a node",
    () => studio.focusEditor(),
    async () => (await studio.status()).includes("(22 selected)"),
  );
  saw("the source of a node");
  await studio.picture("graph");
} catch (error) {
  await studio.picture("failure");
  throw error;
} finally {
  saw(`asked for and refused: ${[...refused].join(", ") || "nothing"}`);
  await close();
}
