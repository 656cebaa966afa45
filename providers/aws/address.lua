--- Addresses: elastic IPs, which stay when their server goes.

local api = require("api")
local kind = require("kind")

local function state(_, address, known)
  local server = address.InstanceId ~= "" and address.InstanceId or nil
  return {
    id = address.AllocationId,
    name = api.tag(address.Tags, "Name"),
    ip = address.PublicIp,
    server = known.server and (server or ""), -- else servers say so
    ptr = known.ptr,
    labels = api.labels(address.Tags),
  }
end

local M = kind.body({
  what = "address", operation = "DescribeAddresses", field = "Addresses", id = "AllocationId",
  filter = "allocation-id", type = "elastic-ip", state = state,
})

local function associate(ctx, id, server)
  return api.patient(ctx, { ["InvalidAllocationID.NotFound"] = true, IncorrectInstanceState = true }, 60, function()
    return api.ec2(ctx, "AssociateAddress", { AllocationId = id, InstanceId = server, AllowReassociation = true })
  end)
end

--- The reverse name; AWS wants a name that leads to the address already.
local function set_ptr(ctx, id, ptr)
  if not ptr then
    return api.ec2(ctx, "ResetAddressAttribute", { AllocationId = id, Attribute = "domain-name" })
  end
  local ok, e = api.ec2(ctx, "ModifyAddressAttribute", { AllocationId = id, DomainName = ptr })
  if not ok and e.code == "invalid" then
    e.hint = ("a record of %s must lead to the address first"):format(ptr)
  end
  return ok, e
end

function M.create(ctx, want)
  local address, e = M.make(ctx, want, "AllocateAddress", { Domain = "vpc" })
  if not address then
    return nil, e
  end
  local id = address.AllocationId
  address, e = M.seen(ctx, id)
  local ok = address
  if ok and want.server then
    ok, e = associate(ctx, id, want.server)
  end
  if ok and want.ptr then
    ok, e = set_ptr(ctx, id, want.ptr)
  end
  if ok then
    address, e = M.must(ctx, id)
  end
  return ok and address and state(ctx, address, want), e
end

function M.update(ctx, id, want)
  local address, e = M.retag(ctx, id, want)
  if not address then
    return nil, e
  end
  local ok = true
  local server = address.InstanceId ~= "" and address.InstanceId or nil
  if server ~= want.server then
    if want.server then
      ok, e = associate(ctx, id, want.server)
    else
      ok, e = api.away(ctx, "DisassociateAddress", { AssociationId = address.AssociationId })
    end
  end
  if ok and want.ptr ~= (ctx.applied or {}).ptr then
    ok, e = set_ptr(ctx, id, want.ptr)
  end
  if not ok then
    return nil, e
  end
  address, e = M.must(ctx, id)
  return address and state(ctx, address, want), e
end

function M.delete(ctx, id)
  local address, e = M.object(ctx, id)
  if not address then
    return not e or nil, e
  end
  local ok = true
  if address.AssociationId and address.AssociationId ~= "" then
    ok, e = api.away(ctx, "DisassociateAddress", { AssociationId = address.AssociationId })
  end
  if ok then
    ok, e = api.patient(ctx, { ["InvalidIPAddress.InUse"] = true }, ctx.config.patience, function()
      return api.away(ctx, "ReleaseAddress", { AllocationId = id })
    end)
  end
  if not ok then
    return nil, e
  end
  return true
end

return kind.guarded(M)
