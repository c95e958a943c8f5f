// No server is found, and the selected Python environment has pip: the offer to install asks before it runs anything.
// Called as `node install.mts BASE FOLDER PICTURES CHROMIUM`; the environment's Python writes what it is asked to FOLDER/ran.

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { browser, Studio } from "./studio.mts";

const [base = "", folder = "", pictures = "", chromium = ""] = process.argv.slice(2);
const ran = join(folder, "ran");

const { page, close } = await browser(chromium);
const studio = new Studio(page, pictures, () => readFileSync(join(folder, "attention.ten"), "utf8"));
try {
  await studio.open(base, folder, "attention.ten");
  const offer = await studio.notification("Tenuto is not installed");
  await offer.getByRole("button", { name: "Install", exact: true }).click();
  const dialog = page.locator(".monaco-dialog-box");
  await dialog.getByText("python -m pip install tenuto").waitFor();
  await studio.picture("dialog");
  if (existsSync(ran)) {
    throw new Error(`this ran before the user agreed: ${readFileSync(ran, "utf8")}`);
  }
  await dialog.getByRole("button", { name: "Install", exact: true }).click();
  await studio.until("a squiggle", async () => (await studio.squiggles.count()) > 0);
  if (readFileSync(ran, "utf8") !== "-m pip install tenuto\n") {
    throw new Error(`not what the user agreed to: ${readFileSync(ran, "utf8")}`);
  }
  console.log("installed as agreed, and the server runs");
} catch (error) {
  await studio.picture("failure");
  throw error;
} finally {
  await close();
}
