local test = require("support.async").test
local tmp = require("support.tmp")
local workspace = require("prov.workspace")

describe("workspace", function()
  local dir

  before_each(function()
    dir = tmp.dir()
  end)

  it(
    "is made, found, listed, used and deleted",
    test(function()
      local made = assert(workspace.create(dir .. "/alpha", { description = "first: one" }))
      assert.are.equal("alpha", made.name)
      assert.are.equal("first: one", workspace.open_dir(made.dir).description)
      assert(workspace.create(dir .. "/beta"))
      local names = {}
      for _, row in ipairs(workspace.list()) do
        if row.dir:find(dir, 1, true) then
          names[#names + 1] = row.name .. (row.current and "*" or "")
        end
      end
      assert.are.same({ "alpha", "beta*" }, names)
      assert(workspace.use("alpha"))
      assert.are.equal(made.dir, workspace.open("alpha").dir)
      assert.are.equal(made.dir, workspace.open(dir .. "/alpha").dir)
      assert.are.equal(made.dir, workspace.open().dir)
      assert(workspace.delete(workspace.open("beta"), { files = true }))
      assert.is_nil(require("prov.fs").stat(dir .. "/beta"))
      local _, e = workspace.open("beta")
      assert.are.equal("notfound", e.code)
      assert(workspace.delete(made))
      assert.is_table(workspace.open_dir(made.dir)) -- its files are still there
      assert.is_nil(require("prov.fs").stat(made.state_dir))
    end)
  )

  it(
    "is not made twice, nor with a bad name",
    test(function()
      assert(workspace.create(dir .. "/one"))
      local _, e = workspace.create(dir .. "/one")
      assert.are.equal("exists", e.code)
      require("prov.fs").mkdirp(dir .. "/two")
      assert.equal("two", assert(workspace.create(dir .. "/two/.")).name)
      _, e = workspace.create(dir .. "/Bad Name")
      assert.are.equal("invalid", e.code)
      assert.is_nil(require("prov.fs").stat(dir .. "/Bad Name"))
    end)
  )

  it("says what is wrong in prov.yaml", function()
    tmp.write(dir .. "/prov.yaml", "name: x\ndefualts: {}\n")
    local _, e = workspace.open_dir(dir)
    assert.truthy(tostring(e):find("prov.yaml:2:1: defualts", 1, true))
    assert.are.equal("did you mean 'defaults'?", e.hint)
    tmp.write(dir .. "/prov.yaml", "name: [\n")
    _, e = workspace.open_dir(dir)
    assert.truthy(tostring(e):find("prov.yaml:", 1, true))
  end)

  it("takes an empty prov.yaml and names itself after its folder", function()
    tmp.write(dir .. "/w/prov.yaml", "")
    assert.are.equal("w", workspace.open_dir(dir .. "/w").name)
  end)

  it(
    "keeps a key, a sealed store and an SSH key pair",
    test(function()
      local made = assert(workspace.create(dir .. "/keys"))
      local key = assert(made:key())
      assert.are.equal(32, #key)
      local store = assert(made:store())
      assert(store:commit_sync({ { "node", "a", "test", "plain text of the node" } }))
      assert.are.equal(store, made:store())
      local pair = assert(made:user_key())
      assert.truthy(pair.public:find("^ssh%-ed25519 %S+ prov keys$"))
      assert.truthy(pair.private:find("OPENSSH PRIVATE KEY", 1, true))
      made:close()
      local fs = require("prov.fs")
      for _, file in ipairs({ ".prov/key", ".prov/ssh/id_ed25519" }) do
        assert.are.equal(384, fs.stat(made.dir .. "/" .. file).mode, file)
      end
      assert.are.equal(448, fs.stat(made.state_dir).mode)
      assert.is_nil(tmp.read(made.state_dir .. "/state.mdb"):find("plain text of the node", 1, true))
      local again = assert(workspace.open_dir(made.dir))
      assert.are.equal(key, again:key())
      assert.are.equal(pair.public, again:user_key().public)
      local kind, bytes = assert(again:store()):node("a")
      assert.are.same({ "test", "plain text of the node" }, { kind, bytes })
      again:close()
    end)
  )

  it(
    "keeps its SSH key when only a part of the pair can be read",
    test(function()
      local fs = require("prov.fs")
      local made = assert(workspace.create(dir .. "/keys"))
      local pair = assert(made:user_key())
      local path = made.state_dir .. "/ssh/id_ed25519"
      local public = tmp.read(path .. ".pub")
      assert(fs.remove(path .. ".pub"))
      local again = assert(assert(workspace.open_dir(made.dir)):user_key())
      assert.are.same(pair, again)
      assert.are.equal(public, tmp.read(path .. ".pub"))
      assert(fs.remove(path .. ".pub"))
      assert(fs.remove(path))
      assert(fs.mkdirp(path))
      local none, e = assert(workspace.open_dir(made.dir)):user_key() -- no file there can be read
      assert.is_nil(none)
      assert.is_true(e.code ~= "notfound")
    end)
  )

  it(
    "takes its key from where prov.yaml says",
    test(function()
      tmp.write(dir .. "/w/prov.yaml", "key: ../elsewhere/the.key\n")
      local opened = assert(workspace.open_dir(dir .. "/w"))
      assert(opened:key())
      assert.are.equal(32, #tmp.read(dir .. "/elsewhere/the.key"))
    end)
  )
end)
