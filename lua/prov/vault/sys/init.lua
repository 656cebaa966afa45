--- What is done with the vault itself: the paths below sys/.

local engine = require("prov.vault.engine")

local paths = {}
for _, part in ipairs({ "seal", "mounts", "policies", "passwords", "leases", "wrapping", "audit", "tools" }) do
  for _, path in ipairs(require("prov.vault.sys." .. part)) do
    paths[#paths + 1] = path
  end
end

return engine.compile({ name = "system", summary = "The vault itself", paths = paths })
