-- Made by tests/support/aws_model.lua from AWS's description of the service; do not edit. The notation is in
-- lua/prov/aws/query.lua.
-- luacheck: ignore 631

return {
  name = "s3",
  version = "2006-03-01",
  protocol = "rest-xml",
  namespace = "http://s3.amazonaws.com/doc/2006-03-01/",
  prefix = "s3",
  operations = {
    CreateBucket = "CreateBucketRequest CreateBucketOutput PUT /{Bucket} - -",
    DeleteBucket = "DeleteBucketRequest - DELETE /{Bucket} 204 -",
    DeleteBucketTagging = "DeleteBucketTaggingRequest - DELETE /{Bucket}?tagging 204 -",
    DeletePublicAccessBlock = "DeletePublicAccessBlockRequest - DELETE /{Bucket}?publicAccessBlock 204 -",
    GetBucketLocation = "GetBucketLocationRequest GetBucketLocationOutput GET /{Bucket}?location - -",
    GetBucketTagging = "GetBucketTaggingRequest GetBucketTaggingOutput GET /{Bucket}?tagging - -",
    GetBucketVersioning = "GetBucketVersioningRequest GetBucketVersioningOutput GET /{Bucket}?versioning - -",
    GetPublicAccessBlock = "GetPublicAccessBlockRequest GetPublicAccessBlockOutput GET /{Bucket}?publicAccessBlock - -",
    HeadBucket = "HeadBucketRequest HeadBucketOutput HEAD /{Bucket} - -",
    ListBuckets = "ListBucketsRequest ListBucketsOutput GET / - -",
    ListObjectVersions = "ListObjectVersionsRequest ListObjectVersionsOutput GET /{Bucket}?versions - -",
    ListObjects = "ListObjectsRequest ListObjectsOutput GET /{Bucket} - -",
    ListObjectsV2 = "ListObjectsV2Request ListObjectsV2Output GET /{Bucket}?list-type=2 - -",
    PutBucketTagging = "PutBucketTaggingRequest - PUT /{Bucket}?tagging - - checksum",
    PutObject = "PutObjectRequest PutObjectOutput PUT /{Bucket}/{Key+} - -",
    PutPublicAccessBlock = "PutPublicAccessBlockRequest - PUT /{Bucket}?publicAccessBlock - - checksum",
  },
  shapes = {
    ["-"] = "",
    Bucket = "BucketArn=s BucketRegion=s CreationDate=t Name=s",
    BucketInfo = "DataRedundancy=s Type=s",
    CommonPrefix = "Prefix=s",
    CreateBucketConfiguration = "Bucket=BucketInfo Location=LocationInfo LocationConstraint=s Tags=[Tag@Tag]",
    CreateBucketOutput = "BucketArn@:x-amz-bucket-arn=s Location@:Location=s",
    CreateBucketRequest = [[
      ACL@:x-amz-acl=s Bucket@/Bucket=s BucketNamespace@:x-amz-bucket-namespace=s CreateBucketConfiguration@!CreateBucketConfiguration=CreateBucketConfiguration
      GrantFullControl@:x-amz-grant-full-control=s GrantRead@:x-amz-grant-read=s GrantReadACP@:x-amz-grant-read-acp=s GrantWrite@:x-amz-grant-write=s GrantWriteACP@:x-amz-grant-write-acp=s
      ObjectLockEnabledForBucket@:x-amz-bucket-object-lock-enabled=b ObjectOwnership@:x-amz-object-ownership=s
    ]],
    DeleteBucketRequest = "Bucket@/Bucket=s ExpectedBucketOwner@:x-amz-expected-bucket-owner=s",
    DeleteBucketTaggingRequest = "Bucket@/Bucket=s ExpectedBucketOwner@:x-amz-expected-bucket-owner=s",
    DeleteMarkerEntry = "IsLatest=b Key=s LastModified=t Owner=Owner VersionId=s",
    DeletePublicAccessBlockRequest = "Bucket@/Bucket=s ExpectedBucketOwner@:x-amz-expected-bucket-owner=s",
    GetBucketLocationOutput = "LocationConstraint=s",
    GetBucketLocationRequest = "Bucket@/Bucket=s ExpectedBucketOwner@:x-amz-expected-bucket-owner=s",
    GetBucketTaggingOutput = "TagSet=[Tag@Tag]",
    GetBucketTaggingRequest = "Bucket@/Bucket=s ExpectedBucketOwner@:x-amz-expected-bucket-owner=s",
    GetBucketVersioningOutput = "MFADelete@MfaDelete=s Status=s",
    GetBucketVersioningRequest = "Bucket@/Bucket=s ExpectedBucketOwner@:x-amz-expected-bucket-owner=s",
    GetPublicAccessBlockOutput = [[
      PublicAccessBlockConfiguration@!PublicAccessBlockConfiguration=PublicAccessBlockConfiguration
    ]],
    GetPublicAccessBlockRequest = "Bucket@/Bucket=s ExpectedBucketOwner@:x-amz-expected-bucket-owner=s",
    HeadBucketOutput = [[
      AccessPointAlias@:x-amz-access-point-alias=b BucketArn@:x-amz-bucket-arn=s BucketLocationName@:x-amz-bucket-location-name=s BucketLocationType@:x-amz-bucket-location-type=s
      BucketRegion@:x-amz-bucket-region=s
    ]],
    HeadBucketRequest = "Bucket@/Bucket=s ExpectedBucketOwner@:x-amz-expected-bucket-owner=s",
    ListBucketsOutput = "Buckets=[Bucket@Bucket] ContinuationToken=s Owner=Owner Prefix=s",
    ListBucketsRequest = [[
      BucketRegion@?bucket-region=s ContinuationToken@?continuation-token=s MaxBuckets@?max-buckets=i Prefix@?prefix=s
    ]],
    ListObjectVersionsOutput = [[
      CommonPrefixes=*[CommonPrefix] DeleteMarkers@DeleteMarker=*[DeleteMarkerEntry] Delimiter=s EncodingType=s IsTruncated=b KeyMarker=s MaxKeys=i Name=s NextKeyMarker=s NextVersionIdMarker=s
      Prefix=s RequestCharged@:x-amz-request-charged=s VersionIdMarker=s Versions@Version=*[ObjectVersion]
    ]],
    ListObjectVersionsRequest = [[
      Bucket@/Bucket=s Delimiter@?delimiter=s EncodingType@?encoding-type=s ExpectedBucketOwner@:x-amz-expected-bucket-owner=s KeyMarker@?key-marker=s MaxKeys@?max-keys=i
      OptionalObjectAttributes@:x-amz-optional-object-attributes=[s] Prefix@?prefix=s RequestPayer@:x-amz-request-payer=s VersionIdMarker@?version-id-marker=s
    ]],
    ListObjectsOutput = [[
      CommonPrefixes=*[CommonPrefix] Contents=*[Object] Delimiter=s EncodingType=s IsTruncated=b Marker=s MaxKeys=i Name=s NextMarker=s Prefix=s RequestCharged@:x-amz-request-charged=s
    ]],
    ListObjectsRequest = [[
      Bucket@/Bucket=s Delimiter@?delimiter=s EncodingType@?encoding-type=s ExpectedBucketOwner@:x-amz-expected-bucket-owner=s Marker@?marker=s MaxKeys@?max-keys=i
      OptionalObjectAttributes@:x-amz-optional-object-attributes=[s] Prefix@?prefix=s RequestPayer@:x-amz-request-payer=s
    ]],
    ListObjectsV2Output = [[
      CommonPrefixes=*[CommonPrefix] Contents=*[Object] ContinuationToken=s Delimiter=s EncodingType=s IsTruncated=b KeyCount=i MaxKeys=i Name=s NextContinuationToken=s Prefix=s
      RequestCharged@:x-amz-request-charged=s StartAfter=s
    ]],
    ListObjectsV2Request = [[
      Bucket@/Bucket=s ContinuationToken@?continuation-token=s Delimiter@?delimiter=s EncodingType@?encoding-type=s ExpectedBucketOwner@:x-amz-expected-bucket-owner=s FetchOwner@?fetch-owner=b
      MaxKeys@?max-keys=i OptionalObjectAttributes@:x-amz-optional-object-attributes=[s] Prefix@?prefix=s RequestPayer@:x-amz-request-payer=s StartAfter@?start-after=s
    ]],
    LocationInfo = "Name=s Type=s",
    Object = [[
      ChecksumAlgorithm=*[s] ChecksumType=s ETag=s Key=s LastModified=t Owner=Owner RestoreStatus=RestoreStatus Size=i StorageClass=s
    ]],
    ObjectVersion = [[
      ChecksumAlgorithm=*[s] ChecksumType=s ETag=s IsLatest=b Key=s LastModified=t Owner=Owner RestoreStatus=RestoreStatus Size=i StorageClass=s VersionId=s
    ]],
    Owner = "DisplayName=s ID=s",
    PublicAccessBlockConfiguration = "BlockPublicAcls=b BlockPublicPolicy=b IgnorePublicAcls=b RestrictPublicBuckets=b",
    PutBucketTaggingRequest = [[
      Bucket@/Bucket=s ChecksumAlgorithm@:x-amz-sdk-checksum-algorithm=s ContentMD5@:Content-MD5=s ExpectedBucketOwner@:x-amz-expected-bucket-owner=s Tagging@!Tagging=Tagging
    ]],
    PutObjectOutput = [[
      BucketKeyEnabled@:x-amz-server-side-encryption-bucket-key-enabled=b ChecksumCRC32@:x-amz-checksum-crc32=s ChecksumCRC32C@:x-amz-checksum-crc32c=s ChecksumCRC64NVME@:x-amz-checksum-crc64nvme=s
      ChecksumMD5@:x-amz-checksum-md5=s ChecksumSHA1@:x-amz-checksum-sha1=s ChecksumSHA256@:x-amz-checksum-sha256=s ChecksumSHA512@:x-amz-checksum-sha512=s ChecksumType@:x-amz-checksum-type=s
      ChecksumXXHASH128@:x-amz-checksum-xxhash128=s ChecksumXXHASH3@:x-amz-checksum-xxhash3=s ChecksumXXHASH64@:x-amz-checksum-xxhash64=s ETag@:ETag=s Expiration@:x-amz-expiration=s
      RequestCharged@:x-amz-request-charged=s SSECustomerAlgorithm@:x-amz-server-side-encryption-customer-algorithm=s SSECustomerKeyMD5@:x-amz-server-side-encryption-customer-key-MD5=s
      SSEKMSEncryptionContext@:x-amz-server-side-encryption-context=s SSEKMSKeyId@:x-amz-server-side-encryption-aws-kms-key-id=s ServerSideEncryption@:x-amz-server-side-encryption=s
      Size@:x-amz-object-size=i VersionId@:x-amz-version-id=s
    ]],
    PutObjectRequest = [[
      ACL@:x-amz-acl=s Body@!Body=x Bucket@/Bucket=s BucketKeyEnabled@:x-amz-server-side-encryption-bucket-key-enabled=b CacheControl@:Cache-Control=s ChecksumAlgorithm@:x-amz-sdk-checksum-algorithm=s
      ChecksumCRC32@:x-amz-checksum-crc32=s ChecksumCRC32C@:x-amz-checksum-crc32c=s ChecksumCRC64NVME@:x-amz-checksum-crc64nvme=s ChecksumMD5@:x-amz-checksum-md5=s ChecksumSHA1@:x-amz-checksum-sha1=s
      ChecksumSHA256@:x-amz-checksum-sha256=s ChecksumSHA512@:x-amz-checksum-sha512=s ChecksumXXHASH128@:x-amz-checksum-xxhash128=s ChecksumXXHASH3@:x-amz-checksum-xxhash3=s
      ChecksumXXHASH64@:x-amz-checksum-xxhash64=s ContentDisposition@:Content-Disposition=s ContentEncoding@:Content-Encoding=s ContentLanguage@:Content-Language=s ContentLength@:Content-Length=i
      ContentMD5@:Content-MD5=s ContentType@:Content-Type=s ExpectedBucketOwner@:x-amz-expected-bucket-owner=s Expires@:Expires=s GrantFullControl@:x-amz-grant-full-control=s
      GrantRead@:x-amz-grant-read=s GrantReadACP@:x-amz-grant-read-acp=s GrantWriteACP@:x-amz-grant-write-acp=s IfMatch@:If-Match=s IfNoneMatch@:If-None-Match=s Key@/Key=s Metadata@:x-amz-meta-=(s)
      ObjectLockLegalHoldStatus@:x-amz-object-lock-legal-hold=s ObjectLockMode@:x-amz-object-lock-mode=s ObjectLockRetainUntilDate@:x-amz-object-lock-retain-until-date=t
      RequestPayer@:x-amz-request-payer=s SSECustomerAlgorithm@:x-amz-server-side-encryption-customer-algorithm=s SSECustomerKey@:x-amz-server-side-encryption-customer-key=s
      SSECustomerKeyMD5@:x-amz-server-side-encryption-customer-key-MD5=s SSEKMSEncryptionContext@:x-amz-server-side-encryption-context=s SSEKMSKeyId@:x-amz-server-side-encryption-aws-kms-key-id=s
      ServerSideEncryption@:x-amz-server-side-encryption=s StorageClass@:x-amz-storage-class=s Tagging@:x-amz-tagging=s WebsiteRedirectLocation@:x-amz-website-redirect-location=s
      WriteOffsetBytes@:x-amz-write-offset-bytes=i
    ]],
    PutPublicAccessBlockRequest = [[
      Bucket@/Bucket=s ChecksumAlgorithm@:x-amz-sdk-checksum-algorithm=s ContentMD5@:Content-MD5=s ExpectedBucketOwner@:x-amz-expected-bucket-owner=s
      PublicAccessBlockConfiguration@!PublicAccessBlockConfiguration=PublicAccessBlockConfiguration
    ]],
    RestoreStatus = "IsRestoreInProgress=b RestoreExpiryDate=t",
    Tag = "Key=s Value=s",
    Tagging = "TagSet=[Tag@Tag]",
  },
}
