-- What the configuration of docs/editors/neovim.md does: hints are on, and what is written is laid out.
local buffer = vim.api.nvim_get_current_buf()

local function wait(what, condition)
  assert(vim.wait(90000, condition, 20), "in vain: " .. what)
end

wait("hints", function() return vim.lsp.inlay_hint.is_enabled({ bufnr = buffer }) and #vim.lsp.inlay_hint.get({ bufnr = buffer }) > 0 end)
vim.api.nvim_buf_set_lines(buffer, -1, -1, false, { "fn   double( x:f32[N] )->f32[N]=x+x" })
vim.cmd("silent write")
io.stdout:write(vim.api.nvim_buf_get_lines(buffer, -2, -1, false)[1])
vim.cmd("qall!")
