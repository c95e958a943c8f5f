// A workspace that is not trusted: its settings and its `.venv` name commands, and none of them runs. Then it is trusted.
// Called as `node trust.mts BASE FOLDER PICTURES CHROMIUM`; whatever the workspace brings writes to FOLDER/ran.

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { browser, Studio } from "./studio.mts";

const [base = "", folder = "", pictures = "", chromium = ""] = process.argv.slice(2);
const ran = join(folder, "ran");

const { page, close } = await browser(chromium);
const studio = new Studio(page, pictures, () => readFileSync(join(folder, "attention.ten"), "utf8"));
try {
  await studio.open(base, folder, "attention.ten");
  await page.getByText("Restricted Mode").first().waitFor();
  // The extension has looked for a server once it says that it found none.
  await studio.notification("Tenuto is not on PATH");
  console.log("not trusted: no server");
  await studio.command("Tenuto: Restart the Server");
  await page.waitForTimeout(3000);
  if (existsSync(ran)) {
    throw new Error(`a workspace that nobody trusts ran: ${readFileSync(ran, "utf8")}`);
  }
  await studio.command("Workspaces: Manage Workspace Trust");
  const trust = page.locator(".workspace-trust-editor").getByRole("button", { name: "Trust", exact: true });
  await trust.waitFor();
  await trust.click();
  // The editor tells of the trust first and of the settings that it frees after it, so the `.venv` may come between.
  await studio.until("the workspace's own server runs", async () => readFileSync(ran, "utf8").includes("tools/tenuto"));
  console.log("trusted: the server that the settings name");
  await studio.press("Escape"); // The page about trust lies over the editor.
  await studio.until("a squiggle", async () => (await studio.squiggles.count()) > 0);
} catch (error) {
  await studio.picture("failure");
  throw error;
} finally {
  await close();
}
