vim.filetype.add({ extension = { ten = "tenuto" } })
