return {
  kind = "operation",
  name = "age keygen",
  summary = "Make an age identity",
  description = [[
Prints it, with its public key in a comment, as `age-keygen` does. With --out it goes to a new file of mode 0600, and
the public key is printed.]],
  params = {
    out = { type = "path", doc = "Write it to this file, which must not exist yet" },
    public = { type = "path", http = false, doc = "Make none; print the public keys of the identities in this file" },
  },
  examples = { "prov age keygen --out key.txt", "prov age keygen --public key.txt" },
  result = { value = { type = "string", doc = "The text" } },
  view = "text",
  terminal = true,
  run = function(_, p)
    return require("prov.age.command").keygen(p)
  end,
}
