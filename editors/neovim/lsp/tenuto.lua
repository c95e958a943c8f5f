-- What `vim.lsp.enable("tenuto")` starts; `vim.lsp.config("tenuto", { ... })` changes it. Only the user's own
-- configuration says which program runs, never a file of the project.
return {
  cmd = { "tenuto", "lsp" },
  filetypes = { "tenuto" },
  root_markers = { "tenuto.toml", "pyproject.toml", ".git" },
  commands = require("tenuto").commands,
  capabilities = { experimental = { commands = { "tenuto.build", "tenuto.run" } } }, -- of those, what lenses may offer
}
