--- Base images: root file systems that servers are overlay clones of.
--
-- Built by mmdebstrap from the package sources of this machine, named by a hash of everything
-- that goes into them: <name>-<hash>/ unpacked, <name>-<hash>.tar.zst to unpack again.

local app = require("core.app")
local err = require("prov.err")
local fs = require("prov.fs")
local proc = require("prov.proc")
local settings = require("prov.settings")
local sources = require("prov.machine.sources")

local M = {}

local DEFAULT_DIR = "/var/cache/prov/images"
local RECIPE = 6 -- counts changes of this file that make different images

local NAMES = {
  ["debian-12"] = { family = "debian", suite = "bookworm" },
  ["debian-13"] = { family = "debian", suite = "trixie" },
  ["ubuntu-22.04"] = { family = "ubuntu", suite = "jammy" },
  ["ubuntu-24.04"] = { family = "ubuntu", suite = "noble" },
}

local PACKAGES = "openssh-server systemd-sysv dbus iproute2 procps sudo curl ca-certificates"

--- Units that do nothing for a server that shares its kernel, or would reach for the machine's.
local MASKED = {
  "console-getty.service",
  "getty@.service",
  "getty.target",
  "systemd-logind.service",
  "dev-hugepages.mount",
  "dev-mqueue.mount",
  "sys-kernel-debug.mount",
  "sys-kernel-tracing.mount",
  "sys-kernel-config.mount",
  "sys-fs-fuse-connections.mount",
  "e2scrub_reap.service",
  "e2scrub_all.timer",
  "fstrim.timer",
  "systemd-modules-load.service",
  "systemd-pstore.service",
  "systemd-remount-fs.service",
  "systemd-binfmt.service",
  "proc-sys-fs-binfmt_misc.automount",
  "systemd-sysusers.service",
  "systemd-tmpfiles-setup-dev.service",
  "systemd-tmpfiles-setup-dev-early.service",
  "systemd-update-utmp.service",
  "systemd-update-utmp-runlevel.service",
  "systemd-ask-password-console.path",
  "systemd-ask-password-wall.path",
  "modprobe@.service",
  "apt-daily.timer",
  "apt-daily-upgrade.timer",
}

--- Generators of units for disks, consoles and boot loaders: every one is a process per boot.
local NO_GENERATORS = {
  "systemd-bless-boot-generator",
  "systemd-cryptsetup-generator",
  "systemd-debug-generator",
  "systemd-factory-reset-generator",
  "systemd-getty-generator",
  "systemd-gpt-auto-generator",
  "systemd-hibernate-resume-generator",
  "systemd-integritysetup-generator",
  "systemd-run-generator",
  "systemd-ssh-generator",
  "systemd-system-update-generator",
  "systemd-tpm2-generator",
  "systemd-veritysetup-generator",
}

local FILES = {
  ["etc/dpkg/dpkg.cfg.d/90prov"] = table.concat({
    "force-unsafe-io",
    "path-exclude=/usr/share/man/*",
    "path-exclude=/usr/share/locale/*",
    "path-exclude=/usr/share/doc/*",
    "path-include=/usr/share/doc/*/copyright",
    "",
  }, "\n"),
  ["etc/machine-id"] = "",
  ["etc/hostname"] = "server\n",
  ["etc/resolv.conf"] = "",
}

--- The files of an image: path -> text.
local function files()
  local out = {
    ["etc/apt/apt.conf.d/90prov"] = ('Acquire::Languages "none";\nAcquire::Retries "%d";\n'):format(
      settings.machine.apt_retries),
  }
  for path, text in pairs(FILES) do
    out[path] = text
  end
  return out
end

