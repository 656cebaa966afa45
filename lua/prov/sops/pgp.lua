--- Keys of PGP in SOPS files, by gpg: its rings (GNUPGHOME), its agent, smart cards. SOPS_GPG_EXEC names another gpg.

local err = require("prov.err")
local proc = require("prov.proc")

local M = { list = "pgp" }

local SECONDS = 120 -- a person may have to type a passphrase, for the agent
local SHORTEST = 16 -- digits: keys with the same last eight are easily made

-- Runs gpg; what it printed.
local function gpg(arguments, stdin)
  local program = os.getenv("SOPS_GPG_EXEC")
  local argv = { program and program ~= "" and program or "gpg", "--quiet", "--yes", table.unpack(arguments) }
  argv.stdin, argv.timeout = stdin, SECONDS * 1000
  local result, e = proc.run(argv)
  if not result then
    if e.code == "notfound" then
      e.hint = "install GnuPG, or name another gpg with SOPS_GPG_EXEC"
    end
    return nil, e
  elseif result.code ~= 0 then
    local said = {}
    for line in result.stderr:gmatch("[^\n]+") do
      said[#said + 1] = line:match("^gpg: (.*)") or line
    end
    return err.fail("auth", "gpg: %s", #said > 0 and table.concat(said, "; ") or "exit code " .. result.code)
  end
  return result.stdout
end

--- A fingerprint, or the last 16 digits of one; with ! that very subkey.
function M.parse(text)
  local name = text:gsub(" ", "")
  if not name:find("^%x+!?$") or #name < SHORTEST then
    return nil, err.new("invalid", "a key of PGP is named by its fingerprint", { hint = "gpg --list-keys" })
  end
  return { name = name }
end

function M.of(entry)
  return { name = tostring(entry.fp) }
end

function M.wrap(recipient, key)
  -- Who names a fingerprint has decided whom to trust.
  local text, e = gpg({ "--batch", "--no-tty", "--trust-model", "always", "--no-default-recipient", "--no-encrypt-to",
    "--armor", "--recipient", recipient.name, "--encrypt" }, key)
  if not text then
    if e.code == "auth" then
      e.hint = "gpg --recv-keys or gpg --import has to put the public key into the ring (GNUPGHOME)"
    end
    return nil, e
  end
  return { fp = recipient.name, enc = (text:gsub("%s+$", "")) }
end

function M.unwrap(entry)
  local key, e = gpg({ "--decrypt" }, tostring(entry.enc))
  if key == "" then
    return err.fail("corrupt", "gpg decrypts it to nothing")
  end
  return key, e
end

return M
