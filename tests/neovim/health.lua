-- Prints what the health check says where nothing is switched on and the server cannot be run.
vim.lsp.config("tenuto", { cmd = { "no-such-program", "lsp" } })
vim.cmd("checkhealth tenuto")
io.stdout:write(table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, false), "\n"))
vim.cmd("qall!")
