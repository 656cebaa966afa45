-- Made by tests/support/aws_model.lua from AWS's description of the service; do not edit. The notation is in
-- lua/prov/aws/query.lua.
-- luacheck: ignore 631

return {
  name = "route53",
  version = "2013-04-01",
  protocol = "rest-xml",
  namespace = "https://route53.amazonaws.com/doc/2013-04-01/",
  prefix = "route53",
  operations = {
    ChangeResourceRecordSets = [[
      ChangeResourceRecordSetsRequest ChangeResourceRecordSetsResponse POST /2013-04-01/hostedzone/{Id}/rrset/ - ChangeResourceRecordSetsRequest
    ]],
    ChangeTagsForResource = [[
      ChangeTagsForResourceRequest ChangeTagsForResourceResponse POST /2013-04-01/tags/{ResourceType}/{ResourceId} - ChangeTagsForResourceRequest
    ]],
    CreateHostedZone = [[
      CreateHostedZoneRequest CreateHostedZoneResponse POST /2013-04-01/hostedzone 201 CreateHostedZoneRequest
    ]],
    DeleteHostedZone = "DeleteHostedZoneRequest DeleteHostedZoneResponse DELETE /2013-04-01/hostedzone/{Id} - -",
    GetChange = "GetChangeRequest GetChangeResponse GET /2013-04-01/change/{Id} - -",
    GetDNSSEC = "GetDNSSECRequest GetDNSSECResponse GET /2013-04-01/hostedzone/{Id}/dnssec - -",
    GetHostedZone = "GetHostedZoneRequest GetHostedZoneResponse GET /2013-04-01/hostedzone/{Id} - -",
    GetHostedZoneCount = "GetHostedZoneCountRequest GetHostedZoneCountResponse GET /2013-04-01/hostedzonecount - -",
    ListHostedZones = "ListHostedZonesRequest ListHostedZonesResponse GET /2013-04-01/hostedzone - -",
    ListHostedZonesByName = [[
      ListHostedZonesByNameRequest ListHostedZonesByNameResponse GET /2013-04-01/hostedzonesbyname - -
    ]],
    ListResourceRecordSets = [[
      ListResourceRecordSetsRequest ListResourceRecordSetsResponse GET /2013-04-01/hostedzone/{Id}/rrset - -
    ]],
    ListTagsForResource = [[
      ListTagsForResourceRequest ListTagsForResourceResponse GET /2013-04-01/tags/{ResourceType}/{ResourceId} - -
    ]],
    ListTagsForResources = [[
      ListTagsForResourcesRequest ListTagsForResourcesResponse POST /2013-04-01/tags/{ResourceType} - ListTagsForResourcesRequest
    ]],
    UpdateHostedZoneComment = [[
      UpdateHostedZoneCommentRequest UpdateHostedZoneCommentResponse POST /2013-04-01/hostedzone/{Id} - UpdateHostedZoneCommentRequest
    ]],
  },
  shapes = {
    ["-"] = "",
    AZAffinity = "LocationId=s LocationType=s",
    AliasTarget = "DNSName=s EvaluateTargetHealth=b HostedZoneId=s",
    Change = "Action=s ResourceRecordSet=ResourceRecordSet",
    ChangeBatch = "Changes=[Change@Change] Comment=s",
    ChangeGuardrail = "Name=s Status=s",
    ChangeHistoryFeature = "RetentionStartsAt=t Status=s",
    ChangeInfo = "Comment=s Id=s Status=s SubmittedAt=t",
    ChangeResourceRecordSetsRequest = "ChangeBatch=ChangeBatch HostedZoneId@/Id=s",
    ChangeResourceRecordSetsResponse = "ChangeInfo=ChangeInfo",
    ChangeTagsForResourceRequest = [[
      AddTags=[Tag@Tag] RemoveTagKeys=[s@Key] ResourceId@/ResourceId=s ResourceType@/ResourceType=s
    ]],
    ChangeTagsForResourceResponse = "",
    CidrRoutingConfig = "CollectionId=s LocationName=s",
    Coordinates = "Latitude=s Longitude=s",
    CreateHostedZoneRequest = [[
      CallerReference=s ChangeGuardrails=[ChangeGuardrail@ChangeGuardrail] DelegationSetId=s EnablePublicDNSFallback=b HostedZoneConfig=HostedZoneConfig Name=s VPC=VPC
    ]],
    CreateHostedZoneResponse = [[
      ChangeInfo=ChangeInfo DelegationSet=DelegationSet HostedZone=HostedZone Location@:Location=s VPC=VPC
    ]],
    DNSSECStatus = "ServeSignature=s StatusMessage=s",
    DelegationSet = "CallerReference=s Id=s NameServers=[s@NameServer]",
    DeleteHostedZoneRequest = "Id@/Id=s",
    DeleteHostedZoneResponse = "ChangeInfo=ChangeInfo",
    GeoLocation = "ContinentCode=s CountryCode=s SubdivisionCode=s",
    GeoProximityLocation = "AWSRegion=s Bias=i Coordinates=Coordinates LocalZoneGroup=s",
    GetChangeRequest = "Id@/Id=s",
    GetChangeResponse = "ChangeInfo=ChangeInfo",
    GetDNSSECRequest = "HostedZoneId@/Id=s",
    GetDNSSECResponse = "KeySigningKeys=[KeySigningKey] Status=DNSSECStatus",
    GetHostedZoneCountRequest = "",
    GetHostedZoneCountResponse = "HostedZoneCount=i",
    GetHostedZoneRequest = "Id@/Id=s",
    GetHostedZoneResponse = "DelegationSet=DelegationSet HostedZone=HostedZone VPCs=[VPC@VPC]",
    HostedZone = [[
      CallerReference=s Config=HostedZoneConfig Features=HostedZoneFeatures Id=s LinkedService=LinkedService Name=s ResourceRecordSetCount=i
    ]],
    HostedZoneConfig = "Comment=s HostedZoneTier=s PrivateZone=b",
    HostedZoneFailureReasons = "AcceleratedRecovery=s",
    HostedZoneFeatures = [[
      AcceleratedRecoveryStatus=s ChangeGuardrails=[ChangeGuardrail@ChangeGuardrail] ChangeHistory=ChangeHistoryFeature FailureReasons=HostedZoneFailureReasons PublicDNSFallbackStatus=s
    ]],
    KeySigningKey = [[
      CreatedDate=t DNSKEYRecord=s DSRecord=s DigestAlgorithmMnemonic=s DigestAlgorithmType=i DigestValue=s Flag=i KeyTag=i KmsArn=s LastModifiedDate=t Name=s PublicKey=s SigningAlgorithmMnemonic=s
      SigningAlgorithmType=i Status=s StatusMessage=s
    ]],
    LinkedService = "Description=s ServicePrincipal=s",
    ListHostedZonesByNameRequest = "DNSName@?dnsname=s HostedZoneId@?hostedzoneid=s MaxItems@?maxitems=s",
    ListHostedZonesByNameResponse = [[
      DNSName=s HostedZoneId=s HostedZones=[HostedZone@HostedZone] IsTruncated=b MaxItems=s NextDNSName=s NextHostedZoneId=s
    ]],
    ListHostedZonesRequest = [[
      DelegationSetId@?delegationsetid=s HostedZoneType@?hostedzonetype=s Marker@?marker=s MaxItems@?maxitems=s
    ]],
    ListHostedZonesResponse = "HostedZones=[HostedZone@HostedZone] IsTruncated=b Marker=s MaxItems=s NextMarker=s",
    ListResourceRecordSetsRequest = [[
      HostedZoneId@/Id=s MaxItems@?maxitems=s StartRecordIdentifier@?identifier=s StartRecordName@?name=s StartRecordType@?type=s
    ]],
    ListResourceRecordSetsResponse = [[
      IsTruncated=b MaxItems=s NextRecordIdentifier=s NextRecordName=s NextRecordType=s ResourceRecordSets=[ResourceRecordSet@ResourceRecordSet]
    ]],
    ListTagsForResourceRequest = "ResourceId@/ResourceId=s ResourceType@/ResourceType=s",
    ListTagsForResourceResponse = "ResourceTagSet=ResourceTagSet",
    ListTagsForResourcesRequest = "ResourceIds=[s@ResourceId] ResourceType@/ResourceType=s",
    ListTagsForResourcesResponse = "ResourceTagSets=[ResourceTagSet@ResourceTagSet]",
    ResourceRecord = "Value=s",
    ResourceRecordSet = [[
      AZAffinity=AZAffinity AliasTarget=AliasTarget CidrRoutingConfig=CidrRoutingConfig Failover=s GeoLocation=GeoLocation GeoProximityLocation=GeoProximityLocation HealthCheckId=s MultiValueAnswer=b
      Name=s Region=s ResourceRecords=[ResourceRecord@ResourceRecord] SetIdentifier=s TTL=i TrafficPolicyInstanceId=s Type=s Weight=i
    ]],
    ResourceTagSet = "ResourceId=s ResourceType=s Tags=[Tag@Tag]",
    Tag = "Key=s Value=s",
    UpdateHostedZoneCommentRequest = "Comment=s Id@/Id=s",
    UpdateHostedZoneCommentResponse = "HostedZone=HostedZone",
    VPC = "VPCId=s VPCRegion=s",
  },
}
