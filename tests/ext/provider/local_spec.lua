describe("provider local", function()
  if require("luv").getuid() ~= 0 then
    pending("needs root: servers are made of namespaces")
    return
  end
  require("support.local_cases")("namespaces")
end)
