--- Accounts of new servers: the tables of an image with more rows, and homes.

local tmp = require("support.tmp")
local users = require("prov.machine.users")

local PASSWD = "root:x:0:0:root:/root:/bin/bash\nold:x:1000:1000::/home/old:/bin/sh\n"
local GROUP = "root:x:0:\nsudo:x:27:old\nold:x:1000:\n_ssh:x:1001:\n"

local function image()
  local dir = tmp.dir()
  for name, text in pairs({
    passwd = PASSWD, group = GROUP, shadow = "root:*:19000:0:99999:7:::\nold:!:19000::::::\n",
    gshadow = "root:*::\nsudo:*::old\nold:!::\n_ssh:!::\n", ["skel/.profile"] = "umask 022\n",
    ["sudoers.d/README"] = "#\n",
  }) do
    tmp.write(dir .. "/etc/" .. name, text)
  end
  return dir
end

--- path -> { text, mode, uid, gid } of files, { mode, uid, gid } of folders
local function over(list)
  local out = assert(users.over(image(), list))
  local files, folders = {}, {}
  for _, file in ipairs(out.files) do
    files[file[1]] = { file[2], ("%o"):format(file[3]), file[4] and file[4].uid, file[4] and file[4].gid }
  end
  for _, folder in ipairs(out.folders) do
    folders[folder[1]] = { ("%o"):format(folder[2]), folder[3] and folder[3].uid, folder[3] and folder[3].gid }
  end
  return files, folders
end

describe("accounts of a new server", function()
  it("are rows after those of the image, with a number that nobody has", function()
    local files, folders = over({
      { name = "admin", keys = "k\n", gecos = "A:B\nC", shell = "/bin/bash", groups = { "sudo", "ops" },
        sudo = { "ALL=(ALL) NOPASSWD:ALL" } },
      { name = "app", keys = "", group = "ops", home = "/srv/app" },
    })
    assert.are.equal(PASSWD .. "admin:x:1002:1002:A B C:/home/admin:/bin/bash\napp:x:1004:1003::/srv/app:/bin/sh\n",
      files["up/etc/passwd"][1])
    assert.are.equal("root:x:0:\nsudo:x:27:old,admin\nold:x:1000:\n_ssh:x:1001:\nadmin:x:1002:\nops:x:1003:admin\n",
      files["up/etc/group"][1])
    assert.matches("\nadmin:%*::0:99999:7:::\napp:%*:", files["up/etc/shadow"][1])
    assert.are.equal("root:*::\nsudo:*::old,admin\nold:!::\n_ssh:!::\nadmin:!::\nops:!::admin\n",
      files["up/etc/gshadow"][1])
    assert.are.same({ "k\n", "600", 1002, 1002 }, files["up/home/admin/.ssh/authorized_keys"])
    assert.are.same({ "umask 022\n", "644", 1004, 1003 }, files["up/srv/app/.profile"])
    assert.are.same({ "admin ALL=(ALL) NOPASSWD:ALL\n", "440" }, files["up/etc/sudoers.d/90-users"])
    assert.are.same({ { "755" }, { "700", 1002, 1002 }, { "700", 1004, 1003 } },
      { folders["up/home"], folders["up/home/admin"], folders["up/srv/app/.ssh"] })
    assert.are.same({ "700" }, folders["up/etc"]) -- as the image has it
  end)

  it("are not made twice, nor without a table to be in", function()
    local files = over({ { name = "old", keys = "k\n", sudo = { "ALL" } } })
    assert.are.equal(PASSWD, files["up/etc/passwd"][1])
    assert.is_nil(files["up/etc/sudoers.d/90-users"])
    local none, e = users.over(tmp.dir(), { { name = "a", keys = "" } })
    assert.is_nil(none)
    assert.are.equal("notfound", e.code)
  end)

  it("have names that the tables can hold", function()
    for name, good in pairs({ admin = true, _a = true, ["a-1"] = true, ["a:b"] = false, Root = false, [""] = false,
      ["a\nb"] = false, [("a"):rep(33)] = false }) do
      assert.are.equal(good, users.is_name(name))
    end
    assert.is_false(users.is_name(7))
  end)
end)
