// Has the editor run the tests of `test/host`, inside of itself.
// Called as `node host.mts BASE FOLDER PICTURES CHROMIUM TESTS`; TESTS is the bundled module.

import { browser, PATIENCE, Studio } from "./studio.mts";

const [base = "", folder = "", pictures = "", chromium = "", tests = ""] = process.argv.slice(2);

const { page, close } = await browser(chromium);
const studio = new Studio(page, pictures, () => "");
let code: number | undefined;
try {
  // The editor's own test driver calls these two.
  await page.exposeFunction("codeAutomationLog", (_: string, words: unknown[]) => console.log(...words));
  await page.exposeFunction("codeAutomationExit", (given: number) => {
    code = given;
  });
  const remote = (path: string): string => `vscode-remote://${new URL(base).host}${path}`;
  const payload = [
    ["extensionDevelopmentPath", remote(new URL("../..", import.meta.url).pathname.replace(/\/$/, ""))],
    ["extensionTestsPath", remote(tests)],
  ];
  await page.goto(`${base}/?folder=${folder}&payload=${encodeURIComponent(JSON.stringify(payload))}`);
  await studio.until("the tests end", async () => code !== undefined, 4 * PATIENCE);
  if (code !== 0) {
    throw new Error(`the tests ended with ${code}`);
  }
} catch (error) {
  await studio.picture("failure");
  throw error;
} finally {
  await close();
}
