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

vim.b.undo_ftplugin = "setlocal commentstring< comments< formatoptions< expandtab< shiftwidth< softtabstop<"
  .. " textwidth< suffixesadd<"
