-- Made by tests/support/aws_model.lua from AWS's description of the service; do not edit. The notation is in
-- lua/prov/aws/query.lua.
-- luacheck: ignore 631

return {
  name = "elbv2",
  version = "2015-12-01",
  protocol = "query",
  namespace = "http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/",
  prefix = "elasticloadbalancing",
  operations = {
    AddTags = "AddTagsInput AddTagsOutput AddTagsResult",
    CreateListener = "CreateListenerInput CreateListenerOutput CreateListenerResult",
    CreateLoadBalancer = "CreateLoadBalancerInput CreateLoadBalancerOutput CreateLoadBalancerResult",
    CreateTargetGroup = "CreateTargetGroupInput CreateTargetGroupOutput CreateTargetGroupResult",
    DeleteListener = "DeleteListenerInput DeleteListenerOutput DeleteListenerResult",
    DeleteLoadBalancer = "DeleteLoadBalancerInput DeleteLoadBalancerOutput DeleteLoadBalancerResult",
    DeleteTargetGroup = "DeleteTargetGroupInput DeleteTargetGroupOutput DeleteTargetGroupResult",
    DeregisterTargets = "DeregisterTargetsInput DeregisterTargetsOutput DeregisterTargetsResult",
    DescribeListeners = "DescribeListenersInput DescribeListenersOutput DescribeListenersResult",
    DescribeLoadBalancerAttributes = [[
      DescribeLoadBalancerAttributesInput DescribeLoadBalancerAttributesOutput DescribeLoadBalancerAttributesResult
    ]],
    DescribeLoadBalancers = "DescribeLoadBalancersInput DescribeLoadBalancersOutput DescribeLoadBalancersResult",
    DescribeTags = "DescribeTagsInput DescribeTagsOutput DescribeTagsResult",
    DescribeTargetGroupAttributes = [[
      DescribeTargetGroupAttributesInput DescribeTargetGroupAttributesOutput DescribeTargetGroupAttributesResult
    ]],
    DescribeTargetGroups = "DescribeTargetGroupsInput DescribeTargetGroupsOutput DescribeTargetGroupsResult",
    DescribeTargetHealth = "DescribeTargetHealthInput DescribeTargetHealthOutput DescribeTargetHealthResult",
    ModifyListener = "ModifyListenerInput ModifyListenerOutput ModifyListenerResult",
    ModifyLoadBalancerAttributes = [[
      ModifyLoadBalancerAttributesInput ModifyLoadBalancerAttributesOutput ModifyLoadBalancerAttributesResult
    ]],
    ModifyTargetGroup = "ModifyTargetGroupInput ModifyTargetGroupOutput ModifyTargetGroupResult",
    ModifyTargetGroupAttributes = [[
      ModifyTargetGroupAttributesInput ModifyTargetGroupAttributesOutput ModifyTargetGroupAttributesResult
    ]],
    RegisterTargets = "RegisterTargetsInput RegisterTargetsOutput RegisterTargetsResult",
    RemoveTags = "RemoveTagsInput RemoveTagsOutput RemoveTagsResult",
    SetSecurityGroups = "SetSecurityGroupsInput SetSecurityGroupsOutput SetSecurityGroupsResult",
    SetSubnets = "SetSubnetsInput SetSubnetsOutput SetSubnetsResult",
  },
  shapes = {
    ["-"] = "",
    Action = [[
      AuthenticateCognitoConfig=AuthenticateCognitoActionConfig AuthenticateOidcConfig=AuthenticateOidcActionConfig FixedResponseConfig=FixedResponseActionConfig ForwardConfig=ForwardActionConfig
      JwtValidationConfig=JwtValidationActionConfig Order=i RedirectConfig=RedirectActionConfig TargetGroupArn=s Type=s
    ]],
    AddTagsInput = "ResourceArns=[s] Tags=[Tag]",
    AddTagsOutput = "",
    AdministrativeOverride = "Description=s Reason=s State=s",
    AnomalyDetection = "MitigationInEffect=s Result=s",
    AuthenticateCognitoActionConfig = [[
      AuthenticationRequestExtraParams=(s) OnUnauthenticatedRequest=s Scope=s SessionCookieName=s SessionTimeout=i UserPoolArn=s UserPoolClientId=s UserPoolDomain=s
    ]],
    AuthenticateOidcActionConfig = [[
      AuthenticationRequestExtraParams=(s) AuthorizationEndpoint=s ClientId=s ClientSecret=s Issuer=s OnUnauthenticatedRequest=s Scope=s SessionCookieName=s SessionTimeout=i TokenEndpoint=s
      UseExistingClientSecret=b UserInfoEndpoint=s
    ]],
    AvailabilityZone = [[
      LoadBalancerAddresses=[LoadBalancerAddress] OutpostId=s SourceNatIpv6Prefixes=[s] SubnetId=s ZoneName=s
    ]],
    Certificate = "CertificateArn=s IsDefault=b",
    ClientCertificateIdentityFilter = "Action=s Field=s MatchType=s Value=s",
    CreateListenerInput = [[
      AlpnPolicy=[s] Certificates=[Certificate] DefaultActions=[Action] LoadBalancerArn=s MutualAuthentication=MutualAuthenticationAttributes Port=i Protocol=s SslPolicy=s Tags=[Tag]
    ]],
    CreateListenerOutput = "Listeners=[Listener]",
    CreateLoadBalancerInput = [[
      CustomerOwnedIpv4Pool=s EnablePrefixForIpv6SourceNat=s IpAddressType=s IpamPools=IpamPools Name=s Scheme=s SecurityGroups=[s] SubnetMappings=[SubnetMapping] Subnets=[s] Tags=[Tag] Type=s
    ]],
    CreateLoadBalancerOutput = "LoadBalancers=[LoadBalancer]",
    CreateTargetGroupInput = [[
      HealthCheckEnabled=b HealthCheckIntervalSeconds=i HealthCheckPath=s HealthCheckPort=s HealthCheckProtocol=s HealthCheckTimeoutSeconds=i HealthyThresholdCount=i IpAddressType=s Matcher=Matcher
      Name=s Port=i Protocol=s ProtocolVersion=s Tags=[Tag] TargetControlPort=i TargetType=s UnhealthyThresholdCount=i VpcId=s
    ]],
    CreateTargetGroupOutput = "TargetGroups=[TargetGroup]",
    DeleteListenerInput = "ListenerArn=s",
    DeleteListenerOutput = "",
    DeleteLoadBalancerInput = "LoadBalancerArn=s",
    DeleteLoadBalancerOutput = "",
    DeleteTargetGroupInput = "TargetGroupArn=s",
    DeleteTargetGroupOutput = "",
    DeregisterTargetsInput = "TargetGroupArn=s Targets=[TargetDescription]",
    DeregisterTargetsOutput = "",
    DescribeListenersInput = "ListenerArns=[s] LoadBalancerArn=s Marker=s PageSize=i",
    DescribeListenersOutput = "Listeners=[Listener] NextMarker=s",
    DescribeLoadBalancerAttributesInput = "LoadBalancerArn=s",
    DescribeLoadBalancerAttributesOutput = "Attributes=[LoadBalancerAttribute]",
    DescribeLoadBalancersInput = "LoadBalancerArns=[s] Marker=s Names=[s] PageSize=i",
    DescribeLoadBalancersOutput = "LoadBalancers=[LoadBalancer] NextMarker=s",
    DescribeTagsInput = "ResourceArns=[s]",
    DescribeTagsOutput = "TagDescriptions=[TagDescription]",
    DescribeTargetGroupAttributesInput = "TargetGroupArn=s",
    DescribeTargetGroupAttributesOutput = "Attributes=[TargetGroupAttribute]",
    DescribeTargetGroupsInput = "LoadBalancerArn=s Marker=s Names=[s] PageSize=i TargetGroupArns=[s]",
    DescribeTargetGroupsOutput = "NextMarker=s TargetGroups=[TargetGroup]",
    DescribeTargetHealthInput = "Include=[s] TargetGroupArn=s Targets=[TargetDescription]",
    DescribeTargetHealthOutput = "TargetHealthDescriptions=[TargetHealthDescription]",
    FixedResponseActionConfig = "ContentType=s MessageBody=s StatusCode=s",
    ForwardActionConfig = "TargetGroupStickinessConfig=TargetGroupStickinessConfig TargetGroups=[TargetGroupTuple]",
    IpamPools = "Ipv4IpamPoolId=s",
    JwtValidationActionAdditionalClaim = "Format=s Name=s Values=[s]",
    JwtValidationActionConfig = "AdditionalClaims=[JwtValidationActionAdditionalClaim] Issuer=s JwksEndpoint=s",
    Listener = [[
      AlpnPolicy=[s] Certificates=[Certificate] DefaultActions=[Action] ListenerArn=s LoadBalancerArn=s MutualAuthentication=MutualAuthenticationAttributes Port=i Protocol=s SslPolicy=s
    ]],
    LoadBalancer = [[
      AvailabilityZones=[AvailabilityZone] CanonicalHostedZoneId=s CreatedTime=t CustomerOwnedIpv4Pool=s DNSName=s EnablePrefixForIpv6SourceNat=s EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic=s
      IpAddressType=s IpamPools=IpamPools LoadBalancerArn=s LoadBalancerName=s Scheme=s SecurityGroups=[s] State=LoadBalancerState Type=s VpcId=s
    ]],
    LoadBalancerAddress = "AllocationId=s IPv6Address=s IpAddress=s PrivateIPv4Address=s",
    LoadBalancerAttribute = "Key=s Value=s",
    LoadBalancerState = "Code=s Reason=s",
    Matcher = "GrpcCode=s HttpCode=s",
    ModifyListenerInput = [[
      AlpnPolicy=[s] Certificates=[Certificate] DefaultActions=[Action] ListenerArn=s MutualAuthentication=MutualAuthenticationAttributes Port=i Protocol=s SslPolicy=s
    ]],
    ModifyListenerOutput = "Listeners=[Listener]",
    ModifyLoadBalancerAttributesInput = "Attributes=[LoadBalancerAttribute] LoadBalancerArn=s",
    ModifyLoadBalancerAttributesOutput = "Attributes=[LoadBalancerAttribute]",
    ModifyTargetGroupAttributesInput = "Attributes=[TargetGroupAttribute] TargetGroupArn=s",
    ModifyTargetGroupAttributesOutput = "Attributes=[TargetGroupAttribute]",
    ModifyTargetGroupInput = [[
      HealthCheckEnabled=b HealthCheckIntervalSeconds=i HealthCheckPath=s HealthCheckPort=s HealthCheckProtocol=s HealthCheckTimeoutSeconds=i HealthyThresholdCount=i Matcher=Matcher TargetGroupArn=s
      UnhealthyThresholdCount=i
    ]],
    ModifyTargetGroupOutput = "TargetGroups=[TargetGroup]",
    MutualAuthenticationAttributes = [[
      AdvertiseTrustStoreCaNames=s ClientCertificateIdentityFilters=[ClientCertificateIdentityFilter] IgnoreClientCertificateExpiry=b Mode=s TrustStoreArn=s TrustStoreAssociationStatus=s
    ]],
    RedirectActionConfig = "Host=s Path=s Port=s Protocol=s Query=s StatusCode=s",
    RegisterTargetsInput = "TargetGroupArn=s Targets=[TargetDescription]",
    RegisterTargetsOutput = "",
    RemoveTagsInput = "ResourceArns=[s] TagKeys=[s]",
    RemoveTagsOutput = "",
    SetSecurityGroupsInput = [[
      EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic=s LoadBalancerArn=s SecurityGroups=[s]
    ]],
    SetSecurityGroupsOutput = "EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic=s SecurityGroupIds=[s]",
    SetSubnetsInput = [[
      EnablePrefixForIpv6SourceNat=s IpAddressType=s LoadBalancerArn=s SubnetMappings=[SubnetMapping] Subnets=[s]
    ]],
    SetSubnetsOutput = "AvailabilityZones=[AvailabilityZone] EnablePrefixForIpv6SourceNat=s IpAddressType=s",
    SubnetMapping = "AllocationId=s IPv6Address=s PrivateIPv4Address=s SourceNatIpv6Prefix=s SubnetId=s",
    Tag = "Key=s Value=s",
    TagDescription = "ResourceArn=s Tags=[Tag]",
    TargetDescription = "AvailabilityZone=s Id=s Port=i QuicServerId=s",
    TargetGroup = [[
      HealthCheckEnabled=b HealthCheckIntervalSeconds=i HealthCheckPath=s HealthCheckPort=s HealthCheckProtocol=s HealthCheckTimeoutSeconds=i HealthyThresholdCount=i IpAddressType=s
      LoadBalancerArns=[s] Matcher=Matcher Port=i Protocol=s ProtocolVersion=s TargetControlPort=i TargetGroupArn=s TargetGroupName=s TargetType=s UnhealthyThresholdCount=i VpcId=s
    ]],
    TargetGroupAttribute = "Key=s Value=s",
    TargetGroupStickinessConfig = "DurationSeconds=i Enabled=b",
    TargetGroupTuple = "TargetGroupArn=s Weight=i",
    TargetHealth = "Description=s Reason=s State=s",
    TargetHealthDescription = [[
      AdministrativeOverride=AdministrativeOverride AnomalyDetection=AnomalyDetection HealthCheckPort=s Target=TargetDescription TargetHealth=TargetHealth
    ]],
  },
}
