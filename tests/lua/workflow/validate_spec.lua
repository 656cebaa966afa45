--- What is wrong with a workflow is said before anything runs, with its place.

local err = require("prov.err")
local spec = require("support.project")
local test = require("support.async").test
local workflow = require("prov.workflow")

local HEAD = "kind: workflow\napi: 1\nsummary: x\n"

-- The errors of a workflow, each as "line:column: message".
local function errors(text, more, form)
  local files = { ["infra.yaml"] = "defaults: { provider: demo }\nitems: { a: {} }\n" }
  files["workflows/w." .. (form or "yaml")] = text
  for name, body in pairs(more or {}) do
    files[name] = body
  end
  local c = spec.ctx(files)
  local made, e = workflow.made(c, { name = "w" }, true)
  local out = {}
  for _, one in ipairs(made and {} or err.list(e)) do
    out[#out + 1] = ("%s:%s: %s%s"):format(one.line, one.column, one.msg, one.hint and " | " .. one.hint or "")
  end
  return table.concat(out, "\n"), made
end

local function refused(text, wanted, more, form)
  local found = errors(text, more, form)
  assert.is_truthy(found:find(wanted, 1, true), ("no '%s' in: %s"):format(wanted, found))
end

local function step(text)
  return HEAD .. "inputs: { env: { type: string, default: test } }\nsteps:\n  - name: a\n    run: validate\n    "
    .. "outputs: { ok: "
    .. "\"${result.ok}\" }\n  - name: b\n" .. text
end

describe("a workflow", function()
  it("is refused for what its tree must not hold", test(function()
    refused("kind: workflow\nsteps: []\n", "the field 'summary' is missing")
    refused(HEAD .. "steps:\n  - name: a\n    rum: plan\n", "6:5: steps[1].rum: there is no field 'rum' | did you "
      .. "mean 'run'?")
    refused("kind: workflow\napi: 2\nsummary: x\nsteps: [{ name: a, run: plan }]\n", "2:1: api: is 2, this program "
      .. "knows 1")
    refused(HEAD .. "name: other\nsteps: [{ name: a, run: plan }]\n", "4:1: name: is 'other', but its file is that "
      .. "of 'w'")
    refused(HEAD .. "inputs: { a: { typo: string } }\nsteps: [{ name: a, run: plan }]\n", "a.typo is not known")
    refused(HEAD .. "on_failure: explode\nsteps: [{ name: a, run: plan }]\n", "4:1: on_failure:")
  end))

  it("names operations and parameters that there are", test(function()
    refused(step("    run: aply\n"), "10:5: steps[2].run: there is no operation 'aply' | did you mean 'apply'?")
    refused(step("    run: sx\n"), "it is the shortcut of 'server exec'")
    refused(step("    run: server ssh\n"), "needs a person at a terminal")
    refused(step("    run: workflow run\n"), 'cannot be a step | a step with workflow = "NAME"')
    refused(step("    run: apply\n    with: { paralelism: 3 }\n"), "there is no field 'paralelism' | did you mean "
      .. "'parallelism'?")
    refused(step("    run: apply\n    with:\n      parallelism: 0\n"), "12:7: steps[2].with.parallelism: 'apply': "
      .. "parallelism: 0 is less")
    refused(step("    run: apply\n    with: { parallelism: \"${inputs.env}\" }\n"), "expected an integer")
    refused(step("    run: server stop\n"), "9:5: steps[2]: 'server stop': 'name' is missing")
    refused(step("    run: server stop\n    with: { name: a }\n    compensate: { run: server strat }\n"),
      "compensate.run: there is no operation 'server strat' | did you mean 'server start'?")
  end))

  it("refers to what there is", test(function()
    refused(step("    run: plan\n    when: steps.a.outputs.okay\n"), "11:11: steps[2].when: step 'a' declares no "
      .. "output 'okay' | give it one")
    refused(step("    run: plan\n    when: inputs.env == 'x' and steps.c.status == 'done'\n"), "11:33: "
      .. "steps[2].when: there is no step 'c'")
    refused(step("    run: plan\n    when: \"failed('aa')\"\n"), "11:19: steps[2].when: there is no step 'aa'")
    refused(step("    run: plan\n    when: inputs.env = 'x'\n"), "11:22: steps[2].when: = does not compare; write ==")
    refused(step("    run: plan\n    workspace: \"${inputs.evn}\"\n"), "11:19: steps[2].workspace: there is no "
      .. "input 'evn' | did you mean 'env'?")
    refused(step("    run: plan\n    needs: [c]\n"), "11:13: steps[2].needs[1]: there is no step 'c'")
    refused(step("    run: plan\n    with: { out: \"${matrix.x}\" }\n"), "there is no axis of a matrix 'x'")
    refused(step("    run: plan\n    with: { out: \"${result.x}\" }\n"), "only known in the outputs")
    refused(step("    run: plan\n    with: { out: \"${run.di}\" }\n"), "there is no value of the run 'di' | did you "
      .. "mean 'id'?")
    refused(step("    run: plan\n    workspace: nowhere/at/all\n"), "nowhere/at/all is not a workspace")
    refused(step("    run: plan\n    outputs: { x: \"${steps.b.outputs.x}\" }\n"), "refers to itself")
  end))

  it("is no circle, and its references are edges", test(function()
    refused(HEAD .. "steps:\n  - { name: a, run: plan, needs: [c] }\n  - { name: b, run: plan, needs: [a] }\n"
      .. "  - { name: c, run: plan, when: steps.b.status == 'done' }\n", "steps wait for each other: ")
    local found = errors(HEAD .. "steps:\n  - { name: a, run: plan, needs: [b] }\n  - { name: b, run: plan, needs: "
      .. "[a] }\n")
    assert.matches("a %-> b %-> a", found .. found:gsub("b %-> a %-> b", "a -> b -> a"))
    local _, made = errors(step("    run: plan\n    with: { out: \"${steps.a.outputs.ok}\" }\n"))
    assert.same({ "a" }, { made.by_id.b.needs[1].id })
  end))

  it("has matrices and sub-workflows of bounded size", test(function()
    refused(step("    run: plan\n    matrix: { region: eu }\n"), "steps[2].matrix.region: must be a list of values")
    refused(step("    run: plan\n    matrix: { r: [a, a] }\n"), "has the instance 'a' twice")
    refused(step("    workflow: v\n"), "no workflow 'v'")
    refused(step("    workflow: w\n"), "10:5: steps[2].workflow: the workflow runs itself: w -> w")
    refused(step("    workflow: v\n"), "the workflow runs itself: w -> v -> w",
      { ["workflows/v.yaml"] = HEAD .. "steps: [{ name: x, workflow: w }]\n" })
    refused(step("    workflow: v\n    with: { n: x }\n"), "workflow 'v': n: expected an integer",
      { ["workflows/v.yaml"] = HEAD .. "inputs: { n: { type: int } }\nsteps: [{ name: x, run: plan }]\n" })
    refused(step("    workflow: v\n    timeout: 3s\n"), "is for a step that runs an operation",
      { ["workflows/v.yaml"] = HEAD .. "steps: [{ name: x, run: plan }]\n" })
    refused(step("    needs: [a]\n"), "step 'b' does nothing")
    refused(step("    run: plan\n    max_parallel: 2\n"), "max_parallel: means the instances of a matrix")
  end))

  it("is the same in Lua and JSON, with places", test(function()
    local lua = '-- w\nreturn {\n  kind = "workflow", api = 1, summary = "x",\n  steps = {\n    { name = "a", run = '
      .. '"validate" },\n'
      .. '    {\n      name = "b",\n      run = "plan",\n      when = "steps.c.status == \'done\'",\n    },\n  },\n}\n'
    refused(lua, "9:15: steps[2].when: there is no step 'c'", nil, "lua")
    refused('return { summary = "x", steps = { { name = "a", run = function() end } } }', "no function can stand "
      .. "here", nil, "lua")
    refused("return { summary = os.time() }", "global 'os'", nil, "lua")
    refused('{\n "summary": "x",\n "steps": [ { "name": "a", "run": "plam" } ]\n}', "3:28: steps[1].run: there is "
      .. "no operation", nil, "json")
    local found, made = errors('{"summary": "x", "steps": [{"name": "a", "run": "plan"}]}', nil, "json")
    assert.equal("", found)
    assert.equal("a", made.nodes[1].id)
  end))

  it("takes inputs by their contract", test(function()
    local text = HEAD .. "inputs: { n: { type: int, required: true }, s: { type: string } }\nsteps: [{ name: a, "
      .. "run: plan }]\n"
    local c = spec.ctx({ ["infra.yaml"] = "items: {}\n", ["workflows/w.yaml"] = text })
    assert.matches("the field 'n' is missing", err.list(select(2, workflow.made(c, { name = "w" })))[1].msg)
    assert.matches("expected an integer", err.list(select(2, workflow.made(c, { name = "w",
      input = { n = "x" } })))[1].msg)
    assert.matches("no field 'm'", err.list(select(2, workflow.made(c, { name = "w", input = { n = "1",
      m = "1" } })))[1].msg)
    assert.same({ n = 7, s = "8" }, assert(workflow.made(c, { name = "w", input = { n = "7", s = "8" } })).inputs)
  end))
end)
