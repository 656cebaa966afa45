--- `prov internal lua FILE [arg ...]`: runs a Lua file inside the runtime, for tests and
-- benchmarks.  The file runs as the main coroutine; it may call async.run itself.

return function(argv)
  local file = table.remove(argv, 1)
  if not file then
    io.stderr:write("prov internal lua: no file\n")
    return 2
  end
  _G.arg = argv
  _G.arg[0] = file
  local chunk, message = loadfile(file, "t")
  if not chunk then
    io.stderr:write("prov: ", message, "\n")
    return 1
  end
  return chunk(table.unpack(argv)) or 0
end
