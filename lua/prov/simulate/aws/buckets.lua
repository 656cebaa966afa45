--- Buckets of S3: names, regions, tags and the block of public access. Objects are not kept: who puts one is told so.

local catalog = require("prov.simulate.aws.catalog")
local data = require("core.data")
local kit = require("prov.simulate.aws.kit")

local M = { operations = {} }

local operations = M.operations

M.kinds = { bucket = { unique = { "name" }, quota = 10000 } }

--- Names that somebody else has, as in the real one: those that everybody tries first.
local OTHERS = { test = true, bucket = true, example = true, data = true, images = true, backup = true, assets = true }

local HOME = "us-east-1"

local BLOCK = { "BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets" }

--- Refuses with a status.
local function refuse(status, code, fmt, ...)
  local _, e = kit.refuse(code, fmt, ...)
  e.wire.status = status
  return nil, e
end

--- The bucket of a request; one in another region says where.
local function bucket_of(call, p)
  local bucket = call.w:find("bucket", p.Bucket)
  if not bucket and OTHERS[p.Bucket] then
    return refuse(403, "AccessDenied", "Access Denied")
  elseif not bucket then
    return refuse(404, "NoSuchBucket", "The specified bucket does not exist")
  end
  call.headers = { ["x-amz-bucket-region"] = bucket.region }
  if bucket.region ~= call.region then
    return refuse(301, "PermanentRedirect", "The bucket you are attempting to access must be addressed using the "
      .. "specified endpoint. Please send all future requests to this endpoint.")
  end
  return bucket
end

--- Tags as a map.
local function labels_of(list)
  local out = {}
  for _, tag in ipairs(list or {}) do
    local key, value = tag.Key or "", tag.Value or ""
    if key == "" or (utf8.len(key) or 129) > 128 then
      return refuse(400, "InvalidTag", "The TagKey you have provided is invalid")
    elseif (utf8.len(value) or 257) > 256 then
      return refuse(400, "InvalidTag", "The TagValue you have provided is invalid")
    elseif key:lower():find("^aws:") then
      return refuse(400, "InvalidTag", "System tags cannot be added/updated by requester")
    elseif out[key] then
      return refuse(400, "InvalidTag", "Cannot provide multiple Tags with the same key")
    end
    out[key] = value
  end
  if #data.keys(out) > 50 then
    return refuse(400, "BadRequest", "Bucket tag count cannot be greater than 50")
  end
  return out
end

local function is_name(name)
  return #name >= 3 and #name <= 63 and name:find("^[a-z0-9][a-z0-9.-]*[a-z0-9]$") ~= nil
    and not name:find("..", 1, true) and not name:find("^%d+%.%d+%.%d+%.%d+$") and not name:find("^xn%-%-")
end

--- The region that a creation means.
local function place(call, wanted)
  if not wanted and call.region ~= HOME then
    return refuse(400, "IllegalLocationConstraintException", "The unspecified location constraint is incompatible for "
      .. "the region specific endpoint this request was sent to.")
  end
  local region = wanted == "EU" and "eu-west-1" or wanted or HOME
  if wanted == HOME or not catalog.REGIONS[region] then
    return refuse(400, "InvalidLocationConstraint", "The specified location-constraint is not valid")
  elseif call.region ~= HOME and region ~= call.region then
    return refuse(400, "IllegalLocationConstraintException", "The %s location constraint is incompatible for the "
      .. "region specific endpoint this request was sent to.", wanted)
  end
  return region
end

--- What the simulator does not do with buckets.
local function unknown_wish(p)
  for _, field in ipairs({ "GrantFullControl", "GrantRead", "GrantReadACP", "GrantWrite", "GrantWriteACP",
    "ObjectLockEnabledForBucket", "BucketNamespace" }) do
    if p[field] then
      return refuse(501, "NotImplemented", "The simulator knows no %s of buckets", field)
    end
  end
  if p.ACL and p.ACL ~= "private" then
    return refuse(400, "InvalidBucketAclWithObjectOwnership",
      "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting")
  end
  return true
end

function operations.CreateBucket(call, p)
  local config = p.CreateBucketConfiguration or {}
  local ok, e = unknown_wish(p)
  if not ok then
    return nil, e
  elseif not is_name(p.Bucket) then
    return refuse(400, "InvalidBucketName", "The specified bucket is not valid.")
  end
  local region, labels
  region, e = place(call, config.LocationConstraint)
  if not region then
    return nil, e
  end
  labels, e = labels_of(config.Tags)
  if not labels then
    return nil, e
  end
  local before = call.w:actual("bucket", p.Bucket)
  if OTHERS[p.Bucket] then
    return refuse(409, "BucketAlreadyExists", "The requested bucket name is not available. The bucket namespace is "
      .. "shared by all users of the system. Please select a different name and try again.")
  elseif before and not (before.region == HOME and call.region == HOME) then -- there it is no error
    return refuse(409, "BucketAlreadyOwnedByYou",
      "Your previous request to create the named bucket succeeded and you already own it.")
  elseif not before then
    local block = {}
    for _, name in ipairs(BLOCK) do
      block[name] = true
    end
    before, e = call.w:add("bucket", {
      id = p.Bucket, name = p.Bucket, region = region, labels = labels, block = block,
    })
    if not before then
      return nil, e
    end
  end
  return { Location = "/" .. p.Bucket, BucketArn = "arn:aws:s3:::" .. p.Bucket }
