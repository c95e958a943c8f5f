-- Prints, for each file that its last argument lists, the runs of each line as `[line, column, item]`, as JSON.
local function runs()
  local found = {}
  for number, line in ipairs(vim.api.nvim_buf_get_lines(0, 0, -1, false)) do
    local last = nil
    for column = 1, #line do
      local item = vim.fn.synIDattr(vim.fn.synID(number, column, 1), "name"):gsub("%d+$", "")
      if item ~= last then
        table.insert(found, { number - 1, column - 1, item })
        last = item
      end
    end
  end
  return found
end

local all = {}
for _, file in ipairs(vim.fn.readfile("files.txt")) do
  vim.cmd.edit(file)
  vim.cmd("setfiletype tenuto")
  vim.cmd("syntax on")
  all[file] = runs()
end
io.stdout:write(vim.json.encode(all))
vim.cmd("qall!")
