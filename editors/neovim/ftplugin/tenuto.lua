-- The layout that `tenuto fmt` gives: two spaces; and the three kinds of comments.
vim.bo.commentstring = "# %s"
vim.bo.comments = ":##,:#!,:#"
vim.opt_local.formatoptions:append("croql")
vim.opt_local.formatoptions:remove("t")
vim.bo.expandtab = true
vim.bo.shiftwidth = 2
vim.bo.softtabstop = 2
vim.bo.textwidth = 120
vim.bo.suffixesadd = ".ten"

local function command(name, arguments, description, action)
  local options = { nargs = arguments, desc = description }
  vim.api.nvim_buf_create_user_command(0, name, function(given)
    action(given.args ~= "" and given.args or nil)
  end, options)
end

local function ask(what)
  return function(argument) require("tenuto").ask(what, argument) end
end

command("TenutoGraph", "?", "The graph of a deploy, or of the one at the cursor", ask("tenuto.showGraph"))
command("TenutoLowered", "?", "The definition at the cursor as `onnx` or as `mlir`", function(form)
  require("tenuto").lowered(form)
end)
command("TenutoBuild", 1, "Builds a deploy", ask("tenuto.server.build"))
command("TenutoRun", 1, "Runs a deploy on inputs that are drawn", ask("tenuto.server.run"))
command("TenutoExplain", "?", "Explains a rule, or what was found in this line", function(rule)
  require("tenuto").explain(rule)
end)

vim.b.undo_ftplugin = "setlocal commentstring< comments< formatoptions< expandtab< shiftwidth< softtabstop<"
  .. " textwidth< suffixesadd<"
