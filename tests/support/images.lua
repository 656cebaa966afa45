--- Builds the base images that the tests of local servers need, once, before any of them:
-- a slow mirror then costs time here and fails no test.

local async = require("prov.async")

if require("luv").getuid() ~= 0 then
  print("SKIP: needs root: images hold files of many owners")
  return 77
end
local path, e = async.run(function()
  return require("prov.machine.image").ensure("debian-12", print)
end)
print(path or tostring(e))
return path and 0 or 1
