-- What `vim.lsp.enable("tenuto")` starts; `vim.lsp.config("tenuto", { ... })` changes it. Only the user's own
-- configuration says which program runs, never a file of the project.
return {
  cmd = { "tenuto", "lsp" },
  filetypes = { "tenuto" },
  root_markers = { "tenuto.toml", "pyproject.toml", ".git" },
  commands = require("tenuto").commands,
}
