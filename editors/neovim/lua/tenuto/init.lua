-- What the server makes on request: pages, text, and what a build or a run says.
local M = {}

-- Shows lines in a window of their own, which a later one of the same name replaces.
local function show(name, text, filetype)
  local title = ("tenuto://%s"):format(name)
  local old = vim.fn.bufnr(vim.fn.escape(title, "[]*?{}"))
  if old ~= -1 then
    vim.api.nvim_buf_delete(old, { force = true })
  end
  vim.cmd.new()
  local buffer = vim.api.nvim_get_current_buf()
  vim.bo[buffer].buftype = "nofile"
  vim.bo[buffer].bufhidden = "wipe"
  vim.bo[buffer].swapfile = false
  vim.api.nvim_buf_set_name(buffer, title)
  vim.api.nvim_buf_set_lines(buffer, 0, -1, false, vim.split(text, "\n"))
  vim.bo[buffer].filetype = filetype
  vim.bo[buffer].modifiable = false
  return buffer
end

-- What a definition becomes: <CR> in a line leads to the line of the source that it comes from.
local function show_lowered(answer, client)
  local buffer = show("lowered", answer.text, "")
  local origins = {}
  for _, origin in ipairs(answer.origins) do
    origins[origin.line] = origin
  end
  vim.keymap.set("n", "<CR>", function()
    local origin = origins[vim.api.nvim_win_get_cursor(0)[1] - 1]
    if origin then
      vim.cmd.wincmd("p")
      local range = { start = origin.position, ["end"] = origin.position }
      vim.lsp.util.show_document({ uri = origin.uri, range = range }, client.offset_encoding, { focus = true })
    end
  end, { buffer = buffer, desc = "The line of the source" })
end

-- A page is for a browser: it opens in that of the system.
local function open_page(name, page)
  local file = ("%s/%s.html"):format(vim.fn.tempname(), name)
  vim.fn.mkdir(vim.fs.dirname(file), "p")
  vim.fn.writefile(vim.split(page, "\n"), file)
  vim.ui.open(file)
end

-- What the answer to each command of the server is, and how it is shown.
local SHOWN = {
  ["tenuto.showGraph"] = function(answer) open_page("graph", answer) end,
  ["tenuto.showLowered"] = show_lowered,
  ["tenuto.explainRule"] = function(answer) show("rule", answer, "markdown") end,
  ["tenuto.server.build"] = function(answer) show("build", answer, "") end,
  ["tenuto.server.run"] = function(answer) show("run", answer, "") end,
}

local function execute(client, buffer, command, arguments)
  local params = { command = command, arguments = arguments }
  client:request("workspace/executeCommand", params, function(problem, answer)
    if problem then
      vim.notify(problem.message, vim.log.levels.ERROR)
    elseif answer and answer ~= vim.NIL then
      SHOWN[command](answer, client)
    end
  end, buffer)
end

-- The commands of the lines above a deploy (|vim.lsp.codelens|), by what the server calls them.
local LENSES = {
  ["tenuto.showGraph"] = "tenuto.showGraph",
  ["tenuto.build"] = "tenuto.server.build",
  ["tenuto.run"] = "tenuto.server.run",
}

-- For `commands` of the client.
M.commands = {}
for name, command in pairs(LENSES) do
  M.commands[name] = function(lens, context)
    execute(assert(vim.lsp.get_client_by_id(context.client_id)), context.bufnr, command, lens.arguments)
  end
end

-- Has the server do a command for the current buffer; `argument` is a name, or nil for the place of the cursor. What
-- else the command takes may follow.
function M.ask(command, argument, ...)
  local buffer = vim.api.nvim_get_current_buf()
  local client = vim.lsp.get_clients({ bufnr = buffer, name = "tenuto" })[1]
  if not client then
    vim.notify("The server is not running here; `:checkhealth tenuto` says why", vim.log.levels.ERROR)
    return
  end
  local params = vim.lsp.util.make_position_params(0, client.offset_encoding)
  execute(client, buffer, command, { params.textDocument.uri, argument or params.position, ... })
end

-- Shows what the definition at the cursor becomes: `onnx` or `mlir`.
function M.lowered(form)
  M.ask("tenuto.showLowered", nil, form or "onnx")
end

-- Shows the page of a rule; without a name, of what was found in the line of the cursor.
function M.explain(rule)
  local client = vim.lsp.get_clients({ name = "tenuto" })[1]
  local found = vim.diagnostic.get(0, { lnum = vim.api.nvim_win_get_cursor(0)[1] - 1 })[1]
  rule = rule or (found and found.code)
  if client and rule then
    execute(client, vim.api.nvim_get_current_buf(), "tenuto.explainRule", { rule })
  else
    vim.notify(client and "Nothing was found in this line" or "The server is not running", vim.log.levels.WARN)
  end
end

return M
