--- For specs of the host engine: this machine's shells as hosts, and recipes run on them.

local async = require("prov.async")
local host = require("prov.host")
local process = require("prov.host.process")
local tmp = require("support.tmp")

local M = {}

--- The shells there are: dash, bash and busybox are what hosts have as /bin/sh.
M.SHELLS = {}
for _, shell in ipairs({ "dash", "bash --posix", "busybox sh" }) do
  if os.execute(("command -v %s >/dev/null 2>&1"):format(shell:match("^%S+"))) then
    M.SHELLS[#M.SHELLS + 1] = shell
  end
end

--- Calls fn(shell) in one test (busted's `it`) for each shell.
function M.each_shell(it, name, fn)
  for _, shell in ipairs(M.SHELLS) do
    it(("%s (%s)"):format(name, shell), function()
      fn(shell)
    end)
  end
end

--- Runs a recipe on this machine; `state` keeps what is pending between runs.
function M.run(ops, opts)
  opts = opts or {}
  opts.state = opts.state or tmp.dir() .. "/state"
  local session = opts.session or process.session()
  return async.run(function()
    return host.run(session, ops, opts)
  end)
end

--- Runs a recipe and fails the test unless it came to its end without failed ops.
function M.apply(ops, opts)
  local report = assert(M.run(ops, opts))
  for _, row in ipairs(report.ops) do
    if row.status == "failed" then
      error(("%s failed: %s\n%s"):format(row.title, row.reason, row.output or ""), 2)
    end
  end
  return report
end

--- A random byte string of at most `max` bytes; hostile ones on purpose.
function M.hostile(random, max, without_nul)
  local PIECES = {
    "'", "''", "\\", "\\'", "'\\''", '"', "$", "$(id)", "`id`", "${x}", "!", "!!", "\n", "\r\n", "\t", " ", "*", "?",
      "[a]",
    "~", "~root", "#", ";", "&", "&&", "|", "<", ">", "<<EOF", "EOF", "PROV64", "(", ")", "{", "}", "%s", "%n", "%%",
      "-n", "-e",
    "--", "=", "\127", "\128", "\129", "\130", "\131", "\132", "\133", "\134", "\135", "\136", "\255", "\195\164",
      "\226\130\172",
    "\237\160\128", "\1", "\27[31m", "\\0", "\\c", "\\n", "$'\\n'", "done", "fi", "\n}\n", "\nexit 7\n", "a", "bc",
  }
  local out, size = {}, 0
  local want = random(0, max)
  while size < want do
    local piece
    if random(3) == 1 then
      piece = string.char(random(without_nul and 1 or 0, 255))
    else
      piece = PIECES[random(#PIECES)]
    end
    out[#out + 1] = piece
    size = size + #piece
  end
  return table.concat(out)
end

return M
