-- Made by tests/support/aws_model.lua from AWS's description of the service; do not edit. The notation is in
-- lua/prov/aws/query.lua.
-- luacheck: ignore 631

return {
  name = "pricing",
  version = "2017-10-15",
  protocol = "json",
  prefix = "api.pricing",
  signing = "pricing",
  target = "AWSPriceListService",
  json_version = "1.1",
  operations = {
    DescribeServices = "DescribeServicesRequest DescribeServicesResponse",
    GetAttributeValues = "GetAttributeValuesRequest GetAttributeValuesResponse",
    GetProducts = "GetProductsRequest GetProductsResponse",
  },
  shapes = {
    ["-"] = "",
    AttributeValue = "Value=s",
    DescribeServicesRequest = "FormatVersion=s MaxResults=i NextToken=s ServiceCode=s",
    DescribeServicesResponse = "FormatVersion=s NextToken=s Services=[Service]",
    Filter = "Field=s Type=s Value=s",
    GetAttributeValuesRequest = "AttributeName=s MaxResults=i NextToken=s ServiceCode=s",
    GetAttributeValuesResponse = "AttributeValues=[AttributeValue] NextToken=s",
    GetProductsRequest = "Filters=[Filter] FormatVersion=s MaxResults=i NextToken=s ServiceCode=s",
    GetProductsResponse = "FormatVersion=s NextToken=s PriceList=[s]",
    Service = "AttributeNames=[s] ServiceCode=s",
  },
}
