-- luacheck: no max line length (rows of texts)
--- Templates: expressions, filters, blocks, blanks and escapes.

local template = require("prov.template")
local value = require("prov.value")

local VARS = {
  name = "web", n = 3, list = { "a", "b c" }, map = { x = 1, y = { z = 2 } }, empty = {}, yes = true, no = false,
  odd = "it's $HOME", pw = value.secret("s3"), servers = { { name = "a", port = 1 }, { name = "b", port = 2 } },
}

local function render(source, target)
  return template.render(source, VARS, target)
end

local function wrong(source, target)
  local ok, e = pcall(render, source, target)
  assert.is_false(ok, source)
  return tostring(e) .. (e.hint and " | " .. e.hint or "")
end

describe("templates", function()
  it("fill in expressions and filters", function()
    for source, wanted in pairs({
      ["{{ name }}-{{ n + 1 }}"] = "web-4", ["{{ map.y.z * 2 }}"] = "4", ["{{ list | join(', ') }}"] = "a, b c",
      ["{{ name | upper | replace('W', 'v') }}"] = "vEB", ["{{ none | default('x') }}"] = "x", ["{{ list[2] }}"] = "b c",
      ["{{ if n > 2 then 'many' else 'few' }}"] = "many", ["{{ map | json }}"] = '{"x":1,"y":{"z":2}}',
      ["{{ pw }}"] = "s3", ["{{ odd | sh }}"] = "'it'\\''s $HOME'", ["{{- name -}} "] = "web", ["a {{- name }}"] = "aweb",
      ["{{! nothing }}x"] = "x", ["{% raw %}{{ a }} {% if %}{% endraw %}!"] = "{{ a }} {% if %}!", ["{{ yes }}{{ no }}"] = "truefalse",
      ["${#array} %{code} { x }"] = "${#array} %{code} { x }", ["{{ length(list) }}"] = "2",
    }) do
      assert.equal(wanted, render(source), source)
    end
  end)

  it("choose and repeat", function()
    assert.equal("b", render("{% if n == 2 %}a{% elif n == 3 %}b{% else %}c{% endif %}"))
    assert.equal("c", render("{% if empty %}a{% elif no %}b{% else %}c{% endif %}"))
    assert.equal("1:a,2:b c", render("{% for x in list %}{{ loop.index }}:{{ x }}{% if not loop.last %},{% endif %}{% endfor %}"))
    assert.equal("x=1;y=Y;", render("{% for k, v in { x = 1, y = 'Y' } %}{{ k }}={{ v }};{% endfor %}"))
    assert.equal("none", render("{% for x in empty %}{{ x }}{% else %}none{% endfor %}"))
    assert.equal("a1b2", render("{% for s in servers %}{{ s.name }}{{ s.port }}{% endfor %}"))
    assert.equal("7", render("{% set x = n + 4 %}{{ x }}"))
    assert.equal("a1b1a2b2", render("{% for i in range(2) %}{% for x in ['a', 'b'] %}{{ x }}{{ i }}{% endfor %}{% endfor %}"))
    assert.equal("ab", render("{{# servers }}{{ name }}{{/ servers }}"))
  end)

  it("take the line of a tag that is alone on it", function()
    assert.equal("upstream {\n  server a:1;\n  server b:2;\n}\n", render([[
upstream {
  {% for s in servers %}
  server {{ s.name }}:{{ s.port }};
  {% endfor %}
}
]]))
    assert.equal("a\n  b\n", render("a\n  {% if yes %}b{% endif %}\n"))
    assert.equal("ab\n", render("a\n  {%- if yes -%}\n b\n {%- endif %}\n"))
  end)

  it("escape for their target", function()
    assert.equal("echo web 'it'\\''s $HOME' a 'b c' '; x'", render("echo {{ name }} {{ odd }} {{ list }} {{ '; x' }}", "shell"))
    assert.equal('a: web\nb: "it\'s $HOME"\nc: ["a","b c"]\nd: "yes"\ne: 3\nf: "12"\n', render("a: {{ name }}\nb: {{ odd }}\nc: {{ list }}\nd: {{ 'yes' }}\ne: {{ n }}\nf: {{ '12' }}\n", "yaml"))
    assert.equal('{"a":"web","b":3,"c":{"x":1,"y":{"z":2}}}', render('{"a":{{ name }},"b":{{ n }},"c":{{ map }}}', "json"))
    assert.equal("it's $HOME", render("{{ odd | raw }}", "shell"))
    assert.equal("shell", template.target_of("bin/run.sh.tmpl"))
    assert.equal("yaml", template.target_of("x.yml"))
    assert.equal("none", template.target_of("nginx.conf"))
    local text = render("{{ odd }}\n{{ list }}\n", "yaml")
    assert.equal("it's $HOME", require("prov.yaml").decode(text:match("^[^\n]*")))
  end)

  it("escape a value for the quotes that it stands in", function()
    for source, wanted in pairs({
      ['a: "x {{ odd }}"\n'] = { a = "x it's $HOME" }, ["a: 'x {{ odd }}'\n"] = { a = "x it's $HOME" },
      ['{a: "{{ evil }}", b: 1}'] = { a = '", c: 2, d: "', b = 1 }, ["it's: {{ name }}\nb: '{{ n }}'\n"] = { ["it's"] = "web", b = "3" },
      ["a: {{ lines }}\n"] = { a = "\u{85}\u{2028}\n" }, ['a: "{{ lines }}"\n'] = { a = "\u{85}\u{2028}\n" },
    }) do
      local vars = setmetatable({ evil = '", c: 2, d: "', lines = "\u{85}\u{2028}\n" }, { __index = VARS })
      assert.same(wanted, require("prov.yaml").decode(template.render(source, vars, "yaml")), source)
    end
    assert.same({ a = 'q"\\' }, require("prov.json").decode(template.render('{"a": "{{ x }}"}', { x = 'q"\\' }, "json")))
    assert.matches("cannot stand between ' and '", wrong("a: '{{ \"a\\nb\" }}'", "yaml"), 1, true)
    assert.matches("cannot be escaped between `", wrong("x=`echo {{ odd }}`", "shell"), 1, true)
    assert.matches("would end the here-document", wrong("cat <<EOF\n{{ 'EOF' }}\nEOF\n", "shell"), 1, true)
    assert.matches("has a byte 0", wrong("echo {{ '\\0' }}", "shell"), 1, true)
  end)

  it("never let a value out of the quotes of a script", function()
    local dir = require("support.tmp").dir()
    local scripts = {
      "printf '%s' {{ x }}", 'printf "%s" "{{ x }}"', "printf '%s' '{{ x }}'", 'printf "%s" "$(printf "%s" "{{ x }}")"',
      'a="it\'s" # it\'s {{ x }}\nprintf "%s" "{{ x }}"', "cat <<EOF\n{{ x }}\nEOF", "cat <<'EOF'\n{{ x }}\nEOF",
      'i=$((1<<2)); [ "$i" = 4 ] && [ "$((i<<1))" = 8 ] && printf "%s" "{{ x }}"',
      'f() { printf "%s" "$1"; }\nf "${a:-$(printf "%s" {{ x }})}"', 'cat <<-EOF | tr -d "\'"\n{{ x }}\n\tEOF\nb="{{ x }}"; [ "$b" = {{ x }} ] || echo differs',
    }
    math.randomseed(3)
    local parts = { "a", " ", "'", '"', "$", "`", "\\", "$(echo pwned)", "`echo pwned`", ";", "#", "\n", "*", "~", "!", "(", ")", "<<EOF", "${HOME}" }
    for round = 1, 40 do
      local out, x = {}, {}
      for i = 1, math.random(0, 6) do
        x[i] = parts[math.random(#parts)]
      end
      x = table.concat(x)
      for i, source in ipairs(scripts) do
        require("support.tmp").write(dir .. "/run.sh", template.render(source .. "\n", { x = x }, "shell"))
        local pipe = assert(io.popen("sh " .. dir .. "/run.sh 2>&1"))
        out[i] = pipe:read("a")
        pipe:close()
        local want = i == 10 and (x .. "\n"):gsub("'", "") or (i == 6 or i == 7) and x .. "\n" or (i == 4 or i == 9) and x:gsub("\n+$", "") or x
        assert.equal(want, out[i], ("%d: %s: %q"):format(round, source, x))
      end
    end
  end)

  it("say what is wrong, and on which line", function()
    for source, said in pairs({
      ["\n{{ nmae }}"] = "line 2: 'nmae' has no value", ["{{ list }}"] = "'list' is a list or map | {{ list | join(', ') }}, or | json",
      ["{% if n %}"] = "{% if %} is not closed", ["{% for x in list %}{{ x }}"] = "{% for %} is not closed", ["a\n{% endif %}"] = "line 2: {% endif %} closes nothing",
      ["{% else %}"] = "without an if", ["{% unless x %}"] = "there is no {% unless %}", ["{% for x list %}{% endfor %}"] = "this is no loop",
      ["{{ n | uper }}"] = "there is no filter 'uper' | did you mean 'upper'?", ["{{ n + 'a' }}"] = "cannot be calculated",
      ["{% raw %}"] = "is not closed", ["{% if n %}{{/ x }}{% endif %}"] = "closes nothing", ["{{! x"] = "is not closed",
      ["{% for x in range(100000) %}{% for y in range(100000) %}{% endfor %}{% endfor %}"] = "more than 200000 rounds",
      ["{% for x in n %}{% endfor %}"] = "a loop needs a list or map",
    }) do
      assert.matches(said, wrong(source), 1, true)
    end
    assert.matches("cannot be escaped for 'html'", wrong("x", "html"), 1, true)
  end)

  it("never raise anything but what is wrong, whatever they are given", function()
    math.randomseed(5)
    local words = { "{{", "}}", "{%", "%}", "{{#", "{{/", "n", "list", " ", "if", "for", "in", "else", "endif", "endfor", "elif", "x",
      "\n", "-", "|", "upper", "(", ")", "'", "set", "=", "raw", "endraw", ".", "{{!" }
    for _ = 1, 20000 do
      local out = {}
      for i = 1, math.random(1, 14) do
        out[i] = words[math.random(#words)]
      end
      local ok, e = pcall(render, table.concat(out, math.random() < 0.5 and " " or ""))
      assert.is_true(ok or require("prov.err").is(e), tostring(e))
    end
  end)
end)
