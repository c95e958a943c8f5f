-- A session with `minilm.ten` open: does what a user does, and prints as JSON what came of each step.
local buffer = vim.api.nvim_get_current_buf()
local results = {}
local said = {}

vim.notify = function(message) table.insert(said, message) end

local function wait(what, condition)
  local found
  assert(vim.wait(90000, function()
    found = condition()
    return found
  end, 20), ("in vain: %s; said: %s"):format(what, table.concat(said, "; ")))
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

step("hover", function()
  restore()
  go("masked_softmax(scores", "masked")
  vim.lsp.buf.hover()
  local window = wait("a window", function()
    for _, it in ipairs(vim.api.nvim_list_wins()) do
      if vim.api.nvim_win_get_config(it).relative ~= "" then
        return it
      end
    end
  end)
  local found = vim.api.nvim_buf_get_lines(vim.api.nvim_win_get_buf(window), 0, -1, false)
  vim.api.nvim_win_close(window, true)
  return table.concat(found, "\n")
end)

step("completion", function()
  local number = go("return output_norm(h +", "return")
  vim.api.nvim_buf_set_lines(buffer, number - 1, number - 1, false, { "  let z = attention_" })
  vim.api.nvim_win_set_cursor(0, { number, #lines()[number] })
  local answer = request("textDocument/completion")
  return vim.tbl_map(function(it) return it.label end, answer.items or answer)
end)

step("code action", function()
  restore()
  replace(go("(probs as float)", "probs"), "probs", "prob")
  wait("a finding", function() return #vim.diagnostic.get(buffer) > 0 end)
  go("(prob as float)", "prob")
  vim.lsp.buf.code_action({
    apply = true,
    filter = function(action) return action.kind == "quickfix" and action.title:find("probs", 1, true) ~= nil end,
  })
  wait("the fix", function() return vim.deep_equal(lines(), original) end)
  wait("no finding", function() return #vim.diagnostic.get(buffer) == 0 end)
  return true
end)

step("rename", function()
  restore()
  local number = go("model Encoder", "B,")
  vim.lsp.buf.rename("Batch")
  wait("the new name", function() return lines()[number] ~= original[number] end)
  local changed = {}
  for number, line in ipairs(lines()) do
    if line ~= original[number] then
      table.insert(changed, line)
    end
  end
  return changed
end)

step("inlay hints", function()
  restore()
  vim.lsp.inlay_hint.enable(true, { bufnr = buffer })
  local found = wait("hints", function()
    local all = vim.lsp.inlay_hint.get({ bufnr = buffer })
    return #all > 0 and all
  end)
  return vim.tbl_map(function(it)
    local label = it.inlay_hint.label
    local parts = type(label) == "string" and { label } or vim.tbl_map(function(part) return part.value end, label)
    return { lines()[it.inlay_hint.position.line + 1], table.concat(parts) }
  end, found)
end)

step("semantic tokens", function()
  local number = go("model Encoder", "B,")
  local column = vim.api.nvim_win_get_cursor(0)[2]
  -- Those of an older text go along with the words until new ones come.
  return wait("the token of a size", function()
    local all = vim.lsp.semantic_tokens.get_at_pos(buffer, number - 1, column) or {}
    return #all == 1 and all[1].type == "typeParameter"
  end)
end)

step("definition", function()
  go("sub layer = [Layer[c]", "Layer[c]")
  vim.lsp.buf.definition()
  local own = wait("a jump", function()
    local line = vim.api.nvim_get_current_line()
    return line:find("^model Layer") and line
  end)
  go("= masked_softmax(", "masked_softmax")
  vim.lsp.buf.definition()
  wait("another file", function() return vim.api.nvim_get_current_buf() ~= buffer end)
  wait("the server is attached there", function() return #vim.lsp.get_clients({ bufnr = 0, name = "tenuto" }) > 0 end)
  local library = { vim.fs.basename(vim.api.nvim_buf_get_name(0)), vim.api.nvim_get_current_line() }
  vim.api.nvim_set_current_buf(buffer)
  return { own, library }
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

-- What a command shows in a window of its own.
local function shown(command, name)
  vim.api.nvim_set_current_buf(buffer)
  vim.cmd(command)
  wait("a window: " .. name, function() return vim.api.nvim_buf_get_name(0) == "tenuto://" .. name end)
  local found = vim.api.nvim_buf_get_lines(0, 0, -1, false)
  vim.cmd("bdelete!")
  return table.concat(found, "\n")
end

step("lowered", function()
  restore()
  go("deploy small_encoder", "small_encoder")
  return shown("TenutoLowered", "lowered")
end)

step("mlir", function()
  restore()
  go("deploy small_encoder", "small_encoder")
  vim.cmd("TenutoLowered mlir")
  wait("a window: lowered", function() return vim.api.nvim_buf_get_name(0) == "tenuto://lowered" end)
  local window = vim.api.nvim_get_current_win()
  local line = vim.fn.search("func.call @Embeddings(")
  local found = vim.api.nvim_get_current_line()
  vim.cmd.normal(vim.keycode("<CR>"))
  local place = vim.api.nvim_win_get_cursor(0)
  local led = { line > 0, found, vim.fs.basename(vim.api.nvim_buf_get_name(0)), place[1], place[2] + 1 }
  vim.api.nvim_win_close(window, true)
  vim.api.nvim_set_current_buf(buffer)
  return led
end)

step("explain", function()
  replace(go("(probs as float)", "probs"), "probs", "prob")
  wait("a finding", function() return #vim.diagnostic.get(buffer) > 0 end)
  go("(prob as float)", "prob")
  local found = shown("TenutoExplain", "rule")
  restore()
  return found
end)

step("graph", function()
  restore()
  local opened
  vim.ui.open = function(file) opened = file end
  vim.cmd("TenutoGraph small_encoder")
  return table.concat(vim.fn.readfile(wait("a page", function() return opened end)), "\n")
end)

step("code lens", function()
  restore()
  go("deploy small_encoder", "small_encoder")
  vim.lsp.codelens.refresh({ bufnr = buffer })
  wait("lenses", function() return #vim.lsp.codelens.get(buffer) > 0 end)
  local offered, opened
  vim.ui.open = function(file) opened = file end
  vim.ui.select = function(options, _, choose)
    offered = vim.tbl_map(function(it) return it.lens.command and it.lens.command.title end, options)
    for number, it in ipairs(options) do
      if it.lens.command and it.lens.command.title == "Graph" then
        return choose(it, number)
      end
    end
  end
  vim.lsp.codelens.run()
  wait("a page", function() return opened end)
  return offered
end)

step("run", function()
  restore()
  vim.cmd("silent write")
  return shown("TenutoRun small_encoder", "run")
end)

step("stop", function()
  vim.lsp.enable("tenuto", false)
  wait("the server has ended", function() return #vim.lsp.get_clients({ name = "tenuto" }) == 0 end)
  return true
end)

io.stdout:write(vim.json.encode(results))
vim.cmd("qall!")
