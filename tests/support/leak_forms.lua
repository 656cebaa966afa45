-- Writes the example of each form of tokens into a file of its own in the folder PROV_FORMS.
local dir = assert(os.getenv("PROV_FORMS"))
for _, one in ipairs(require("prov.leaks.patterns")) do
  local file <close> = assert(io.open(("%s/%s.txt"):format(dir, one.id), "w"))
  file:write('value = "', one.example, '"\n')
end