end

function operations.HeadBucket(call, p)
  local bucket, e = bucket_of(call, p)
  if not bucket then
    return nil, e
  end
  return { BucketRegion = bucket.region, AccessPointAlias = false, BucketArn = "arn:aws:s3:::" .. bucket.name }
end

function operations.GetBucketLocation(call, p)
  local bucket, e = bucket_of(call, p)
  if not bucket then
    return nil, e
  end
  return { LocationConstraint = bucket.region ~= HOME and bucket.region or "" }
end

function operations.ListBuckets(call, p)
  local out, names = data.list({}), {}
  local size = p.MaxBuckets or 10000
  if size < 1 or size > 10000 then
    return refuse(400, "InvalidArgument", "Argument max-buckets must be an integer between 1 and 10000")
  end
  for _, bucket in ipairs(call.w:list("bucket")) do
    if (not p.BucketRegion or bucket.region == p.BucketRegion)
      and (not p.Prefix or bucket.name:sub(1, #p.Prefix) == p.Prefix) then
      names[#names + 1] = bucket
    end
  end
  table.sort(names, function(a, b)
    return a.name < b.name
  end)
  local tells = p.MaxBuckets or p.BucketRegion or p.Prefix or p.ContinuationToken
  local token
  for _, bucket in ipairs(names) do
    if not p.ContinuationToken or bucket.name > p.ContinuationToken then
      if #out == size then
        token = out[#out].Name
        break
      end
      out[#out + 1] = {
        Name = bucket.name, CreationDate = kit.time(bucket.created), BucketRegion = tells and bucket.region or nil,
      }
    end
  end
  return {
    Buckets = out, Owner = { ID = ("0"):rep(52) .. kit.ACCOUNT }, ContinuationToken = token, Prefix = p.Prefix,
  }
end

function operations.DeleteBucket(call, p)
  local bucket, e = bucket_of(call, p)
  if not bucket then
    return nil, e
  end
  call.w:remove(bucket)
end

-- Tags and public access -------------------------------------------------------------------------

function operations.GetBucketTagging(call, p)
  local bucket, e = bucket_of(call, p)
  if not bucket then
    return nil, e
  elseif next(bucket.labels) == nil then
    return refuse(404, "NoSuchTagSet", "The TagSet does not exist")
  end
  return { TagSet = kit.tags(bucket.labels) }
end

function operations.PutBucketTagging(call, p)
  local bucket, e = bucket_of(call, p)
  if not bucket then
    return nil, e
  end
  local labels
  labels, e = labels_of(p.Tagging and p.Tagging.TagSet)
  if not labels then
    return nil, e
  end
  call.w:change(bucket, { labels = labels })
end

function operations.DeleteBucketTagging(call, p)
  local bucket, e = bucket_of(call, p)
  if not bucket then
    return nil, e
  end
  call.w:change(bucket, { labels = {} })
end

function operations.GetPublicAccessBlock(call, p)
  local bucket, e = bucket_of(call, p)
  if not bucket then
    return nil, e
  elseif not bucket.block then
    return refuse(404, "NoSuchPublicAccessBlockConfiguration", "The public access block configuration was not found")
  end
  return { PublicAccessBlockConfiguration = bucket.block }
end

function operations.PutPublicAccessBlock(call, p)
  local bucket, e = bucket_of(call, p)
  if not bucket then
    return nil, e
  end
  local block = {}
  for _, name in ipairs(BLOCK) do
    block[name] = (p.PublicAccessBlockConfiguration or {})[name] or false
  end
  call.w:change(bucket, { block = block })
end

function operations.DeletePublicAccessBlock(call, p)
  local bucket, e = bucket_of(call, p)
  if not bucket then
    return nil, e
  end
  call.w:change(bucket, { block = kit.NONE })
end

function operations.GetBucketVersioning(call, p)
  local bucket, e = bucket_of(call, p)
  return bucket and {} or nil, e
end

-- Objects: there are none ------------------------------------------------------------------------

local function empty(more)
  return function(call, p)
    local bucket, e = bucket_of(call, p)
    if not bucket then
      return nil, e
    end
    local out = { Name = bucket.name, Prefix = p.Prefix or "", Delimiter = p.Delimiter, MaxKeys = p.MaxKeys or 1000,
      IsTruncated = false, EncodingType = p.EncodingType }
    for name, v in pairs(more) do
      out[name] = v
    end
    return out
  end
end

operations.ListObjects = empty({ Marker = "" })
operations.ListObjectsV2 = empty({ KeyCount = 0 })
operations.ListObjectVersions = empty({ KeyMarker = "", VersionIdMarker = "" })

return M
