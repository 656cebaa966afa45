local data = require("core.data")
local value = require("prov.value")
local xml = require("prov.xml")

describe("xml", function()
  it("reads an answer of EC2", function()
    local v, at = xml.decode([[
<?xml version="1.0" encoding="UTF-8"?>
<DescribeInstancesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">
  <requestId>8f7724cf</requestId>
  <reservationSet>
    <item>
      <instancesSet>
        <item><instanceId>i-1</instanceId><instanceState><code>16</code></instanceState><tagSet/></item>
        <item><instanceId>i-2</instanceId></item>
      </instancesSet>
    </item>
  </reservationSet>
</DescribeInstancesResponse>
]], { file = "answer.xml" })
    local answer = v.DescribeInstancesResponse
    local instances = xml.list(xml.list(answer.reservationSet)[1].instancesSet)
    assert.are.equal(2, #instances)
    assert.are.equal("16", instances[1].instanceState.code)
    assert.are.same({}, xml.list(instances[1].tagSet))
    assert.are.same({}, xml.list(instances[2].tagSet))
    local path = { "DescribeInstancesResponse", "reservationSet", "item", 1, "instancesSet", "item", 2, "instanceId" }
    assert.are.same({ 8, 15 }, { at(path) })
  end)

  it("gives lists also where nothing marks them", function()
    local v = xml.decode("<r><Contents><Key>a</Key></Contents><Contents><Key>b</Key></Contents><One>x</One></r>").r
    assert.are.same({ "a", "b" }, { xml.list(v.Contents)[1].Key, xml.list(v.Contents)[2].Key })
    assert.are.same({ "x" }, xml.list(v.One))
    assert.are.same({ { a = "1" } }, xml.list({ a = "1" }))
  end)

  it("says where a mistake is", function()
    local v, e = xml.decode("<a>\n  <b></c>\n</a>", { file = "x.xml" })
    assert.is_nil(v)
    assert.are.equal("invalid", e.code)
    assert.are.equal("x.xml:2:8: not valid XML: mismatched tag", tostring(e))
    v, e = xml.decode("<a/>", { max = 3 })
    assert.is_nil(v)
    assert.are.equal("limit", e.code)
  end)

  it("writes what it reads", function()
    for _, text in ipairs({
      "<a/>", "<a>x &amp; &lt;y&gt; \"</a>", "<a b=\"1\" c=\"&quot;\n&#10;\">t</a>", "<a><item>1</item><item/></a>",
      "<a><item><b>1</b></item></a>", "<x:a xmlns:x=\"u\"><x:b>1</x:b>text</x:a>", "<a> spaces\n </a>", "<a>&#13;</a>",
      "<a><b/><b><c/></b></a>",
    }) do
      local v = assert(xml.decode(text))
      local again = assert(xml.encode(v))
      assert.are.equal(data.encode(v), data.encode((xml.decode(again))), text .. " became " .. again)
      assert.are.equal(again, xml.encode((xml.decode(again))))
    end
    assert.are.equal('<?xml version="1.0" encoding="UTF-8"?>\n<a>\n  <b>1</b>\n  <b>true</b>\n  <c/>\n</a>\n',
      xml.encode({ a = { b = { 1, true }, c = value.null } }))
  end)

  it("refuses what XML cannot hold", function()
    for _, v in ipairs({
      {}, { "a" }, "a", { a = 1, b = 2 }, { a = { 1, 2 } }, { a = { b = { { 1 } } } },
      { ["1a"] = "x" }, { a = { ["x y"] = 1 } },
      { a = "\1" }, { a = "\u{FFFF}" }, { a = "\255" }, { a = { ["@b c"] = 1 } }, { a = { ["@b"] = { 1 } } },
    }) do
      local text, e = xml.encode(v)
      assert.is_nil(text)
      assert.are.equal("invalid", e.code)
      assert.truthy(e.msg:find("^cannot write as XML"))
    end
  end)
end)
