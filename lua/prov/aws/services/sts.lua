-- Made by tests/support/aws_model.lua from AWS's description of the service; do not edit. The notation is in
-- lua/prov/aws/query.lua.
-- luacheck: ignore 631

return {
  name = "sts",
  version = "2011-06-15",
  protocol = "query",
  namespace = "https://sts.amazonaws.com/doc/2011-06-15/",
  prefix = "sts",
  operations = {
    AssumeRole = "AssumeRoleRequest AssumeRoleResponse AssumeRoleResult",
    AssumeRoleWithWebIdentity = [[
      AssumeRoleWithWebIdentityRequest AssumeRoleWithWebIdentityResponse AssumeRoleWithWebIdentityResult
    ]],
    GetCallerIdentity = "GetCallerIdentityRequest GetCallerIdentityResponse GetCallerIdentityResult",
    GetSessionToken = "GetSessionTokenRequest GetSessionTokenResponse GetSessionTokenResult",
  },
  shapes = {
    ["-"] = "",
    AssumeRoleRequest = [[
      DurationSeconds=i ExternalId=s MinimumSessionTokenSize=i Policy=s PolicyArns=[PolicyDescriptorType] ProvidedContexts=[ProvidedContext] RoleArn=s RoleSessionName=s SerialNumber=s SourceIdentity=s
      Tags=[Tag] TokenCode=s TransitiveTagKeys=[s]
    ]],
    AssumeRoleResponse = [[
      AssumedRoleUser=AssumedRoleUser Credentials=Credentials PackedPolicySize=i SessionTokenSize=i SessionTokenUtilization=i SourceIdentity=s
    ]],
    AssumeRoleWithWebIdentityRequest = [[
      DurationSeconds=i MinimumSessionTokenSize=i Policy=s PolicyArns=[PolicyDescriptorType] ProviderId=s RoleArn=s RoleSessionName=s WebIdentityToken=s
    ]],
    AssumeRoleWithWebIdentityResponse = [[
      AssumedRoleUser=AssumedRoleUser Audience=s Credentials=Credentials PackedPolicySize=i Provider=s SessionTokenSize=i SessionTokenUtilization=i SourceIdentity=s SubjectFromWebIdentityToken=s
      TrustedIdentityPropagationContext=TrustedIdentityPropagationContext
    ]],
    AssumedRoleUser = "Arn=s AssumedRoleId=s",
    Credentials = "AccessKeyId=s Expiration=t SecretAccessKey=s SessionToken=s",
    GetCallerIdentityRequest = "",
    GetCallerIdentityResponse = "Account=s Arn=s UserId=s",
    GetSessionTokenRequest = "DurationSeconds=i MinimumSessionTokenSize=i SerialNumber=s TokenCode=s",
    GetSessionTokenResponse = "Credentials=Credentials SessionTokenSize=i SessionTokenUtilization=i",
    OriginIdentity = "FederatedProviderArn=s Issuer=s Subject=s SubjectType=s",
    PolicyDescriptorType = "arn=s",
    ProvidedContext = "ContextAssertion=s ProviderArn=s",
    Tag = "Key=s Value=s",
    TransactionContext = "IdentityProvider=(s)",
    TrustedIdentityPropagationContext = "OriginIdentity=OriginIdentity TransactionContext=TransactionContext",
  },
}
