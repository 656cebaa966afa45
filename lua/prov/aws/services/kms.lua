-- Made by tests/support/aws_model.lua from AWS's description of the service; do not edit. The notation is in
-- lua/prov/aws/query.lua.
-- luacheck: ignore 631

return {
  name = "kms",
  version = "2014-11-01",
  protocol = "json",
  prefix = "kms",
  target = "TrentService",
  json_version = "1.1",
  operations = {
    Decrypt = "DecryptRequest DecryptResponse",
    DescribeKey = "DescribeKeyRequest DescribeKeyResponse",
    Encrypt = "EncryptRequest EncryptResponse",
    GenerateDataKey = "GenerateDataKeyRequest GenerateDataKeyResponse",
    ListKeyRotations = "ListKeyRotationsRequest ListKeyRotationsResponse",
    ReEncrypt = "ReEncryptRequest ReEncryptResponse",
    RotateKeyOnDemand = "RotateKeyOnDemandRequest RotateKeyOnDemandResponse",
  },
  shapes = {
    ["-"] = "",
    DecryptRequest = [[
      CiphertextBlob=x DryRun=b DryRunModifiers=[s] EncryptionAlgorithm=s EncryptionContext=(s) GrantTokens=[s] KeyId=s Recipient=RecipientInfo
    ]],
    DecryptResponse = "CiphertextForRecipient=x EncryptionAlgorithm=s KeyId=s KeyMaterialId=s Plaintext=x",
    DescribeKeyRequest = "GrantTokens=[s] KeyId=s",
    DescribeKeyResponse = "KeyMetadata=KeyMetadata",
    EncryptRequest = "DryRun=b EncryptionAlgorithm=s EncryptionContext=(s) GrantTokens=[s] KeyId=s Plaintext=x",
    EncryptResponse = "CiphertextBlob=x EncryptionAlgorithm=s KeyId=s",
    GenerateDataKeyRequest = [[
      DryRun=b EncryptionContext=(s) GrantTokens=[s] KeyId=s KeySpec=s NumberOfBytes=i Recipient=RecipientInfo
    ]],
    GenerateDataKeyResponse = "CiphertextBlob=x CiphertextForRecipient=x KeyId=s KeyMaterialId=s Plaintext=x",
    KeyMetadata = [[
      AWSAccountId=s Arn=s CloudHsmClusterId=s CreationDate=te CurrentKeyMaterialId=s CustomKeyStoreId=s CustomerMasterKeySpec=s DeletionDate=te Description=s Enabled=b EncapsulationAlgorithms=[s]
      EncryptionAlgorithms=[s] ExpirationModel=s KeyAgreementAlgorithms=[s] KeyId=s KeyManager=s KeySpec=s KeyState=s KeyUsage=s MacAlgorithms=[s] MultiRegion=b
      MultiRegionConfiguration=MultiRegionConfiguration Origin=s PendingDeletionWindowInDays=i SigningAlgorithms=[s] ValidTo=te XksKeyConfiguration=XksKeyConfigurationType
    ]],
    ListKeyRotationsRequest = "IncludeKeyMaterial=s KeyId=s Limit=i Marker=s",
    ListKeyRotationsResponse = "NextMarker=s Rotations=[RotationsListEntry] Truncated=b",
    MultiRegionConfiguration = "MultiRegionKeyType=s PrimaryKey=MultiRegionKey ReplicaKeys=[MultiRegionKey]",
    MultiRegionKey = "Arn=s Region=s",
    ReEncryptRequest = [[
      CiphertextBlob=x DestinationEncryptionAlgorithm=s DestinationEncryptionContext=(s) DestinationKeyId=s DryRun=b DryRunModifiers=[s] GrantTokens=[s] SourceEncryptionAlgorithm=s
      SourceEncryptionContext=(s) SourceKeyId=s
    ]],
    ReEncryptResponse = [[
      CiphertextBlob=x DestinationEncryptionAlgorithm=s DestinationKeyMaterialId=s KeyId=s SourceEncryptionAlgorithm=s SourceKeyId=s SourceKeyMaterialId=s
    ]],
    RecipientInfo = "AttestationDocument=x KeyEncryptionAlgorithm=s",
    RotateKeyOnDemandRequest = "KeyId=s",
    RotateKeyOnDemandResponse = "KeyId=s",
    RotationsListEntry = [[
      ExpirationModel=s ImportState=s KeyId=s KeyMaterialDescription=s KeyMaterialId=s KeyMaterialState=s RotationDate=te RotationType=s ValidTo=te
    ]],
    XksKeyConfigurationType = "Id=s",
  },
}
