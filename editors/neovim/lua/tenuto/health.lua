-- `:checkhealth tenuto`: whether Neovim and the server are there and know each other.
local M = {}

local function check_neovim()
  if vim.fn.has("nvim-0.11") == 1 then
    vim.health.ok("Neovim is 0.11 or later")
  else
    vim.health.error("Neovim is older than 0.11", "This plugin needs `vim.lsp.config`, which 0.11 brought.")
  end
end

local function check_server()
  local cmd = vim.lsp.config.tenuto.cmd
  if type(cmd) ~= "table" then
    vim.health.info("The server is started by a function of your configuration")
    return
  end
  local program = cmd[1]
  if vim.fn.executable(program) == 0 then
    vim.health.error(("`%s` cannot be run"):format(program), {
      "Install it: pip install tenuto",
      'Or name it: vim.lsp.config("tenuto", { cmd = { "/path/to/tenuto", "lsp" } })',
    })
    return
  end
  local ran = vim.system({ program, "--version" }, { text = true, timeout = 20000 }):wait()
  if ran.code == 0 then
    vim.health.ok(("`%s` is %s"):format(vim.fn.exepath(program), vim.trim(ran.stdout)))
  else
    vim.health.error(("`%s --version` ended with %d"):format(program, ran.code), vim.trim(ran.stderr))
  end
end

local function check_client()
  if vim.lsp.is_enabled("tenuto") then
    vim.health.ok("The server starts when a Tenuto file is opened")
  else
    vim.health.warn("The server is not enabled", 'Put into your configuration: vim.lsp.enable("tenuto")')
  end
  for _, client in ipairs(vim.lsp.get_clients({ name = "tenuto" })) do
    vim.health.info(("Running for `%s`"):format(client.root_dir or "files without a root"))
  end
end

function M.check()
  vim.health.start("tenuto")
  check_neovim()
  check_server()
  check_client()
end

return M
