--- Buckets of S3: the bucket itself and its tags. What is in it is not prov's, so one that is not empty is never
--- deleted. Public access is blocked, as S3 does by itself with every new bucket.

local api = require("api")

local M = {}

local function s3(ctx, operation, params)
  local client, e = api.client(ctx)
  if not client then
    return nil, e
  end
  return client:call("s3", operation, params)
end

--- The region buckets go to when they say nothing.
local function home(ctx)
  local client, e = api.client(ctx)
  return client and client.region, e
end

--- Where a bucket is reached; a name with a dot fits no certificate of S3's as part of the host.
local function endpoint(ctx, name, region)
  if ctx.config.endpoint then
    return ("%s/%s"):format(ctx.config.endpoint:gsub("/$", ""), name)
  end
  local host = "s3." .. region .. (region:find("^cn%-") and ".amazonaws.com.cn" or ".amazonaws.com")
  return name:find(".", 1, true) and ("https://%s/%s"):format(host, name) or ("https://%s.%s"):format(name, host)
end

local function state(ctx, name, region, tags)
  return {
    id = name,
    name = name,
    zone = region,
    labels = api.labels(tags),
    endpoint = endpoint(ctx, name, region),
  }
end

--- The tags of a bucket; nil with a "notfound" when it is gone.
local function tags_of(ctx, name)
  local answer, e = s3(ctx, "GetBucketTagging", { Bucket = name })
  if not answer and api.code(e) == "NoSuchTagSet" then
    return {}
  end
  return answer and answer.TagSet or nil, e
end

--- The region and tags of a bucket; nil and an error, "notfound" when there is none.
local function look(ctx, name)
  local found, e = s3(ctx, "HeadBucket", { Bucket = name })
  if not found then
    return nil, e
  end
  local tags
  tags, e = tags_of(ctx, name)
  if not tags then
    return nil, e
  end
  return found.BucketRegion or home(ctx), tags
end

local function seen(ctx, name)
  local region, tags = look(ctx, name)
  if not region then
    return nil, tags
  end
  return state(ctx, name, region, tags)
end

function M.read(ctx, id)
  local found, e = seen(ctx, id)
  if not found and e.code == "notfound" then
    return nil
  end
  return found, e
end

--- True for a bucket with a key. Stores that are not AWS's own take no tags with a creation, so that a bucket of theirs
--- may have none yet.
local function has_key(ctx, tags, key)
  return api.tag(tags, api.KEY) == key or ctx.config.endpoint ~= nil and #tags == 0
end

--- The bucket that carries a key, by the name it was to get: names are the only ones of the world.
function M.find(ctx, key)
  if not ctx.want then
    return nil
  end
  local name = api.name_of(ctx, ctx.want)
  local region, tags = look(ctx, name)
  if not region then
    local e = tags
    return nil, e.code ~= "notfound" and e.code ~= "denied" and e or nil
  end
  return has_key(ctx, tags, key) and state(ctx, name, region, tags) or nil
end

--- Buckets of this region, and those that are known, wherever they are.
function M.list(ctx)
  local client, e = api.client(ctx)
  local all
  if client then
    all, e = client:all("s3", "ListBuckets", { MaxBuckets = 1000 }, "Buckets")
  end
  if not all then
    return nil, e
  end
  local out = ctx.json.list({})
  for _, bucket in ipairs(all) do
    local is_known = ctx.recorded_of and ctx.recorded_of(bucket.Name) ~= nil
    local is_here = not bucket.BucketRegion or bucket.BucketRegion == client.region
    local found
    if is_known or is_here then
      found, e = seen(ctx, bucket.Name)
      if not found and e.code ~= "notfound" and (is_known or e.code ~= "denied") then
        return nil, e
      end
    end
    out[#out + 1] = found and (is_known or found.zone == client.region) and found or nil
  end
  return out
end

--- Sets tags, which are always all of them, so that a bucket has its labels.
local function retag(ctx, name, want, tags, key)
  local set, away = api.tag_changes(ctx, want, tags)
  if key and not api.tag(tags, api.KEY) then -- what was imported may have none
    set[#set + 1] = { Key = api.KEY, Value = key }
  end
  if #set == 0 and #away == 0 then
    return true
  end
  local is_changed = {}
  for _, list in ipairs({ set, away }) do
    for _, tag in ipairs(list) do
      is_changed[tag.Key] = true
    end
  end
  for _, tag in ipairs(tags) do
    set[#set + 1] = not is_changed[tag.Key] and tag or nil
  end
  return s3(ctx, "PutBucketTagging", { Bucket = name, Tagging = { TagSet = set } })
end

--- What is said of a name that somebody has.
local function taken(ctx, name, whose)
  return ctx.error("exists", ("the bucket %s is there already%s"):format(name, whose), {
    hint = whose == ""
      and ("take it over with 'prov import %s %s', or give it another 'name'"):format(ctx.address, name)
      or "give it another 'name'",
  })
end

--- Whether a name is free: true, false for a bucket of ours that carries the key, or nil and an error. S3 would say
--- yes to who has the bucket already, in us-east-1.
local function is_free(ctx, name)
  local region, tags = look(ctx, name)
  if region then
    if api.tag(tags, api.KEY) == ctx.key then
      return false
    end
    return nil, taken(ctx, name, "")
  elseif tags.code == "notfound" then
    return true
  elseif tags.code == "denied" then
    return nil, taken(ctx, name, ", of another account or out of sight: names are the only ones of the world")
  end
  return nil, tags
end

local function make(ctx, want, name)
  local region, e = want.zone, nil
  if not region then
    region, e = home(ctx)
  end
  if not region then
    return nil, e
  end
  local answer
  answer, e = s3(ctx, "CreateBucket", { Bucket = name, CreateBucketConfiguration = {
    LocationConstraint = region ~= "us-east-1" and region or nil,
    Tags = api.tags(ctx, name, want.labels, ctx.key),
  } })
  if not answer and (api.code(e) == "BucketAlreadyExists" or api.code(e) == "BucketAlreadyOwnedByYou") then
    return nil, taken(ctx, name, "")
  end
  return answer, e
end

function M.create(ctx, want)
  local name = api.name_of(ctx, want)
  local free, e = is_free(ctx, name)
  if free == nil then
    return nil, e
  elseif free then
    local made
    made, e = api.made(ctx, function()
      return make(ctx, want, name)
    end, function()
      local region, tags = look(ctx, name)
      local unknown = not region and tags.code ~= "notfound" and tags or nil
      return region and has_key(ctx, tags, ctx.key) and {} or nil, unknown
    end)
    if not made then
      return nil, e
    end
  end
  ctx.adopt(name)
  local tags, ok
  tags, e = tags_of(ctx, name)
  ok = tags
  if tags then
    ok, e = retag(ctx, name, want, tags, ctx.key)
  end
  if not ok then
    return nil, e
  end
  return seen(ctx, name)
end

function M.update(ctx, id, want)
  local region, tags = look(ctx, id)
  if not region then
    return nil, tags
  end
  local ok, e = retag(ctx, id, want, tags, ctx.key)
  if not ok then
    return nil, e
  end
  return seen(ctx, id)
end

function M.delete(ctx, id)
  local ok, e = api.away(ctx, "DeleteBucket", { Bucket = id }, "s3")
  if not ok and api.code(e) == "BucketNotEmpty" then
    e.hint = ("what is in it is not prov's; to lose it: aws s3 rm s3://%s --recursive, and what versions are kept")
      :format(id)
  end
  return ok, e
end

return M
