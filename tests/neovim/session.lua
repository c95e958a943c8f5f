-- A session with `minilm.ten` open: does what a user does, and prints as JSON what came of each step.
local buffer = vim.api.nvim_get_current_buf()
local results = {}

local function wait(what, condition)
  local found
  assert(vim.wait(90000, function()
    found = condition()
    return found
  end, 20), "in vain: " .. what)
  return found
end

local function step(name, action)
  local ok, value = xpcall(action, debug.traceback)
  results[name] = { ok = ok, value = value }
end

local function client()
  return wait("the server is attached", function()
    local found = vim.lsp.get_clients({ bufnr = buffer, name = "tenuto" })[1]
    return found and found.initialized and found
  end)
end

local function lines()
  return vim.api.nvim_buf_get_lines(buffer, 0, -1, false)
end

local original = lines()

-- Puts the cursor on `word` in the first line that holds `text`, and returns the number of the line.
local function go(text, word)
  vim.api.nvim_set_current_buf(buffer)
  for number, line in ipairs(lines()) do
    local start = line:find(text, 1, true)
    if start then
      vim.api.nvim_win_set_cursor(0, { number, line:find(word, start, true) - 1 })
      return number
    end
  end
  error("nowhere: " .. text)
end

local function line_of(text)
  return lines()[go(text, text)]
end

local function replace(number, from, to)
  local line = lines()[number]
  local first, last = line:find(from, 1, true)
  vim.api.nvim_buf_set_text(buffer, number - 1, first - 1, number - 1, last, { to })
end

local function request(method, more)
  local params = vim.lsp.util.make_position_params(0, client().offset_encoding)
  local answer = assert(client():request_sync(method, vim.tbl_extend("force", params, more or {}), 90000, buffer))
  assert(not answer.err, vim.inspect(answer.err))
  return answer.result
end

local function restore()
  vim.api.nvim_buf_set_lines(buffer, 0, -1, false, original)
end

step("attach", function()
  local found = client()
  return { encoding = found.offset_encoding, root = found.root_dir, version = found.server_info.version }
end)

step("options", function()
  return { vim.bo.filetype, vim.bo.commentstring, vim.bo.shiftwidth, vim.b.current_syntax }
end)

step("no findings", function()
  request("textDocument/documentSymbol")
  return vim.diagnostic.get(buffer)
end)

step("diagnostics", function()
  replace(go("(probs as float)", "probs"), "probs", "prob")
  local found = wait("a finding", function()
    local all = vim.diagnostic.get(buffer, { severity = vim.diagnostic.severity.ERROR })
    return #all > 0 and all
  end)
  return vim.tbl_map(function(it)
    return { line = lines()[it.lnum + 1]:sub(it.col + 1, it.end_col), code = it.code, message = it.message }
  end, found)
end)

step("formatting", function()
  restore()
  local number = go("let q = query(x)", "let q")
  vim.api.nvim_buf_set_lines(buffer, number - 1, number, false, { "  let   q=query( x )|>rearrange( \"b s (h d) -> b h s d\",h=c.heads )" })
  vim.lsp.buf.format({ bufnr = buffer, timeout_ms = 90000 })
  return vim.deep_equal(lines(), original)
end)

step("outline", function()
  return vim.tbl_map(function(it) return it.name end, request("textDocument/documentSymbol"))
end)

step("health", function()
  vim.cmd("checkhealth tenuto")
  local found = vim.api.nvim_buf_get_lines(0, 0, -1, false)
  vim.cmd("bdelete!")
  vim.api.nvim_set_current_buf(buffer)
  return found
end)

step("help", function()
  local folder = vim.env.TENUTO_PLUGIN .. "/doc"
  vim.cmd.helptags(folder)
  local found = {}
  for _, tag in ipairs(vim.fn.readfile(folder .. "/tags")) do
    local name = vim.split(tag, "\t")[1]
    vim.cmd.help(name)
    table.insert(found, { name, vim.fs.basename(vim.api.nvim_buf_get_name(0)) })
    vim.cmd.helpclose()
  end
  return found
end)

step("stop", function()
  vim.lsp.enable("tenuto", false)
  wait("the server has ended", function() return #vim.lsp.get_clients({ name = "tenuto" }) == 0 end)
  return true
end)

io.stdout:write(vim.json.encode(results))
vim.cmd("qall!")
