// The tour: one file with mistakes, from the first squiggle to the graph. Each step says what it saw.
// Called as `node tour.mts BASE FOLDER PICTURES CHROMIUM`.

import { readFileSync } from "node:fs";
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

  await studio.command("View: Toggle Primary Side Bar Visibility");
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

  const fix = page.locator(".action-widget .monaco-list-row", { hasText: "c.width % c.heads == 0" }).first();
  await studio.insist(
    "a quick fix",
    async () => {
      await studio.goTo("rearrange");
      await studio.press("Control+.");
    },
    () => fix.isVisible(),
  );
  await studio.picture("fix");
  await fix.click();
  await studio.saved("the fact stands in where", (text) => text.includes("c.width % c.heads == 0 {"));
  await studio.until("one squiggle", async () => (await studio.squiggles.count()) === 1);
  saw("a fix applied");

  const offered = page.locator(".suggest-widget.visible .monaco-list-row", { hasText: /^softmax/ }).first();
  await studio.select("sofmax");
  await page.keyboard.type("soft");
  await studio.insist("a completion", () => studio.press("Control+Space"), () => offered.isVisible());
  saw(`completions: ${(await page.locator(".suggest-widget.visible .monaco-list-row").allInnerTexts()).join(", ")}`);
  await studio.picture("completion");
  await offered.click();
  await studio.saved("the name is complete", (text) => text.includes("let weights = softmax(scores"));
  await studio.until("no squiggle", async () => (await studio.squiggles.count()) === 0);
  saw("a name completed, and nothing more to find");

  await studio.until("inlay hints", async () => (await studio.line("let q")).includes("float[B, c.heads"));
  saw(`hints: ${await studio.line("let q")}`);
  await studio.until("a code lens", async () => (await page.locator(".codelens-decoration").count()) > 0);
  saw(`lenses: ${(await page.locator(".codelens-decoration").allInnerTexts()).join("; ")}`);
  await studio.picture("hints");

  const type = await studio.hover("let scores", "scores", "float[");
  saw(`a hover: ${type}`);
  await studio.picture("hover");

  const name = page.locator(".rename-box input");
  await studio.insist(
    "a rename",
    async () => {
      await studio.goTo("S, c.width]", 0, 2);
      await studio.press("F2");
    },
    () => name.isVisible(),
  );
  await name.fill("Tokens");
  await studio.picture("rename");
  await studio.press("Enter");
  await studio.saved("a dimension has a new name", (text) => text.split("Tokens").length === 5);
  saw("a dimension renamed, where it stands and in the deploy");

  await studio.command("Tenuto: Show the ONNX of the Definition at the Cursor");
  await page.locator(".view-line", { hasText: "tenuto.Attention" }).first().waitFor();
  saw("the ONNX of a definition");
  await studio.closeOthers();

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

  await studio.command("Preferences: Toggle between Light/Dark Themes");
  const ground = (): Promise<string> => graph.locator("body").evaluate((body) => getComputedStyle(body).backgroundColor);
  await studio.until("a dark graph in a dark editor", async () => (await ground()) === "rgb(20, 22, 26)");
  saw("a dark graph");
  await studio.picture("dark");
} catch (error) {
  await studio.picture("failure");
  throw error;
} finally {
  saw(`asked for and refused: ${[...refused].join(", ") || "nothing"}`);
  await close();
}
