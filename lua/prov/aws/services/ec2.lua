-- Made by tests/support/aws_model.lua from AWS's description of the service; do not edit. The notation is in
-- lua/prov/aws/query.lua.
-- luacheck: ignore 631

return {
  name = "ec2",
  version = "2016-11-15",
  protocol = "ec2",
  namespace = "http://ec2.amazonaws.com/doc/2016-11-15",
  prefix = "ec2",
  operations = {
    AllocateAddress = "AllocateAddressRequest AllocateAddressResult",
    AssociateAddress = "AssociateAddressRequest AssociateAddressResult",
    AssociateRouteTable = "AssociateRouteTableRequest AssociateRouteTableResult",
    AttachInternetGateway = "AttachInternetGatewayRequest -",
    AttachNetworkInterface = "AttachNetworkInterfaceRequest AttachNetworkInterfaceResult",
    AttachVolume = "AttachVolumeRequest VolumeAttachment",
    AuthorizeSecurityGroupEgress = "AuthorizeSecurityGroupEgressRequest AuthorizeSecurityGroupEgressResult",
    AuthorizeSecurityGroupIngress = "AuthorizeSecurityGroupIngressRequest AuthorizeSecurityGroupIngressResult",
    CreateImage = "CreateImageRequest CreateImageResult",
    CreateInternetGateway = "CreateInternetGatewayRequest CreateInternetGatewayResult",
    CreateNatGateway = "CreateNatGatewayRequest CreateNatGatewayResult",
    CreateNetworkInterface = "CreateNetworkInterfaceRequest CreateNetworkInterfaceResult",
    CreatePlacementGroup = "CreatePlacementGroupRequest CreatePlacementGroupResult",
    CreateRoute = "CreateRouteRequest CreateRouteResult",
    CreateRouteTable = "CreateRouteTableRequest CreateRouteTableResult",
    CreateSecurityGroup = "CreateSecurityGroupRequest CreateSecurityGroupResult",
    CreateSnapshot = "CreateSnapshotRequest Snapshot",
    CreateSubnet = "CreateSubnetRequest CreateSubnetResult",
    CreateTags = "CreateTagsRequest -",
    CreateVolume = "CreateVolumeRequest Volume",
    CreateVpc = "CreateVpcRequest CreateVpcResult",
    DeleteInternetGateway = "DeleteInternetGatewayRequest -",
    DeleteKeyPair = "DeleteKeyPairRequest DeleteKeyPairResult",
    DeleteNatGateway = "DeleteNatGatewayRequest DeleteNatGatewayResult",
    DeleteNetworkInterface = "DeleteNetworkInterfaceRequest -",
    DeletePlacementGroup = "DeletePlacementGroupRequest -",
    DeleteRoute = "DeleteRouteRequest -",
    DeleteRouteTable = "DeleteRouteTableRequest -",
    DeleteSecurityGroup = "DeleteSecurityGroupRequest DeleteSecurityGroupResult",
    DeleteSnapshot = "DeleteSnapshotRequest -",
    DeleteSubnet = "DeleteSubnetRequest -",
    DeleteTags = "DeleteTagsRequest -",
    DeleteVolume = "DeleteVolumeRequest -",
    DeleteVpc = "DeleteVpcRequest -",
    DeregisterImage = "DeregisterImageRequest DeregisterImageResult",
    DescribeAccountAttributes = "DescribeAccountAttributesRequest DescribeAccountAttributesResult",
    DescribeAddresses = "DescribeAddressesRequest DescribeAddressesResult",
    DescribeAddressesAttribute = "DescribeAddressesAttributeRequest DescribeAddressesAttributeResult",
    DescribeAvailabilityZones = "DescribeAvailabilityZonesRequest DescribeAvailabilityZonesResult",
    DescribeImages = "DescribeImagesRequest DescribeImagesResult",
    DescribeInstanceAttribute = "DescribeInstanceAttributeRequest InstanceAttribute",
    DescribeInstanceStatus = "DescribeInstanceStatusRequest DescribeInstanceStatusResult",
    DescribeInstanceTypeOfferings = "DescribeInstanceTypeOfferingsRequest DescribeInstanceTypeOfferingsResult",
    DescribeInstanceTypes = "DescribeInstanceTypesRequest DescribeInstanceTypesResult",
    DescribeInstances = "DescribeInstancesRequest DescribeInstancesResult",
    DescribeInternetGateways = "DescribeInternetGatewaysRequest DescribeInternetGatewaysResult",
    DescribeKeyPairs = "DescribeKeyPairsRequest DescribeKeyPairsResult",
    DescribeNatGateways = "DescribeNatGatewaysRequest DescribeNatGatewaysResult",
    DescribeNetworkAcls = "DescribeNetworkAclsRequest DescribeNetworkAclsResult",
    DescribeNetworkInterfaces = "DescribeNetworkInterfacesRequest DescribeNetworkInterfacesResult",
    DescribePlacementGroups = "DescribePlacementGroupsRequest DescribePlacementGroupsResult",
    DescribeRegions = "DescribeRegionsRequest DescribeRegionsResult",
    DescribeRouteTables = "DescribeRouteTablesRequest DescribeRouteTablesResult",
    DescribeSecurityGroupRules = "DescribeSecurityGroupRulesRequest DescribeSecurityGroupRulesResult",
    DescribeSecurityGroups = "DescribeSecurityGroupsRequest DescribeSecurityGroupsResult",
    DescribeSnapshots = "DescribeSnapshotsRequest DescribeSnapshotsResult",
    DescribeSubnets = "DescribeSubnetsRequest DescribeSubnetsResult",
    DescribeTags = "DescribeTagsRequest DescribeTagsResult",
    DescribeVolumes = "DescribeVolumesRequest DescribeVolumesResult",
    DescribeVolumesModifications = "DescribeVolumesModificationsRequest DescribeVolumesModificationsResult",
    DescribeVpcAttribute = "DescribeVpcAttributeRequest DescribeVpcAttributeResult",
    DescribeVpcs = "DescribeVpcsRequest DescribeVpcsResult",
    DetachInternetGateway = "DetachInternetGatewayRequest -",
    DetachNetworkInterface = "DetachNetworkInterfaceRequest -",
    DetachVolume = "DetachVolumeRequest VolumeAttachment",
    DisassociateAddress = "DisassociateAddressRequest -",
    DisassociateRouteTable = "DisassociateRouteTableRequest -",
    GetConsoleOutput = "GetConsoleOutputRequest GetConsoleOutputResult",
    ImportKeyPair = "ImportKeyPairRequest ImportKeyPairResult",
    ModifyAddressAttribute = "ModifyAddressAttributeRequest ModifyAddressAttributeResult",
    ModifyInstanceAttribute = "ModifyInstanceAttributeRequest -",
    ModifyNetworkInterfaceAttribute = "ModifyNetworkInterfaceAttributeRequest -",
    ModifySubnetAttribute = "ModifySubnetAttributeRequest -",
    ModifyVolume = "ModifyVolumeRequest ModifyVolumeResult",
    ModifyVpcAttribute = "ModifyVpcAttributeRequest -",
    RebootInstances = "RebootInstancesRequest -",
    ReleaseAddress = "ReleaseAddressRequest -",
    ReplaceRoute = "ReplaceRouteRequest -",
    ResetAddressAttribute = "ResetAddressAttributeRequest ResetAddressAttributeResult",
    RevokeSecurityGroupEgress = "RevokeSecurityGroupEgressRequest RevokeSecurityGroupEgressResult",
    RevokeSecurityGroupIngress = "RevokeSecurityGroupIngressRequest RevokeSecurityGroupIngressResult",
    RunInstances = "RunInstancesRequest Reservation",
    StartInstances = "StartInstancesRequest StartInstancesResult",
    StopInstances = "StopInstancesRequest StopInstancesResult",
    TerminateInstances = "TerminateInstancesRequest TerminateInstancesResult",
    UpdateSecurityGroupRuleDescriptionsEgress = [[
      UpdateSecurityGroupRuleDescriptionsEgressRequest UpdateSecurityGroupRuleDescriptionsEgressResult
    ]],
    UpdateSecurityGroupRuleDescriptionsIngress = [[
      UpdateSecurityGroupRuleDescriptionsIngressRequest UpdateSecurityGroupRuleDescriptionsIngressResult
    ]],
  },
  shapes = {
    ["-"] = "",
    AccountAttribute = "AttributeName=s AttributeValues@attributeValueSet=[AccountAttributeValue]",
    AccountAttributeValue = "AttributeValue=s",
    Address = [[
      AllocationId=s AssociationId=s CarrierIp=s CustomerOwnedIp=s CustomerOwnedIpv4Pool=s Domain=s InstanceId=s NetworkBorderGroup=s NetworkInterfaceId=s NetworkInterfaceOwnerId=s PrivateIpAddress=s
      PublicIp=s PublicIpv4Pool=s ServiceManaged=s SubnetId=s Tags@tagSet=[Tag]
    ]],
    AddressAttribute = "AllocationId=s PtrRecord=s PtrRecordUpdate=PtrUpdateStatus PublicIp=s",
    AllocateAddressRequest = [[
      Address=s CustomerOwnedIpv4Pool=s Domain=s DryRun=b IpamPoolId=s NetworkBorderGroup=s PublicIpv4Pool=s TagSpecifications@TagSpecification=[TagSpecification]
    ]],
    AllocateAddressResult = [[
      AllocationId=s CarrierIp=s CustomerOwnedIp=s CustomerOwnedIpv4Pool=s Domain=s NetworkBorderGroup=s PublicIp=s PublicIpv4Pool=s
    ]],
    ApplicationStatusSummary = "ImpairedSince=t Status=s",
    AssociateAddressRequest = [[
      AllocationId=s AllowReassociation=b DryRun=b InstanceId=s NetworkInterfaceId=s PrivateIpAddress=s PublicIp=s
    ]],
    AssociateAddressResult = "AssociationId=s",
    AssociateRouteTableRequest = "DryRun=b GatewayId=s PublicIpv4Pool=s RouteTableId=s SubnetId=s",
    AssociateRouteTableResult = "AssociationId=s AssociationState=RouteTableAssociationState",
    AssociatedKmsKey = "KmsKeyId=s",
    AttachInternetGatewayRequest = "DryRun=b InternetGatewayId=s VpcId=s",
    AttachNetworkInterfaceRequest = [[
      DeviceIndex=i DryRun=b EnaQueueCount=i EnaSrdSpecification=EnaSrdSpecification InstanceId=s NetworkCardIndex=i NetworkInterfaceId=s
    ]],
    AttachNetworkInterfaceResult = "AttachmentId=s NetworkCardIndex=i",
    AttachVolumeRequest = "Device=s DryRun=b EbsCardIndex=i InstanceId=s VolumeId=s",
    AttachmentEnaSrdSpecification = "EnaSrdEnabled=b EnaSrdUdpSpecification=AttachmentEnaSrdUdpSpecification",
    AttachmentEnaSrdUdpSpecification = "EnaSrdUdpEnabled=b",
    AttributeBooleanValue = "Value=b",
    AttributeValue = "Value=s",
    AuthorizeSecurityGroupEgressRequest = [[
      CidrIp=s DryRun=b FromPort=i GroupId=s IpPermissions=[IpPermission] IpProtocol=s SourceSecurityGroupName=s SourceSecurityGroupOwnerId=s TagSpecifications@TagSpecification=[TagSpecification]
      ToPort=i
    ]],
    AuthorizeSecurityGroupEgressResult = "Return=b SecurityGroupRules@securityGroupRuleSet=[SecurityGroupRule]",
    AuthorizeSecurityGroupIngressRequest = [[
      CidrIp=s DryRun=b FromPort=i GroupId=s GroupName=s IpPermissions=[IpPermission] IpProtocol=s SourceSecurityGroupName=s SourceSecurityGroupOwnerId=s
      TagSpecifications@TagSpecification=[TagSpecification] ToPort=i
    ]],
    AuthorizeSecurityGroupIngressResult = "Return=b SecurityGroupRules@securityGroupRuleSet=[SecurityGroupRule]",
    AvailabilityZone = [[
      Geography@geographySet=[AvailabilityZoneGeography] GroupLongName=s GroupName=s Messages@messageSet=[AvailabilityZoneMessage] NetworkBorderGroup=s OptInStatus=s ParentZoneId=s ParentZoneName=s
      RegionName=s State@zoneState=s SubGeography@subGeographySet=[AvailabilityZoneSubGeography] ZoneId=s ZoneName=s ZoneType=s
    ]],
    AvailabilityZoneAddress = "AllocationIds@AllocationId=[s@AllocationId] AvailabilityZone=s AvailabilityZoneId=s",
    AvailabilityZoneGeography = "Name=s",
    AvailabilityZoneMessage = "Message=s",
    AvailabilityZoneSubGeography = "Name=s",
    BlockDeviceMapping = "DeviceName=s Ebs=EbsBlockDevice NoDevice=s VirtualName=s",
    BlockPublicAccessStates = "InternetGatewayBlockMode=s",
    CapacityReservationSpecification = [[
      CapacityReservationPreference=s CapacityReservationTarget=CapacityReservationTarget
    ]],
    CapacityReservationSpecificationResponse = [[
      CapacityReservationPreference=s CapacityReservationTarget=CapacityReservationTargetResponse
    ]],
    CapacityReservationTarget = "CapacityReservationId=s CapacityReservationResourceGroupArn=s",
    CapacityReservationTargetResponse = "CapacityReservationId=s CapacityReservationResourceGroupArn=s",
    ConnectionTrackingConfiguration = "TcpEstablishedTimeout=i UdpStreamTimeout=i UdpTimeout=i",
    ConnectionTrackingSpecificationRequest = "TcpEstablishedTimeout=i UdpStreamTimeout=i UdpTimeout=i",
    ConnectionTrackingSpecificationResponse = "TcpEstablishedTimeout=i UdpStreamTimeout=i UdpTimeout=i",
    CpuOptions = "AmdSevSnp=s CoreCount=i NestedVirtualization=s ThreadsPerCore=i",
    CpuOptionsRequest = "AmdSevSnp=s CoreCount=i NestedVirtualization=s ThreadsPerCore=i",
    CreateImageRequest = [[
      BlockDeviceMappings@blockDeviceMapping=[BlockDeviceMapping@BlockDeviceMapping] BootModeOverride=s Description=s DryRun=b InstanceId=s Name=s NoReboot=b SnapshotLocation=s
      TagSpecifications@TagSpecification=[TagSpecification]
    ]],
    CreateImageResult = "ImageId=s",
    CreateInternetGatewayRequest = "DryRun=b TagSpecifications@TagSpecification=[TagSpecification]",
    CreateInternetGatewayResult = "InternetGateway=InternetGateway",
    CreateNatGatewayRequest = [[
      AllocationId=s AvailabilityMode=s AvailabilityZoneAddresses@AvailabilityZoneAddress=[AvailabilityZoneAddress@AvailabilityZoneAddress] ClientToken=s ConnectivityType=s DryRun=b PrivateIpAddress=s
      SecondaryAllocationIds@SecondaryAllocationId=[s@AllocationId] SecondaryPrivateIpAddressCount=i SecondaryPrivateIpAddresses@SecondaryPrivateIpAddress=[s] SubnetId=s
      TagSpecifications@TagSpecification=[TagSpecification] VpcId=s
    ]],
    CreateNatGatewayResult = "ClientToken=s NatGateway=NatGateway",
    CreateNetworkInterfaceRequest = [[
      ClientToken=s ConnectionTrackingSpecification=ConnectionTrackingSpecificationRequest Description=s DryRun=b EnablePrimaryIpv6=b Groups@SecurityGroupId=[s@SecurityGroupId] InterfaceType=s
      Ipv4PrefixCount=i Ipv4Prefixes@Ipv4Prefix=[Ipv4PrefixSpecificationRequest] Ipv6AddressCount=i Ipv6Addresses=[InstanceIpv6Address] Ipv6PrefixCount=i
      Ipv6Prefixes@Ipv6Prefix=[Ipv6PrefixSpecificationRequest] Operator=OperatorRequest PrivateIpAddress=s PrivateIpAddresses=[PrivateIpAddressSpecification] SecondaryPrivateIpAddressCount=i
      SubnetId=s TagSpecifications@TagSpecification=[TagSpecification]
    ]],
    CreateNetworkInterfaceResult = "ClientToken=s NetworkInterface=NetworkInterface",
    CreatePlacementGroupRequest = [[
      DryRun=b GroupName=s LinkedGroupId=s Operator=OperatorRequest ParentGroupId=s PartitionCount=i SpreadLevel=s Strategy=s TagSpecifications@TagSpecification=[TagSpecification]
    ]],
    CreatePlacementGroupResult = "PlacementGroup=PlacementGroup",
    CreateRouteRequest = [[
      CarrierGatewayId=s CoreNetworkArn=s DestinationCidrBlock=s DestinationIpv6CidrBlock=s DestinationPrefixListId=s DryRun=b EgressOnlyInternetGatewayId=s GatewayId=s InstanceId=s LocalGatewayId=s
      NatGatewayId=s NetworkInterfaceId=s OdbNetworkArn=s RouteTableId=s TransitGatewayId=s VpcEndpointId=s VpcPeeringConnectionId=s
    ]],
    CreateRouteResult = "Return=b",
    CreateRouteTableRequest = "ClientToken=s DryRun=b TagSpecifications@TagSpecification=[TagSpecification] VpcId=s",
    CreateRouteTableResult = "ClientToken=s RouteTable=RouteTable",
    CreateSecurityGroupRequest = [[
      Description@GroupDescription=s DryRun=b GroupName=s TagSpecifications@TagSpecification=[TagSpecification] VpcId=s
    ]],
    CreateSecurityGroupResult = "GroupId=s SecurityGroupArn=s Tags@tagSet=[Tag]",
    CreateSnapshotRequest = [[
      Description=s DryRun=b Location=s OutpostArn=s TagSpecifications@TagSpecification=[TagSpecification] VolumeId=s
    ]],
    CreateSubnetRequest = [[
      AvailabilityZone=s AvailabilityZoneId=s CidrBlock=s DryRun=b Ipv4IpamPoolId=s Ipv4NetmaskLength=i Ipv6CidrBlock=s Ipv6IpamPoolId=s Ipv6Native=b Ipv6NetmaskLength=i OutpostArn=s
      TagSpecifications@TagSpecification=[TagSpecification] VpcId=s
    ]],
    CreateSubnetResult = "Subnet=Subnet",
    CreateTagsRequest = "DryRun=b Resources@ResourceId=[s@member] Tags@Tag=[Tag]",
    CreateVolumeRequest = [[
      AvailabilityZone=s AvailabilityZoneId=s ClientToken=s DryRun=b Encrypted=b Iops=i KmsKeyId=s MultiAttachEnabled=b Operator=OperatorRequest OutpostArn=s Size=i SnapshotId=s
      TagSpecifications@TagSpecification=[TagSpecification] Throughput=i VolumeInitializationRate=i VolumeType=s
    ]],
    CreateVpcRequest = [[
      AmazonProvidedIpv6CidrBlock=b CidrBlock=s DryRun=b InstanceTenancy=s Ipv4IpamPoolId=s Ipv4NetmaskLength=i Ipv6CidrBlock=s Ipv6CidrBlockNetworkBorderGroup=s Ipv6IpamPoolId=s Ipv6NetmaskLength=i
      Ipv6Pool=s TagSpecifications@TagSpecification=[TagSpecification] VpcEncryptionControl=VpcEncryptionControlConfiguration
    ]],
    CreateVpcResult = "Vpc=Vpc",
    CreditSpecificationRequest = "CpuCredits=s",
    DefaultConnectionTrackingConfiguration = [[
      DefaultTcpEstablishedTimeout=i DefaultUdpStreamTimeout=i DefaultUdpTimeout=i
    ]],
    DeleteInternetGatewayRequest = "DryRun=b InternetGatewayId=s",
    DeleteKeyPairRequest = "DryRun=b KeyName=s KeyPairId=s",
    DeleteKeyPairResult = "KeyPairId=s Return=b",
    DeleteNatGatewayRequest = "DryRun=b NatGatewayId=s",
    DeleteNatGatewayResult = "NatGatewayId=s",
    DeleteNetworkInterfaceRequest = "DryRun=b NetworkInterfaceId=s",
    DeletePlacementGroupRequest = "DryRun=b GroupName=s",
    DeleteRouteRequest = [[
      DestinationCidrBlock=s DestinationIpv6CidrBlock=s DestinationPrefixListId=s DryRun=b RouteTableId=s
    ]],
    DeleteRouteTableRequest = "DryRun=b RouteTableId=s",
    DeleteSecurityGroupRequest = "DryRun=b GroupId=s GroupName=s",
    DeleteSecurityGroupResult = "GroupId=s Return=b",
    DeleteSnapshotRequest = "DryRun=b SnapshotId=s",
    DeleteSnapshotReturnCode = "ReturnCode=s SnapshotId=s",
    DeleteSubnetRequest = "DryRun=b SubnetId=s",
    DeleteTagsRequest = "DryRun=b Resources@resourceId=[s@member] Tags@tag=[Tag]",
    DeleteVolumeRequest = "DryRun=b VolumeId=s",
    DeleteVpcRequest = "DryRun=b VpcId=s",
    DeregisterImageRequest = "DeleteAssociatedSnapshots=b DryRun=b ImageId=s",
    DeregisterImageResult = "DeleteSnapshotResults@deleteSnapshotResultSet=[DeleteSnapshotReturnCode] Return=b",
    DescribeAccountAttributesRequest = "AttributeNames@attributeName=[s@attributeName] DryRun=b",
    DescribeAccountAttributesResult = "AccountAttributes@accountAttributeSet=[AccountAttribute]",
    DescribeAddressesAttributeRequest = "AllocationIds@AllocationId=[s] Attribute=s DryRun=b MaxResults=i NextToken=s",
    DescribeAddressesAttributeResult = "Addresses@addressSet=[AddressAttribute] NextToken=s",
    DescribeAddressesRequest = [[
      AllocationIds@AllocationId=[s@AllocationId] DryRun=b Filters@Filter=[Filter@Filter] PublicIps@PublicIp=[s@PublicIp]
    ]],
    DescribeAddressesResult = "Addresses@addressesSet=[Address]",
    DescribeAvailabilityZonesRequest = [[
      AllAvailabilityZones=b DryRun=b Filters@Filter=[Filter@Filter] ZoneIds@ZoneId=[s@ZoneId] ZoneNames@ZoneName=[s@ZoneName]
    ]],
    DescribeAvailabilityZonesResult = "AvailabilityZones@availabilityZoneInfo=[AvailabilityZone]",
    DescribeImagesRequest = [[
      DryRun=b ExecutableUsers@ExecutableBy=[s@ExecutableBy] Filters@Filter=[Filter@Filter] ImageIds@ImageId=[s@ImageId] IncludeDeprecated=b IncludeDisabled=b MaxResults=i NextToken=s
      Owners@Owner=[s@Owner]
    ]],
    DescribeImagesResult = "Images@imagesSet=[Image] NextToken=s",
    DescribeInstanceAttributeRequest = "Attribute=s DryRun=b InstanceId=s",
    DescribeInstanceStatusRequest = [[
      DryRun=b Filters@Filter=[Filter@Filter] IncludeAllInstances=b IncludeManagedResources=b InstanceIds@InstanceId=[s@InstanceId] MaxResults=i NextToken=s
    ]],
    DescribeInstanceStatusResult = "InstanceStatuses@instanceStatusSet=[InstanceStatus] NextToken=s",
    DescribeInstanceTypeOfferingsRequest = [[
      DryRun=b Filters@Filter=[Filter@Filter] LocationType=s MaxResults=i NextToken=s
    ]],
    DescribeInstanceTypeOfferingsResult = [[
      InstanceTypeOfferings@instanceTypeOfferingSet=[InstanceTypeOffering] NextToken=s
    ]],
    DescribeInstanceTypesRequest = [[
      DryRun=b Filters@Filter=[Filter@Filter] IncludeUnsupportedInRegion=b InstanceTypes@InstanceType=[s@member] MaxResults=i NextToken=s
    ]],
    DescribeInstanceTypesResult = "InstanceTypes@instanceTypeSet=[InstanceTypeInfo] NextToken=s",
    DescribeInstancesRequest = [[
      DryRun=b Filters@Filter=[Filter@Filter] IncludeManagedResources=b InstanceIds@InstanceId=[s@InstanceId] MaxResults=i NextToken=s
    ]],
    DescribeInstancesResult = "NextToken=s Reservations@reservationSet=[Reservation]",
    DescribeInternetGatewaysRequest = [[
      DryRun=b Filters@Filter=[Filter@Filter] InternetGatewayIds@internetGatewayId=[s] MaxResults=i NextToken=s
    ]],
    DescribeInternetGatewaysResult = "InternetGateways@internetGatewaySet=[InternetGateway] NextToken=s",
    DescribeKeyPairsRequest = [[
      DryRun=b Filters@Filter=[Filter@Filter] IncludePublicKey=b KeyNames@KeyName=[s@KeyName] KeyPairIds@KeyPairId=[s@KeyPairId]
    ]],
    DescribeKeyPairsResult = "KeyPairs@keySet=[KeyPairInfo]",
    DescribeNatGatewaysRequest = [[
      DryRun=b Filter=[Filter@Filter] MaxResults=i NatGatewayIds@NatGatewayId=[s] NextToken=s
    ]],
    DescribeNatGatewaysResult = "NatGateways@natGatewaySet=[NatGateway] NextToken=s",
    DescribeNetworkAclsRequest = [[
      DryRun=b Filters@Filter=[Filter@Filter] MaxResults=i NetworkAclIds@NetworkAclId=[s] NextToken=s
    ]],
    DescribeNetworkAclsResult = "NetworkAcls@networkAclSet=[NetworkAcl] NextToken=s",
    DescribeNetworkInterfacesRequest = [[
      DryRun=b Filters@filter=[Filter@Filter] IncludeManagedResources=b MaxResults=i NetworkInterfaceIds@NetworkInterfaceId=[s] NextToken=s
    ]],
    DescribeNetworkInterfacesResult = "NetworkInterfaces@networkInterfaceSet=[NetworkInterface] NextToken=s",
    DescribePlacementGroupsRequest = [[
      DryRun=b Filters@Filter=[Filter@Filter] GroupIds@GroupId=[s@GroupId] GroupNames@groupName=[s@member]
    ]],
    DescribePlacementGroupsResult = "PlacementGroups@placementGroupSet=[PlacementGroup]",
    DescribeRegionsRequest = [[
      AllRegions=b DryRun=b Filters@Filter=[Filter@Filter] RegionNames@RegionName=[s@RegionName]
    ]],
    DescribeRegionsResult = "Regions@regionInfo=[Region]",
    DescribeRouteTablesRequest = [[
      DryRun=b Filters@Filter=[Filter@Filter] MaxResults=i NextToken=s RouteTableIds@RouteTableId=[s]
    ]],
    DescribeRouteTablesResult = "NextToken=s RouteTables@routeTableSet=[RouteTable]",
    DescribeSecurityGroupRulesRequest = [[
      DryRun=b Filters@Filter=[Filter@Filter] MaxResults=i NextToken=s SecurityGroupRuleIds@SecurityGroupRuleId=[s]
    ]],
    DescribeSecurityGroupRulesResult = "NextToken=s SecurityGroupRules@securityGroupRuleSet=[SecurityGroupRule]",
    DescribeSecurityGroupsRequest = [[
      DryRun=b Filters@Filter=[Filter@Filter] GroupIds@GroupId=[s@groupId] GroupNames@GroupName=[s@GroupName] MaxResults=i NextToken=s
    ]],
    DescribeSecurityGroupsResult = "NextToken=s SecurityGroups@securityGroupInfo=[SecurityGroup]",
    DescribeSnapshotsRequest = [[
      DryRun=b Filters@Filter=[Filter@Filter] MaxResults=i NextToken=s OwnerIds@Owner=[s@Owner] RestorableByUserIds@RestorableBy=[s@member] SnapshotIds@SnapshotId=[s@SnapshotId]
    ]],
    DescribeSnapshotsResult = "NextToken=s Snapshots@snapshotSet=[Snapshot]",
    DescribeSubnetsRequest = [[
      DryRun=b Filters@Filter=[Filter@Filter] MaxResults=i NextToken=s SubnetIds@SubnetId=[s@SubnetId]
    ]],
    DescribeSubnetsResult = "NextToken=s Subnets@subnetSet=[Subnet]",
    DescribeTagsRequest = "DryRun=b Filters@Filter=[Filter@Filter] MaxResults=i NextToken=s",
    DescribeTagsResult = "NextToken=s Tags@tagSet=[TagDescription]",
    DescribeVolumesModificationsRequest = [[
      DryRun=b Filters@Filter=[Filter@Filter] IncludeManagedResources=b MaxResults=i NextToken=s VolumeIds@VolumeId=[s@VolumeId]
    ]],
    DescribeVolumesModificationsResult = "NextToken=s VolumesModifications@volumeModificationSet=[VolumeModification]",
    DescribeVolumesRequest = [[
      DryRun=b Filters@Filter=[Filter@Filter] IncludeManagedResources=b MaxResults=i NextToken=s VolumeIds@VolumeId=[s@VolumeId]
    ]],
    DescribeVolumesResult = "NextToken=s Volumes@volumeSet=[Volume]",
    DescribeVpcAttributeRequest = "Attribute=s DryRun=b VpcId=s",
    DescribeVpcAttributeResult = [[
      EnableDnsHostnames=AttributeBooleanValue EnableDnsSupport=AttributeBooleanValue EnableNetworkAddressUsageMetrics=AttributeBooleanValue VpcId=s
    ]],
    DescribeVpcsRequest = "DryRun=b Filters@Filter=[Filter@Filter] MaxResults=i NextToken=s VpcIds@VpcId=[s@VpcId]",
    DescribeVpcsResult = "NextToken=s Vpcs@vpcSet=[Vpc]",
    DetachInternetGatewayRequest = "DryRun=b InternetGatewayId=s VpcId=s",
    DetachNetworkInterfaceRequest = "AttachmentId=s DryRun=b Force=b",
    DetachVolumeRequest = "Device=s DryRun=b Force=b InstanceId=s VolumeId=s",
    DisassociateAddressRequest = "AssociationId=s DryRun=b PublicIp=s",
    DisassociateRouteTableRequest = "AssociationId=s DryRun=b",
    DiskInfo = "Count=i SizeInGB=i Type=s",
    EbsBlockDevice = [[
      AvailabilityZone=s AvailabilityZoneId@AvailabilityZoneId=s DeleteOnTermination=b EbsCardIndex@EbsCardIndex=i Encrypted=b Iops=i KmsKeyId=s OutpostArn=s SnapshotId=s Throughput=i
      VolumeInitializationRate@VolumeInitializationRate=i VolumeSize=i VolumeType=s
    ]],
    EbsCardInfo = [[
      BaselineBandwidthInMbps=i BaselineIops=i BaselineThroughputInMBps=f EbsCardIndex=i MaximumBandwidthInMbps=i MaximumIops=i MaximumThroughputInMBps=f
    ]],
    EbsInfo = [[
      AttachmentLimitType=s EbsCards@ebsCardSet=[EbsCardInfo] EbsOptimizedInfo=EbsOptimizedInfo EbsOptimizedSupport=s EncryptionSupport=s MaximumEbsAttachments=i MaximumEbsCards=i NvmeSupport=s
    ]],
    EbsInstanceBlockDevice = [[
      AssociatedResource=s AttachTime=t DeleteOnTermination=b EbsCardIndex=i Operator=OperatorResponse Status=s VolumeId=s VolumeOwnerId=s
    ]],
    EbsInstanceBlockDeviceSpecification = "DeleteOnTermination=b VolumeId=s",
    EbsOptimizedInfo = [[
      BaselineBandwidthInMbps=i BaselineIops=i BaselineThroughputInMBps=f MaximumBandwidthInMbps=i MaximumIops=i MaximumThroughputInMBps=f
    ]],
    EbsStatusDetails = "ImpairedSince=t Name=s Status=s",
    EbsStatusSummary = "Details=[EbsStatusDetails] Status=s",
    EfaInfo = "MaximumEfaInterfaces=i",
    ElasticGpuAssociation = [[
      ElasticGpuAssociationId=s ElasticGpuAssociationState=s ElasticGpuAssociationTime=s ElasticGpuId=s
    ]],
    ElasticGpuSpecification = "Type=s",
    ElasticInferenceAccelerator = "Count=i Type=s",
    ElasticInferenceAcceleratorAssociation = [[
      ElasticInferenceAcceleratorArn=s ElasticInferenceAcceleratorAssociationId=s ElasticInferenceAcceleratorAssociationState=s ElasticInferenceAcceleratorAssociationTime=t
    ]],
    EnaSrdSpecification = "EnaSrdEnabled=b EnaSrdUdpSpecification=EnaSrdUdpSpecification",
    EnaSrdSpecificationRequest = "EnaSrdEnabled=b EnaSrdUdpSpecification=EnaSrdUdpSpecificationRequest",
    EnaSrdUdpSpecification = "EnaSrdUdpEnabled=b",
    EnaSrdUdpSpecificationRequest = "EnaSrdUdpEnabled=b",
    EnclaveOptions = "Enabled=b",
    EnclaveOptionsRequest = "Enabled=b",
    Filter = "Name=s Values@Value=[s]",
    FpgaDeviceInfo = "Count=i Manufacturer=s MemoryInfo=FpgaDeviceMemoryInfo Name=s",
    FpgaDeviceMemoryInfo = "SizeInMiB=i",
    FpgaInfo = "Fpgas=[FpgaDeviceInfo] TotalFpgaMemoryInMiB=i",
    GetConsoleOutputRequest = "DryRun=b InstanceId=s Latest=b",
    GetConsoleOutputResult = "InstanceId=s Output=s Timestamp=t",
    GpuDeviceInfo = [[
      Count=i GpuPartitionSize=f LogicalGpuCount=i Manufacturer=s MemoryInfo=GpuDeviceMemoryInfo Name=s Workloads@workloadSet=[s]
    ]],
    GpuDeviceMemoryInfo = "SizeInMiB=i",
    GpuInfo = "Gpus=[GpuDeviceInfo] TotalGpuMemoryInMiB=i",
    GroupIdentifier = "GroupId=s GroupName=s",
    HibernationOptions = "Configured=b",
    HibernationOptionsRequest = "Configured=b",
    IamInstanceProfile = "Arn=s Id=s",
    IamInstanceProfileSpecification = "Arn=s Name=s",
    IcmpTypeCode = "Code=i Type=i",
    IgwFirewall = "FirewallArn=s Status=s",
    Image = [[
      Architecture=s BlockDeviceMappings@blockDeviceMapping=[BlockDeviceMapping] BootMode=s CreationDate=s DeprecationTime=s DeregistrationProtection=s Description=s EnaSupport=b FreeTierEligible=b
      Hypervisor=s ImageAllowed=b ImageId=s ImageLocation=s ImageOwnerAlias=s ImageType=s ImageWatermarks@imageWatermarkSet=[ImageWatermark] ImdsSupport=s
      InstanceTypeSpecification=InstanceTypeSpecification KernelId=s LastLaunchedTime=s Name=s OwnerId@imageOwnerId=s Platform=s PlatformDetails=s ProductCodes=[ProductCode] Public@isPublic=b
      PublicSsmParameterName=s RamdiskId=s RootDeviceName=s RootDeviceType=s ScanResults=ScanResults SourceImageId=s SourceImageRegion=s SourceInstanceId=s SriovNetSupport=s State@imageState=s
      StateReason=StateReason Tags@tagSet=[Tag] TpmSupport=s UsageOperation=s VirtualizationType=s
    ]],
    ImageWatermark = [[
      SourceImageCreationTime=t SourceImageId=s SourceImageRegion=s WatermarkCreationTime=t WatermarkKey=s
    ]],
    ImportKeyPairRequest = [[
      DryRun=b KeyName=s PublicKeyMaterial=x TagSpecifications@TagSpecification=[TagSpecification]
    ]],
    ImportKeyPairResult = "KeyFingerprint=s KeyName=s KeyPairId=s Tags@tagSet=[Tag]",
    InferenceAcceleratorInfo = "Accelerators=[InferenceDeviceInfo@member] TotalInferenceMemoryInMiB=i",
    InferenceDeviceInfo = "Count=i Manufacturer=s MemoryInfo=InferenceDeviceMemoryInfo Name=s",
    InferenceDeviceMemoryInfo = "SizeInMiB=i",
    Instance = [[
      AmiLaunchIndex=i Architecture=s BlockDeviceMappings@blockDeviceMapping=[InstanceBlockDeviceMapping] BootMode=s CapacityBlockId=s CapacityReservationId=s
      CapacityReservationSpecification=CapacityReservationSpecificationResponse ClientToken=s CpuOptions=CpuOptions CurrentInstanceBootMode=s EbsOptimized=b
      ElasticGpuAssociations@elasticGpuAssociationSet=[ElasticGpuAssociation] ElasticInferenceAcceleratorAssociations@elasticInferenceAcceleratorAssociationSet=[ElasticInferenceAcceleratorAssociation]
      EnaSupport=b EnclaveOptions=EnclaveOptions HibernationOptions=HibernationOptions Hypervisor=s IamInstanceProfile=IamInstanceProfile ImageId=s InstanceId=s InstanceLifecycle=s InstanceType=s
      Ipv6Address=s KernelId=s KeyName=s LaunchTime=t Licenses@licenseSet=[LicenseConfiguration] MaintenanceOptions=InstanceMaintenanceOptions MetadataOptions=InstanceMetadataOptionsResponse
      Monitoring=Monitoring NetworkInterfaces@networkInterfaceSet=[InstanceNetworkInterface] NetworkPerformanceOptions=InstanceNetworkPerformanceOptions Operator=OperatorResponse OutpostArn=s
      Placement=Placement Platform=s PlatformDetails=s PrivateDnsName=s PrivateDnsNameOptions=PrivateDnsNameOptionsResponse PrivateIpAddress=s ProductCodes=[ProductCode] PublicDnsName@dnsName=s
      PublicIpAddress@ipAddress=s RamdiskId=s RootDeviceName=s RootDeviceType=s SecondaryInterfaces@secondaryInterfaceSet=[InstanceSecondaryInterface] SecurityGroups@groupSet=[GroupIdentifier]
      SourceDestCheck=b SpotInstanceRequestId=s SriovNetSupport=s State@instanceState=InstanceState StateReason=StateReason StateTransitionReason@reason=s SubnetId=s Tags@tagSet=[Tag] TpmSupport=s
      UsageOperation=s UsageOperationUpdateTime=t VirtualizationType=s VpcId=s
    ]],
    InstanceAttachmentEnaSrdSpecification = [[
      EnaSrdEnabled=b EnaSrdUdpSpecification=InstanceAttachmentEnaSrdUdpSpecification
    ]],
    InstanceAttachmentEnaSrdUdpSpecification = "EnaSrdUdpEnabled=b",
    InstanceAttribute = [[
      BlockDeviceMappings@blockDeviceMapping=[InstanceBlockDeviceMapping] DisableApiStop=AttributeBooleanValue DisableApiTermination=AttributeBooleanValue EbsOptimized=AttributeBooleanValue
      EnaSupport=AttributeBooleanValue EnclaveOptions=EnclaveOptions Groups@groupSet=[GroupIdentifier] InstanceId=s InstanceInitiatedShutdownBehavior=AttributeValue InstanceType=AttributeValue
      KernelId@kernel=AttributeValue ProductCodes=[ProductCode] RamdiskId@ramdisk=AttributeValue RootDeviceName=AttributeValue SourceDestCheck=AttributeBooleanValue SriovNetSupport=AttributeValue
      UserData=AttributeValue
    ]],
    InstanceBlockDeviceMapping = "DeviceName=s Ebs=EbsInstanceBlockDevice",
    InstanceBlockDeviceMappingSpecification = [[
      DeviceName=s Ebs=EbsInstanceBlockDeviceSpecification NoDevice=s VirtualName=s
    ]],
    InstanceIpv4Prefix = "Ipv4Prefix=s",
    InstanceIpv6Address = "Ipv6Address=s IsPrimaryIpv6=b",
    InstanceIpv6Prefix = "Ipv6Prefix=s",
    InstanceMaintenanceOptions = "AutoRecovery=s RebootMigration=s",
    InstanceMaintenanceOptionsRequest = "AutoRecovery=s",
    InstanceMarketOptionsRequest = "MarketType=s SpotOptions=SpotMarketOptions",
    InstanceMetadataOptionsRequest = [[
      HttpEndpoint=s HttpProtocolIpv6=s HttpPutResponseHopLimit=i HttpTokens=s InstanceMetadataTags=s
    ]],
    InstanceMetadataOptionsResponse = [[
      HttpEndpoint=s HttpProtocolIpv6=s HttpPutResponseHopLimit=i HttpTokens=s InstanceMetadataTags=s State=s
    ]],
    InstanceNetworkInterface = [[
      Association=InstanceNetworkInterfaceAssociation Attachment=InstanceNetworkInterfaceAttachment ConnectionTrackingConfiguration=ConnectionTrackingSpecificationResponse Description=s
      Groups@groupSet=[GroupIdentifier] InterfaceType=s Ipv4Prefixes@ipv4PrefixSet=[InstanceIpv4Prefix] Ipv6Addresses@ipv6AddressesSet=[InstanceIpv6Address]
      Ipv6Prefixes@ipv6PrefixSet=[InstanceIpv6Prefix] MacAddress=s NetworkInterfaceId=s Operator=OperatorResponse OwnerId=s PrivateDnsName=s PrivateIpAddress=s
      PrivateIpAddresses@privateIpAddressesSet=[InstancePrivateIpAddress] SourceDestCheck=b Status=s SubnetId=s VpcId=s
    ]],
    InstanceNetworkInterfaceAssociation = "CarrierIp=s CustomerOwnedIp=s IpOwnerId=s PublicDnsName=s PublicIp=s",
    InstanceNetworkInterfaceAttachment = [[
      AttachTime=t AttachmentId=s DeleteOnTermination=b DeviceIndex=i EnaQueueCount=i EnaSrdSpecification=InstanceAttachmentEnaSrdSpecification NetworkCardIndex=i Status=s
    ]],
    InstanceNetworkInterfaceSpecification = [[
      AssociateCarrierIpAddress=b AssociatePublicIpAddress=b ConnectionTrackingSpecification=ConnectionTrackingSpecificationRequest DeleteOnTermination=b Description=s DeviceIndex=i EnaQueueCount=i
      EnaSrdSpecification=EnaSrdSpecificationRequest Groups@SecurityGroupId=[s@SecurityGroupId] InterfaceType=s Ipv4PrefixCount=i Ipv4Prefixes@Ipv4Prefix=[Ipv4PrefixSpecificationRequest]
      Ipv6AddressCount=i Ipv6Addresses@ipv6AddressesSet@Ipv6Addresses=[InstanceIpv6Address] Ipv6PrefixCount=i Ipv6Prefixes@Ipv6Prefix=[Ipv6PrefixSpecificationRequest] NetworkCardIndex=i
      NetworkInterfaceId=s PrimaryIpv6=b PrivateIpAddress=s PrivateIpAddresses@privateIpAddressesSet@PrivateIpAddresses=[PrivateIpAddressSpecification] SecondaryPrivateIpAddressCount=i SubnetId=s
    ]],
    InstanceNetworkPerformanceOptions = "BandwidthWeighting=s",
    InstanceNetworkPerformanceOptionsRequest = "BandwidthWeighting=s",
    InstancePrivateIpAddress = [[
      Association=InstanceNetworkInterfaceAssociation Primary=b PrivateDnsName=s PrivateIpAddress=s
    ]],
    InstanceSecondaryInterface = [[
      Attachment=InstanceSecondaryInterfaceAttachment InterfaceType=s MacAddress=s OwnerId=s PrivateIpAddresses@privateIpAddressSet=[InstanceSecondaryInterfacePrivateIpAddress] SecondaryInterfaceId=s
      SecondaryNetworkId=s SecondarySubnetId=s SourceDestCheck=b Status=s
    ]],
    InstanceSecondaryInterfaceAttachment = [[
      AttachTime=t AttachmentId=s DeleteOnTermination=b DeviceIndex=i NetworkCardIndex=i Status=s
    ]],
    InstanceSecondaryInterfacePrivateIpAddress = "PrivateIpAddress=s",
    InstanceSecondaryInterfacePrivateIpAddressRequest = "PrivateIpAddress=s",
    InstanceSecondaryInterfaceSpecificationRequest = [[
      DeleteOnTermination=b DeviceIndex=i InterfaceType=s NetworkCardIndex=i PrivateIpAddressCount=i PrivateIpAddresses@PrivateIpAddress=[InstanceSecondaryInterfacePrivateIpAddressRequest]
      SecondarySubnetId=s
    ]],
    InstanceState = "Code=i Name=s",
    InstanceStateChange = "CurrentState=InstanceState InstanceId=s PreviousState=InstanceState",
    InstanceStatus = [[
      ApplicationStatus=ApplicationStatusSummary AttachedEbsStatus=EbsStatusSummary AvailabilityZone=s AvailabilityZoneId=s Events@eventsSet=[InstanceStatusEvent] InstanceId=s
      InstanceState=InstanceState InstanceStatus=InstanceStatusSummary Operator=OperatorResponse OutpostArn=s PerformanceStatus=PerformanceStatusSummary SystemStatus=InstanceStatusSummary
    ]],
    InstanceStatusDetails = "ImpairedSince=t Name=s Status=s",
    InstanceStatusEvent = "Code=s Description=s InstanceEventId=s NotAfter=t NotBefore=t NotBeforeDeadline=t",
    InstanceStatusSummary = "Details=[InstanceStatusDetails] Status=s",
    InstanceStorageInfo = "Disks=[DiskInfo] EncryptionSupport=s NvmeSupport=s TotalSizeInGB=i",
    InstanceTypeInfo = [[
      AutoRecoverySupported=b BareMetal=b BurstablePerformanceSupported=b CurrentGeneration=b DedicatedHostsSupported=b EbsInfo=EbsInfo FpgaInfo=FpgaInfo FreeTierEligible=b GpuInfo=GpuInfo
      HibernationSupported=b Hypervisor=s InferenceAcceleratorInfo=InferenceAcceleratorInfo InstanceStorageInfo=InstanceStorageInfo InstanceStorageSupported=b InstanceType=s
      MediaAcceleratorInfo=MediaAcceleratorInfo MemoryInfo=MemoryInfo NetworkInfo=NetworkInfo NeuronInfo=NeuronInfo NitroEnclavesSupport=s NitroTpmInfo=NitroTpmInfo NitroTpmSupport=s PhcSupport=s
      PlacementGroupInfo=PlacementGroupInfo ProcessorInfo=ProcessorInfo RebootMigrationSupport=s SupportedBootModes=[s] SupportedInRegion=b SupportedRootDeviceTypes=[s] SupportedUsageClasses=[s]
      SupportedVirtualizationTypes=[s] VCpuInfo=VCpuInfo
    ]],
    InstanceTypeItem = "InstanceType=s",
    InstanceTypeOffering = "InstanceType=s Location=s LocationType=s",
    InstanceTypeSpecification = [[
      SupportedInstanceTypes@supportedInstanceTypeSet=[InstanceTypeItem] UnsupportedInstanceTypes@unsupportedInstanceTypeSet=[InstanceTypeItem]
    ]],
    InternetGateway = [[
      Attachments@attachmentSet=[InternetGatewayAttachment] InternetGatewayId=s OwnerId=s Tags@tagSet=[Tag]
    ]],
    InternetGatewayAttachment = "State=s VpcId=s",
    IpPermission = [[
      FromPort=i IpProtocol=s IpRanges=[IpRange] Ipv6Ranges=[Ipv6Range] PrefixListIds=[PrefixListId] ToPort=i UserIdGroupPairs@groups=[UserIdGroupPair]
    ]],
    IpRange = "CidrIp=s Description=s",
    Ipv4PrefixSpecification = "Ipv4Prefix=s",
    Ipv4PrefixSpecificationRequest = "Ipv4Prefix=s",
    Ipv6PrefixSpecification = "Ipv6Prefix=s",
    Ipv6PrefixSpecificationRequest = "Ipv6Prefix=s",
    Ipv6Range = "CidrIpv6=s Description=s",
    KeyPairInfo = "CreateTime=t KeyFingerprint=s KeyName=s KeyPairId=s KeyType=s PublicKey=s Tags@tagSet=[Tag]",
    LaunchTemplateSpecification = "LaunchTemplateId=s LaunchTemplateName=s Version=s",
    LicenseConfiguration = "LicenseConfigurationArn=s",
    LicenseConfigurationRequest = "LicenseConfigurationArn=s",
    MediaAcceleratorInfo = "Accelerators=[MediaDeviceInfo] TotalMediaMemoryInMiB=i",
    MediaDeviceInfo = "Count=i Manufacturer=s MemoryInfo=MediaDeviceMemoryInfo Name=s",
    MediaDeviceMemoryInfo = "SizeInMiB=i",
    MemoryInfo = "SizeInMiB=i",
    ModifyAddressAttributeRequest = "AllocationId=s DomainName=s DryRun=b",
    ModifyAddressAttributeResult = "Address=AddressAttribute",
    ModifyInstanceAttributeRequest = [[
      Attribute=s BlockDeviceMappings@blockDeviceMapping=[InstanceBlockDeviceMappingSpecification] DisableApiStop=AttributeBooleanValue DisableApiTermination=AttributeBooleanValue DryRun=b
      EbsOptimized=AttributeBooleanValue EnaSupport=AttributeBooleanValue EnclaveOptions=EnclaveOptionsRequest Groups@GroupId=[s@groupId] InstanceId=s InstanceInitiatedShutdownBehavior=AttributeValue
      InstanceType=AttributeValue Kernel=AttributeValue Ramdisk=AttributeValue SourceDestCheck=AttributeBooleanValue SriovNetSupport=AttributeValue UserData=SecureBlobAttributeValue Value=s
    ]],
    ModifyNetworkInterfaceAttributeRequest = [[
      AssociatePublicIpAddress=b AssociatedSubnetIds@AssociatedSubnetId=[s@AssociatedSubnetId] Attachment=NetworkInterfaceAttachmentChanges
      ConnectionTrackingSpecification=ConnectionTrackingSpecificationRequest Description=AttributeValue DryRun=b EnaSrdSpecification=EnaSrdSpecification EnablePrimaryIpv6=b
      Groups@SecurityGroupId=[s@SecurityGroupId] NetworkInterfaceId=s SourceDestCheck=AttributeBooleanValue
    ]],
    ModifySubnetAttributeRequest = [[
      AssignIpv6AddressOnCreation=AttributeBooleanValue CustomerOwnedIpv4Pool=s DisableLniAtDeviceIndex=AttributeBooleanValue EnableDns64=AttributeBooleanValue EnableLniAtDeviceIndex=i
      EnableResourceNameDnsAAAARecordOnLaunch=AttributeBooleanValue EnableResourceNameDnsARecordOnLaunch=AttributeBooleanValue MapCustomerOwnedIpOnLaunch=AttributeBooleanValue
      MapPublicIpOnLaunch=AttributeBooleanValue PrivateDnsHostnameTypeOnLaunch=s SubnetId=s
    ]],
    ModifyVolumeRequest = "DryRun=b Iops=i MultiAttachEnabled=b Size=i Throughput=i VolumeId=s VolumeType=s",
    ModifyVolumeResult = "VolumeModification=VolumeModification",
    ModifyVpcAttributeRequest = [[
      EnableDnsHostnames=AttributeBooleanValue EnableDnsSupport=AttributeBooleanValue EnableNetworkAddressUsageMetrics=AttributeBooleanValue VpcId=s
    ]],
    Monitoring = "MetricCategoryIds@metricCategoryIdSet=[s] State=s",
    NatGateway = [[
      AttachedAppliances@attachedApplianceSet=[NatGatewayAttachedAppliance] AutoProvisionZones=s AutoScalingIps=s AvailabilityMode=s ConnectivityType=s CreateTime=t DeleteTime=t FailureCode=s
      FailureMessage=s NatGatewayAddresses@natGatewayAddressSet=[NatGatewayAddress] NatGatewayId=s ProvisionedBandwidth=ProvisionedBandwidth RouteTableId=s State=s SubnetId=s Tags@tagSet=[Tag] VpcId=s
    ]],
    NatGatewayAddress = [[
      AllocationId=s AssociationId=s AvailabilityZone=s AvailabilityZoneId=s FailureMessage=s IsPrimary=b NetworkInterfaceId=s PrivateIp=s PublicIp=s Status=s
    ]],
    NatGatewayAttachedAppliance = [[
      ApplianceArn=s AttachmentState=s FailureCode=s FailureMessage=s ModificationState=s Type=s VpcEndpointId=s
    ]],
    NetworkAcl = [[
      Associations@associationSet=[NetworkAclAssociation] Entries@entrySet=[NetworkAclEntry] IsDefault@default=b NetworkAclId=s OwnerId=s Tags@tagSet=[Tag] VpcId=s
    ]],
    NetworkAclAssociation = "NetworkAclAssociationId=s NetworkAclId=s SubnetId=s",
    NetworkAclEntry = [[
      CidrBlock=s Egress=b IcmpTypeCode=IcmpTypeCode Ipv6CidrBlock=s PortRange=PortRange Protocol=s RuleAction=s RuleNumber=i
    ]],
    NetworkCardInfo = [[
      AdditionalFlexibleNetworkInterfaces=i BaselineBandwidthInGbps=f DefaultEnaQueueCountPerInterface=i InterfaceTypes@interfaceTypeSet=[s] MaximumEnaQueueCount=i MaximumEnaQueueCountPerInterface=i
      MaximumNetworkInterfaces=i NetworkCardIndex=i NetworkPerformance=s PeakBandwidthInGbps=f
    ]],
    NetworkFirewallAssociation = "FirewallArn=s FirewallMode=s FirewallOnboardingStatus=s",
    NetworkInfo = [[
      BandwidthWeightings=[s] ConnectionTrackingConfiguration=DefaultConnectionTrackingConfiguration DefaultNetworkCardIndex=i EfaInfo=EfaInfo EfaSupported=b EnaSrdSupported=b EnaSupport=s
      EncryptionInTransitSupported=b FlexibleEnaQueuesSupport=s Ipv4AddressesPerInterface=i Ipv4AddressesPerSecondaryInterface=i Ipv6AddressesPerInterface=i Ipv6Supported=b MaximumNetworkCards=i
      MaximumNetworkInterfaces=i MaximumSecondaryNetworkInterfaces=i NetworkCards=[NetworkCardInfo] NetworkPerformance=s SecondaryNetworkSupported=b
    ]],
    NetworkInterface = [[
      AssociatedSubnets@associatedSubnetSet=[s] Association=NetworkInterfaceAssociation Attachment=NetworkInterfaceAttachment AvailabilityZone=s AvailabilityZoneId=s
      ConnectionTrackingConfiguration=ConnectionTrackingConfiguration DenyAllIgwTraffic=b Description=s Groups@groupSet=[GroupIdentifier] InterfaceType=s
      Ipv4Prefixes@ipv4PrefixSet=[Ipv4PrefixSpecification] Ipv6Address=s Ipv6Addresses@ipv6AddressesSet=[NetworkInterfaceIpv6Address] Ipv6Native=b Ipv6Prefixes@ipv6PrefixSet=[Ipv6PrefixSpecification]
      MacAddress=s NetworkInterfaceId=s Operator=OperatorResponse OutpostArn=s OwnerId=s PrivateDnsName=s PrivateIpAddress=s PrivateIpAddresses@privateIpAddressesSet=[NetworkInterfacePrivateIpAddress]
      PublicDnsName=s PublicIpDnsNameOptions=PublicIpDnsNameOptions RequesterId=s RequesterManaged=b SourceDestCheck=b Status=s SubnetId=s TagSet=[Tag] VpcId=s
    ]],
    NetworkInterfaceAssociation = [[
      AllocationId=s AssociationId=s CarrierIp=s CustomerOwnedIp=s IpOwnerId=s PublicDnsName=s PublicIp=s
    ]],
    NetworkInterfaceAttachment = [[
      AttachTime=t AttachmentId=s DeleteOnTermination=b DeviceIndex=i EnaQueueCount=i EnaSrdSpecification=AttachmentEnaSrdSpecification InstanceId=s InstanceOwnerId=s NetworkCardIndex=i Status=s
    ]],
    NetworkInterfaceAttachmentChanges = "AttachmentId=s DefaultEnaQueueCount=b DeleteOnTermination=b EnaQueueCount=i",
    NetworkInterfaceIpv6Address = "Ipv6Address=s IsPrimaryIpv6=b PublicIpv6DnsName=s",
    NetworkInterfacePrivateIpAddress = [[
      Association=NetworkInterfaceAssociation Primary=b PrivateDnsName=s PrivateIpAddress=s
    ]],
    NeuronDeviceCoreInfo = "Count=i Version=i",
    NeuronDeviceInfo = "CoreInfo=NeuronDeviceCoreInfo Count=i MemoryInfo=NeuronDeviceMemoryInfo Name=s",
    NeuronDeviceMemoryInfo = "SizeInMiB=i",
    NeuronInfo = "NeuronDevices=[NeuronDeviceInfo] TotalNeuronDeviceMemoryInMiB=i",
    NitroTpmInfo = "SupportedVersions=[s]",
    OperatorRequest = "Principal=s",
    OperatorResponse = "HiddenByDefault=b Managed=b Principal=s",
    PerformanceStatusSummary = "ImpairedSince=t Remediation=s Status=s",
    Placement = [[
      Affinity=s AvailabilityZone=s AvailabilityZoneId=s GroupId=s GroupName=s HostId=s HostResourceGroupArn=s PartitionNumber=i SpreadDomain=s Tenancy=s
    ]],
    PlacementGroup = [[
      GroupArn=s GroupId=s GroupName=s LinkedGroupId=s Operator=OperatorResponse ParentGroupId=s PartitionCount=i SpreadLevel=s State=s Strategy=s Tags@tagSet=[Tag]
    ]],
    PlacementGroupInfo = "SupportedStrategies=[s]",
    PortRange = "From=i To=i",
    PrefixListId = "Description=s PrefixListId=s",
    PrivateDnsNameOptionsOnLaunch = "EnableResourceNameDnsAAAARecord=b EnableResourceNameDnsARecord=b HostnameType=s",
    PrivateDnsNameOptionsRequest = "EnableResourceNameDnsAAAARecord=b EnableResourceNameDnsARecord=b HostnameType=s",
    PrivateDnsNameOptionsResponse = "EnableResourceNameDnsAAAARecord=b EnableResourceNameDnsARecord=b HostnameType=s",
    PrivateIpAddressSpecification = "Primary=b PrivateIpAddress=s",
    ProcessorInfo = "Manufacturer=s SupportedArchitectures=[s] SupportedFeatures=[s] SustainedClockSpeedInGhz=f",
    ProductCode = "ProductCodeId@productCode=s ProductCodeType@type=s",
    PropagatingVgw = "GatewayId=s",
    ProvisionedBandwidth = "ProvisionTime=t Provisioned=s RequestTime=t Requested=s Status=s",
    PtrUpdateStatus = "Reason=s Status=s Value=s",
    PublicIpDnsNameOptions = "DnsHostnameType=s PublicDualStackDnsName=s PublicIpv4DnsName=s PublicIpv6DnsName=s",
    RebootInstancesRequest = "DryRun=b InstanceIds@InstanceId=[s@InstanceId]",
    ReferencedSecurityGroup = "GroupId=s PeeringStatus=s UserId=s VpcId=s VpcPeeringConnectionId=s",
    Region = "Endpoint@regionEndpoint=s Geography@geographySet=[RegionGeography] OptInStatus=s RegionName=s",
    RegionGeography = "Name=s",
    ReleaseAddressRequest = "AllocationId=s DryRun=b NetworkBorderGroup=s PublicIp=s",
    ReplaceRouteRequest = [[
      CarrierGatewayId=s CoreNetworkArn=s DestinationCidrBlock=s DestinationIpv6CidrBlock=s DestinationPrefixListId=s DryRun=b EgressOnlyInternetGatewayId=s GatewayId=s InstanceId=s LocalGatewayId=s
      LocalTarget=b NatGatewayId=s NetworkInterfaceId=s OdbNetworkArn=s RouteTableId=s TransitGatewayId=s VpcEndpointId=s VpcPeeringConnectionId=s
    ]],
    Reservation = [[
      Groups@groupSet=[GroupIdentifier] Instances@instancesSet=[Instance] OwnerId=s RequesterId=s ReservationId=s
    ]],
    ResetAddressAttributeRequest = "AllocationId=s Attribute=s DryRun=b",
    ResetAddressAttributeResult = "Address=AddressAttribute",
    RevokeSecurityGroupEgressRequest = [[
      CidrIp=s DryRun=b FromPort=i GroupId=s IpPermissions=[IpPermission] IpProtocol=s SecurityGroupRuleIds@SecurityGroupRuleId=[s] SourceSecurityGroupName=s SourceSecurityGroupOwnerId=s ToPort=i
    ]],
    RevokeSecurityGroupEgressResult = [[
      Return=b RevokedSecurityGroupRules@revokedSecurityGroupRuleSet=[RevokedSecurityGroupRule] UnknownIpPermissions@unknownIpPermissionSet=[IpPermission]
    ]],
    RevokeSecurityGroupIngressRequest = [[
      CidrIp=s DryRun=b FromPort=i GroupId=s GroupName=s IpPermissions=[IpPermission] IpProtocol=s SecurityGroupRuleIds@SecurityGroupRuleId=[s] SourceSecurityGroupName=s SourceSecurityGroupOwnerId=s
      ToPort=i
    ]],
    RevokeSecurityGroupIngressResult = [[
      Return=b RevokedSecurityGroupRules@revokedSecurityGroupRuleSet=[RevokedSecurityGroupRule] UnknownIpPermissions@unknownIpPermissionSet=[IpPermission]
    ]],
    RevokedSecurityGroupRule = [[
      CidrIpv4=s CidrIpv6=s Description=s FromPort=i GroupId=s IpProtocol=s IsEgress=b PrefixListId=s ReferencedGroupId=s SecurityGroupRuleId=s ToPort=i
    ]],
    Route = [[
      CarrierGatewayId=s CoreNetworkArn=s DestinationCidrBlock=s DestinationIpv6CidrBlock=s DestinationPrefixListId=s EgressOnlyInternetGatewayId=s GatewayId=s IgwFirewall=IgwFirewall InstanceId=s
      InstanceOwnerId=s IpAddress=s LocalGatewayId=s NatGatewayId=s NetworkInterfaceId=s OdbNetworkArn=s Origin=s State=s TransitGatewayId=s VpcPeeringConnectionId=s
    ]],
    RouteTable = [[
      Associations@associationSet=[RouteTableAssociation] OwnerId=s PropagatingVgws@propagatingVgwSet=[PropagatingVgw] RouteTableId=s Routes@routeSet=[Route] Tags@tagSet=[Tag] VpcId=s
    ]],
    RouteTableAssociation = [[
      AssociationState=RouteTableAssociationState GatewayId=s Main=b PublicIpv4Pool=s RouteTableAssociationId=s RouteTableId=s SubnetId=s
    ]],
    RouteTableAssociationState = "State=s StatusMessage=s",
    RunInstancesMonitoringEnabled = "Enabled=b MetricCategoryIds@MetricCategoryId=[s]",
    RunInstancesRequest = [[
      AdditionalInfo=s BlockDeviceMappings@BlockDeviceMapping=[BlockDeviceMapping@BlockDeviceMapping] CapacityReservationSpecification=CapacityReservationSpecification ClientToken=s
      CpuOptions=CpuOptionsRequest CreditSpecification=CreditSpecificationRequest DisableApiStop=b DisableApiTermination=b DryRun=b EbsOptimized=b ElasticGpuSpecification=[ElasticGpuSpecification]
      ElasticInferenceAccelerators@ElasticInferenceAccelerator=[ElasticInferenceAccelerator] EnablePrimaryIpv6=b EnclaveOptions=EnclaveOptionsRequest HibernationOptions=HibernationOptionsRequest
      IamInstanceProfile=IamInstanceProfileSpecification ImageId=s InstanceInitiatedShutdownBehavior=s InstanceMarketOptions=InstanceMarketOptionsRequest InstanceType=s Ipv6AddressCount=i
      Ipv6Addresses@Ipv6Address=[InstanceIpv6Address] KernelId=s KeyName=s LaunchTemplate=LaunchTemplateSpecification LicenseSpecifications@LicenseSpecification=[LicenseConfigurationRequest]
      MaintenanceOptions=InstanceMaintenanceOptionsRequest MaxCount=i MetadataOptions=InstanceMetadataOptionsRequest MinCount=i Monitoring=RunInstancesMonitoringEnabled
      NetworkInterfaces@networkInterface=[InstanceNetworkInterfaceSpecification] NetworkPerformanceOptions=InstanceNetworkPerformanceOptionsRequest Operator=OperatorRequest Placement=Placement
      PrivateDnsNameOptions=PrivateDnsNameOptionsRequest PrivateIpAddress=s RamdiskId=s SecondaryInterfaces@SecondaryInterface=[InstanceSecondaryInterfaceSpecificationRequest]
      SecurityGroupIds@SecurityGroupId=[s@SecurityGroupId] SecurityGroups@SecurityGroup=[s@SecurityGroup] SubnetId=s TagSpecifications@TagSpecification=[TagSpecification] UserData=s
    ]],
    ScanResults = [[
      CriticalFixAvailableSince=t FindingScanDate=t HighFixAvailableSince=t HighestFindingSeverityLabel=s InformationalFixAvailableSince=t LowFixAvailableSince=t MediumFixAvailableSince=t
    ]],
    SecureBlobAttributeValue = "Value=x",
    SecurityGroup = [[
      Description@groupDescription=s GroupId=s GroupName=s IpPermissions=[IpPermission] IpPermissionsEgress=[IpPermission] OwnerId=s SecurityGroupArn=s Tags@tagSet=[Tag] VpcId=s
    ]],
    SecurityGroupRule = [[
      CidrIpv4=s CidrIpv6=s Description=s FromPort=i GroupId=s GroupOwnerId=s IpProtocol=s IsEgress=b PrefixListId=s ReferencedGroupInfo=ReferencedSecurityGroup SecurityGroupRuleArn=s
      SecurityGroupRuleId=s Tags@tagSet=[Tag] ToPort=i
    ]],
    SecurityGroupRuleDescription = "Description=s SecurityGroupRuleId=s",
    Snapshot = [[
      AssociatedKmsKeys@associatedKmsKeySet=[AssociatedKmsKey] AvailabilityZone=s CompletionDurationMinutes=i CompletionTime=t DataEncryptionKeyId=s Description=s Encrypted=b FullSnapshotSizeInBytes=i
      KmsKeyId=s OutpostArn=s OwnerAlias=s OwnerId=s Progress=s RestoreExpiryTime=t SnapshotId=s SseType=s StartTime=t State@status=s StateMessage@statusMessage=s StorageTier=s Tags@tagSet=[Tag]
      TransferType=s VolumeId=s VolumeSize=i
    ]],
    SpotMarketOptions = [[
      BlockDurationMinutes=i InstanceInterruptionBehavior=s MaxPrice=s SpotInstanceType=s ValidUntil=t
    ]],
    StartInstancesRequest = "AdditionalInfo=s DryRun=b InstanceIds@InstanceId=[s@InstanceId]",
    StartInstancesResult = "StartingInstances@instancesSet=[InstanceStateChange]",
    StateReason = "Code=s Message=s",
    StopInstancesRequest = "DryRun=b Force=b Hibernate=b InstanceIds@InstanceId=[s@InstanceId] SkipOsShutdown=b",
    StopInstancesResult = "StoppingInstances@instancesSet=[InstanceStateChange]",
    Subnet = [[
      AssignIpv6AddressOnCreation=b AvailabilityZone=s AvailabilityZoneId=s AvailableIpAddressCount=i BlockPublicAccessStates=BlockPublicAccessStates CidrBlock=s CustomerOwnedIpv4Pool=s DefaultForAz=b
      EnableDns64=b EnableLniAtDeviceIndex=i Ipv6CidrBlockAssociationSet=[SubnetIpv6CidrBlockAssociation] Ipv6Native=b MapCustomerOwnedIpOnLaunch=b MapPublicIpOnLaunch=b
      NetworkFirewallConnectivityType=s OutpostArn=s OwnerId=s PrivateDnsNameOptionsOnLaunch=PrivateDnsNameOptionsOnLaunch State=s SubnetArn=s SubnetId=s Tags@tagSet=[Tag] Type=s VpcId=s
    ]],
    SubnetCidrBlockState = "State=s StatusMessage=s",
    SubnetIpv6CidrBlockAssociation = [[
      AssociationId=s IpSource=s Ipv6AddressAttribute=s Ipv6CidrBlock=s Ipv6CidrBlockState=SubnetCidrBlockState
    ]],
    Tag = "Key=s Value=s",
    TagDescription = "Key=s ResourceId=s ResourceType=s Value=s",
    TagSpecification = "ResourceType=s Tags@Tag=[Tag]",
    TerminateInstancesRequest = "DryRun=b Force=b InstanceIds@InstanceId=[s@InstanceId] SkipOsShutdown=b",
    TerminateInstancesResult = "TerminatingInstances@instancesSet=[InstanceStateChange]",
    UpdateSecurityGroupRuleDescriptionsEgressRequest = [[
      DryRun=b GroupId=s GroupName=s IpPermissions=[IpPermission] SecurityGroupRuleDescriptions@SecurityGroupRuleDescription=[SecurityGroupRuleDescription]
    ]],
    UpdateSecurityGroupRuleDescriptionsEgressResult = "Return=b",
    UpdateSecurityGroupRuleDescriptionsIngressRequest = [[
      DryRun=b GroupId=s GroupName=s IpPermissions=[IpPermission] SecurityGroupRuleDescriptions@SecurityGroupRuleDescription=[SecurityGroupRuleDescription]
    ]],
    UpdateSecurityGroupRuleDescriptionsIngressResult = "Return=b",
    UserIdGroupPair = "Description=s GroupId=s GroupName=s PeeringStatus=s UserId=s VpcId=s VpcPeeringConnectionId=s",
    VCpuInfo = "DefaultCores=i DefaultThreadsPerCore=i DefaultVCpus=i ValidCores=[i] ValidThreadsPerCore=[i]",
    Volume = [[
      Attachments@attachmentSet=[VolumeAttachment] AvailabilityZone=s AvailabilityZoneId=s CreateTime=t Encrypted=b FastRestored=b Iops=i KmsKeyId=s MultiAttachEnabled=b Operator=OperatorResponse
      OutpostArn=s OwnerId=s Size=i SnapshotId=s SourceVolumeId=s SseType=s State@status=s Tags@tagSet=[Tag] Throughput=i VolumeArn=s VolumeId=s VolumeInitializationRate=i VolumeType=s
    ]],
    VolumeAttachment = [[
      AssociatedResource=s AttachTime=t DeleteOnTermination=b Device=s EbsCardIndex=i InstanceId=s InstanceOwningService=s State@status=s VolumeId=s
    ]],
    VolumeModification = [[
      EndTime=t ModificationState=s Operator=OperatorResponse OriginalIops=i OriginalMultiAttachEnabled=b OriginalSize=i OriginalThroughput=i OriginalVolumeType=s Progress=i StartTime=t
      StatusMessage=s TargetIops=i TargetMultiAttachEnabled=b TargetSize=i TargetThroughput=i TargetVolumeType=s VolumeId=s
    ]],
    Vpc = [[
      BlockPublicAccessStates=BlockPublicAccessStates CidrBlock=s CidrBlockAssociationSet=[VpcCidrBlockAssociation] DhcpOptionsId=s EncryptionControl=VpcEncryptionControl InstanceTenancy=s
      Ipv6CidrBlockAssociationSet=[VpcIpv6CidrBlockAssociation] IsDefault=b NetworkFirewallAssociations@networkFirewallAssociationSet=[NetworkFirewallAssociation] OwnerId=s State=s Tags@tagSet=[Tag]
      VpcId=s
    ]],
    VpcCidrBlockAssociation = "AssociationId=s CidrBlock=s CidrBlockState=VpcCidrBlockState",
    VpcCidrBlockState = "State=s StatusMessage=s",
    VpcEncryptionControl = [[
      Mode=s ResourceExclusions=VpcEncryptionControlExclusions State=s StateMessage=s Tags@tagSet=[Tag] VpcEncryptionControlId=s VpcId=s
    ]],
    VpcEncryptionControlConfiguration = [[
      ApiGatewayV2Exclusion=s EgressOnlyInternetGatewayExclusion=s ElasticFileSystemExclusion=s GlobalAcceleratorExclusion=s InternetGatewayExclusion=s LambdaExclusion=s Mode=s NatGatewayExclusion=s
      VirtualPrivateGatewayExclusion=s VpcLatticeExclusion=s VpcPeeringExclusion=s
    ]],
    VpcEncryptionControlExclusion = "State=s StateMessage=s",
    VpcEncryptionControlExclusions = [[
      ApiGatewayV2=VpcEncryptionControlExclusion EgressOnlyInternetGateway=VpcEncryptionControlExclusion ElasticFileSystem=VpcEncryptionControlExclusion GlobalAccelerator=VpcEncryptionControlExclusion
      InternetGateway=VpcEncryptionControlExclusion Lambda=VpcEncryptionControlExclusion NatGateway=VpcEncryptionControlExclusion VirtualPrivateGateway=VpcEncryptionControlExclusion
      VpcLattice=VpcEncryptionControlExclusion VpcPeering=VpcEncryptionControlExclusion
    ]],
    VpcIpv6CidrBlockAssociation = [[
      AssociationId=s IpSource=s Ipv6AddressAttribute=s Ipv6CidrBlock=s Ipv6CidrBlockState=VpcCidrBlockState Ipv6Pool=s NetworkBorderGroup=s
    ]],
  },
}