--- The names there are, sorted.
---@return string[]
function M.names()
  local names = {}
  for name in pairs(NAMES) do
    names[#names + 1] = name
    names[#names + 1] = name .. "-python"
  end
  table.sort(names)
  return names
end

--- Where images are kept.
---@return string
function M.dir()
  return os.getenv("PROV_IMAGE_DIR") or settings.machine.image_folder or DEFAULT_DIR
end

--- What an image is made of: `{ name, suite, packages, sources, id }`.
---@param name string
---@return table?
---@return prov.Err?
function M.describe(name)
  local base = name:gsub("%-python$", "")
  local known = NAMES[base]
  if not known then
    return err.fail("invalid", "there is no image '%s'; there are: %s", name, table.concat(M.names(), ", "))
  end
  local list, e = sources.of(known.family, known.suite)
  if not list then
    return nil, e:wrap("image '%s'", name)
  end
  local packages = PACKAGES .. (base ~= name and " python3" or "")
  for _, package in ipairs(settings.machine.packages) do
    packages = packages .. " " .. package
  end
  local masked = table.concat(MASKED, " ") .. table.concat(NO_GENERATORS, " ")
  local parts = { tostring(RECIPE), known.suite, packages, list, masked }
  for path, text in pairs(files()) do
    parts[#parts + 1] = path .. "\0" .. text
  end
  table.sort(parts, function(a, b)
    return a < b
  end)
  local hash = require("core.crypto").sha256(table.concat(parts, "\0"))
  return {
    name = name,
    suite = known.suite,
    packages = packages,
    sources = list,
    id = ("%s-%s"):format(name, hash:sub(1, 16)),
  }
end

--- Takes units or generators out of use: links to nothing that win over the ones of packages.
local function mask(dir, names)
  local ok, e = fs.mkdirp(dir)
  for _, name in ipairs(names) do
    if ok then
      ok, e = fs.remove(dir .. "/" .. name, { recursive = true })
    end
    if ok then
      ok, e = fs.symlink("/dev/null", dir .. "/" .. name)
    end
  end
  return ok, e
end

--- Changes a fresh root file system into one that servers can be cloned from.
local function finish(root)
  for path, text in pairs(files()) do
    local ok, e = fs.write_atomic(root .. "/" .. path, text, { sync = false })
    if not ok then
      return nil, e
    end
  end
  local gone = { "/usr/sbin/policy-rc.d", "/etc/hosts", "/var/lib/dbus/machine-id" }
  for _, row in ipairs(fs.list(root .. "/etc/ssh") or {}) do
    if row.name:find("^ssh_host_") then
      gone[#gone + 1] = "/etc/ssh/" .. row.name
    end
  end
  for _, path in ipairs(gone) do
    local ok, e = fs.remove(root .. path)
    if not ok then
      return nil, e
    end
  end
  local ok, e = mask(root .. "/etc/systemd/system", MASKED)
  if not ok then
    return nil, e
  end
  return mask(root .. "/etc/systemd/system-generators", NO_GENERATORS)
end

--- Runs a program that dies with us, in a mount namespace of its own.
local function contained(opts)
  table.move(opts, 1, #opts, 5)
  opts[1], opts[2], opts[3], opts[4] = app.exe, "internal", "lab", "contain"
  local program = opts[5]
  local r, e = proc.run(opts)
  if not r then
    return nil, e
  end
  if r.code ~= 0 then
    local tail = r.stderr:gsub("%s+$", ""):sub(-600)
    return err.fail("failed", "%s ended with code %d: %s", program, r.code, tail)
  end
  return r
end

local function build(image, temp, log)
  local list = temp .. ".sources"
  local ok, e = fs.write_atomic(list, image.sources, { sync = false })
  if not ok then
    return nil, e
  end
  log(("building the image %s (about half a minute)"):format(image.name))
  ok, e = contained({
    "mmdebstrap",
    "--variant=minbase",
    "--format=directory",
    "--mode=root",
    "--include=" .. image.packages:gsub(" ", ","),
    '--aptopt=Acquire::Languages "none"',
    "--dpkgopt=force-unsafe-io",
    "--dpkgopt=path-exclude=/usr/share/man/*",
    "--dpkgopt=path-exclude=/usr/share/doc/*",
    "--dpkgopt=path-include=/usr/share/doc/*/copyright",
    "--dpkgopt=path-exclude=/usr/share/locale/*",
    image.suite,
    temp,
    list,
    timeout = settings.ms(settings.machine.image_timeout),
    env = { DEBIAN_FRONTEND = "noninteractive" },
  })
  fs.remove(list)
  if not ok then
    if e.code == "notfound" or tostring(e):find("mmdebstrap: not found", 1, true) then
      return nil, err.new("unsupported", "mmdebstrap is not installed", { hint = "apt-get install mmdebstrap" })
    end
    return nil, e:wrap("cannot build the image '%s'", image.name)
  end
  return finish(temp)
end

--- Keeps the image as a file too; servers do not wait for it and do without it.
local function pack(dir, image)
  local temp = ("%s/%s.tmp-tar"):format(dir, image.id)
  local root = dir .. "/" .. image.id
  local r = contained({ "tar", "--zstd", "-cf", temp, "-C", root, "--xattrs", "--numeric-owner", "." })
  if r then
    fs.rename(temp, ("%s/%s.tar.zst"):format(dir, image.id))
  end
  fs.remove(temp)
end

local function unpack_tar(dir, image, temp, log)
  local tar = ("%s/%s.tar.zst"):format(dir, image.id)
  if not fs.exists(tar) then
    return false
  end
  log(("unpacking the image %s"):format(image.name))
  local ok = fs.mkdirp(temp)
  if ok then
    ok = contained({ "tar", "--zstd", "-xf", tar, "-C", temp, "--xattrs", "--numeric-owner", "-p" })
  end
  if not ok then -- a damaged one is no better than none
    fs.remove(temp, { recursive = true })
    fs.remove(tar)
    return false
  end
  return true
end

--- The folder of an unpacked image, building it when there is none. Builders of the same image
-- wait for each other; an interrupted build leaves nothing that counts.
---@async
---@param name string such as "debian-12", or "debian-12-python" with Python in it
---@param log? fun(text: string)
---@return string? folder
---@return prov.Err?
function M.ensure(name, log)
  log = log or function() end
  local image, e = M.describe(name)
  if not image then
    return nil, e
  end
  local dir = M.dir()
  local path = dir .. "/" .. image.id
  if fs.exists(path) then
    return path
  end
  local ok
  ok, e = fs.mkdirp(dir)
  if not ok then
    return nil, e
  end
  local lock <close>, why = fs.lock(("%s/%s.lock"):format(dir, image.name), {
    wait = settings.ms(settings.machine.image_timeout),
  })
  if not lock then
    return nil, why
  end
  if fs.exists(path) then -- somebody else built it while we waited
    return path
  end
  for _, row in ipairs(fs.list(dir) or {}) do -- of builds that were killed: we have their lock
    if row.name:find(image.name .. "-", 1, true) == 1 and row.name:find(".tmp-", 1, true) then
      fs.remove(dir .. "/" .. row.name, { recursive = true })
    end
  end
  local temp = ("%s.tmp-build"):format(path)
  if not unpack_tar(dir, image, temp, log) then
    ok, e = build(image, temp, log)
    if not ok then
      fs.remove(temp, { recursive = true })
      return nil, e
    end
  end
  ok, e = fs.rename(temp, path)
  if not ok then
    return nil, e
  end
  if settings.machine.archive and not fs.exists(path .. ".tar.zst") then
    pack(dir, image)
  end
  return path
end

return M
